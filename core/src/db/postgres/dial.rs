//! Connects with TLS as `sslmode` requires, and checks whether the peer is PostgreSQL itself.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::future::{Either, select};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, DuplexStream, ReadBuf};
use tokio::sync::{Notify, watch};
use tokio_postgres::config::SslMode;
use tokio_postgres::error::SqlState;
use tokio_postgres::tls::{ChannelBinding, MakeTlsConnect, TlsConnect, TlsStream};
use tokio_postgres::{Client, SimpleQueryMessage, Socket};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::codec::{message, refusal};
use super::server::{Fallback, Target};
use crate::db::script::StatementError;

/// The I/O task of a client: moves bytes between it and its socket, encrypted or not.
pub type Wire =
    tokio_postgres::Connection<Socket, <MakeRustlsConnect as MakeTlsConnect<Socket>>::Stream>;

/// Connects within a time limit, under a name that `pg_stat_activity` shows.
pub async fn dial(
    target: &Target,
    name: Option<&str>,
    within: Duration,
) -> Result<(Client, Wire), StatementError> {
    let dialed = tokio::time::timeout(within, try_each_mode(target, name)).await;
    dialed.unwrap_or_else(|_| {
        Err(StatementError::Lost(format!("no connection within {} ms", within.as_millis())))
    })
}

/// As in libpq, `prefer` and `allow` try the other mode if the server refuses the first.
async fn try_each_mode(
    target: &Target,
    name: Option<&str>,
) -> Result<(Client, Wire), StatementError> {
    let mut config = target.config.clone();
    if let Some(name) = name {
        config.application_name(name);
    }
    let first = match config.connect(target.tls.clone()).await {
        Ok(connected) => return Ok(connected),
        Err(first) => first,
    };
    // With several hosts, only the error of the last one is known.
    let is_one_host = config.get_hosts().len() <= 1;
    let other = match target.fallback {
        Fallback::Plain if is_tls_failure(&first) || is_refused(&first) || !is_one_host => {
            SslMode::Disable
        }
        Fallback::Tls if is_refused(&first) || !is_one_host => SslMode::Require,
        _ => return Err(refusal(&first)),
    };
    config.ssl_mode(other);
    let second = match config.connect(target.tls.clone()).await {
        Ok(connected) => return Ok(connected),
        Err(second) => second,
    };
    let both = |second: &str| {
        format!(
            "{}; {}: {second}",
            message(&first),
            if other == SslMode::Disable { "without TLS" } else { "with TLS" }
        )
    };
    Err(match (refusal(&first), refusal(&second)) {
        (StatementError::Other(_), StatementError::Other(second)) => {
            StatementError::Other(both(&second))
        }
        (_, StatementError::Lost(second)) => StatementError::Lost(both(&second)),
        (first, _) => first,
    })
}

/// Whether `pg_hba.conf` has no entry for a connection with this encryption.
fn is_refused(e: &tokio_postgres::Error) -> bool {
    e.code() == Some(&SqlState::INVALID_AUTHORIZATION_SPECIFICATION)
}

fn is_tls_failure(e: &tokio_postgres::Error) -> bool {
    use std::error::Error as _;
    let io = e.source().and_then(<dyn std::error::Error>::downcast_ref::<std::io::Error>);
    let is_rustls = io
        .and_then(std::io::Error::get_ref)
        .is_some_and(<dyn std::error::Error + Send + Sync>::is::<rustls::Error>);
    // The driver does not identify this kind of error otherwise.
    is_rustls
        || (e.as_db_error().is_none()
            && e.to_string().starts_with("error performing TLS handshake"))
}

/// A handle to the task that serves a connection.
#[derive(Clone)]
pub struct Served {
    close: Arc<Notify>,
    ended: watch::Receiver<()>,
}

impl Served {
    /// Starts the task that serves a connection. It ends with its client.
    pub fn start(wire: Wire) -> Served {
        let (alive, ended) = watch::channel(());
        let close = Arc::new(Notify::new());
        let closed = close.clone();
        spawn(async move {
            {
                let (wire, closed) = (pin!(wire), pin!(closed.notified()));
                let served = select(wire, closed).await;
                if let Either::Left((Err(e), _)) = served {
                    tracing::debug!(cause = message(&e), "a connection to the database ended");
                }
            }
            // The socket is closed by now.
            drop(alive);
        });
        Served { close, ended }
    }

