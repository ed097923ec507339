//! This function, put together from its settings.

use std::error::Error;
use std::sync::Arc;

use async_trait::async_trait;
use futures_util::future::join_all;
use host::{App, ReadyCheck};
use shared::chain;
use shared::config::Env;
use shared::ports::{LocalSecrets, Queue, SystemClock, SystemRandom};
use shared::worker::{Failure, ScheduleHandler, Tick};
use wiring::OpenConnection;

use crate::config::Config;
use crate::poller::{Poller, PollerPorts};

/// Puts this function together from the settings in `env`.
///
/// # Errors
///
/// [`ConfigError`](shared::config::ConfigError) with every fault of the settings, or what kept the
/// queue, the case store or a connection from being opened.
pub async fn app(env: Env) -> Result<App, Box<dyn Error + Send + Sync>> {
    let secrets = Arc::new(LocalSecrets::new(env.clone()));
    let config = Config::read(env)?;
    let (clock, random) = (Arc::new(SystemClock), Arc::new(SystemRandom));
    let queue = wiring::queue(&config.queue).await?;
    let stores = wiring::case_store(&config.case_store).await?;
    let mut pollers = Vec::with_capacity(config.connections.len());
    for settings in &config.connections {
        let OpenConnection { connection, crm, mappings } =
            settings.open(secrets.clone(), clock.clone(), random.clone())?;
        let objects = mappings
            .objects()
            .into_iter()
            .map(|mapping| (mapping.object.clone(), mapping.remote_fields()))
            .collect();
        let ports = PollerPorts {
            crm,
            queue: queue.clone(),
            ledger: stores.ledger.clone(),
            journal: stores.journal.clone(),
            clock: clock.clone(),
            random: random.clone(),
        };
        pollers.push(Poller::new(connection, mappings.platform(), objects, ports, config.poll));
    }
    Ok(App::new("delta-poller")
        .schedule("delta-poller", config.every, Arc::new(PollerGroup { pollers }))
        .ready(Arc::new(QueueReady { queue })))
}

/// Polls every connection, side by side: a slow org does not hold up another.
struct PollerGroup {
    pollers: Vec<Poller>,
}

#[async_trait]
impl ScheduleHandler for PollerGroup {
    async fn run(&self, tick: Tick) -> Result<(), Failure> {
        let results = join_all(self.pollers.iter().map(|it| it.run(tick))).await;
        let faults: Vec<_> =
            results.into_iter().filter_map(Result::err).map(|it| it.to_string()).collect();
        match faults.as_slice() {
            [] => Ok(()),
            faults => Err(Failure::transient(faults.join("; "))),
        }
    }
}

/// Asks whether the queue can be reached.
struct QueueReady {
    queue: Arc<dyn Queue>,
}

#[async_trait]
impl ReadyCheck for QueueReady {
    fn name(&self) -> &str {
        "queue"
    }

    async fn check(&self) -> Result<(), String> {
        self.queue.depth().await.map(drop).map_err(|error| chain(&error).to_string())
    }
}
