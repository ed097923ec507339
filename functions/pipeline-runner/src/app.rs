//! This function, put together.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use host::{App, CostKeeper, LedgerReady, QueueReady};
use shared::config::Env;
use shared::etl::CaseRows;
use shared::etl::runs::Definitions;
use shared::lake::Hiding;
use shared::ports::{Ledger, SystemClock, SystemRandom};
use tracing::info;
use wiring::{Outside, PipelinePorts};

use crate::config::Config;
use crate::ports::{RunnerPorts, RunnerSettings};
use crate::runner::PipelineRunner;

const NAME: &str = "pipeline-runner";

/// How often it is looked what is due; the platform's timer decides in the cloud.
const LOOK_EVERY: Duration = Duration::from_mins(1);

/// Puts this function together over its ports.
pub fn assemble(ports: RunnerPorts, ledger: Arc<dyn Ledger>, settings: RunnerSettings) -> App {
    let queue = Arc::clone(&ports.queue);
    let runner = Arc::new(PipelineRunner::new(ports, settings));
    App::new(NAME)
        .ready(LedgerReady::new(ledger))
        .ready(QueueReady::new(Arc::clone(&queue)))
        .queue("pipelines", runner.clone())
        .schedule(NAME, LOOK_EVERY, runner)
        .with_queue(queue)
}

/// Puts this function together from the settings in `env`.
///
/// # Errors
///
/// Every setting that is missing or malformed, or what kept a store from being opened.
pub async fn app(env: Env) -> Result<App, Box<dyn Error + Send + Sync>> {
    let config = Config::read(env.clone())?;
    let outside = Outside::open(env.clone(), &config.outside).await?;
    let cases = case_rows(&config, &outside).await?;
    let tables = wiring::tables(&config.databases).await?;
    let Outside { stores, meter, .. } = outside;
    let clock = Arc::new(SystemClock);
    let ports = RunnerPorts {
        engine: wiring::pipelines(PipelinePorts {
            cases,
            tables: Some(tables),
            ..PipelinePorts::default()
        }),
        definitions: Definitions::new(wiring::blobs(&config.pipelines, &env)?),
        journal: stores.pipelines,
        queue: wiring::queue(&config.queue).await?,
        open: wiring::open_blobs(),
        clock: clock.clone(),
        random: Arc::new(SystemRandom),
    };
    let settings = RunnerSettings { within: Some(config.within), ..RunnerSettings::default() };
    let (ledger, budgets) = (stores.ledger, config.outside.costs.budgets);
    let costs = CostKeeper::new(meter, stores.costs, ledger.clone(), clock, budgets);
    Ok(assemble(ports, ledger, settings).flush(Arc::new(costs)))
}

/// Returns the rows of the case store, with what is masked of them hidden; `None`, and a line in the log,
/// when a mask hashes and no key is set.
async fn case_rows(
    config: &Config,
    outside: &Outside,
) -> Result<Option<CaseRows>, Box<dyn Error + Send + Sync>> {
    let mut mappings = Vec::new();
    for settings in &config.outside.connections {
        mappings.push(settings.open(&outside.surroundings)?.mappings);
    }
    let key = match &config.mask_key {
        Some(address) => Some(outside.surroundings.secrets.read(address).await?),
        None => None,
    };
    let hiding = Hiding::new(&mappings, key).inspect_err(|error| {
        info!(error = %shared::chain(error), "rows of the case store are no source of pipelines");
    });
    Ok(hiding.ok().map(|hiding| CaseRows::new(outside.stores.rows.clone(), hiding)))
}
