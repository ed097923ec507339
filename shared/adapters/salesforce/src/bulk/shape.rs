//! Makes records of the ports out of rows of bulk results.

use std::collections::HashMap;

use shared::ids::SalesforceId;
use shared::model::{FieldValue, Fields};
use shared::ports::RemoteRecord;
use shared::time::Timestamp;

use super::csv::{CellValue, ColumnKind, CsvFault, CsvRecord};

/// The columns that make a record.
const ID: &str = "Id";
const VERSION: &str = "SystemModstamp";
const IS_DELETED: &str = "IsDeleted";

/// Which fields a record has, and what they hold.
#[derive(Clone, Debug)]
pub struct RecordShape {
    /// The names as they were asked for, and their kinds, by their lower-case form.
    fields: HashMap<String, (String, ColumnKind)>,
    empty: Fields,
}

impl RecordShape {
    /// Describes records with `fields`; `kind_of` tells what one holds, text by default.
    pub fn new(fields: &[String], kind_of: impl Fn(&str) -> Option<ColumnKind>) -> Self {
        let entry = |name: &String| {
            let kind = kind_of(name).unwrap_or_default();
            (name.to_ascii_lowercase(), (name.clone(), kind))
        };
        let empty = fields.iter().map(|name| (name.clone(), FieldValue::Null)).collect();
        Self { fields: fields.iter().map(entry).collect(), empty }
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
        for (name, _) in self.fields.values() {
            find(name)?;
        }
        let columns = header
            .iter()
            .map(|name| match self.fields.get(&name.to_ascii_lowercase()) {
                Some((name, kind)) => Column { name: Some(name.clone()), kind: *kind },
                None => Column { name: None, kind: ColumnKind::Text },
            })
            .collect();
        let (id, version) = (find(ID)?, find(VERSION)?);
        let is_deleted = find(IS_DELETED).ok();
        Ok(RecordReader { columns, id, version, is_deleted, empty: self.empty.clone() })
    }
}

/// One column of a file: its name, when it is a field of the record.
#[derive(Clone, Debug)]
struct Column {
    name: Option<String>,
    kind: ColumnKind,
}

/// Reads the records of files with the same columns.
#[derive(Clone, Debug)]
pub struct RecordReader {
    columns: Vec<Column>,
    id: usize,
    version: usize,
    is_deleted: Option<usize>,
    empty: Fields,
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
        let mut fields = self.empty.clone();
        for (column, cell) in self.columns.iter().zip(record.cells()) {
            let Some(name) = &column.name else { continue };
            let value = CellValue::read(cell, column.kind)
                .ok_or_else(|| not_of_kind(record, name, column.kind.noun()))?;
            if let Some(slot) = fields.get_mut(name) {
                *slot = as_queries_write_it(value);
            }
        }
        Ok(RemoteRecord {
            unread: Vec::new(),
            record_id: id.to_record_id(),
            version: self.version(record)?,
            is_deleted: self.is_deleted(record)?,
            fields,
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
fn as_queries_write_it(value: CellValue<'_>) -> FieldValue {
    match value {
        CellValue::Time(at) => {
            FieldValue::Text(format!("{}+0000", at.to_string().trim_end_matches('Z')))
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
    fn field_that_did_not_come_is_a_fault_not_an_empty_one() {
        let fault = read("Id,SystemModstamp,Subject\n5005f00002J9YYE,x,x\n").unwrap_err();
        assert_eq!(fault, CsvFault::NoColumn { column: "Amount__c".into() });
    }
}
