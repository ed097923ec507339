//! Every function in one process: the apps over their ports, behind one listener.

mod lake;
mod pipelines;
mod queries;
mod reports;
mod terms;

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use analytics_api::{AnswerSettings, CostTerms, Ports, TwoWay};
use change_subscriber::{Followed, SubscriberPorts, SubscriberSettings};
use delta_poller::{PollerGroup, PollerPorts, Source};
use host::CostKeeper;
use host::local::LocalHost;
use outbox_relay::RunSettings;
use reconciler::{ReconcilePorts, ReconcileRuns};
use shared::config::{ConfigError, SettingsEditor};
use shared::cost::CostMeter;
use shared::ids::ConnectionId;
use shared::platform::{Surroundings, description_of};
use shared::ports::{ChangeStream, Clock, Queue, Random, Secrets, SystemClock, SystemRandom};
use shared::sync::{Mappings, ReconcileSettings, RelayPorts, publish_fields};
use sync_worker::{Remote, SyncWorker};
use webhook_intake::{Limits, Senders};
use wiring::{CaseStores, OpenConnection};

pub(crate) use self::pipelines::pipeline_tables;
pub(crate) use self::terms::relay_settings;
use self::terms::{poll_settings, reconcile_settings};
use crate::audit_watch::AuditWatch;
use crate::auth::SignIn;
use crate::dashboard;
use crate::exit::{CommandError, SUCCESS};
use crate::settings::{Loaded, Places, Settings};

/// A connection, and the stream of its changes.
type Opened = (OpenConnection, Option<Arc<dyn ChangeStream>>);

