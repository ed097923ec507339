//! One tick: what changed goes into the lake, and what is new in the lake into the warehouse.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use shared::PortError;
use shared::lake::{Exporter, Hiding, LakePorts};
use shared::loader::{Credits, LoadPorts, LoadSettings, Loader};
use shared::ports::warehouse::Warehouse;
use shared::ports::{Clock, Ledger, SecretAddress, Secrets};
use shared::sync::Mappings;
use shared::worker::{Failure, ScheduleHandler, Tick};
use tracing::warn;

/// How long the lake may be written where a tick has no end.
const LONGEST: Duration = Duration::from_mins(15);

/// Writes and loads the lake.
pub struct LakeRuns {
    exporter: Exporter,
    loader: Option<Loader>,
    credits: Option<Credits>,
    clock: Arc<dyn Clock>,
}

/// Puts together what loads the lake of `ports` into `warehouse`.
pub fn loader(
    ports: &LakePorts,
    ledger: Arc<dyn Ledger>,
    warehouse: Arc<dyn Warehouse>,
    settings: LoadSettings,
) -> Loader {
    let ports = LoadPorts {
        warehouse,
        ledger,
        blobs: ports.blobs.clone(),
        clock: ports.clock.clone(),
        random: ports.random.clone(),
    };
    Loader::new(ports, settings)
}

/// Gathers what `mappings` hide. `None`, and a line in the log, when one of them hashes and no key is
/// set: then the lake is not set up yet.
///
/// # Errors
///
/// When the secret cannot be read.
pub async fn hiding<'a>(
    mappings: impl IntoIterator<Item = &'a Mappings>,
    key: Option<&SecretAddress>,
    secrets: &dyn Secrets,
) -> Result<Option<Hiding>, PortError> {
    let key = match key {
        Some(address) => Some(secrets.read(address).await?),
        None => None,
    };
    Ok(match Hiding::new(mappings, key) {
        Ok(hiding) => Some(hiding),
        Err(error) => {
            warn!(error = %shared::chain(&error), "the lake is not written: name the key of its masks");
            None
        }
    })
}

impl LakeRuns {
    /// Writes by `exporter`, and loads by `loader` where there is one.
    pub fn new(exporter: Exporter, loader: Option<Loader>, clock: Arc<dyn Clock>) -> Self {
        Self { exporter, loader, credits: None, clock }
    }

    /// Counts the credits that loading used, too.
    #[must_use]
    pub fn counting(self, credits: Credits) -> Self {
        Self { credits: Some(credits), ..self }
    }

    /// Counts credits. What keeps it from that keeps nothing else back: it is told, and tried again.
    async fn count_credits(&self, loader: &Loader) {
        let Some(credits) = &self.credits else { return };
        let counted = match loader.last_load().await {
            Ok(last_load) => {
                credits.run(last_load).await.map_err(|it| shared::chain(&it).to_string())
            }
            Err(error) => Err(shared::chain(&error).to_string()),
        };
        if let Err(error) = counted {
            warn!(error, "the credits that loading used are not counted");
        }
    }
}

#[async_trait]
impl ScheduleHandler for LakeRuns {
    /// Writes for half of the time at most, so that what is there is loaded however much waits.
    async fn run(&self, tick: Tick) -> Result<(), Failure> {
        let now = self.clock.now();
        let half = now.plus(tick.left(now, LONGEST) / 2);
        let exported = self.exporter.run(Some(half)).await;
        let Some(loader) = &self.loader else {
            return exported.map(drop).map_err(Failure::from);
        };
        let until = tick.until.unwrap_or_else(|| self.clock.now().plus(LONGEST));
        let loaded = loader.run(Some(until)).await;
        if let (Err(_), Err(error)) = (&exported, &loaded) {
            warn!(error = %shared::chain(error), "the lake was neither written nor loaded");
        }
        exported?;
        loaded?;
        self.count_credits(loader).await;
        Ok(())
    }
}
