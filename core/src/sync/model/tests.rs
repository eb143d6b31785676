//! Tests that the checker finds the errors that it is for.

use std::panic::catch_unwind;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::primitives::{AtomicUsize, Condvar, Mutex};
use super::{check, spawn};

fn failure_of(test: impl Fn() + std::panic::UnwindSafe) -> String {
    let panic = catch_unwind(|| check(test)).unwrap_err();
    super::message(panic.as_ref())
}

#[test]
fn a_lost_update_is_found() {
    let failure = failure_of(|| {
        let count = Arc::new(AtomicUsize::new(0));
        let other = count.clone();
        let add = |count: &AtomicUsize| {
            let before = count.load(Ordering::SeqCst);
            count.store(before + 1, Ordering::SeqCst);
        };
        let thread = spawn(move || add(&other));
        add(&count);
        thread.join();
        assert_eq!(count.load(Ordering::SeqCst), 2, "an update was lost");
    });
    assert!(failure.contains("an update was lost"), "{failure}");
}

#[test]
fn a_deadlock_is_found() {
    let failure = failure_of(|| {
        let locks = Arc::new((Mutex::new(()), Mutex::new(())));
        let other = locks.clone();
        let thread = spawn(move || {
            let _first = other.0.lock();
            let _second = other.1.lock();
        });
        let first = locks.1.lock();
        let second = locks.0.lock();
        drop((first, second));
        thread.join();
    });
    assert!(failure.contains("a deadlock"), "{failure}");
}

#[test]
fn a_lost_wake_up_is_found() {
    let failure = failure_of(|| {
        let (ready, changed) = (Mutex::new(false), Condvar::new());
        let shared = Arc::new((ready, changed));
        let other = shared.clone();
        let thread = spawn(move || {
            // Between the two, the other thread may start to wait.
            other.1.notify_one();
            *other.0.lock().unwrap() = true;
        });
        let is_ready = shared.0.lock().unwrap();
        drop(shared.1.wait_while(is_ready, |is_ready| !*is_ready));
        thread.join();
    });
    assert!(failure.contains("a lost wake-up"), "{failure}");
}

#[test]
fn all_orders_of_two_steps_each_are_tried() {
    let seen = std::sync::Mutex::new(std::collections::BTreeSet::new());
    let orders = check(|| {
        let order = Arc::new(std::sync::Mutex::new(String::new()));
        let count = Arc::new(AtomicUsize::new(0));
        let [first, second] = ['a', 'b'].map(|name| {
            let (order, count) = (order.clone(), count.clone());
            spawn(move || {
                for _ in 0..2 {
                    count.fetch_add(1, Ordering::SeqCst);
                    order.lock().unwrap().push(name);
                }
            })
        });
        first.join();
        second.join();
        seen.lock().unwrap().insert(order.lock().unwrap().clone());
    });
    let seen: Vec<_> = seen.into_inner().unwrap().into_iter().collect();
    assert_eq!(seen, ["aabb", "abab", "abba", "baab", "baba", "bbaa"], "{orders}");
}
