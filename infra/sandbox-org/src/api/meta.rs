//! Versions, limits and describes.

use std::sync::atomic::Ordering;

use serde_json::{Map, Value as Json, json};

use super::call::Call;
use super::conditions::http_date;
use super::dispatch::NEWEST_VERSION;
use super::reply::{ApiError, Reply};
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
    for name in ["composite", "limits", "query", "queryAll", "sobjects"] {
        all.insert(name.to_owned(), json!(format!("/services/data/{version}/{name}")));
    }
    Reply::json(200, &Json::Object(all))
}

/// Tells how many requests are left.
pub(super) fn limits(state: &State) -> Reply {
    let max = state.settings.daily_requests;
    let remaining = max.saturating_sub(state.n_requests());
    let full = |max: u64| json!({"Max": max, "Remaining": max});
    Reply::json(
        200,
        &json!({
            "DailyApiRequests": {"Max": max, "Remaining": remaining},
            "DailyBulkApiBatches": full(15_000), "DailyBulkV2QueryJobs": full(10_000),
            "DailyBulkV2QueryFileStorageMB": full(976_562), "DailyDeliveredPlatformEvents": full(10_000),
            "MonthlyPlatformEvents": full(1_000_000), "HourlyPublishedPlatformEvents": full(50_000),
            "DataStorageMB": full(1_024), "FileStorageMB": full(1_024),
        }),
    )
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
