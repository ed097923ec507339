//! The columns that a table has, and whether they hold what a pipeline gives.

use shared::etl::{ColumnKind, DatabaseTable, PlannedColumn, no_such_name};
use shared::ports::TableError;
use sqlx::{PgConnection, Row as _};

use crate::postgres::port_error;

/// A column of a table.
#[derive(Clone, Debug)]
pub(super) struct Column {
    pub(super) name: String,
    /// Its type as PostgreSQL writes it, such as `numeric(12,2)`.
    pub(super) kind: String,
    /// The category of the type. Source: PostgreSQL manual, `pg_type.typcategory`.
    category: String,
}

/// Reads the columns of `table`; `None` when there is no such table.
pub(super) async fn columns_of(
    connection: &mut PgConnection,
    table: &DatabaseTable,
) -> Result<Option<Vec<Column>>, TableError> {
    let rows = sqlx::query(
        "SELECT a.attname::text, format_type(a.atttypid, a.atttypmod), t.typcategory::text \
         FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
         JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped \
         JOIN pg_type t ON t.oid = a.atttypid \
         WHERE n.nspname = $1 AND c.relname = $2 AND c.relkind IN ('r', 'p', 'v', 'm', 'f') \
         ORDER BY a.attnum",
    )
    .bind(&table.schema)
    .bind(&table.name)
    .fetch_all(connection)
    .await
    .map_err(|cause| port_error(cause, "describe", &table.to_string()))?;
    let columns: Vec<Column> = rows
        .iter()
        .map(|row| Column { name: row.get(0), kind: row.get(1), category: row.get(2) })
        .collect();
    Ok((!columns.is_empty()).then_some(columns))
}

/// Finds the columns `names` among those that there are.
///
/// # Errors
///
/// Which is not there, and which was probably meant.
pub(super) fn find(all: &[Column], names: &[String]) -> Result<Vec<Column>, TableError> {
    let find = |name: &String| {
        all.iter().find(|it| it.name == *name).cloned().ok_or_else(|| {
            let known: Vec<&str> = all.iter().map(|it| it.name.as_str()).collect();
            TableError::Unfit(no_such_name("column", name, &known))
        })
    };
    names.iter().map(find).collect()
}

impl Column {
    /// Writes its value as text, as [`TableRows::next`](shared::ports::TableRows::next) promises.
    pub(super) fn as_text(&self) -> String {
        let name = super::quoted(&self.name);
        match self.kind.as_str() {
            it if it.starts_with("timestamp") => {
                // With a zone it becomes what it is in UTC, without one it is that already.
                let utc = if it.ends_with("with time zone") {
                    format!("({name} AT TIME ZONE 'UTC')")
                } else {
                    name.clone()
                };
                format!(
                    "CASE WHEN isfinite({name}) AND extract(year FROM {utc}) BETWEEN 1 AND 9999 \
                     THEN to_char({utc}, 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"') ELSE {name}::text END"
                )
            }
            _ => format!("{name}::text"),
        }
    }

    /// Writes its value as what can be compared.
    pub(super) fn as_comparable(&self, before: &str) -> String {
        let name = format!("{before}.{}", super::quoted(&self.name));
        // These have no equality.
        if matches!(self.kind.as_str(), "json" | "xml") { format!("{name}::text") } else { name }
    }

