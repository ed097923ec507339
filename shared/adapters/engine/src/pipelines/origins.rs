//! Rows as their source had them, for those that are rejected: a person puts them right and sends
//! them again.

use serde_json::{Map, Value};

/// The rows of one portion, by the line they stand in.
#[derive(Default)]
pub(super) struct Origins {
    /// The names that the source has for the columns.
    names: Vec<String>,
    text: String,
    /// Where each value ends in `text`; of a missing one `None`.
    ends: Vec<Option<usize>>,
    rows: Vec<Origin>,
}

/// One row.
struct Origin {
    line: u64,
    /// Where its text and its values begin.
    begin: (usize, usize),
    /// Whether its values are those of the columns, in order.
    is_whole: bool,
}

impl Origins {
    /// Begins with columns that are called `names` in the source.
    pub(super) fn of(names: Vec<String>) -> Self {
        Self { names, ..Self::default() }
    }

    /// Begins the next portion.
    pub(super) fn take(&mut self) -> Self {
        let next = Self::of(self.names.clone());
        std::mem::replace(self, next)
    }

    /// Keeps a row: a value for each column, in order.
    pub(super) fn keep<'a>(&mut self, line: u64, values: impl Iterator<Item = Option<&'a str>>) {
        self.add(line, values, true);
    }

    /// Keeps what is no row: its values fit no columns.
    pub(super) fn keep_broken<'a>(&mut self, line: u64, values: impl Iterator<Item = &'a str>) {
        self.add(line, values.map(Some), false);
    }

    fn add<'a>(
        &mut self,
        line: u64,
        values: impl Iterator<Item = Option<&'a str>>,
        is_whole: bool,
    ) {
        let begin = (self.text.len(), self.ends.len());
        self.rows.push(Origin { line, begin, is_whole });
        for value in values {
            self.text.push_str(value.unwrap_or_default());
            self.ends.push(value.map(|_| self.text.len()));
        }
    }

    /// Returns the row of `line` as JSON: an object of its values by column, or a list of them where
    /// they fit no columns. `None` when it was not kept.
    pub(super) fn row(&self, line: u64) -> Option<String> {
        let place = self.rows.binary_search_by_key(&line, |it| it.line).ok()?;
        let Origin { begin, is_whole, .. } = self.rows.get(place)?;
        let end = self.rows.get(place + 1).map_or(self.ends.len(), |it| it.begin.1);
        let mut from = begin.0;
        let values = self.ends.get(begin.1..end)?.iter().map(|end| match end {
            Some(end) => {
                let value = self.text.get(from..*end).unwrap_or_default();
                from = *end;
                Value::from(value)
            }
            None => Value::Null,
        });
        let row = match is_whole {
            true => Value::Object(self.names.iter().cloned().zip(values).collect::<Map<_, _>>()),
            false => Value::Array(values.collect()),
        };
        Some(row.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn row_is_found_by_its_line_as_it_was() {
        let mut origins = Origins::of(vec!["Id".to_owned(), "n".to_owned()]);
        origins.keep(2, [Some("a"), Some("")].into_iter());
        origins.keep_broken(3, ["x", "y", "z"].into_iter());
        origins.keep(7, [None, Some("ü\"")].into_iter());
        let taken = origins.take();
        assert_eq!(taken.row(2).as_deref(), Some(r#"{"Id":"a","n":""}"#));
        assert_eq!(taken.row(3).as_deref(), Some(r#"["x","y","z"]"#));
        assert_eq!(taken.row(7).as_deref(), Some(r#"{"Id":null,"n":"ü\""}"#));
        assert_eq!(taken.row(4), None);
        assert_eq!(origins.row(2), None);
    }
}
