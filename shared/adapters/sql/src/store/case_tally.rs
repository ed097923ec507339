//! Counts of cases by day, on both engines.

use async_trait::async_trait;
use shared::PortError;
use shared::auth::Sight;
use shared::ids::PersonId;
use shared::ports::{CaseMeasure, CaseTally, DayTally, TallyQuery};
use sqlx::AssertSqlSafe;

use super::decode::count;
use super::sight::shown_cases;
use super::text::StoredText;
use super::{PostgresCaseStore, SqliteCaseStore};

/// Spells the counting: $1 the first day, $2 the last, $3 person.
fn statement(sight: &Sight, query: &TallyQuery) -> String {
    // A parameter that stands nowhere is refused by PostgreSQL.
    let everyone = "($3 IS NULL OR $3 = $3)";
    if let (Sight::Everything, None, Some(counted)) = (sight, query.by, rollup(query.measure)) {
        return format!(
            "SELECT CAST(NULL AS text), day, {counted}, CAST(0 AS double precision) \
             FROM case_day_counts WHERE day BETWEEN $1 AND $2 AND {counted} > 0 AND {everyone}"
        );
    }
    let (day, total, also) = match query.measure {
        CaseMeasure::Opened => ("opened_day", "0", ""),
        CaseMeasure::Closed => ("closed_day", "0", ""),
        CaseMeasure::TimeToClose => {
            ("closed_day", "sum(closed_at - opened_at)", " AND closed_at >= opened_at")
        }
    };
    let group = query.by.map_or("CAST(NULL AS text)", |it| it.as_str());
    let shown = shown_cases(sight, "id", "$3").unwrap_or_else(|| everyone.to_owned());
    format!(
        "SELECT {group}, {day}, count(*), CAST({total} AS double precision) FROM cases \
         WHERE NOT is_deleted AND {day} BETWEEN $1 AND $2{also} AND {shown} GROUP BY 1, 2"
    )
}

/// The column of the counts that every change keeps exact.
const fn rollup(measure: CaseMeasure) -> Option<&'static str> {
    match measure {
        CaseMeasure::Opened => Some("n_opened"),
        CaseMeasure::Closed => Some("n_closed"),
        CaseMeasure::TimeToClose => None,
    }
}

macro_rules! case_tally {
    ($module:ident, $text:ty, $store:ty) => {
        mod $module {
            use super::*;

            #[async_trait]
            impl CaseTally for $store {
                async fn tally(
                    &self,
                    sight: &Sight,
                    query: &TallyQuery,
                ) -> Result<Vec<DayTally>, PortError> {
                    let failed = |cause| Self::read_failed(cause, "count", "cases");
                    let mut snapshot = self.snapshot().await.map_err(failed)?;
                    // The text is made of the names above alone.
                    let rows: Vec<(Option<$text>, i64, i64, f64)> =
                        sqlx::query_as(AssertSqlSafe(statement(sight, query)))
                            .bind(query.from_day)
                            .bind(query.until_day)
                            .bind(sight.person().map(PersonId::as_str))
                            .fetch_all(&mut *snapshot)
                            .await
                            .map_err(failed)?;
                    let read = |(group, day, n, total_ms): (Option<$text>, i64, i64, f64)| {
                        let group = group.map(Into::into);
                        DayTally { group, day, n_cases: count(n), total_ms }
                    };
                    Ok(rows.into_iter().map(read).collect())
                }
            }
        }
    };
}

case_tally!(sqlite, String, SqliteCaseStore);
case_tally!(postgres, StoredText, PostgresCaseStore);
