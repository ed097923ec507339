//! This function, put together.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use host::{App, CostKeeper, LedgerReady};
use shared::config::Env;
use shared::ports::{SystemClock, SystemRandom};
use shared::sync::{RelayPorts, RelayRemote, RelaySettings};
use wiring::Outside;

use crate::config::Config;
use crate::outbox_relay::{OutboxRelay, RunSettings, remote};

const NAME: &str = "outbox-relay";

/// How often a timer starts it; the platform's own decides.
const EVERY: Duration = Duration::from_mins(1);

/// Puts this function together over its ports. Without a connection that takes changes it does nothing.
pub fn assemble(
    remotes: Vec<RelayRemote>,
    ports: RelayPorts,
    settings: RelaySettings,
    run: RunSettings,
) -> App {
    let ready = LedgerReady::new(Arc::clone(&ports.ledger));
    let relay = Arc::new(OutboxRelay::new(remotes, ports, settings, run));
    App::new(NAME).schedule(NAME, EVERY, relay.clone()).local_service(NAME, relay).ready(ready)
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
    let mut remotes = Vec::with_capacity(config.outside.connections.len());
    for settings in &config.outside.connections {
        remotes.extend(remote(&settings.open(&surroundings)?));
    }
    let (clock, random) = (Arc::new(SystemClock), Arc::new(SystemRandom));
    let ports = RelayPorts {
        store: stores.store,
        outbox: stores.outbox,
        scan: stores.scan,
        ledger: stores.ledger.clone(),
        clock: clock.clone(),
        random,
    };
    let costs =
        CostKeeper::new(meter, stores.costs, stores.ledger, clock, config.outside.costs.budgets);
    Ok(assemble(remotes, ports, config.relay, config.run).flush(Arc::new(costs)))
}
