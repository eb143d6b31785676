//! The program `taskwell`.

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

/// Taskwell allocates jobs on one thread and frees them on another. The system allocator takes a
/// lock for this.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    cli::run()
}
