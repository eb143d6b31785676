//! What Taskwell is: its rules, its storage, its use cases. Knows no HTTP, no async runtime, no process.

pub mod app;
pub mod audit;
pub mod bearer;
pub mod changes;
pub mod client;
pub mod clock;
pub mod db;
pub mod error;
pub mod hasher;
pub mod idempotency;
pub mod import;
pub mod key;
pub mod limits;
pub mod live;
pub mod mail;
pub mod page;
mod queue;
pub mod sessions;
pub mod settings;
pub mod tasks;
pub mod text;
pub mod time;
pub mod tokens;
pub mod totp;
pub mod transfer;
pub mod users;