    /// Returns a guard that closes the socket on drop, for an opening that fails or times out.
    pub fn guard(&self) -> CloseGuard {
        CloseGuard(Some(self.clone()))
    }

    /// Closes the socket, even if statements are active on it.
    pub fn close(&self) {
        self.close.notify_one();
    }

    /// Waits until the socket is closed.
    pub async fn ended(&self) {
        let mut ended = self.ended.clone();
        while ended.changed().await.is_ok() {}
    }
}

/// See [`Served::guard`].
pub struct CloseGuard(Option<Served>);

impl CloseGuard {
    pub fn release(mut self) {
        self.0 = None;
    }
}

impl Drop for CloseGuard {
    fn drop(&mut self) {
        if let Some(served) = &self.0 {
            served.close();
        }
    }
}

/// Spawns a task on the driver's own runtime. The task ends with its connection, which ends with
/// the store.
#[expect(
    clippy::disallowed_methods,
    reason = "the one place of this runtime that spawns without being waited for"
)]
pub fn spawn(task: impl Future<Output = ()> + Send + 'static) {
    tokio::spawn(task);
}

/// Whether a client is connected to PostgreSQL itself: the responding process is then the one that
/// the connection startup named. A pooler names none or an invented one, because each transaction
/// gets another process.
pub async fn is_direct(client: &Client) -> Result<bool, StatementError> {
    let found = row(client, "SELECT pg_backend_pid()").await?;
    let answering = found.first().and_then(|pid| pid.as_deref()?.parse::<i32>().ok());
    Ok(answering.is_some() && answering == named_process(client).await)
}

/// Returns the first row of a query as text, without a prepared statement.
pub async fn row(client: &Client, query: &str) -> Result<Vec<Option<String>>, StatementError> {
    let answer = client.simple_query(query).await.map_err(|e| refusal(&e))?;
    let row = answer.into_iter().find_map(|message| match message {
        SimpleQueryMessage::Row(row) => Some(row),
        _ => None,
    });
    let texts = |row: tokio_postgres::SimpleQueryRow| {
        (0..row.len()).map(|at| row.get(at).map(str::to_owned)).collect()
    };
    Ok(row.map(texts).unwrap_or_default())
}

/// Returns the process id from the server's `BackendKeyData`. The driver keeps it private, but
/// writes it into a cancel request (PostgreSQL, "Message Formats": length, code, process, secret),
/// which is not sent here.
async fn named_process(client: &Client) -> Option<i32> {
    const CANCEL_REQUEST: [u8; 8] = [0, 0, 0, 16, 0x04, 0xd2, 0x16, 0x2e];
    let (ours, mut theirs) = tokio::io::duplex(64);
    // If TLS is required, the driver requests it first.
    tokio::io::AsyncWriteExt::write_all(&mut theirs, b"S").await.ok()?;
    client.cancel_token().cancel_query_raw(ours, PassThrough).await.ok()?;
    let mut written = Vec::new();
    theirs.read_to_end(&mut written).await.ok()?;
    let request = written.get(written.len().checked_sub(16)?..)?;
    let (head, rest) = request.split_at(8);
    let process = rest.first_chunk::<4>()?;
    (head == CANCEL_REQUEST).then(|| i32::from_be_bytes(*process))
}

/// TLS that encrypts nothing, because only this process reads the bytes.
struct PassThrough;

struct Plain(DuplexStream);

impl TlsConnect<DuplexStream> for PassThrough {
    type Stream = Plain;
    type Error = Infallible;
    type Future = Ready<Result<Plain, Infallible>>;

    fn connect(self, stream: DuplexStream) -> Self::Future {
        ready(Ok(Plain(stream)))
    }
}

impl TlsStream for Plain {
    fn channel_binding(&self) -> ChannelBinding {
        ChannelBinding::none()
    }
}

impl AsyncRead for Plain {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, buffer)
    }
}

impl AsyncWrite for Plain {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_flush(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}
