//! The PostgreSQL driver: how a use case's script gets its answers. Connections and what they say are `connection`'s, how
//! many there are is `pool`'s, and where the server is `server`'s.

mod connection;
mod news;
mod pool;
mod replica;
mod server;
mod tls;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::future::join;
use tokio::runtime::Runtime;

use self::connection::{Batch, Connection};
use self::news::News;
use self::pool::{Door, Lease, READERS, Readers, Writers};
use self::replica::Replica;
use super::Tx;
use super::migrate::{self, Migrated};
use super::script::{Refusal, Script, Server as On, Turn};
use crate::clock::Clock;
use crate::error::{Error, Result};
use crate::live::Live;
use crate::settings::Settings;

pub(super) use self::connection::{first, message, value};
pub use self::server::Server;

/// Use cases that may be under way; beyond it the answer is [`Error::Unavailable`].
const JOBS_MAX: usize = 8192;
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
}

/// One more job, until it is dropped.
struct Job(Arc<Shared>);

impl Job {
    fn new(shared: &Arc<Shared>) -> Result<Job> {
        let job = Job(shared.clone());
        if shared.jobs.fetch_add(1, Ordering::Relaxed) >= JOBS_MAX {
            return Err(Error::Unavailable { retry_after_s: 1 });
        }
        Ok(job)
    }
}

impl Drop for Job {
    fn drop(&mut self) {
        self.0.jobs.fetch_sub(1, Ordering::Relaxed);
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
        let (place, now) = (server.clone(), clock.now());
        handle.spawn(async move {
            let migrated = async {
                let mut client = connection::first(&place).await?;
                migrate::postgres(&mut client, now).await
            };
            let _ = answer.send(migrated.await);
        });
        // Not `block_on`: whoever opens the store may be a task of another runtime.
        let migrated = answered.recv().map_err(|e| Error::internal("a database thread ended", e))??;
        let door = Door::new(server);
        let shared = Arc::new(Shared {
            clock: clock.clone(),
            readers: Readers::new(server, &door),
            replica: Replica::of(server),
            writers: Writers::new(server, &door),
            jobs: AtomicUsize::new(0),
            news: News::new(Live::new(settings.streams_max))?,
        });
        // The readers are opened by whoever reads first, on the threads that then use them.
        handle.spawn(shared.writers.clone().open_ahead(server.pool_min.saturating_sub(READERS)));
        handle.spawn(shared.news.clone().pass_on(server.clone()));
        handle.spawn(news::look(shared.clone()));
        Ok((Db { runtime, shared }, migrated))
    }

    pub(super) fn live(&self) -> &Live {
        self.shared.news.live()
    }

    /// See [`super::Db::read`].
    pub(super) async fn read<T, F>(&self, f: F) -> Result<T>
    where
        T: Send + 'static,
        F: Fn(&mut Tx) -> Result<T> + Send + 'static,
    {
        // On the caller's thread: a read that is dropped half way leaves nothing behind.
        read(self.job()?, f).await
    }

    /// See [`super::Db::write`].
    pub(super) async fn write<T, F>(&self, f: F) -> Result<T>
    where
        T: Send + 'static,
        F: Fn(&mut Tx) -> Result<T> + Send + 'static,
    {
        self.run(|job| write(job, f)).await
    }