    /// Checks that it holds every value of `planned` as it is, or refuses it.
    ///
    /// # Errors
    ///
    /// That it would round or cut values, or be given values of another kind.
    pub(super) fn check(&self, planned: &PlannedColumn) -> Result<(), TableError> {
        let kind = self.kind.as_str();
        let is_fit = match planned.kind {
            // Those cut text without a word, or fill it up with blanks.
            ColumnKind::Text if matches!(kind, "name" | "\"char\"") => false,
            ColumnKind::Text if kind.starts_with("character(") => false,
            ColumnKind::Text => matches!(self.category.as_str(), "S" | "E" | "U"),
            ColumnKind::Bool => kind == "boolean",
            ColumnKind::Long => {
                matches!(kind, "bigint" | "integer" | "smallint")
                    || scale(kind).is_some_and(|it| it >= 0)
            }
            ColumnKind::Float => kind == "double precision",
            ColumnKind::Decimal { scale: ours, .. } => {
                scale(kind).is_some_and(|theirs| theirs >= i32::from(ours))
            }
            ColumnKind::Date => kind == "date",
            ColumnKind::Instant => kind.starts_with("timestamp") && digits(kind) >= 3,
        };
        if is_fit {
            return Ok(());
        }
        Err(TableError::Unfit(format!(
            "the column `{}` is `{kind}` there and `{}` here, and values would be changed or refused: \
             convert it by a step, or make the column {}",
            self.name,
            planned.kind,
            type_of(planned.kind)
        )))
    }
}

/// Digits behind the point of a `numeric`, as many as one may ask for when nothing limits them; `None` of
/// another type.
fn scale(kind: &str) -> Option<i32> {
    let rest = kind.strip_prefix("numeric")?;
    match rest.strip_prefix('(').and_then(|it| it.strip_suffix(')')) {
        None => rest.is_empty().then_some(i32::MAX),
        Some(digits) => digits.split_once(',').map_or("0", |it| it.1).trim().parse().ok(),
    }
}

/// Digits behind the second of a `timestamp`.
fn digits(kind: &str) -> u32 {
    let digits = kind.split_once('(').and_then(|it| it.1.split_once(')'));
    // Source: PostgreSQL manual, "Date/Time Types": six when none are named.
    digits.and_then(|it| it.0.parse().ok()).unwrap_or(6)
}

/// Returns the type of a column that holds every value of `kind`.
pub(super) fn type_of(kind: ColumnKind) -> String {
    match kind {
        ColumnKind::Text => "text".to_owned(),
        ColumnKind::Bool => "boolean".to_owned(),
        ColumnKind::Long => "bigint".to_owned(),
        ColumnKind::Float => "double precision".to_owned(),
        ColumnKind::Decimal { precision, scale } => format!("numeric({precision},{scale})"),
        ColumnKind::Date => "date".to_owned(),
        ColumnKind::Instant => "timestamp with time zone".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_taken(kind: &str, category: &str, planned: &str) -> bool {
        let (kind, category) = (kind.to_owned(), category.to_owned());
        let column = Column { name: "a".to_owned(), kind, category };
        let kind = ColumnKind::parse(planned).unwrap();
        column.check(&PlannedColumn { name: "a".to_owned(), kind }).is_ok()
    }

    #[test]
    fn what_would_round_or_cut_is_refused() {
        for (kind, category, planned, is_fit) in [
            ("numeric(12,2)", "N", "decimal(10,2)", true),
            ("numeric", "N", "decimal(38,10)", true),
            ("numeric(12,2)", "N", "decimal(10,3)", false),
            ("numeric(12)", "N", "decimal(10,1)", false),
            ("numeric(12)", "N", "long", true),
            ("numeric(5,-2)", "N", "long", false),
            ("real", "N", "float", false),
            ("double precision", "N", "float", true),
            ("double precision", "N", "decimal(5,2)", false),
            ("smallint", "N", "long", true),
            ("timestamp with time zone", "D", "instant", true),
            ("timestamp(0) without time zone", "D", "instant", false),
            ("timestamp(3) without time zone", "D", "instant", true),
            ("date", "D", "instant", false),
            ("date", "D", "date", true),
            ("date", "D", "text", false),
            ("uuid", "U", "text", true),
            ("character varying(10)", "S", "text", true),
            ("integer", "N", "text", false),
            ("name", "S", "text", false),
            ("character(10)", "S", "text", false),
        ] {
            assert_eq!(is_taken(kind, category, planned), is_fit, "{planned} into {kind}");
        }
    }
}
