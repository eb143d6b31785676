//! Rate limit counters in Redis, which all instances share. While Redis is unreachable, each
//! instance counts on its own.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::{RedisResult, Script};
use taskwell_core::limits::{Charge, Shared, Verdict};
use tokio::sync::watch;

/// How long a response of Redis may take. A login waits for it.
const RESPONSE_TIMEOUT: Duration = Duration::from_millis(200);

/// How often to check whether Redis is reachable again.
const CHECK_EVERY: Duration = Duration::from_millis(500);

/// Charges all counters or none, as `taskwell_core::limits` does, by the clock of Redis. The keys
/// are the counters and, at the end, the mark of a known client. Returns 0 and a bit mask of the
/// charged counters. If a counter refuses, returns its index, which starts at 1, and the time to
/// wait in microseconds. Lua's doubles represent these times exactly.
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
    /// Created on first use, because it belongs to the runtime of its first user.
    connection: OnceLock<ConnectionManager>,
    take: Script,
    give_back: Script,
    /// While Redis does not respond, no request waits for it.
    is_unreachable: watch::Sender<bool>,
}

impl Redis {
    /// Checks the URL. The first use connects.
    pub fn new(url: &str) -> Result<Redis, String> {
        let invalid = |e: redis::RedisError| format!("write redis://USER:PASSWORD@HOST:PORT: {e}");
        let client = redis::Client::open(url).map_err(invalid)?;
        let (take, give_back) = (Script::new(TAKE), Script::new(GIVE_BACK));
        let (connection, is_unreachable) = (OnceLock::new(), watch::Sender::default());
        Ok(Redis { client, connection, take, give_back, is_unreachable })
    }

    /// Checks whether Redis is reachable again while it is not. Runs until it is cancelled.
    pub async fn reconnect(self: Arc<Redis>) {
        let mut is_unreachable = self.is_unreachable.subscribe();
        while is_unreachable.wait_for(|is_unreachable| *is_unreachable).await.is_ok() {
            tokio::time::sleep(CHECK_EVERY).await;
            let Some(mut connection) = self.connected() else { continue };
            // The manager reconnects only after a failed command, so this check also restores the
            // connection.
            if with_timeout(redis::cmd("PING").query_async::<()>(&mut connection)).await.is_ok() {
                tracing::info!("Redis is reachable again; instances share rate limits");
                self.is_unreachable.send_replace(false);
            }
        }
    }

    fn connection(&self) -> Option<ConnectionManager> {
        if *self.is_unreachable.borrow() { None } else { self.connected() }
    }

    fn connected(&self) -> Option<ConnectionManager> {
        if let Some(connection) = self.connection.get() {
            return Some(connection.clone());
        }
        let config = ConnectionManagerConfig::new()
            .set_number_of_retries(1)
            .set_response_timeout(Some(RESPONSE_TIMEOUT))
            .set_connection_timeout(Some(RESPONSE_TIMEOUT));
        let connection =
            ConnectionManager::new_lazy_with_config(self.client.clone(), config).ok()?;
        Some(self.connection.get_or_init(|| connection).clone())
    }

    /// The response, or `None` after an error, which marks Redis as unreachable.
    async fn response<T>(&self, answer: impl Future<Output = RedisResult<T>>) -> Option<T> {
        with_timeout(answer).await.map_err(|cause| self.mark_unreachable(&cause)).ok()
    }

    fn mark_unreachable(&self, cause: &str) {
        if !self.is_unreachable.send_replace(true) {
            tracing::warn!(
                cause,
                "Redis is unreachable; this instance counts rate limits on its own"
            );
        }
    }
}

async fn with_timeout<T>(answer: impl Future<Output = RedisResult<T>>) -> Result<T, String> {
    match tokio::time::timeout(RESPONSE_TIMEOUT * 2, answer).await {
        Ok(answer) => answer.map_err(|e| e.to_string()),
        Err(_) => Err("Redis did not respond in time".to_owned()),
    }
}

fn prefixed(key: &str) -> String {
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
                call.key(prefixed(&charge.key)).arg(charge.cost_us).arg(charge.window_us);
                call.arg(i64::from(charge.yields_to_known));
            }
            call.key(prefixed(mark));
            let (refused, value): (usize, i64) =
                self.response(call.invoke_async(&mut connection)).await?;
            Some(match refused.checked_sub(1) {
                Some(at) => Verdict::Late { at, wait_us: value },
                None => Verdict::Taken((0..charges.len()).map(|n| value >> n & 1 == 1).collect()),
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
                call.key(prefixed(&charge.key)).arg(charge.cost_us);
            }
            let _: Option<i64> = self.response(call.invoke_async(&mut connection)).await;
        }
        .boxed()
    }

    fn mark<'s>(&'s self, key: &'s str, seconds: i64) -> BoxFuture<'s, ()> {
        async move {
            let Some(mut connection) = self.connection() else {
                return;
            };
            let mut command = redis::cmd("SET");
            command.arg(prefixed(key)).arg(1).arg("EX").arg(seconds);
            let _: Option<()> = self.response(command.query_async(&mut connection)).await;
        }
        .boxed()
    }
}
