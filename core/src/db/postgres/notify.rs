//! How instances tell each other what was committed: by NOTIFY, outside of transactions, where it
//! would take a lock of the whole server; and by looking, where nobody is heard.

use std::collections::BTreeSet;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::future::{Either, select};
use futures_util::stream::poll_fn;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, timeout};
use tokio_postgres::{AsyncMessage, Client};

use super::codec::refusal;
use super::dial::{dial, is_direct};
use super::pool::Writers;
use super::server::Server;
use crate::clock::{hex, random_id};
use crate::db::script::StatementError;
use crate::error::Result;
use crate::live::Subscribers;

/// What the connection is called in PostgreSQL's lists.
const NAME: &str = "taskwell-live";
/// So long what is to be told is gathered: many writes make one NOTIFY.
const GATHER: Duration = Duration::from_millis(20);
/// PostgreSQL takes less than 8000 bytes.
const PAYLOAD_BYTES_MAX: usize = 7900;
/// Accounts that may wait to be told of while the connection is away; of further ones others hear
/// by looking.
const WAITING_MAX: usize = 10_000;
/// A connection on which nothing was said for so long is asked whether it lives.
const ASK_EVERY: Duration = Duration::from_secs(30);
const AGAIN_AFTER_MS: [u64; 6] = [100, 250, 500, 1000, 2000, 5000];

/// Nobody can listen: a pooler stands in between.
struct Pooled;

pub struct Notifier {
    live: Subscribers,
    /// The accounts that other instances are to be told of.
    waiting: Mutex<BTreeSet<i64>>,
    /// Something waits, or somebody here wants to hear.
    wanted: Notify,
    is_heard: AtomicBool,
    /// Says that a message is our own, which we need not hear.
    name: String,
}

impl Notifier {
    #[expect(clippy::disallowed_methods, reason = "names this instance, outside of transactions")]
    pub fn new(live: Subscribers) -> Result<Arc<Notifier>> {
        let (waiting, wanted, is_heard) = (Mutex::default(), Notify::new(), AtomicBool::new(false));
        Ok(Arc::new(Notifier { live, waiting, wanted, is_heard, name: hex(&random_id()?) }))
    }

    pub fn live(&self) -> &Subscribers {
        &self.live
    }

    /// Other instances are heard: there is no need to look often.
    pub fn is_heard(&self) -> bool {
        self.is_heard.load(Ordering::Relaxed)
    }

    /// Somebody here wants to hear.
    pub fn want(&self) {
        self.wanted.notify_one();
    }

    /// Tells everybody, here and elsewhere, that something was committed about these accounts.
    pub fn notify(&self, accounts: &[i64]) {
        if accounts.is_empty() {
            return;
        }
        self.live.notify(accounts);
        let mut waiting = self.waiting();
        if waiting.len() < WAITING_MAX {
            waiting.extend(accounts);
        }
        drop(waiting);
        self.wanted.notify_one();
    }

    /// Takes what waits, as payloads: who says it, and the accounts.
    fn take(&self) -> Vec<String> {
        let waiting = std::mem::take(&mut *self.waiting());
        let mut payloads: Vec<String> = Vec::new();
        for account in waiting {
            let account = account.to_string();
            match payloads.last_mut() {
                Some(last) if last.len() + account.len() < PAYLOAD_BYTES_MAX => {
                    last.push(',');
                    last.push_str(&account);
                }
                _ => payloads.push(format!("{}:{account}", self.name)),
            }
        }
        payloads
    }

    fn hear(&self, payload: &str) {
        if let Some((name, accounts)) = payload.split_once(':')
            && name != self.name
        {
            let accounts: Vec<i64> =
                accounts.split(',').filter_map(|account| account.parse().ok()).collect();
            self.live.notify(&accounts);
        }
    }

    /// Tells and hears, as long as the store is open. Connects when there is something to tell or
    /// somebody to hear.
    pub async fn pass_on(
        self: Arc<Notifier>,
        server: Server,
        writers: Arc<Writers>,
        listens: bool,
    ) {
        self.wanted.notified().await;
        self.wanted.notify_one();
        let mut failures = 0;
        if !listens {
            return self.tell_by_writers(&server, &writers).await;
        }
        loop {
            let Err(refusal) = self.connect(&server).await else {
                tracing::warn!(
                    "PostgreSQL is behind a pooler, which does not support LISTEN; Taskwell finds \
                     events of other instances by polling. To use LISTEN, set DATABASE_DIRECT_URL \
                     to a URL that bypasses the pooler"
                );
                return self.tell_by_writers(&server, &writers).await;
            };
            // It had gone well meanwhile.
            if self.is_heard.swap(false, Ordering::Relaxed) {
                failures = 0;
            }
            if failures == 0 {
                tracing::warn!(?refusal, "cannot LISTEN for other instances; polling instead");
            }
            sleep(Duration::from_millis(AGAIN_AFTER_MS[failures.min(AGAIN_AFTER_MS.len() - 1)]))
                .await;
            failures += 1;
        }
    }

    /// Tells without a connection of its own. What cannot be told is found by looking.
    async fn tell_by_writers(&self, server: &Server, writers: &Arc<Writers>) {
        loop {
            self.wanted.notified().await;
            for payload in self.take() {
                let deadline = Instant::now() + server.answer_within;
                let Ok(lease) = writers.lease(deadline).await else { break };
                if lease.connection.execute(&notification(&payload), deadline).await.is_ok() {
                    lease.finish();
                }
            }
            sleep(GATHER).await;
        }
    }

    async fn connect(&self, server: &Server) -> Result<Pooled, StatementError> {
        let (client, mut connection) =
            dial(&server.direct, Some(NAME), server.connect_within).await?;
        let hears = async {
            let mut messages = poll_fn(|context| connection.poll_message(context));
            while let Some(message) = messages.next().await {
                if let AsyncMessage::Notification(said) = message.map_err(|e| refusal(&e))? {
                    self.hear(said.payload());
                }
            }
            Err(StatementError::Lost("the LISTEN connection ended".into()))
        };
        match select(pin!(hears), pin!(self.speak(server, &client))).await {
            Either::Left((ended, _)) | Either::Right((ended, _)) => ended,
        }
    }

    async fn speak(&self, server: &Server, client: &Client) -> Result<Pooled, StatementError> {
        let late = || StatementError::Lost("no response in time".into());
        let say = async |words: &str| {
            let said = timeout(server.answer_within, client.batch_execute(words)).await;
            said.map_err(|_| late())?.map_err(|e| refusal(&e))
        };
        // A pooler would give the LISTEN to whoever has the connection next.
        if !timeout(server.answer_within, is_direct(client)).await.map_err(|_| late())?? {
            return Ok(Pooled);
        }
        say(&format!("SET statement_timeout = {}", server.answer_within.as_millis())).await?;
        say("LISTEN taskwell").await?;
        self.is_heard.store(true, Ordering::Relaxed);
        // What was said before is not heard any more.
        self.live.notify_all();
        loop {
            if timeout(ASK_EVERY, self.wanted.notified()).await.is_err() {
                say("SELECT 1").await?;
            }
            for payload in self.take() {
                say(&notification(&payload)).await?;
            }
            sleep(GATHER).await;
        }
    }

    fn waiting(&self) -> MutexGuard<'_, BTreeSet<i64>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Nothing is lost that looking would not find: a NOTIFY need not wait for the disk. This holds for
/// its own transaction alone, as the connection may be a pooler's, on which others write next.
fn notification(payload: &str) -> String {
    format!("BEGIN; SET LOCAL synchronous_commit = off; NOTIFY taskwell, '{payload}'; COMMIT")
}