/// What the functions work with, opened once.
pub(crate) struct Parts {
    pub(crate) stores: CaseStores,
    pub(crate) queue: Arc<dyn Queue>,
    /// The queue of runs of pipelines.
    pub(crate) pipelines_queue: Arc<dyn Queue>,
    /// The queue of reports.
    pub(crate) reports_queue: Arc<dyn Queue>,
    pub(crate) secrets: Arc<dyn Secrets>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) random: Arc<dyn Random>,
    meter: Arc<CostMeter>,
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
        let pipelines_queue = Self::open_pipelines_queue(settings).await?;
        let reports_queue = Self::open_reports_queue(settings).await?;
        let (clock, random) = (Arc::new(SystemClock), Arc::new(SystemRandom));
        let prices = settings.price_list()?;
        let stores = settings.open_stores().await?;
        let meter = Arc::new(CostMeter::new(prices, clock.clone(), random.clone()));
        let ledger = stores.ledger.clone();
        wiring::watch_cloud_calls(meter.clone(), ledger, clock.clone(), &*random);
        let secrets = Arc::new(settings.secret_store());
        Ok(Self { stores, queue, pipelines_queue, reports_queue, secrets, meter, clock, random })
    }

    /// Opens every connection that `settings` name.
    pub(crate) fn connections(
        &self,
        settings: &Settings,
    ) -> Result<Vec<OpenConnection>, CommandError> {
        let opened = self.connections_with_streams(settings)?;
        Ok(opened.into_iter().map(|(opened, _)| opened).collect())
    }

    /// Returns what connections are given to work with.
    ///
    /// # Errors
    ///
    /// When a file that the settings name cannot be read.
    pub(crate) fn surroundings(&self, settings: &Settings) -> Result<Surroundings, CommandError> {
        Ok(Surroundings {
            secrets: self.secrets.clone(),
            clock: self.clock.clone(),
            random: self.random.clone(),
            writer: Some(Arc::new(settings.secret_store())),
            ledger: Some(self.stores.ledger.clone()),
            observer: Some(self.meter.clone()),
            tls: settings.outbound_tls()?,
        })
    }

    /// Opens every connection, and the stream of its changes when its settings ask for one.
    fn connections_with_streams(&self, settings: &Settings) -> Result<Vec<Opened>, CommandError> {
        let surroundings = self.surroundings(settings)?;
        let open = |it: &wiring::ConnectionSettings| {
            it.open_with_stream(&surroundings).map_err(|error| {
                CommandError::failed(format!("open the connection `{}`", it.name()), error)
            })
        };
        settings.connections.iter().map(open).collect()
    }

    /// Builds the worker that merges events.
    pub(crate) fn worker(&self, connections: Vec<OpenConnection>) -> SyncWorker {
        SyncWorker::new(self.stores.store.clone(), self.stores.ledger.clone(), remotes(connections))
    }

    /// Builds the pollers that read changes.
    pub(crate) fn pollers(
        &self,
        connections: &[OpenConnection],
        settings: &Settings,
    ) -> PollerGroup {
        PollerGroup::new(sources(connections), &self.poller_ports(), poll_settings(settings))
    }

    fn poller_ports(&self) -> PollerPorts {
        PollerPorts {
            queue: self.queue.clone(),
            store: Some(self.stores.store.clone()),
            ledger: self.stores.ledger.clone(),
            journal: self.stores.journal.clone(),
            clock: self.clock.clone(),
            random: self.random.clone(),
        }
    }

    /// Lists what the relay works with.
    pub(crate) fn relay_ports(&self) -> RelayPorts {
        RelayPorts {
            store: self.stores.store.clone(),
            outbox: self.stores.outbox.clone(),
            scan: self.stores.scan.clone(),
            ledger: self.stores.ledger.clone(),
            clock: self.clock.clone(),
            random: self.random.clone(),
        }
    }

    /// Builds what compares both sides.
    pub(crate) fn comparisons(
        &self,
        connections: &[OpenConnection],
        settings: ReconcileSettings,
    ) -> ReconcileRuns {
        let compared = connections.iter().filter_map(reconciler::comparable).collect();
        ReconcileRuns::new(compared, self.reconcile_ports(), settings, Duration::ZERO)
    }

    fn reconcile_ports(&self) -> ReconcilePorts {
        ReconcilePorts {
            store: self.stores.store.clone(),
            scan: self.stores.scan.clone(),
            ledger: self.stores.ledger.clone(),
            journal: self.stores.comparisons.clone(),
            clock: self.clock.clone(),
            random: self.random.clone(),
        }
    }

    fn subscriber_ports(&self) -> SubscriberPorts {
        SubscriberPorts {
            queue: self.queue.clone(),
            ledger: self.stores.ledger.clone(),
            clock: self.clock.clone(),
        }
    }

    async fn api_ports(
        &self,
        settings: &Settings,
        sign_in: &SignIn,
        editor: Arc<SettingsEditor>,
        mappings: Vec<(ConnectionId, Mappings)>,
    ) -> Result<Ports, CommandError> {
        Ok(Ports {
            view: self.stores.view.clone(),
            documents: self.stores.documents.clone(),
            document_bytes: Some(settings.open_documents()?),
            tally: self.stores.tally.clone(),
            incidents: self.stores.incidents.clone(),
            audit: self.stores.audit.clone(),
            feed: self.stores.feed.clone(),
            journal: self.stores.journal.clone(),
            ledger: self.stores.ledger.clone(),
            queues: self.queues(),
            authenticator: sign_in.authenticator(),
            walls: self.stores.walls.clone(),
            pipelines: Some(self.pipeline_desk(settings)?),
            reports: Some(self.report_desk(settings)?),
            costs: self.stores.costs.clone(),
            cost_terms: Arc::new(CostTerms {
                currency: self.meter.prices().currency().to_owned(),
                price_list: self.meter.prices().version().to_owned(),
                budgets: settings.costs.budgets.clone(),
            }),
            settings: editor,
            platforms: wiring::platforms().iter().map(|it| description_of(&**it)).collect(),
            queries: Some(self.queries(settings, &mappings).await?),
            two_way: TwoWay {
                store: self.stores.store.clone(),
                outbox: self.stores.outbox.clone(),
                conflicts: self.stores.conflicts.clone(),
                comparisons: self.stores.comparisons.clone(),
                mappings,
                random: self.random.clone(),
            },
            clock: self.clock.clone(),
        })
    }

    /// Writes what calls cost, and minds the budgets.
    pub(crate) fn cost_keeper(&self, settings: &Settings) -> CostKeeper {
        CostKeeper::new(
            self.meter.clone(),
            self.stores.costs.clone(),
            self.stores.ledger.clone(),
            self.clock.clone(),
            settings.costs.budgets.clone(),
        )
    }

    /// Puts every function into `host`.
    async fn assemble(
        &self,
        host: LocalHost,
        settings: &Settings,
        editor: Arc<SettingsEditor>,
        senders: Senders,
    ) -> Result<LocalHost, CommandError> {
        let opened = self.connections_with_streams(settings)?;
        let followed: Vec<_> = opened.iter().filter_map(followed).collect();
        let connections: Vec<_> = opened.into_iter().map(|(opened, _)| opened).collect();
        let mappings: Vec<_> =
            connections.iter().map(|it| (it.connection.clone(), it.mappings.clone())).collect();
        publish_fields(&*self.stores.field_views, mappings.iter().map(|(_, it)| it)).await;
        let sign_in = SignIn::open(settings, self.clock.clone(), self.random.clone())?;
        let answers = AnswerSettings {
            cors_origins: settings.api.cors_origins.clone(),
            ..AnswerSettings::default()
        };
        Ok(host
            .app(webhook_intake::assemble(
                self.queue.clone(),
                senders,
                Limits::default(),
                self.clock.clone(),
                self.random.clone(),
            ))
            .app(delta_poller::assemble(
                sources(&connections),
                &self.poller_ports(),
                poll_settings(settings),
                settings.poll.every.0,
            ))
            .app(change_subscriber::assemble(
                followed,
                &self.subscriber_ports(),
                SubscriberSettings::default(),
            ))
            .app(outbox_relay::assemble(
                connections.iter().filter_map(outbox_relay::remote).collect(),
                self.relay_ports(),
                relay_settings(settings),
                RunSettings::default(),
            ))
            .app(reconciler::assemble(
                connections.iter().filter_map(reconciler::comparable).collect(),
                self.reconcile_ports(),
                reconcile_settings(settings),
                settings.reconcile.every.0,
            ))
            .app(sync_worker::assemble(
                self.stores.store.clone(),
                self.stores.ledger.clone(),
                remotes(connections),
                Some(self.queue.clone()),
            ))
            .app(warehouse_loader::assemble(
                self.lake_runs(settings, &mappings).await?,
                self.stores.ledger.clone(),
                settings.warehouse.every.0,
            ))
            .app(self.pipeline_runner(settings, &mappings).await?)
            .app(self.report_builder(settings).await?)
            .app(host::App::new("audit").schedule(
                "audit-verify",
                VERIFY_EVERY,
                Arc::new(AuditWatch::new(self.stores.audit.clone())),
            ))
            .app(host::App::new("costs").flush(Arc::new(self.cost_keeper(settings))))
            .app(analytics_api::assemble(
                self.api_ports(settings, &sign_in, editor, mappings).await?,
                answers,
            ))
            .merge(sign_in.router())
            .merge(dashboard::router()))
    }
}

