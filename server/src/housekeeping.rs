//! What is to be done now and then while the server runs.

use std::time::Duration;

use taskwell_core::app::App;

const EVERY: Duration = Duration::from_secs(600);

/// Keeps house until it is dropped.
pub async fn run(app: App) {
    loop {
        if let Err(error) = app.prune_outcomes().await {
            tracing::warn!(%error, "what old requests came to is not pruned; it is tried again");
        }
        tokio::time::sleep(EVERY).await;
    }
}
