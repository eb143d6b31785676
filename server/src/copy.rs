//! `taskwell copy`: copies a store to another database and shows the progress.

use std::io::{IsTerminal as _, Write as _};

use taskwell_core::clock::Clock;
use taskwell_core::db::{DatabaseLocation, Db};
use taskwell_core::error::Error;
use taskwell_core::transfer;

use crate::config::Config;
use crate::console::{Outcome, print, runtime};
use crate::store::require_folder;

/// The arguments of the command.
pub struct Copy {
    pub from: DatabaseLocation,
    pub to: DatabaseLocation,
    pub resume: bool,
}

impl Copy {
    pub fn run(&self, config: &Config) -> Outcome {
        let open = |which: &str, location: &DatabaseLocation| {
            let opened = Db::open(location, &config.settings, &Clock::default());
            opened.map(|(db, _)| db).map_err(|e| format!("{which}: {e}"))
        };
        if let DatabaseLocation::Sqlite(path) = &self.from
            && !path.exists()
        {
            return Err(format!("--from: the file {} does not exist", path.display()));
        }
        if let DatabaseLocation::Sqlite(path) = &self.to {
            require_folder(path, "--to")?;
        }
        let (from, to) = (open("--from", &self.from)?, open("--to", &self.to)?);
        let runtime = runtime()?;
        let copied = runtime.block_on(transfer::copy(&from, &to, self.resume, show_progress));
        for table in copied.map_err(message)? {
            print(&format!("{}\t{} rows\tsha256 {}", table.table, table.rows, table.checksum))?;
        }
        Ok(())
    }
}

fn message(error: Error) -> String {
    match error {
        Error::Unavailable { .. } => {
            "one of the databases stopped responding; once it is back, continue with --resume"
                .into()
        }
        other => other.to_string(),
    }
}

/// Shows a progress bar on a terminal. Without a terminal, prints a line after each table.
fn show_progress(table: &str, done: u64, total: u64) {
    const WIDTH: u64 = 30;
    let mut err = std::io::stderr().lock();
    let filled = (done.min(total) * WIDTH).checked_div(total).unwrap_or(WIDTH);
    let bar: String = (0..WIDTH).map(|at| if at < filled { '#' } else { '.' }).collect();
    let is_done = done >= total;
    // A failure to show the progress does not stop the copy.
    let _ = match (err.is_terminal(), is_done) {
        (true, true) => writeln!(err, "\r{table:>15} [{bar}] {done} of {total}"),
        (true, false) => write!(err, "\r{table:>15} [{bar}] {done} of {total}"),
        (false, true) => writeln!(err, "{table}: {done} of {total}"),
        (false, false) => Ok(()),
    };
    let _ = err.flush();
}
