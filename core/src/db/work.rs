//! SQLite's threads. One writes and commits waiting jobs as a group. The others read.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use futures_channel::oneshot;
use rusqlite::Connection;

use super::job::{Job, UseCase};
use super::lane::Lane;
use super::migrate::{self, Migrated};
use super::sqlite;
use super::tx::{WriteTx, newest_changes};
use crate::clock::Clock;
use crate::error::{Error, Result};
use crate::ids::UserId;
use crate::live::Subscribers;
use crate::queue::Queue;
use crate::settings::Settings;

/// Maximum number of jobs that wait for a thread. Further ones get [`Error::Unavailable`].
const QUEUE_MAX: usize = 8192;
/// Maximum number of writes that share one commit, and so one sync of the disk.
const GROUP_MAX: usize = 256;
/// How long reads may share one snapshot. A write of another process (the command line) may stay
/// invisible for this time. Writes of this process are visible at once.
const SNAPSHOT_AGE_MAX: Duration = Duration::from_millis(5);

/// Minimum interval between two attempts to empty the log after deletions.
const PURGE_EVERY: Duration = Duration::from_secs(1);

/// How often the watcher looks for writes by other processes while there are subscribers.
const WATCH_EVERY: Duration = Duration::from_millis(500);

/// A handle to the threads of the database. Cheap to clone. The threads end when the last handle is
/// dropped.
#[derive(Clone)]
pub struct Db(Arc<Threads>);

struct Threads {
    queues: Arc<Queues>,
    live: Subscribers,
    readers: Vec<JoinHandle<()>>,
    writer: Option<JoinHandle<()>>,
}

struct Queues {
    reads: Queue<Job>,
    /// Searches have their own thread, so that no other read waits for one.
    searches: Queue<Job>,
    writes: Queue<Job>,
}

impl Db {
    /// Opens the file at `path` or creates it, migrates it, and starts the threads.
    pub(super) fn open(path: &Path, settings: &Settings, clock: &Clock) -> Result<(Db, Migrated)> {
        let writer = sqlite::open(path, sqlite::WRITER_CACHE_KIB)?;
        let migrated = migrate::sqlite(&writer, Some(path), clock)?;
        sqlite::configure_durability(&writer)?;
        sqlite::erase_older(&writer, migrated.from);
        let readers = (0..settings.read_threads.max(1))
            .map(|_| sqlite::open_reader(path))
            .collect::<Result<Vec<_>>>()?;
        let searcher = sqlite::open_reader(path)?;
        let live = Subscribers::new(settings.streams_max);
        Ok((Db::start(path, writer, readers, searcher, live, clock)?, migrated))
    }

    fn start(
        path: &Path,
        writer: Connection,
        readers: Vec<Connection>,
        searcher: Connection,
        live: Subscribers,
        clock: &Clock,
    ) -> Result<Db> {
        let queues = Arc::new(Queues {
            reads: Queue::new(QUEUE_MAX),
            searches: Queue::new(QUEUE_MAX),
            writes: Queue::new(QUEUE_MAX),
        });
        let commits = Arc::new(AtomicU64::new(0));
        // Created first: if a thread cannot start, the drop ends those that did.
        let mut threads = Threads {
            queues: queues.clone(),
            live: live.clone(),
            readers: Vec::new(),
            writer: None,
        };
        let (queue, count, time) = (queues.clone(), commits.clone(), clock.clone());
        let notify = live.clone();
        let write = move || write_loop(&writer, &queue.writes, &time, &count, &notify);
        threads.writer = Some(thread("db-write", write)?);
        let (place, time) = (path.to_owned(), clock.clone());
        threads.readers.push(thread("db-watch", move || watch_loop(&place, &live, &time))?);
        for reader in readers {
            let (queue, count, time) = (queues.clone(), commits.clone(), clock.clone());
            let read = move || read_loop(&reader, &queue.reads, &time, &count);
            threads.readers.push(thread("db-read", read)?);
        }
        let (count, time) = (commits, clock.clone());
        let search = move || read_loop(&searcher, &queues.searches, &time, &count);
        threads.readers.push(thread("db-search", search)?);
        Ok(Db(Arc::new(threads)))
    }

    pub fn live(&self) -> &Subscribers {
        &self.0.live
    }

