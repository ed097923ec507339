//! This function, put together.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use host::{App, CostKeeper, LedgerReady, QueueReady};
use shared::config::Env;
use shared::ports::{Ledger, SystemClock, SystemRandom};
use shared::reports::{BuildPorts, BuildSettings, Newsroom, ReportDefinitions, ReportSources};
use wiring::Outside;

use crate::config::Config;
use crate::handlers::{ReportPorts, ReportRuns};

const NAME: &str = "report-builder";

/// How often it is looked what is due; the platform's timer decides in the cloud.
const LOOK_EVERY: Duration = Duration::from_mins(5);

/// Puts this function together over its ports.
pub fn assemble(ports: ReportPorts, ledger: Arc<dyn Ledger>, settings: BuildSettings) -> App {
    let queue = Arc::clone(&ports.queue);
    let runs = Arc::new(ReportRuns::new(ports, settings));
    App::new(NAME)
        .ready(LedgerReady::new(ledger))
        .ready(QueueReady::new(Arc::clone(&queue)))
        .queue("reports", runs.clone())
        .schedule(NAME, LOOK_EVERY, runs)
        .with_queue(queue)
}

/// Puts this function together from the settings in `env`.
///
/// # Errors
///
/// Every setting that is missing or malformed, or what kept a store from being opened.
pub async fn app(env: Env) -> Result<App, Box<dyn Error + Send + Sync>> {
    let config = Config::read(env.clone())?;
    let Outside { stores, meter, surroundings } =
        Outside::open(env.clone(), &config.outside).await?;
    let store = wiring::blobs(&config.reports, &env)?;
    let own = config.definitions.as_ref().map(|it| wiring::blobs(it, &env)).transpose()?;
    let topic = match &config.topic {
        Some(address) => Some(wiring::topic(address).await?),
        None => None,
    };
    let webhook = match &config.webhook {
        Some((url, secret)) => Some(wiring::webhook(url, secret, &surroundings)?),
        None => None,
    };
    let clock = Arc::new(SystemClock);
    let build = BuildPorts {
        sources: ReportSources {
            tally: stores.tally,
            view: stores.view,
            pipelines: stores.pipelines,
        },
        definitions: ReportDefinitions::new(own),
        journal: stores.reports,
        printer: Some(wiring::report_printer()),
        tables: Some(wiring::report_tables(store.clone())),
        store,
        news: Newsroom { topic, webhook, link_for: config.link_for },
        clock: clock.clone(),
    };
    let queue = wiring::queue(&config.queue).await?;
    let ports = ReportPorts { build, queue, random: Arc::new(SystemRandom) };
    let (ledger, budgets) = (stores.ledger, config.outside.costs.budgets);
    let costs = CostKeeper::new(meter, stores.costs, ledger.clone(), clock, budgets);
    Ok(assemble(ports, ledger, BuildSettings::default()).flush(Arc::new(costs)))
}
