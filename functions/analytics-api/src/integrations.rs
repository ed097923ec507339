//! `GET /v1/integrations` and `GET /v1/sync-runs`: the connections and how well they work.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{RawQuery, State};
use axum::response::Response;
use serde::Serialize;
use serde::de::DeserializeOwned;
use shared::chain;
use shared::ids::{ConnectionId, ObjectName};
use shared::ports::{StreamStatus, SyncRun};
use shared::sync::{ConnectionState, ConnectionStatus, Cursor};
use shared::time::Timestamp;
use tracing::warn;
use utoipa::{IntoParams, ToSchema};

use crate::api::{Api, Ports, json, render};
use crate::openapi::Problems;
use crate::problem::Problem;
use crate::query::{NoParams, Query};

/// A check that is older says nothing about the present.
const CHECK_HOLDS_FOR: Duration = Duration::from_mins(15);

/// How many runs are looked through for the last one of each object.
const N_RUNS_LOOKED_THROUGH: u32 = 200;

/// A connection and how well it works.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Integration {
    /// The connection.
    id: ConnectionId,
    /// Its platform.
    #[schema(example = "salesforce")]
    platform: Option<String>,
    /// A name for people.
    #[schema(example = "Salesforce (main)")]
    title: String,
    /// How well it works; `unknown` when its last check is more than 15 minutes old.
    status: ConnectionStatus,
    /// What is wrong, in words that lead to the fix.
    detail: Option<String>,
    /// When it was last checked.
    checked_at: Option<Timestamp>,
    /// When a check last succeeded.
    last_success_at: Option<Timestamp>,
    /// Calls left in the platform's rolling day, when it says.
    calls_left: Option<u64>,
    /// The objects that are read from it, by name.
    objects: Vec<SyncedObject>,
}

/// An object that is read from a connection.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SyncedObject {
    /// The object.
    object: ObjectName,
    /// Every earlier change has been read.
    cursor_at: Option<Timestamp>,
    /// The last pass over it.
    last_run: Option<SyncRun>,
}

/// All connections.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct IntegrationList {
    /// The connections, by name.
    items: Vec<Integration>,
}

/// The newest sync runs.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SyncRunList {
    /// The runs, the newest first.
    items: Vec<SyncRun>,
}

/// How many runs to list.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct SyncRunsQuery {
    /// How many runs to return; 50 by default.
    #[param(minimum = 1, maximum = 200, example = 50)]
    #[expect(dead_code, reason = "documents the parameter")]
    limit: Option<u32>,
}

/// Lists the connections and how well they work.
#[utoipa::path(get, path = "/integrations", tag = "integrations",
    responses((status = 200, description = "The connections", body = IntegrationList), Problems))]
pub(crate) async fn list_integrations(
    State(api): State<Arc<Api>>,
    RawQuery(raw): RawQuery,
) -> Result<Response, Problem> {
    Query::new(raw.as_deref()).finish::<NoParams, _>(())?;
    let items = load_integrations(&api.ports).await?;
    Ok(json(render(&IntegrationList { items })?))
}

/// Lists the newest passes of the poller.
#[utoipa::path(get, path = "/sync-runs", tag = "integrations", params(SyncRunsQuery),
    responses((status = 200, description = "The runs", body = SyncRunList), Problems))]
pub(crate) async fn list_sync_runs(
    State(api): State<Arc<Api>>,
    RawQuery(raw): RawQuery,
) -> Result<Response, Problem> {
    let mut query = Query::new(raw.as_deref());
    let limit = query.number("limit", 1..=200).unwrap_or(50);
    let limit = query.finish::<SyncRunsQuery, _>(limit)?;
    let items = api.ports.journal.recent(limit).await.map_err(Problem::of_port)?;
    Ok(json(render(&SyncRunList { items })?))
}

