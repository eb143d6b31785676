//! Counters in Redis, which all instances share. While it is away each counts for itself.

use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::{RedisResult, Script};
use taskwell_core::limits::Shared;

/// How long an answer may take: a login waits for it.
const ANSWER_WITHIN: Duration = Duration::from_millis(200);

/// How long it is left alone when it did not answer.
const AGAIN_AFTER: Duration = Duration::from_secs(1);

/// The arithmetic of `taskwell_core::limits`, by the clock of Redis. A number of microseconds fits into its doubles.
const TAKE: &str = "
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local worked_off = math.max(tonumber(redis.call('GET', KEYS[1]) or '0'), now)
local after = worked_off + tonumber(ARGV[1])
local late_by = after - now - tonumber(ARGV[2])
if late_by > 0 then return late_by end
redis.call('SET', KEYS[1], string.format('%.0f', after), 'PX', math.ceil((after - now) / 1000))
return 0";
const GIVE_BACK: &str = "
if redis.call('EXISTS', KEYS[1]) == 1 then redis.call('DECRBY', KEYS[1], ARGV[1]) end
return 0";

pub struct Redis {
    client: redis::Client,
    /// Made by the first use, on the runtime of whoever that is.
    connection: OnceLock<ConnectionManager>,
    take: Script,
    give_back: Script,
    /// It did not answer; it is not asked before.
    away_until: Mutex<Option<Instant>>,
}

impl Redis {
    /// Connects with the first use.
    pub fn new(url: &str) -> Result<Redis, String> {
        let wrong = |e: redis::RedisError| format!("must be redis://USER:PASSWORD@HOST:PORT: {e}");
        let client = redis::Client::open(url).map_err(wrong)?;
        let (take, give_back) = (Script::new(TAKE), Script::new(GIVE_BACK));
        let (connection, away_until) = (OnceLock::new(), Mutex::default());
        Ok(Redis { client, connection, take, give_back, away_until })
    }

    fn connection(&self) -> Option<ConnectionManager> {
        if self.away_until().is_some_and(|until| Instant::now() < until) {
            return None;
        }
        if let Some(connection) = self.connection.get() {
            return Some(connection.clone());
        }
        let config = ConnectionManagerConfig::new()
            .set_number_of_retries(1)
            .set_response_timeout(Some(ANSWER_WITHIN))
            .set_connection_timeout(Some(ANSWER_WITHIN));
        let connection = ConnectionManager::new_lazy_with_config(self.client.clone(), config).ok()?;
        Some(self.connection.get_or_init(|| connection).clone())
    }

    /// What it answered, if it did; told once when that changes.
    async fn told<T>(&self, answer: impl Future<Output = RedisResult<T>>) -> Option<T> {
        let answer = match tokio::time::timeout(ANSWER_WITHIN * 2, answer).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(e)) => Err(e.to_string()),
            Err(_) => Err("no answer in time".to_owned()),
        };
        let until = answer.is_err().then(|| Instant::now() + AGAIN_AFTER);
        let was_away = std::mem::replace(&mut *self.away_until(), until).is_some();
        match &answer {
            Err(cause) if !was_away => {
                tracing::warn!(cause, "Redis is away; this instance counts for itself");
            }
            Ok(_) if was_away => tracing::info!("Redis is back"),
            _ => {}
        }
        answer.ok()
    }
}

impl Redis {
    fn away_until(&self) -> MutexGuard<'_, Option<Instant>> {
        self.away_until.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn named(key: &str) -> String {
    format!("taskwell:{key}")
}

impl Shared for Redis {
    fn take<'s>(&'s self, key: &'s str, cost_us: i64, window_us: i64) -> BoxFuture<'s, Option<i64>> {
        async move {
            let mut connection = self.connection()?;
            let mut call = self.take.prepare_invoke();
            call.key(named(key)).arg(cost_us).arg(window_us);
            self.told(call.invoke_async(&mut connection)).await
        }
        .boxed()
    }

    fn give_back<'s>(&'s self, key: &'s str, cost_us: i64) -> BoxFuture<'s, ()> {
        async move {
            let Some(mut connection) = self.connection() else {
                return;
            };
            let mut call = self.give_back.prepare_invoke();
            call.key(named(key)).arg(cost_us);
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

    fn is_marked<'s>(&'s self, key: &'s str) -> BoxFuture<'s, Option<bool>> {
        async move {
            let mut connection = self.connection()?;
            let mut command = redis::cmd("EXISTS");
            command.arg(named(key));
            self.told(command.query_async(&mut connection)).await
        }
        .boxed()
    }
}
