//! This function, put together.

use std::error::Error;
use std::sync::Arc;

use host::{App, LedgerReady};
use shared::config::Env;
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
    let (clock, random) = (Arc::new(SystemClock), Arc::new(SystemRandom));
    let mut remotes = Vec::with_capacity(config.connections.len());
    for settings in &config.connections {
        let ledger = stores.ledger.clone();
        let opened =
            settings.open_shared(secrets.clone(), clock.clone(), random.clone(), ledger)?;
        remotes.push(Remote::from(opened));
    }
    let local_queue = match &config.events_queue {
        Some(address) => Some(wiring::queue(address).await?),
        None => None,
    };
    Ok(assemble(stores.store, stores.ledger, remotes, local_queue))
}
