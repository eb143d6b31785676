//! Taskwell as a process: its settings, its files, its end, its survival of `kill -9`, and the
//! command line of operators.

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