    /// See [`super::Db::begin`].
    pub(super) async fn begin(&self) -> Result<Long> {
        let lease = self.shared.writers.lease().await?;
        let (clock, news) = (self.shared.clock.clone(), self.shared.news.clone());
        Ok(Long { lease, begun: false, clock, news, told: Vec::new() })
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

/// See [`super::Long`]. Dropped, its connection is closed, and the server undoes what was done.
pub(super) struct Long {
    lease: Lease,
    begun: bool,
    clock: Clock,
    news: Arc<News>,
    told: Vec<i64>,
}

impl Long {
    pub async fn run<T>(&mut self, f: impl Fn(&mut Tx) -> Result<T>) -> Result<T> {
        let mut script = Script::new(self.clock.now());
        loop {
            let turned = turn(&mut script, &f);
            let batch = self.batch(false);
            let answered = self.lease.connection.answer(&mut script, batch).await;
            answered.map_err(Refusal::into_error)?;
            match (turned, script.refusal().cloned()) {
                (Turn::Done(Ok(_)), Some(refusal)) => return Err(refusal.into_error()),
                (Turn::Done(outcome), _) => {
                    self.told.extend(script.told());
                    return outcome;
                }
                (Turn::Ask, _) => {}
            }
        }
    }

    pub async fn commit(mut self) -> Result<()> {
        let batch = self.batch(true);
        let committed = self.lease.connection.send(&[], batch).await.1;
        committed.map_err(Refusal::into_error)?;
        self.lease.finish();
        self.news.tell(&self.told);
        Ok(())
    }

    fn batch(&mut self, commit: bool) -> Batch {
        Batch { begin: !std::mem::replace(&mut self.begun, true), commit }
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
async fn read<T, F>(job: Job, f: F) -> Result<T>
where
    T: Send + 'static,
    F: Fn(&mut Tx) -> Result<T> + Send + 'static,
{
    let mut reader = job.0.readers.one().await?;
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
            match &replica {
                Some(replica) if script.has_replica() => {
                    let here = script.pending(On::Primary);
                    let there = script.pending(On::Replica);
                    let (here, there) = join(
                        reader.connection.send(&here, Batch::default()),
                        replica.send(&there, Batch::default()),
                    )
                    .await;
                    script.answer(On::Primary, here.0);
                    if let Some(refusal) = there.0.iter().find_map(|answer| answer.as_ref().err()) {
                        tracing::debug!(?refusal, "the replica does not answer; the primary is asked");
                        script.set_replica(false);
                    } else {
                        script.answer(On::Replica, there.0);
                    }
                }
                _ => {
                    let _ = reader.connection.answer(&mut script, Batch::default()).await;
                }
            }
            if let Some(Refusal::Lost(cause)) = script.refusal() {
                break cause.clone();
            }
        };
        if tried {
            tracing::warn!(cause = lost, "the connection to the database was lost");
            return Err(Error::Unavailable { retry_after_s: 1 });
        }
        tried = true;
        reader = job.0.readers.instead_of(reader).await?;
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
    loop {
        let lease = job.0.writers.lease().await?;
        let refusal = match attempt(&job.0, lease, Script::new(job.0.clock.now()), &mut f).await {
            Ended::With(outcome) => return outcome,
            Ended::Again(refusal) => refusal,
        };
        tries += 1;
        let is_lost = matches!(refusal, Refusal::Lost(_));
        if tries >= TRIES_MAX || (is_lost && lost) {
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

async fn attempt<T, F>(shared: &Shared, lease: Lease, mut script: Script, f: &mut F) -> Ended<T>
where
    F: Fn(&mut Tx) -> Result<T>,
{
    let mut begun = false;
    loop {
        match turn(&mut script, &*f) {
            Turn::Ask => {}
            Turn::Done(outcome) => return end(shared, lease, script, begun, outcome).await,
        }
        // What was refused is in the script.
        let _ = lease.connection.answer(&mut script, Batch { begin: !begun, commit: false }).await;
        begun = true;
        match script.refusal().cloned() {
            Some(Refusal::Again) => {
                lease.undo();
                return Ended::Again(Refusal::Again);
            }
            // Also where it still speaks, as one that takes no writes any more: the lease is closed.
            Some(lost @ Refusal::Lost(_)) => return Ended::Again(lost),
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
    let committed = lease.connection.answer(&mut script, Batch { begin: !begun, commit: true }).await;
    match script.refusal().cloned().or(committed.err()) {
        None => {
            lease.finish();
            shared.news.tell(script.told());
            Ended::With(outcome)
        }
        // Whether the COMMIT was carried out is not known, so it must not be tried again.
        Some(Refusal::Lost(cause)) => {
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
    async fn answer(&self, script: &mut Script, batch: Batch) -> Result<(), Refusal> {
        let (answers, ended) = self.send(&script.pending(On::Primary), batch).await;
        script.answer(On::Primary, answers);
        ended
    }
}
