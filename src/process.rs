//! Every function in one process: the apps over their ports, behind one listener.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use analytics_api::{Api, Ports};
use async_trait::async_trait;
use delta_poller::{PollSettings, Poller, PollerPorts};
use host::local::LocalHost;
use host::{App, ReadyCheck};
use shared::chain;
use shared::config::{ConfigError, Env};
use shared::ports::{
    Clock, Ledger, LocalSecrets, Queue, Random, Secrets, SystemClock, SystemRandom,
};
use shared::worker::{Failure, ScheduleHandler, Tick};
use sync_worker::{Remote, SyncWorker};
use webhook_intake::{Intake, Limits, Senders};
use wiring::{CaseStores, OpenConnection};

use crate::dashboard;
use crate::exit::{CommandError, SUCCESS};
use crate::settings::Settings;

/// What the functions work with, opened once.
pub(crate) struct Parts {
    pub(crate) stores: CaseStores,
    pub(crate) queue: Arc<dyn Queue>,
    pub(crate) secrets: Arc<dyn Secrets>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) random: Arc<dyn Random>,
}

impl Parts {
    /// Opens the store and the queue that `settings` name.
    ///
    /// # Errors
    ///
    /// When one cannot be opened.
    pub(crate) async fn open(settings: &Settings) -> Result<Self, CommandError> {
        let address = settings.events_queue()?;
        let queue = wiring::queue(&address)
            .await
            .map_err(|error| CommandError::failed(format!("open the queue `{address}`"), error))?;
        Ok(Self {
            stores: settings.open_stores().await?,
            queue,
            secrets: Arc::new(LocalSecrets::new(Env::of_process())),
            clock: Arc::new(SystemClock),
            random: Arc::new(SystemRandom),
        })
    }

    /// Opens every connection that `settings` name.
    pub(crate) fn connections(
        &self,
        settings: &Settings,
    ) -> Result<Vec<OpenConnection>, CommandError> {
        let open = |it: &wiring::ConnectionSettings| {
            it.open(self.secrets.clone(), self.clock.clone(), self.random.clone()).map_err(
                |error| CommandError::failed(format!("open the connection `{}`", it.name()), error),
            )
        };
        settings.connections.iter().map(open).collect()
    }

    /// Builds the worker that merges events.
    pub(crate) fn worker(&self, connections: Vec<OpenConnection>) -> SyncWorker {
        let remotes = connections
            .into_iter()
            .map(|it| Remote { connection: it.connection, crm: it.crm, mappings: it.mappings })
            .collect();
        SyncWorker::new(self.stores.store.clone(), self.stores.ledger.clone(), remotes)
    }

    /// Builds the pollers that read changes.
    pub(crate) fn pollers(&self, connections: &[OpenConnection], settings: &Settings) -> PollAll {
        let poll = PollSettings {
            overlap: settings.poll.overlap.0,
            lag: settings.poll.lag.0,
            ..PollSettings::default()
        };
        let poller = |it: &OpenConnection| {
            let objects = it
                .mappings
                .objects()
                .into_iter()
                .map(|mapping| (mapping.object.clone(), mapping.remote_fields()))
                .collect();
            let ports = PollerPorts {
                crm: it.crm.clone(),
                queue: self.queue.clone(),
                ledger: self.stores.ledger.clone(),
                journal: self.stores.journal.clone(),
                clock: self.clock.clone(),
                random: self.random.clone(),
            };
            Poller::new(it.connection.clone(), it.mappings.platform(), objects, ports, poll)
        };
        PollAll(connections.iter().map(poller).collect())
    }

    async fn intake(&self, settings: &Settings) -> Result<Intake, ConfigError> {
        let senders = senders(settings, &*self.secrets, &*self.random).await?;
        Ok(Intake::new(
            self.queue.clone(),
            self.clock.clone(),
            self.random.clone(),
            senders,
            Limits::default(),
        ))
    }

    /// Puts every function behind one listener.
    pub(crate) async fn host(&self, settings: &Settings) -> Result<LocalHost, CommandError> {
        let connections = self.connections(settings)?;
        let pollers = self.pollers(&connections, settings);
        let api = Api::new(Ports {
            view: self.stores.view.clone(),
            audit: self.stores.audit.clone(),
            feed: self.stores.feed.clone(),
            journal: self.stores.journal.clone(),
            ledger: self.stores.ledger.clone(),
            queues: vec![self.queue.clone()],
            clock: self.clock.clone(),
        });
        let intake = App::new("webhook-intake")
            .http(webhook_intake::router(Arc::new(self.intake(settings).await?)))
            .ready(Arc::new(QueueReady(self.queue.clone())));
        let worker = App::new("sync-worker")
            .queue("events", Arc::new(self.worker(connections)))
            .local_queue(self.queue.clone())
            .ready(Arc::new(StoreReady(self.stores.ledger.clone())));
        let poller = App::new("delta-poller").schedule(
            "delta-poller",
            settings.poll.every.0,
            Arc::new(pollers),
        );
        let api = App::new("analytics-api").http(analytics_api::router(Arc::new(api)));
        Ok(LocalHost::new()
            .app(intake)
            .app(worker)
            .app(poller)
            .app(api)
            .merge(dashboard::router())
            .with_drain_timeout(DRAIN))
    }
}

/// How long work in hand may take after a stop.
const DRAIN: Duration = Duration::from_secs(10);

/// Reads the secrets of everybody who may send webhooks.
///
/// # Errors
///
/// Every fault, with the path of its setting in `moodbridge.toml`.
pub(crate) async fn senders(
    settings: &Settings,
    secrets: &dyn Secrets,
    random: &dyn Random,
) -> Result<Senders, ConfigError> {
    Senders::resolve(&settings.intake, secrets, random).await.map_err(|error| {
        ConfigError::new(error.faults().iter().map(|it| format!("intake.{it}")).collect())
    })
}

/// Runs every function until the process is told to stop.
///
/// # Errors
///
/// When the settings cannot be used, or a part cannot be opened.
pub(crate) async fn serve(settings: Settings) -> Result<ExitCode, CommandError> {
    let parts = Parts::open(&settings).await?;
    let host = parts.host(&settings).await?;
    let bound = host
        .bind(settings.server.address)
        .await
        .map_err(|error| CommandError::failed("start the server", error))?;
    bound
        .run(host::shutdown_signal())
        .await
        .map_err(|error| CommandError::failed("serve", error))?;
    Ok(SUCCESS.into())
}

/// Polls every connection, one after another; one that fails does not keep the others waiting.
pub(crate) struct PollAll(pub(crate) Vec<Poller>);

#[async_trait]
impl ScheduleHandler for PollAll {
    async fn run(&self, _tick: Tick) -> Result<(), Failure> {
        let mut outcome = Ok(());
        for poller in &self.0 {
            if let Err(failure) = poller.poll().await {
                outcome = Err(failure);
            }
        }
        outcome
    }
}

/// Asks whether the queue can be used.
struct QueueReady(Arc<dyn Queue>);

#[async_trait]
impl ReadyCheck for QueueReady {
    fn name(&self) -> &str {
        "queue"
    }

    async fn check(&self) -> Result<(), String> {
        self.0.depth().await.map(drop).map_err(|error| chain(&error).to_string())
    }
}

/// Asks whether the case store can be used.
struct StoreReady(Arc<dyn Ledger>);

#[async_trait]
impl ReadyCheck for StoreReady {
    fn name(&self) -> &str {
        "case store"
    }

    async fn check(&self) -> Result<(), String> {
        self.0.get("ready").await.map(drop).map_err(|error| chain(&error).to_string())
    }
}
