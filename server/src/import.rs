//! `taskwell import`: accounts and tasks of another back end come over, after a look at what would.

use clap::ValueEnum;
use taskwell_core::clock::Clock;
use taskwell_core::db::{DatabaseLocation, Db, SourceDb};
use taskwell_core::error::Error;
use taskwell_core::import::{self, Override, Report, Tally};

use crate::config::Config;
use crate::console::{Outcome, print, runtime, sentence};
use crate::store::require_folder;

/// What the other back end's tables look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Shape {
    /// One table of users and one of tasks or todos, as in `FastAPI` back ends with `SQLModel`,
    /// `SQLAlchemy`, `fastapi-users` or Tortoise. Names can be in `snake_case` or `camelCase`, and
    /// keys can be integers or UUIDs.
    Fastapi,
}

/// From where, how it is read, and whether it is only tried.
pub struct Import {
    pub from: DatabaseLocation,
    pub shape: Shape,
    pub overrides: Vec<Override>,
    pub apply: bool,
}

impl Import {
    /// Prints what comes over, and fails if anything was refused; what was not refused is stored
    /// all the same.
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
            // A reader who has gone away is no reason to stop.
            let tell = |remark: &import::Remark| drop(print(&remark.to_string()));
            let report = match self.shape {
                Shape::Fastapi => {
                    import::run(&from, &to, &self.overrides, clock.now(), self.apply, tell).await
                }
            };
            report.map_err(|e| match e {
                // A commit whose answer was lost may have been carried out.
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
        self.sum_up(report)
    }

    fn sum_up(&self, report: Report) -> Outcome {
        let Report { users, admins, deactivated, without_password, tasks } = report;
        print(&format!("users: {}", counted(users)))?;
        print(&format!(
            "of the accepted users, {admins} are admins, {deactivated} are deactivated, \
             {without_password} need a password reset"
        ))?;
        print(&format!("tasks: {}", counted(tasks)))?;
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

fn counted(Tally { come, refused, left_out }: Tally) -> String {
    format!("{come} accepted, {refused} refused, {left_out} left out")
}
