//! The running org: its state, how it is started and stopped.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use axum::{Extension, Router};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::activity;
use crate::api::Cursors;
use crate::auth::{Grants, Sessions};
use crate::bulk;
use crate::clock::Clock;
use crate::connections;
use crate::deliver::Deliveries;
use crate::events::{ChangeKind, EventLog, Records};
use crate::faults::{Faults, WireListener, WireStream};
use crate::history::History;
use crate::ids::RecordId;
use crate::journal::{Journal, JournalError};
use crate::limits::{Allowance, Limits};
use crate::open::OpenTransactions;
use crate::org::{Author, Change, Entry, Org, OrgError, Settled};
use crate::pubsub::{self, Desk};
use crate::schema::{AlterError, Alteration, ObjectType, Schema, SchemaError};
use crate::seed::{self, SeedError};
use crate::server;
use crate::settings::Settings;
use crate::setup::{Channels, Deployments, OutboundMessages};

/// How often old deletions are forgotten, in milliseconds.
const PURGE_EVERY_MS: i64 = 2 * 60 * 60 * 1000;

/// How often what is due is looked for when nobody calls.
const CATCH_UP_EVERY: Duration = Duration::from_millis(100);

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
    /// The Pub/Sub service cannot listen.
    #[error("the Pub/Sub service of the sandbox cannot listen")]
    PubSub(#[source] std::io::Error),
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
    pub(crate) limits: Limits,
    pub(crate) faults: Arc<Faults>,
    pub(crate) history: History,
    pub(crate) bulk: bulk::Jobs,
    pub(crate) pub_sub: Desk,
    pub(crate) org_id: RecordId,
    pub(crate) user_id: RecordId,
    pub(crate) activity: activity::Pace,
    pub(crate) open_transactions: OpenTransactions,
    pub(crate) channels: Arc<Channels>,
    pub(crate) deployments: Deployments,
    pub(crate) outbound_messages: OutboundMessages,
    pub(crate) schema_changed_ms: AtomicI64,
    next_purge_ms: AtomicI64,
    schema: RwLock<Arc<Schema>>,
    org: RwLock<Org>,
    journal: Mutex<Option<Journal>>,
    address: Mutex<Option<SocketAddr>>,
}

