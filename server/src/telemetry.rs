//! Logs: to standard error, one line per event, text for people and JSON for machines. Lines are
//! written by a thread of their own; where nobody reads them, they are dropped rather than waited
//! for.

use std::io::IsTerminal as _;
use std::time::Duration;

use tracing_appender::non_blocking::{ErrorCounter, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::reload::{self, Handle};
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{Registry, fmt};

use crate::config::{Log, LogFormat};

/// Lines that wait to be written; one more is dropped.
const LINES_MAX: usize = 4096;
/// How often it is told how many were dropped.
const TOLD_EVERY: Duration = Duration::from_secs(5);

/// The log under way. Dropped, it writes what still waits, for a second at most.
pub struct Logging {
    dropped: ErrorCounter,
    level: Level,
    _writing: WorkerGuard,
}

/// What is logged, which can be changed.
#[derive(Clone)]
pub struct Level(Handle<Targets, Registry>);

impl Level {
    pub fn set(&self, wanted: Targets) {
        // An error means that the log has ended.
        let _ = self.0.reload(wanted);
    }
}

/// To be called once, before anything is logged.
pub fn start(log: &Log) -> Logging {
    let terminal = std::io::stderr().is_terminal();
    let text = match log.format {
        LogFormat::Auto => terminal,
        LogFormat::Text => true,
        LogFormat::Json => false,
    };
    let lines = NonBlockingBuilder::default().buffered_lines_limit(LINES_MAX).lossy(true);
    let (writer, writing) = lines.finish(std::io::stderr());
    let dropped = writer.error_counter();
    let (wanted, level) = reload::Layer::new(log.levels.clone());
    let registry = tracing_subscriber::registry().with(wanted);
    let to = fmt::layer().with_writer(writer);
    // An error here means that somebody else has set up logging already: then it stays theirs.
    let _ = if text {
        registry.with(to.with_ansi(terminal).with_target(false)).try_init()
    } else {
        let json = to.json().flatten_event(true).with_current_span(false).with_span_list(false);
        registry.with(json).try_init()
    };
    // The usual one writes to standard error itself, and would wait for a reader.
    std::panic::set_hook(Box::new(|panic| tracing::error!(%panic, "a thread panicked")));
    Logging { dropped, level: Level(level), _writing: writing }
}

impl Logging {
    pub fn level(&self) -> Level {
        self.level.clone()
    }

    /// Tells how many lines were dropped, when there is room for that again; until it is dropped.
    pub fn tell_dropped(&self) -> impl Future<Output = ()> + Send + 'static {
        let dropped = self.dropped.clone();
        async move {
            let mut told = 0;
            loop {
                tokio::time::sleep(TOLD_EVERY).await;
                let count = dropped.dropped_lines();
                if count == told {
                    continue;
                }
                let lines = count - told;
                tracing::warn!(lines, "dropped log lines because nothing read standard error");
                // Where this one was dropped too, it is told again.
                if dropped.dropped_lines() == count {
                    told = count;
                }
            }
        }
    }
}
