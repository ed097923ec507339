//! A process group of NiFi: looked at, started, stopped, asked what it said and what it did.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use adapter_http::HttpClient;
use async_trait::async_trait;
use futures_util::{StreamExt as _, stream};
use http::Method;
use serde_json::{Value, json};
use shared::platform::{OpenError, Surroundings};
use shared::ports::dataflow::{
    Bulletin, Bulletins, Dataflow, FlowPart, FlowReport, PartId, PartKind, PartReport, Switch,
    TraceEvent, TraceQuery,
};
use shared::ports::{Clock, Random, Secrets};
use shared::{PortError, PortErrorKind, chain};
use tracing::warn;

use crate::PLATFORM;
use crate::answer::{
    About, BulletinAnswer, BulletinEntity, Component, Entity, GroupSnapshot, GroupStatusAnswer,
    Provenance, ProvenanceAnswer, ProvenanceResults, RootGroup, RunStatus,
};
use crate::client::{NifiClient, http_within};
use crate::fault::{error_of, is_stale, told};
use crate::settings::NifiSettings;

/// How often a change is tried that others come before.
const MAX_TRIES: u32 = 3;

/// How many parts are asked why they do not run.
const MAX_EXPLAINED: usize = 20;

/// The wait before a search is looked at again; each next one is twice as long.
const FIRST_WAIT: Duration = Duration::from_millis(100);

/// How long a search may take.
const SEARCH_LIMIT: Duration = Duration::from_secs(30);

/// One process group.
#[derive(Clone)]
pub struct NifiDataflow {
    inner: Arc<Inner>,
}

struct Inner {
    client: NifiClient,
    group: PartId,
    /// Names us in revisions.
    client_id: String,
}

impl NifiDataflow {
    /// Operates the group of `settings` through `http`; nothing is called yet.
    pub fn new(
        settings: NifiSettings,
        http: HttpClient,
        secrets: Arc<dyn Secrets>,
        clock: Arc<dyn Clock>,
        random: &dyn Random,
    ) -> Self {
        let NifiSettings { base_url, auth, group, .. } = settings;
        let client = NifiClient::new(base_url, auth, http, secrets, clock);
        let bits = format!("{:032x}", random.bits());
        // NiFi asks for a UUID, of any kind.
        let parts = [(0, 8), (8, 12), (12, 16), (16, 20), (20, 32)];
        let parts = parts.map(|(from, to)| bits.get(from..to).unwrap_or_default());
        let client_id = parts.join("-");
        Self { inner: Arc::new(Inner { client, group, client_id }) }
    }

    /// Opens the connection that `settings` describe, as its surroundings say. Nothing is called yet.
    ///
    /// # Errors
    ///
    /// [`OpenError`] when this machine's TLS set-up is not usable.
    pub fn open(settings: NifiSettings, surroundings: &Surroundings) -> Result<Self, OpenError> {
        let http = http_within(&settings.connection, surroundings)?;
        let Surroundings { secrets, clock, random, .. } = surroundings.clone();
        Ok(Self::new(settings, http, secrets, clock, &*random))
    }
}

impl Inner {
    /// Returns the id of the group; that of the outermost one is asked for.
    async fn group(&self) -> Result<PartId, PortError> {
        if self.group.as_str() != "root" {
            return Ok(self.group.clone());
        }
        let segments = ["flow", "process-groups", "root"];
        let request = self.client.request("find group", Method::GET, &segments)?;
        let RootGroup { process_group_flow } = self.client.read(request).await?;
        PartId::parse(process_group_flow.id).map_err(|error| {
            PortError::new(PortErrorKind::Rejected, PLATFORM, "find group", "root")
                .with_source(error)
        })
    }

    /// Sends a change that no revision guards: that of all in a group.
    async fn change_group(
        &self,
        place: &[&str],
        id: &PartId,
        state: &str,
    ) -> Result<(), PortError> {
        let request = self.client.request("switch", Method::PUT, place)?;
        let body = json!({"id": id, "state": state, "disconnectedNodeAcknowledged": false});
        let response =
            self.client.call(request.with_subject(id.as_str()).with_json(&body)?).await?;
        if response.status().is_success() { Ok(()) } else { Err(error_of(&response)) }
    }

