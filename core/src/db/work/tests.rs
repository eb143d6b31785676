//! Grouped writes on a real SQLite file, with the groups decided by the test.

use super::*;
use crate::db::job::Work;
use crate::ids::UserId;

const NOTED: &str = "SELECT COUNT(*) FROM notes";

/// The replies to the clients of a group.
type Replies<T> = Vec<oneshot::Receiver<Result<T>>>;

struct Bench {
    folder: std::path::PathBuf,
    connection: Connection,
    queue: Queue<Job>,
    commits: AtomicU64,
    live: Subscribers,
}

impl Bench {
    fn new() -> Bench {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("taskwell-work-{}-{number}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir(&folder).unwrap();
        let path = folder.join("taskwell.db");
        let connection = sqlite::open(&path, sqlite::WRITER_CACHE_KIB).unwrap();
        sqlite::configure_durability(&connection).unwrap();
        connection.execute_batch("CREATE TABLE notes (text TEXT NOT NULL)").unwrap();
        let (commits, live) = (AtomicU64::new(0), Subscribers::new(9));
        Bench { folder, connection, queue: Queue::new(QUEUE_MAX), commits, live }
    }

    fn add<T: Send + 'static>(
        &self,
        f: impl Fn(&mut WriteTx) -> Result<T> + Send + 'static,
    ) -> oneshot::Receiver<Result<T>> {
        let (answer, answered) = oneshot::channel();
        self.queue.push(Box::new(UseCase { f, outcome: None, answer }), 1).unwrap();
        answered
    }

    /// Runs the waiting jobs, then ends the writer. The connection stays open.
    fn run(&self) {
        self.queue.close();
        write_loop(&self.connection, &self.queue, &Clock::default(), &self.commits, &self.live);
    }

