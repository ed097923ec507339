//! Faults of the engine, in words that say what was meant.

use std::sync::Arc;

use datafusion::common::{DataFusionError, SchemaError};
use datafusion::execution::session_state::SessionState;
use shared::config::nearest;
use shared::etl::no_such_name;
use shared::queries::QueryError;

use super::reader::Meter;

/// Functions that are left out because they would give another value each time, and what to write.
const TIMES: &[&str] =
    &["now", "current_date", "current_time", "current_timestamp", "today", "localtimestamp"];

/// What the engine says when it has put as much aside as it may.
const NO_ROOM: &str = "used disk space during the spilling process has exceeded";

/// Says why a statement cannot be planned.
pub(super) fn unplanned(error: &DataFusionError, state: &SessionState) -> QueryError {
    if let DataFusionError::SchemaError(schema, _) = error.find_root()
        && let SchemaError::FieldNotFound { field, valid_fields } = &**schema
    {
        let known: Vec<&str> = valid_fields.iter().map(|it| it.name.as_str()).collect();
        return QueryError::Invalid(no_such_name("column", &field.name, &known));
    }
    let text = error.strip_backtrace();
    if let Some((_, rest)) = text.split_once("Invalid function '")
        && let Some((name, _)) = rest.split_once('\'')
    {
        return QueryError::Invalid(no_such_function(name, state));
    }
    if let DataFusionError::ResourcesExhausted(_) = error.find_root() {
        return QueryError::TooLarge(Arc::from(Box::<dyn std::error::Error + Send + Sync>::from(
            text,
        )));
    }
    QueryError::Invalid(first_line(&text))
}

fn no_such_function(name: &str, state: &SessionState) -> String {
    let small = name.to_lowercase();
    if TIMES.contains(&small.as_str()) {
        return format!(
            "there is no function `{name}`: the same question must have the same answer; name the day by a parameter"
        );
    }
    let scalar = state.scalar_functions().keys();
    let known = scalar.chain(state.aggregate_functions().keys());
    let known: Vec<&str> =
        known.chain(state.window_functions().keys()).map(String::as_str).collect();
    match nearest(&small, &known) {
        Some(meant) => format!("there is no function `{name}`: did you mean `{meant}`?"),
        None => format!("there is no function `{name}`"),
    }
}

/// Says why working it out failed. Where something is hidden from the asker, no value is told: it could
/// be one of a row that is hidden.
pub(super) fn failed(error: &DataFusionError, meter: &Meter, hides: bool) -> QueryError {
    if let Some(error) = meter.take_failure() {
        return error.into();
    }
    let too_large = |text: &str| {
        let cause: Box<dyn std::error::Error + Send + Sync> = text.into();
        QueryError::TooLarge(Arc::from(cause))
    };
    match error.find_root() {
        DataFusionError::ResourcesExhausted(text) => too_large(text),
        root if root.to_string().contains(NO_ROOM) => {
            too_large("there is no more room on disk for it")
        }
        _ if hides => QueryError::Failed("a value cannot be worked out".to_owned()),
        root => QueryError::Failed(first_line(&root.strip_backtrace())),
    }
}

fn first_line(text: &str) -> String {
    let text = text.lines().next().unwrap_or_default();
    let prefixes = [
        "Error during planning: ",
        "type_coercion",
        "Execution error: ",
        "Arrow error: ",
        "This feature is not implemented: ",
    ];
    let text = prefixes.iter().fold(text, |text, it| text.strip_prefix(it).unwrap_or(text));
    if text.is_empty() { "it cannot be worked out".to_owned() } else { text.to_owned() }
}
