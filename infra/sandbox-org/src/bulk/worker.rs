//! Moves jobs on in the background.

use std::sync::Arc;
use std::time::Duration;

use super::settings::BulkPace;
use crate::sandbox::State;

/// Longest wait between two looks at jobs that are under way.
const MAX_WAIT: Duration = Duration::from_millis(50);

/// Takes the steps of all jobs as they fall due, until the task is dropped.
pub(crate) async fn run(state: &Arc<State>) {
    let BulkPace::Ticks(tick) = state.settings.bulk.pace else { return };
    loop {
        let busy = Arc::clone(state);
        // A batch or an export takes tenths of seconds, in which requests must be answered.
        let advanced = tokio::task::spawn_blocking(move || busy.bulk.advance(&busy)).await;
        match advanced {
            Ok(true) => tokio::time::sleep(tick.clamp(Duration::from_millis(1), MAX_WAIT)).await,
            Ok(false) => state.bulk.begun.notified().await,
            Err(error) => {
                tracing::error!(error = %error, "a step of a bulk job failed");
                tokio::time::sleep(MAX_WAIT).await;
            }
        }
    }
}
