//! What every function works with that calls platforms.

use std::error::Error;
use std::sync::Arc;

use shared::config::{ConfigError, Env};
use shared::cost::{CostMeter, CostSettings};
use shared::platform::{OutboundSettings, Surroundings};
use shared::ports::{LocalSecrets, SystemClock, SystemRandom};
use url::Url;

use crate::store::{CaseStores, case_store};

/// The case store, and what connections are opened with.
pub struct Outside {
    /// The ports that the case store stands behind.
    pub stores: CaseStores,
    /// Counts what calls cost.
    pub meter: Arc<CostMeter>,
    /// What integrations are given: their breakers and quotas are shared through the case store, and
    /// their calls are counted.
    pub surroundings: Surroundings,
}

impl Outside {
    /// Opens the case store at `address`; secrets are read where `env` says.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] when the price list or a root certificate cannot be used, or what kept the case
    /// store from being opened.
    pub async fn open(
        env: Env,
        address: &Url,
        costs: &CostSettings,
        outbound: &OutboundSettings,
    ) -> Result<Self, Box<dyn Error + Send + Sync>> {
        let stores = case_store(address).await?;
        let (clock, random) = (Arc::new(SystemClock), Arc::new(SystemRandom));
        let prices = costs.prices().map_err(ConfigError::from)?;
        let meter = Arc::new(CostMeter::new(prices, clock.clone(), random.clone()));
        let surroundings = Surroundings {
            ledger: Some(stores.ledger.clone()),
            observer: Some(meter.clone()),
            tls: outbound.load().map_err(ConfigError::from)?,
            ..Surroundings::new(Arc::new(LocalSecrets::new(env)), clock, random)
        };
        Ok(Self { stores, meter, surroundings })
    }
}
