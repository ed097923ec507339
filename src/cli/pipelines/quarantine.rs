//! Rows of a quarantine that a person has put right.

use csv_core::{ReadRecordResult, Reader};
use shared::etl::{ReplayRow, no_such_name};

/// Reads rows of a file of separated values: of its columns `line` and `row` are taken.
///
/// # Errors
///
/// Every row that cannot be read, by its line in the source.
pub(super) fn read_rows(text: &str) -> Result<Vec<ReplayRow>, Vec<String>> {
    let mut records = records(text).into_iter();
    let names = records.next().unwrap_or_default();
    let known: Vec<&str> = names.iter().map(String::as_str).collect();
    let place = |name: &str| {
        let found = names.iter().position(|it| it == name);
        found.ok_or_else(|| vec![no_such_name("column", name, &known)])
    };
    let (line_at, row_at) = (place("line")?, place("row")?);
    let (mut rows, mut faults) = (Vec::new(), Vec::new());
    for (idx, record) in records.enumerate() {
        let value = |at: usize| record.get(at).map_or("", String::as_str);
        let read = match value(line_at).parse() {
            Ok(line) => ReplayRow::of_json(line, value(row_at)),
            Err(_) => Err(format!("row {} of the file has no number in `line`", idx + 1)),
        };
        match read {
            Ok(row) => rows.push(row),
            Err(fault) => faults.push(fault),
        }
    }
    faults.truncate(20);
    if faults.is_empty() { Ok(rows) } else { Err(faults) }
}

/// Parts text into records. It is a file that a person wrote: small, and in memory.
fn records(text: &str) -> Vec<Vec<String>> {
    let mut reader = Reader::new();
    // A record that the end of the text cuts off would come in two pieces.
    let text = format!("{text}\n");
    let (mut rest, mut records) = (text.as_bytes(), Vec::new());
    // No value is longer than the text, and none takes less than a character with what parts it.
    let (mut out, mut ends) = (vec![0; text.len() + 1], vec![0; text.len() + 2]);
    loop {
        let (result, n_read, _, n_ends) = reader.read_record(rest, &mut out, &mut ends);
        rest = rest.get(n_read..).unwrap_or_default();
        match result {
            ReadRecordResult::Record => {
                let mut from = 0;
                let values = ends.iter().take(n_ends).map(|end| {
                    let value = out.get(from..*end).unwrap_or_default();
                    from = *end;
                    String::from_utf8_lossy(value).into_owned()
                });
                records.push(values.collect());
            }
            // Asked once more with nothing, it ends the last record.
            ReadRecordResult::InputEmpty => {}
            ReadRecordResult::End
            | ReadRecordResult::OutputFull
            | ReadRecordResult::OutputEndsFull => return records,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_taken_from_the_columns_of_a_quarantine() {
        let text = "key,line,rule,column,value,reason,row\n\
                    a,5,type,fee,x,is no long,\"{\"\"Case Id\"\":\"\"a\"\",\"\"fee\"\":\"\"1\n2\"\"}\"\n\
                    b,7,row,,,has 1 value,\"{\"\"Case Id\"\":null,\"\"fee\"\":\"\"ü\"\"}\"";
        let text = text.replace("1\n2", "12");
        let rows = read_rows(&text).unwrap();
        let lines: Vec<_> = rows.iter().map(|it| it.line).collect();
        assert_eq!(lines, [5, 7]);
        assert_eq!(rows[0].row["fee"].as_deref(), Some("12"));
        assert_eq!(rows[1].row["fee"].as_deref(), Some("ü"));
    }

    #[test]
    fn file_that_is_no_quarantine_says_what_it_lacks() {
        assert_eq!(
            read_rows("line,rows\n1,{}").unwrap_err(),
            ["there is no column `row`: did you mean `rows`?"]
        );
        let faults = read_rows("line,row\nx,{}\n3,\"[\"\"a\"\"]\"\n").unwrap_err();
        assert_eq!(faults[0], "row 1 of the file has no number in `line`");
        assert!(faults[1].starts_with("line 3: the row has no names of columns"), "{faults:?}");
    }
}
