//! For whom a call to a platform is made.

use std::future::Future;

use crate::ids::{ConnectionId, CorrelationId, EntityId};

/// What a call is made for, as far as is known.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Work {
    /// The connection.
    pub connection: Option<ConnectionId>,
    /// The case.
    pub case_id: Option<EntityId>,
    /// The run of a poller or pipeline.
    pub run_id: Option<CorrelationId>,
}

tokio::task_local! {
    static WORK: Work;
}

/// Runs `future` with every call that it makes put down to `work`.
pub fn attributed<F: Future>(work: Work, future: F) -> impl Future<Output = F::Output> {
    WORK.scope(work, future)
}

/// Returns what the calling task works for; empty outside [`attributed`].
pub fn current_work() -> Work {
    WORK.try_with(Clone::clone).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn work_is_known_inside_and_forgotten_outside() {
        let run_id = CorrelationId::parse("run-1").unwrap();
        let work = Work { run_id: Some(run_id), ..Work::default() };
        let seen = attributed(work.clone(), async { current_work() }).await;
        assert_eq!(seen, work);
        assert_eq!(current_work(), Work::default());
    }
}
