//! This function, put together.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use host::{App, CostKeeper, LedgerReady, QueueReady};
use shared::config::Env;
use shared::ports::{SystemClock, SystemRandom};
use shared::sync::publish_fields;
use wiring::Outside;

use crate::config::Config;
use crate::group::PollerGroup;
use crate::poller::{PollSettings, PollerPorts, Source};

/// Puts this function together over its ports: each of `sources` is polled `every` so often.
pub fn assemble(
    sources: impl IntoIterator<Item = Source>,
    ports: &PollerPorts,
    settings: PollSettings,
    every: Duration,
) -> App {
    let group = PollerGroup::new(sources, ports, settings);
    App::new("delta-poller")
        .schedule("delta-poller", every, Arc::new(group))
        .ready(QueueReady::new(Arc::clone(&ports.queue)))
        .ready(LedgerReady::new(Arc::clone(&ports.ledger)))
}

/// Puts this function together from the settings in `env`.
///
/// # Errors
///
/// [`ConfigError`](shared::config::ConfigError) with every fault of the settings, or what kept the
/// queue, the case store or a connection from being opened.
pub async fn app(env: Env) -> Result<App, Box<dyn Error + Send + Sync>> {
    let config = Config::read(env.clone())?;
    let Outside { stores, meter, surroundings } = Outside::open(env, &config.outside).await?;
    let ports = PollerPorts {
        queue: wiring::queue(&config.queue).await?,
        store: Some(stores.store),
        ledger: stores.ledger,
        journal: stores.journal,
        clock: Arc::new(SystemClock),
        random: Arc::new(SystemRandom),
    };
    let settings = config.outside.connections.iter();
    let opened: Vec<_> = settings.map(|it| it.open(&surroundings)).collect::<Result<_, _>>()?;
    publish_fields(&*stores.field_views, opened.iter().map(|it| &it.mappings)).await;
    let sources: Vec<_> = opened.iter().map(Source::from).collect();
    let budgets = config.outside.costs.budgets;
    let costs =
        CostKeeper::new(meter, stores.costs, ports.ledger.clone(), ports.clock.clone(), budgets);
    Ok(assemble(sources, &ports, config.poll, config.every).flush(Arc::new(costs)))
}
