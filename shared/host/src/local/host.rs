//! Puts several apps behind one listener.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use tokio::net::TcpListener;
use tokio::sync::Notify;

use crate::app::App;
use crate::error::HostError;

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
    pub(crate) apps: Vec<App>,
    pub(crate) extra: Router,
    pub(crate) request_timeout: Duration,
    pub(crate) drain_timeout: Duration,
    pub(crate) width: usize,
}

impl Default for LocalHost {
    fn default() -> Self {
        Self {
            apps: Vec::new(),
            extra: Router::new(),
            request_timeout: Duration::from_secs(30),
            drain_timeout: Duration::from_secs(25),
            width: 16,
        }
    }
}

impl LocalHost {
    /// Runs nothing yet.
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
            .flat_map(|app| &app.schedules)
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
        let router =
            self.host.apps.into_iter().fold(self.host.extra, |all, app| all.merge(app.router));
        let _ = axum::serve(self.listener, router).with_graceful_shutdown(shutdown).await;
        Ok(())
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
