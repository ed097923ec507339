//! What our statements used, by the view that the account keeps of them.
//! Source: Snowflake, Account Usage, "`QUERY_ATTRIBUTION_HISTORY` view".

use std::time::Duration;

use async_trait::async_trait;
use futures_util::TryStreamExt as _;
use shared::ports::warehouse::{
    Patience, Rows, Sending, Spending, SpendingView, Statement, StatementId, Step, WarehouseValue,
    query,
};
use shared::time::{Timestamp, show_day};
use shared::{PortError, PortErrorKind};

use crate::PLATFORM;
use crate::warehouse::SnowflakeWarehouse;

/// The view is up to eight hours behind, a statement may run for a quarter of an hour, and its credits are
/// told when its hour is over.
const LAG: Duration = Duration::from_hours(12);

/// How long an answer is waited for: the view is slow.
const PATIENCE: Patience = Patience(Duration::from_secs(60));

/// The day is counted from the epoch, since what `START_TIME` shows hangs on the zone of the session. Tags
/// are written by [`SnowflakeClient`](crate::client::SnowflakeClient): `moodbridge;op=…;table=…;id=…`.
const TEXT: &str = "\
SELECT CAST(FLOOR(DATE_PART(EPOCH_SECOND, START_TIME) / 86400) AS NUMBER(38, 0)) AS DAY, \
SPLIT_PART(QUERY_TAG, ';', 2) AS OP, \
CASE WHEN SPLIT_PART(QUERY_TAG, ';', 3) LIKE 'table=%' THEN SPLIT_PART(QUERY_TAG, ';', 3) END AS TABLE_NAME, \
COUNT(*) AS N_STATEMENTS, \
CAST(ROUND(SUM(COALESCE(CREDITS_ATTRIBUTED_COMPUTE, 0) + COALESCE(CREDITS_USED_QUERY_ACCELERATION, 0)) * 1000000) \
AS NUMBER(38, 0)) AS MICROCREDITS \
FROM SNOWFLAKE.ACCOUNT_USAGE.QUERY_ATTRIBUTION_HISTORY \
WHERE START_TIME >= ? AND START_TIME < ? AND QUERY_TAG LIKE 'moodbridge;%' \
GROUP BY 1, 2, 3 ORDER BY 1, 2, 3";

#[async_trait]
impl SpendingView for SnowflakeWarehouse {
    fn lag(&self) -> Duration {
        LAG
    }

    async fn spending(
        &self,
        id: &StatementId,
        from: Timestamp,
        until: Timestamp,
    ) -> Result<Vec<Spending>, PortError> {
        let error =
            |kind| PortError::new(kind, PLATFORM, "read credits", "QUERY_ATTRIBUTION_HISTORY");
        let statement = Statement::new(id.clone(), TEXT)
            .bind(instant(from))
            .bind(instant(until))
            .sent(Sending::Again);
        let Step::Done(Rows { mut rows, .. }) = query(self, &statement, PATIENCE).await? else {
            return Err(error(PortErrorKind::Unavailable)
                .with_source("the warehouse has not answered yet: ask again"));
        };
        let mut found = Vec::new();
        while let Some(row) = rows.try_next().await? {
            found.push(read(&row).ok_or_else(|| {
                error(PortErrorKind::Rejected)
                    .with_source("the answer is not days, operations, tables and credits")
            })?);
        }
        Ok(found)
    }
}

fn instant(at: Timestamp) -> WarehouseValue {
    WarehouseValue::Instant(i128::from(at.as_millis()) * 1_000_000)
}

/// Reads a row; `None` when it is none of the statement.
fn read(row: &[WarehouseValue]) -> Option<Spending> {
    let [day, operation, table, n_statements, microcredits] = row else { return None };
    let WarehouseValue::Text(operation) = operation else { return None };
    let table = match table {
        WarehouseValue::Null => None,
        WarehouseValue::Text(it) => it.strip_prefix("table=").map(str::to_owned),
        _ => return None,
    };
    Some(Spending {
        day: show_day(i32::try_from(day.as_i64()?).ok()?),
        operation: operation.strip_prefix("op=").unwrap_or(operation).to_owned(),
        table,
        n_statements: u64::try_from(n_statements.as_i64()?).ok()?,
        // The share of a statement may be less than nothing by a rounding of the account's.
        microcredits: u64::try_from(microcredits.as_i64()?.max(0)).ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn row_is_read_or_refused() {
        let text = |it: &str| WarehouseValue::Text(it.to_owned());
        let number = |it: i64| WarehouseValue::from(it);
        let row =
            [number(20_780), text("op=load"), text("table=CASES_STAGING"), number(2), number(7)];
        let found = read(&row).unwrap();
        assert_eq!((found.day.as_str(), found.operation.as_str()), ("2026-11-23", "load"));
        assert_eq!(found.table.as_deref(), Some("CASES_STAGING"));
        assert_eq!((found.n_statements, found.microcredits), (2, 7));
        let row =
            [number(20_780), text("op=statement"), WarehouseValue::Null, number(1), number(-1)];
        let found = read(&row).unwrap();
        assert_eq!((found.table, found.microcredits), (None, 0));
        assert_eq!(read(&row[..4]), None);
        assert_eq!(read(&[text("a"), text("b"), text("c"), number(1), number(1)]), None);
    }
}
