//! What every function works with that calls platforms.

use std::error::Error;
use std::sync::Arc;

use shared::config::{ConfigError, Env};
use shared::cost::{CostMeter, CostSettings};
use shared::platform::{OutboundSettings, Surroundings};
use shared::ports::{LocalSecrets, SystemClock, SystemRandom};
use url::Url;

use crate::connection::ConnectionSettings;
use crate::secrets::PlatformSecrets;
use crate::store::{CaseStores, case_store};

/// The settings that every function has that calls platforms.
#[derive(Debug)]
pub struct OutsideSettings {
    /// Where rows are kept, and cursors and states with them: `CASE_STORE`, such as `sqlite:cases.db`.
    pub case_store: Url,
    /// Where cursors and states are kept instead: `LEDGER`, such as `dynamodb:moodbridge-ledger`.
    pub ledger: Option<Url>,
    /// The connections: `CONNECTIONS`, a JSON list, or the file named by `CONNECTIONS_FILE`. They may
    /// be of platforms whose manifests lie in the folder `PLATFORMS_FOLDER`.
    pub connections: Vec<ConnectionSettings>,
    /// Prices and budgets: `COST_PRICE_LIST`, a file, and `COST_BUDGETS`, a JSON list.
    pub costs: CostSettings,
    /// How calls are encrypted: `HTTP_TLS12_HOSTS` and `HTTP_EXTRA_ROOTS_FILE`.
    pub outbound: OutboundSettings,
}

impl OutsideSettings {
    /// Reads the settings from `env`, and notes each fault there; `None` when there is no case store.
    pub fn read(env: &mut Env) -> Option<Self> {
        let case_store = env.required("CASE_STORE");
        let ledger = env.optional("LEDGER");
        if env.get("CONNECTIONS").is_none() && env.get("CONNECTIONS_FILE").is_none() {
            env.fault("CONNECTIONS is unset: write a JSON list, or set CONNECTIONS_FILE");
        }
        crate::platforms::read_platforms(env);
        let connections = ConnectionSettings::read(env);
        let costs = CostSettings::read(env);
        let outbound = OutboundSettings::read(env);
        case_store.map(|case_store| Self { case_store, ledger, connections, costs, outbound })
    }
}

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
    /// Opens the case store that `settings` name; secrets are read where `env` says.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] when the price list or a root certificate cannot be used, or what kept the case
    /// store from being opened.
    pub async fn open(
        env: Env,
        settings: &OutsideSettings,
    ) -> Result<Self, Box<dyn Error + Send + Sync>> {
        let OutsideSettings { case_store: address, costs, outbound, .. } = settings;
        let stores = case_store(address).await?.with_ledger(settings.ledger.as_ref()).await?;
        let (clock, random) = (Arc::new(SystemClock), Arc::new(SystemRandom));
        let secrets = Arc::new(PlatformSecrets::new(LocalSecrets::new(env)));
        let prices = costs.prices().map_err(ConfigError::from)?;
        let meter = Arc::new(CostMeter::new(prices, clock.clone(), random.clone()));
        let ledger = stores.ledger.clone();
        crate::calls::watch_cloud_calls(meter.clone(), ledger, clock.clone(), &*random);
        let surroundings = Surroundings {
            ledger: Some(stores.ledger.clone()),
            observer: Some(meter.clone()),
            tls: outbound.load().map_err(ConfigError::from)?,
            ..Surroundings::new(secrets, clock, random)
        };
        Ok(Self { stores, meter, surroundings })
    }
}
