//! `taskwell import`: accounts and tasks of another back end come over, after a look at what would.

use clap::ValueEnum;
use taskwell_core::clock::Clock;
use taskwell_core::db::{Db, Foreign, Place};
use taskwell_core::import::{self, Tally};

use crate::cli::{Outcome, print};
use crate::config::Checked;

/// What the other back end's tables look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Shape {
    /// `users` and `tasks` as `FastAPI` back ends with `SQLModel` or `SQLAlchemy` have them.
    Fastapi,
}

/// From where, and whether it is only tried.
pub struct Import {
    pub from: Place,
    pub shape: Shape,
    pub apply: bool,
}

impl Import {
    pub fn run(&self, config: &Checked) -> Outcome {
        if let Place::Sqlite(path) = &self.from
            && !path.exists()
        {
            return Err(format!("--from: there is no file {}", path.display()));
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|e| format!("cannot start: {e}"))?;
        runtime.block_on(async {
            let from = Foreign::open(&self.from).await.map_err(|e| format!("--from: {e}"))?;
            let clock = Clock::default();
            let (to, _) = Db::open(&config.place, &config.settings, &clock).map_err(|e| e.to_string())?;
            // A reader who has gone away is no reason to stop.
            let tell = |remark: &import::Remark| drop(print(&remark.to_string()));
            let report = match self.shape {
                Shape::Fastapi => import::fastapi(&from, &to, clock.now(), self.apply, tell).await,
            };
            let report = report.map_err(|e| format!("{e}; nothing was written"))?;
            print(&format!("users: {}, {} of them admins", told(report.users), report.admins))?;
            print(&format!("tasks: {}", told(report.tasks)))?;
            print(if self.apply {
                "all of it is stored"
            } else {
                "nothing was written; the same command with --apply brings it over"
            })
        })
    }
}

fn told(Tally { come, refused }: Tally) -> String {
    format!("{come} come over, {refused} are refused")
}
