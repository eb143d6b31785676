//! One connection: statements prepared once, batches sent without waiting in between, and what the server's words mean.

use std::collections::HashMap;
use std::error::Error as _;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::BytesMut;
use futures_util::TryStreamExt as _;
use futures_util::future::{join_all, join3};
use tokio_postgres::error::SqlState;
use tokio_postgres::tls::TlsStream;
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type, to_sql_checked};
use tokio_postgres::{Client, NoTls, Row, Socket};

use super::server::{Server, Target};
use crate::db::script::{Answer, Refusal, Statement};
use crate::db::value::{Kind, Owned, Value};
use crate::error::{Error, Result};

/// So many futures `join_all` polls one after the other, and so they send in their order; more it polls as it likes.
const IN_ORDER_MAX: usize = 30;

pub struct Connection {
    client: Client,
    /// `None` where a pooler in between carries no prepared statements.
    prepared: Option<Mutex<HashMap<String, tokio_postgres::Statement>>>,
    answer_within: Duration,
    /// An answer did not come in time: nothing is asked here any more.
    stuck: AtomicBool,
}

/// A text as it is sent.
enum Text<'s> {
    Prepared(tokio_postgres::Statement),
    /// With the kinds of its parameters, and prepared for this one time.
    Unnamed(&'s str),
}

type Sent = (Vec<Result<Answer, Refusal>>, Result<(), Refusal>);

/// What goes before and after the statements of a batch.
#[derive(Debug, Clone, Copy, Default)]
pub struct Batch {
    pub begin: bool,
    pub commit: bool,
}

