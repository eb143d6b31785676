//! Subscriptions to the changes of an account, and how a commit wakes them. A wake-up carries no
//! data. The subscriber queries the store, which decides what happened and what the subscriber may
//! see.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::task::Poll;
use std::time::Duration;

use crate::error::{Error, Result};
use crate::limits::Policy;
use crate::sync::{AtomicBool, AtomicI64, AtomicUsize, AtomicWaker, Condvar, Mutex, MutexGuard};

/// The most subscriptions to one account on one instance: one per browser tab.
const PER_OWNER: Policy = Policy { name: "streams", tries: 16, window_s: 1 };
/// When a rejected subscriber may try again.
const RETRY_AFTER_S: u32 = 5;

/// All subscriptions on this instance. Cheap to clone.
#[derive(Clone)]
pub struct Subscribers(Arc<Hub>);

struct Hub {
    /// The number of subscriptions. If it is 0, a commit takes no lock.
    count: AtomicUsize,
    count_max: usize,
    state: Mutex<State>,
    /// Signals the first subscription, and the end.
    changed: Condvar,
}

#[derive(Default)]
struct State {
    by_owner: BTreeMap<i64, Vec<Arc<Signal>>>,
    closed: bool,
}

struct Signal {
    woken: AtomicBool,
    /// The sequence number of the newest change that the subscriber has seen.
    seen: AtomicI64,
    waker: AtomicWaker,
}

impl Signal {
    fn wake(&self) {
        self.woken.store(true, Ordering::Release);
        self.waker.wake();
    }
}

/// A subscription to one account. Dropping it ends it.
pub struct Subscription {
    live: Subscribers,
    owner: i64,
    signal: Arc<Signal>,
}

impl Subscribers {
    /// Accepts at most `count_max` subscriptions at a time.
    pub fn new(count_max: usize) -> Subscribers {
        let (count, changed) = (AtomicUsize::new(0), Condvar::new());
        Subscribers(Arc::new(Hub { count, count_max, state: Mutex::default(), changed }))
    }

    /// Subscribes to an account. The first wake-up comes at once, because a change may have been
    /// committed before.
    ///
    /// # Errors
    /// The account or the instance has too many subscriptions, or the server is stopping.
    pub fn watch(&self, owner: i64) -> Result<Subscription> {
        let mut state = self.state();
        if state.closed || self.0.count.load(Ordering::Relaxed) >= self.0.count_max {
            return Err(Error::Unavailable { retry_after_s: RETRY_AFTER_S });
        }
        let signals = state.by_owner.entry(owner).or_default();
        if i64::try_from(signals.len()).unwrap_or(i64::MAX) >= PER_OWNER.tries {
            return Err(PER_OWNER.exceeded_for(RETRY_AFTER_S));
        }
        let (woken, seen) = (AtomicBool::new(true), AtomicI64::new(i64::MAX));
        let signal = Arc::new(Signal { woken, seen, waker: AtomicWaker::new() });
        signals.push(signal.clone());
        // Before the subscriber's first query: a commit that this query misses sees the count.
        self.0.count.fetch_add(1, Ordering::SeqCst);
        self.0.changed.notify_all();
        Ok(Subscription { live: self.clone(), owner, signal })
    }

    /// Wakes all subscriptions and rejects further ones.
    pub fn close(&self) {
        let mut state = self.state();
        state.closed = true;
        state.by_owner.values().flatten().for_each(|signal| signal.wake());
        self.0.changed.notify_all();
    }

    pub(crate) fn is_watched(&self) -> bool {
        self.0.count.load(Ordering::SeqCst) > 0
    }

    /// Wakes the subscriptions to these accounts, after a commit.
    pub(crate) fn notify(&self, owners: &[i64]) {
        if owners.is_empty() || !self.is_watched() {
            return;
        }
        let state = self.state();
        for owner in owners {
            state.by_owner.get(owner).into_iter().flatten().for_each(|signal| signal.wake());
        }
    }

    /// Wakes all subscriptions, if a notification may have been lost.
    pub(crate) fn notify_all(&self) {
        self.state().by_owner.values().flatten().for_each(|signal| signal.wake());
    }

    /// The accounts with subscriptions.
    pub(crate) fn watched(&self) -> Vec<i64> {
        self.state().by_owner.keys().copied().collect()
    }

    /// Wakes the subscriptions that have not seen the account's newest change. Returns whether one
    /// of them had no wake-up pending, which means that no notification arrived.
    pub(crate) fn found(&self, owner: i64, newest: i64) -> bool {
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

    /// Blocks for `period`, and then until there is a subscription. Returns `false` once
    /// [`Subscribers::close`] was called.
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
    /// Waits for a wake-up. Several that arrive before this call count as one.
    pub async fn woken(&self) {
        poll_fn(|context| {
            self.signal.waker.register(context.waker());
            let woken = self.signal.woken.swap(false, Ordering::AcqRel);
            if woken { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }

    /// Whether the server is stopping and no further wake-up comes.
    pub fn is_over(&self) -> bool {
        self.live.state().closed
    }

    /// Stores the sequence number of the newest change that the subscriber has seen.
    pub fn saw(&self, seq: i64) {
        self.signal.seen.store(seq, Ordering::Release);
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        let mut state = self.live.state();
        if let Some(signals) = state.by_owner.get_mut(&self.owner) {
            signals.retain(|signal| !Arc::ptr_eq(signal, &self.signal));
            if signals.is_empty() {
                state.by_owner.remove(&self.owner);
            }
        }
        self.live.0.count.fetch_sub(1, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests;
