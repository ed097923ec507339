//! Makes records of the ports out of rows of bulk results.

use std::borrow::Cow;
use std::collections::BTreeMap;

use shared::ids::SalesforceId;
use shared::model::{FieldNames, FieldValue, Fields};
use shared::ports::RemoteRecord;
use shared::time::Timestamp;

use super::csv::{CellValue, ColumnKind, CsvFault, CsvRecord, is_plain_time};

/// The columns that make a record.
const ID: &str = "Id";
const VERSION: &str = "SystemModstamp";
const IS_DELETED: &str = "IsDeleted";

/// Which fields a record has, and what they hold.
#[derive(Clone, Debug)]
pub struct RecordShape {
    /// The names as they were asked for, and their kinds, in the order that a record has them.
    fields: Vec<(String, ColumnKind)>,
}

impl RecordShape {
    /// Describes records with `fields`; `kind_of` tells what one holds, text by default.
    pub fn new(fields: &[String], kind_of: impl Fn(&str) -> Option<ColumnKind>) -> Self {
        let entry = |name: &String| (name.clone(), kind_of(name).unwrap_or_default());
        let fields: BTreeMap<String, ColumnKind> = fields.iter().map(entry).collect();
        Self { fields: fields.into_iter().collect() }
    }

    /// Makes the reader of files with the columns `header`.
    ///
    /// # Errors
    ///
    /// [`CsvFault::NoColumn`] when the id, the version, or a field is not among them.
    pub fn reader(&self, header: &[String]) -> Result<RecordReader, CsvFault> {
        let find = |name: &str| {
            let found = header.iter().position(|it| it.eq_ignore_ascii_case(name));
            found.ok_or_else(|| CsvFault::NoColumn { column: name.to_owned() })
        };
        let column = |(name, kind): &(String, ColumnKind)| {
            Ok(Column { at: find(name)?, name: name.clone(), kind: *kind })
        };
        let columns: Vec<Column> = self.fields.iter().map(column).collect::<Result<_, _>>()?;
        let names = self.fields.iter().map(|(name, _)| name).collect();
        let (id, version) = (find(ID)?, find(VERSION)?);
        Ok(RecordReader { columns, names, id, version, is_deleted: find(IS_DELETED).ok() })
    }
}

/// One field of a record: the place of its column, and what that holds.
#[derive(Clone, Debug)]
struct Column {
    at: usize,
    name: String,
    kind: ColumnKind,
}

/// Reads the records of files with the same columns.
#[derive(Clone, Debug)]
pub struct RecordReader {
    /// In the order of their names.
    columns: Vec<Column>,
    /// Shared by all records.
    names: FieldNames,
    id: usize,
    version: usize,
    is_deleted: Option<usize>,
}

impl RecordReader {
    /// Makes a record of one row; without a column that says otherwise it is not deleted.
    ///
    /// # Errors
    ///
    /// [`CsvFault::NotOfKind`], with row and column, when a cell does not hold what its column does.
    pub fn read(&self, record: CsvRecord<'_>) -> Result<RemoteRecord, CsvFault> {
        let id = SalesforceId::parse(record.cell(self.id).unwrap_or_default());
        let id = id.map_err(|_| not_of_kind(record, ID, "record id"))?;
        let mut values = Vec::with_capacity(self.columns.len());
        for Column { at, name, kind } in &self.columns {
            let cell = record.cell(*at).unwrap_or_default();
            let value = CellValue::read(cell, *kind)
                .ok_or_else(|| not_of_kind(record, name, kind.noun()))?;
            values.push(as_queries_write_it(cell, value));
        }
        Ok(RemoteRecord {
            unread: Vec::new(),
            record_id: id.to_record_id(),
            version: self.version(record)?,
            is_deleted: self.is_deleted(record)?,
            fields: Fields::of(&self.names, values),
        })
    }

    fn version(&self, record: CsvRecord<'_>) -> Result<Timestamp, CsvFault> {
        let cell = record.cell(self.version).unwrap_or_default();
        match CellValue::read(cell, ColumnKind::Time) {
            Some(CellValue::Time(at)) => Ok(at),
            _ => Err(not_of_kind(record, VERSION, ColumnKind::Time.noun())),
        }
    }