    /// Changes the state of one component, on what others left of it.
    async fn change_part(&self, kind: &str, id: &PartId, state: &str) -> Result<(), PortError> {
        let mut stale = None;
        for _ in 0..MAX_TRIES {
            let found = self.entity(kind, id).await?;
            if found.component.as_ref().and_then(|it| it.state.as_deref()) == Some(state) {
                return Ok(());
            }
            let place = [kind, id.as_str(), "run-status"];
            let request = self.client.request("switch", Method::PUT, &place)?;
            let body = json!({
                "revision": {"clientId": self.client_id, "version": found.revision.version},
                "state": state,
                "disconnectedNodeAcknowledged": false,
            });
            let request = request.with_subject(id.as_str()).with_json(&body)?;
            let response = self.client.call(request).await?;
            if response.status().is_success() {
                return Ok(());
            }
            if !is_stale(&response) {
                return Err(error_of(&response));
            }
            stale = Some(told(&response, PortErrorKind::Conflict));
        }
        let error = || PortError::new(PortErrorKind::Conflict, PLATFORM, "switch", id.as_str());
        Err(stale.unwrap_or_else(error))
    }

    async fn entity(&self, kind: &str, id: &PartId) -> Result<Entity, PortError> {
        let request = self.client.request("read part", Method::GET, &[kind, id.as_str()])?;
        self.client.read(request.with_subject(id.as_str())).await
    }

    /// Adds why parts do not run that are not valid.
    async fn explain(&self, parts: &mut [PartReport]) -> Result<(), PortError> {
        let invalid = parts.iter_mut().filter(|it| it.state.eq_ignore_ascii_case("invalid"));
        for part in invalid.take(MAX_EXPLAINED) {
            let found = self.entity(kind_of(part.part.kind), &part.part.id).await?;
            let faults =
                found.component.and_then(|Component { validation_errors, .. }| validation_errors);
            part.faults = faults.unwrap_or_default();
        }
        Ok(())
    }

    /// Reads what was said after `after`, oldest first. No `limit` is asked for: of more than that NiFi
    /// would leave out the oldest. It keeps five a component.
    async fn said_after(&self, after: Option<u64>) -> Result<Vec<BulletinEntity>, PortError> {
        let segments = ["flow", "bulletin-board"];
        let mut request = self.client.request("read bulletins", Method::GET, &segments)?;
        // NiFi looks at one group and not at those within it: of the outermost that would be nothing.
        if self.group.as_str() != "root" {
            request = request.with_query(&[("groupId", self.group.as_str())]);
        }
        if let Some(after) = after {
            request = request.with_query(&[("after", &after.to_string())]);
        }
        let BulletinAnswer { bulletin_board } = self.client.read(request).await?;
        let mut said = bulletin_board.bulletins;
        said.retain(|it| after.is_none_or(|after| it.id > after));
        said.sort_by_key(|it| it.id);
        Ok(said)
    }

    /// Looks at a search until it has ended.
    async fn results(&self, mut found: Provenance) -> Result<ProvenanceResults, PortError> {
        let place = ["provenance", &found.id.clone()];
        let (mut left, mut wait) = (SEARCH_LIMIT, FIRST_WAIT);
        let error = |why: String| {
            PortError::new(PortErrorKind::Unavailable, PLATFORM, "search", "provenance")
                .with_source(why)
        };
        while found.finished != Some(true) {
            if left.is_zero() {
                let limit = SEARCH_LIMIT.as_secs();
                return Err(error(format!("the search did not end within {limit} seconds")));
            }
            tokio::time::sleep(wait.min(left)).await;
            left = left.saturating_sub(wait);
            wait *= 2;
            let request = self.client.request("search", Method::GET, &place)?;
            found = self.client.read::<ProvenanceAnswer>(request).await?.provenance;
        }
        let empty = ProvenanceResults { errors: None, provenance_events: Vec::new() };
        let results = found.results.unwrap_or(empty);
        match results.errors.as_deref() {
            Some([first, ..]) => Err(error(first.clone())),
            _ => Ok(results),
        }
    }

    /// Takes a search away, which NiFi keeps else.
    async fn end_search(&self, id: &str) {
        let ended = async {
            let request = self.client.request("end search", Method::DELETE, &["provenance", id])?;
            let response = self.client.call(request).await?;
            if response.status().is_success() { Ok(()) } else { Err(error_of(&response)) }
        };
        if let Err(error) = ended.await {
            warn!(error = %chain(&error), "a search stays with NiFi until it forgets it");
        }
    }
}

fn kind_of(kind: PartKind) -> &'static str {
    match kind {
        PartKind::Group | PartKind::Services => "process-groups",
        PartKind::Processor => "processors",
        PartKind::InputPort => "input-ports",
        PartKind::OutputPort => "output-ports",
        PartKind::Service => "controller-services",
    }
}

