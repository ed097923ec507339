//! The views in a PostgreSQL database.

use shared::model::Entity;
use shared::ports::{ColumnKind, FieldColumn, FieldColumns};
use sqlx::migrate::Migrate;
use sqlx::{AssertSqlSafe, Connection, PgConnection, PgExecutor};

use super::{LEDGER_NAME, Note, literal, quoted, view};
use crate::store::table;

/// Spells the statements that make the views.
///
/// PostgreSQL reads no JSON that has a U+0000 in it: it is shown as U+FFFD, so that it stops no
/// query.
fn statements(columns: &FieldColumns) -> Vec<String> {
    let make = |entity| {
        let plain = FieldColumns::plain(entity).map(|it| format!("stored.{}", quoted(it)));
        let fields = columns.of_entity(entity).map(|it| {
            let FieldColumn { field, column } = it;
            format!("{} AS {}", value(field.name(), field.kind()), quoted(column))
        });
        let selected: Vec<String> = plain.chain(fields).collect();
        format!(
            "CREATE VIEW moodbridge.{} AS SELECT {} FROM moodbridge.{} AS stored \
             CROSS JOIN LATERAL (SELECT CASE WHEN strpos(stored.custom::text, '\\u0000') = 0 \
             THEN stored.custom ELSE replace(stored.custom::text, '\\u0000', '\\ufffd')::json END \
             AS fields) AS mapped",
            view(entity),
            selected.join(", "),
            table(entity)
        )
    };
    Entity::ALL.map(make).into()
}

/// A day from year 1 on, whose month may be shorter.
const DAY: &str = "(?!0000)[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])";
/// What follows it in an instant.
const TIME: &str = "T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]([.][0-9]+)?Z";

/// Spells the value of a field: none when it does not fit its kind.
fn value(name: &str, kind: ColumnKind) -> String {
    let name = literal(name);
    let (stored, form) =
        (format!("(mapped.fields ->> {name})"), format!("json_typeof(mapped.fields -> {name})"));
    match kind {
        ColumnKind::Text => stored,
        ColumnKind::Bool => format!("CASE {form} WHEN 'boolean' THEN {stored}::boolean END"),
        ColumnKind::Number => format!("CASE {form} WHEN 'number' THEN {stored}::numeric END"),
        ColumnKind::Date => dated(&stored, DAY, "date"),
        ColumnKind::Datetime => dated(&stored, &format!("{DAY}{TIME}"), "timestamptz"),
    }
}

/// Spells the cast of text that looks like `pattern` and names a day that its month has.
fn dated(stored: &str, pattern: &str, form: &str) -> String {
    format!(
        "CASE WHEN {stored} ~ '^{pattern}$' THEN CASE WHEN substr({stored}, 9, 2)::integer \
         <= extract(day FROM make_date(left({stored}, 4)::integer, substr({stored}, 6, 2)::integer, \
         1) + interval '1 month' - interval '1 day') THEN {stored}::{form} END END"
    )
}

/// Shows `columns` and no others; tells whether anything was to be done.
///
/// One process at a time does, and none while tables are migrated. Whoever may read the views still
/// may afterwards.
///
/// # Errors
///
/// As PostgreSQL answers; then nothing is changed. A connection that is given up meanwhile may keep
/// the lock until it is closed.
pub(crate) async fn publish(
    connection: &mut PgConnection,
    columns: &FieldColumns,
) -> Result<bool, sqlx::Error> {
    if is_shown(&mut *connection, columns).await? {
        return Ok(false);
    }
    connection.lock().await.map_err(plain_error)?;
    let made = make(connection, columns).await;
    connection.unlock().await.map_err(plain_error)?;
    made
}

fn plain_error(error: sqlx::migrate::MigrateError) -> sqlx::Error {
    match error {
        sqlx::migrate::MigrateError::Execute(cause) => cause,
        other => sqlx::Error::Migrate(Box::new(other)),
    }
}

async fn make(connection: &mut PgConnection, columns: &FieldColumns) -> Result<bool, sqlx::Error> {
    let mut transaction = connection.begin().await?;
    // Another may have been faster.
    if is_shown(&mut *transaction, columns).await? {
        return Ok(false);
    }
    let grants = grants(&mut transaction).await?;
    drop_all(&mut transaction).await?;
    let statements = statements(columns);
    let note = Note::of(columns, &statements);
    for statement in statements.into_iter().chain(grants) {
        // The text is made of names that are quoted.
        sqlx::query(AssertSqlSafe(statement)).execute(&mut *transaction).await?;
    }
    sqlx::query(
        "INSERT INTO moodbridge.ledger AS stored (name, value, revision) VALUES ($1, $2, 1) \
         ON CONFLICT (name) DO UPDATE SET value = excluded.value, revision = stored.revision + 1",
    )
    .bind(LEDGER_NAME)
    .bind(note.text()?)
    .execute(&mut *transaction)
    .await?;
    transaction.commit().await?;
    Ok(true)
}

