//! Waiting. Tests wait for a condition, never for a fixed time, and only this file sleeps. Time
//! itself passes here only if it is what a test is about: a slow client, a slow network.

use std::net::TcpStream;
use std::process::Child;
use std::time::{Duration, Instant};

/// Longer than any condition takes on a busy machine.
const DEADLINE: Duration = Duration::from_mins(1);
const POLL_EVERY: Duration = Duration::from_millis(5);
/// The kernel's unit of CPU time in `/proc/PID/stat`.
const TICK_MS: u64 = 10;

/// Polls until `condition` holds. Fails the test after [`DEADLINE`] and says what did not happen.
pub fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let started = Instant::now();
    while !condition() {
        assert!(started.elapsed() < DEADLINE, "did not happen in {DEADLINE:?}: {what}");
        std::thread::sleep(POLL_EVERY);
    }
}

/// As [`until`], for a condition that awaits.
pub async fn until_async(what: &str, mut condition: impl AsyncFnMut() -> bool) {
    let started = Instant::now();
    while !condition().await {
        assert!(started.elapsed() < DEADLINE, "did not happen in {DEADLINE:?}: {what}");
        tokio::time::sleep(POLL_EVERY).await;
    }
}

/// Waits until a program that the test has started listens at `address`.
pub fn until_listening(program: &str, child: &mut Child, address: &str) {
    until(&format!("{program} listens at {address}"), || {
        let ended = child.try_wait().unwrap();
        assert!(ended.is_none(), "{program} ended instead of listening at {address}: {ended:?}");
        TcpStream::connect(address).is_ok()
    });
}

/// Kills a program once it has used this much CPU time, unless it has ended. CPU time measures the
/// program's progress even on a busy machine.
pub fn kill_after_cpu_time(child: &mut Child, time_ms: u64) {
    let stat = format!("/proc/{}/stat", child.id());
    until("the program has used its CPU time or ended", || {
        let text = std::fs::read_to_string(&stat).unwrap();
        // After the program's name, which may contain spaces: utime and stime (proc_pid_stat(5)).
        let fields = text.rsplit(") ").next().unwrap().split(' ').skip(11).take(2);
        let ticks: u64 = fields.map(|ticks| ticks.parse::<u64>().unwrap()).sum();
        ticks * TICK_MS >= time_ms || child.try_wait().unwrap().is_some()
    });
    let _ = child.kill();
    child.wait().unwrap();
}

/// Pauses like a client that sends or reads slowly.
pub fn pause_of_a_slow_client(pause: Duration) {
    std::thread::sleep(pause);
}

/// Pauses like another program between two accesses to the database.
pub fn pause_of_another_program(pause: Duration) {
    std::thread::sleep(pause);
}

/// Waits for the time that bytes spend on a slow network.
pub fn network_delay(delay: Duration) {
    std::thread::sleep(delay);
}

/// Pauses like a client before it repeats a refused request.
pub async fn pause_before_retry() {
    tokio::time::sleep(POLL_EVERY).await;
}