/// Gathers the parts and queues of `group` and of all within it.
fn gather(mut group: GroupSnapshot, report: &mut FlowReport) {
    let mut add = |kind, status: Option<RunStatus>| {
        let Some(RunStatus { id, name, run_status }) = status else { return };
        let Ok(id) = PartId::parse(id) else { return };
        report.parts.push(PartReport {
            part: FlowPart::new(kind, id),
            name: name.unwrap_or_default(),
            state: run_status.unwrap_or_default().to_ascii_uppercase(),
            faults: Vec::new(),
        });
    };
    for it in group.processor_status_snapshots.drain(..) {
        add(PartKind::Processor, it.processor_status_snapshot);
    }
    for it in group.input_port_status_snapshots.drain(..) {
        add(PartKind::InputPort, it.port_status_snapshot);
    }
    for it in group.output_port_status_snapshots.drain(..) {
        add(PartKind::OutputPort, it.port_status_snapshot);
    }
    let connections = group.connection_status_snapshots.drain(..);
    report
        .queues
        .extend(connections.filter_map(|it| it.connection_status_snapshot).map(Into::into));
    for inner in group.process_group_status_snapshots.drain(..) {
        if let Some(inner) = inner.process_group_status_snapshot {
            gather(inner, report);
        }
    }
}

#[async_trait]
impl Dataflow for NifiDataflow {
    async fn look(&self) -> Result<FlowReport, PortError> {
        let client = &self.inner.client;
        let about = client.request("look", Method::GET, &["flow", "about"])?;
        let About { about } = client.read(about).await?;
        let group = self.inner.group().await?;
        let place = ["flow", "process-groups", group.as_str(), "status"];
        let request = client.request("look", Method::GET, &place)?;
        let request = request.with_subject(group.as_str()).with_query(&[("recursive", "true")]);
        let GroupStatusAnswer { process_group_status: status } = client.read(request).await?;
        let whole = status.aggregate_snapshot;
        let mut report = FlowReport {
            version: about.version,
            group,
            name: status.name.unwrap_or_default(),
            n_files_queued: whole.flow_files_queued,
            n_bytes_queued: whole.bytes_queued,
            n_threads: whole.active_thread_count,
            parts: Vec::new(),
            queues: Vec::new(),
        };
        gather(whole, &mut report);
        self.inner.explain(&mut report.parts).await?;
        Ok(report)
    }

    async fn switch(&self, part: Option<&FlowPart>, to: Switch) -> Result<(), PortError> {
        let (running, enabled) = match to {
            Switch::On => ("RUNNING", "ENABLED"),
            Switch::Off => ("STOPPED", "DISABLED"),
        };
        let whole = match part {
            Some(_) => None,
            None => Some(FlowPart::new(PartKind::Group, self.inner.group().await?)),
        };
        let Some(FlowPart { kind, id }) = part.or(whole.as_ref()) else { return Ok(()) };
        let group = ["flow", "process-groups", id.as_str()];
        match kind {
            PartKind::Group => self.inner.change_group(&group, id, running).await,
            PartKind::Services => {
                let services = [&group[..], &["controller-services"]].concat();
                self.inner.change_group(&services, id, enabled).await
            }
            PartKind::Service => self.inner.change_part(kind_of(*kind), id, enabled).await,
            PartKind::Processor | PartKind::InputPort | PartKind::OutputPort => {
                self.inner.change_part(kind_of(*kind), id, running).await
            }
        }
    }

    fn bulletins(&self, after: Option<u64>) -> Bulletins {
        let inner = self.inner.clone();
        let pages = stream::try_unfold(after, move |after| {
            let inner = inner.clone();
            async move {
                let said = inner.said_after(after).await?;
                let Some(last) = said.last().map(|it| it.id) else { return Ok(None) };
                let said: Vec<Result<Bulletin, PortError>> =
                    said.into_iter().filter_map(BulletinEntity::bulletin).map(Ok).collect();
                Ok::<_, PortError>(Some((stream::iter(said), Some(last))))
            }
        });
        futures_util::TryStreamExt::try_flatten(pages).boxed()
    }

    async fn trace(&self, query: &TraceQuery) -> Result<Vec<TraceEvent>, PortError> {
        let term = |id: &PartId| json!({"value": id, "inverse": false});
        let mut terms = serde_json::Map::new();
        for (name, id) in [("ProcessorID", &query.part), ("FlowFileUUID", &query.flow_file)] {
            if let Some(id) = id {
                terms.insert(name.to_owned(), term(id));
            }
        }
        let wish = json!({"maxResults": query.n_most.max(1), "summarize": true,
            "incrementalResults": false, "searchTerms": Value::Object(terms)});
        let request = self.inner.client.request("search", Method::POST, &["provenance"])?;
        let request = request.with_json(&json!({"provenance": {"request": wish}}))?;
        let ProvenanceAnswer { provenance } = self.inner.client.read(request).await?;
        let id = provenance.id.clone();
        let results = self.inner.results(provenance).await;
        self.inner.end_search(&id).await;
        Ok(results?.provenance_events.into_iter().map(Into::into).collect())
    }
}

impl fmt::Debug for NifiDataflow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NifiDataflow").field("group", &self.inner.group).finish_non_exhaustive()
    }
}
