//! `/v1/settings`: the settings, their history, and changes to them.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::{RawQuery, Request, State};
use axum::response::Response;
use serde::Serialize;
use serde_json::{Map, Value};
use shared::config::{ChangeError, Fault as SettingFault, SettingsInForce, ShownSetting};
use shared::ids::PersonId;
use shared::ports::{SettingChange, SettingsVersion};
use shared::time::Timestamp;
use tracing::{error, info};
use utoipa::{IntoParams, ToSchema};

use crate::api::{Api, json, render};
use crate::audit::MAX_SEQ;
use crate::body::{read_object, read_reason, refuse_unknown};
use crate::caller::Caller;
use crate::openapi::Problems;
use crate::problem::{Fault, Problem};
use crate::query::{NoParams, Query, shorten};

/// The longest body taken, in bytes.
const MAX_BODY_BYTES: usize = 16 * 1024;

/// The most settings that one request may change.
const MAX_CHANGES: usize = 50;

/// Every setting.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SettingsPage {
    /// The newest version; 0 when nothing was changed. A change has to name it.
    version: u64,
    /// The version that this process began with: what later ones changed takes effect when it starts
    /// again.
    running_version: u64,
    /// The settings as they will be at the next start.
    values: Vec<ShownSetting>,
}

/// One version of the settings.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SettingsVersionSummary {
    /// Its number: the first is 1.
    version: u64,
    /// When it was made.
    at: Timestamp,
    /// Who made it.
    author: PersonId,
    /// Why.
    reason: String,
    /// What differs from the version before.
    changes: Vec<SettingChange>,
}

impl From<SettingsVersion> for SettingsVersionSummary {
    fn from(version: SettingsVersion) -> Self {
        let SettingsVersion { version, at, author, reason, changes, .. } = version;
        Self { version, at, author, reason, changes }
    }
}

/// One page of the history of the settings.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SettingsHistoryPage {
    /// The versions, the newest first.
    items: Vec<SettingsVersionSummary>,
    /// Give it as `before` to read on; null on the last page.
    next_before: Option<u64>,
}

/// When a change takes effect.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum TakesEffect {
    /// When each process starts next.
    AtRestart,
}

/// The version that a change made.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SettingsChanged {
    #[serde(flatten)]
    made: SettingsVersionSummary,
    /// When it takes effect.
    takes_effect: TakesEffect,
}

/// Which versions to list.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "documents the parameters")]
pub(crate) struct SettingsHistoryQuery {
    /// Only versions before this one.
    #[param(minimum = 1, maximum = 9_223_372_036_854_775_807_u64, example = 12)]
    before: Option<u64>,
    /// How many versions to return; 50 by default.
    #[param(minimum = 1, maximum = 200, example = 50)]
    limit: Option<usize>,
}

/// Lists the settings as they will be at the next start.
///
/// Of secrets there are addresses alone.
#[utoipa::path(get, path = "/settings", tag = "settings",
    responses((status = 200, description = "The settings", body = SettingsPage), Problems))]
pub(crate) async fn get_settings(
    State(api): State<Arc<Api>>,
    RawQuery(raw): RawQuery,
) -> Result<Response, Problem> {
    Query::new(raw.as_deref()).finish::<NoParams, _>(())?;
    let editor = &api.ports.settings;
    let SettingsInForce { version, values } = editor.in_force().await.map_err(unreadable)?;
    Ok(json(render(&SettingsPage { version, running_version: editor.running(), values })?))
}

/// Lists who changed which setting, when and why.
#[utoipa::path(get, path = "/settings/history", tag = "settings", params(SettingsHistoryQuery),
    responses((status = 200, description = "A page of versions", body = SettingsHistoryPage), Problems))]
