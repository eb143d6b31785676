//! Counters in Redis, which all instances share. While it is away each counts for itself.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::{RedisResult, Script};
use taskwell_core::limits::{Charge, Shared, Verdict};
use tokio::sync::watch;

/// How long an answer may take: a login waits for it.
const ANSWER_WITHIN: Duration = Duration::from_millis(200);

/// How often to check whether it is back.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// The arithmetic of `taskwell_core::limits`, by the clock of Redis: all counters, whose keys come
/// first, or none. The last key is the mark of somebody known. Answers 0 and the sum of 2^n for
/// each counter n that was taken, or else the place of the one that refuses, from 1, and for how
/// many microseconds. A number of microseconds fits into Lua's doubles.
const TAKE: &str = "
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local is_known = ARGV[1] == '1' or redis.call('EXISTS', KEYS[#KEYS]) == 1
local after = {}
for n = 1, #KEYS - 1 do
  local cost, window = tonumber(ARGV[3 * n - 1]), tonumber(ARGV[3 * n])
  local yields = ARGV[3 * n + 1] == '1'
  local worked_off = math.max(tonumber(redis.call('GET', KEYS[n]) or '0'), now)
  local late_by = worked_off + cost - now - window
  if late_by <= 0 then
    after[n] = worked_off + cost
  elseif not (yields and is_known) then
    return {n, late_by}
  end
end
local taken = 0
for n = 1, #KEYS - 1 do
  if after[n] then
    local ms = math.ceil((after[n] - now) / 1000)
    redis.call('SET', KEYS[n], string.format('%.0f', after[n]), 'PX', ms)
    taken = taken + 2 ^ (n - 1)
  end
end
return {0, taken}";
const GIVE_BACK: &str = "
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
for n = 1, #KEYS do
  local left = tonumber(redis.call('GET', KEYS[n]) or '0') - tonumber(ARGV[n]) - now
  if left > 0 then
    redis.call('SET', KEYS[n], string.format('%.0f', now + left), 'PX', math.ceil(left / 1000))
  else
    redis.call('DEL', KEYS[n])
  end
end
return 0";

pub struct Redis {
    client: redis::Client,
    /// Made by the first use, on the runtime of whoever that is.
    connection: OnceLock<ConnectionManager>,
    take: Script,
    give_back: Script,
    /// It did not answer; until it does, nobody waits for it.
    is_away: watch::Sender<bool>,
}

impl Redis {
    /// Connects with the first use.
    pub fn new(url: &str) -> Result<Redis, String> {
        let wrong = |e: redis::RedisError| format!("write redis://USER:PASSWORD@HOST:PORT: {e}");
        let client = redis::Client::open(url).map_err(wrong)?;
        let (take, give_back) = (Script::new(TAKE), Script::new(GIVE_BACK));
        let (connection, is_away) = (OnceLock::new(), watch::Sender::default());
        Ok(Redis { client, connection, take, give_back, is_away })
    }

    /// Looks, while it is away, whether it is back; until it is dropped.
    pub async fn look(self: Arc<Redis>) {
        let mut is_away = self.is_away.subscribe();
        while is_away.wait_for(|is_away| *is_away).await.is_ok() {
            tokio::time::sleep(LOOK_EVERY).await;
            let Some(mut connection) = self.connected() else { continue };
            // The manager reconnects after a failed command: it is this check that brings the
            // connection back.
            if in_time(redis::cmd("PING").query_async::<()>(&mut connection)).await.is_ok() {
                tracing::info!("Redis is reachable again; instances share rate limits");
                self.is_away.send_replace(false);
            }
        }
    }

    fn connection(&self) -> Option<ConnectionManager> {
        if *self.is_away.borrow() { None } else { self.connected() }
    }

    fn connected(&self) -> Option<ConnectionManager> {
        if let Some(connection) = self.connection.get() {
            return Some(connection.clone());
        }
        let config = ConnectionManagerConfig::new()
            .set_number_of_retries(1)
            .set_response_timeout(Some(ANSWER_WITHIN))
            .set_connection_timeout(Some(ANSWER_WITHIN));
        let connection =
            ConnectionManager::new_lazy_with_config(self.client.clone(), config).ok()?;
        Some(self.connection.get_or_init(|| connection).clone())
    }

    /// What it answered, if it did.
    async fn told<T>(&self, answer: impl Future<Output = RedisResult<T>>) -> Option<T> {
        in_time(answer).await.map_err(|cause| self.leave_alone(&cause)).ok()
    }

    fn leave_alone(&self, cause: &str) {
        if !self.is_away.send_replace(true) {
            tracing::warn!(
                cause,
                "Redis is unreachable; this instance counts rate limits on its own"
            );
        }
    }
}

async fn in_time<T>(answer: impl Future<Output = RedisResult<T>>) -> Result<T, String> {
    match tokio::time::timeout(ANSWER_WITHIN * 2, answer).await {
        Ok(answer) => answer.map_err(|e| e.to_string()),
        Err(_) => Err("Redis did not respond in time".to_owned()),
    }
}

fn named(key: &str) -> String {
    format!("taskwell:{key}")
}

impl Shared for Redis {
    fn take<'s>(
        &'s self,
        charges: &'s [Charge],
        mark: &'s str,
        is_known: bool,
    ) -> BoxFuture<'s, Option<Verdict>> {
        async move {
            let mut connection = self.connection()?;
            let mut call = self.take.prepare_invoke();
            call.arg(i64::from(is_known));
            for charge in charges {
                call.key(named(&charge.key)).arg(charge.cost_us).arg(charge.window_us);
                call.arg(i64::from(charge.yields_to_known));
            }
            call.key(named(mark));
            let (late, told): (usize, i64) = self.told(call.invoke_async(&mut connection)).await?;
            Some(match late.checked_sub(1) {
                Some(at) => Verdict::Late { at, wait_us: told },
                None => Verdict::Taken((0..charges.len()).map(|n| told >> n & 1 == 1).collect()),
            })
        }
        .boxed()
    }

    fn give_back<'s>(&'s self, charges: &'s [Charge]) -> BoxFuture<'s, ()> {
        async move {
            let Some(mut connection) = self.connection() else {
                return;
            };
            let mut call = self.give_back.prepare_invoke();
            for charge in charges {
                call.key(named(&charge.key)).arg(charge.cost_us);
            }
            let _: Option<i64> = self.told(call.invoke_async(&mut connection)).await;
        }
        .boxed()
    }

    fn mark<'s>(&'s self, key: &'s str, seconds: i64) -> BoxFuture<'s, ()> {
        async move {
            let Some(mut connection) = self.connection() else {
                return;
            };
            let mut command = redis::cmd("SET");
            command.arg(named(key)).arg(1).arg("EX").arg(seconds);
            let _: Option<()> = self.told(command.query_async(&mut connection)).await;
        }
        .boxed()
    }
}
