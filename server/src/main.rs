//! The process `taskwell`.

mod acceptor;
mod accounts;
mod audit;
mod cli;
mod config;
mod connection;
mod console;
mod copy;
mod descriptors;
mod health;
mod housekeeping;
mod import;
mod log_writer;
mod mailer;
mod redis_limits;
mod reload;
mod secret;
mod serve;
mod slots;
mod store;
mod telemetry;
mod workers;

/// Jobs are allocated on one thread and freed on another, which costs the system's allocator a lock
/// each time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    cli::run()
}
