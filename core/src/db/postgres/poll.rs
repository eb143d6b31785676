//! Polls for commits of other instances: often if this instance receives no notifications, and
//! rarely if it does.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::run::read;
use super::shared::{Job, Shared};
use crate::db::lane::Lane;
use crate::db::tx::newest_changes;
use crate::ids::UserId;

/// How often this instance polls if it cannot LISTEN.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// How often it polls although it can LISTEN, in case a notification was lost.
const LOOK_ANYWAY_EVERY: Duration = Duration::from_secs(5);
/// How long a notification may take to arrive.
const ON_ITS_WAY: Duration = Duration::from_millis(100);
/// How long notifications are not trusted after polling found a change without one, as behind a
/// pooler that does not carry LISTEN.
const DOUBT_FOR: Duration = Duration::from_mins(1);
/// Maximum number of accounts per query.
const LOOK_MAX: usize = 500;

/// Polls for changes by other instances to accounts with subscribers here, while the store is open.
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
        // A notification may still be on its way.
        sleep(ON_ITS_WAY).await;
        for (account, newest) in newest {
            if notifier.live().found(account, newest) && is_heard {
                doubt_until = Instant::now() + DOUBT_FOR;
            }
        }
    }
}

/// Returns the newest sequence numbers of the accounts with subscribers. Empty if the database is
/// unreachable: subscribers then notice it by their own queries.
async fn newest(shared: &Arc<Shared>) -> Vec<(UserId, i64)> {
    let mut newest = Vec::new();
    for accounts in shared.notifier.live().watched().chunks(LOOK_MAX) {
        let accounts = accounts.to_vec();
        let Ok(job) = Job::new(shared) else { break };
        newest.extend(
            read(job, Lane::Accounts, move |tx| newest_changes(tx, &accounts))
                .await
                .unwrap_or_default(),
        );
    }
    newest
}
