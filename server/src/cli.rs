//! The command line: its commands, and the exit code of their outcome. Each command is in the file
//! of its name.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};
use taskwell_core::import::Override;

use crate::config::{Config, Dotenv, Flags, unknown, with_files};
use crate::console::{Outcome, print};
use crate::{accounts, audit, copy, health, import, serve, store, telemetry};

/// A task back end: five REST contracts over one store.
#[derive(Parser)]
#[command(name = "taskwell", version, about, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    flags: Flags,
}

#[derive(Subcommand)]
enum Command {
    /// Run the server. This is the default command.
    Serve,
    /// Migrate the database to the schema of this version and exit.
    Migrate,
    /// Create, list and change accounts.
    #[command(subcommand)]
    User(accounts::Command),
    /// Print the audit log, newest entry first. Each line has the time, action, actor, account,
    /// client address and detail.
    Audit {
        /// Print only the entries about this account: an id, a username or an email address.
        #[arg(long)]
        user: Option<String>,
        /// Maximum number of entries.
        #[arg(long, default_value_t = 100)]
        limit: usize,
    },
    /// Manage the keys that sign access tokens.
    #[command(subcommand)]
    Keys(Keys),
    /// Copy the database into a new file, even while the server runs (SQLite only).
    Backup {
        /// The file to create. It must not exist yet.
        file: PathBuf,
    },
    /// Replace the contents of the database with a backup, even while the server runs (SQLite
    /// only).
    Restore {
        /// A file that `taskwell backup` created.
        file: PathBuf,
    },
    /// Start a new epoch after a recovery by other means than `restore`: point-in-time recovery, a
    /// promoted asynchronous replica or a copied file. Clients then read everything again, and
    /// earlier versions of tasks no longer match.
    Restored,
    /// Copy a store into an empty one, on SQLite or PostgreSQL, and compare the two. Do not write
    /// to the source meanwhile.
    Copy {
        /// The store to read: `sqlite://PATH` or `postgres://USER:PASSWORD@HOST/DATABASE`.
        #[arg(long, value_name = "URL")]
        from: String,
        /// The empty store to copy into, as a URL of the same form.
        #[arg(long, value_name = "URL")]
        to: String,
        /// Continue an interrupted copy.
        #[arg(long)]
        resume: bool,
    },
    /// Import accounts and tasks from another back end. The command prints how it reads each column
    /// and which rows it refuses, leaves out or changes. It writes only with --apply. The exit code
    /// is 1 if it refused a row.
    Import {
        /// The database to read: `sqlite://PATH` or `postgres://USER:PASSWORD@HOST/DATABASE`.
        #[arg(long, value_name = "URL")]
        from: String,
        /// The layout of its tables.
        #[arg(long, value_enum, default_value = "fastapi")]
        shape: import::Shape,
        /// Read a column as this field, regardless of its name. The field `ignore` skips the
        /// column. You can repeat this option.
        #[arg(long, value_name = "[TABLE.]COLUMN=FIELD", value_parser = Override::parse)]
        map: Vec<Override>,
        /// Write the import, in one transaction.
        #[arg(long)]
        apply: bool,
        /// Write nothing. This is the default.
        #[arg(long, conflicts_with = "apply")]
        dry_run: bool,
    },
    /// Print the OpenAPI document.
    Openapi,
    /// Check the server at HOST and PORT. The exit code is 0 if it reports within 2 seconds that it
    /// is ready.
    Healthcheck,
    /// Print shell completions.
    Completions {
        /// The shell to print completions for.
        shell: clap_complete::Shell,
    },
    /// Print the manual page.
    Man,
}

#[derive(Subcommand)]
enum Keys {
    /// Generate a new key. A running server signs with it after SIGHUP or a restart. Tokens that
    /// the two previous keys signed stay valid.
    Rotate,
}

/// The command line. Settings are valid before and after the name of a command.
fn command_line() -> clap::Command {
    Cli::command().mut_args(|setting| setting.global(true))
}

/// Prints the error, with clap's hint at `--help`, and exits.
fn exit_with(message: String) -> ! {
    command_line().error(ErrorKind::ValueValidation, message).exit()
}