pub(crate) async fn list_settings_history(
    State(api): State<Arc<Api>>,
    RawQuery(raw): RawQuery,
) -> Result<Response, Problem> {
    let mut query = Query::new(raw.as_deref());
    let before = query.number("before", 1..=MAX_SEQ).unwrap_or(u64::MAX);
    let limit = query.number("limit", 1..=200).unwrap_or(50);
    let (before, limit): (u64, usize) = query.finish::<SettingsHistoryQuery, _>((before, limit))?;
    let history = api.ports.settings.history().await.map_err(Problem::of_port)?;
    let mut items: Vec<SettingsVersionSummary> = history
        .into_iter()
        .filter(|it| it.version < before)
        .take(limit + 1)
        .map(SettingsVersionSummary::from)
        .collect();
    let is_last = items.len() <= limit;
    items.truncate(limit);
    let next_before = items.last().filter(|_| !is_last).map(|it| it.version);
    Ok(json(render(&SettingsHistoryPage { items, next_before })?))
}

/// Changes settings, for every process on the same database.
///
/// A value of null takes an earlier change back. All settings are checked together before anything is
/// kept. Only some may be changed: those with `can_change`, and never a secret.
#[utoipa::path(post, path = "/settings/changes", tag = "settings",
    request_body(content = inline(crate::openapi::SettingsRequest), description = "What to change, why, and which version the author saw",
        content_type = "application/json", example = json!({"expected_version": 2, "reason": "too many calls in the morning", "set": {"poll.every": "2m"}})),
    responses((status = 200, description = "The version that it made", body = SettingsChanged),
        (status = 409, description = "Somebody else changed them meanwhile, or they have these values already", body = Problem, content_type = "application/problem+json"),
        (status = 413, description = "The body is too long", body = Problem, content_type = "application/problem+json"),
        (status = 415, description = "The body is not `application/json`", body = Problem, content_type = "application/problem+json"),
        Problems))]
pub(crate) async fn change_settings(
    State(api): State<Arc<Api>>,
    caller: Caller,
    RawQuery(raw): RawQuery,
    request: Request,
) -> Result<Response, Problem> {
    Query::new(raw.as_deref()).finish::<NoParams, _>(())?;
    let (expected, reason, patch) =
        read_change(&read_object(request, MAX_BODY_BYTES, CHANGE).await?)?;
    let author = caller.person().clone();
    let made = api.ports.settings.change(expected, &patch, author, &reason).await;
    changed(made.map_err(|failed| refused(failed, "set"))?)
}

/// Takes back what one version changed, as a new version.
#[utoipa::path(post, path = "/settings/undo", tag = "settings",
    request_body(content = inline(crate::openapi::UndoRequest), description = "Which version to take back, and why",
        content_type = "application/json", example = json!({"version": 3, "reason": "the org is fast again"})),
    responses((status = 200, description = "The version that it made", body = SettingsChanged),
        (status = 404, description = "There is no such version", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "A later version changed the same settings, or they have these values already", body = Problem, content_type = "application/problem+json"),
        (status = 413, description = "The body is too long", body = Problem, content_type = "application/problem+json"),
        (status = 415, description = "The body is not `application/json`", body = Problem, content_type = "application/problem+json"),
        Problems))]
pub(crate) async fn undo_settings(
    State(api): State<Arc<Api>>,
    caller: Caller,
    RawQuery(raw): RawQuery,
    request: Request,
) -> Result<Response, Problem> {
    Query::new(raw.as_deref()).finish::<NoParams, _>(())?;
    let (version, reason) = read_undo(&read_object(request, MAX_BODY_BYTES, UNDO).await?)?;
    let made = api.ports.settings.undo(version, caller.person().clone(), &reason).await;
    changed(made.map_err(|failed| refused(failed, "version"))?)
}

fn changed(made: SettingsVersion) -> Result<Response, Problem> {
    info!(version = made.version, n_settings = made.changes.len(), "changed settings");
    let takes_effect = TakesEffect::AtRestart;
    Ok(json(render(&SettingsChanged { made: made.into(), takes_effect })?))
}

/// The forms of the bodies, for messages.
const CHANGE: &str =
    "`{\"expected_version\": 2, \"reason\": \"why\", \"set\": {\"poll.every\": \"2m\"}}`";
const UNDO: &str = "`{\"version\": 3, \"reason\": \"why\"}`";

type Patch = BTreeMap<String, Option<Value>>;

