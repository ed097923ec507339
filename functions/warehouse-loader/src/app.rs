//! This function, put together.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use host::{App, CostKeeper, LedgerReady};
use shared::config::Env;
use shared::lake::{Exporter, LakeSettings};
use shared::loader::{CreditPorts, Credits, LoadSettings};
use shared::ports::{Clock, Ledger, SystemClock};
use shared::sync::Mappings;
use tracing::info;
use wiring::{BlobAddress, Outside};

use crate::config::Config;
use crate::runs::{LakeRuns, hiding, loader};

const NAME: &str = "warehouse-loader";

/// Puts this function together: `every` so often the lake is written by `runs`. Without them nothing is
/// done.
pub fn assemble(runs: Option<LakeRuns>, ledger: Arc<dyn Ledger>, every: Duration) -> App {
    let app = App::new(NAME).ready(LedgerReady::new(ledger));
    match runs {
        Some(runs) => app.schedule(NAME, every, Arc::new(runs)),
        None => app.schedule(NAME, every, Arc::new(Nothing)),
    }
}

/// A tick for which nothing is set up.
struct Nothing;

#[async_trait::async_trait]
impl shared::worker::ScheduleHandler for Nothing {
    async fn run(&self, _: shared::worker::Tick) -> Result<(), shared::worker::Failure> {
        Ok(())
    }
}

/// Puts this function together from the settings in `env`.
///
/// # Errors
///
/// [`ConfigError`](shared::config::ConfigError) with every fault of the settings, or what kept the
/// case store, the lake, the warehouse or a connection from being opened.
pub async fn app(env: Env) -> Result<App, Box<dyn Error + Send + Sync>> {
    let config = Config::read(env.clone())?;
    let outside = Outside::open(env.clone(), &config.outside).await?;
    let runs = match &config.lake {
        Some(place) => runs(&env, &config, place, &outside).await?,
        None => {
            info!("LAKE is unset: nothing is written, and nothing loaded");
            None
        }
    };
    let Outside { stores, meter, .. } = outside;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let ledger = stores.ledger.clone();
    let costs =
        CostKeeper::new(meter, stores.costs, stores.ledger, clock, config.outside.costs.budgets);
    Ok(assemble(runs, ledger, config.every).flush(Arc::new(costs)))
}

async fn runs(
    env: &Env,
    config: &Config,
    place: &BlobAddress,
    outside: &Outside,
) -> Result<Option<LakeRuns>, Box<dyn Error + Send + Sync>> {
    let Outside { stores, surroundings, meter } = outside;
    let ports = wiring::lake_ports(stores, wiring::blobs(place, env)?);
    let mut mappings: Vec<Mappings> = Vec::new();
    for settings in &config.outside.connections {
        mappings.push(settings.open(surroundings)?.mappings);
    }
    let key = config.mask_key.as_ref();
    let Some(hiding) = hiding(&mappings, key, &*surroundings.secrets).await? else {
        return Ok(None);
    };
    let clock = ports.clock.clone();
    let exporter = |ports| Exporter::new(ports, hiding, LakeSettings::default());
    let Some(address) = &config.warehouse else {
        info!("WAREHOUSE is unset: the lake is written, and not loaded");
        return Ok(Some(LakeRuns::new(exporter(ports), None, clock)));
    };
    let warehouse = wiring::warehouse(address, surroundings)?;
    let settings = LoadSettings::between(&place.to_string(), address.as_str());
    let settings = LoadSettings { max_rejects: config.max_rejects, ..settings };
    let credits = CreditPorts {
        view: wiring::warehouse_spending(address, surroundings)?,
        ledger: stores.ledger.clone(),
        costs: stores.costs.clone(),
        prices: meter.prices().clone(),
        clock: clock.clone(),
        random: ports.random.clone(),
    };
    let credits = Credits::new(credits, &settings.name);
    let loader = loader(&ports, stores.ledger.clone(), warehouse, settings);
    Ok(Some(LakeRuns::new(exporter(ports), Some(loader), clock).counting(credits)))
}
