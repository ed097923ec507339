//! What functions in a cloud have logged, searched where the cloud keeps it.

use async_trait::async_trait;
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

use crate::error::PortError;
use crate::ids::{CorrelationId, text_id};
use crate::time::Timestamp;

/// How grave a line is, the least grave first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    /// Every step.
    Trace,
    /// What helps to find a mistake.
    Debug,
    /// What was done.
    Info,
    /// It went on, degraded.
    Warn,
    /// A person must act.
    Error,
}

text_id!(
    /// Text to look for in lines.
    LogText,
    "text to look for: 1 to 200 characters on one line, without control characters",
    |raw| !raw.is_empty() && raw.chars().count() <= 200 && !raw.contains(char::is_control)
);

/// Which lines are wanted; without anything, all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LineFilter {
    /// The least grave level.
    pub least_level: Option<LogLevel>,
    /// Whose work the lines tell of.
    pub correlation_id: Option<CorrelationId>,
    /// What stands in the message or in a field, whatever the case of its ASCII letters.
    pub contains: Option<LogText>,
}

/// What is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogWish {
    /// Lines.
    Lines(LineFilter),
    /// What a query in the cloud's own language finds.
    Query(String),
}

/// A question about logs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogQuestion {
    /// Functions by their names without the deployment's, such as `sync-worker`; empty for all.
    pub functions: Vec<String>,
    /// The first instant.
    pub from: Timestamp,
    /// The last instant; it is not before `from`.
    pub until: Timestamp,
    /// How many lines or rows are told at most; none leaves it to the cloud, or to the query.
    pub limit: Option<u32>,
    /// What is wanted.
    pub wish: LogWish,
}

/// A search that has begun.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BegunSearch {
    /// What the cloud calls it.
    pub id: String,
    /// What is wanted of it.
    pub form: AnswerForm,
}

/// What an answer is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnswerForm {
    /// Lines.
    Lines,
    /// Rows of a query's own fields.
    Rows,
}

/// What a search found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LogAnswer {
    /// The lines or the rows.
    #[serde(flatten)]
    pub found: FoundLogs,
    /// How many lines fit; more than are told when the limit cut them off.
    pub n_matched: u64,
    /// How many bytes were read for it, which is what the cloud bills.
    pub scanned_bytes: u64,
}

/// What was found.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FoundLogs {
    /// Lines, the oldest first.
    Lines(Vec<LogLine>),
    /// Rows in the query's order.
    Rows(Vec<LogRow>),
}

/// A line that a function wrote, or that its platform wrote about it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LogLine {
    /// When.
    pub at: Timestamp,
    /// The function by its name without the deployment's.
    pub function: String,
    /// How grave it is; none when the line does not say, such as the last words of a crash.
    pub level: Option<LogLevel>,
    /// What it says; the whole line when it is no JSON object with a message.
    pub message: String,
    /// Whose work it tells of.
    pub correlation_id: Option<String>,
    /// Every field of a line that is a JSON object, by the names of `docs/LOGGING.md`.
    pub fields: Map<String, Value>,
}

/// A row of a query's own fields, in its order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogRow(pub Vec<(String, String)>);

/// Searches what the functions of one deployment have logged.
///
/// # Contract
///
/// - A search runs by itself once it has begun. It costs what it reads, so a search that nobody
///   waits for must be [stopped](LogSearch::stop).
/// - Lines of the time from the first to the last instant are told, and none that is more than a second
///   outside of it.
/// - Of lines the newest `limit` are told, the oldest of them first.
/// - A line passes when it passes every part of the filter. A line that tells no level passes every
///   least level, for a crash and a call that ran out of time tell none; what the platform itself
///   says about calls that went well passes none.
/// - The text of a filter is text: whatever stands in it, it is neither a pattern nor a part of the
///   query.
#[async_trait]
pub trait LogSearch: Send + Sync {
    /// Begins to search.
    ///
    /// # Errors
    ///
    /// `NotFound` when nothing is kept of a function, with what is there; `Rejected` when a query
    /// cannot be read, with the place; `RateLimited` when too many searches run.
    async fn begin(&self, question: &LogQuestion) -> Result<BegunSearch, PortError>;