/// Runs the command that the command line names.
pub fn run() -> ExitCode {
    let read = Dotenv::load().and_then(|dotenv| Ok((dotenv, with_files(command_line())?)));
    let (dotenv, defined) = match read {
        Ok(read) => read,
        Err(message) => return without_settings(&message),
    };
    let matches = defined.get_matches();
    let Cli { command, flags } = Cli::from_arg_matches(&matches).unwrap_or_else(|e| e.exit());
    let command = command.unwrap_or(Command::Serve);
    if let Some(text) = static_output(&command) {
        return exit_code(text.and_then(|text| print(&text)));
    }
    let database = |name: &str, url: &str| {
        flags.database_at(name, url).unwrap_or_else(|message| exit_with(message))
    };
    let copy = match &command {
        Command::Copy { from, to, resume } => Some(copy::Copy {
            from: database("--from", from),
            to: database("--to", to),
            resume: *resume,
        }),
        _ => None,
    };
    let import = match &command {
        Command::Import { from, shape, map, apply, .. } => Some(import::Import {
            from: database("--from", from),
            shape: *shape,
            overrides: map.clone(),
            apply: *apply,
        }),
        _ => None,
    };
    let config = flags.validate().unwrap_or_else(|message| exit_with(message));
    let logging = match telemetry::start(&config.log) {
        Ok(logging) => logging,
        Err(message) => return failed(&message),
    };
    let outcome = match command {
        Command::Copy { .. } => copy.map_or(Ok(()), |copy| copy.run(&config)),
        Command::Import { .. } => import.map_or(Ok(()), |import| import.run(&config)),
        Command::Serve => {
            warn_of_unknown();
            serve::run(config, &logging, Box::new(move || load_again(&dotenv)))
        }
        Command::Migrate => store::migrate(&config),
        Command::Audit { user, limit } => audit::run(&config, user, limit),
        Command::Keys(Keys::Rotate) => store::rotate_keys(&config),
        Command::User(command) => accounts::run(&config, command),
        Command::Backup { file } => store::backup(&config, &file),
        Command::Restore { file } => store::restore(&config, &file),
        Command::Restored => store::restored(&config),
        Command::Healthcheck => health::check(config.listen),
        Command::Openapi | Command::Completions { .. } | Command::Man => Ok(()),
    };
    exit_code(outcome)
}

/// Reads the settings again: files and `.env` as they are now, the command line and the environment
/// as they were at startup.
///
/// # Errors
/// A setting is invalid.
fn load_again(dotenv: &Dotenv) -> Result<Config, String> {
    let defined = with_files(dotenv.reload(command_line())?)?;
    let first_line = |e: clap::Error| e.to_string().lines().next().unwrap_or_default().to_owned();
    let matches = defined.try_get_matches().map_err(first_line)?;
    let Cli { flags, .. } = Cli::from_arg_matches(&matches).map_err(first_line)?;
    flags.validate()
}

fn warn_of_unknown() {
    for (name, meant) in unknown(&command_line()) {
        tracing::warn!(
            "the environment sets {name}, which is not a setting of Taskwell. Did you mean {meant}?"
        );
    }
}

/// The output of a command that needs no settings.
fn static_output(command: &Command) -> Option<Result<String, String>> {
    let mut text = Vec::new();
    match command {
        Command::Openapi => return Some(Ok(taskwell_http::openapi())),
        Command::Completions { shell } => {
            clap_complete::generate(*shell, &mut command_line(), "taskwell", &mut text);
        }
        Command::Man => {
            if let Err(e) = clap_mangen::Man::new(command_line()).render(&mut text) {
                return Some(Err(format!("cannot print: {e}")));
            }
        }
        _ => return None,
    }
    Some(String::from_utf8(text).map_err(|e| format!("cannot print: {e}")))
}

/// Runs after the settings could not be read: only commands that need none work.
fn without_settings(message: &str) -> ExitCode {
    let matches = command_line().get_matches();
    let output = Cli::from_arg_matches(&matches).ok().and_then(|cli| static_output(&cli.command?));
    match output {
        Some(text) => exit_code(text.and_then(|text| print(&text))),
        None => failed(message),
    }
}

fn exit_code(outcome: Outcome) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => failed(&message),
    }
}

fn failed(message: &str) -> ExitCode {
    use std::io::Write as _;
    // There is no other place to report a failure.
    let _ = writeln!(std::io::stderr(), "taskwell: {message}");
    ExitCode::FAILURE
}
