//! What a question was answered with.

use serde::{Serialize, Serializer};

use super::value::QueryValue;
use crate::etl::ColumnKind;

/// A column of an answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct QueryColumn {
    /// Its name.
    pub name: String,
    /// What it holds.
    #[serde(rename = "type")]
    pub kind: ColumnKind,
}

/// What an answer has cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct QueryFigures {
    /// Rows of the lake that were looked at. What statistics of files ruled out is none of them.
    pub n_rows_read: u64,
    /// Bytes that were read of the lake.
    pub n_bytes_read: u64,
    /// Bytes that were put aside on disk, because memory did not hold them.
    pub n_bytes_spilled: u64,
}

/// A whole answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// Its columns.
    pub columns: Vec<QueryColumn>,
    /// Its rows, each with its values in the order of the columns.
    pub rows: Vec<Vec<QueryValue>>,
    /// Whether there were more rows than were asked for.
    pub is_cut: bool,
    /// What it has cost when it was worked out.
    pub figures: QueryFigures,
    /// Names what was asked and of what state: equal tags are equal answers.
    pub tag: String,
}

impl Answer {
    /// Returns about how many bytes of memory it takes.
    pub fn n_bytes(&self) -> usize {
        let row = |it: &Vec<QueryValue>| {
            size_of_val(it) + it.iter().map(QueryValue::n_bytes).sum::<usize>()
        };
        size_of_val(self) + self.tag.len() + self.rows.iter().map(row).sum::<usize>()
    }

    /// Returns its rows as objects, for JSON.
    pub fn objects(&self) -> impl Iterator<Item = impl Serialize> {
        self.rows.iter().map(|row| Object { columns: &self.columns, row })
    }
}

struct Object<'a> {
    columns: &'a [QueryColumn],
    row: &'a [QueryValue],
}

impl Serialize for Object<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.columns.iter().map(|it| &it.name).zip(self.row))
    }
}