    /// Returns what `search` found; none as long as it runs.
    ///
    /// # Errors
    ///
    /// `Rejected` when it was stopped or took too long over there, else as the platform answers.
    async fn answer(&self, search: &BegunSearch) -> Result<Option<LogAnswer>, PortError>;

    /// Stops `search`; one that has ended stays as it is.
    ///
    /// # Errors
    ///
    /// As the platform answers.
    async fn stop(&self, search: &BegunSearch) -> Result<(), PortError>;
}

/// A word that is no level.
#[derive(Debug, thiserror::Error)]
#[error("`{raw}` is no level: write `trace`, `debug`, `info`, `warn` or `error`")]
pub struct InvalidLogLevel {
    raw: String,
}

impl LogLevel {
    /// Every level, the least grave first.
    pub const ALL: [Self; 5] = [Self::Trace, Self::Debug, Self::Info, Self::Warn, Self::Error];

    /// Reads a level in any case.
    ///
    /// # Errors
    ///
    /// [`InvalidLogLevel`] when it is none.
    pub fn parse(raw: &str) -> Result<Self, InvalidLogLevel> {
        let found = Self::ALL.into_iter().find(|it| it.as_str().eq_ignore_ascii_case(raw));
        found.ok_or_else(|| InvalidLogLevel { raw: raw.to_owned() })
    }

    /// Returns it as log lines write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Trace => "TRACE",
            Self::Debug => "DEBUG",
            Self::Info => "INFO",
            Self::Warn => "WARN",
            Self::Error => "ERROR",
        }
    }
}

impl LogLine {
    /// Reads what `function` wrote at `at`: a flat JSON object, or anything else.
    pub fn read(at: Timestamp, function: impl Into<String>, written: &str) -> Self {
        let written = written.trim_end();
        let fields: Map<String, Value> = serde_json::from_str(written).unwrap_or_default();
        let text = |name: &str| fields.get(name).and_then(Value::as_str);
        Self {
            at,
            function: function.into(),
            level: text("level").and_then(|it| LogLevel::parse(it).ok()),
            message: text("message").unwrap_or(written).to_owned(),
            correlation_id: text("correlation.id").map(str::to_owned),
            fields,
        }
    }
}

impl Serialize for LogRow {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut row = serializer.serialize_map(Some(self.0.len()))?;
        for (field, value) in &self.0 {
            row.serialize_entry(field, value)?;
        }
        row.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flat_json_is_taken_apart_and_anything_else_is_the_message() {
        let at = Timestamp::from_millis(1);
        let line = LogLine::read(
            at,
            "sync-worker",
            "{\"level\":\"WARN\",\"message\":\"held back\",\"correlation.id\":\"c-1\",\"n_held\":2}\n",
        );
        assert_eq!((line.level, line.message.as_str()), (Some(LogLevel::Warn), "held back"));
        assert_eq!(line.correlation_id.as_deref(), Some("c-1"));
        assert_eq!(line.fields["n_held"], 2);
        for other in ["panicked at src/main.rs", "[1]", r#"{"level":7,"message":null}"#, ""] {
            let line = LogLine::read(at, "sync-worker", other);
            assert_eq!((line.level, line.message.as_str()), (None, other));
        }
    }

    #[test]
    fn levels_are_read_in_any_case_and_rise() {
        assert!(LogLevel::ALL.is_sorted());
        assert_eq!(LogLevel::parse("Warn").unwrap(), LogLevel::Warn);
        let error = LogLevel::parse("fatal").unwrap_err().to_string();
        assert!(error.contains("`error`"), "{error}");
    }

    #[test]
    fn text_to_look_for_is_one_line() {
        assert!(LogText::parse("said \"no\" | /it/").is_ok());
        for raw in ["", "two\nlines", "\u{7f}", &"x".repeat(201)] {
            assert!(LogText::parse(raw).is_err(), "{raw:?}");
        }
    }

    #[test]
    fn row_keeps_the_order_of_its_fields() {
        let row = LogRow(vec![("z".to_owned(), "1".to_owned()), ("a".to_owned(), "2".to_owned())]);
        assert_eq!(serde_json::to_string(&row).unwrap(), r#"{"z":"1","a":"2"}"#);
    }
}
