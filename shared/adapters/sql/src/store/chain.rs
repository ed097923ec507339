//! Proves the audit log and hands it out as it is stored, on both engines.

use async_trait::async_trait;
use futures_util::TryStreamExt;
use futures_util::stream::BoxStream;
use shared::PortError;
use shared::ports::{AuditChain, AuditVerification, ChainedRow};
use shared::sync::ChainWalk;
use sqlx::{FromRow, Row};

use super::decode::number;
use super::rows::StoredAudit;
use super::{PostgresCaseStore, SqliteCaseStore};

/// Progress is told after so many rows.
const N_ROWS_PER_STEP: u64 = 2_000;

/// Walks along `rows`, which are the whole log in order; calls `progress` with the rows checked so
/// far.
pub(super) async fn walk<R: Row>(
    mut rows: BoxStream<'_, Result<R, sqlx::Error>>,
    progress: &(dyn Fn(u64) + Send + Sync),
) -> Result<AuditVerification, sqlx::Error>
where
    StoredAudit: for<'r> FromRow<'r, R>,
{
    let mut walk = ChainWalk::default();
    while let Some(row) = rows.try_next().await? {
        let fits = match StoredAudit::from_row(&row) {
            Ok(row) => walk.check(&row.columns(), &row.previous_hash, &row.hash),
            Err(cause) => {
                walk.unreadable(&cause);
                false
            }
        };
        if !fits {
            break;
        }
        if walk.n_rows().is_multiple_of(N_ROWS_PER_STEP) {
            progress(walk.n_rows());
        }
    }
    progress(walk.n_rows());
    Ok(walk.finish())
}

macro_rules! audit_chain {
    ($store:ty) => {
        #[async_trait]
        impl AuditChain for $store {
            async fn chained_after(
                &self,
                after: u64,
                limit: u32,
            ) -> Result<Vec<ChainedRow>, PortError> {
                let rows: Vec<StoredAudit> =
                    sqlx::query_as("SELECT * FROM audit WHERE seq > $1 ORDER BY seq LIMIT $2")
                        .bind(number(after))
                        .bind(i64::from(limit))
                        .fetch_all(self.readers())
                        .await
                        .map_err(|cause| Self::read_failed(cause, "copy", "audit"))?;
                Ok(rows.into_iter().map(StoredAudit::chained).collect())
            }
        }
    };
}

audit_chain!(SqliteCaseStore);
audit_chain!(PostgresCaseStore);
