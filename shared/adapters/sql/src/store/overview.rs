//! The figures of the first page, from rollups that every change keeps exact.

use std::collections::BTreeMap;

use chrono::DateTime;
use shared::ports::{DayCount, LagSummary, Overview, StatusCount};
use shared::time::Timestamp;
use sqlx::{SqliteConnection, SqlitePool};

use super::decode::{count, instant, json};

const MILLIS_PER_DAY: i64 = 86_400_000;
/// Days shown at most: ten years.
const MAX_DAYS: u32 = 3_660;

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
        by_day: by_day(&mut snapshot, now, n_days.min(MAX_DAYS)).await?,
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
    let status = |raw: String| (!raw.is_empty()).then_some(raw);
    Ok(rows
        .into_iter()
        .map(|(raw, n)| StatusCount { status: status(raw), n_cases: count(n) })
        .collect())
}

async fn by_day(
    connection: &mut SqliteConnection,
    now: Timestamp,
    n_days: u32,
) -> Result<Vec<DayCount>, sqlx::Error> {
    let today = now.as_millis().div_euclid(MILLIS_PER_DAY);
    let first = today + 1 - i64::from(n_days);
    let rows: Vec<(i64, i64, i64)> = sqlx::query_as(
        "SELECT day, n_opened, n_closed FROM case_day_counts WHERE day BETWEEN ?1 AND ?2",
    )
    .bind(first)
    .bind(today)
    .fetch_all(connection)
    .await?;
    let counted: BTreeMap<i64, (i64, i64)> =
        rows.into_iter().map(|(day, opened, closed)| (day, (opened, closed))).collect();
    Ok((first..=today)
        .map(|day| {
            let (opened, closed) = counted.get(&day).copied().unwrap_or_default();
            DayCount { day: date(day), n_opened: count(opened), n_closed: count(closed) }
        })
        .collect())
}

/// Writes a day since 1970 as a date.
fn date(day: i64) -> String {
    DateTime::from_timestamp_millis(day.saturating_mul(MILLIS_PER_DAY))
        .map_or_else(String::new, |at| at.format("%Y-%m-%d").to_string())
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
    let mut lags: Vec<u64> = json(&newest)?;
    lags.sort_unstable();
    Ok(LagSummary {
        n_samples: lags.len() as u64,
        p50_ms: percentile(&lags, 50),
        p99_ms: percentile(&lags, 99),
    })
}

/// Returns the smallest value that `percent` of 100 do not exceed (nearest rank).
fn percentile(sorted: &[u64], percent: usize) -> Option<u64> {
    let rank = (sorted.len() * percent).div_ceil(100);
    sorted.get(rank.checked_sub(1)?).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_follow_the_nearest_rank() {
        let hundred: Vec<u64> = (1..=100).collect();
        assert_eq!((percentile(&hundred, 50), percentile(&hundred, 99)), (Some(50), Some(99)));
        assert_eq!((percentile(&[7], 50), percentile(&[7], 99)), (Some(7), Some(7)));
        assert_eq!(percentile(&[], 50), None);
    }

    #[test]
    fn days_before_1970_have_dates_too() {
        assert_eq!((date(-1), date(0)), ("1969-12-31".to_owned(), "1970-01-01".to_owned()));
    }
}
