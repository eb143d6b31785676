//! Logs: to standard error, one line per event, text for people and JSON for machines.

use std::io::IsTerminal as _;

use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::config::{Log, LogFormat};

/// To be called once, before anything is logged.
pub fn start(log: &Log) {
    let filter: Targets = log.directives.parse().unwrap_or_default();
    let terminal = std::io::stderr().is_terminal();
    let text = match log.format {
        LogFormat::Auto => terminal,
        LogFormat::Text => true,
        LogFormat::Json => false,
    };
    let registry = tracing_subscriber::registry().with(filter);
    let to = fmt::layer().with_writer(std::io::stderr);
    // An error here means that somebody else has set up logging already: then it stays theirs.
    let _ = if text {
        registry.with(to.with_ansi(terminal).with_target(false)).try_init()
    } else {
        let json = to.json().flatten_event(true).with_current_span(false).with_span_list(false);
        registry.with(json).try_init()
    };
}