    fn is_deleted(&self, record: CsvRecord<'_>) -> Result<bool, CsvFault> {
        let Some(idx) = self.is_deleted else { return Ok(false) };
        match CellValue::read(record.cell(idx).unwrap_or_default(), ColumnKind::Bool) {
            Some(CellValue::Bool(is_deleted)) => Ok(is_deleted),
            _ => Err(not_of_kind(record, IS_DELETED, ColumnKind::Bool.noun())),
        }
    }
}

/// Makes the value that a query would have answered: only instants are written in another way.
fn as_queries_write_it(cell: &str, value: CellValue<'_>) -> FieldValue {
    match value {
        CellValue::Time(at) => {
            let written = match is_plain_time(cell) {
                true => Cow::Borrowed(cell),
                false => Cow::Owned(at.to_string()),
            };
            FieldValue::Text([written.trim_end_matches('Z'), "+0000"].concat())
        }
        value => value.to_field(),
    }
}

fn not_of_kind(record: CsvRecord<'_>, name: &str, wanted: &'static str) -> CsvFault {
    CsvFault::NotOfKind { row: record.row(), column: format!("`{name}`"), wanted }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::super::CsvReader;
    use super::*;

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|it| (*it).to_owned()).collect()
    }

    fn read(file: &'static str) -> Result<RemoteRecord, CsvFault> {
        let fields = names(&["subject", "Amount__c", "SystemModstamp"]);
        let shape = RecordShape::new(&fields, |name| match name {
            "Amount__c" => Some(ColumnKind::Number),
            "SystemModstamp" => Some(ColumnKind::Time),
            _ => None,
        });
        let mut csv = CsvReader::new();
        csv.feed(Bytes::from_static(file.as_bytes()));
        csv.end();
        assert!(csv.advance()?);
        shape.reader(csv.header().unwrap_or_default())?.read(csv.record()?)
    }

    #[test]
    fn row_becomes_a_record_with_the_names_that_were_asked_for() {
        let record = read(
            "\"Id\",\"SystemModstamp\",\"IsDeleted\",\"Subject\",\"Amount__c\",\"More\"\n\
             \"5005f00002J9YYE\",\"2026-01-01T10:00:00.000Z\",\"true\",\" A v. B \",\"9.12260031E8\",\"x\"\n",
        )
        .unwrap();
        assert_eq!(record.record_id.as_str(), "5005f00002J9YYEAA3");
        assert!(record.is_deleted && record.fields.len() == 3);
        assert_eq!(record.fields["subject"], FieldValue::text("A v. B"));
        assert_eq!(record.fields["Amount__c"], FieldValue::Int(912_260_031));
        assert_eq!(
            record.fields["SystemModstamp"],
            FieldValue::text("2026-01-01T10:00:00.000+0000")
        );
    }

    #[test]
    fn cell_of_another_kind_names_its_row_and_column() {
        let fault = read(
            "Id,SystemModstamp,Subject,Amount__c\n5005f00002J9YYE,2026-01-01T10:00:00.000Z,x,hunter2\n",
        )
        .unwrap_err();
        assert_eq!(fault.to_string(), "row 1 holds no number in column `Amount__c`");
        let fault = read("Id,SystemModstamp,Subject,Amount__c\nnone,x,x,1\n").unwrap_err();
        assert_eq!(fault.to_string(), "row 1 holds no record id in column `Id`");
    }

    #[test]
    fn instant_in_another_form_is_written_like_the_others() {
        for cell in
            ["2026-01-01T10:00:00.000Z", "2026-01-01T11:00:00+01:00", "2026-01-01T10:00:00Z"]
        {
            let at = CellValue::read(cell, ColumnKind::Time).unwrap();
            let written = as_queries_write_it(cell, at);
            assert_eq!(written, FieldValue::text("2026-01-01T10:00:00.000+0000"), "{cell}");
        }
    }

    #[test]
    fn field_that_did_not_come_is_a_fault_not_an_empty_one() {
        let fault = read("Id,SystemModstamp,Subject\n5005f00002J9YYE,x,x\n").unwrap_err();
        assert_eq!(fault, CsvFault::NoColumn { column: "Amount__c".into() });
    }
}
