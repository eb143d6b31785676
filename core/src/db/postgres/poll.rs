//! Looks for what other instances have committed: where they are not heard, and now and then anyway.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::run::read;
use super::shared::{Job, Shared};
use crate::db::lane::Lane;
use crate::db::tx::newest_changes;

/// How often it is looked where nobody is heard, and how often that anyway.
const LOOK_EVERY: Duration = Duration::from_millis(500);
const LOOK_ANYWAY_EVERY: Duration = Duration::from_secs(5);
/// How long it may take until somebody who is told has seen it.
const ON_ITS_WAY: Duration = Duration::from_millis(100);
/// Looking has found what nobody told: for so long nobody counts as heard. So it is behind a pooler that carries no LISTEN.
const DOUBT_FOR: Duration = Duration::from_secs(60);
/// Accounts that one trip looks for.
const LOOK_MAX: usize = 500;

/// Looks what others have written about accounts that somebody waits for here, as long as the store is open.
pub async fn look(shared: Arc<Shared>) {
    let notifier = &shared.notifier;
    let mut doubt_until = Instant::now();
    let mut looked = Instant::now();
    loop {
        sleep(LOOK_EVERY).await;
        if !notifier.live().is_watched() {
            continue;
        }
        let is_heard = notifier.is_heard();
        if !is_heard {
            notifier.want();
        }
        let is_trusted = is_heard && Instant::now() > doubt_until;
        if is_trusted && looked.elapsed() < LOOK_ANYWAY_EVERY {
            continue;
        }
        looked = Instant::now();
        let newest = newest(&shared).await;
        // What is on its way is not news.
        sleep(ON_ITS_WAY).await;
        for (account, newest) in newest {
            if notifier.live().found(account, newest) && is_heard {
                doubt_until = Instant::now() + DOUBT_FOR;
            }
        }
    }
}

/// The newest numbers of the accounts that somebody waits for. Where the store is away there are none: whoever waits is told
/// so by its own look.
async fn newest(shared: &Arc<Shared>) -> Vec<(i64, i64)> {
    let mut newest = Vec::new();
    for accounts in shared.notifier.live().watched().chunks(LOOK_MAX) {
        let accounts = accounts.to_vec();
        let Ok(job) = Job::new(shared) else { break };
        newest.extend(
            read(job, Lane::Accounts, move |tx| newest_changes(tx, &accounts)).await.unwrap_or_default(),
        );
    }
    newest
}