    fn notes(&self) -> i64 {
        self.connection.query_row(NOTED, [], |row| row.get(0)).unwrap()
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn note(tx: &mut WriteTx) -> Result<()> {
    tx.send("INSERT INTO notes (text) VALUES ($1)", &[&"a note"])
}

fn replies<T>(replies: Replies<T>) -> Vec<Result<T>> {
    replies.into_iter().map(|mut reply| reply.try_recv().unwrap().unwrap()).collect()
}

#[test]
fn waiting_writes_share_one_commit() {
    let bench = Bench::new();
    let sent: Replies<()> = (0..10).map(|_| bench.add(note)).collect();
    bench.run();
    assert_eq!(replies(sent), vec![Ok(()); 10]);
    assert_eq!((bench.notes(), bench.commits.load(Ordering::Relaxed)), (10, 1));
}

#[test]
fn a_group_has_a_limit() {
    let bench = Bench::new();
    let sent: Replies<()> = (0..=GROUP_MAX).map(|_| bench.add(note)).collect();
    bench.run();
    assert_eq!(replies(sent), vec![Ok(()); GROUP_MAX + 1]);
    assert_eq!(bench.commits.load(Ordering::Relaxed), 2);
}

#[test]
fn a_write_that_fails_undoes_only_its_own_changes() {
    let bench = Bench::new();
    let failing = |tx: &mut WriteTx| {
        note(tx)?;
        Err(Error::StorageFull)
    };
    let sent = vec![bench.add(note), bench.add(failing), bench.add(note)];
    bench.run();
    assert_eq!(replies(sent), [Ok(()), Err(Error::StorageFull), Ok(())]);
    assert_eq!(bench.notes(), 2);
}

#[test]
fn a_write_that_fails_before_it_wrote_costs_no_second_run() {
    let bench = Bench::new();
    let runs = Arc::new(AtomicU64::new(0));
    let counted = runs.clone();
    let good = bench.add(move |tx| {
        counted.fetch_add(1, Ordering::Relaxed);
        note(tx)
    });
    let sent = vec![good, bench.add(|_| Err(Error::StorageFull))];
    bench.run();
    assert_eq!(replies(sent), [Ok(()), Err(Error::StorageFull)]);
    assert_eq!((bench.notes(), runs.load(Ordering::Relaxed)), (1, 1));
}

#[test]
fn a_write_that_panics_fails_alone() {
    let bench = Bench::new();
    let panicking = |tx: &mut WriteTx| -> Result<()> {
        note(tx)?;
        panic!("a fault");
    };
    let sent = vec![bench.add(note), bench.add(panicking), bench.add(note)];
    bench.run();
    let replies = replies(sent);
    assert_eq!((&replies[0], &replies[2]), (&Ok(()), &Ok(())));
    assert!(matches!(&replies[1], Err(Error::Internal(_))));
    assert_eq!(bench.notes(), 2);
}

#[test]
fn after_a_full_disk_the_store_has_exactly_the_acknowledged_writes() {
    let bench = Bench::new();
    bench.connection.pragma_update(None, "max_page_count", 8).unwrap();
    let large = |tx: &mut WriteTx| {
        let text = "x".repeat(1_000_000);
        drop(tx.send("INSERT INTO notes (text) VALUES ($1)", &[&text]));
        Err::<(), _>(Error::StorageFull)
    };
    let sent = vec![bench.add(note), bench.add(large), bench.add(note)];
    bench.run();
    let replies = replies(sent);
    assert_eq!(replies[1], Err(Error::StorageFull));
    let acknowledged = replies.iter().filter(|reply| reply.is_ok()).count();
    assert_eq!(i64::try_from(acknowledged), Ok(bench.notes()));
    assert!(bench.connection.is_autocommit(), "no transaction is left open");
}

#[test]
fn when_the_transaction_is_lost_every_reply_is_an_error() {
    let bench = Bench::new();
    // SQLite rolls the whole transaction back after some I/O errors.
    let losing = |tx: &mut WriteTx| {
        note(tx)?;
        tx.send("ROLLBACK", &[])
    };
    let sent = vec![bench.add(note), bench.add(losing), bench.add(note)];
    // The third job never ran. The writer must answer the first two and continue.
    bench.run();
    assert_eq!(replies(sent), [Err(Error::StorageFull), Err(Error::StorageFull), Ok(())]);
    assert_eq!(bench.notes(), 1);
}

#[test]
fn replies_and_notifications_follow_the_commit_in_order() {
    struct Watched {
        name: &'static str,
        path: std::path::PathBuf,
        log: std::sync::mpsc::Sender<(&'static str, bool, i64)>,
    }
    impl Work for Watched {
        fn run(&mut self, tx: &mut WriteTx) -> bool {
            note(tx).is_ok()
        }

        fn reply(self: Box<Self>, committed: &Result<()>) {
            let other = Connection::open(&self.path).unwrap();
            let notes = other.query_row(NOTED, [], |row| row.get(0)).unwrap();
            self.log.send((self.name, committed.is_ok(), notes)).unwrap();
        }
    }
    let bench = Bench::new();
    let (log, logged) = std::sync::mpsc::channel();
    for name in ["first", "second", "third"] {
        let path = bench.connection.path().unwrap().into();
        bench.queue.push(Box::new(Watched { name, path, log: log.clone() }), 1).unwrap();
    }
    bench.run();
    // Another connection sees all three when the first client gets its reply.
    let seen: Vec<_> = logged.try_iter().collect();
    assert_eq!(seen, [("first", true, 3), ("second", true, 3), ("third", true, 3)]);
}

#[test]
fn only_a_committed_write_notifies() {
    let bench = Bench::new();
    let [ada, bob] = [1, 2].map(|owner| bench.live.watch(UserId(owner)).unwrap());
    let is_woken = |subscription: &crate::live::Subscription| {
        futures_util::FutureExt::now_or_never(subscription.woken()).is_some()
    };
    assert!(is_woken(&ada) && is_woken(&bob));
    let good = bench.add(|tx| {
        tx.notify(UserId(1));
        note(tx)
    });
    let failing = bench.add(|tx| {
        tx.notify(UserId(2));
        tx.send("ROLLBACK", &[])
    });
    bench.run();
    assert_eq!(replies(vec![good, failing]), [Err(Error::StorageFull), Err(Error::StorageFull)]);
    assert_eq!((is_woken(&ada), is_woken(&bob)), (false, false));
}
