//! A report as its writers see it: facts, charts and tables, whatever they are written as.

use crate::lake::{Cell, ColumnType};
use crate::time::Timestamp;

/// Rows of a table that are kept: a report is read by people. What lies beyond is counted, and told.
pub const MAX_ROWS: usize = 1_000;

/// What is shown where there is no value.
const NOTHING: &str = "–";

/// A report.
#[derive(Clone, Debug, PartialEq)]
pub struct ReportDocument {
    /// Its title.
    pub title: String,
    /// What it is about, and over which time, in one line.
    pub subtitle: String,
    /// What is told first.
    pub facts: Vec<Fact>,
    /// Charts and tables, in order.
    pub parts: Vec<Part>,
    /// What a reader has to know, such as what is left out.
    pub notes: Vec<String>,
    /// When it was made.
    pub made_at: Timestamp,
}

impl ReportDocument {
    /// Returns its tables, in order.
    pub fn tables(&self) -> impl Iterator<Item = &Table> {
        self.parts.iter().filter_map(|it| match it {
            Part::Table(table) => Some(table),
            Part::Chart(_) => None,
        })
    }
}

/// One thing that is told by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fact {
    /// What it is.
    pub name: String,
    /// How it is.
    pub value: String,
    /// More about it, such as how it was before.
    pub detail: Option<String>,
}

impl Fact {
    /// Tells `value` of `name`.
    pub fn new(name: impl Into<String>, value: impl Into<String>) -> Self {
        Self { name: name.into(), value: value.into(), detail: None }
    }

    /// Tells `value` of `name` where there is one.
    pub fn of(name: &str, value: Option<&str>) -> Option<Self> {
        value.map(|it| Self::new(name, it))
    }
}

/// A part of a report.
#[derive(Clone, Debug, PartialEq)]
pub enum Part {
    /// A chart.
    Chart(Chart),
    /// A table.
    Table(Table),
}

/// A table, whose rows come one after the other.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    /// What files call it, such as `by_period`.
    pub name: &'static str,
    /// What people call it.
    pub title: String,
    /// Its columns.
    pub columns: Vec<TableColumn>,
    /// Its first rows, each with a value for each column.
    pub rows: Vec<Vec<Cell>>,
    /// How many rows there were besides.
    pub n_left_out: u64,
}

/// A column of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableColumn {
    /// What files call it.
    pub name: &'static str,
    /// What people call it.
    pub title: &'static str,
    /// What it holds.
    pub kind: ColumnType,
}

impl TableColumn {
    /// Tells whether its values stand to the right.
    pub fn is_number(&self) -> bool {
        matches!(self.kind, ColumnType::Int | ColumnType::Long | ColumnType::Float)
    }
}

impl Table {
    /// Begins a table with columns of these names, titles and kinds.
    pub fn new(
        name: &'static str,
        title: impl Into<String>,
        columns: &[(&'static str, &'static str, ColumnType)],
    ) -> Self {
        let column = |&(name, title, kind): &(_, _, _)| TableColumn { name, title, kind };
        let columns = columns.iter().map(column).collect();
        Self { name, title: title.into(), columns, rows: Vec::new(), n_left_out: 0 }
    }

    /// Adds a row; beyond [`MAX_ROWS`] it is only counted.
    pub fn add(&mut self, row: Vec<Cell>) {
        if self.rows.len() < MAX_ROWS {
            self.rows.push(row);
        } else {
            self.n_left_out += 1;
        }
    }
}

/// How a chart is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChartKind {
    /// A bar for each value.
    Bar,
    /// A line through the values.
    Line,
}

/// A chart.
#[derive(Clone, Debug, PartialEq)]
pub struct Chart {
    /// What it shows.
    pub title: String,
    /// How it is drawn.
    pub kind: ChartKind,
    /// What stands under each place, in order.
    pub labels: Vec<String>,
    /// The values, at least one series of them.
    pub series: Vec<ChartSeries>,
}

/// Values that belong together.
#[derive(Clone, Debug, PartialEq)]
pub struct ChartSeries {
    /// Whose they are.
    pub name: String,
    /// One for each label; `None` where there is none.
    pub values: Vec<Option<f64>>,
}

/// Writes a value for people.
pub fn shown(cell: &Cell) -> String {
    match cell {
        Cell::Null => NOTHING.to_owned(),
        Cell::Bool(true) => "yes".to_owned(),
        Cell::Bool(false) => "no".to_owned(),
        Cell::Int(it) => shown_whole(*it),
        Cell::Float(it) => shown_number(*it),
        Cell::Text(it) => it.clone(),
        Cell::Instant(it) => shown_instant(*it),
    }
}

/// Writes a number with at most one digit behind the point.
pub(super) fn shown_number(value: f64) -> String {
    if !value.is_finite() {
        return NOTHING.to_owned();
    }
    let rounded = (value * 10.0).round() / 10.0;
    #[expect(
        clippy::cast_possible_truncation,
        reason = "it is rounded, and what is larger saturates"
    )]
    let whole = rounded.trunc() as i64;
    let sign = if rounded < 0.0 && whole == 0 { "-" } else { "" };
    let text = format!("{sign}{}", shown_whole(whole));
    #[expect(clippy::cast_possible_truncation, reason = "it is a digit")]
    let digit = ((rounded - rounded.trunc()).abs() * 10.0).round() as u8;
    if digit == 0 { text } else { format!("{text}.{digit}") }
}

/// Writes a whole number with its thousands parted.
pub(super) fn shown_whole(value: i64) -> String {
    let digits = value.unsigned_abs().to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3 + 1);
    if value < 0 {
        text.push('-');
    }
    for (idx, digit) in digits.chars().enumerate() {
        if idx > 0 && (digits.len() - idx).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Writes an instant to the minute, in UTC.
pub(super) fn shown_instant(at: Timestamp) -> String {
    let text = at.to_string();
    match (text.get(..10), text.get(11..16)) {
        (Some(day), Some(time)) if text.len() == 24 => format!("{day} {time}"),
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_written_for_people() {
        assert_eq!(shown(&Cell::Int(1_234_567)), "1,234,567");
        assert_eq!(shown(&Cell::Int(-999)), "-999");
        for (value, text) in
            [(0.0, "0"), (12.34, "12.3"), (-0.26, "-0.3"), (1999.95, "2,000"), (f64::NAN, "–")]
        {
            assert_eq!(shown(&Cell::Float(value)), text, "{value}");
        }
        let at = Timestamp::parse("2026-12-01T06:05:59Z").unwrap();
        assert_eq!(shown(&Cell::Instant(at)), "2026-12-01 06:05");
        assert_eq!(shown(&Cell::Null), "–");
    }

    #[test]
    fn rows_beyond_the_limit_are_counted_and_not_kept() {
        let mut table = Table::new("t", "T", &[("n", "N", ColumnType::Long)]);
        for n in 0..1_003 {
            table.add(vec![Cell::Int(n)]);
        }
        assert_eq!((table.rows.len(), table.n_left_out), (1_000, 3));
    }
}
