//! Puts several apps behind one listener.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use metrics_exporter_prometheus::PrometheusHandle;
use shared::ports::{Clock, Queue, Random, SystemClock, SystemRandom};
use shared::worker::{Backoff, MessageHandler};
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{info, warn};

use super::consumer::Consumer;
use super::figures::Figures;
use super::names::{HostName, guarded};
use super::schedule::Schedule;
use super::service::KeptService;
use crate::app::{App, ReadyCheck, ScheduleTrigger, ServiceTrigger};
use crate::error::HostError;
use crate::flush::{flush_all, keep_flushing, with_own};
use crate::frame::Frame;
use crate::health::Readiness;
use crate::metrics;
use crate::server::serve;
use crate::shedding::MAX_IN_FLIGHT;

/// The waits after a schedule or a service failed.
const RESTARTS: Backoff = Backoff { first: Duration::from_secs(1), cap: Duration::from_secs(300) };

/// Runs several apps in one process.
///
/// ```no_run
/// # async fn example(intake: host::App, worker: host::App) -> Result<(), host::HostError> {
/// let host = host::local::LocalHost::new().app(intake).app(worker);
/// let bound = host.bind(([127, 0, 0, 1], 0).into()).await?;
/// println!("http://{}", bound.address());
/// bound.run(host::shutdown_signal()).await
/// # }
/// ```
pub struct LocalHost {
    apps: Vec<App>,
    extra: Router,
    request_timeout: Duration,
    drain_timeout: Duration,
    max_in_flight: usize,
    width: usize,
    allowed_hosts: Arc<[HostName]>,
    data_dir: Option<PathBuf>,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
}

impl Default for LocalHost {
    fn default() -> Self {
        // Before any app is built: a counter looked up earlier would count nowhere.
        let _ = metrics::page();
        Self {
            apps: Vec::new(),
            extra: Router::new(),
            request_timeout: Duration::from_secs(30),
            drain_timeout: Duration::from_secs(25),
            max_in_flight: MAX_IN_FLIGHT,
            width: 16,
            allowed_hosts: Arc::default(),
            data_dir: None,
            clock: Arc::new(SystemClock),
            random: Arc::new(SystemRandom),
        }
    }
}

impl LocalHost {
    /// Runs nothing yet, and begins to record metrics: make it before the apps.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an app.
    #[must_use]
    pub fn app(mut self, app: App) -> Self {
        self.apps.push(app);
        self
    }

    /// Adds routes that belong to no app, such as the dashboard; they may hold the one fallback.
    #[must_use]
    pub fn merge(mut self, router: Router) -> Self {
        self.extra = self.extra.merge(router);
        self
    }

    /// Sets the longest time until a response begins: 30 s at first.
    #[must_use]
    pub fn with_request_timeout(mut self, timeout: Duration) -> Self {
        self.request_timeout = timeout;
        self
    }

    /// Sets how many requests may be in hand before more are turned away with 503: 1,024 at first.
    /// `/healthz`, `/readyz` and `/metrics` are always answered.
    #[must_use]
    pub fn with_max_in_flight(mut self, max_in_flight: usize) -> Self {
        self.max_in_flight = max_in_flight;
        self
    }

    /// Sets the longest time that work in hand may take after a stop: 25 s at first.
    #[must_use]
    pub fn with_drain_timeout(mut self, timeout: Duration) -> Self {
        self.drain_timeout = timeout;
        self
    }

    /// Sets how many messages of one queue are handled side by side: 16 at first.
    #[must_use]
    pub fn with_width(mut self, width: usize) -> Self {
        self.width = width.max(1);
        self
    }

    /// Sets the names besides those of this machine that it answers to when it listens on loopback,
    /// such as the one that a proxy before it passes on: none at first.
    #[must_use]
    pub fn with_allowed_hosts(mut self, names: impl IntoIterator<Item = HostName>) -> Self {
        self.allowed_hosts = names.into_iter().collect();
        self
    }

