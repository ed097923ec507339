//! Text by columns, until it is a batch.

use std::sync::Arc;

use arrow_array::builder::{StringBuilder, UInt64Builder};
use arrow_array::{ArrayRef, BooleanArray, RecordBatch, RecordBatchOptions};
use arrow_schema::{ArrowError, SchemaRef};
use shared::etl::report::built_in;
use shared::etl::{PlannedColumn, Reject, SourceColumn};

use super::kinds::schema_of;
use super::origins::Origins;
use super::rows::{Rows, shown};
use super::source::Portion;
use super::text::ColumnReader;

/// Makes batches of rows that come as text.
pub(super) struct TypedRows {
    columns: Vec<SourceColumn>,
    key: Vec<usize>,
    schema: SchemaRef,
    readers: Vec<ColumnReader>,
    lines: UInt64Builder,
    keys: Vec<StringBuilder>,
    is_good: Vec<bool>,
    n_lost: u64,
    rejects: Vec<Reject>,
}

impl TypedRows {
    /// Begins with these columns.
    ///
    /// # Errors
    ///
    /// [`ArrowError`] when one has more digits than there can be.
    pub(super) fn new(columns: Vec<SourceColumn>, key: Vec<usize>) -> Result<Self, ArrowError> {
        let planned = |it: &SourceColumn| PlannedColumn { name: it.name.clone(), kind: it.kind };
        let schema = schema_of(&columns.iter().map(planned).collect::<Vec<_>>());
        let reader = |it: &SourceColumn| ColumnReader::new(it.kind, it.format.clone());
        let readers: Result<Vec<_>, _> = columns.iter().map(reader).collect();
        let keys = key.iter().map(|_| StringBuilder::new()).collect();
        let (lines, is_good, rejects) = (UInt64Builder::new(), Vec::new(), Vec::new());
        Ok(Self {
            columns,
            key,
            schema,
            readers: readers?,
            lines,
            keys,
            is_good,
            n_lost: 0,
            rejects,
        })
    }

    /// Returns how many rows it holds, with those that are no rows.
    pub(super) fn len(&self) -> usize {
        self.is_good.len() + usize::try_from(self.n_lost).unwrap_or(usize::MAX)
    }

    /// Adds a row: `value` gives the text of the column at a place, `None` where it has none.
    pub(super) fn push<'a>(&mut self, line: u64, value: impl Fn(usize) -> Option<&'a str>) {
        let mut is_good = true;
        for (place, (column, reader)) in self.columns.iter().zip(&mut self.readers).enumerate() {
            let text = value(place);
            let fault = match text {
                Some(text) => match reader.push(text) {
                    Ok(()) => continue,
                    Err(_) => (built_in::TYPE, format!("is no {} as it is declared", column.kind)),
                },
                None => {
                    reader.push_null();
                    if !column.is_required {
                        continue;
                    }
                    (built_in::REQUIRED, "has no value".to_owned())
                }
            };
            is_good = false;
            let key: Vec<&str> = self.key.iter().map(|it| value(*it).unwrap_or("")).collect();
            self.rejects.push(Reject {
                key: shown(&key.join("|")),
                line,
                rule: fault.0.to_owned(),
                column: column.name.clone(),
                value: shown(text.unwrap_or("")),
                reason: fault.1,
            });
        }
        self.lines.append_value(line);
        for (builder, place) in self.keys.iter_mut().zip(&self.key) {
            builder.append_option(value(*place));
        }
        self.is_good.push(is_good);
    }

    /// Adds what is no row at all.
    pub(super) fn lose(&mut self, line: u64, value: &str, reason: String) {
        self.n_lost += 1;
        self.rejects.push(Reject {
            key: String::new(),
            line,
            rule: built_in::ROW.to_owned(),
            column: String::new(),
            value: shown(value),
            reason,
        });
    }

    /// Ends the batch and begins the next.
    ///
    /// # Errors
    ///
    /// [`ArrowError`], which would be a fault of this program.
    pub(super) fn finish(&mut self) -> Result<Portion, ArrowError> {
        let columns: Vec<ArrayRef> = self.readers.iter_mut().map(ColumnReader::finish).collect();
        let is_good = BooleanArray::from(std::mem::take(&mut self.is_good));
        let options = RecordBatchOptions::new().with_row_count(Some(is_good.len()));
        let schema = Arc::clone(&self.schema);
        let batch = RecordBatch::try_new_with_options(schema, columns, &options)?;
        let keys = self.keys.iter_mut().map(|it| Arc::new(it.finish()) as ArrayRef).collect();
        let rows = Rows::new(batch, Arc::new(self.lines.finish()), keys);
        let (n_rows, n_lost) = (is_good.len() as u64, std::mem::take(&mut self.n_lost));
        let n_bad = n_rows - is_good.true_count() as u64;
        Ok(Portion {
            rows: rows.keep(&is_good)?,
            n_read: n_rows + n_lost,
            n_unread: n_bad + n_lost,
            rejects: std::mem::take(&mut self.rejects),
            origins: Origins::default(),
        })
    }
}
