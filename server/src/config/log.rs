//! Settings of the log.

use clap::{Args, ValueEnum};
use tracing_subscriber::filter::{LevelFilter, Targets};

use super::refused::{Refused, refused};

/// The flags of the log.
#[derive(Args)]
pub struct LogFlags {
    /// Log level: error, warn, info, debug, trace or off. You can add levels for modules, as in
    /// `info,taskwell_core=debug`.
    #[arg(long, env = "RUST_LOG", value_name = "RUST_LOG", default_value = "info", global = true)]
    rust_log: String,

    /// Log format. `auto` writes text to a terminal and JSON elsewhere.
    #[arg(
        long,
        env = "LOG_FORMAT",
        value_name = "LOG_FORMAT",
        value_enum,
        default_value = "auto",
        global = true
    )]
    log_format: LogFormat,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    Auto,
    Text,
    Json,
}

pub struct Log {
    pub wanted: Targets,
    pub format: LogFormat,
}

impl LogFlags {
    pub fn checked(&self) -> Result<Log, Refused> {
        let wanted =
            directives(&self.rust_log).map_err(|e| refused("RUST_LOG", &self.rust_log, &e))?;
        Ok(Log { wanted, format: self.log_format })
    }
}

/// The directives of `tracing`, but that a word alone is a level: there it would be a module, so
/// that a misspelled level turned all logging off. Errors of modules that no directive names are
/// logged.
fn directives(text: &str) -> Result<Targets, String> {
    let is_blank = text.chars().all(|c| c == ',' || c.is_whitespace());
    let text = if is_blank { "info" } else { text };
    let all = text.split(',').map(str::trim).filter(|directive| !directive.is_empty());
    let mut wanted = Targets::new().with_default(LevelFilter::ERROR);
    for directive in all {
        let (module, level) = directive
            .split_once('=')
            .map_or((None, directive), |(module, level)| (Some(module), level));
        // An empty level would be `error`.
        let read = if level.is_empty() { None } else { level.parse::<LevelFilter>().ok() };
        let level = read.ok_or_else(|| {
            format!(
                "'{directive}' is not a log level; allowed are error, warn, info, debug, trace \
                     and off, also for a module, as in warn,taskwell_core=debug"
            )
        })?;
        wanted = match module {
            Some(module) => wanted.with_target(module, level),
            None => wanted.with_default(level),
        };
    }
    Ok(wanted)
}

#[cfg(test)]
mod tests {
    use tracing::Level;

    use super::*;

    #[test]
    fn errors_are_logged_unless_somebody_says_off() {
        for (text, module, level, is_logged) in [
            ("", "taskwell", Level::INFO, true),
            (" , ", "taskwell", Level::INFO, true),
            ("warn", "taskwell", Level::INFO, false),
            ("WARN", "taskwell", Level::WARN, true),
            ("taskwell_core=debug", "taskwell_core::db", Level::DEBUG, true),
            ("taskwell_core=debug", "hyper", Level::ERROR, true),
            ("info, taskwell_core=debug", "hyper", Level::INFO, true),
            ("off", "taskwell", Level::ERROR, false),
        ] {
            assert_eq!(directives(text).unwrap().would_enable(module, &level), is_logged, "{text}");
        }
        for text in [
            "warning",
            "inof",
            "none",
            "taskwell_core",
            "taskwell_core=",
            "taskwell_core=loud",
            "info,x",
        ] {
            assert!(directives(text).is_err(), "{text}");
        }
    }
}
