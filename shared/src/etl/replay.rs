//! Rows that a person put right, to go through a pipeline again.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::fault::no_such_name;
use super::pipeline::Pipeline;

/// The most rows of a replay.
pub const MAX_REPLAYED_ROWS: usize = 1_000;
/// The longest replay, in bytes of JSON.
pub const MAX_REPLAYED_BYTES: usize = 524_288;

/// A row to go through a pipeline again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplayRow {
    /// Where the row stood in the source, as its reject says.
    pub line: u64,
    /// Its values, by the names that the source has for its columns; none for no value.
    pub row: BTreeMap<String, Option<String>>,
}

impl ReplayRow {
    /// Reads what stands in the column `row` of a quarantine: an object of values.
    ///
    /// # Errors
    ///
    /// What is wrong, and what to write.
    pub fn of_json(line: u64, text: &str) -> Result<Self, String> {
        let form = "write an object such as `{\"Case Id\": \"a\"}`";
        match serde_json::from_str(text) {
            Ok(value) => Self::of_value(line, &value),
            Err(error) => {
                Err(format!("line {line}: the row is no JSON at column {}: {form}", error.column()))
            }
        }
    }

    /// Reads the same of a value.
    ///
    /// # Errors
    ///
    /// What is wrong, and what to write.
    pub fn of_value(line: u64, value: &Value) -> Result<Self, String> {
        let Value::Object(members) = value else {
            let form = "write an object such as `{\"Case Id\": \"a\"}`";
            return Err(format!("line {line}: the row has no names of columns: {form}"));
        };
        let text = |value: &Value| match value {
            Value::Null => Ok(None),
            Value::String(text) => Ok(Some(text.clone())),
            Value::Bool(_) | Value::Number(_) => Ok(Some(value.to_string())),
            Value::Array(_) | Value::Object(_) => Err(()),
        };
        let mut row = BTreeMap::new();
        for (name, value) in members {
            let value = text(value).map_err(|()| {
                format!("line {line}: `{name}` is a list or an object: write text or null")
            })?;
            row.insert(name.clone(), value);
        }
        Ok(Self { line, row })
    }
}

/// Brings rows into the order of lines, each line once: a row that broke several rules stands in the
/// quarantine several times.
///
/// # Errors
///
/// Every line of which there are two different rows, every column that `pipeline` does not read or that
/// a row lacks, and whether there are too many.
pub fn replayed_rows(
    pipeline: &Pipeline,
    rows: Vec<ReplayRow>,
) -> Result<Vec<ReplayRow>, Vec<String>> {
    let mut faults = Vec::new();
    let mut by_line: BTreeMap<u64, ReplayRow> = BTreeMap::new();
    let known: Vec<&str> = pipeline.source.part.columns.iter().map(|it| it.from.as_str()).collect();
    for row in rows {
        let line = row.line;
        for name in row.row.keys().filter(|it| !known.contains(&it.as_str())) {
            faults.push(format!("line {line}: {}", no_such_name("column", name, &known)));
        }
        for name in known.iter().filter(|it| !row.row.contains_key(**it)) {
            faults.push(format!("line {line}: the row lacks the column `{name}`: write it whole"));
        }
        match by_line.get(&line) {
            Some(other) if *other != row => {
                faults.push(format!("there are two different rows of line {line}: keep one"));
            }
            _ => drop(by_line.insert(line, row)),
        }
    }
    if by_line.is_empty() {
        faults.push("there is no row to replay".to_owned());
    }
    let rows: Vec<ReplayRow> = by_line.into_values().collect();
    let n_bytes = serde_json::to_string(&rows).map_or(usize::MAX, |it| it.len());
    if rows.len() > MAX_REPLAYED_ROWS || n_bytes > MAX_REPLAYED_BYTES {
        faults.push(format!(
            "more than {MAX_REPLAYED_ROWS} rows or {MAX_REPLAYED_BYTES} bytes: replay them in several \
             parts"
        ));
    }
    faults.truncate(20);
    if faults.is_empty() { Ok(rows) } else { Err(faults) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::etl::read_pipeline;

    fn pipeline() -> Pipeline {
        let text = "pipeline: p\nsource: {at: 'file:a.csv', columns: [{name: id, from: Id}, {name: \
                    n}]}\nsink: {at: 'file:b.csv'}\n";
        read_pipeline("p.yaml", text).unwrap()
    }

    #[test]
    fn row_that_broke_several_rules_is_replayed_once_and_in_order() {
        let row = |line, text| ReplayRow::of_json(line, text).unwrap();
        let fixed = r#"{"Id": "a", "n": 7}"#;
        let rows = vec![row(9, fixed), row(2, r#"{"Id": null, "n": "x"}"#), row(9, fixed)];
        let rows = replayed_rows(&pipeline(), rows).unwrap();
        let lines: Vec<_> = rows.iter().map(|it| it.line).collect();
        assert_eq!(lines, [2, 9]);
        assert_eq!(rows[1].row["n"].as_deref(), Some("7"));
        assert_eq!(rows[0].row["Id"], None);
    }

    #[test]
    fn what_is_wrong_with_rows_is_told_by_line() {
        for (text, fault) in [
            ("[\"a\"]", "line 3: the row has no names of columns"),
            ("{", "line 3: the row is no JSON at column 1"),
            (r#"{"Id": []}"#, "line 3: `Id` is a list or an object"),
        ] {
            let error = ReplayRow::of_json(3, text).unwrap_err();
            assert!(error.contains(fault), "{error}");
        }
        let row = |line, text| ReplayRow::of_json(line, text).unwrap();
        let rows = vec![
            row(1, r#"{"id": "a", "n": null}"#),
            row(2, r#"{"Id": "a", "n": null}"#),
            row(2, r#"{"Id": "b", "n": null}"#),
        ];
        let faults = replayed_rows(&pipeline(), rows).unwrap_err();
        assert_eq!(
            faults,
            [
                "line 1: there is no column `id`: did you mean `Id`?",
                "line 1: the row lacks the column `Id`: write it whole",
                "there are two different rows of line 2: keep one",
            ]
        );
        assert_eq!(replayed_rows(&pipeline(), vec![]).unwrap_err(), ["there is no row to replay"]);
    }
}
