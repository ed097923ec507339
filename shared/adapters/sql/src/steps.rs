//! Brings tables to a named version, up or down.

use sqlx::migrate::{Migrate, MigrateError, Migrator};

/// Applies what is missing up to `version`, and undoes what is beyond it.
///
/// # Errors
///
/// `VersionNotPresent` when no migration has that number (0 is before the first), or when one that
/// must be undone cannot be.
pub(crate) async fn move_to<C: Migrate>(
    migrator: &Migrator,
    connection: &mut C,
    version: i64,
) -> Result<(), MigrateError> {
    if version != 0 && !migrator.version_exists(version) {
        return Err(MigrateError::VersionNotPresent(version));
    }
    migrator.run_direct(Some(version), connection, false).await?;
    let table_name = migrator.table_name.as_ref();
    connection.lock().await?;
    let mut applied = connection.list_applied_migrations(table_name).await?;
    applied.sort_by_key(|it| std::cmp::Reverse(it.version));
    for beyond in applied.into_iter().filter(|it| it.version > version) {
        let mut known = migrator.iter();
        let undoing =
            known.find(|it| it.version == beyond.version && it.migration_type.is_down_migration());
        let undoing = undoing.ok_or(MigrateError::VersionNotPresent(beyond.version))?;
        connection.revert(table_name, undoing).await?;
    }
    connection.unlock().await
}
