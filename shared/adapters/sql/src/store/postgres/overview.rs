//! The figures of the first page, from rollups that every change keeps exact.
//!
//! The rollups count every case. Whoever is screened from some has those taken off again; whoever
//! sees only some has those counted alone.

use std::collections::BTreeMap;

use shared::auth::Sight;
use shared::ids::PersonId;
use shared::ports::{LagSummary, Overview};
use shared::time::Timestamp;
use sqlx::{AssertSqlSafe, PgConnection};

use crate::store::decode::{count, instant};
use crate::store::figures::{CaseFigures, Days, lag_summary, status_count};
use crate::store::sight::shown_rows;
use crate::store::text::StoredText;

/// Reads the figures that `sight` shows as of `now`, over the last `n_days` days, today included, in
/// the snapshot of `connection`: they belong to one state of the store.
pub(super) async fn read(
    connection: &mut PgConnection,
    sight: &Sight,
    now: Timestamp,
    n_days: u32,
) -> Result<Overview, sqlx::Error> {
    let days = Days::until(now, n_days);
    let (parties, cases) = match sight {
        Sight::Everything => counted(connection, &days).await?,
        Sight::AllBut(person) => {
            let (parties, mut all) = counted(connection, &days).await?;
            all.take_off(of_stance(connection, &days, person.as_str(), "screened").await?);
            (parties, all)
        }
        Sight::Only(person) => {
            let cases = of_stance(connection, &days, person.as_str(), "assigned").await?;
            (Parties::default(), cases)
        }
    };
    let person = sight.person().map(PersonId::as_str);
    let shown = shown_rows(sight, "$1").unwrap_or_else(|| "$1 IS NULL".to_owned());
    Ok(Overview {
        as_of: now,
        n_accounts: parties.n_accounts,
        n_contacts: parties.n_contacts,
        n_cases: count(cases.n_cases),
        n_open_cases: count(cases.n_open_cases),
        by_status: cases.statuses().into_iter().map(status_count).collect(),
        by_day: days.fill(cases.days()),
        last_change_at: last_change(connection, &shown, person).await?,
        n_changes_last_minute: last_minute(connection, sight, now).await?,
        sync_lag: sync_lag(connection, &shown, person).await?,
    })
}

/// Rows that no wall hides.
#[derive(Default)]
struct Parties {
    n_accounts: u64,
    n_contacts: u64,
}

/// Reads the rollups.
async fn counted(
    connection: &mut PgConnection,
    days: &Days,
) -> Result<(Parties, CaseFigures), sqlx::Error> {
    let counts: BTreeMap<String, i64> =
        sqlx::query_as::<_, (String, i64)>("SELECT name, n_rows FROM row_counts")
            .fetch_all(&mut *connection)
            .await?
            .into_iter()
            .collect();
    let n = |name: &str| counts.get(name).copied().unwrap_or_default();
    let by_status: Vec<(StoredText, i64)> =
        sqlx::query_as("SELECT status, n_cases FROM case_status_counts")
            .fetch_all(&mut *connection)
            .await?;
    let by_day = sqlx::query_as(
        "SELECT day, n_opened, n_closed FROM case_day_counts WHERE day BETWEEN $1 AND $2",
    )
    .bind(days.first)
    .bind(days.last)
    .fetch_all(connection)
    .await?;
    let parties = Parties { n_accounts: count(n("account")), n_contacts: count(n("contact")) };
    Ok((parties, CaseFigures::new(n("case"), n("open_case"), plain(by_status), by_day)))
}

/// Counts the cases to which a person stands in one way.
async fn of_stance(
    connection: &mut PgConnection,
    days: &Days,
    person: &str,
    stance: &str,
) -> Result<CaseFigures, sqlx::Error> {
    let cases = "FROM walls JOIN cases ON cases.id = walls.case_id \
         WHERE walls.person = $1 AND walls.stance = $2 AND NOT cases.is_deleted";
    let (n_cases, n_open_cases) = sqlx::query_as(AssertSqlSafe(format!(
        "SELECT count(*), count(*) FILTER (WHERE NOT cases.is_closed) {cases}"
    )))
    .bind(person)
    .bind(stance)
    .fetch_one(&mut *connection)
    .await?;
    let by_status: Vec<(StoredText, i64)> = sqlx::query_as(AssertSqlSafe(format!(
        "SELECT coalesce(cases.status, ''), count(*) {cases} GROUP BY 1"
    )))
    .bind(person)
    .bind(stance)
    .fetch_all(&mut *connection)
    .await?;
    let by_day = sqlx::query_as(AssertSqlSafe(format!(
        "SELECT cases.opened_day, count(*), 0::bigint {cases} AND cases.opened_day BETWEEN $3 AND $4 \
         GROUP BY 1 UNION ALL \
         SELECT cases.closed_day, 0::bigint, count(*) {cases} AND cases.closed_day BETWEEN $3 AND $4 \
         GROUP BY 1"
    )))
    .bind(person)
    .bind(stance)
    .bind(days.first)
    .bind(days.last)
    .fetch_all(connection)
    .await?;
    Ok(CaseFigures::new(n_cases, n_open_cases, plain(by_status), by_day))
}

fn plain(by_status: Vec<(StoredText, i64)>) -> Vec<(String, i64)> {
    by_status.into_iter().map(|(status, n_cases)| (status.into(), n_cases)).collect()
}

async fn last_change(
    connection: &mut PgConnection,
    shown: &str,
    person: Option<&str>,
) -> Result<Option<Timestamp>, sqlx::Error> {
    let sql = format!("SELECT at FROM changes WHERE {shown} ORDER BY seq DESC LIMIT 1");
    let at: Option<i64> =
        sqlx::query_scalar(AssertSqlSafe(sql)).bind(person).fetch_optional(connection).await?;
    Ok(at.map(instant))
}

async fn last_minute(
    connection: &mut PgConnection,
    sight: &Sight,
    now: Timestamp,
) -> Result<u64, sqlx::Error> {
    let since = now.as_millis().div_euclid(1000) - 60;
    let n_all: i64 = sqlx::query_scalar(
        "SELECT coalesce(sum(n_changes), 0)::bigint FROM change_second_counts WHERE second > $1",
    )
    .bind(since)
    .fetch_one(&mut *connection)
    .await?;
    let (Some(person), Some(shown)) = (sight.person(), shown_rows(sight, "$2")) else {
        return Ok(count(n_all));
    };
    // From the newest row back to the first that is older: no index on instants is needed.
    let n_hidden: i64 = sqlx::query_scalar(AssertSqlSafe(format!(
        "SELECT count(*) FROM changes WHERE seq > coalesce(\
         (SELECT seq FROM changes WHERE at / 1000 <= $1 ORDER BY seq DESC LIMIT 1), 0) \
         AND at / 1000 > $1 AND NOT {shown}"
    )))
    .bind(since)
    .bind(person.as_str())
    .fetch_one(connection)
    .await?;
    Ok(count(n_all - n_hidden))
}

async fn sync_lag(
    connection: &mut PgConnection,
    shown: &str,
    person: Option<&str>,
) -> Result<LagSummary, sqlx::Error> {
    let lags: Vec<i64> = sqlx::query_scalar(AssertSqlSafe(format!(
        "SELECT lag_ms \
         FROM (SELECT lag_ms FROM changes WHERE {shown} ORDER BY seq DESC LIMIT 1000) AS newest \
         WHERE lag_ms IS NOT NULL"
    )))
    .bind(person)
    .fetch_all(connection)
    .await?;
    Ok(lag_summary(lags.into_iter().map(count).collect()))
}
