//! Settings of the log.

use clap::{Args, ValueEnum};
use tracing_subscriber::filter::{LevelFilter, Targets};

use super::invalid::invalid;

#[derive(Args)]
pub struct LogFlags {
    /// Log level: error, warn, info, debug, trace or off. You can add levels for modules, as in
    /// `info,taskwell_core=debug`.
    #[arg(long, env, default_value = "info")]
    rust_log: String,

    /// Log format. `auto` writes text to a terminal and JSON elsewhere.
    #[arg(long, env, value_enum, default_value = "auto")]
    log_format: LogFormat,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    Auto,
    Text,
    Json,
}

pub struct Log {
    /// The level of each module.
    pub levels: Targets,
    pub format: LogFormat,
}

impl LogFlags {
    pub fn validate(&self) -> Result<Log, String> {
        let levels = levels(&self.rust_log).map_err(|e| invalid("RUST_LOG", &self.rust_log, &e))?;
        Ok(Log { levels, format: self.log_format })
    }
}

/// Parses directives as `tracing` does, except that a single word must be a level. For `tracing`,
/// it would name a module, and a misspelled level would turn off all logging. Modules without a
/// directive log errors.
fn levels(text: &str) -> Result<Targets, String> {
    let is_blank = text.chars().all(|c| c == ',' || c.is_whitespace());
    let text = if is_blank { "info" } else { text };
    let directives = text.split(',').map(str::trim).filter(|directive| !directive.is_empty());
    let mut levels = Targets::new().with_default(LevelFilter::ERROR);
    for directive in directives {
        let (module, level) = directive
            .split_once('=')
            .map_or((None, directive), |(module, level)| (Some(module), level));
        // `tracing` reads an empty level as `error`.
        let parsed = if level.is_empty() { None } else { level.parse::<LevelFilter>().ok() };
        let level = parsed.ok_or_else(|| {
            format!(
                "'{directive}' is not a log level; allowed are error, warn, info, debug, trace \
                     and off, also for a module, as in warn,taskwell_core=debug"
            )
        })?;
        levels = match module {
            Some(module) => levels.with_target(module, level),
            None => levels.with_default(level),
        };
    }
    Ok(levels)
}

#[cfg(test)]
mod tests {
    use tracing::Level;

    use super::*;

    #[test]
    fn errors_are_logged_unless_a_directive_turns_them_off() {
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
            assert_eq!(levels(text).unwrap().would_enable(module, &level), is_logged, "{text}");
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
            assert!(levels(text).is_err(), "{text}");
        }
    }
}
