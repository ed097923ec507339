//! What PostgreSQL says of rows that it does not take, without their values.

use shared::ports::TableError;
use sqlx::postgres::PgDatabaseError;

use crate::postgres::port_error;

/// Says what a failed statement means to whoever wrote the pipeline.
///
/// What rows cause is told with the column or the constraint, never with the value: the message stands in
/// logs and journals.
pub(super) fn fault(cause: sqlx::Error, operation: &'static str, subject: &str) -> TableError {
    let told = cause.as_database_error().and_then(|it| it.try_downcast_ref::<PgDatabaseError>());
    match told.and_then(text_of) {
        Some(text) => TableError::Unfit(text),
        None => port_error(cause, operation, subject).into(),
    }
}

fn text_of(error: &PgDatabaseError) -> Option<String> {
    let code = error.code();
    // Source: PostgreSQL manual, appendix A, "PostgreSQL Error Codes".
    Some(match code {
        "23502" => format!(
            "the column `{}` takes no row without a value: fill it by a step, or check it by a rule \
             `not_null`",
            error.column().unwrap_or_default()
        ),
        _ if code.starts_with("23") => format!(
            "a row breaks the constraint `{}`: check it by a rule, so that the row is put aside",
            error.constraint().unwrap_or_default()
        ),
        _ if code.starts_with("22") => match error.r#where().and_then(column_of) {
            Some(column) => format!(
                "the column `{column}` does not take a value (SQLSTATE {code}): check it by a rule, so \
                 that the row is put aside"
            ),
            None => format!("a value is not taken (SQLSTATE {code})"),
        },
        "42501" => "the role has no right to it: see which rights a pipeline needs".to_owned(),
        "42P10" => return None,
        "3F000" => "there is no such schema: make it, or name another".to_owned(),
        _ => return None,
    })
}

/// Finds the column in what PostgreSQL tells of a COPY: `COPY t, line 3, column fee: "abc"`.
fn column_of(place: &str) -> Option<&str> {
    let first = place.lines().next()?;
    let (_, rest) = first.split_once(", column ")?;
    Some(rest.split_once(": \"").map_or(rest, |it| it.0).trim_end_matches(": null input"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn column_is_told_and_its_value_is_not() {
        assert_eq!(column_of("COPY x, line 3, column fee: \"a: \"b\""), Some("fee"));
        assert_eq!(column_of("COPY x, line 3, column fee: null input"), Some("fee"));
        assert_eq!(column_of("COPY x, line 3: \"a\tb\""), None);
    }
}
