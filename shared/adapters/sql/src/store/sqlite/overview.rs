//! The figures of the first page, from rollups that every change keeps exact.

use std::collections::BTreeMap;

use shared::ports::{DayCount, LagSummary, Overview, StatusCount};
use shared::time::Timestamp;
use sqlx::{SqliteConnection, SqlitePool};

use crate::store::decode::{count, instant, json};
use crate::store::figures::{self, Days};

/// Reads the figures as of `now`, over the last `n_days` days, today included.
pub(super) async fn read(
    readers: &SqlitePool,
    now: Timestamp,
    n_days: u32,
) -> Result<Overview, sqlx::Error> {
    // One transaction: the figures belong to one state of the store.
    let mut snapshot = readers.begin().await?;
    let counts: BTreeMap<String, i64> =
        sqlx::query_as::<_, (String, i64)>("SELECT name, n_rows FROM row_counts")
            .fetch_all(&mut *snapshot)
            .await?
            .into_iter()
            .collect();
    let n = |name: &str| counts.get(name).copied().map_or(0, count);
    Ok(Overview {
        as_of: now,
        n_accounts: n("account"),
        n_contacts: n("contact"),
        n_cases: n("case"),
        n_open_cases: n("open_case"),
        by_status: by_status(&mut snapshot).await?,
        by_day: by_day(&mut snapshot, now, n_days).await?,
        last_change_at: sqlx::query_scalar("SELECT at FROM changes ORDER BY seq DESC LIMIT 1")
            .fetch_optional(&mut *snapshot)
            .await?
            .map(instant),
        n_changes_last_minute: last_minute(&mut snapshot, now).await?,
        sync_lag: sync_lag(&mut snapshot).await?,
    })
}

async fn by_status(connection: &mut SqliteConnection) -> Result<Vec<StatusCount>, sqlx::Error> {
    let rows: Vec<(String, i64)> = sqlx::query_as(
        "SELECT status, n_cases FROM case_status_counts WHERE n_cases > 0 \
         ORDER BY n_cases DESC, status",
    )
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(figures::status_count).collect())
}

async fn by_day(
    connection: &mut SqliteConnection,
    now: Timestamp,
    n_days: u32,
) -> Result<Vec<DayCount>, sqlx::Error> {
    let days = Days::until(now, n_days);
    let rows: Vec<(i64, i64, i64)> = sqlx::query_as(
        "SELECT day, n_opened, n_closed FROM case_day_counts WHERE day BETWEEN ?1 AND ?2",
    )
    .bind(days.first)
    .bind(days.last)
    .fetch_all(connection)
    .await?;
    Ok(days.fill(rows))
}

async fn last_minute(
    connection: &mut SqliteConnection,
    now: Timestamp,
) -> Result<u64, sqlx::Error> {
    let n_changes: i64 = sqlx::query_scalar(
        "SELECT coalesce(sum(n_changes), 0) FROM change_second_counts WHERE second > ?1",
    )
    .bind(now.as_millis().div_euclid(1000) - 60)
    .fetch_one(connection)
    .await?;
    Ok(count(n_changes))
}

async fn sync_lag(connection: &mut SqliteConnection) -> Result<LagSummary, sqlx::Error> {
    let newest: String = sqlx::query_scalar(
        "SELECT json_group_array(lag_ms) \
         FROM (SELECT lag_ms FROM changes ORDER BY seq DESC LIMIT 1000) \
         WHERE lag_ms IS NOT NULL",
    )
    .fetch_one(connection)
    .await?;
    Ok(figures::lag_summary(json(&newest)?))
}