fn followed((opened, stream): &Opened) -> Option<Followed> {
    let mappings = opened.mappings.clone();
    stream.clone().map(|stream| Followed { stream, mappings })
}

fn sources(connections: &[OpenConnection]) -> impl Iterator<Item = Source> {
    connections.iter().map(Source::from)
}

fn remotes(connections: Vec<OpenConnection>) -> Vec<Remote> {
    connections.into_iter().map(Remote::from).collect()
}

/// How often the audit log is proved.
const VERIFY_EVERY: Duration = Duration::from_hours(24);

/// How long work in hand may take after a stop.
const DRAIN: Duration = Duration::from_secs(10);

/// Reads every secret that `settings` address; returns everybody who may send webhooks.
///
/// # Errors
///
/// Every fault, with the path of its setting in `moodbridge.toml`.
pub(crate) async fn resolve_secrets(
    settings: &Settings,
    secrets: &dyn Secrets,
    random: &dyn Random,
) -> Result<Senders, ConfigError> {
    let mut faults = Vec::new();
    for (idx, connection) in settings.connections.iter().enumerate() {
        for (path, address) in connection.secrets() {
            if let Err(error) = secrets.read(&address).await {
                faults.push(format!("connections[{idx}].{path}: {}", shared::chain(&error)));
            }
        }
    }
    match Senders::resolve(&settings.intake, secrets, random).await {
        Ok(senders) if faults.is_empty() => return Ok(senders),
        Ok(_) => {}
        Err(error) => faults.extend(error.faults().iter().map(|it| format!("intake.{it}"))),
    }
    Err(ConfigError::new(faults))
}

/// Opens what the settings of `loaded` name and puts every function behind one listener; `places`
/// are where they were read.
///
/// # Errors
///
/// When the settings cannot be used, or a part cannot be opened.
pub(crate) async fn host(loaded: &Loaded, places: &Places) -> Result<LocalHost, CommandError> {
    let settings = &loaded.settings;
    // First: it starts the recorder, and a counter looked up earlier would count nowhere.
    let host = LocalHost::new()
        .with_drain_timeout(DRAIN)
        .with_allowed_hosts(settings.server.allowed_hosts.clone())
        .with_data_dir(settings.data_dir.clone());
    // Before anything is opened: a wrong secret must leave nothing behind.
    let senders = resolve_secrets(settings, &settings.secret_store(), &SystemRandom).await?;
    let parts = Parts::open(settings).await?;
    let editor = places.editor(parts.stores.settings.clone(), loaded.version);
    parts.assemble(host, settings, Arc::new(editor), senders).await
}

/// Runs every function until the process is told to stop.
///
/// # Errors
///
/// When the settings cannot be used, or a part cannot be opened.
pub(crate) async fn serve(places: &Places) -> Result<ExitCode, CommandError> {
    let written = places.load()?.settings;
    resolve_secrets(&written, &written.secret_store(), &SystemRandom).await?;
    let loaded = places.in_force().await?;
    let bound = host(&loaded, places)
        .await?
        .bind(loaded.settings.server.address)
        .await
        .map_err(|error| CommandError::failed("start the server", error))?;
    bound
        .run(host::shutdown_signal())
        .await
        .map_err(|error| CommandError::failed("serve", error))?;
    Ok(SUCCESS.into())
}
