//! Proves the audit log, whichever engine hands its rows out.

use futures_util::TryStreamExt;
use futures_util::stream::BoxStream;
use shared::ports::AuditVerification;
use shared::sync::ChainWalk;
use sqlx::{FromRow, Row};

use super::rows::StoredAudit;

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
