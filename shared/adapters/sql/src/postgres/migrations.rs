//! Brings tables up to date. Each adapter has a schema of its own, with its own list of migrations,
//! so that several may share a database.

use sqlx::migrate::{Migrate, MigrateError, Migrator};
use sqlx::{AssertSqlSafe, Connection, PgConnection};

use super::error::PostgresOpenError;
use super::options::PostgresOptions;
use super::pool::{connect_alone, unreachable};
use crate::database::MigrationPolicy;
use crate::field_views::postgres as field_views;

/// The migrations of one schema.
#[derive(Debug)]
pub(crate) struct Tables {
    migrator: Migrator,
    has_field_views: bool,
}

impl Tables {
    /// Takes the migrations that make the tables of `schema`; they must name it themselves.
    pub(crate) fn new(schema: &'static str, mut migrator: Migrator) -> Self {
        migrator.create_schema(schema);
        migrator.dangerous_set_table_name(format!("{schema}.migration"));
        Self { migrator, has_field_views: false }
    }

    /// Says that views of custom fields stand on these tables.
    #[must_use]
    pub(crate) fn with_field_views(self) -> Self {
        Self { has_field_views: true, ..self }
    }

    /// Has `moving` done while no view of custom fields stands on the tables.
    async fn without_views<T>(
        &self,
        connection: &mut PgConnection,
        moving: impl AsyncFnOnce(&mut PgConnection) -> Result<T, MigrateError>,
    ) -> Result<T, MigrateError> {
        if !self.has_field_views {
            return moving(connection).await;
        }
        let taken_down = field_views::take_down(connection).await?;
        let moved = moving(connection).await;
        // Tables of an older version are for an older build, which knows no views or makes its own.
        if matches!(count(connection, self).await, Ok(0))
            && let Err(error) = field_views::put_up(connection, taken_down).await
        {
            tracing::warn!(error = %shared::chain(&error),
                "views of custom fields were not made again: the next start makes them");
        }
        moved
    }
}

/// Applies what is pending, one process at a time, or refuses what is outdated. Where nothing is
/// pending nothing is changed, so a user without the right to make tables can open them.
pub(super) async fn bring_up_to_date(
    options: &PostgresOptions,
    tables: &Tables,
    policy: MigrationPolicy,
) -> Result<(), PostgresOpenError> {
    let mut connection = connect_alone(options).await?;
    let n_pending = count(&mut connection, tables).await.map_err(|it| failed(options, it))?;
    match policy {
        _ if n_pending == 0 => {}
        MigrationPolicy::Check => {
            let address = options.address().to_owned();
            return Err(PostgresOpenError::Outdated { address, n_pending });
        }
        // The library takes an advisory lock, which goes with the connection.
        MigrationPolicy::Apply => {
            let migrator = &tables.migrator;
            let run = tables.without_views(&mut connection, async |connection| {
                migrator.run_direct(None, connection, false).await
            });
            run.await.map_err(|it| failed(options, it))?;
        }
    }
    connection.close().await.map_err(|source| unreachable(options, source))
}

/// Brings `tables` to `version`, up or down.
///
/// # Errors
///
/// See [`PostgresOpenError`].
pub(crate) async fn move_to(
    options: &PostgresOptions,
    tables: &Tables,
    version: i64,
) -> Result<(), PostgresOpenError> {
    let mut connection = connect_alone(options).await?;
    let moved = tables.without_views(&mut connection, async |connection| {
        crate::steps::move_to(&tables.migrator, connection, version).await
    });
    moved.await.map_err(|it| failed(options, it))?;
    connection.close().await.map_err(|source| unreachable(options, source))
}

async fn count(connection: &mut PgConnection, tables: &Tables) -> Result<usize, MigrateError> {
    let migrator = &tables.migrator;
    let table_name = migrator.table_name.as_ref();
    let is_known: bool = sqlx::query_scalar("SELECT to_regclass($1) IS NOT NULL")
        .bind(table_name)
        .fetch_one(&mut *connection)
        .await?;
    if !is_known {
        return Ok(crate::database::n_known(migrator));
    }
    if let Some(version) = connection.dirty_version(table_name).await? {
        return Err(MigrateError::Dirty(version));
    }
    let sql = format!("SELECT version, checksum FROM {table_name}");
    let applied: Vec<(i64, Vec<u8>)> =
        sqlx::query_as(AssertSqlSafe(sql)).fetch_all(connection).await?;
    crate::database::n_pending(migrator, &applied)
}