    /// Runs `f` on a snapshot that contains all writes acknowledged before.
    pub async fn read<T, F>(&self, lane: Lane, f: F) -> Result<T>
    where
        T: Send + 'static,
        F: Fn(&mut WriteTx) -> Result<T> + Send + 'static,
    {
        let queue = match lane {
            Lane::Accounts | Lane::Health | Lane::Tasks => &self.0.queues.reads,
            Lane::Search => &self.0.queues.searches,
        };
        send(queue, f).await
    }

    /// Runs `f` in its own transaction. Returns once the commit is safe on the disk. `f` may run
    /// several times, so it must change nothing outside the transaction.
    pub async fn write<T, F>(&self, f: F) -> Result<T>
    where
        T: Send + 'static,
        F: Fn(&mut WriteTx) -> Result<T> + Send + 'static,
    {
        send(&self.0.queues.writes, f).await
    }

    /// See [`super::Db::write_later`].
    pub(super) fn write_later<F>(&self, f: F)
    where
        F: Fn(&mut WriteTx) -> Result<()> + Send + 'static,
    {
        let (answer, _) = oneshot::channel();
        // If the queue is full, the job is dropped.
        let _ = self.0.queues.writes.push(Box::new(UseCase { f, outcome: None, answer }), 1);
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        let end = |handle: JoinHandle<()>| {
            // If a job owned the last handle, this is one of the threads, which ends by itself.
            if handle.thread().id() != std::thread::current().id() {
                let _ = handle.join();
            }
        };
        // Once the queues are closed, the threads finish the waiting jobs and end.
        self.queues.reads.close();
        self.queues.searches.close();
        self.live.close();
        self.readers.drain(..).for_each(end);
        // The writer ends last, because SQLite removes the log with the last connection. Of two
        // that close at the same moment, each takes the other for the last.
        self.queues.writes.close();
        self.writer.take().into_iter().for_each(end);
    }
}

async fn send<T, F>(queue: &Queue<Job>, f: F) -> Result<T>
where
    T: Send + 'static,
    F: Fn(&mut WriteTx) -> Result<T> + Send + 'static,
{
    let (answer, answered) = oneshot::channel();
    queue.push(Box::new(UseCase { f, outcome: None, answer }), 1)?;
    answered
        .await
        .unwrap_or_else(|_| Err(Error::Internal("a database thread dropped a job".into())))
}

