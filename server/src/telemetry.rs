//! Logs to standard error, one line per event: text for people, JSON for machines.

use std::io::IsTerminal as _;
use std::time::Duration;

use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::reload::{self, Handle};
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{Registry, fmt};

use crate::config::{Log, LogFormat};
use crate::log_writer::{FlushGuard, LogWriter};

/// How often to report dropped lines.
const REPORT_EVERY: Duration = Duration::from_secs(5);

/// The running log. Dropping it writes the lines in the queue.
pub struct Logging {
    writer: LogWriter,
    levels: Levels,
    _flush: FlushGuard,
}

/// The levels of the log, which can change while the server runs.
#[derive(Clone)]
pub struct Levels(Handle<Targets, Registry>);

impl Levels {
    pub fn set(&self, levels: Targets) {
        // An error means that the log has ended.
        let _ = self.0.reload(levels);
    }
}

/// Starts the log. Call this once, before the first event.
pub fn start(log: &Log) -> Result<Logging, String> {
    let is_terminal = std::io::stderr().is_terminal();
    let is_text = match log.format {
        LogFormat::Auto => is_terminal,
        LogFormat::Text => true,
        LogFormat::Json => false,
    };
    let (writer, flush) =
        LogWriter::start().map_err(|e| format!("cannot start the log thread: {e}"))?;
    let (filter, levels) = reload::Layer::new(log.levels.clone());
    let registry = tracing_subscriber::registry().with(filter);
    let lines = writer.clone();
    let layer = fmt::layer().with_writer(move || lines.clone());
    // An error means that a subscriber exists already; it stays.
    let _ = if is_text {
        registry.with(layer.with_ansi(is_terminal).with_target(false)).try_init()
    } else {
        let json = layer.json().flatten_event(true).with_current_span(false).with_span_list(false);
        registry.with(json).try_init()
    };
    // The default hook writes to standard error itself and would wait for a slow reader.
    std::panic::set_hook(Box::new(|panic| tracing::error!(%panic, "a thread panicked")));
    Ok(Logging { writer, levels: Levels(levels), _flush: flush })
}

impl Logging {
    pub fn levels(&self) -> Levels {
        self.levels.clone()
    }

    /// Logs how many lines were dropped, once the queue has room again. Runs until it is cancelled.
    pub fn report_dropped(&self) -> impl Future<Output = ()> + Send + 'static {
        let writer = self.writer.clone();
        async move {
            let mut reported = 0;
            loop {
                tokio::time::sleep(REPORT_EVERY).await;
                let dropped = writer.dropped();
                if dropped == reported {
                    continue;
                }
                let lines = dropped - reported;
                tracing::warn!(lines, "dropped log lines because nothing read standard error");
                // If this line was dropped too, the next round reports it.
                if writer.dropped() == dropped {
                    reported = dropped;
                }
            }
        }
    }
}
