//! Taskwell as a process: its settings, its files, its end; what survives a `kill -9`; what
//! operators do on the command line.

mod backup;
mod commands;
mod connections;
mod copy;
mod descriptors;
mod disk;
mod durability;
mod environment;
mod foreign;
mod heads;
mod http;
mod import;
mod import_rules;
mod import_shapes;
mod instances;
mod logs;
mod mail;
mod migrate;
mod names;
mod proxy;
mod redis;
mod reload;
mod rolling;
mod settings;
mod stop;
mod uploads;