fn thread(name: &str, f: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>> {
    std::thread::Builder::new()
        .name(name.into())
        .spawn(f)
        .map_err(|e| Error::internal("cannot start a thread", e))
}

/// What to do after the commit of a group.
#[derive(Default)]
struct After {
    to_notify: Vec<UserId>,
    erases: bool,
}

impl After {
    fn take(&mut self, tx: &mut WriteTx) {
        self.to_notify.append(&mut tx.to_notify);
        self.erases |= tx.erases;
    }
}

/// Runs the waiting jobs in one transaction, commits once, and then replies to them.
fn write_loop(
    connection: &Connection,
    queue: &Queue<Job>,
    clock: &Clock,
    commits: &AtomicU64,
    live: &Subscribers,
) {
    let mut purge = Purge::default();
    loop {
        let first = match purge.due_in() {
            None => queue.pop(),
            Some(patience) => queue.pop_within(patience),
        };
        if let Some(first) = first {
            let mut group = vec![first];
            let mut after = After::default();
            let committed = match run_group(connection, queue, clock, &mut group, &mut after) {
                Ok(true) => Ok(()),
                Ok(false) => {
                    after = After::default();
                    run_one_by_one(connection, clock, &mut group, &mut after)
                }
                Err(error) => Err(error),
            };
            if let Err(error) = &committed {
                tracing::error!(%error, "cannot commit a group of {} writes; none of them was \
                    acknowledged", group.len());
                sqlite::rollback(connection);
            }
            commits.fetch_add(1, Ordering::Release);
            for job in group {
                job.reply(&committed);
            }
            if committed.is_ok() {
                live.notify(&after.to_notify);
                purge.is_wanted |= after.erases;
            }
        } else if !purge.is_wanted || queue.is_closed() {
            break;
        }
        purge.run(connection);
    }
    sqlite::close(connection);
}

/// Schedules the emptying of the log.
#[derive(Default)]
struct Purge {
    is_wanted: bool,
    tried: Option<Instant>,
}

impl Purge {
    /// Returns the time until the next attempt; `None` if nothing was deleted.
    fn due_in(&self) -> Option<Duration> {
        let since = self.tried.map_or(PURGE_EVERY, |tried| tried.elapsed());
        self.is_wanted.then(|| PURGE_EVERY.saturating_sub(since))
    }

    fn run(&mut self, connection: &Connection) {
        if self.due_in() != Some(Duration::ZERO) {
            return;
        }
        self.tried = Some(Instant::now());
        match sqlite::purge_log(connection) {
            Ok(is_done) => self.is_wanted = !is_done,
            Err(error) => {
                tracing::warn!(%error, "cannot empty the write-ahead log, which still contains \
                                        deleted data; Taskwell tries again");
            }
        }
    }
}

/// Runs `group` and the jobs that arrive meanwhile, without savepoints, which would copy each page
/// that a job touches. Rolls everything back and returns `false` if a job failed after it had
/// written. This is rare, because use cases check before they write.
fn run_group(
    connection: &Connection,
    queue: &Queue<Job>,
    clock: &Clock,
    group: &mut Vec<Job>,
    after: &mut After,
) -> Result<bool> {
    sqlite::begin_write(connection)?;
    for at in 0..GROUP_MAX {
        if at == group.len() {
            match queue.try_pop() {
                Some(job) => group.push(job),
                None => break,
            }
        }
        let before = connection.total_changes();
        let mut tx = WriteTx::on_sqlite(connection, clock);
        let keep = group[at].run(&mut tx);
        after.take(&mut tx);
        sqlite::require_transaction(connection)?;
        if !keep && connection.total_changes() != before {
            sqlite::rollback(connection);
            return Ok(false);
        }
    }
    sqlite::commit(connection)?;
    Ok(true)
}

/// Runs `group` again, each job in a savepoint that is rolled back if the job fails.
fn run_one_by_one(
    connection: &Connection,
    clock: &Clock,
    group: &mut [Job],
    after: &mut After,
) -> Result<()> {
    sqlite::begin_write(connection)?;
    for job in group {
        let mut tx = WriteTx::on_sqlite(connection, clock);
        sqlite::savepoint(connection, || job.run(&mut tx))?;
        after.take(&mut tx);
    }
    sqlite::commit(connection)
}

/// Runs reads. Opening a snapshot costs more than a read, so reads share one for a moment, until
/// the next commit.
fn read_loop(connection: &Connection, queue: &Queue<Job>, clock: &Clock, commits: &AtomicU64) {
    let mut next = None;
    while let Some(first) = next.take().or_else(|| queue.pop()) {
        let seen = commits.load(Ordering::Acquire);
        let taken = Instant::now();
        let begun = sqlite::begin_read(connection);
        let mut job: Job = first;
        loop {
            if begun.is_ok() {
                job.run(&mut WriteTx::on_sqlite(connection, clock));
            }
            job.reply(&begun);
            let left = SNAPSHOT_AGE_MAX.saturating_sub(taken.elapsed());
            match queue.pop_within(left) {
                // The order matters: take the job first, then check that the snapshot is still the
                // newest.
                Some(waiting)
                    if taken.elapsed() < SNAPSHOT_AGE_MAX
                        && commits.load(Ordering::Acquire) == seen =>
                {
                    job = waiting;
                }
                waiting => {
                    next = waiting;
                    break;
                }
            }
        }
        sqlite::end_read(connection);
    }
}

/// Checks for writes of other processes (the command line) while there are subscribers.
fn watch_loop(path: &Path, live: &Subscribers, clock: &Clock) {
    let mut connection = None;
    while live.sleep(WATCH_EVERY) {
        let looked =
            connection.take().map_or_else(|| sqlite::open(path, sqlite::WATCHER_CACHE_KIB), Ok);
        let looked = looked.and_then(|open| {
            sqlite::begin_read(&open)?;
            let newest = newest_changes(&mut WriteTx::on_sqlite(&open, clock), &live.watched());
            sqlite::end_read(&open);
            Ok((open, newest?))
        });
        match looked {
            Ok((open, newest)) => {
                for (owner, last) in newest {
                    live.found(owner, last);
                }
                connection = Some(open);
            }
            Err(error) => {
                tracing::warn!(%error, "cannot check for changes by other processes; Taskwell \
                                        tries again");
            }
        }
    }
}

#[cfg(test)]
mod tests;