/// A client of the server itself, waited for where it is away.
pub async fn first(server: &Server) -> Result<Client> {
    let started = Instant::now();
    loop {
        let refusal = match connect(&server.direct, server.connect_within).await {
            Ok(client) => return Ok(client),
            Err(refusal) => refusal,
        };
        match refusal {
            Refusal::Lost(cause) if started.elapsed() < server.start_within => {
                tracing::warn!(cause, "the database is away; it is waited for");
            }
            Refusal::Lost(cause) | Refusal::Other(cause) => {
                return Err(Error::internal("cannot reach the database", cause));
            }
            other => return Err(other.into_error()),
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

async fn connect(target: &Target, within: Duration) -> Result<Client, Refusal> {
    let connecting = async {
        Ok(match target.tls.clone() {
            Some(tls) => run(target.config.connect(tls).await?),
            None => run(target.config.connect(NoTls).await?),
        })
    };
    let connected = tokio::time::timeout(within, connecting).await;
    let late = |_| Refusal::Lost(format!("no connection within {} ms", within.as_millis()));
    connected.map_err(late)?.map_err(|e| refusal(&e))
}

/// Lets a connection do its work; it ends with its client.
fn run<S>((client, connection): (Client, tokio_postgres::Connection<Socket, S>)) -> Client
where
    S: TlsStream + Unpin + Send + 'static,
{
    spawn(async move {
        if let Err(e) = connection.await {
            tracing::debug!(cause = message(&e), "a connection to the database ended");
        }
    });
    client
}

/// A task of the driver's own runtime. It ends with its connection, and that with the store.
#[expect(
    clippy::disallowed_methods,
    reason = "the one place of this runtime that spawns without being waited for"
)]
pub fn spawn(task: impl Future<Output = ()> + Send + 'static) {
    tokio::spawn(task);
}

impl Connection {
    pub async fn open(server: &Server, target: &Target) -> Result<Connection, Refusal> {
        Ok(Connection {
            client: connect(target, server.connect_within).await?,
            prepared: server.prepares.then(Mutex::default),
            answer_within: server.answer_within,
            stuck: AtomicBool::new(false),
        })
    }

    pub fn is_closed(&self) -> bool {
        self.client.is_closed() || self.stuck.load(Ordering::Relaxed)
    }

    /// Sends a batch in one trip. The answers, and whether what goes around them was taken.
    pub async fn send(&self, statements: &[Statement], batch: Batch) -> Sent {
        if statements.len() > IN_ORDER_MAX * IN_ORDER_MAX {
            return refused(statements, &Refusal::Other("too many statements for one batch".into()));
        }
        let sending = async {
            let prepared = match self.prepare_all(statements).await {
                Ok(prepared) => prepared,
                Err(e) => return refused(statements, &refusal(&e)),
            };
            // Polled in this order, and each sends when it is first polled.
            let queries = statements.iter().zip(&prepared).map(|(asked, text)| self.query(text, asked));
            let mut queries: Vec<_> = queries.collect();
            let mut groups = Vec::new();
            while !queries.is_empty() {
                let rest = queries.split_off(queries.len().min(IN_ORDER_MAX));
                groups.push(join_all(std::mem::replace(&mut queries, rest)));
            }
            let (before, answers, after) = join3(
                self.simple("BEGIN", batch.begin),
                join_all(groups),
                self.simple("COMMIT", batch.commit),
            )
            .await;
            (answers.into_iter().flatten().collect(), before.and(after))
        };
        tokio::time::timeout(self.answer_within, sending).await.unwrap_or_else(|_| {
            self.stuck.store(true, Ordering::Relaxed);
            let late = format!("no answer within {} ms", self.answer_within.as_millis());
            refused(statements, &Refusal::Lost(late))
        })
    }

    pub async fn rollback(&self) -> Result<(), Refusal> {
        let undone = tokio::time::timeout(self.answer_within, self.simple("ROLLBACK", true)).await;
        undone.unwrap_or_else(|_| Err(Refusal::Lost("no answer to ROLLBACK".into())))
    }

    async fn simple(&self, verb: &str, wanted: bool) -> Result<(), Refusal> {
        if wanted {
            crate::db::record(crate::db::Dialect::Postgres, verb);
            self.client.batch_execute(verb).await.map_err(|e| refusal(&e))?;
        }
        Ok(())
    }

    async fn prepare_all<'s>(
        &self,
        statements: &'s [Statement],
    ) -> Result<Vec<Text<'s>>, tokio_postgres::Error> {
        let Some(prepared) = &self.prepared else {
            return Ok(statements.iter().map(|Statement { sql, .. }| Text::Unnamed(sql)).collect());
        };
        let cache = || prepared.lock().unwrap_or_else(PoisonError::into_inner);
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

    async fn query(&self, text: &Text<'_>, asked: &Statement) -> Result<Answer, Refusal> {
        let read = async {
            let params = &asked.params;
            let mut stream = pin!(match text {
                Text::Prepared(statement) => self.client.query_raw(statement, params).await?,
                Text::Unnamed(sql) => {
                    let typed = params.iter().map(|param| (param, type_of(param)));
                    self.client.query_typed_raw(sql, typed).await?
                }
            });
            let mut rows = Vec::new();
            while let Some(row) = stream.try_next().await? {
                rows.push(row);
            }
            Ok(Answer { rows, changed: stream.rows_affected().unwrap_or(0) })
        };
        read.await.map_err(|e| refusal(&e))
    }
}

fn refused(statements: &[Statement], refusal: &Refusal) -> Sent {
    (statements.iter().map(|_| Err(refusal.clone())).collect(), Err(refusal.clone()))
}

