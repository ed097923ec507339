//! The figures of the first page, from rollups that every change keeps exact.

use std::collections::BTreeMap;

use shared::ports::Overview;
use shared::time::Timestamp;
use sqlx::PgConnection;

use crate::store::decode::{count, instant};
use crate::store::figures::{Days, lag_summary, status_count};
use crate::store::text::StoredText;

/// Reads the figures as of `now`, over the last `n_days` days, today included, in the snapshot of
/// `connection`: they belong to one state of the store.
pub(super) async fn read(
    connection: &mut PgConnection,
    now: Timestamp,
    n_days: u32,
) -> Result<Overview, sqlx::Error> {
    let counts: BTreeMap<String, i64> =
        sqlx::query_as::<_, (String, i64)>("SELECT name, n_rows FROM moodbridge.row_counts")
            .fetch_all(&mut *connection)
            .await?
            .into_iter()
            .collect();
    let n = |name: &str| counts.get(name).copied().map_or(0, count);
    let by_status: Vec<(StoredText, i64)> = sqlx::query_as(
        "SELECT status, n_cases FROM moodbridge.case_status_counts WHERE n_cases > 0 \
         ORDER BY n_cases DESC, status",
    )
    .fetch_all(&mut *connection)
    .await?;
    let days = Days::until(now, n_days);
    let by_day: Vec<(i64, i64, i64)> = sqlx::query_as(
        "SELECT day, n_opened, n_closed FROM moodbridge.case_day_counts \
         WHERE day BETWEEN $1 AND $2",
    )
    .bind(days.first)
    .bind(days.last)
    .fetch_all(&mut *connection)
    .await?;
    let last_change_at: Option<i64> =
        sqlx::query_scalar("SELECT at FROM moodbridge.changes ORDER BY seq DESC LIMIT 1")
            .fetch_optional(&mut *connection)
            .await?;
    let n_last_minute: i64 = sqlx::query_scalar(
        "SELECT coalesce(sum(n_changes), 0)::bigint FROM moodbridge.change_second_counts \
         WHERE second > $1",
    )
    .bind(now.as_millis().div_euclid(1000) - 60)
    .fetch_one(&mut *connection)
    .await?;
    let lags: Vec<i64> = sqlx::query_scalar(
        "SELECT lag_ms FROM (SELECT lag_ms FROM moodbridge.changes ORDER BY seq DESC LIMIT 1000) \
         AS newest WHERE lag_ms IS NOT NULL",
    )
    .fetch_all(connection)
    .await?;
    Ok(Overview {
        as_of: now,
        n_accounts: n("account"),
        n_contacts: n("contact"),
        n_cases: n("case"),
        n_open_cases: n("open_case"),
        by_status: by_status.into_iter().map(|(it, n)| status_count((it.into(), n))).collect(),
        by_day: days.fill(by_day),
        last_change_at: last_change_at.map(instant),
        n_changes_last_minute: count(n_last_minute),
        sync_lag: lag_summary(lags.into_iter().map(count).collect()),
    })
}
