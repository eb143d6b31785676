//! The command line: which command, and what becomes of its outcome. What a command does lies in the file of its name.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{CommandFactory as _, Parser, Subcommand};

use crate::config::Config;
use crate::{accounts, audit, copy, import, serve, store, telemetry};

/// What a command answers in the end: a sentence for the operator, where it failed.
pub type Outcome = Result<(), String>;

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
    /// Bring accounts and tasks of another back end over. Tells what would come and what is refused; writes with --apply.
    Import {
        /// The database to read: `sqlite://PATH` or `postgres://USER:PASSWORD@HOST/DATABASE`.
        #[arg(long, value_name = "URL")]
        from: String,
        /// What its tables look like.
        #[arg(long, value_enum)]
        shape: import::Shape,
        /// Write, all or nothing.
        #[arg(long)]
        apply: bool,
        /// Only tell, as without --apply.
        #[arg(long, conflicts_with = "apply")]
        dry_run: bool,
    },
    /// Print the OpenAPI document.
    Openapi,
}

#[derive(Subcommand)]
enum Keys {
    /// Make a new key, which signs after a restart; what the last ones signed stays good.
    Rotate,
}

/// Runs what the command line says.
pub fn run() -> ExitCode {
    if let Err(message) = load_dotenv() {
        return failed(&message);
    }
    let Cli { command, config } = Cli::parse();
    let refuse = |(kind, message)| -> ! { Cli::command().error(kind, message).exit() };
    let copy = match &command {
        Some(Command::Copy { from, to, resume }) => Some(copy::Copy {
            from: config.place("--from", from).unwrap_or_else(|e| refuse(e)),
            to: config.place("--to", to).unwrap_or_else(|e| refuse(e)),
            resume: *resume,
        }),
        _ => None,
    };
    let import = match &command {
        Some(Command::Import { from, shape, apply, .. }) => Some(import::Import {
            from: config.place("--from", from).unwrap_or_else(|e| refuse(e)),
            shape: *shape,
            apply: *apply,
        }),
        _ => None,
    };
    let config = config.checked().unwrap_or_else(|e| refuse(e));
    telemetry::start(&config.log);
    let outcome = match command.unwrap_or(Command::Serve) {
        Command::Copy { .. } => copy.map_or(Ok(()), |copy| copy.run(&config)),
        Command::Import { .. } => import.map_or(Ok(()), |import| import.run(&config)),
        Command::Serve => serve::run(&config),
        Command::Migrate => store::migrate(&config),
        Command::Audit { user, limit } => audit::run(&config, user, limit),
        Command::Keys(Keys::Rotate) => store::rotate_keys(&config),
        Command::User(command) => accounts::run(&config, command),
        Command::Backup { file } => store::backup(&config, &file),
        Command::Restore { file } => store::restore(&config, &file),
        Command::Openapi => print(&taskwell_http::openapi()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => failed(&message),
    }
}

/// One line on standard output. A reader who has gone away is no failure.
pub fn print(line: &str) -> Outcome {
    use std::io::Write as _;
    let mut out = std::io::stdout().lock();
    match writeln!(out, "{line}").and_then(|()| out.flush()) {
        Err(e) if e.kind() != std::io::ErrorKind::BrokenPipe => Err(format!("cannot print: {e}")),
        _ => Ok(()),
    }
}

fn failed(message: &str) -> ExitCode {
    use std::io::Write as _;
    // Nobody is left to tell when even this fails.
    let _ = writeln!(std::io::stderr(), "taskwell: {message}");
    ExitCode::FAILURE
}

/// Reads `.env` in the working directory. What the environment has already wins.
fn load_dotenv() -> Outcome {
    match dotenvy::from_filename(".env") {
        Ok(_) => Ok(()),
        Err(dotenvy::Error::Io(e)) if e.kind() == std::io::ErrorKind::NotFound => Ok(()),
        // The line's text may hold a secret, so only its place is told.
        Err(dotenvy::Error::LineParse(_, at)) => {
            Err(format!(".env: a line is not NAME=value (at its character {at}); mend or remove it"))
        }
        Err(e) => Err(format!(".env: {e}")),
    }
}
