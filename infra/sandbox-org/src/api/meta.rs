//! Versions, limits and describes.

use std::sync::atomic::Ordering;

use serde_json::{Map, Value as Json, json};

use super::call::Call;
use super::conditions::http_date;
use super::dispatch::NEWEST_VERSION;
use super::reply::{ApiError, Reply};
use crate::limits::{ALLOWANCES, Allowance};
use crate::sandbox::State;

/// Lists the versions; needs no token.
pub(crate) fn versions() -> Reply {
    let all: Vec<Json> = (31..=NEWEST_VERSION)
        .map(|number| {
            let (season, year) = release(number);
            json!({"label": format!("{season} '{year}"), "url": format!("/services/data/v{number}.0"),
                   "version": format!("{number}.0")})
        })
        .collect();
    Reply::json(200, &Json::Array(all))
}

/// Season and year of a version: 62.0 is Winter '25, three a year.
fn release(number: u32) -> (&'static str, i64) {
    let offset = i64::from(number) - 62;
    let season = match offset.rem_euclid(3) {
        0 => "Winter",
        1 => "Spring",
        _ => "Summer",
    };
    (season, 25 + offset.div_euclid(3))
}

/// Lists what lies below a version.
pub(super) fn resources(version: &str) -> Reply {
    let mut all = Map::new();
    for name in ["composite", "jobs", "limits", "query", "queryAll", "sobjects"] {
        all.insert(name.to_owned(), json!(format!("/services/data/{version}/{name}")));
    }
    Reply::json(200, &Json::Object(all))
}

/// Storage of the org, in MB; the sandbox counts rows, not bytes.
const STORAGE_MB: u64 = 1_024;

/// Tells how much is left of what the org allows.
pub(super) fn limits(state: &State) -> Reply {
    let mut all = Map::new();
    for allowance in ALLOWANCES {
        let (max, used) = state.limits.state(allowance);
        let left = json!({"Max": max, "Remaining": max.saturating_sub(used)});
        all.insert(allowance.name().to_owned(), left);
    }
    // Some entries tell of apps as well; no app has an allowance of its own here.
    if let Some(Json::Object(requests)) = all.get_mut(Allowance::ApiRequests.name()) {
        requests.insert("Sandbox App".to_owned(), json!({"Max": 0, "Remaining": 0}));
    }
    for name in ["DataStorageMB", "FileStorageMB"] {
        all.insert(name.to_owned(), json!({"Max": STORAGE_MB, "Remaining": STORAGE_MB}));
    }
    Reply::json(200, &Json::Object(all))
}

/// Counts rows by object.
pub(super) fn record_count(state: &State, call: &Call) -> Result<Reply, ApiError> {
    let org = call.org(state);
    let wanted = call.params.get("sObjects").map(|names| names.split(',').collect::<Vec<_>>());
    let all: Vec<Json> = org
        .tables()
        .filter(|table| {
            wanted.as_ref().is_none_or(|names| {
                names.iter().any(|name| name.trim().eq_ignore_ascii_case(&table.object.name))
            })
        })
        .map(|table| json!({"count": table.n_live(), "name": table.object.name}))
        .collect();
    Ok(Reply::json(200, &json!({"sObjects": all})))
}

/// Describes all objects.
pub(super) fn global(state: &State, call: &Call) -> Reply {
    let all: Vec<Json> =
        state.schema().objects().map(|object| object.summary(&call.version)).collect();
    Reply::json(200, &json!({"encoding": "UTF-8", "maxBatchSize": 200, "sobjects": all}))
}

/// Describes one object shortly.
pub(super) fn object(state: &State, call: &Call, name: &str) -> Result<Reply, ApiError> {
    let object = state.schema().object(name).cloned().ok_or_else(ApiError::not_found)?;
    let body = json!({"objectDescribe": object.summary(&call.version), "recentItems": []});
    Ok(Reply::json(200, &body))
}

/// Describes one object with its fields.
pub(super) fn describe(state: &State, call: &Call, name: &str) -> Result<Reply, ApiError> {
    let object = state.schema().object(name).cloned().ok_or_else(ApiError::not_found)?;
    let changed = state.schema_changed_ms.load(Ordering::Relaxed).div_euclid(1000);
    let reply = if call.conditions.is_known(changed) {
        Reply::empty(304)
    } else {
        Reply::json(200, &object.describe(&call.version))
    };
    Ok(reply.with_header("last-modified", http_date(changed)))
}
