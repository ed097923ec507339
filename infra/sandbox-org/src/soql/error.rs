//! Why a query was refused, in the platform's words.

/// A refused query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SoqlError {
    /// The platform's code.
    pub(crate) code: &'static str,
    /// What a person reads: an excerpt, the place, the reason.
    pub(crate) message: String,
}

impl SoqlError {
    /// A refusal that points at the character `at` of `query`.
    pub(super) fn at(code: &'static str, query: &str, at: usize, reason: &str) -> Self {
        let at = floor(query, at);
        let before = query.get(..at).unwrap_or_default();
        let row = before.matches('\n').count() + 1;
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let column = before.get(line_start..).unwrap_or_default().chars().count() + 1;
        let from = floor(query, at.saturating_sub(32).max(line_start));
        let shown: String = query
            .get(from..)
            .unwrap_or_default()
            .lines()
            .next()
            .unwrap_or_default()
            .chars()
            .take(60)
            .collect();
        let indent = query.get(from..at).unwrap_or_default().chars().count();
        let message =
            format!("\n{shown}\n{:indent$}^\nERROR at Row:{row}:Column:{column}\n{reason}", "");
        Self { code, message }
    }

    /// A refusal of the whole query.
    pub(super) fn whole(code: &'static str, reason: impl Into<String>) -> Self {
        Self { code, message: reason.into() }
    }
}

/// Moves back to the beginning of a character.
fn floor(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}
