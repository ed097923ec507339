//! This function, put together.

use std::error::Error;
use std::sync::Arc;

use host::{App, CostKeeper, LedgerReady};
use shared::config::{ConfigError, Env};
use shared::cost::CostMeter;
use shared::platform::Surroundings;
use shared::ports::{CaseStore, Ledger, LocalSecrets, Queue, SystemClock, SystemRandom};

use crate::config::Config;
use crate::worker::{Remote, SyncWorker};

/// Puts this function together over its ports.
///
/// `local_queue` is what the local host receives from; elsewhere the platform receives.
pub fn assemble(
    store: Arc<dyn CaseStore>,
    ledger: Arc<dyn Ledger>,
    remotes: Vec<Remote>,
    local_queue: Option<Arc<dyn Queue>>,
) -> App {
    let ready = LedgerReady::new(Arc::clone(&ledger));
    let worker = SyncWorker::new(store, ledger, remotes);
    let app = App::new("sync-worker").queue("events", Arc::new(worker)).ready(ready);
    match local_queue {
        Some(queue) => app.local_queue(queue),
        None => app,
    }
}

/// Puts this function together from the settings in `env`.
///
/// # Errors
///
/// Every setting that is missing or malformed, or the store that cannot be opened.
pub async fn app(env: Env) -> Result<App, Box<dyn Error + Send + Sync>> {
    let secrets = Arc::new(LocalSecrets::new(env.clone()));
    let config = Config::read(env)?;
    let stores = wiring::case_store(&config.case_store).await?;
    let meter = Arc::new(CostMeter::new(
        config.costs.prices().map_err(ConfigError::from)?,
        Arc::new(SystemClock),
        Arc::new(SystemRandom),
    ));
    let surroundings = Surroundings {
        ledger: Some(stores.ledger.clone()),
        observer: Some(meter.clone()),
        tls: config.outbound.load().map_err(ConfigError::from)?,
        ..Surroundings::new(secrets, Arc::new(SystemClock), Arc::new(SystemRandom))
    };
    let costs = CostKeeper::new(
        meter,
        stores.costs,
        stores.ledger.clone(),
        Arc::new(SystemClock),
        config.costs.budgets,
    );
    let mut remotes = Vec::with_capacity(config.connections.len());
    for settings in &config.connections {
        remotes.push(Remote::from(settings.open(&surroundings)?));
    }
    let local_queue = match &config.events_queue {
        Some(address) => Some(wiring::queue(address).await?),
        None => None,
    };
    Ok(assemble(stores.store, stores.ledger, remotes, local_queue).flush(Arc::new(costs)))
}
