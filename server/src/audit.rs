//! `taskwell audit`: prints the audit log.

use taskwell_core::audit;
use taskwell_core::ids::UserId;
use taskwell_core::page::{Cursor, Limit};
use taskwell_core::users;

use crate::config::Config;
use crate::console::{Outcome, print, runtime, sentence};
use crate::store;

/// Prints up to `lines` entries, newest first. Each line has time, action, actor, account, client
/// and detail, with tabs between them.
pub fn run(config: &Config, user: Option<String>, mut lines: usize) -> Outcome {
    let operator = store::open_to_manage(config)?;
    let runtime = runtime()?;
    let subject = match user {
        None => None,
        Some(login) => {
            let find = operator.write(move |tx| users::find_by_login(tx, &login));
            Some(runtime.block_on(find).map_err(|e| sentence(&e))?.id)
        }
    };
    let mut after: Option<Cursor> = None;
    loop {
        let limit = Limit::default();
        let page = operator.write(move |tx| audit::page(tx, subject, limit, after));
        let page = runtime.block_on(page).map_err(|e| sentence(&e))?;
        for entry in page.items {
            if lines == 0 {
                return Ok(());
            }
            lines -= 1;
            let id = |id: Option<UserId>| id.map_or("-".to_owned(), |id| id.to_string());
            let text = |text: Option<String>| text.unwrap_or("-".to_owned());
            print(&format!(
                "{}\t{}\t{}\t{}\t{}\t{}",
                entry.at,
                entry.action,
                id(entry.actor),
                id(entry.subject),
                text(entry.client),
                text(entry.detail)
            ))?;
        }
        after = page.next;
        if after.is_none() {
            return Ok(());
        }
    }
}
