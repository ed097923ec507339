//! The parts that every answer is made from.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::header::{CONTENT_TYPE, HeaderValue};
use axum::response::Response;
use serde::Serialize;
use shared::auth::Sight;
use shared::config::SettingsEditor;
use shared::etl::runs::PipelineDesk;
use shared::platform::PlatformDescription;
use shared::ports::{
    AuditLog, Authenticator, BlobStore, CaseTally, CaseView, ChangeFeed, Clock, CostLedger,
    Documents, IncidentView, Ledger, Queue, SyncJournal, Walls,
};
use shared::queries::AnswerCache;
use shared::reports::ReportDesk;
use shared::sync::Desk;
use tokio::sync::Semaphore;

use crate::caller::Caller;
use crate::costs::CostTerms;
use crate::metrics::MetricKey;
use crate::overview::OverviewKey;
use crate::problem::Problem;
use crate::screen::WallWatch;
use crate::snapshots::Snapshots;
use crate::tail::Tail;
use crate::two_way::TwoWay;

/// How old the figures of the first page may be.
const OVERVIEW_MAX_AGE: Duration = Duration::from_secs(1);

/// How old the values of a metric may be.
const METRIC_MAX_AGE: Duration = Duration::from_secs(30);

/// How many clients may follow the changes of one process at once.
pub(crate) const MAX_FOLLOWERS: usize = 512;

/// How long one stream of changes lasts before the client has to come back.
pub(crate) const STREAM_FOR: Duration = Duration::from_mins(15);

/// The ports that the API reads from.
#[derive(Clone)]
pub struct Ports {
    /// Cases and figures.
    pub view: Arc<dyn CaseView>,
    /// Counts of cases, for metrics.
    pub tally: Arc<dyn CaseTally>,
    /// Documents of cases.
    pub documents: Arc<dyn Documents>,
    /// The bytes of documents; without a store nothing can be sent or read.
    pub document_bytes: Option<Arc<dyn BlobStore>>,
    /// Denied placements of imported matters.
    pub incidents: Arc<dyn IncidentView>,
    /// Who changed what.
    pub audit: Arc<dyn AuditLog>,
    /// What was committed, live.
    pub feed: Arc<dyn ChangeFeed>,
    /// Passes of the poller.
    pub journal: Arc<dyn SyncJournal>,
    /// Cursors and the state of each connection.
    pub ledger: Arc<dyn Ledger>,
    /// The queues that people may look into.
    pub queues: Vec<Arc<dyn Queue>>,
    /// Proves who asks.
    pub authenticator: Arc<dyn Authenticator>,
    /// Who is screened from which case.
    pub walls: Arc<dyn Walls>,
    /// Pipelines and their runs; without it there are none.
    pub pipelines: Option<PipelineDesk>,
    /// Reports; without it there are none.
    pub reports: Option<ReportDesk>,
    /// What calls to platforms cost.
    pub costs: Arc<dyn CostLedger>,
    /// The currency of costs, and the budgets.
    pub cost_terms: Arc<CostTerms>,
    /// Shows settings, and changes them.
    pub settings: Arc<SettingsEditor>,
    /// The platforms that there are.
    pub platforms: Arc<[PlatformDescription]>,
    /// Rows that travel both ways.
    pub two_way: TwoWay,
    /// Answers named queries; `None` in a build without them, or without a lake.
    pub queries: Option<Arc<AnswerCache>>,
    /// Tells a fresh check of a connection from an old one.
    pub clock: Arc<dyn Clock>,
}

impl Ports {
    /// Returns what `caller` sees. Everybody from whom nothing is hidden shares one sight, and so the
    /// answers that are made for it.
    ///
    /// # Errors
    ///
    /// [`Problem`] when the walls do not answer.
    pub(crate) async fn sight_of(&self, caller: &Caller) -> Result<Sight, Problem> {
        let shows_all = self.walls.shows_all(caller.sight()).await.map_err(Problem::of_port)?;
        Ok(if shows_all { Sight::Everything } else { caller.sight().clone() })
    }
}

/// The API over its ports.
pub struct Api {
    pub(crate) ports: Ports,
    pub(crate) desk: Desk,
    pub(crate) overviews: Snapshots<OverviewKey>,
    pub(crate) metrics: Snapshots<MetricKey>,
    pub(crate) watch: Arc<WallWatch>,
    pub(crate) tail: Arc<Tail>,
    pub(crate) followers: Arc<Semaphore>,
    pub(crate) stream_for: Duration,
}

impl Api {
    /// Answers from `ports`.
    pub fn new(ports: Ports) -> Self {
        let watch = Arc::new(WallWatch::new(Arc::clone(&ports.walls)));
        let tail = Arc::new(Tail::new(Arc::clone(&ports.feed)));
        let desk = ports.two_way.desk(Arc::clone(&ports.clock));
        Self {
            ports,
            desk,
            overviews: Snapshots::new(OVERVIEW_MAX_AGE),
            metrics: Snapshots::new(METRIC_MAX_AGE),
            watch,
            tail,
            followers: Arc::new(Semaphore::new(MAX_FOLLOWERS)),
            stream_for: STREAM_FOR,
        }
    }

    /// Ends each stream of changes after `limit`, 15 minutes by default; its client comes back by
    /// itself and misses nothing. A function with a time limit needs a shorter one.
    #[must_use]
    pub fn with_stream_limit(self, limit: Duration) -> Self {
        Self { stream_for: limit, ..self }
    }
}

impl fmt::Debug for Api {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let queues: Vec<_> = self.ports.queues.iter().map(|queue| queue.name()).collect();
        f.debug_struct("Api").field("queues", &queues).finish_non_exhaustive()
    }
}

/// Renders `value` as JSON.
///
/// # Errors
///
/// [`Problem`] when it cannot be rendered.
pub(crate) fn render<T: Serialize>(value: &T) -> Result<Vec<u8>, Problem> {
    serde_json::to_vec(value).map_err(|failed| {
        tracing::error!(error = %shared::chain(&failed), "an answer could not be rendered");
        Problem::internal()
    })
}

/// Answers with rendered JSON.
pub(crate) fn json(body: impl Into<Body>) -> Response {
    let mut response = Response::new(body.into());
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
