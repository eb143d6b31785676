//! One connection. It prepares each statement once if that is safe, sends batches without waiting
//! between statements, and leaves no statement running when it ends.

use std::collections::HashMap;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::TryStreamExt as _;
use futures_util::future::{join_all, join3};
use tokio::time::{Instant, timeout, timeout_at};
use tokio_postgres::Client;

use super::codec::{is_wrong_name, refusal, type_of};
use super::dial::{Served, dial, is_direct, row, spawn};
use super::server::{Prepares, Server, Target};
use crate::db::dialect::{Dialect, record};
use crate::db::script::{Answer, Statement, StatementError};
use crate::db::trace::Trace;
use crate::error::Error;

/// `join_all` polls up to this many futures in order, so that they send in order. With more, the
/// order is undefined.
const IN_ORDER_MAX: usize = 30;
/// How often to cancel statements that no caller waits for: at short intervals first, because many
/// may be queued.
const CANCEL_EVERY: Duration = Duration::from_millis(10);
const CANCELS_QUICK: u32 = 100;
const CANCEL_LATER_EVERY: Duration = Duration::from_millis(500);
/// How long statements of other callers may still run on a connection that is retired without a
/// timeout.
const DRAIN_WITHIN: Duration = Duration::from_secs(1);
/// How long a cancel request may take.
const CANCEL_WITHIN: Duration = Duration::from_secs(2);

pub struct Connection {
    client: Client,
    served: Served,
    target: Target,
    /// Whether statements have names on this connection.
    is_named: bool,
    prepared: Mutex<HashMap<String, tokio_postgres::Statement>>,
    /// The SQL that begins a transaction.
    begin: String,
    /// Whether the connection must not be used again: a response was late, statement names were
    /// mixed up, or it was retired.
    stuck: AtomicBool,
    /// Whether it is stuck because a response was late.
    late: AtomicBool,
    draining: AtomicBool,
    pub trace: Trace,
}

/// A statement in the form that is sent.
enum Text<'s> {
    Prepared(tokio_postgres::Statement),
    /// Sent with the types of its parameters, and prepared for a single use.
    Unnamed(&'s str),
}

type Sent = (Vec<Result<Answer, StatementError>>, Result<(), StatementError>);

/// What surrounds the statements of a batch.
#[derive(Debug, Clone, Copy, Default)]
pub struct Batch {
    pub begin: bool,
    pub commit: bool,
}

/// Connects to the server itself. Waits if it is unreachable.
pub async fn first(server: &Server) -> Result<Client, Error> {
    first_of(server, &server.direct).await
}

pub async fn first_of(server: &Server, target: &Target) -> Result<Client, Error> {
    first_served(server, target).await.map(|(client, _)| client)
}

