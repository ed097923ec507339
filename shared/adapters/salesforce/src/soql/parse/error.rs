//! Where a text stops being SOQL, and why.

/// Text that is not SOQL, or SOQL that is not read here.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("query at row {row}, column {column}: {reason}")]
pub struct ParseError {
    /// Line of the text, from 1.
    pub row: usize,
    /// Character of the line, from 1.
    pub column: usize,
    /// What was met there and what was wanted instead.
    pub reason: String,
}

impl ParseError {
    /// Points at the byte `at` of `text`.
    pub(super) fn at(text: &str, at: usize, reason: String) -> Self {
        let before = text.get(..at).unwrap_or(text);
        let line = before.rsplit('\n').next().unwrap_or_default();
        Self { row: before.matches('\n').count() + 1, column: line.chars().count() + 1, reason }
    }
}
