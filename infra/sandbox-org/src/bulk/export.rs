//! Pages of query results, written piece by piece while they are sent.

use std::io::Write;
use std::sync::Arc;

use axum::body::Bytes;

use super::csv::{Dialect, push_quoted};
use crate::calendar::{push_date, push_instant};
use crate::org::Value;
use crate::schema::FieldKind;
use crate::soql::Snapshot;

/// Bytes of a piece, more or less: large enough to be cheap, small enough to hold a few at once.
pub(super) const PIECE_BYTES: usize = 64 * 1024;

/// The bytes of a page, a piece at a time: the heading, then rows.
#[derive(Debug)]
pub(super) struct Page {
    snapshot: Arc<Snapshot>,
    dialect: Dialect,
    next: usize,
    end: usize,
    has_heading: bool,
}

impl Page {
    /// Makes the page of the rows from `start` up to but without `end`.
    pub(super) fn new(snapshot: Arc<Snapshot>, dialect: Dialect, start: usize, end: usize) -> Self {
        Self { snapshot, dialect, next: start, end, has_heading: false }
    }
}

impl Iterator for Page {
    type Item = Bytes;

    fn next(&mut self) -> Option<Bytes> {
        if self.has_heading && self.next >= self.end {
            return None;
        }
        let mut piece = Vec::with_capacity(PIECE_BYTES + PIECE_BYTES / 8);
        if !self.has_heading {
            self.has_heading = true;
            for (idx, name) in self.snapshot.names().enumerate() {
                if idx > 0 {
                    self.dialect.push_delimiter(&mut piece);
                }
                push_quoted(&mut piece, name.as_bytes());
            }
            self.dialect.push_line_end(&mut piece);
        }
        while self.next < self.end && piece.len() < PIECE_BYTES {
            for (idx, (value, kind)) in self.snapshot.values(self.next).enumerate() {
                if idx > 0 {
                    self.dialect.push_delimiter(&mut piece);
                }
                push_value(&mut piece, value, kind);
            }
            self.dialect.push_line_end(&mut piece);
            self.next += 1;
        }
        Some(piece.into())
    }
}

/// Writes a value in quotes; nothing between them for null.
fn push_value(into: &mut Vec<u8>, value: &Value, kind: FieldKind) {
    if let Value::Text(text) = value {
        return push_quoted(into, text.as_bytes());
    }
    into.push(b'"');
    match value {
        Value::Null | Value::Text(_) => {}
        Value::Bool(yes) => into.extend_from_slice(if *yes { b"true" } else { b"false" }),
        #[expect(clippy::cast_possible_truncation, reason = "whole numbers of 8 digits")]
        Value::Number(number) if kind == FieldKind::Int => {
            let _ = write!(into, "{}", *number as i64);
        }
        Value::Number(number) => push_double(into, *number),
        Value::Date(days) => push_date(into, *days),
        Value::Instant(seconds) => push_instant(into, *seconds),
        Value::Id(id) => into.extend_from_slice(&id.bytes()),
    }
    into.push(b'"');
}

/// Writes a number as `Double.toString` of Java does: `1500.0`, `5.0E7`, `1.0E-4`.
pub(super) fn push_double(into: &mut Vec<u8>, number: f64) {
    let size = number.abs();
    // Writing into memory cannot fail.
    if size == 0.0 || (1e-3..1e7).contains(&size) {
        let _ = write!(into, "{number:?}");
        return;
    }
    let start = into.len();
    let _ = write!(into, "{number:E}");
    let written = into.get(start..).unwrap_or_default();
    let exponent = written.iter().position(|byte| *byte == b'E');
    if let Some(at) = exponent.filter(|_| !written.contains(&b'.')) {
        into.splice(start + at..start + at, *b".0");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_java_writes_them() {
        for (number, text) in [
            (0.0, "0.0"),
            (50_000.0, "50000.0"),
            (12.25, "12.25"),
            (9_999_999.5, "9999999.5"),
            (1e7, "1.0E7"),
            (5e7, "5.0E7"),
            (912_260_031.0, "9.12260031E8"),
            (-912_260_031.0, "-9.12260031E8"),
            (0.001, "0.001"),
            (0.0001, "1.0E-4"),
            (0.000_123, "1.23E-4"),
            (1e21, "1.0E21"),
        ] {
            let mut written = Vec::new();
            push_double(&mut written, number);
            assert_eq!(String::from_utf8(written).unwrap(), text);
        }
    }
}
