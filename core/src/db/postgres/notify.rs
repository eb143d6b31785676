//! How instances notify each other of commits. NOTIFY runs outside the transactions that write,
//! because it would lock the whole server there. Instances that cannot LISTEN poll instead.

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
use crate::ids::UserId;
use crate::live::Subscribers;

/// The name of the connection in `pg_stat_activity`.
const NAME: &str = "taskwell-live";
/// How long notifications are collected, so that many writes need one NOTIFY.
const GATHER: Duration = Duration::from_millis(20);
/// PostgreSQL accepts less than 8000 bytes.
const PAYLOAD_BYTES_MAX: usize = 7900;
/// Maximum number of accounts with a pending notification while the connection is down. Other
/// instances find changes to further accounts by polling.
const WAITING_MAX: usize = 10_000;
/// How long a connection may be silent before a check whether it is alive.
const ASK_EVERY: Duration = Duration::from_secs(30);
const AGAIN_AFTER_MS: [u64; 6] = [100, 250, 500, 1000, 2000, 5000];

/// LISTEN is impossible behind a pooler.
struct Pooled;

pub struct Notifier {
    live: Subscribers,
    /// The accounts with a pending notification to other instances.
    waiting: Mutex<BTreeSet<UserId>>,
    /// Signals a pending notification or a new subscriber on this instance.
    wanted: Notify,
    is_heard: AtomicBool,
    /// Identifies this instance's own notifications, which it ignores.
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

    /// Whether this instance receives notifications and can poll rarely.
    pub fn is_heard(&self) -> bool {
        self.is_heard.load(Ordering::Relaxed)
    }

    /// Signals a new subscriber on this instance.
    pub fn want(&self) {
        self.wanted.notify_one();
    }

    /// Notifies the subscribers of these accounts, on this instance and on others, of a commit.
    pub fn notify(&self, accounts: &[UserId]) {
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

    /// Takes the pending notifications as payloads: the name of this instance and the accounts.
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
            let accounts: Vec<UserId> = accounts
                .split(',')
                .filter_map(|account| account.parse().ok().map(UserId))
                .collect();
            self.live.notify(&accounts);
        }
    }

    /// Sends and receives notifications while the store is open. Connects once there is a
    /// notification to send or a subscriber.
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
            // The connection had worked.
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

    /// Sends notifications over the connections for writes. If one fails, polling finds the
    /// changes.
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
        // A pooler would give the LISTEN to the next user of the connection.
        if !timeout(server.answer_within, is_direct(client)).await.map_err(|_| late())?? {
            return Ok(Pooled);
        }
        say(&format!("SET statement_timeout = {}", server.answer_within.as_millis())).await?;
        say("LISTEN taskwell").await?;
        self.is_heard.store(true, Ordering::Relaxed);
        // Notifications sent before the LISTEN do not arrive.
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

    fn waiting(&self) -> MutexGuard<'_, BTreeSet<UserId>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns the SQL of a notification. It need not wait for the disk, because polling finds a lost
/// one. The setting applies to its own transaction alone, as other writes may follow on the same
/// connection of a pooler.
fn notification(payload: &str) -> String {
    format!("BEGIN; SET LOCAL synchronous_commit = off; NOTIFY taskwell, '{payload}'; COMMIT")
}
