//! This function, put together.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use host::{App, CostKeeper, LedgerReady};
use shared::config::Env;
use shared::ports::{SystemClock, SystemRandom};
use shared::sync::ReconcileSettings;
use wiring::Outside;

use crate::config::Config;
use crate::reconcile::{Compared, ReconcilePorts, ReconcileRuns, comparable};

const NAME: &str = "reconciler";

/// How often it is looked whether a comparison is due; the platform's timer decides in the cloud.
const LOOK_EVERY: Duration = Duration::from_mins(5);

/// Puts this function together over its ports: every connection is compared `every` so often.
pub fn assemble(
    compared: Vec<Compared>,
    ports: ReconcilePorts,
    settings: ReconcileSettings,
    every: Duration,
) -> App {
    let ready = LedgerReady::new(Arc::clone(&ports.ledger));
    let runs = ReconcileRuns::new(compared, ports, settings, every);
    App::new(NAME).schedule(NAME, LOOK_EVERY.min(every), Arc::new(runs)).ready(ready)
}

/// Puts this function together from the settings in `env`.
///
/// # Errors
///
/// [`ConfigError`](shared::config::ConfigError) with every fault of the settings, or what kept the
/// case store or a connection from being opened.
pub async fn app(env: Env) -> Result<App, Box<dyn Error + Send + Sync>> {
    let config = Config::read(env.clone())?;
    let Outside { stores, meter, surroundings } = Outside::open(env, &config.outside).await?;
    let mut compared = Vec::with_capacity(config.outside.connections.len());
    for settings in &config.outside.connections {
        compared.extend(comparable(&settings.open(&surroundings)?));
    }
    let clock = Arc::new(SystemClock);
    let ports = ReconcilePorts {
        store: stores.store,
        scan: stores.scan,
        ledger: stores.ledger.clone(),
        journal: stores.comparisons,
        clock: clock.clone(),
        random: Arc::new(SystemRandom),
    };
    let costs =
        CostKeeper::new(meter, stores.costs, stores.ledger, clock, config.outside.costs.budgets);
    Ok(assemble(compared, ports, config.reconcile, config.every).flush(Arc::new(costs)))
}
