//! The shadows: how a list is asked for, and a digest of all of them.

use futures_util::TryStreamExt;
use shared::ports::StoreDigest;
use shared::sync::DigestSum;
use sqlx::PgConnection;

use crate::store::case_store::Many;
use crate::store::rows::DigestedShadow;

/// Lines of a list of shadows.
pub(in crate::store) const MANY: Many = Many {
    lines: "(SELECT place - 1 AS place, line FROM jsonb_array_elements($1::jsonb) \
            WITH ORDINALITY AS lines (line, place)) AS asked",
};

/// Digests every shadow, one at a time. The transaction of `connection` has no time limit.
pub(in crate::store) async fn digest(
    connection: &mut PgConnection,
) -> Result<StoreDigest, sqlx::Error> {
    let mut rows = sqlx::query_as::<_, DigestedShadow>(
        "SELECT connection, object, record_id, is_deleted, fields FROM sync_shadow",
    )
    .fetch(connection);
    let mut sum = DigestSum::default();
    while let Some(row) = rows.try_next().await? {
        row.add_to(&mut sum)?;
    }
    Ok(sum.finish())
}
