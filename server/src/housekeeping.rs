//! The periodic deletion of expired records.

use std::time::Duration;

use taskwell_core::app::Operator;

const EVERY: Duration = Duration::from_mins(10);
/// Pause between two batches, in which requests can write.
const PAUSE: Duration = Duration::from_millis(50);

/// Deletes expired records. Runs until it is cancelled.
pub async fn run(operator: Operator) {
    loop {
        loop {
            match operator.prune().await {
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
