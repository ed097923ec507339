//! This function, put together.

use std::error::Error;
use std::sync::Arc;

use host::{App, CostKeeper, LedgerReady};
use shared::config::Env;
use shared::ports::{CaseStore, Ledger, Queue, SystemClock};
use wiring::Outside;

use crate::config::Config;
use crate::worker::{Remote, SyncWorker};

/// Puts this function together over its ports.
///
/// `queue` is what the local host receives from, and what a Lambda settles failures on.
pub fn assemble(
    store: Arc<dyn CaseStore>,
    ledger: Arc<dyn Ledger>,
    remotes: Vec<Remote>,
    queue: Option<Arc<dyn Queue>>,
) -> App {
    let ready = LedgerReady::new(Arc::clone(&ledger));
    let worker = SyncWorker::new(store, ledger, remotes);
    let app = App::new("sync-worker").queue("events", Arc::new(worker)).ready(ready);
    match queue {
        Some(queue) => app.with_queue(queue),
        None => app,
    }
}

/// Puts this function together from the settings in `env`.
///
/// # Errors
///
/// Every setting that is missing or malformed, or the store that cannot be opened.
pub async fn app(env: Env) -> Result<App, Box<dyn Error + Send + Sync>> {
    let config = Config::read(env.clone())?;
    let Outside { stores, meter, surroundings } = Outside::open(env, &config.outside).await?;
    let (clock, budgets) = (Arc::new(SystemClock), config.outside.costs.budgets);
    let costs = CostKeeper::new(meter, stores.costs, stores.ledger.clone(), clock, budgets);
    let mut remotes = Vec::with_capacity(config.outside.connections.len());
    for settings in &config.outside.connections {
        remotes.push(Remote::from(settings.open(&surroundings)?));
    }
    let queue = match &config.events_queue {
        Some(address) => Some(wiring::queue(address).await?),
        None => None,
    };
    Ok(assemble(stores.store, stores.ledger, remotes, queue).flush(Arc::new(costs)))
}
