//! Which rows changed or went inside a window of time.

use serde_json::{Value as Json, json};

use super::call::Call;
use super::reply::{ApiError, Reply};
use crate::org::{instant_text, parse_instant};
use crate::sandbox::State;

const DAY: i64 = 86_400;

/// Reads and checks the window; `n_days` is how far back the log reaches.
fn window(call: &Call, now: i64, n_days: i64) -> Result<(i64, i64), ApiError> {
    let read = |name: &str| {
        call.params.get(name).and_then(|text| parse_instant(&text.replace(' ', "+"))).ok_or_else(
            || ApiError::new(400, "MISSING_ARGUMENT", format!("{name} is missing or no date")),
        )
    };
    let (start, end) = (read("start")?, read("end")?);
    if start >= end {
        let message =
            format!("Start date cannot be after end date: {}", instant_text(start, "+0000"));
        return Err(ApiError::new(400, "INVALID_REPLICATION_DATE", message));
    }
    if start < now - n_days * DAY {
        let message = format!(
            "startDate before org replication enabled date, or more than {n_days} days back"
        );
        return Err(ApiError::new(400, "INVALID_REPLICATION_DATE", message));
    }
    Ok((start, end.min(now)))
}

/// `GET /sobjects/Case/updated/`
pub(super) fn updated(state: &State, call: &Call, object: &str) -> Result<Reply, ApiError> {
    let now = state.clock().now_ms().div_euclid(1000);
    let (start, end) = window(call, now, 30)?;
    let object = state.schema().object(object).ok_or_else(ApiError::not_found)?;
    let org = state.org();
    let ids: Vec<String> = org
        .table(&object.name)
        .into_iter()
        .flat_map(|table| table.changed_in(start..end))
        .filter(|row| !row.is_deleted())
        .map(|row| row.id.to_string())
        .collect();
    Ok(Reply::json(200, &json!({"ids": ids, "latestDateCovered": instant_text(end, "+0000")})))
}

/// `GET /sobjects/Case/deleted/`
pub(super) fn deleted(state: &State, call: &Call, object: &str) -> Result<Reply, ApiError> {
    let now = state.clock().now_ms().div_euclid(1000);
    let (start, end) = window(call, now, 15)?;
    let object = state.schema().object(object).ok_or_else(ApiError::not_found)?;
    let org = state.org();
    let records: Vec<Json> = org
        .table(&object.name)
        .into_iter()
        .flat_map(|table| table.changed_in(start..end))
        .filter(|row| row.is_deleted())
        .map(|row| {
            json!({"id": row.id.to_string(), "deletedDate": instant_text(row.modstamp(), "+0000")})
        })
        .collect();
    Ok(Reply::json(
        200,
        &json!({
            "deletedRecords": records, "latestDateCovered": instant_text(end, "+0000"),
            "earliestDateAvailable": instant_text(now - 15 * DAY, "+0000"),
        }),
    ))
}
