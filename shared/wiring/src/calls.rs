//! Who is told of calls to platforms that no connection stands for, such as a queue in the cloud.

use std::sync::Arc;

use shared::ports::{CallObserver, Clock, Ledger, Random};

/// Tells `observer` of every call that this process makes to the cloud from now on, and shares the
/// breakers of those calls with every process on `ledger`. Without a cloud in this build it does
/// nothing.
pub fn watch_cloud_calls(
    observer: Arc<dyn CallObserver>,
    ledger: Arc<dyn Ledger>,
    clock: Arc<dyn Clock>,
    random: &dyn Random,
) {
    #[cfg(feature = "aws")]
    {
        let board = shared::worker::breaker::BreakerBoard::new(ledger, clock, random);
        crate::aws::GUARD.observe(observer);
        crate::aws::GUARD.share_breakers(Arc::new(board));
    }
    #[cfg(not(feature = "aws"))]
    drop((observer, ledger, clock, random));
}
