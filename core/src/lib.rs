//! The core of Taskwell: rules, storage and use cases. It is independent of HTTP, async runtimes
//! and processes.

pub mod accounts;
pub mod app;
pub mod audit;
pub mod bearer;
pub mod changes;
pub mod client;
pub mod clock;
pub mod db;
pub mod epoch;
pub mod error;
pub mod hasher;
pub mod id_or_uuid;
pub mod idempotency;
pub mod ids;
pub mod import;
pub mod limits;
pub mod live;
pub mod mail;
pub mod names;
pub mod page;
mod queue;
pub mod sessions;
pub mod settings;
pub mod store;
mod sync;
pub mod tasks;
pub mod text;
pub mod time;
pub mod tokens;
pub mod totp;
pub mod transfer;
pub mod users;