/// What an error of the driver means to the script.
pub fn refusal(e: &tokio_postgres::Error) -> Refusal {
    let Some(db) = e.as_db_error() else {
        let io = e.source().and_then(<dyn std::error::Error>::downcast_ref::<std::io::Error>);
        // A certificate that does not do is no better later.
        let inner = io.and_then(std::io::Error::get_ref);
        let is_passing =
            io.is_some() && inner.and_then(|inner| inner.downcast_ref::<rustls::Error>()).is_none();
        return if e.is_closed() || is_passing {
            Refusal::Lost(message(e))
        } else {
            Refusal::Other(message(e))
        };
    };
    match db.code() {
        &SqlState::UNIQUE_VIOLATION => Refusal::Unique(db.constraint().unwrap_or("").to_owned()),
        &SqlState::T_R_SERIALIZATION_FAILURE | &SqlState::T_R_DEADLOCK_DETECTED => Refusal::Again,
        &SqlState::DISK_FULL => Refusal::Full,
        // A server that takes no writes is one that was just replaced; the others come and go.
        &SqlState::READ_ONLY_SQL_TRANSACTION
        | &SqlState::ADMIN_SHUTDOWN
        | &SqlState::CRASH_SHUTDOWN
        | &SqlState::CANNOT_CONNECT_NOW
        | &SqlState::TOO_MANY_CONNECTIONS => Refusal::Lost(message(e)),
        code if code.code().starts_with("08") => Refusal::Lost(message(e)),
        _ => Refusal::Other(message(e)),
    }
}

/// An error in words that hold no stored value: PostgreSQL puts those into the detail.
pub fn message(e: &tokio_postgres::Error) -> String {
    match (e.as_db_error(), e.source()) {
        (Some(db), _) => format!("{} ({})", db.message(), db.code().code()),
        (None, Some(source)) => format!("{e}: {source}"),
        (None, None) => e.to_string(),
    }
}

/// What a column holds.
pub fn value(row: &Row, column: usize) -> Result<Value<'_>> {
    let Cell(value) = row.try_get(column).map_err(|e| Error::internal("postgres", message(&e)))?;
    Ok(value)
}

struct Cell<'r>(Value<'r>);

impl<'r> FromSql<'r> for Cell<'r> {
    fn from_sql(ty: &Type, raw: &'r [u8]) -> Result<Cell<'r>, Box<dyn std::error::Error + Sync + Send>> {
        Ok(Cell(match *ty {
            Type::INT8 => Value::Int(i64::from_sql(ty, raw)?),
            Type::INT4 => Value::Int(i32::from_sql(ty, raw)?.into()),
            Type::BOOL => Value::Bool(bool::from_sql(ty, raw)?),
            Type::UUID => Value::Uuid(uuid::Uuid::from_sql(ty, raw)?),
            Type::BYTEA => Value::Bytes(raw),
            _ => Value::Text(<&str>::from_sql(ty, raw)?),
        }))
    }

    fn from_sql_null(_: &Type) -> Result<Cell<'r>, Box<dyn std::error::Error + Sync + Send>> {
        Ok(Cell(Value::Null(Kind::Int)))
    }

    fn accepts(ty: &Type) -> bool {
        matches!(
            *ty,
            Type::INT8 | Type::INT4 | Type::BOOL | Type::UUID | Type::BYTEA | Type::TEXT | Type::VARCHAR
        )
    }
}

/// The type that a value has as a column.
fn type_of(value: &Owned) -> Type {
    match value {
        Owned::Null(Kind::Int) | Owned::Int(_) => Type::INT8,
        Owned::Null(Kind::Bool) | Owned::Bool(_) => Type::BOOL,
        Owned::Null(Kind::Text) | Owned::Text(_) => Type::TEXT,
        Owned::Null(Kind::Bytes) | Owned::Bytes(_) => Type::BYTEA,
        Owned::Null(Kind::Uuid) | Owned::Uuid(_) => Type::UUID,
    }
}

impl ToSql for Owned {
    fn to_sql(
        &self,
        ty: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        match self {
            Owned::Null(_) => Ok(IsNull::Yes),
            Owned::Int(int) => int.to_sql_checked(ty, out),
            Owned::Bool(bool) => bool.to_sql_checked(ty, out),
            Owned::Text(text) => text.to_sql_checked(ty, out),
            Owned::Bytes(bytes) => bytes.to_sql_checked(ty, out),
            Owned::Uuid(uuid) => uuid.to_sql_checked(ty, out),
        }
    }

    // The value in hand decides, above.
    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}