impl State {
    /// Returns the rows, to be read.
    pub(crate) fn org(&self) -> RwLockReadGuard<'_, Org> {
        self.org.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the rows, to be changed: nobody else reads or writes them meanwhile.
    pub(crate) fn org_mut(&self) -> RwLockWriteGuard<'_, Org> {
        self.org.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the schema as it is now.
    pub(crate) fn schema(&self) -> Arc<Schema> {
        Arc::clone(&self.schema.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Returns the clock.
    pub(crate) fn clock(&self) -> &Clock {
        &self.settings.clock
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
    ) -> Vec<Settled> {
        let mut org = self.org_mut();
        // Stamped under the lock, so that stamps never go back.
        let stamp_ms = author.options.stamp_ms.unwrap_or_else(|| self.clock().now_ms());
        let mut entries = Vec::new();
        let settled = org.apply(author, changes, all_or_none, stamp_ms, &mut entries);
        self.publish(&mut org, author, entries);
        settled
    }

    /// Commits what was changed, keeps it, and sends it out.
    pub(crate) fn publish(&self, org: &mut Org, author: &Author, entries: Vec<Entry>) {
        if entries.is_empty() {
            return;
        }
        let commit = org.close(author, entries, self.clock().now_ms());
        self.journal(|journal| journal.append(org.schema(), &commit));
        if self.settings.keeps_history {
            self.history.keep(org.schema(), &commit);
        }
        // Still under the lock: subscribers see commits in their order.
        let events = self.events.append(org.schema(), &commit);
        self.deliveries.take(&commit, &events);
    }

    fn journal(&self, write: impl FnOnce(&mut Journal) -> std::io::Result<()>) {
        let mut journal = self.journal.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(Err(error)) = journal.as_mut().map(write) {
            tracing::error!(error = %error, "commit was not written to the journal");
        }
    }

    /// Changes the schema; rows that lose a value by it are told of as a gap.
    ///
    /// # Errors
    /// The object or field is not there, there already, or cannot be so.
    pub(crate) fn alter(&self, alteration: &Alteration) -> Result<Arc<ObjectType>, AlterError> {
        let (object, n_lost) = {
            let mut org = self.org_mut();
            let altered = org.alter(alteration)?;
            *self.schema.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(org.schema());
            self.schema_changed_ms.store(self.clock().now_ms(), Ordering::Relaxed);
            self.journal(|journal| journal.append_alteration(alteration));
            altered
        };
        let is_gone = matches!(alteration, Alteration::Remove { .. });
        if n_lost > 0 && !is_gone {
            self.announce(&object, ChangeKind::GapUpdate, Records::All(object.prefix));
        }
        Ok(object)
    }

    /// Forgets old deletions, every two hours of the org's clock. Source: SOAP API guide, `getDeleted`.
    pub(crate) fn purge_if_due(&self, now_ms: i64) {
        if now_ms >= self.next_purge_ms.load(Ordering::Relaxed) {
            self.next_purge_ms.store(now_ms + PURGE_EVERY_MS, Ordering::Relaxed);
            self.org_mut().purge(now_ms.div_euclid(1000), None);
        }
    }
}

impl State {
    /// Tells of changes of `object` without their values: a gap, an overflow, a lost conversion.
    pub(crate) fn announce(&self, object: &Arc<ObjectType>, kind: ChangeKind, records: Records) {
        let mut org = self.org_mut();
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
        let schema = Schema::parse(crate::OBJECTS).map_err(SandboxError::Schema)?;
        let schema =
            if settings.has_external_id_field { schema } else { schema.without_external_ids() };
        let now = settings.clock.now_ms().div_euclid(1000);
        let mut journal = match &settings.journal {
            Some(path) => Some(Journal::open(path, now).map_err(SandboxError::Journal)?),
            None => None,
        };
        let anchor = journal.as_ref().map_or(now, Journal::anchor);
        let mut org = Org::new(Arc::new(schema));
        org.policy = settings.policy.clone();
        let (org_id, user_id) =
            seed::load(&mut org, &settings, anchor).map_err(SandboxError::Seed)?;
        if let Some(journal) = &mut journal {
            journal.replay(&mut org).map_err(SandboxError::Journal)?;
        }
        let faults = Arc::new(Faults::default());
        let channels = Arc::new(Channels::default());
        let state = State {
            activity: activity::Pace::new(settings.activity_per_second),
            events: Arc::new(
                EventLog::new(settings.clock.clone()).with_faults(Arc::clone(&faults)),
            ),
            limits: Limits::new(settings.clock.clone(), settings.daily_requests),
            settings,
            cursors: Cursors::default(),
            sessions: Sessions::default(),
            grants: Grants::default(),
            deliveries: Deliveries::new(Arc::clone(&faults), Arc::clone(&channels)),
            faults,
            history: History::default(),
            bulk: bulk::Jobs::default(),
            pub_sub: Desk::default(),
            org_id,
            user_id,
            open_transactions: OpenTransactions::default(),
            channels,
            deployments: Deployments::default(),
            outbound_messages: OutboundMessages::default(),
            schema_changed_ms: AtomicI64::new(anchor * 1000),
            next_purge_ms: AtomicI64::new(now * 1000 + PURGE_EVERY_MS),
            schema: RwLock::new(Arc::clone(org.schema())),
            org: RwLock::new(org),
            journal: Mutex::new(journal),
            address: Mutex::new(None),
        };
        let (bulk, size) = (&state.settings.bulk, |n: usize| u64::try_from(n).ok());
        state.limits.set(Allowance::BulkBatches, size(bulk.daily_batches), None);
        state.limits.set(Allowance::BulkQueryJobs, size(bulk.daily_query_jobs), None);
        state.events.tell_diffs(state.settings.policy.large_text_diffs);
        Ok(Self { state: Arc::new(state) })
    }

    /// Returns what the routes share.
    #[cfg(test)]
    pub(crate) fn state(&self) -> Arc<State> {
        Arc::clone(&self.state)
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
        sandbox.serve_pub_sub(&stop)?;
        let (stopped, router) = (stop.clone(), sandbox.router());
        let server = tokio::spawn(async move {
            let routes_for = |io: &WireStream| router.clone().layer(Extension(io.wire()));
            connections::serve(WireListener(listener), routes_for, stopped).await;
        });
        tracing::info!("sandbox org listens on `http://{address}`");
        let organization_id = sandbox.state.org_id.to_string();
        Ok(RunningSandbox { addr: address, organization_id, stop, server, background })
    }

    /// Serves the Pub/Sub API, when it is on.
    fn serve_pub_sub(&self, stop: &CancellationToken) -> Result<(), SandboxError> {
        match self.state.settings.pub_sub.address {
            Some(address) => pubsub::serve(&self.state, address, stop.clone()),
            None => Ok(()),
        }
        .map_err(SandboxError::PubSub)
    }

    /// Begins deliveries, activity and the work on bulk jobs; they end when the returned value is dropped.
    ///
    /// # Errors
    /// A delivery client could not be made.
    pub fn work(&self) -> Result<Background, SandboxError> {
        for subscription in self.state.settings.subscriptions.clone() {
            self.state.deliveries.add(&self.state, subscription).map_err(SandboxError::Client)?;
        }
        let state = Arc::clone(&self.state);
        let activity = tokio::spawn(async move { activity::run(&state).await });
        let state = Arc::clone(&self.state);
        let bulk = tokio::spawn(async move { bulk::run(&state).await });
        let state = Arc::clone(&self.state);
        let catching_up = tokio::spawn(async move {
            loop {
                tokio::time::sleep(CATCH_UP_EVERY).await;
                state.catch_up();
            }
        });
        Ok(Background { state: Arc::clone(&self.state), activity, bulk, catching_up })
    }
}

/// Deliveries, activity and bulk jobs of an org; dropping it ends them.
#[derive(Debug)]
pub struct Background {
    state: Arc<State>,
    activity: JoinHandle<()>,
    bulk: JoinHandle<()>,
    catching_up: JoinHandle<()>,
}

impl Drop for Background {
    fn drop(&mut self) {
        self.activity.abort();
        self.bulk.abort();
        self.catching_up.abort();
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

    /// Returns the URL of the Pub/Sub service, when it is on.
    #[must_use]
    pub fn pub_sub_url(&self) -> Option<String> {
        self.background.state.pub_sub.url()
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