fn failed(options: &PostgresOptions, source: MigrateError) -> PostgresOpenError {
    PostgresOpenError::NotMigrated { address: options.address().to_owned(), source }
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use sqlx::migrate::{Migration, MigrationType};
    use sqlx::{SqlSafeStr, SqlStr};

    use super::*;
    use crate::postgres::open;
    use crate::testkit::FreshDatabase;

    fn tables(schema: &'static str, n_migrations: i64) -> Tables {
        let sql = |version| -> SqlStr {
            AssertSqlSafe(format!("CREATE TABLE {schema}.table_{version} (id int)")).into_sql_str()
        };
        let migration = |version| {
            let name = Cow::Borrowed("table");
            Migration::new(version, name, MigrationType::Simple, sql(version), false)
        };
        let migrations = (1..=n_migrations).map(migration).collect();
        Tables::new(schema, Migrator::with_migrations(migrations))
    }

    #[tokio::test]
    async fn check_of_older_tables_says_which_command_to_run_and_changes_nothing() {
        let Some(database) = FreshDatabase::create().await else { return };
        let options = database.options();
        for n_applied in [0, 1] {
            let checked = open(&options, &tables("a", 2), MigrationPolicy::Check).await;

            let error = checked.unwrap_err();
            let n_missing = usize::try_from(2 - n_applied).unwrap();
            assert!(
                matches!(error, PostgresOpenError::Outdated { n_pending, .. } if n_pending == n_missing),
                "{error}"
            );
            assert!(error.to_string().contains("`moodbridge db migrate`"), "{error}");
            open(&options, &tables("a", n_applied + 1), MigrationPolicy::Apply).await.unwrap();
        }
        open(&options, &tables("a", 2), MigrationPolicy::Check).await.unwrap();
    }

    #[tokio::test]
    async fn tables_of_a_newer_build_are_refused() {
        let Some(database) = FreshDatabase::create().await else { return };
        let options = database.options();
        open(&options, &tables("a", 2), MigrationPolicy::Apply).await.unwrap();

        for policy in [MigrationPolicy::Apply, MigrationPolicy::Check] {
            let opened = open(&options, &tables("a", 1), policy).await;
            assert!(matches!(opened, Err(PostgresOpenError::NotMigrated { .. })), "{policy:?}");
        }
    }

    #[tokio::test]
    async fn many_openers_at_once_migrate_once_and_schemas_do_not_mix() {
        let Some(database) = FreshDatabase::create().await else { return };
        let options = database.options();
        let (one, other) = (tables("a", 3), tables("b", 2));

        let opens = (0..8).map(|it| {
            let tables = if it % 2 == 0 { &one } else { &other };
            open(&options, tables, MigrationPolicy::Apply)
        });
        for opened in futures_util::future::join_all(opens).await {
            opened.unwrap();
        }

        open(&options, &one, MigrationPolicy::Check).await.unwrap();
        open(&options, &other, MigrationPolicy::Check).await.unwrap();
    }

    #[tokio::test]
    async fn user_without_the_right_to_make_tables_opens_current_ones() {
        let Some(database) = FreshDatabase::create().await else { return };
        open(&database.options(), &tables("a", 1), MigrationPolicy::Apply).await.unwrap();
        let user = database.role("GRANT USAGE ON SCHEMA a TO {role}; GRANT SELECT ON ALL TABLES IN SCHEMA a TO {role}").await;
        let mut address = database.address();
        address.set_username(&user).unwrap();
        let options = PostgresOptions::parse(&address, None).unwrap();

        open(&options, &tables("a", 1), MigrationPolicy::Apply).await.unwrap();

        let error = open(&options, &tables("a", 2), MigrationPolicy::Apply).await.unwrap_err();
        assert!(matches!(error, PostgresOpenError::NotMigrated { .. }), "{error}");
    }

    #[tokio::test]
    async fn database_that_does_not_answer_is_named() {
        let Some(database) = FreshDatabase::create().await else { return };
        let mut address = database.address();
        address.set_path("missing");
        let options = PostgresOptions::parse(&address, None).unwrap();

        let error = open(&options, &tables("a", 1), MigrationPolicy::Apply).await.unwrap_err();

        assert!(matches!(error, PostgresOpenError::Unreachable { .. }), "{error}");
        assert!(error.to_string().contains("/missing"), "{error}");
    }
}
