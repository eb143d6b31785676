//! Subscriptions alone, then in every order of the threads that use them.

use futures_util::FutureExt as _;

use super::*;
use crate::sync::model::executor::block_on;
use crate::sync::model::{JoinHandle, check, spawn};

const ADA: UserId = UserId(1);
const BOB: UserId = UserId(2);

/// Takes a pending wake-up. Returns whether there was one.
fn is_woken(subscription: &Subscription) -> bool {
    subscription.woken().now_or_never().is_some()
}

/// Commits a change of Ada's and notifies, like a driver.
fn committer(live: &Subscribers, store: &Arc<AtomicI64>, changes: i64) -> JoinHandle<()> {
    let (live, store) = (live.clone(), store.clone());
    spawn(move || {
        for change in 1..=changes {
            store.store(change, Ordering::SeqCst);
            live.notify(&[ADA]);
        }
    })
}

/// Subscribes to Ada and waits until it has seen this change. Returns the number of wake-ups.
fn wait_for(live: &Subscribers, store: &AtomicI64, change: i64) -> usize {
    let subscription = live.watch(ADA).unwrap();
    for wake_ups in 1.. {
        block_on(subscription.woken());
        if store.load(Ordering::SeqCst) == change {
            return wake_ups;
        }
    }
    unreachable!("it waits until it has seen the change");
}

#[test]
fn a_notification_wakes_the_subscribers_of_the_account_and_no_others() {
    let live = Subscribers::new(9);
    let [ada, bob] = [ADA, BOB].map(|owner| live.watch(owner).unwrap());
    assert!(is_woken(&ada) && is_woken(&bob), "the first wake-up comes at once");
    assert!(!is_woken(&ada) && !is_woken(&bob));
    live.notify(&[ADA]);
    assert_eq!((is_woken(&ada), is_woken(&bob)), (true, false));
    live.notify(&[ADA, BOB, UserId(3)]);
    assert_eq!((is_woken(&ada), is_woken(&bob)), (true, true));
    live.notify(&[]);
    assert_eq!((is_woken(&ada), is_woken(&bob)), (false, false));
    live.notify_all();
    assert_eq!((is_woken(&ada), is_woken(&bob)), (true, true));
}

#[test]
fn several_notifications_make_one_wake_up() {
    let live = Subscribers::new(9);
    let ada = live.watch(ADA).unwrap();
    is_woken(&ada);
    (0..5).for_each(|_| live.notify(&[ADA, ADA]));
    assert_eq!((is_woken(&ada), is_woken(&ada)), (true, false));
}

#[test]
fn an_account_and_an_instance_have_a_limit_and_a_drop_makes_room() {
    let live = Subscribers::new(17);
    let mut of_ada: Vec<_> = (0..16).map(|_| live.watch(ADA).unwrap()).collect();
    assert!(matches!(live.watch(ADA), Err(Error::TooMany(_))));
    let bob = live.watch(BOB).unwrap();
    let unavailable = Some(Error::Unavailable { retry_after_s: RETRY_AFTER_S });
    assert_eq!(live.watch(BOB).err(), unavailable);
    of_ada.pop();
    assert_eq!(live.watched(), [ADA, BOB]);
    of_ada.push(live.watch(ADA).unwrap());
    drop((of_ada, bob));
    assert_eq!((live.watched(), live.is_watched()), (vec![], false));
}

#[test]
fn the_end_wakes_all_and_rejects_further_subscriptions() {
    let live = Subscribers::new(9);
    let ada = live.watch(ADA).unwrap();
    is_woken(&ada);
    assert!(!ada.is_over());
    live.close();
    assert!(ada.is_over() && is_woken(&ada));
    assert!(live.watch(ADA).is_err());
    assert!(!live.sleep(Duration::from_hours(1)));
}

#[test]
fn polling_wakes_only_those_that_have_missed_a_change() {
    let live = Subscribers::new(9);
    let ada = live.watch(ADA).unwrap();
    assert!(!live.found(ADA, 5), "its first wake-up is pending");
    is_woken(&ada);
    assert!(!live.found(ADA, 5), "it has not said what it has seen");
    ada.saw(5);
    assert!(!live.found(ADA, 5) && !is_woken(&ada));
    assert!(live.found(ADA, 6));
    assert!(!live.found(ADA, 6), "its wake-up is pending");
    assert!(is_woken(&ada));
    assert!(!live.found(BOB, 6));
}

#[test]
fn in_every_order_a_subscriber_sees_each_commit() {
    let orders = check(|| {
        let (live, store) = (Subscribers::new(9), Arc::new(AtomicI64::new(0)));
        let committer = committer(&live, &store, 2);
        // The subscription wakes at once, and at most once per commit.
        assert!((1..=3).contains(&wait_for(&live, &store, 2)));
        committer.join();
        assert!(!live.is_watched());
    });
    assert!(orders > 500, "{orders}");
}

#[test]
fn in_every_order_two_subscribers_see_a_commit_of_another_thread() {
    check(|| {
        let (live, store) = (Subscribers::new(9), Arc::new(AtomicI64::new(0)));
        let (shared, of_other) = (live.clone(), store.clone());
        let other = spawn(move || wait_for(&shared, &of_other, 1));
        let committer = committer(&live, &store, 1);
        wait_for(&live, &store, 1);
        other.join();
        committer.join();
    });
}

#[test]
fn in_every_order_a_subscription_can_end_during_a_notification() {
    check(|| {
        let live = Subscribers::new(9);
        let (first, second) = (live.watch(ADA).unwrap(), live.watch(ADA).unwrap());
        is_woken(&second);
        let shared = live.clone();
        let notifier = spawn(move || shared.notify(&[ADA]));
        let dropping = spawn(move || drop(first));
        block_on(second.woken());
        notifier.join();
        dropping.join();
        assert_eq!(live.watched(), [ADA]);
        drop(second);
        assert!(!live.is_watched());
    });
}

#[test]
fn in_every_order_the_end_wakes_a_subscriber_or_rejects_it() {
    check(|| {
        let live = Subscribers::new(9);
        let shared = live.clone();
        let subscriber = spawn(move || {
            let Ok(subscription) = shared.watch(ADA) else { return };
            while !subscription.is_over() {
                block_on(subscription.woken());
            }
        });
        live.close();
        subscriber.join();
    });
}

#[test]
fn in_every_order_the_watcher_sleeps_until_there_is_a_subscription() {
    check(|| {
        let live = Subscribers::new(9);
        let shared = live.clone();
        let watcher = spawn(move || {
            let is_open = shared.sleep(Duration::from_secs(1));
            (is_open, shared.watched())
        });
        let subscription = live.watch(ADA).unwrap();
        let (is_open, owners) = watcher.join();
        assert_eq!((is_open, owners), (true, vec![ADA]));
        drop(subscription);
        let shared = live.clone();
        let watcher = spawn(move || shared.sleep(Duration::from_secs(1)));
        live.close();
        assert!(!watcher.join());
    });
}

#[test]
fn many_threads_lose_no_wake_up() {
    const CHANGES: i64 = 2000;
    let (live, store) = (Subscribers::new(100), AtomicI64::new(0));
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| wait_for(&live, &store, CHANGES));
            // Meanwhile, other subscriptions start and end.
            scope.spawn(|| {
                (0..CHANGES).for_each(|_| drop(live.watch(BOB).map(|bob| is_woken(&bob))));
            });
        }
        scope.spawn(|| {
            for change in 1..=CHANGES {
                store.store(change, Ordering::SeqCst);
                live.notify(&[ADA, BOB]);
            }
        });
    });
    assert!(!live.is_watched());
}
