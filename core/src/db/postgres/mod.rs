//! The PostgreSQL driver. `run` gets the answers to a use case's script, `connection` speaks to the
//! server, `pool` manages the connections, and `server` contains the address.

mod checks;
pub(super) mod codec;
pub(super) mod connection;
mod dial;
mod long;
mod notify;
mod poll;
mod pool;
mod replica;
mod run;
mod server;
mod shared;
mod tls;

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use tokio::runtime::Runtime;

use self::connection::Connection;
use self::notify::Notifier;
use self::pool::{Connector, Readers, Shares, Writers};
use self::replica::Replica;
use self::run::{read, write};
use self::shared::{Job, Shared};
use super::lane::Lane;
use super::migrate::{self, Migrated};
use super::tx::WriteTx;
use crate::clock::Clock;
use crate::error::{Error, Result};
use crate::live::Subscribers;
use crate::settings::Settings;

pub(super) use self::codec::message;
pub(super) use self::connection::first;
pub(super) use self::long::LongTransaction;
pub use self::server::{Prepares, Server};

/// A PostgreSQL database. Connections and transactions live on their own runtime, so that a client
/// that hangs up leaves no transaction unfinished.
#[derive(Clone)]
pub struct Db {
    runtime: Arc<OwnRuntime>,
    shared: Arc<Shared>,
}

struct OwnRuntime(Option<Runtime>);

impl Drop for OwnRuntime {
    fn drop(&mut self) {
        // The last clone may be dropped where blocking is not allowed.
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

impl Db {
    /// Connects and migrates. Waits for an unreachable server.
    pub(super) fn open(
        server: &Server,
        settings: &Settings,
        clock: &Clock,
    ) -> Result<(Db, Migrated)> {
        let threads = std::thread::available_parallelism().map_or(1, usize::from).clamp(1, 4);
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(threads)
            .thread_name("db")
            .enable_all()
            .build()
            .map_err(|e| Error::internal("cannot start a thread", e))?;
        let handle = runtime.handle().clone();
        let runtime = Arc::new(OwnRuntime(Some(runtime)));
        let (answer, answered) = std::sync::mpsc::channel();
        let (place, time) = (server.clone(), clock.clone());
        handle.spawn(async move {
            let migrated = async {
                let connection = Connection::to_migrate(&place).await?;
                let identity = checks::all(&place, connection.client()).await?;
                Ok((migrate::postgres(&connection, &time).await?, identity))
            };
            let _ = answer.send(migrated.await);
        });
        // Not `block_on`: the caller may be a task of another runtime.
        let opened: Result<_> =
            answered.recv().map_err(|e| Error::internal("a database thread ended", e))?;
        let (migrated, identity) = opened?;
        let connector = Connector::new(server);
        let writers = Writers::new(server, &connector);
        let shared = Arc::new(Shared {
            clock: clock.clone(),
            readers: Readers::new(server, &connector),
            replica: Replica::of(server, identity),
            writers: writers.clone(),
            jobs: AtomicUsize::new(0),
            notifier: Notifier::new(Subscribers::new(settings.streams_max))?,
            answer_within: server.answer_within,
        });
        // The first reads open the readers of tasks, on the threads that then use them.
        handle.spawn(writers.clone().open_ahead(server.pool_min.saturating_sub(2)));
        let listens = Shares::of(server.pool_max).listens;
        handle.spawn(shared.notifier.clone().pass_on(server.clone(), writers, listens));
        handle.spawn(poll::look(shared.clone()));
        Ok((Db { runtime, shared }, migrated))
    }

    pub(super) fn live(&self) -> &Subscribers {
        self.shared.notifier.live()
    }

    /// See [`super::Db::read`].
    pub(super) async fn read<T, F>(&self, lane: Lane, f: F) -> Result<T>
    where
        T: Send + 'static,
        F: Fn(&mut WriteTx) -> Result<T> + Send + 'static,
    {
        // This runs on the caller's thread, because a read that is dropped early leaves nothing
        // behind.
        read(self.job()?, lane, f).await
    }

    /// See [`super::Db::write`].
    pub(super) async fn write<T, F>(&self, f: F) -> Result<T>
    where
        T: Send + 'static,
        F: Fn(&mut WriteTx) -> Result<T> + Send + 'static,
    {
        self.run(|job| write(job, f)).await
    }

    /// See [`super::Db::write_later`].
    pub(super) fn write_later<F>(&self, f: F)
    where
        F: Fn(&mut WriteTx) -> Result<()> + Send + 'static,
    {
        // If there are too many jobs, this one is dropped.
        if let (Some(runtime), Ok(job)) = (self.runtime.0.as_ref(), self.job()) {
            runtime.spawn(async move { drop(write(job, f).await) });
        }
    }

    /// See [`super::Db::begin`].
    pub(super) async fn begin(&self) -> Result<LongTransaction> {
        LongTransaction::begin(&self.shared).await
    }

    async fn run<T, J>(&self, work: impl FnOnce(Job) -> J) -> Result<T>
    where
        T: Send + 'static,
        J: Future<Output = Result<T>> + Send + 'static,
    {
        let ended = || Error::Internal("the database threads have ended".into());
        let runtime = self.runtime.0.as_ref().ok_or_else(ended)?;
        runtime.spawn(work(self.job()?)).await.unwrap_or_else(|_| Err(ended()))
    }

    fn job(&self) -> Result<Job> {
        Job::new(&self.shared)
    }
}
