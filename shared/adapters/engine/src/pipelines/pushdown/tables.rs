//! The tables that a pipeline reads: what they must hold, and their rows as they are at one moment.

use shared::etl::{ColumnKind, Source, SourceColumn, WarehouseTable};

use super::sql::{name, table, text, type_name};

/// The whole numbers of 64 bits.
const LONG: &str = "BETWEEN -9223372036854775808 AND 9223372036854775807";
/// What stands behind the name of the sink in those of tables that are gone when a run has ended.
const TAIL: &str = "__MB_";

/// The tables of one pipeline, each kept once as it was.
pub(super) struct Tables {
    sink: WarehouseTable,
    /// What is kept of each, with the columns that are read.
    kept: Vec<(WarehouseTable, Vec<Kept>)>,
}

/// A column of a table.
#[derive(Clone, PartialEq, Eq)]
struct Kept {
    from: String,
    kind: ColumnKind,
    /// Whether no value of it may be one that the pipeline cannot read.
    is_sure: bool,
}

impl Tables {
    /// Begins with those of a pipeline into `sink`.
    pub(super) fn new(sink: WarehouseTable) -> Self {
        Self { sink, kept: Vec::new() }
    }

    /// Writes the name of a table beside the sink.
    pub(super) fn beside(&self, what: &str) -> String {
        let WarehouseTable { database, schema, name: it } = &self.sink;
        let own = name(&format!("{it}{TAIL}{what}"));
        format!("{}.{}.{own}", name(database.as_str()), name(schema.as_str()))
    }

    /// Reads columns of a table, and returns the name of what is kept of it.
    pub(super) fn read(&mut self, read: &WarehouseTable, columns: &[SourceColumn]) -> String {
        self.keep(read, columns, false)
    }

    /// As [`read`](Self::read), of a table each row of which must be readable.
    pub(super) fn read_all(&mut self, read: &WarehouseTable, columns: &[SourceColumn]) -> String {
        self.keep(read, columns, true)
    }

    fn keep(&mut self, read: &WarehouseTable, columns: &[SourceColumn], is_sure: bool) -> String {
        let place = self.kept.iter().position(|it| it.0 == *read).unwrap_or_else(|| {
            self.kept.push((read.clone(), Vec::new()));
            self.kept.len() - 1
        });
        if let Some((_, kept)) = self.kept.get_mut(place) {
            for column in columns {
                let new = Kept { from: column.from.clone(), kind: column.kind, is_sure };
                if !kept.contains(&new) {
                    kept.push(new);
                }
            }
        }
        self.beside(&place.to_string())
    }

    /// Lists the names of all that is kept.
    pub(super) fn names(&self) -> Vec<String> {
        (0..self.kept.len()).map(|it| self.beside(&it.to_string())).collect()
    }

    /// Writes what keeps the rows, a statement for each table.
    pub(super) fn snapshots(&self) -> Vec<String> {
        let kept = self.kept.iter().zip(self.names());
        kept.map(|((read, columns), kept)| {
            let mut names: Vec<String> = columns.iter().map(|it| name(&it.from)).collect();
            names.sort_unstable();
            names.dedup();
            format!(
                "CREATE OR REPLACE TRANSIENT TABLE {kept} AS SELECT {} FROM {}",
                names.join(", "),
                table(read)
            )
        })
        .collect()
    }

    /// Writes what lists columns that are not there or hold something else, of which none may be.
    pub(super) fn types(&self) -> String {
        let mut parts = Vec::new();
        for (read, columns) in &self.kept {
            for column in columns {
                let (words, condition) = held(column.kind, column.is_sure);
                let wanted = format!("{}.{} must hold {words}", read.name, column.from);
                parts.push(format!(
                    "SELECT {} AS \"fault\" WHERE NOT EXISTS (SELECT 1 FROM \
                     {}.INFORMATION_SCHEMA.COLUMNS WHERE TABLE_SCHEMA = {} AND TABLE_NAME = {} AND \
                     COLUMN_NAME = {} AND {})",
                    text(&wanted),
                    name(read.database.as_str()),
                    text(read.schema.as_str()),
                    text(read.name.as_str()),
                    text(&column.from),
                    condition
                ));
            }
        }
        parts.join(" UNION ALL ")
    }
}

/// Says which types hold a kind without a loss: in words, and as a condition of a column.
fn held(kind: ColumnKind, is_sure: bool) -> (String, String) {
    let is = |it: &str| format!("DATA_TYPE = '{it}'");
    match kind {
        ColumnKind::Text => ("VARCHAR".to_owned(), is("TEXT")),
        ColumnKind::Bool => ("BOOLEAN".to_owned(), is("BOOLEAN")),
        ColumnKind::Long if is_sure => (
            "NUMBER(18,0)".to_owned(),
            format!("{} AND NUMERIC_SCALE = 0 AND NUMERIC_PRECISION <= 18", is("NUMBER")),
        ),
        ColumnKind::Long => (
            "NUMBER without a fraction".to_owned(),
            format!("{} AND NUMERIC_SCALE = 0", is("NUMBER")),
        ),
        ColumnKind::Float => ("FLOAT".to_owned(), is("FLOAT")),
        ColumnKind::Decimal { precision, scale } => (
            type_name(kind),
            format!(
                "{} AND NUMERIC_SCALE <= {scale} AND NUMERIC_PRECISION - NUMERIC_SCALE <= {}",
                is("NUMBER"),
                precision - scale
            ),
        ),
        ColumnKind::Date => ("DATE".to_owned(), is("DATE")),
        ColumnKind::Instant => (type_name(kind), is("TIMESTAMP_NTZ")),
    }
}

/// Writes a column as the pipeline reads it, and the condition that its value cannot be read.
pub(super) fn column(column: &SourceColumn) -> (String, Option<String>) {
    let from = name(&column.from);
    match column.kind {
        ColumnKind::Long => {
            let sql = format!("CASE WHEN {from} {LONG} THEN CAST({from} AS NUMBER(19,0)) END");
            (sql, Some(format!("NOT ({from} {LONG})")))
        }
        // What an instant has below a millisecond is cut here, and there it is too.
        kind @ (ColumnKind::Decimal { .. } | ColumnKind::Instant) => {
            (format!("CAST({from} AS {})", type_name(kind)), None)
        }
        _ => (from, None),
    }
}

/// Returns the table that a source reads.
///
/// # Errors
///
/// That it is none.
pub(super) fn table_of(source: &Source) -> Result<WarehouseTable, String> {
    source.at.table().ok_or_else(|| format!("`{}` is no table of Snowflake", source.at))
}
