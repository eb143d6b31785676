//! All tests of the product through its interfaces: the router in this process, or the real binary
//! if the process matters.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by it")]

mod support;

mod accounts;
mod audit;
mod bounds;
mod compression;
mod concurrency;
mod conformance;
mod contract_root;
mod contract_v1;
mod contract_web;
mod docs;
mod doors;
mod enumeration;
mod epochs;
mod events;
mod forged;
mod forms;
mod guesses;
mod headers;
mod heads;
mod hostile;
mod idempotency;
mod imports;
mod limits;
mod live;
mod mail;
mod mail_limits;
mod names;
mod page;
mod paging;
mod postgres;
mod process;
mod rights;
mod schema;
mod script;
mod second_factor;
mod sessions;
mod statements;
mod tasks;
mod tidy;
mod tokens;
