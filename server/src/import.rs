//! `taskwell import`: imports accounts and tasks from another back end, after a dry run.

use clap::ValueEnum;
use taskwell_core::clock::Clock;
use taskwell_core::db::{DatabaseLocation, Db, SourceDb};
use taskwell_core::error::Error;
use taskwell_core::import::{self, Override, Report, Tally};

use crate::config::Config;
use crate::console::{Outcome, print, runtime, sentence};
use crate::store::require_folder;

/// The layout of the tables in the other back end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Shape {
    /// One table of users and one of tasks or todos, as in `FastAPI` back ends with `SQLModel`,
    /// `SQLAlchemy`, `fastapi-users` or Tortoise. Names can be in `snake_case` or `camelCase`, and
    /// keys can be integers or UUIDs.
    Fastapi,
}

/// The arguments of the command.
pub struct Import {
    pub from: DatabaseLocation,
    pub shape: Shape,
    pub overrides: Vec<Override>,
    pub apply: bool,
}

impl Import {
    /// Imports, or only reports without `apply`. A refused row is an error, but the other rows are
    /// stored.
    pub fn run(&self, config: &Config) -> Outcome {
        if let DatabaseLocation::Sqlite(path) = &self.from
            && !path.exists()
        {
            return Err(format!("--from: the file {} does not exist", path.display()));
        }
        let report = runtime()?.block_on(async {
            let from = SourceDb::open(&self.from).await.map_err(|e| format!("--from: {e}"))?;
            let clock = Clock::default();
            if let DatabaseLocation::Sqlite(path) = &config.database {
                require_folder(path, "DATABASE_URL")?;
            }
            let (to, _) =
                Db::open(&config.database, &config.settings, &clock).map_err(|e| sentence(&e))?;
            // A closed output does not stop the import.
            let print_remark = |remark: &import::Remark| drop(print(&remark.to_string()));
            let report = match self.shape {
                Shape::Fastapi => {
                    import::run(&from, &to, &self.overrides, clock.now(), self.apply, print_remark)
                        .await
                }
            };
            report.map_err(|e| match e {
                // The commit may have succeeded even if its response was lost.
                Error::Unavailable { .. } if self.apply => {
                    format!(
                        "{}. The last commit may have stored the whole import: check before you \
                         repeat it",
                        sentence(&e)
                    )
                }
                e => format!("{}; nothing was written", sentence(&e)),
            })
        })?;
        self.print_summary(report)
    }

    fn print_summary(&self, report: Report) -> Outcome {
        let Report { users, admins, deactivated, without_password, tasks } = report;
        print(&format!("users: {}", counts(users)))?;
        print(&format!(
            "of the accepted users, {admins} are admins, {deactivated} are deactivated, \
             {without_password} need a password reset"
        ))?;
        print(&format!("tasks: {}", counts(tasks)))?;
        let refused = users.refused + tasks.refused > 0;
        print(match (self.apply, refused) {
            (true, false) => "stored the whole import",
            (true, true) => "stored the import without the refused rows",
            (false, _) => {
                "dry run: nothing was written; to import, run the same command with --apply"
            }
        })?;
        if refused {
            return Err(format!(
                "the import refused {} users and {} tasks",
                users.refused, tasks.refused
            ));
        }
        Ok(())
    }
}

fn counts(Tally { come, refused, left_out }: Tally) -> String {
    format!("{come} accepted, {refused} refused, {left_out} left out")
}
