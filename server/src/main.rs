//! The process `taskwell`.

mod accounts;
mod cli;
mod config;
mod secret;
mod serve;
mod store;
mod telemetry;

fn main() -> std::process::ExitCode {
    cli::run()
}