fn read_change(members: &Map<String, Value>) -> Result<(u64, String, Patch), Problem> {
    let mut faults = Vec::new();
    let expected = read_version(members, "expected_version", 0, &mut faults);
    let reason = read_reason(members, &mut faults);
    let patch = members.get("set").and_then(Value::as_object);
    let patch = patch.filter(|it| (1..=MAX_CHANGES).contains(&it.len())).map(|it| {
        it.iter()
            .map(|(path, value)| (path.clone(), Some(value.clone()).filter(|it| !it.is_null())))
    });
    if patch.is_none() {
        let message = format!("it is needed: an object of 1 to {MAX_CHANGES} paths, in {CHANGE}");
        faults.push(Fault::new("set", message));
    }
    refuse_unknown(members, &["expected_version", "reason", "set"], CHANGE, &mut faults);
    match (expected, reason, patch) {
        (Some(expected), Some(reason), Some(patch)) if faults.is_empty() => {
            Ok((expected, reason, patch.collect()))
        }
        _ => Err(Problem::invalid(faults)),
    }
}

fn read_undo(members: &Map<String, Value>) -> Result<(u64, String), Problem> {
    let mut faults = Vec::new();
    let version = read_version(members, "version", 1, &mut faults);
    let reason = match members.get("reason") {
        None => Some(String::new()),
        Some(_) => read_reason(members, &mut faults),
    };
    refuse_unknown(members, &["version", "reason"], UNDO, &mut faults);
    match (version, reason) {
        (Some(version), Some(reason)) if faults.is_empty() => Ok((version, reason)),
        _ => Err(Problem::invalid(faults)),
    }
}

fn read_version(
    members: &Map<String, Value>,
    name: &str,
    first: u64,
    faults: &mut Vec<Fault>,
) -> Option<u64> {
    let version = members.get(name).and_then(whole);
    let version = version.filter(|it| (first..=MAX_SEQ).contains(it));
    if version.is_none() {
        faults.push(Fault::new(name, format!("it is needed: a whole number from {first}")));
    }
    version
}

/// Reads a whole number, in JSON Schema's words an `integer`: `1.0` is one too.
fn whole(value: &Value) -> Option<u64> {
    let written = || {
        let text = value.as_f64().filter(|it| it.fract() == 0.0)?.to_string();
        text.parse().ok()
    };
    value.as_u64().or_else(written)
}

/// Says why nothing was changed; `whole` is the member that stands for all paths.
fn refused(failed: ChangeError, whole: &str) -> Problem {
    let named = |faults: Vec<SettingFault>| {
        let field = |path: &str| if path.is_empty() { whole.to_owned() } else { shorten(path) };
        let faults = faults.into_iter().take(MAX_CHANGES);
        faults.map(|it| Fault::new(field(&it.path), it.what)).collect::<Vec<_>>()
    };
    match failed {
        ChangeError::Settings { faults } => Problem::invalid(named(faults)),
        ChangeError::ChangedSince { faults } => {
            let detail = "a later version changed the same settings: see `errors`";
            Problem::conflict(detail, named(faults))
        }
        ChangeError::Outdated { current, .. } => {
            let message = format!("the newest version is {current}: look at it and send {current}");
            let detail = format!("the settings are at version {current} by now: look again");
            Problem::conflict(detail, vec![Fault::new("expected_version", message)])
        }
        ChangeError::Unchanged => {
            let faults = vec![Fault::new(whole, "nothing would change: send another value")];
            Problem::conflict("the settings have these values already", faults)
        }
        ChangeError::UnknownVersion { version } => {
            Problem::not_found(format!("there is no version {version} of the settings"))
        }
        ChangeError::Store(failed) => Problem::of_port(failed),
    }
}

/// Says that what is written beside the changes is not good by now.
fn unreadable(failed: ChangeError) -> Problem {
    match failed {
        ChangeError::Store(failed) => Problem::of_port(failed),
        failed => {
            error!(error = %shared::chain(&failed), "the settings cannot be read");
            let detail = "the settings on this machine are not good by now: mend what `moodbridge \
                 config check` reports";
            Problem::unavailable(detail, None)
        }
    }
}
