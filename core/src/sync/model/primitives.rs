//! The primitives of `std`, which yield to other threads of a model before each operation.

#![expect(clippy::unnecessary_wraps, reason = "the signatures are those of `std`")]

use std::ops::{Deref, DerefMut};
use std::sync::atomic::{self, Ordering};
use std::sync::{LockResult, PoisonError, TryLockError};
use std::task::Waker;
use std::time::Duration;

use super::{Status, current, step};

#[derive(Debug, Default)]
pub struct Mutex<T>(std::sync::Mutex<T>);

pub struct MutexGuard<'m, T> {
    mutex: &'m Mutex<T>,
    guard: Option<std::sync::MutexGuard<'m, T>>,
}

impl<T> Mutex<T> {
    pub const fn new(value: T) -> Mutex<T> {
        Mutex(std::sync::Mutex::new(value))
    }

    pub fn lock(&self) -> LockResult<MutexGuard<'_, T>> {
        step();
        Ok(self.take())
    }

    fn take(&self) -> MutexGuard<'_, T> {
        let guard = loop {
            let Some((scheduler, me)) = current() else {
                break self.0.lock().unwrap_or_else(PoisonError::into_inner);
            };
            match self.0.try_lock() {
                Ok(guard) => break guard,
                Err(TryLockError::Poisoned(poisoned)) => break poisoned.into_inner(),
                Err(TryLockError::WouldBlock) => {
                    scheduler.pause(me, Status::Locking(self.address()));
                }
            }
        };
        MutexGuard { mutex: self, guard: Some(guard) }
    }

    fn address(&self) -> usize {
        std::ptr::from_ref(self).addr()
    }
}

impl<T> MutexGuard<'_, T> {
    fn unlock(&mut self) {
        self.guard = None;
        if let Some((scheduler, _)) = current() {
            let mutex = self.mutex.address();
            scheduler.lock().wake(|status| status == Status::Locking(mutex));
        }
    }
}

impl<T> Drop for MutexGuard<'_, T> {
    fn drop(&mut self) {
        if self.guard.is_some() {
            self.unlock();
        }
    }
}

impl<T> Deref for MutexGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.guard.as_ref().unwrap()
    }
}

impl<T> DerefMut for MutexGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        self.guard.as_mut().unwrap()
    }
}

#[derive(Debug, Default)]
pub struct Condvar(std::sync::Condvar);

impl Condvar {
    pub const fn new() -> Condvar {
        Condvar(std::sync::Condvar::new())
    }

    pub fn wait<'m, T>(&self, guard: MutexGuard<'m, T>) -> LockResult<MutexGuard<'m, T>> {
        Ok(self.pause(guard, None).0)
    }

    /// Inside a model, the timeout may end at any time.
    pub fn wait_timeout<'m, T>(
        &self,
        guard: MutexGuard<'m, T>,
        timeout: Duration,
    ) -> LockResult<(MutexGuard<'m, T>, bool)> {
        Ok(self.pause(guard, Some(timeout)))
    }

    pub fn wait_while<'m, T>(
        &self,
        mut guard: MutexGuard<'m, T>,
        mut condition: impl FnMut(&mut T) -> bool,
    ) -> LockResult<MutexGuard<'m, T>> {
        while condition(&mut guard) {
            guard = self.pause(guard, None).0;
        }
        Ok(guard)
    }

    /// See [`Condvar::wait_timeout`].
    pub fn wait_timeout_while<'m, T>(
        &self,
        mut guard: MutexGuard<'m, T>,
        timeout: Duration,
        mut condition: impl FnMut(&mut T) -> bool,
    ) -> LockResult<(MutexGuard<'m, T>, bool)> {
        let mut is_late = false;
        while !is_late && condition(&mut guard) {
            (guard, is_late) = self.pause(guard, Some(timeout));
        }
        Ok((guard, is_late))
    }

    pub fn notify_one(&self) {
        step();
        let Some((scheduler, _)) = current() else { return self.0.notify_one() };
        let mut state = scheduler.lock();
        let waits = |status: &Status| self.has(*status);
        let waiting: Vec<usize> =
            (0..state.threads.len()).filter(|at| waits(&state.threads[*at])).collect();
        if !waiting.is_empty() {
            let chosen = waiting[state.choose(waiting.len())];
            state.threads[chosen] = Status::Ready;
        }
    }

    pub fn notify_all(&self) {
        step();
        match current() {
            Some((scheduler, _)) => scheduler.lock().wake(|status| self.has(status)),
            None => self.0.notify_all(),
        }
    }

    fn has(&self, status: Status) -> bool {
        matches!(status, Status::Waiting { condvar, .. } if condvar == self.address())
    }

    fn address(&self) -> usize {
        std::ptr::from_ref(self).addr()
    }

    /// Waits for a notification. The flag is set after a timeout.
    fn pause<'m, T>(
        &self,
        mut guard: MutexGuard<'m, T>,
        timeout: Option<Duration>,
    ) -> (MutexGuard<'m, T>, bool) {
        let mutex = guard.mutex;
        if let Some((scheduler, me)) = current() {
            guard.unlock();
            let condvar = self.address();
            let timed = timeout.is_some();
            let is_notified = scheduler.pause(me, Status::Waiting { condvar, timed });
            return (mutex.take(), !is_notified);
        }
        let inner = guard.guard.take().unwrap();
        let (inner, is_late) = match timeout {
            None => (self.0.wait(inner).unwrap_or_else(PoisonError::into_inner), false),
            Some(timeout) => {
                let waited = self.0.wait_timeout(inner, timeout);
                let (inner, ended) = waited.unwrap_or_else(PoisonError::into_inner);
                (inner, ended.timed_out())
            }
        };
        (MutexGuard { mutex, guard: Some(inner) }, is_late)
    }
}

#[derive(Debug, Default)]
pub struct AtomicWaker(futures_util::task::AtomicWaker);

impl AtomicWaker {
    pub const fn new() -> AtomicWaker {
        AtomicWaker(futures_util::task::AtomicWaker::new())
    }

    pub fn register(&self, waker: &Waker) {
        step();
        self.0.register(waker);
    }

    pub fn wake(&self) {
        step();
        self.0.wake();
    }
}

macro_rules! atomic {
    ($($name:ident: $value:ty;)*) => {$(
        #[derive(Debug, Default)]
        pub struct $name(atomic::$name);

        #[allow(dead_code, reason = "not each type needs each operation")]
        impl $name {
            pub const fn new(value: $value) -> $name {
                $name(atomic::$name::new(value))
            }

            pub fn load(&self, order: Ordering) -> $value {
                step();
                self.0.load(order)
            }

            pub fn store(&self, value: $value, order: Ordering) {
                step();
                self.0.store(value, order);
            }

            pub fn swap(&self, value: $value, order: Ordering) -> $value {
                step();
                self.0.swap(value, order)
            }
        }
    )*};
}

atomic! {
    AtomicBool: bool;
    AtomicI64: i64;
    AtomicUsize: usize;
}

impl AtomicUsize {
    pub fn fetch_add(&self, value: usize, order: Ordering) -> usize {
        step();
        self.0.fetch_add(value, order)
    }

    pub fn fetch_sub(&self, value: usize, order: Ordering) -> usize {
        step();
        self.0.fetch_sub(value, order)
    }
}