async fn first_served(server: &Server, target: &Target) -> Result<(Client, Served), Error> {
    let started = Instant::now();
    loop {
        let refusal = match dial(target, None, server.connect_within).await {
            Ok((client, wire)) => return Ok((client, Served::start(wire))),
            Err(refusal) => refusal,
        };
        match refusal {
            StatementError::Lost(cause) if started.elapsed() < server.start_within => {
                tracing::warn!(
                    cause,
                    "PostgreSQL is unreachable; waiting for up to DATABASE_WAIT_SECONDS"
                );
            }
            StatementError::Lost(cause) | StatementError::Other(cause) => {
                return Err(Error::internal("cannot connect to PostgreSQL", cause));
            }
            other => return Err(other.into_error()),
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

impl Connection {
    /// Connects and checks whether PostgreSQL itself is at the other end. Behind a pooler, this
    /// changes no session setting, because it would apply to other clients as well. By default,
    /// statements then have no names, because two instances can give one name to different
    /// statements.
    pub async fn open(server: &Server, target: &Target) -> Result<Connection, StatementError> {
        let opening = async {
            let (client, wire) = dial(target, None, server.connect_within).await?;
            let task = Served::start(wire);
            let guard = task.guard();
            let is_direct = is_direct(&client).await?;
            let limit = format!("statement_timeout = {}", server.answer_within.as_millis());
            if is_direct {
                client.batch_execute(&format!("SET {limit}")).await.map_err(|e| refusal(&e))?;
            } else if server.prepares == Prepares::Auto && target.go_unnamed() {
                tracing::warn!(
                    "PostgreSQL is behind a pooler, so Taskwell does not use named prepared \
                     statements. See DATABASE_PREPARED_STATEMENTS and DATABASE_DIRECT_URL"
                );
            }
            guard.release();
            Ok(Connection {
                client,
                served: task,
                target: target.clone(),
                is_named: match server.prepares {
                    Prepares::Auto => is_direct,
                    Prepares::Always => true,
                    Prepares::Never => false,
                },
                prepared: Mutex::default(),
                begin: if is_direct { "BEGIN".into() } else { format!("BEGIN; SET LOCAL {limit}") },
                stuck: AtomicBool::new(false),
                late: AtomicBool::new(false),
                draining: AtomicBool::new(false),
                trace: server.trace.clone(),
            })
        };
        let late = |_| {
            StatementError::Lost(format!(
                "no connection within {} ms",
                server.connect_within.as_millis()
            ))
        };
        timeout(server.connect_within, opening).await.map_err(late)?
    }

    /// Opens the connection for migrations. Waits if the server is unreachable. Its statements have
    /// no names and no time limit.
    pub async fn to_migrate(server: &Server) -> Result<Connection, Error> {
        let target = &server.direct;
        let (client, task) = first_served(server, target).await?;
        Ok(Connection {
            client,
            served: task,
            target: target.clone(),
            is_named: false,
            prepared: Mutex::default(),
            begin: "BEGIN".into(),
            stuck: AtomicBool::new(false),
            late: AtomicBool::new(false),
            draining: AtomicBool::new(false),
            trace: server.trace.clone(),
        })
    }

    pub fn client(&self) -> &Client {
        &self.client
    }

    pub fn is_closed(&self) -> bool {
        self.client.is_closed() || self.stuck.load(Ordering::Relaxed)
    }

    /// Sends a batch in one round trip. Returns the answers, and whether BEGIN and COMMIT
    /// succeeded.
    pub async fn send(&self, statements: &[Statement], batch: Batch, deadline: Instant) -> Sent {
        if statements.len() > IN_ORDER_MAX * IN_ORDER_MAX {
            return refused(
                statements,
                &StatementError::Other("too many statements for one batch".into()),
            );
        }
        let sending = async {
            let prepared = match self.prepare_all(statements).await {
                Ok(prepared) => prepared,
                Err(e) => return refused(statements, &self.refusal(&e)),
            };
            // These futures are polled in order, and each sends at its first poll.
            let queries =
                statements.iter().zip(&prepared).map(|(asked, text)| self.query(text, asked));
            let mut queries: Vec<_> = queries.collect();
            let mut groups = Vec::new();
            while !queries.is_empty() {
                let rest = queries.split_off(queries.len().min(IN_ORDER_MAX));
                groups.push(join_all(std::mem::replace(&mut queries, rest)));
            }
            let (before, answers, after) = join3(
                self.simple("BEGIN", &self.begin, batch.begin),
                join_all(groups),
                self.simple("COMMIT", "COMMIT", batch.commit),
            )
            .await;
            (answers.into_iter().flatten().collect(), before.and(after))
        };
        timeout_at(deadline, sending).await.unwrap_or_else(|_| {
            self.give_up();
            refused(statements, &StatementError::Late("no response in time".into()))
        })
    }

    pub async fn rollback(&self, deadline: Instant) -> Result<(), StatementError> {
        self.execute("ROLLBACK", deadline).await
    }

    /// Runs statements whose answers are not needed, in one round trip.
    pub async fn execute(&self, words: &str, deadline: Instant) -> Result<(), StatementError> {
        let done = timeout_at(deadline, self.simple(words, words, true)).await;
        done.unwrap_or_else(|_| {
            self.give_up();
            Err(StatementError::Late("no response in time".into()))
        })
    }

    /// Returns the first row of a query without parameters, as text.
    pub async fn row(&self, query: &str) -> Result<Vec<Option<String>>, StatementError> {
        row(&self.client, query).await
    }

    async fn simple(&self, verb: &str, words: &str, wanted: bool) -> Result<(), StatementError> {
        if wanted {
            if words.starts_with(verb) && matches!(verb, "BEGIN" | "COMMIT" | "ROLLBACK") {
                record(Dialect::Postgres, verb);
            }
            self.client.batch_execute(words).await.map_err(|e| refusal(&e))?;
        }
        Ok(())
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "names are used only where the connection is proved direct"
    )]
    async fn prepare_all<'s>(
        &self,
        statements: &'s [Statement],
    ) -> Result<Vec<Text<'s>>, tokio_postgres::Error> {
        if !self.is_named || self.target.is_unnamed() {
            return Ok(statements.iter().map(|Statement { sql, .. }| Text::Unnamed(sql)).collect());
        }
        let cache = || self.prepared.lock().unwrap_or_else(PoisonError::into_inner);
        let mut all = Vec::with_capacity(statements.len());
        for Statement { sql, .. } in statements {
            let known = cache().get(sql).cloned();
            let statement = if let Some(known) = known {
                known
            } else {
                let new = self.client.prepare(sql).await?;
                cache().insert(sql.clone(), new.clone());
                new
            };
            all.push(Text::Prepared(statement));
        }
        Ok(all)
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "names are used only where the connection is proved direct"
    )]
    async fn query(&self, text: &Text<'_>, asked: &Statement) -> Result<Answer, StatementError> {
        let read = async {
            let params = &asked.params;
            let mut stream = pin!(match text {
                Text::Prepared(statement) => self.client.query_raw(statement, params).await?,
                Text::Unnamed(sql) => {
                    let typed = params.iter().map(|param| (param, type_of(param)));
                    self.client.query_typed_raw(sql, typed).await?
                }
            });
            let (mut rows, mut bytes) = (Vec::new(), 0);
            while let Some(row) = stream.try_next().await? {
                if bytes > asked.bytes_max {
                    // The driver drops the remaining rows.
                    return Ok(Answer { rows, changed: 0, is_cut: true });
                }
                bytes += row.raw_size_bytes();
                rows.push(row);
            }
            Ok(Answer { rows, changed: stream.rows_affected().unwrap_or(0), is_cut: false })
        };
        read.await.map_err(|e| self.refusal(&e))
    }

    fn refusal(&self, e: &tokio_postgres::Error) -> StatementError {
        if is_wrong_name(e) {
            self.stuck.store(true, Ordering::Relaxed);
            if self.target.go_unnamed() {
                tracing::warn!(
                    "a pooler mixed up named prepared statements, so Taskwell stops using them. \
                     See DATABASE_PREPARED_STATEMENTS"
                );
            }
        }
        refusal(e)
    }

    fn give_up(&self) {
        self.late.store(true, Ordering::Relaxed);
        self.stuck.store(true, Ordering::Relaxed);
    }

    /// Waits until the socket is closed.
    pub async fn ended(&self) {
        self.served.ended().await;
    }

    /// Ends the connection in the background, once.
    pub fn retire(self: &Arc<Connection>) {
        if !self.draining.swap(true, Ordering::Relaxed) {
            self.stuck.store(true, Ordering::Relaxed);
            let connection = self.clone();
            spawn(async move { connection.drain().await });
        }
    }

    /// Cancels active statements until the server has answered all of them, then closes the socket.
    /// No forgotten statement keeps running, so the slot in the pool is free when this returns.
    pub async fn drain(&self) {
        self.stuck.store(true, Ordering::Relaxed);
        // The server answers this after everything that was sent before.
        let mut last: Pin<&mut _> = pin!(self.client.check_connection());
        let mut tries = 0;
        // Statements of other callers may still get their answers.
        let patience =
            if self.late.load(Ordering::Relaxed) { Duration::ZERO } else { DRAIN_WITHIN };
        let mut is_answered = timeout(patience, last.as_mut()).await.is_ok();
        while !is_answered {
            let cancel = self.client.cancel_token();
            let _ = timeout(CANCEL_WITHIN, cancel.cancel_query(self.target.tls.clone())).await;
            tries += 1;
            let wait = if tries < CANCELS_QUICK { CANCEL_EVERY } else { CANCEL_LATER_EVERY };
            is_answered = timeout(wait, last.as_mut()).await.is_ok();
        }
        self.served.close();
        self.served.ended().await;
    }
}

fn refused(statements: &[Statement], refusal: &StatementError) -> Sent {
    (statements.iter().map(|_| Err(refusal.clone())).collect(), Err(refusal.clone()))
}