    /// Measures the disk that `data_dir` is on; none at first.
    #[must_use]
    pub fn with_data_dir(mut self, data_dir: impl Into<PathBuf>) -> Self {
        self.data_dir = Some(data_dir.into());
        self
    }

    /// Begins to listen on `address`; port 0 takes a free one.
    ///
    /// # Errors
    ///
    /// `Bind` when the address cannot be had.
    pub async fn bind(self, address: SocketAddr) -> Result<BoundHost, HostError> {
        let listener = TcpListener::bind(address)
            .await
            .map_err(|source| HostError::Bind { address, source })?;
        let address =
            listener.local_addr().map_err(|source| HostError::Bind { address, source })?;
        let triggers = self
            .apps
            .iter()
            .flat_map(kept_schedules)
            .map(|schedule| (schedule.name, Arc::new(Notify::new())))
            .collect();
        Ok(BoundHost { host: self, listener, address, triggers: ScheduleTriggers(triggers) })
    }
}

/// A local host that listens and is ready to run.
pub struct BoundHost {
    host: LocalHost,
    listener: TcpListener,
    address: SocketAddr,
    triggers: ScheduleTriggers,
}

impl BoundHost {
    /// Returns the address it listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns the handle that runs a schedule now.
    pub fn schedule_triggers(&self) -> ScheduleTriggers {
        self.triggers.clone()
    }

    /// Serves until `shutdown` completes, then finishes the work in hand and releases the rest.
    ///
    /// # Errors
    ///
    /// `Unpaired` when a handler and a local queue do not match.
    pub async fn run(
        self,
        shutdown: impl Future<Output = ()> + Send + 'static,
    ) -> Result<(), HostError> {
        let Self { host, listener, address, triggers } = self;
        let (stop, cut) = (CancellationToken::new(), CancellationToken::new());
        // A caller may drop this future instead of completing `shutdown`.
        let _when_dropped = (stop.clone().drop_guard(), cut.clone().drop_guard());
        let work = TaskTracker::new();
        let pairs = host.apps.iter().map(pair_queues).collect::<Result<Vec<_>, _>>()?;
        for (queue, handler) in pairs.into_iter().flatten() {
            let consumer = Consumer::new(queue, handler, Arc::clone(&host.random), host.width);
            work.spawn(consumer.consume(stop.clone(), cut.clone()));
        }
        for trigger in host.apps.iter().flat_map(kept_schedules) {
            let schedule = host.schedule(trigger, &triggers);
            work.spawn(schedule.keep(stop.clone(), cut.clone()));
        }
        for trigger in host.apps.iter().flat_map(|app| &app.local_services) {
            work.spawn(host.service(trigger).keep(stop.clone(), cut.clone()));
        }
        let _ = metrics::page().map(|page| work.spawn(fold_samples(page, stop.clone())));
        work.spawn(host.figures().keep(stop.clone()));
        let flushes = host.apps.iter().flat_map(|app| app.flushes.iter().cloned()).collect();
        let flushes = with_own(flushes);
        work.spawn(keep_flushing(flushes.clone(), stop.clone()));
        work.close();

        let names = host.apps.iter().map(|app| app.name).collect::<Vec<_>>().join(", ");
        info!(address = %address, "serving {names} on `{address}`");
        let (drain, router) = (host.drain_timeout, host.router(address, &stop));
        let server = tokio::spawn(serve(listener, router, stop.clone(), drain));
        shutdown.await;
        stop.cancel();
        if tokio::time::timeout(drain, work.wait()).await.is_err() {
            warn!("work in hand is cut off at the drain limit");
            cut.cancel();
            work.wait().await;
        }
        let _ = server.await;
        flush_all(&flushes).await;
        info!("stopped");
        Ok(())
    }
}

