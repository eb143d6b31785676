//! What is done now and then while the server runs.

use std::time::Duration;

use taskwell_core::app::App;

const EVERY: Duration = Duration::from_secs(600);
/// Between two batches requests have their turn.
const PAUSE: Duration = Duration::from_millis(50);

/// Deletes what is too old, until it is dropped.
pub async fn run(app: App) {
    loop {
        loop {
            match app.prune().await {
                Ok(true) => tokio::time::sleep(PAUSE).await,
                Ok(false) => break,
                Err(error) => {
                    tracing::warn!(%error, "cannot delete expired records; the next attempt \
                        follows in 10 minutes");
                    break;
                }
            }
        }
        tokio::time::sleep(EVERY).await;
    }
}
