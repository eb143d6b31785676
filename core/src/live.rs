//! Who waits for what happens to an account, and how they are woken after a commit. A wake-up
//! carries nothing but that it is time to look: what happened, and whether the waiting may see it,
//! the store says.

use std::collections::HashMap;
use std::future::poll_fn;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::Duration;

use futures_util::task::AtomicWaker;

use crate::error::{Error, Result};
use crate::ids::UserId;
use crate::limits::Policy;

/// How many may wait for one account on one instance: a tab each.
const PER_OWNER: Policy = Policy { name: "streams", tries: 16, window_s: 1 };
/// When one who was turned away may try again.
const RETRY_AFTER_S: u32 = 5;

/// All who wait on this instance. Cheap to clone.
#[derive(Clone)]
pub struct Subscribers(Arc<Hub>);

struct Hub {
    /// How many wait: all that a write looks at where nobody does.
    count: AtomicUsize,
    count_max: usize,
    state: Mutex<State>,
    /// Somebody waits, or nobody ever will.
    changed: Condvar,
}

#[derive(Default)]
struct State {
    by_owner: HashMap<UserId, Vec<Arc<Signal>>>,
    closed: bool,
}

struct Signal {
    woken: AtomicBool,
    /// The number of the last change that was seen.
    seen: AtomicI64,
    waker: AtomicWaker,
}

impl Signal {
    fn wake(&self) {
        self.woken.store(true, Ordering::Release);
        self.waker.wake();
    }
}

/// Somebody who waits, until it is dropped.
pub struct Subscription {
    live: Subscribers,
    owner: UserId,
    signal: Arc<Signal>,
}

impl Subscribers {
    /// For at most so many.
    pub fn new(count_max: usize) -> Subscribers {
        let (count, changed) = (AtomicUsize::new(0), Condvar::new());
        Subscribers(Arc::new(Hub { count, count_max, state: Mutex::default(), changed }))
    }

    /// Waits for what happens to an account from now on; woken once at the beginning, for what
    /// happened meanwhile.
    ///
    /// # Errors
    /// Too many wait already, for this account or at all, or the server stops.
    pub fn watch(&self, owner: UserId) -> Result<Subscription> {
        let mut state = self.state();
        if state.closed || self.0.count.load(Ordering::Relaxed) >= self.0.count_max {
            return Err(Error::Unavailable { retry_after_s: RETRY_AFTER_S });
        }
        let places = state.by_owner.entry(owner).or_default();
        if i64::try_from(places.len()).unwrap_or(i64::MAX) >= PER_OWNER.tries {
            return Err(PER_OWNER.exceeded_for(RETRY_AFTER_S));
        }
        let (woken, seen) = (AtomicBool::new(true), AtomicI64::new(i64::MAX));
        let signal = Arc::new(Signal { woken, seen, waker: AtomicWaker::new() });
        places.push(signal.clone());
        // Before the store is looked at: a write that this look misses sees the count.
        self.0.count.fetch_add(1, Ordering::SeqCst);
        self.0.changed.notify_all();
        Ok(Subscription { live: self.clone(), owner, signal })
    }

    /// Nobody waits any longer, now and later.
    pub fn close(&self) {
        let mut state = self.state();
        state.closed = true;
        state.by_owner.values().flatten().for_each(|signal| signal.wake());
        self.0.changed.notify_all();
    }

    pub(crate) fn is_watched(&self) -> bool {
        self.0.count.load(Ordering::SeqCst) > 0
    }

    /// Wakes those who wait for these accounts, about which something was committed.
    pub(crate) fn notify(&self, owners: &[UserId]) {
        if owners.is_empty() || !self.is_watched() {
            return;
        }
        let state = self.state();
        for owner in owners {
            state.by_owner.get(owner).into_iter().flatten().for_each(|signal| signal.wake());
        }
    }

    /// Wakes all: something may have been missed.
    pub(crate) fn notify_all(&self) {
        self.state().by_owner.values().flatten().for_each(|signal| signal.wake());
    }

    /// The accounts that somebody waits for.
    pub(crate) fn watched(&self) -> Vec<UserId> {
        self.state().by_owner.keys().copied().collect()
    }

    /// Wakes those who have not seen the account's newest change; whether there were such, whom
    /// nobody had told.
    pub(crate) fn found(&self, owner: UserId, newest: i64) -> bool {
        let state = self.state();
        let behind = |signal: &&Arc<Signal>| {
            let seen = signal.seen.load(Ordering::Acquire);
            seen < newest && !signal.woken.load(Ordering::Acquire)
        };
        let mut is_news = false;
        for signal in state.by_owner.get(&owner).into_iter().flatten().filter(behind) {
            signal.wake();
            is_news = true;
        }
        is_news
    }

    /// Lets a thread sleep for so long, and then as long as nobody waits; `false` once nobody ever
    /// will.
    pub(crate) fn sleep(&self, period: Duration) -> bool {
        let asleep = self.0.changed.wait_timeout_while(self.state(), period, |state| !state.closed);
        let (state, _) = asleep.unwrap_or_else(PoisonError::into_inner);
        let is_idle = |state: &mut State| state.by_owner.is_empty() && !state.closed;
        let state =
            self.0.changed.wait_while(state, is_idle).unwrap_or_else(PoisonError::into_inner);
        !state.closed
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Subscription {
    /// When it is time to look.
    pub async fn woken(&self) {
        poll_fn(|context| {
            self.signal.waker.register(context.waker());
            let woken = self.signal.woken.swap(false, Ordering::AcqRel);
            if woken { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }

    /// Whether the server stops, and nothing more comes.
    pub fn is_over(&self) -> bool {
        self.live.state().closed
    }

    /// Notes the number of the newest change that was seen.
    pub fn saw(&self, seq: i64) {
        self.signal.seen.store(seq, Ordering::Release);
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        let mut state = self.live.state();
        if let Some(places) = state.by_owner.get_mut(&self.owner) {
            places.retain(|signal| !Arc::ptr_eq(signal, &self.signal));
            if places.is_empty() {
                state.by_owner.remove(&self.owner);
            }
        }
        self.live.0.count.fetch_sub(1, Ordering::SeqCst);
    }
}
