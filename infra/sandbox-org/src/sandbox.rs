//! The running org: its state, how it is started and stopped.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard};

use axum::Router;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::activity;
use crate::api::Cursors;
use crate::auth::{Grants, Sessions};
use crate::clock::Clock;
use crate::deliver::Deliveries;
use crate::events::{ChangeKind, EventLog, Records};
use crate::faults::Faults;
use crate::ids::RecordId;
use crate::journal::{Journal, JournalError};
use crate::org::{Author, Change, Org, OrgError, Outcome, RecordError};
use crate::schema::{ObjectType, Schema, SchemaError};
use crate::seed::{self, SeedError};
use crate::server;
use crate::settings::Settings;

/// Why a sandbox did not start.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// The schema is not understood.
    #[error("the schema of the sandbox is wrong")]
    Schema(#[source] SchemaError),
    /// The seed is not understood.
    #[error("the seed of the sandbox is wrong")]
    Seed(#[source] SeedError),
    /// A row belongs to no object.
    #[error("the rows of the sandbox do not fit its schema")]
    Org(#[source] OrgError),
    /// The journal was not read or written.
    #[error("the journal of the sandbox cannot be used")]
    Journal(#[source] JournalError),
    /// A subscriber cannot be reached by any client.
    #[error("a delivery client was not made")]
    Client(#[source] reqwest::Error),
    /// The address of the listener is not known.
    #[error("the listener of the sandbox has no address")]
    Listener(#[source] std::io::Error),
}

/// What the whole sandbox shares.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) settings: Settings,
    pub(crate) cursors: Cursors,
    pub(crate) sessions: Sessions,
    pub(crate) grants: Grants,
    pub(crate) deliveries: Deliveries,
    pub(crate) events: Arc<EventLog>,
    pub(crate) faults: Faults,
    pub(crate) org_id: RecordId,
    pub(crate) user_id: RecordId,
    pub(crate) activity: activity::Pace,
    schema: Arc<Schema>,
    org: RwLock<Org>,
    journal: Mutex<Option<Journal>>,
    n_requests: AtomicU64,
    address: Mutex<Option<SocketAddr>>,
}

impl State {
    /// Returns the rows, to be read.
    pub(crate) fn org(&self) -> RwLockReadGuard<'_, Org> {
        self.org.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the schema.
    pub(crate) fn schema(&self) -> &Schema {
        &self.schema
    }

    /// Returns the clock.
    pub(crate) fn clock(&self) -> &Clock {
        &self.settings.clock
    }

    /// Counts a request; returns how many there were.
    pub(crate) fn count_request(&self) -> u64 {
        self.n_requests.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Returns how many requests there were.
    pub(crate) fn n_requests(&self) -> u64 {
        self.n_requests.load(Ordering::Relaxed)
    }

    /// Returns the URL that clients reach the org by; `host` is what the present one used.
    pub(crate) fn base_url(&self, host: &str) -> String {
        if let Some(url) = &self.settings.instance_url {
            return url.trim_end_matches('/').to_owned();
        }
        match *self.address.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(address) => format!("http://{address}"),
            None => format!("http://{host}"),
        }
    }

    /// Tells whether a user may log in; a security token behind the password is taken.
    pub(crate) fn knows_password(&self, username: &str, password: &str) -> bool {
        username.eq_ignore_ascii_case(&self.settings.username)
            && password.starts_with(&self.settings.password)
    }

    /// Makes changes at one instant, keeps them, and sends them out.
    pub(crate) fn commit(
        &self,
        author: &Author,
        changes: Vec<Change>,
        all_or_none: bool,
    ) -> Vec<Result<Outcome, RecordError>> {
        let mut org = self.org.write().unwrap_or_else(PoisonError::into_inner);
        // Stamped under the lock, so that stamps never go back.
        let now_ms = self.clock().now_ms();
        let (settled, commit) = org.write(author, changes, all_or_none, now_ms);
        if let Some(commit) = commit {
            if let Some(journal) =
                self.journal.lock().unwrap_or_else(PoisonError::into_inner).as_mut()
                && let Err(error) = journal.append(&self.schema, &commit)
            {
                tracing::error!(error = %error, "commit was not written to the journal");
            }
            // Still under the lock: subscribers see commits in their order.
            let events = self.events.append(&self.schema, &commit);
            self.deliveries.take(&commit, &events);
        }
        settled
    }
}

impl State {
    /// Tells of changes of `object` without their values: a gap, an overflow, a lost conversion.
    pub(crate) fn announce(&self, object: &Arc<ObjectType>, kind: ChangeKind, records: Records) {
        let mut org = self.org.write().unwrap_or_else(PoisonError::into_inner);
        let author = Author::inside(self.user_id);
        let commit = org.close(&author, Vec::new(), self.clock().now_ms());
        let events = self.events.announce(object, kind, records, &commit);
        self.deliveries.take(&commit, &events);
    }
}

/// An org that is ready to be served.
#[derive(Clone, Debug)]
pub struct Sandbox {
    state: Arc<State>,
}

impl Sandbox {
    /// Loads the org: schema, seed, journal.
    ///
    /// # Errors
    /// The seed or the journal cannot be used.
    pub fn new(settings: Settings) -> Result<Self, SandboxError> {
        let schema = Arc::new(Schema::parse(crate::OBJECTS).map_err(SandboxError::Schema)?);
        let now = settings.clock.now_ms().div_euclid(1000);
        let mut journal = match &settings.journal {
            Some(path) => Some(Journal::open(path, now).map_err(SandboxError::Journal)?),
            None => None,
        };
        let anchor = journal.as_ref().map_or(now, Journal::anchor);
        let mut org = Org::new(Arc::clone(&schema));
        let (org_id, user_id) =
            seed::load(&mut org, &settings, anchor).map_err(SandboxError::Seed)?;
        if let Some(journal) = &mut journal {
            journal.replay(&mut org).map_err(SandboxError::Journal)?;
        }
        let state = State {
            activity: activity::Pace::new(settings.activity_per_second),
            events: Arc::new(EventLog::new(settings.clock.clone())),
            settings,
            cursors: Cursors::default(),
            sessions: Sessions::default(),
            grants: Grants::default(),
            deliveries: Deliveries::default(),
            faults: Faults::default(),
            org_id,
            user_id,
            schema,
            org: RwLock::new(org),
            journal: Mutex::new(journal),
            n_requests: AtomicU64::new(0),
            address: Mutex::new(None),
        };
        Ok(Self { state: Arc::new(state) })
    }

    /// Returns the routes of the org, to be served by the caller.
    pub fn router(&self) -> Router {
        server::router(Arc::clone(&self.state))
    }

    /// Loads an org and serves it on `listener`; must be called inside a tokio runtime.
    ///
    /// # Errors
    /// The org cannot be loaded or the listener has no address.
    pub fn start(
        settings: Settings,
        listener: TcpListener,
    ) -> Result<RunningSandbox, SandboxError> {
        let sandbox = Self::new(settings)?;
        let address = listener.local_addr().map_err(SandboxError::Listener)?;
        *sandbox.state.address.lock().unwrap_or_else(PoisonError::into_inner) = Some(address);
        let background = sandbox.work()?;
        let stop = CancellationToken::new();
        let (stopped, router) = (stop.clone(), sandbox.router());
        let server = tokio::spawn(async move {
            let served = axum::serve(listener, router)
                .with_graceful_shutdown(async move { stopped.cancelled().await })
                .await;
            if let Err(error) = served {
                tracing::error!(error = %error, "sandbox org stopped serving");
            }
        });
        tracing::info!("sandbox org listens on `http://{address}`");
        let organization_id = sandbox.state.org_id.to_string();
        Ok(RunningSandbox { addr: address, organization_id, stop, server, background })
    }

    /// Begins deliveries and activity; they end when the returned value is dropped.
    ///
    /// # Errors
    /// A delivery client could not be made.
    pub fn work(&self) -> Result<Background, SandboxError> {
        for subscription in self.state.settings.subscriptions.clone() {
            self.state.deliveries.add(&self.state, subscription).map_err(SandboxError::Client)?;
        }
        let state = Arc::clone(&self.state);
        let activity = tokio::spawn(async move { activity::run(&state).await });
        Ok(Background { state: Arc::clone(&self.state), activity })
    }
}

/// Deliveries and activity of an org; dropping it ends them.
#[derive(Debug)]
pub struct Background {
    state: Arc<State>,
    activity: JoinHandle<()>,
}

impl Drop for Background {
    fn drop(&mut self) {
        self.activity.abort();
        self.state.deliveries.stop();
    }
}

/// An org that is being served; dropping it stops it.
#[derive(Debug)]
pub struct RunningSandbox {
    /// Where it listens.
    pub addr: SocketAddr,
    organization_id: String,
    stop: CancellationToken,
    server: JoinHandle<()>,
    background: Background,
}

impl RunningSandbox {
    /// Returns the id of the org, 18 characters.
    #[must_use]
    pub fn organization_id(&self) -> &str {
        &self.organization_id
    }

    /// Returns the URL of the org.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// Ends deliveries, finishes requests under way, and stops.
    pub async fn stop(self) {
        let Self { stop, server, background, .. } = self;
        drop(background);
        stop.cancel();
        if let Err(error) = server.await {
            tracing::error!(error = %error, "sandbox org did not stop cleanly");
        }
    }
}
