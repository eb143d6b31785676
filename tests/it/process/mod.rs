//! Taskwell as a process: its settings, its files, its end; what survives a `kill -9`; what operators do on the command line.

mod backup;
mod commands;
mod copy;
mod durability;
mod http;
mod import;
mod instances;
mod mail;
mod redis;
mod settings;
mod stop;
