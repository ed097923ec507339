//! Tests of a pipeline: given these rows, expect those rows and rejects.

use std::collections::BTreeMap;

use serde::Serialize;

use super::report::Reject;
use super::rule::Scalar;
use crate::time::Timestamp;

/// Values by column; `None` is no value.
pub type TestRow = BTreeMap<String, Option<Scalar>>;

/// One test.
#[derive(Clone, Debug, PartialEq)]
pub struct PipelineTest {
    /// What it proves.
    pub name: String,
    /// The line it begins in, from 1.
    pub line: u64,
    /// The time of the run; without one it is 2026-01-01T00:00:00Z, so that a test always does the same.
    pub now: Option<Timestamp>,
    /// The rows of the source, by its own names of columns.
    pub given: Vec<TestRow>,
    /// The rows of other files, by the address that the pipeline has. A file that is not named has none.
    pub files: BTreeMap<String, Vec<TestRow>>,
    /// The rows of the sink, in order. Columns that are not named may hold anything.
    pub rows: Vec<TestRow>,
    /// The rejects, in any order; `None` when they do not matter.
    pub rejects: Option<Vec<ExpectedReject>>,
}

/// A reject that a test expects; what is not said may be anything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExpectedReject {
    /// The rule.
    pub rule: String,
    /// The number of the given row, from 1.
    pub row: Option<u64>,
    /// The value.
    pub value: Option<String>,
}

/// What rows of a test became.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TestedRows {
    /// The rows of the sink: each value as text.
    pub rows: Vec<BTreeMap<String, Option<String>>>,
    /// The rejects, of rules that only warn as well. Of these `line` is the number of the given row.
    pub rejects: Vec<Reject>,
}

/// How one test came out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TestReport {
    /// Its name.
    pub name: String,
    /// The line it begins in.
    pub line: u64,
    /// What is not as expected; empty when it passed.
    pub differences: Vec<String>,
}

impl PipelineTest {
    /// Compares what is expected with what came out.
    pub fn judge(&self, found: &TestedRows) -> TestReport {
        let mut differences = Vec::new();
        if self.rows.len() != found.rows.len() {
            let (wanted, n_found) = (self.rows.len(), found.rows.len());
            differences.push(format!("{wanted} rows are expected, and {n_found} came out"));
        }
        for (idx, (wanted, row)) in self.rows.iter().zip(&found.rows).enumerate() {
            for (column, value) in wanted {
                let Some(given) = row.get(column) else {
                    differences.push(format!("row {}: there is no column `{column}`", idx + 1));
                    continue;
                };
                if !is_same(value.as_ref(), given.as_deref()) {
                    let wanted =
                        value.as_ref().map_or("no value".to_owned(), |it| format!("`{it}`"));
                    let given =
                        given.as_ref().map_or("no value".to_owned(), |it| format!("`{it}`"));
                    let text = format!("row {}: `{column}` is {given}, not {wanted}", idx + 1);
                    differences.push(text);
                }
            }
        }
        self.judge_rejects(&found.rejects, &mut differences);
        TestReport { name: self.name.clone(), line: self.line, differences }
    }

    fn judge_rejects(&self, found: &[Reject], differences: &mut Vec<String>) {
        let Some(wanted) = &self.rejects else { return };
        let mut left: Vec<&Reject> = found.iter().collect();
        for expected in wanted {
            match left.iter().position(|it| expected.is(it)) {
                Some(idx) => {
                    left.remove(idx);
                }
                None => differences.push(format!("no reject {expected}")),
            }
        }
        for reject in left {
            let Reject { line, rule, value, reason, .. } = reject;
            differences.push(format!("row {line} breaks `{rule}` with `{value}`: {reason}"));
        }
    }
}

/// Numbers are the same when they are equal, however they are written.
fn is_same(wanted: Option<&Scalar>, given: Option<&str>) -> bool {
    match (wanted, given) {
        (None, None) => true,
        (Some(Scalar::Text(wanted)), Some(given)) => wanted == given,
        (Some(Scalar::Bool(wanted)), Some(given)) => given == wanted.to_string(),
        (Some(wanted), Some(given)) => {
            given == wanted.to_string()
                || matches!((given.parse::<f64>(), wanted.to_string().parse::<f64>()),
                    (Ok(given), Ok(wanted)) if given.total_cmp(&wanted).is_eq())
        }
        _ => false,
    }
}

impl ExpectedReject {
    fn is(&self, found: &Reject) -> bool {
        self.rule == found.rule
            && self.row.is_none_or(|it| it == found.line)
            && self.value.as_ref().is_none_or(|it| *it == found.value)
    }
}

impl std::fmt::Display for ExpectedReject {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "by `{}`", self.rule)?;
        self.row.iter().try_for_each(|it| write!(f, " of row {it}"))?;
        self.value.iter().try_for_each(|it| write!(f, " with `{it}`"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_name_row_column_and_both_values() {
        let row = |value| BTreeMap::from([("fee".to_owned(), value)]);
        let test = PipelineTest {
            name: "fees".to_owned(),
            line: 3,
            now: None,
            given: Vec::new(),
            files: BTreeMap::new(),
            rows: vec![row(Some(Scalar::Number(10.5))), row(None)],
            rejects: Some(vec![ExpectedReject {
                rule: "range_fee".to_owned(),
                row: Some(2),
                value: None,
            }]),
        };
        let found = |fees: [Option<&str>; 2], rejects| TestedRows {
            rows: fees
                .into_iter()
                .map(|it| BTreeMap::from([("fee".to_owned(), it.map(str::to_owned))]))
                .collect(),
            rejects,
        };
        let reject = |line| Reject {
            key: String::new(),
            line,
            rule: "range_fee".to_owned(),
            column: "fee".to_owned(),
            value: "-1".to_owned(),
            reason: "is less than 0".to_owned(),
        };
        assert!(test.judge(&found([Some("10.50"), None], vec![reject(2)])).differences.is_empty());
        assert_eq!(
            test.judge(&found([Some("10"), Some("1")], vec![reject(3)])).differences,
            [
                "row 1: `fee` is `10`, not `10.5`",
                "row 2: `fee` is `1`, not no value",
                "no reject by `range_fee` of row 2",
                "row 3 breaks `range_fee` with `-1`: is less than 0",
            ]
        );
    }
}