/// Puts together what the poller left in the ledger and in the journal.
///
/// # Errors
///
/// [`Problem`] when a port does not answer.
pub(crate) async fn load_integrations(ports: &Ports) -> Result<Vec<Integration>, Problem> {
    let (states, streams, cursors, runs) = tokio::try_join!(
        ports.ledger.list(ConnectionState::LEDGER_PREFIX),
        ports.ledger.list(StreamStatus::LEDGER_PREFIX),
        ports.ledger.list(CURSOR_PREFIX),
        ports.journal.recent(N_RUNS_LOOKED_THROUGH),
    )
    .map_err(Problem::of_port)?;

    let mut objects: BTreeMap<(ConnectionId, ObjectName), SyncedObject> = BTreeMap::new();
    for (name, entry) in &cursors {
        if let Some(key) = cursor_key(name) {
            let cursor: Option<Cursor> = read_entry(name, &entry.value);
            object_of(&mut objects, key).cursor_at = cursor.map(|it| it.at);
        }
    }
    for run in runs {
        let object = object_of(&mut objects, (run.connection.clone(), run.object.clone()));
        object.last_run.get_or_insert(run);
    }

    let now = ports.clock.now();
    let mut integrations: BTreeMap<ConnectionId, Integration> = BTreeMap::new();
    for (name, entry) in &states {
        if let Some(state) = read_entry::<ConnectionState>(name, &entry.value) {
            integrations.insert(state.connection.clone(), Integration::of(state, now));
        }
    }
    for (name, entry) in &streams {
        if let Some(stream) = read_entry::<StreamStatus>(name, &entry.value)
            && let Some(integration) = integrations.get_mut(&stream.connection)
        {
            integration.add_stream(stream, now);
        }
    }
    for ((connection, _), object) in objects {
        integrations
            .entry(connection.clone())
            .or_insert_with(|| Integration::unchecked(connection))
            .objects
            .push(object);
    }
    Ok(integrations.into_values().collect())
}

const CURSOR_PREFIX: &str = "cursor/";

fn cursor_key(name: &str) -> Option<(ConnectionId, ObjectName)> {
    let (connection, object) = name.strip_prefix(CURSOR_PREFIX)?.split_once('/')?;
    Some((connection.parse().ok()?, object.parse().ok()?))
}

fn object_of(
    objects: &mut BTreeMap<(ConnectionId, ObjectName), SyncedObject>,
    key: (ConnectionId, ObjectName),
) -> &mut SyncedObject {
    let object = key.1.clone();
    objects.entry(key).or_insert(SyncedObject { object, cursor_at: None, last_run: None })
}

/// Reads a ledger entry; one that a newer release wrote is passed over rather than fatal.
fn read_entry<T: DeserializeOwned>(name: &str, value: &str) -> Option<T> {
    serde_json::from_str(value)
        .inspect_err(|failed| warn!(error = %chain(failed), "ledger entry `{name}` is not known"))
        .ok()
}

impl Integration {
    fn of(state: ConnectionState, now: Timestamp) -> Self {
        let age = now.since(state.checked_at);
        let is_stale = age > CHECK_HOLDS_FOR;
        let (status, detail) = match state.status {
            ConnectionStatus::Healthy | ConnectionStatus::Degraded if is_stale => {
                let n_minutes = age.as_secs() / 60;
                let detail = format!("not checked for {n_minutes} minutes: is the poller running?");
                (ConnectionStatus::Unknown, Some(detail))
            }
            status => (status, state.detail),
        };
        Self {
            title: title(&state.platform, &state.connection),
            id: state.connection,
            platform: Some(state.platform),
            status,
            detail,
            checked_at: Some(state.checked_at),
            last_success_at: state.last_success_at,
            calls_left: state.calls_left,
            objects: Vec::new(),
        }
    }

    /// Lets what is wrong with a stream of its changes show. One that nobody looks at any more may have
    /// been taken out of the settings: it says nothing once the platform keeps nothing for it.
    fn add_stream(&mut self, stream: StreamStatus, now: Timestamp) {
        let age = now.since(stream.checked_at);
        let detail = if age <= CHECK_HOLDS_FOR {
            stream.detail
        } else if stream.replayable_until.is_some_and(|until| until > now) {
            let n_minutes = age.as_secs() / 60;
            let topic = &stream.topic;
            Some(format!(
                "events of `{topic}`: not followed for {n_minutes} minutes: is the change subscriber running?"
            ))
        } else {
            None
        };
        let Some(detail) = detail else { return };
        // The records can still be read: a stream that is down makes the connection slow, not useless.
        if self.status == ConnectionStatus::Healthy {
            self.status = ConnectionStatus::Degraded;
        }
        self.detail = Some(match self.detail.take() {
            Some(first) => format!("{first}; {detail}"),
            None => detail,
        });
    }

    fn unchecked(id: ConnectionId) -> Self {
        Self {
            title: id.to_string(),
            id,
            platform: None,
            status: ConnectionStatus::Unknown,
            detail: Some("not checked yet".to_owned()),
            checked_at: None,
            last_success_at: None,
            calls_left: None,
            objects: Vec::new(),
        }
    }
}

fn title(platform: &str, connection: &ConnectionId) -> String {
    let mut letters = platform.chars();
    let first = letters.next().map(|letter| letter.to_ascii_uppercase());
    let platform: String = first.into_iter().chain(letters).collect();
    format!("{platform} ({connection})")
}
