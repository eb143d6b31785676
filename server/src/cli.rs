//! The command line: which command, and what becomes of its outcome. What a command does lies in the file of its name.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};
use taskwell_core::import::Override;

use crate::config::{Checked, Config, Dotenv, unknown, with_files};
use crate::console::{Outcome, print};
use crate::{accounts, audit, copy, health, import, serve, store, telemetry};

/// The task back end that nobody has to write again: five REST contracts over one store.
#[derive(Parser)]
#[command(name = "taskwell", version, about, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    config: Config,
}

#[derive(Subcommand)]
enum Command {
    /// Serve the five contracts (what happens without a command).
    Serve,
    /// Bring the database to this version's schema and stop.
    Migrate,
    /// Make, list and change accounts.
    #[command(subcommand)]
    User(accounts::Command),
    /// Print what was done to accounts, newest first: time, action, who did it, whose account, address, detail.
    Audit {
        /// Only about this account: its username, address or id.
        #[arg(long)]
        user: Option<String>,
        /// How many entries at most.
        #[arg(long, default_value_t = 100)]
        limit: usize,
    },
    /// The keys that access tokens are signed with.
    #[command(subcommand)]
    Keys(Keys),
    /// Copy the database into a new file, also while it is being served.
    Backup {
        /// The file to make; it must not exist.
        file: PathBuf,
    },
    /// Replace what the database holds by a backup, also while it is being served.
    Restore {
        /// A file that `taskwell backup` made.
        file: PathBuf,
    },
    /// Begin a new epoch, after a recovery by other means than `restore` (point-in-time recovery, a promoted asynchronous
    /// replica, a copied file): clients then read everything again, and no old version of a task matches any more.
    Restored,
    /// Copy a store into an empty one, of either database, and compare the two. Nobody should write to it meanwhile.
    Copy {
        /// The store to read: `sqlite://PATH` or `postgres://USER:PASSWORD@HOST/DATABASE`.
        #[arg(long, value_name = "URL")]
        from: String,
        /// The store to fill, with nothing in it.
        #[arg(long, value_name = "URL")]
        to: String,
        /// Go on with a copy that broke off.
        #[arg(long)]
        resume: bool,
    },
    /// Bring accounts and tasks of another back end over. Prints which columns are read as what and what becomes of each row that
    /// is refused, left out or changed; writes with --apply. The exit code is 1 if anything was refused.
    Import {
        /// The database to read: `sqlite://PATH` or `postgres://USER:PASSWORD@HOST/DATABASE`.
        #[arg(long, value_name = "URL")]
        from: String,
        /// What its tables look like.
        #[arg(long, value_enum, default_value = "fastapi")]
        shape: import::Shape,
        /// Read a column as this field, whatever its name suggests; `ignore` skips it. May be given several times.
        #[arg(long, value_name = "[TABLE.]COLUMN=FIELD", value_parser = Override::parse)]
        map: Vec<Override>,
        /// Write, all or nothing.
        #[arg(long)]
        apply: bool,
        /// Only tell, as without --apply.
        #[arg(long, conflicts_with = "apply")]
        dry_run: bool,
    },
    /// Print the OpenAPI document.
    Openapi,
    /// Ask the server at HOST and PORT whether it is ready: exit code 0 if it is, within 2 seconds.
    Healthcheck,
    /// Print completions for a shell.
    Completions { shell: clap_complete::Shell },
    /// Print the manual page.
    Man,
}

#[derive(Subcommand)]
enum Keys {
    /// Make a new key, which signs after a restart; what the last ones signed stays good.
    Rotate,
}

/// Runs what the command line says.
pub fn run() -> ExitCode {
    let read = Dotenv::load().and_then(|dotenv| Ok((dotenv, with_files(Cli::command())?)));
    let (dotenv, defined) = match read {
        Ok(read) => read,
        Err(message) => return without_settings(&message),
    };
    let refuse = |(kind, message)| -> ! { Cli::command().error(kind, message).exit() };
    let matches = defined.get_matches();
    let Cli { command, config } = Cli::from_arg_matches(&matches).unwrap_or_else(|e| e.exit());
    let command = command.unwrap_or(Command::Serve);
    if let Some(text) = about(&command) {
        return ended(text.and_then(|text| print(&text)));
    }
    let copy = match &command {
        Command::Copy { from, to, resume } => Some(copy::Copy {
            from: config.place("--from", from).unwrap_or_else(|e| refuse(e)),
            to: config.place("--to", to).unwrap_or_else(|e| refuse(e)),
            resume: *resume,
        }),
        _ => None,
    };
    let import = match &command {
        Command::Import { from, shape, map, apply, .. } => Some(import::Import {
            from: config.place("--from", from).unwrap_or_else(|e| refuse(e)),
            shape: *shape,
            overrides: map.clone(),
            apply: *apply,
        }),
        _ => None,
    };
    let config = config.checked().unwrap_or_else(|e| refuse(e));
    let logging = telemetry::start(&config.log);
    let outcome = match command {
        Command::Copy { .. } => copy.map_or(Ok(()), |copy| copy.run(&config)),
        Command::Import { .. } => import.map_or(Ok(()), |import| import.run(&config)),
        Command::Serve => {
            warn_of_unknown();
            serve::run(config, &logging, Box::new(move || settings_again(&dotenv)))
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
    ended(outcome)
}

/// The settings as they are now: the command line and the environment of the start, files and `.env` of this moment.
///
/// # Errors
/// They would be refused at a start.
fn settings_again(dotenv: &Dotenv) -> Result<Checked, String> {
    let defined = with_files(dotenv.again(Cli::command())?)?;
    let told = |e: clap::Error| e.to_string().lines().next().unwrap_or_default().to_owned();
    let matches = defined.try_get_matches().map_err(told)?;
    let Cli { config, .. } = Cli::from_arg_matches(&matches).map_err(told)?;
    config.checked().map_err(|(_, message)| message)
}

fn warn_of_unknown() {
    for (name, meant) in unknown(&Cli::command()) {
        tracing::warn!("{name} is set, but is no setting; perhaps {meant} is meant");
    }
}

/// What the program says about itself, which needs no settings.
fn about(command: &Command) -> Option<Result<String, String>> {
    let mut text = Vec::new();
    match command {
        Command::Openapi => return Some(Ok(taskwell_http::openapi())),
        Command::Completions { shell } => {
            clap_complete::generate(*shell, &mut Cli::command(), "taskwell", &mut text);
        }
        Command::Man => {
            if let Err(e) = clap_mangen::Man::new(Cli::command()).render(&mut text) {
                return Some(Err(format!("cannot print: {e}")));
            }
        }
        _ => return None,
    }
    Some(String::from_utf8(text).map_err(|e| format!("cannot print: {e}")))
}

/// Where settings cannot be read: what the program says about itself needs none.
fn without_settings(message: &str) -> ExitCode {
    let matches = Cli::command().get_matches();
    let about = Cli::from_arg_matches(&matches).ok().and_then(|cli| about(&cli.command?));
    match about {
        Some(text) => ended(text.and_then(|text| print(&text))),
        None => failed(message),
    }
}

fn ended(outcome: Outcome) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => failed(&message),
    }
}

fn failed(message: &str) -> ExitCode {
    use std::io::Write as _;
    // Nobody is left to tell when even this fails.
    let _ = writeln!(std::io::stderr(), "taskwell: {message}");
    ExitCode::FAILURE
}
