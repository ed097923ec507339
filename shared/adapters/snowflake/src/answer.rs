//! Answers of the SQL API. Source: Snowflake, "SQL API reference".

use std::sync::Arc;

use serde::Deserialize;
use shared::ports::warehouse::{Column, Summary, ValueKind};

/// A row as it comes: every value is text or null.
pub(crate) type RawRow = Vec<Option<String>>;

/// What is said of a statement that was taken.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Taken {
    pub(crate) statement_handle: String,
}

/// What is said when something is wrong, as far as it is said.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Refused {
    pub(crate) code: String,
    pub(crate) message: String,
    pub(crate) sql_state: Option<String>,
}

/// A statement that has ended well, with the first part of its rows.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Ended {
    pub(crate) result_set_meta_data: MetaData,
    #[serde(default)]
    pub(crate) data: Vec<RawRow>,
    #[serde(default)]
    pub(crate) stats: Stats,
}

/// A further part of the rows.
#[derive(Deserialize)]
pub(crate) struct Partition {
    pub(crate) data: Vec<RawRow>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MetaData {
    #[serde(default)]
    pub(crate) num_rows: u64,
    #[serde(default)]
    partition_info: Vec<PartitionInfo>,
    #[serde(default)]
    row_type: Vec<RowType>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PartitionInfo {
    row_count: u64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RowType {
    name: String,
    #[serde(rename = "type")]
    kind: String,
    precision: Option<u32>,
    scale: Option<u32>,
    length: Option<u64>,
    #[serde(default)]
    nullable: bool,
}

/// How many rows changed; it is left out when none did.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Stats {
    num_rows_inserted: u64,
    num_rows_updated: u64,
    num_rows_deleted: u64,
}

impl MetaData {
    /// Returns the number of rows of each part.
    pub(crate) fn parts(&self) -> Vec<u64> {
        self.partition_info.iter().map(|it| it.row_count).collect()
    }

    pub(crate) fn columns(&self) -> Arc<[Column]> {
        self.row_type.iter().map(column).collect()
    }
}

impl Ended {
    pub(crate) fn summary(&self) -> Summary {
        let Stats { num_rows_inserted, num_rows_updated, num_rows_deleted } = self.stats;
        Summary {
            columns: self.result_set_meta_data.columns(),
            n_rows: self.result_set_meta_data.num_rows,
            n_inserted: num_rows_inserted,
            n_updated: num_rows_updated,
            n_deleted: num_rows_deleted,
        }
    }

    /// Returns where the column `name` stands, whatever its case.
    pub(crate) fn place(&self, name: &str) -> Option<usize> {
        let columns = &self.result_set_meta_data.row_type;
        columns.iter().position(|it| it.name.eq_ignore_ascii_case(name))
    }
}

fn column(raw: &RowType) -> Column {
    Column {
        name: raw.name.clone(),
        kind: kind_of(&raw.kind),
        type_name: raw.kind.clone(),
        precision: raw.precision,
        scale: raw.scale,
        length: raw.length,
        is_nullable: raw.nullable,
    }
}

fn kind_of(type_name: &str) -> ValueKind {
    match type_name.to_ascii_lowercase().as_str() {
        "fixed" => ValueKind::Decimal,
        "real" => ValueKind::Real,
        "text" => ValueKind::Text,
        "boolean" => ValueKind::Bool,
        "binary" => ValueKind::Binary,
        "date" => ValueKind::Date,
        "time" => ValueKind::Time,
        "timestamp_ntz" => ValueKind::Local,
        "timestamp_ltz" => ValueKind::Instant,
        "timestamp_tz" => ValueKind::Zoned,
        "variant" | "object" | "array" | "map" => ValueKind::Json,
        _ => ValueKind::Other,
    }
}
