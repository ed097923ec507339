//! Wires the worker to the platform it runs on.

use std::error::Error;
use std::sync::Arc;

use host::App;
use shared::config::Env;
use shared::ports::{LocalSecrets, SystemClock, SystemRandom};

use crate::config::Config;
use crate::worker::{Remote, SyncWorker};

/// Builds this function from its settings.
///
/// # Errors
///
/// Every setting that is missing or malformed, or the store that cannot be opened.
pub async fn app(env: Env) -> Result<App, Box<dyn Error + Send + Sync>> {
    let secrets = Arc::new(LocalSecrets::new(env.clone()));
    let config = Config::read(env)?;
    let stores = wiring::case_store(&config.case_store).await?;
    let mut remotes = Vec::with_capacity(config.connections.len());
    for settings in &config.connections {
        let opened =
            settings.open(secrets.clone(), Arc::new(SystemClock), Arc::new(SystemRandom))?;
        remotes.push(Remote {
            connection: opened.connection,
            crm: opened.crm,
            mappings: opened.mappings,
        });
    }
    let worker = SyncWorker::new(stores.store, stores.ledger, remotes);
    let mut app = App::new("sync-worker").queue("events", Arc::new(worker));
    if let Some(address) = &config.events_queue {
        app = app.local_queue(wiring::queue(address).await?);
    }
    Ok(app)
}
