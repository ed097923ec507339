//! A table as text: RFC 4180, in which no value is a formula.

use super::document::Table;
use crate::lake::Cell;

/// Writes `table` as CSV: a line of names, then the rows, as they are counted and not as they are shown.
///
/// A text that a spreadsheet would work out is put behind an apostrophe. Source: OWASP, "CSV
/// Injection".
pub fn csv(table: &Table) -> String {
    let mut text = String::with_capacity(64 * (table.rows.len() + 1));
    line(&mut text, table.columns.iter().map(|it| it.name.to_owned()));
    for row in &table.rows {
        line(&mut text, row.iter().map(value));
    }
    text
}

fn line(text: &mut String, values: impl Iterator<Item = String>) {
    for (idx, value) in values.enumerate() {
        if idx > 0 {
            text.push(',');
        }
        if value.contains(['"', ',', '\r', '\n']) {
            text.push('"');
            text.push_str(&value.replace('"', "\"\""));
            text.push('"');
        } else {
            text.push_str(&value);
        }
    }
    text.push_str("\r\n");
}

fn value(cell: &Cell) -> String {
    match cell {
        Cell::Null => String::new(),
        Cell::Bool(it) => it.to_string(),
        Cell::Int(it) => it.to_string(),
        Cell::Float(it) => it.to_string(),
        Cell::Instant(it) => it.to_string(),
        Cell::Text(it) if it.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']) => {
            format!("'{it}")
        }
        Cell::Text(it) => it.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lake::ColumnType;

    #[test]
    fn values_are_quoted_and_none_is_a_formula() {
        let mut table =
            Table::new("t", "T", &[("a", "A", ColumnType::Text), ("b", "B", ColumnType::Float)]);
        table.add(vec![Cell::Text("Doe, \"Jo\"\nv. Roe".to_owned()), Cell::Float(-1.5)]);
        for formula in ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1"] {
            table.add(vec![Cell::Text(formula.to_owned()), Cell::Null]);
        }
        assert_eq!(
            csv(&table),
            "a,b\r\n\"Doe, \"\"Jo\"\"\nv. Roe\",-1.5\r\n'=1+1,\r\n'+1,\r\n'-1,\r\n'@SUM(A1),\r\n'\t=1,\r\n"
        );
    }
}