impl LocalHost {
    fn schedule(&self, trigger: &ScheduleTrigger, triggers: &ScheduleTriggers) -> Schedule {
        Schedule {
            trigger: trigger.clone(),
            run_now: triggers.0.get(trigger.name).cloned().unwrap_or_default(),
            clock: Arc::clone(&self.clock),
            random: Arc::clone(&self.random),
            backoff: RESTARTS,
        }
    }

    fn service(&self, trigger: &ServiceTrigger) -> KeptService {
        let random = Arc::clone(&self.random);
        KeptService { trigger: trigger.clone(), random, backoff: RESTARTS }
    }

    fn figures(&self) -> Figures {
        let queues = self.apps.iter().flat_map(|app| app.own_queues.iter().cloned()).collect();
        Figures::new(queues, self.ready_checks(), self.data_dir.clone(), Arc::clone(&self.clock))
    }

    fn ready_checks(&self) -> Vec<(&'static str, Arc<dyn ReadyCheck>)> {
        let of_app = |app: &App| {
            let name = app.name;
            app.ready_checks.iter().map(|it| (name, Arc::clone(it))).collect::<Vec<_>>()
        };
        self.apps.iter().flat_map(of_app).collect()
    }

    /// Merges the routes of every app with the health routes and puts the frame around them.
    fn router(self, address: SocketAddr, stop: &CancellationToken) -> Router {
        let health = Readiness::new(self.ready_checks(), stop.clone()).router();
        let (mut named, mut open) = (self.extra.merge(health), Router::new());
        for app in self.apps {
            (named, open) = (named.merge(app.router), open.merge(app.open_router));
        }
        let all = open.merge(guarded(named, address, self.allowed_hosts));
        Frame::with_limit(self.request_timeout, self.random, self.max_in_flight).around(all)
    }
}

/// Returns the schedules that no service of the same name stands in for.
fn kept_schedules(app: &App) -> impl Iterator<Item = &ScheduleTrigger> {
    let is_replaced = |name| app.local_services.iter().any(|it| it.name == name);
    app.schedules.iter().filter(move |it| !is_replaced(it.name))
}

type QueuePair = (Arc<dyn Queue>, Arc<dyn MessageHandler>);

/// Finds the local queue of each handler; one without the other would lose messages quietly.
fn pair_queues(app: &App) -> Result<Vec<QueuePair>, HostError> {
    let unpaired = |queue: &str, wanted, missing| HostError::Unpaired {
        app: app.name,
        queue: queue.to_owned(),
        wanted,
        missing,
    };
    let orphan = app
        .own_queues
        .iter()
        .find(|queue| !app.queues.iter().any(|trigger| trigger.queue == queue.name()));
    if let Some(queue) = orphan {
        return Err(unpaired(queue.name(), "a local queue", "no handler"));
    }
    app.queues
        .iter()
        .map(|trigger| {
            let queue = app.own_queues.iter().find(|queue| queue.name() == trigger.queue);
            let queue =
                queue.ok_or_else(|| unpaired(trigger.queue, "a handler", "no local queue"))?;
            Ok((Arc::clone(queue), Arc::clone(&trigger.handler)))
        })
        .collect()
}

/// Folds samples into their buckets even when nobody reads the page, so that they do not pile up.
async fn fold_samples(page: &'static PrometheusHandle, stop: CancellationToken) {
    while stop.run_until_cancelled(tokio::time::sleep(metrics::UPKEEP_EVERY)).await.is_some() {
        page.run_upkeep();
    }
}

/// Runs schedules at once, by name.
#[derive(Clone, Default)]
pub struct ScheduleTriggers(BTreeMap<&'static str, Arc<Notify>>);

impl ScheduleTriggers {
    /// Runs the schedule `name` now, or right after its present run; `false` when there is none.
    pub fn run_now(&self, name: &str) -> bool {
        self.0.get(name).map(|trigger| trigger.notify_one()).is_some()
    }
}

#[cfg(test)]
mod tests;
