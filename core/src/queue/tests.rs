//! The queue alone, then in every order of its threads.

use std::sync::Arc;

use super::*;
use crate::sync::model::{JoinHandle, check, spawn};

/// Takes jobs until the queue is closed and empty.
fn worker(queue: &Arc<Queue<u32>>) -> JoinHandle<Vec<u32>> {
    let queue = queue.clone();
    spawn(move || std::iter::from_fn(|| queue.pop()).collect())
}

fn pusher(queue: &Arc<Queue<u32>>, jobs: [u32; 2]) -> JoinHandle<()> {
    let queue = queue.clone();
    spawn(move || jobs.into_iter().for_each(|job| queue.push(job, 1).unwrap()))
}

#[test]
fn jobs_leave_in_the_order_in_which_they_came() {
    let queue = Queue::new(3);
    (1..=3).for_each(|job| queue.push(job, 1).unwrap());
    assert_eq!((queue.try_pop(), queue.pop()), (Some(1), Some(2)));
    queue.push(4, 1).unwrap();
    assert_eq!((queue.pop_within(Duration::ZERO), queue.try_pop()), (Some(3), Some(4)));
    assert_eq!((queue.pop_within(Duration::ZERO), queue.try_pop()), (None, None));
}

#[test]
fn a_full_queue_rejects_a_job_until_another_one_leaves() {
    let queue = Queue::new(2);
    queue.push(1, 7).unwrap();
    queue.push(2, 7).unwrap();
    assert_eq!(queue.push(3, 7), Err(Error::Unavailable { retry_after_s: 7 }));
    queue.pop();
    assert_eq!((queue.push(3, 7), queue.pop(), queue.pop()), (Ok(()), Some(2), Some(3)));
}

#[test]
fn a_closed_queue_rejects_jobs_and_hands_out_those_that_wait() {
    let queue = Queue::new(3);
    queue.push(1, 1).unwrap();
    queue.push(2, 1).unwrap();
    assert!(!queue.is_closed());
    queue.close();
    assert!(queue.is_closed());
    assert!(matches!(queue.push(3, 1), Err(Error::Internal(_))));
    // A wait of this length would exceed this test's time limit.
    let patience = Duration::from_hours(1);
    let left = [queue.pop(), queue.pop_within(patience), queue.pop(), queue.pop_within(patience)];
    assert_eq!(left, [Some(1), Some(2), None, None]);
}

#[test]
fn in_every_order_each_job_is_done_once_and_all_threads_end() {
    let orders = check(|| {
        let queue = Arc::new(Queue::new(2));
        let workers = [worker(&queue), worker(&queue)];
        pusher(&queue, [1, 2]).join();
        queue.close();
        let mut done = workers.map(JoinHandle::join).concat();
        done.sort_unstable();
        assert_eq!(done, [1, 2]);
    });
    assert!(orders > 500, "{orders}");
}

#[test]
fn in_every_order_the_jobs_of_one_thread_keep_theirs() {
    check(|| {
        let queue = Arc::new(Queue::new(4));
        let pushers = [pusher(&queue, [1, 2]), pusher(&queue, [11, 12])];
        let done: Vec<u32> = std::iter::from_fn(|| queue.pop()).take(4).collect();
        pushers.into_iter().for_each(JoinHandle::join);
        let of = |low| done.iter().copied().filter(|job| job / 10 == low).collect::<Vec<_>>();
        assert_eq!((of(0), of(1)), (vec![1, 2], vec![11, 12]));
    });
}

#[test]
fn in_every_order_a_queue_of_one_takes_one_of_two_jobs() {
    check(|| {
        let queue = Arc::new(Queue::new(1));
        let pushes = [1, 2].map(|job| {
            let queue = queue.clone();
            spawn(move || queue.push(job, 1).is_ok())
        });
        let taken = pushes.map(JoinHandle::join);
        let first = if taken[0] { 1 } else { 2 };
        assert_ne!(taken[0], taken[1]);
        assert_eq!((queue.try_pop(), queue.try_pop()), (Some(first), None));
    });
}

#[test]
fn in_every_order_a_job_that_one_thread_stopped_waiting_for_wakes_another() {
    check(|| {
        let queue = Arc::new(Queue::new(2));
        let patient = worker(&queue);
        let shared = queue.clone();
        // In the model, the wait may end at any time, even while the job is being passed on.
        let other = spawn(move || shared.pop_within(Duration::from_secs(1)));
        queue.push(1, 1).unwrap();
        let mut done: Vec<u32> = other.join().into_iter().collect();
        queue.close();
        done.extend(patient.join());
        assert_eq!(done, [1]);
    });
}

#[test]
fn in_every_order_a_job_is_rejected_or_done_while_the_queue_closes() {
    check(|| {
        let queue = Arc::new(Queue::new(2));
        let worker = worker(&queue);
        let shared = queue.clone();
        let closing = spawn(move || shared.close());
        let is_taken = queue.push(1, 1).is_ok();
        closing.join();
        assert_eq!(worker.join().len(), usize::from(is_taken));
        assert_eq!(queue.pop(), None);
    });
}

#[test]
fn many_threads_lose_no_job() {
    const JOBS: u32 = 20_000;
    let queue = Queue::new(usize::MAX);
    let (workers, pushers) = (4, 4);
    let sum: u64 = std::thread::scope(|scope| {
        let take = || std::iter::from_fn(|| queue.pop()).map(u64::from).sum::<u64>();
        let taken: Vec<_> = (0..workers).map(|_| scope.spawn(take)).collect();
        let push = || (1..=JOBS).for_each(|job| queue.push(job, 1).unwrap());
        let pushed: Vec<_> = (0..pushers).map(|_| scope.spawn(push)).collect();
        for thread in pushed {
            thread.join().unwrap();
        }
        queue.close();
        taken.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    let jobs = u64::from(JOBS);
    assert_eq!(sum, pushers * jobs * (jobs + 1) / 2);
}