/// Spells who may read the views, besides their owner.
async fn grants(connection: &mut PgConnection) -> Result<Vec<String>, sqlx::Error> {
    sqlx::query_scalar(
        "SELECT format('GRANT SELECT ON moodbridge.%I TO %s', views.relname, \
             CASE entry.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(roles.rolname) END) \
         FROM pg_class AS views CROSS JOIN aclexplode(views.relacl) AS entry \
         LEFT JOIN pg_roles AS roles ON roles.oid = entry.grantee \
         WHERE views.relnamespace = 'moodbridge'::regnamespace AND views.relkind = 'v' \
         AND views.relname IN ('account_fields', 'contact_fields', 'case_fields') \
         AND entry.privilege_type = 'SELECT' AND entry.grantee <> views.relowner \
         AND (entry.grantee = 0 OR roles.rolname IS NOT NULL) ORDER BY 1",
    )
    .fetch_all(connection)
    .await
}

/// Drops the views, unless somebody reads them for long or has built others on them.
async fn drop_all(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    sqlx::query("SET LOCAL lock_timeout = '5s'").execute(&mut *connection).await?;
    for entity in Entity::ALL {
        let sql = format!("DROP VIEW IF EXISTS moodbridge.{}", view(entity));
        sqlx::query(AssertSqlSafe(sql)).execute(&mut *connection).await?;
    }
    Ok(())
}

/// Tells whether the views stand and show `columns`.
///
/// # Errors
///
/// As PostgreSQL answers.
pub(crate) async fn is_shown<'e>(
    connection: impl PgExecutor<'e>,
    columns: &FieldColumns,
) -> Result<bool, sqlx::Error> {
    let row: Option<(String, i64)> = sqlx::query_as(
        "SELECT value, (SELECT count(*) FROM pg_class \
             WHERE relnamespace = 'moodbridge'::regnamespace AND relkind = 'v' \
             AND relname IN ('account_fields', 'contact_fields', 'case_fields')) \
         FROM moodbridge.ledger WHERE name = $1",
    )
    .bind(LEDGER_NAME)
    .fetch_optional(connection)
    .await?;
    let wanted = Note::of(columns, &statements(columns)).text()?;
    Ok(row.is_some_and(|(noted, n_views)| noted == wanted && n_views == 3))
}

/// Returns what is shown.
///
/// # Errors
///
/// As PostgreSQL answers, or when the note was altered.
pub(crate) async fn published<'e>(
    connection: impl PgExecutor<'e>,
) -> Result<FieldColumns, sqlx::Error> {
    let noted: Option<String> =
        sqlx::query_scalar("SELECT value FROM moodbridge.ledger WHERE name = $1")
            .bind(LEDGER_NAME)
            .fetch_optional(connection)
            .await?;
    noted.map_or_else(|| Ok(FieldColumns::default()), |it| Ok(Note::read(&it)?.columns))
}

/// What [`put_up`] needs to know of the views that were taken down: who may read them.
#[derive(Debug, Default)]
pub(crate) struct TakenDown {
    grants: Vec<String>,
}

/// Removes the views, so that the tables below them can change. Views that cannot be removed stay:
/// most changes do not mind them.
///
/// # Errors
///
/// As PostgreSQL answers when nothing works at all.
pub(crate) async fn take_down(connection: &mut PgConnection) -> Result<TakenDown, sqlx::Error> {
    let has_schema: bool = sqlx::query_scalar("SELECT to_regnamespace('moodbridge') IS NOT NULL")
        .fetch_one(&mut *connection)
        .await?;
    if !has_schema {
        return Ok(TakenDown::default());
    }
    let mut transaction = connection.begin().await?;
    let grants = grants(&mut transaction).await?;
    match drop_all(&mut transaction).await {
        Ok(()) => transaction.commit().await?,
        Err(error) => {
            tracing::warn!(error = %shared::chain(&error),
                "views of custom fields stay while tables are migrated: they cannot be removed");
            transaction.rollback().await?;
        }
    }
    Ok(TakenDown { grants })
}

/// Makes the views again that [`take_down`] removed, when there were any.
///
/// # Errors
///
/// As PostgreSQL answers.
pub(crate) async fn put_up(
    connection: &mut PgConnection,
    taken_down: TakenDown,
) -> Result<(), sqlx::Error> {
    let has_ledger: bool =
        sqlx::query_scalar("SELECT to_regclass('moodbridge.ledger') IS NOT NULL")
            .fetch_one(&mut *connection)
            .await?;
    if !has_ledger {
        return Ok(());
    }
    let noted: Option<String> =
        sqlx::query_scalar("SELECT value FROM moodbridge.ledger WHERE name = $1")
            .bind(LEDGER_NAME)
            .fetch_optional(&mut *connection)
            .await?;
    let Some(noted) = noted else { return Ok(()) };
    if publish(connection, &Note::read(&noted)?.columns).await? {
        for grant in taken_down.grants {
            sqlx::query(AssertSqlSafe(grant)).execute(&mut *connection).await?;
        }
    }
    Ok(())
}
