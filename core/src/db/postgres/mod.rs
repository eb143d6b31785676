//! The PostgreSQL driver: how a use case's script gets its answers. Connections and what they say are `connection`'s, how
//! many there are is `pool`'s, and where the server is `server`'s.

mod checks;
mod codec;
mod connection;
mod dial;
mod job;
mod long;
mod news;
mod pool;
mod replica;
mod server;
mod tls;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use futures_util::future::join;
use tokio::runtime::Runtime;
use tokio::time::Instant;

use self::connection::Batch;
use self::job::Job;
use self::news::News;
use self::pool::{Connector, Lease, Readers, Shares, Writers};
use self::replica::Replica;
use super::migrate::{self, Migrated};
use super::script::{Refusal, Script, Server as On, Turn};
use super::{Lane, Tx};
use crate::clock::Clock;
use crate::error::{Error, Result};
use crate::live::Live;
use crate::settings::Settings;

pub(super) use self::codec::{message, value};
pub(super) use self::connection::{Connection, first};
pub(super) use self::long::Long;
pub use self::server::{Prepares, Server};

/// How often a write is tried that others were in the way of.
const TRIES_MAX: u32 = 10;

/// A database of PostgreSQL's. Connections and transactions live on a runtime of their own, so that no client that hangs up
/// leaves a transaction half done.
#[derive(Clone)]
pub struct Db {
    runtime: Arc<OwnRuntime>,
    shared: Arc<Shared>,
}

struct OwnRuntime(Option<Runtime>);

