//! A model checker for multithreaded code. [`check`] runs a test again and again, each time with
//! another order of its threads, until it has tried every order with at most [`PREEMPTIONS_MAX`]
//! preemptions. A deadlock, and so a lost wake-up, is a failure.
//!
//! One thread runs at a time. It yields before each operation on a lock or an atomic, and continues
//! when the scheduler chooses it again. Memory is sequentially consistent: the checker does not
//! find an ordering that is too weak.
//!
//! Outside [`check`], the primitives behave like those of `std`.

pub mod executor;
pub mod primitives;
#[cfg(test)]
mod tests;

use std::any::Any;
use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// How often the scheduler may interrupt a thread that could continue. Most errors need two
/// interruptions.
const PREEMPTIONS_MAX: usize = 3;
/// Maximum number of orders of a test.
const ORDERS_MAX: usize = 200_000;

thread_local! {
    /// The scheduler of this thread and the thread's index, inside [`check`].
    static CURRENT: RefCell<Option<(Arc<Scheduler>, usize)>> = const { RefCell::new(None) };
}

struct Scheduler {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    running: usize,
    threads: Vec<Status>,
    /// The choices of this run. The next run repeats all but the last one that has an alternative.
    choices: Vec<Choice>,
    /// The index of the next choice.
    at: usize,
    preemptions: usize,
    failure: Option<String>,
    handles: Vec<std::thread::JoinHandle<()>>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Status {
    Ready,
    /// Waits for the lock at this address.
    Locking(usize),
    /// Waits for the condition variable at this address.
    Waiting {
        condvar: usize,
        timed: bool,
    },
    /// Waits for the end of another thread.
    Joining(usize),
    Ended,
}

#[derive(Clone, Copy)]
struct Choice {
    taken: usize,
    of: usize,
}

/// Runs `test` in every order of the threads that it spawns. Returns how many orders there are.
pub fn check(test: impl Fn()) -> usize {
    let mut choices = Vec::new();
    for orders in 1..=ORDERS_MAX {
        let state = State { choices, threads: vec![Status::Ready], ..State::default() };
        let scheduler = Arc::new(Scheduler { state: Mutex::new(state), changed: Condvar::new() });
        CURRENT.set(Some((scheduler.clone(), 0)));
        let outcome = catch_unwind(AssertUnwindSafe(&test));
        scheduler.end(0, outcome.as_ref().err().map(|panic| message(panic.as_ref())));
        let handles = std::mem::take(&mut scheduler.lock().handles);
        for handle in handles {
            handle.join().unwrap();
        }
        CURRENT.set(None);
        let state = std::mem::take(&mut *scheduler.lock());
        if let Some(failure) = state.failure {
            panic!("order {orders}: {failure}");
        }
        choices = state.choices;
        while choices.pop_if(|last| last.taken + 1 == last.of).is_some() {}
        match choices.last_mut() {
            Some(last) => last.taken += 1,
            None => return orders,
        }
    }
    panic!("more than {ORDERS_MAX} orders");
}

/// A thread of the model.
pub struct JoinHandle<T> {
    thread: usize,
    result: Arc<Mutex<Option<T>>>,
}

/// Starts a thread of the model.
pub fn spawn<T: Send + 'static>(f: impl FnOnce() -> T + Send + 'static) -> JoinHandle<T> {
    let (scheduler, _) = current().unwrap();
    let result = Arc::new(Mutex::new(None));
    let mut state = scheduler.lock();
    let thread = state.threads.len();
    state.threads.push(Status::Ready);
    let (shared, slot) = (scheduler.clone(), result.clone());
    state.handles.push(std::thread::spawn(move || {
        CURRENT.set(Some((shared.clone(), thread)));
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            shared.wait_for_turn(thread);
            f()
        }));
        let failure = outcome.as_ref().err().map(|panic| message(panic.as_ref()));
        *slot.lock().unwrap() = outcome.ok();
        shared.end(thread, failure);
    }));
    JoinHandle { thread, result }
}

impl<T> JoinHandle<T> {
    pub fn join(self) -> T {
        let (scheduler, me) = current().unwrap();
        if scheduler.lock().threads[self.thread] != Status::Ended {
            scheduler.pause(me, Status::Joining(self.thread));
        }
        self.result.lock().unwrap().take().unwrap()
    }
}

/// Returns the scheduler, unless this thread is outside a model or unwinds.
fn current() -> Option<(Arc<Scheduler>, usize)> {
    if std::thread::panicking() { None } else { CURRENT.with_borrow(Clone::clone) }
}

/// Lets other threads go first.
fn step() {
    if let Some((scheduler, me)) = current() {
        scheduler.pause(me, Status::Ready);
    }
}

impl Scheduler {
    /// Yields to a thread that can run, and returns when the scheduler chooses this one again.
    /// Returns `false` if this thread was still waiting for a notification, which is a timeout.
    fn pause(&self, me: usize, status: Status) -> bool {
        let mut state = self.lock();
        state.threads[me] = status;
        state.choose_thread();
        self.changed.notify_all();
        drop(state);
        self.wait_for_turn(me);
        let before = std::mem::replace(&mut self.lock().threads[me], Status::Ready);
        before == Status::Ready
    }

    fn wait_for_turn(&self, me: usize) {
        let mut state = self.lock();
        while state.running != me && state.failure.is_none() {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        let has_failed = state.failure.is_some();
        drop(state);
        assert!(!has_failed, "another thread failed");
    }

    fn end(&self, me: usize, failure: Option<String>) {
        let mut state = self.lock();
        if let Some(failure) = failure {
            state.failure.get_or_insert(failure);
        }
        state.threads[me] = Status::Ended;
        state.wake(|status| status == Status::Joining(me));
        state.choose_thread();
        self.changed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn choose(&mut self, of: usize) -> usize {
        if self.at == self.choices.len() {
            self.choices.push(Choice { taken: 0, of });
        }
        let Choice { taken, of: before } = self.choices[self.at];
        assert_eq!(of, before, "the test itself must be deterministic");
        self.at += 1;
        taken
    }

    /// Chooses the thread that runs next. The first choice is to continue with the running one.
    fn choose_thread(&mut self) {
        let me = self.running;
        let can_run =
            |status: Status| matches!(status, Status::Ready | Status::Waiting { timed: true, .. });
        let is_ready = self.threads[me] == Status::Ready;
        if self.failure.is_some() || (is_ready && self.preemptions == PREEMPTIONS_MAX) {
            return;
        }
        let mut able: Vec<usize> =
            (0..self.threads.len()).filter(|at| can_run(self.threads[*at])).collect();
        able.sort_by_key(|at| *at != me);
        if able.is_empty() {
            if self.threads.iter().any(|status| *status != Status::Ended) {
                self.failure = Some("a deadlock, or a lost wake-up".into());
            }
            return;
        }
        let next = able[self.choose(able.len())];
        self.preemptions += usize::from(is_ready && next != me);
        self.running = next;
    }

    fn wake(&mut self, which: impl Fn(Status) -> bool) {
        for status in self.threads.iter_mut().filter(|status| which(**status)) {
            *status = Status::Ready;
        }
    }
}

fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default()
}
