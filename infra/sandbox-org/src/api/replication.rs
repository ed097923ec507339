//! Which rows changed or went inside a window of time.

use serde_json::{Value as Json, json};

use super::call::Call;
use super::reply::{ApiError, Reply};
use crate::org::{KEPT_SECONDS, instant_text, parse_instant};
use crate::sandbox::State;

const DAY: i64 = 86_400;

/// How far back changes can be asked for, in seconds. Source: SOAP API guide, `getUpdated`.
const UPDATED_SECONDS: i64 = 30 * DAY;

/// Shortest window, in seconds.
const SHORTEST: i64 = 60;

fn refused(message: impl Into<String>) -> ApiError {
    ApiError::new(400, "INVALID_REPLICATION_DATE", message)
}

/// Reads and checks the window; `n_seconds` is how far back it may reach.
///
/// Its end is held back by the oldest transaction that is still open: what that one commits will be
/// stamped with the time of its beginning, and a reader who goes on from there finds it.
fn window(
    state: &State,
    call: &Call<'_>,
    now: i64,
    n_seconds: i64,
) -> Result<(i64, i64), ApiError> {
    let read = |name: &str| {
        call.params.get(name).and_then(|text| parse_instant(&text.replace(' ', "+"))).ok_or_else(
            || ApiError::new(400, "MISSING_ARGUMENT", format!("{name} is missing or no date")),
        )
    };
    let (start, end) = (read("start")?, read("end")?);
    if start >= end {
        let start = instant_text(start, "+0000");
        return Err(refused(format!("Start date cannot be after end date: {start}")));
    }
    if end - start < SHORTEST {
        return Err(refused("Start date must be at least one minute before end date"));
    }
    if start < now - n_seconds {
        let message = format!(
            "startDate before org replication enabled date, or more than {} days back",
            n_seconds / DAY
        );
        return Err(refused(message));
    }
    let open = state.open_transactions.oldest_ms().map(|ms| ms.div_euclid(1000));
    let covered = end.min(now).min(open.unwrap_or(i64::MAX));
    Ok((start, covered.max(start)))
}

fn check_count(state: &State, call: &Call<'_>, count: usize) -> Result<(), ApiError> {
    if count <= call.org(state).policy.max_replicated_ids {
        return Ok(());
    }
    let message = "exceeded id limit: too many ids in the window, ask for a shorter one";
    Err(ApiError::new(400, "EXCEEDED_ID_LIMIT", message))
}

/// `GET /sobjects/Case/updated/`
pub(super) fn updated(state: &State, call: &Call<'_>, object: &str) -> Result<Reply, ApiError> {
    let now = state.clock().now_ms().div_euclid(1000);
    let (start, end) = window(state, call, now, UPDATED_SECONDS)?;
    let object = state.schema().object(object).cloned().ok_or_else(ApiError::not_found)?;
    let ids: Vec<String> = {
        let org = call.org(state);
        org.table(&object.name)
            .into_iter()
            .flat_map(|table| table.changed_in(start..end))
            .filter(|row| !row.is_deleted())
            .map(|row| row.id.to_string())
            .collect()
    };
    check_count(state, call, ids.len())?;
    Ok(Reply::json(200, &json!({"ids": ids, "latestDateCovered": instant_text(end, "+0000")})))
}

/// `GET /sobjects/Case/deleted/`
pub(super) fn deleted(state: &State, call: &Call<'_>, object: &str) -> Result<Reply, ApiError> {
    let now = state.clock().now_ms().div_euclid(1000);
    let (start, end) = window(state, call, now, KEPT_SECONDS)?;
    let object = state.schema().object(object).cloned().ok_or_else(ApiError::not_found)?;
    let (records, earliest) = {
        let org = call.org(state);
        let deletions = org.deleted.within(&object.name, start..end);
        let mut deletions: Vec<_> = deletions.map(|it| (it.at, it.id)).collect();
        deletions.sort_unstable();
        let records: Vec<Json> = deletions
            .iter()
            .map(
                |(at, id)| json!({"id": id.to_string(), "deletedDate": instant_text(*at, "+0000")}),
            )
            .collect();
        (records, org.deleted.purged_until().max(now - KEPT_SECONDS))
    };
    check_count(state, call, records.len())?;
    Ok(Reply::json(
        200,
        &json!({
            "deletedRecords": records, "latestDateCovered": instant_text(end, "+0000"),
            "earliestDateAvailable": instant_text(earliest, "+0000"),
        }),
    ))
}