impl Drop for OwnRuntime {
    fn drop(&mut self) {
        // The last clone may be dropped where waiting is not allowed.
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

struct Shared {
    clock: Clock,
    readers: Readers,
    replica: Option<Replica>,
    writers: Arc<Writers>,
    jobs: AtomicUsize,
    news: Arc<News>,
    answer_within: Duration,
}

impl Shared {
    /// Until when a job that begins now must be answered, whatever it waits for.
    fn deadline(&self) -> Instant {
        Instant::now() + self.answer_within
    }
}

impl Db {
    /// Connects, waiting for a server that is away, and migrates.
    pub(super) fn open(server: &Server, settings: &Settings, clock: &Clock) -> Result<(Db, Migrated)> {
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
        // Not `block_on`: whoever opens the store may be a task of another runtime.
        let opened: Result<_> = answered.recv().map_err(|e| Error::internal("a database thread ended", e))?;
        let (migrated, identity) = opened?;
        let connector = Connector::new(server);
        let writers = Writers::new(server, &connector);
        let shared = Arc::new(Shared {
            clock: clock.clone(),
            readers: Readers::new(server, &connector),
            replica: Replica::of(server, identity),
            writers: writers.clone(),
            jobs: AtomicUsize::new(0),
            news: News::new(Live::new(settings.streams_max))?,
            answer_within: server.answer_within,
        });
        // The readers of tasks are opened by whoever reads first, on the threads that then use them.
        handle.spawn(writers.clone().open_ahead(server.pool_min.saturating_sub(2)));
        let listens = Shares::of(server.pool_max).listens;
        handle.spawn(shared.news.clone().pass_on(server.clone(), writers, listens));
        handle.spawn(news::look(shared.clone()));
        Ok((Db { runtime, shared }, migrated))
    }

    pub(super) fn live(&self) -> &Live {
        self.shared.news.live()
    }

    /// See [`super::Db::read`].
    pub(super) async fn read<T, F>(&self, lane: Lane, f: F) -> Result<T>
    where
        T: Send + 'static,
        F: Fn(&mut Tx) -> Result<T> + Send + 'static,
    {
        // On the caller's thread: a read that is dropped half way leaves nothing behind.
        read(self.job()?, lane, f).await
    }

    /// See [`super::Db::write`].
    pub(super) async fn write<T, F>(&self, f: F) -> Result<T>
    where
        T: Send + 'static,
        F: Fn(&mut Tx) -> Result<T> + Send + 'static,
    {
        self.run(|job| write(job, f)).await
    }

    /// See [`super::Db::write_later`].
    pub(super) fn write_later<F>(&self, f: F)
    where
        F: Fn(&mut Tx) -> Result<()> + Send + 'static,
    {
        // Where too much is under way there is no time for it.
        if let (Some(runtime), Ok(job)) = (self.runtime.0.as_ref(), self.job()) {
            runtime.spawn(async move { drop(write(job, f).await) });
        }
    }

    /// See [`super::Db::begin`].
    pub(super) async fn begin(&self) -> Result<Long> {
        Long::begin(&self.shared).await
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

/// One run of a use case. A fault in it must not take the thread with it.
fn turn<T>(script: &mut Script, f: impl Fn(&mut Tx) -> Result<T>) -> Turn<T> {
    script.turn(|script| {
        catch_unwind(AssertUnwindSafe(|| f(&mut Tx::on_postgres(script))))
            .unwrap_or_else(|_| Err(Error::Internal("a use case panicked".into())))
    })
}

/// Statement by statement on what is committed, over a connection that others use too.
async fn read<T, F>(job: Job, lane: Lane, f: F) -> Result<T>
where
    T: Send + 'static,
    F: Fn(&mut Tx) -> Result<T> + Send + 'static,
{
    let deadline = job.0.deadline();
    let mut reader = job.0.readers.one(lane, deadline).await?;
    let mut tried = false;
    loop {
        let mut script = Script::new(job.0.clock.now());
        let replica = job.0.replica.as_ref().and_then(Replica::connection);
        script.set_replica(replica.is_some());
        let lost = loop {
            match turn(&mut script, &f) {
                Turn::Done(outcome) => return outcome,
                Turn::Ask => {}
            }
            // What was refused is in the script.
            match (&replica, &job.0.replica) {
                (Some(connection), Some(replica)) if script.has_replica() => {
                    let here = script.pending(On::Primary);
                    let there = script.pending(On::Replica);
                    let (here, there) = join(
                        reader.connection.send(&here, Batch::default(), deadline),
                        Box::pin(replica.ask(connection, &there, deadline)),
                    )
                    .await;
                    script.answer(On::Primary, here.0);
                    match there {
                        Some(answers) => script.answer(On::Replica, answers),
                        None => script.set_replica(false),
                    }
                }
                _ => {
                    let _ = reader.connection.answer(&mut script, Batch::default(), deadline).await;
                }
            }
            match script.refusal() {
                Some(Refusal::Lost(cause)) => break cause.clone(),
                Some(Refusal::Again) => break "a statement is to be sent otherwise".to_owned(),
                Some(timed_out @ Refusal::Late(_)) => {
                    if reader.connection.is_closed() {
                        reader.connection.retire();
                    }
                    return Err(timed_out.clone().into_error());
                }
                _ => {}
            }
        };
        if tried {
            tracing::warn!(cause = lost, "the connection to the database was lost");
            return Err(Error::Unavailable { retry_after_s: 1 });
        }
        tried = true;
        reader = job.0.readers.instead_of(reader, deadline).await?;
    }
}

/// How an attempt at a transaction ended.
enum Ended<T> {
    With(Result<T>),
    /// Nothing was written, and the same again may pass.
    Again(Refusal),
}

async fn write<T, F>(job: Job, mut f: F) -> Result<T>
where
    T: Send + 'static,
    F: Fn(&mut Tx) -> Result<T> + Send + 'static,
{
    let mut tries = 0;
    let mut lost = false;
    let deadline = job.0.deadline();
    loop {
        let lease = job.0.writers.lease(deadline).await?;
        let script = Script::new(job.0.clock.now());
        let refusal = match attempt(&job.0, lease, script, &mut f, deadline).await {
            Ended::With(outcome) => return outcome,
            Ended::Again(refusal) => refusal,
        };
        tries += 1;
        let is_lost = matches!(refusal, Refusal::Lost(_));
        if tries >= TRIES_MAX || (is_lost && lost) || Instant::now() >= deadline {
            tracing::warn!(?refusal, tries, "a write was given up");
            return Err(refusal.into_error());
        }
        lost |= is_lost;
        if is_lost {
            job.0.writers.forget_idle();
        } else {
            // Others are at the same rows: let some of them go first.
            tokio::time::sleep(Duration::from_millis(u64::from(tries * tries))).await;
        }
    }
}

async fn attempt<T, F>(
    shared: &Shared,
    lease: Lease,
    mut script: Script,
    f: &mut F,
    deadline: Instant,
) -> Ended<T>
where
    F: Fn(&mut Tx) -> Result<T>,
{
    let mut begun = false;
    loop {
        match turn(&mut script, &*f) {
            Turn::Ask => {}
            Turn::Done(outcome) => return end(shared, lease, script, begun, outcome, deadline).await,
        }
        // What was refused is in the script.
        let batch = Batch { begin: !begun, commit: false };
        let _ = lease.connection.answer(&mut script, batch, deadline).await;
        begun = true;
        match script.refusal().cloned() {
            Some(Refusal::Again) => {
                lease.undo();
                return Ended::Again(Refusal::Again);
            }
            // Also where it still speaks, as one that takes no writes any more: the lease is closed.
            Some(lost @ Refusal::Lost(_)) => return Ended::Again(lost),
            Some(late @ Refusal::Late(_)) => {
                if !lease.connection.is_closed() {
                    lease.undo();
                }
                return Ended::With(Err(late.into_error()));
            }
            _ => {}
        }
    }
}

/// What is still to be sent goes with the COMMIT, in one trip.
async fn end<T>(
    shared: &Shared,
    lease: Lease,
    mut script: Script,
    begun: bool,
    outcome: Result<T>,
    deadline: Instant,
) -> Ended<T> {
    // A refused statement that nobody looked at.
    let outcome = match (outcome, script.refusal().cloned()) {
        (Ok(_), Some(refusal)) => Err(refusal.into_error()),
        (outcome, _) => outcome,
    };
    if outcome.is_err() || !script.writes() {
        if begun {
            lease.undo();
        } else {
            lease.finish();
        }
        return Ended::With(outcome);
    }
    let batch = Batch { begin: !begun, commit: true };
    let committed = lease.connection.answer(&mut script, batch, deadline).await;
    match script.refusal().cloned().or(committed.err()) {
        None => {
            lease.finish();
            shared.news.tell(script.told());
            Ended::With(outcome)
        }
        // The server gave up in time, and undid it.
        Some(late @ Refusal::Late(_)) if !lease.connection.is_closed() => {
            lease.undo();
            Ended::With(Err(late.into_error()))
        }
        // Whether the COMMIT was carried out is not known, so it must not be tried again.
        Some(Refusal::Lost(cause) | Refusal::Late(cause)) => {
            tracing::error!(
                cause,
                "the connection was lost during a commit: it may or may not have been carried out"
            );
            shared.news.tell(script.told());
            Ended::With(Err(Error::Unavailable { retry_after_s: 1 }))
        }
        Some(Refusal::Again) => {
            lease.undo();
            Ended::Again(Refusal::Again)
        }
        Some(refusal) => {
            lease.undo();
            Ended::With(Err(refusal.into_error()))
        }
    }
}

impl Connection {
    /// Sends all that is pending in one go and notes the answers.
    async fn answer(&self, script: &mut Script, batch: Batch, deadline: Instant) -> Result<(), Refusal> {
        let (answers, ended) = self.send(&script.pending(On::Primary), batch, deadline).await;
        script.answer(On::Primary, answers);
        ended
    }
}
