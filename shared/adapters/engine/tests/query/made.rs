//! A lake of made-up changes, the same ones for the same number.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use adapter_engine::ParquetFiles;
use shared::lake::{Catalog, Cell, Commit, CommitOutcome, LakeFile, LakeTable, TableSchema};
use shared::ports::{BlobKey, BlobStore, Clock, LakeFiles as _, TableWriter};
use shared::time::{Timestamp, show_day};

const DAY_MILLIS: i64 = 86_400_000;
/// The first day of changes: 1 December 2024.
const FIRST_DAY: i64 = 20_058;

const COURTS: [Option<&str>; 5] =
    [Some("King County"), Some("Cook County"), Some("O'Hara District"), None, Some("Königsberg")];
const AREAS: [&str; 6] = ["Family Law", "Contract", "Criminal", "Estates", "Labour", "Tax"];
const STATUSES: [&str; 6] = ["New", "Discovery", "Hearing", "Settled", "Closed", "Appeal"];
const PRIORITIES: [Option<&str>; 4] = [Some("High"), Some("Medium"), Some("Low"), None];
const INDUSTRIES: [Option<&str>; 4] = [Some("Shipping"), Some("Banking"), None, Some("Retail")];

/// What a lake is made of.
#[derive(Clone, Debug)]
pub(crate) struct Made {
    /// Changes in all; of twenty, one is of an account and one of a contact.
    pub(crate) n_rows: u64,
    /// Cases that they are spread over.
    pub(crate) n_cases: u64,
    /// Days that they are spread over; each has a file of each table.
    pub(crate) n_days: u64,
    /// Cases that there have never been.
    pub(crate) without: BTreeSet<u64>,
}

/// Returns the id of a case, an account or a contact.
pub(crate) fn id(table: LakeTable, number: u64) -> String {
    let kind = match table {
        LakeTable::Accounts => 0xa,
        LakeTable::Contacts => 0xb,
        LakeTable::Cases => 0xc,
    };
    let noise = mixed(number);
    format!(
        "{:08x}-{:04x}-8{:03x}-9{kind:x}44-{number:012x}",
        noise >> 32,
        noise & 0xffff,
        noise >> 52
    )
}

/// Spreads a number over all others, as `SplitMix64` does.
fn mixed(number: u64) -> u64 {
    let one = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let two = (one ^ (one >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let three = (two ^ (two >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    three ^ (three >> 31)
}

fn pick<T: Copy>(of: &[T], noise: u64) -> Option<T> {
    let at = usize::try_from(noise % of.len() as u64).ok()?;
    of.get(at).copied()
}

fn text(it: Option<&str>) -> Cell {
    it.map_or(Cell::Null, |it| Cell::Text(it.to_owned()))
}

/// One change, with what of it stands in the lake.
struct Change {
    seq: u64,
    at: i64,
    table: LakeTable,
    number: u64,
    noise: u64,
}

impl Made {
    fn change(&self, seq: u64) -> Change {
        let noise = mixed(seq);
        let span = i64::try_from(self.n_days).unwrap_or(1) * DAY_MILLIS;
        let at = i128::from(span) * i128::from(seq - 1) / i128::from(self.n_rows);
        let at = FIRST_DAY * DAY_MILLIS + i64::try_from(at).unwrap_or(0);
        let few = (self.n_cases / 20).max(3);
        let (table, number) = match seq % 20 {
            0 => (LakeTable::Accounts, noise % few),
            1 => (LakeTable::Contacts, noise % few),
            _ => (LakeTable::Cases, noise % self.n_cases),
        };
        Change { seq, at, table, number, noise: mixed(noise) }
    }

    /// Writes the lake into `blobs`, a commit for each day.
    pub(crate) async fn write(&self, blobs: &Arc<dyn BlobStore>, clock: &Arc<dyn Clock>) {
        self.write_days(blobs, clock, 0..self.n_days).await;
    }

    /// Writes some of its days.
    pub(crate) async fn write_days(
        &self,
        blobs: &Arc<dyn BlobStore>,
        clock: &Arc<dyn Clock>,
        days: std::ops::Range<u64>,
    ) {
        let catalog = Catalog::new(Arc::clone(blobs), Arc::clone(clock));
        let files = ParquetFiles::new(Arc::clone(blobs));
        let mut loaded = catalog.load().await.unwrap();
        for day in days {
            let first = loaded.head.position + 1;
            let last = ((day + 1) * self.n_rows).div_ceil(self.n_days).min(self.n_rows);
            let mut open: BTreeMap<LakeTable, Open> = BTreeMap::new();
            for seq in first..=last {
                let change = self.change(seq);
                if change.table == LakeTable::Cases && self.without.contains(&change.number) {
                    continue;
                }
                if let Entry::Vacant(place) = open.entry(change.table) {
                    place.insert(Open::begin(&files, change.table, day).await);
                }
                if let Some(open) = open.get_mut(&change.table) {
                    open.add(&change).await;
                }
            }
            let schemas = open.iter().map(|(table, it)| (*table, it.schema.clone())).collect();
            let mut added = Vec::new();
            for (table, open) in open {
                added.push(open.finish(table, day).await);
            }
            let commit = Commit {
                id: format!("made-{day:05}"),
                kind: "export",
                began_at: clock.now(),
                span: Some((loaded.head.position, last)),
                added,
                removed: BTreeSet::new(),
                schemas,
            };
            loaded = match catalog.commit(loaded, &commit).await.unwrap() {
                CommitOutcome::Committed(loaded) | CommitOutcome::Lost(loaded) => loaded,
            };
        }
    }
}

struct Open {
    key: BlobKey,
    schema: TableSchema,
    writer: Box<dyn TableWriter>,
    rows: Vec<Vec<Cell>>,
    seqs: (u64, u64),
}

fn day_name(day: u64) -> String {
    show_day(i32::try_from(FIRST_DAY).unwrap() + i32::try_from(day).unwrap())
}

impl Open {
    async fn begin(files: &ParquetFiles, table: LakeTable, day: u64) -> Self {
        let key = format!("lake/{table}/day={}/made-{day:05}.parquet", day_name(day));
        let key = BlobKey::parse(key).unwrap();
        let schema = TableSchema::first(table.columns());
        let writer = files.create(&key, &schema).await.unwrap();
        Self { key, schema, writer, rows: Vec::new(), seqs: (u64::MAX, 0) }
    }

    async fn add(&mut self, change: &Change) {
        self.seqs = (self.seqs.0.min(change.seq), change.seq);
        self.rows.push(self.schema.columns.iter().map(|it| change.cell(&it.name)).collect());
        if self.rows.len() == 4096 {
            self.writer.write(std::mem::take(&mut self.rows)).await.unwrap();
        }
    }

    async fn finish(mut self, table: LakeTable, day: u64) -> LakeFile {
        self.writer.write(self.rows).await.unwrap();
        let written = self.writer.finish().await.unwrap();
        let midnight = (FIRST_DAY + i64::try_from(day).unwrap()) * DAY_MILLIS;
        LakeFile {
            table,
            day: day_name(day),
            key: self.key,
            n_rows: written.n_rows,
            n_bytes: written.n_bytes,
            sha256: written.sha256,
            min_seq: self.seqs.0,
            max_seq: self.seqs.1,
            min_version: Timestamp::from_millis(midnight - DAY_MILLIS),
            max_version: Timestamp::from_millis(midnight + DAY_MILLIS),
            schema_version: 1,
            is_compacted: false,
        }
    }
}

impl Change {
    fn cell(&self, column: &str) -> Cell {
        let Self { seq, at, table, number, noise } = *self;
        // A few rows were gone when the change was read.
        let is_gone = noise % 211 == 0;
        let status = pick(&STATUSES, noise >> 8).unwrap_or("New");
        let instant = |millis| Cell::Instant(Timestamp::from_millis(millis));
        match column {
            "change_seq" => Cell::Int(i64::try_from(seq).unwrap_or(0)),
            "changed_at" => instant(at),
            "change_kind" => text(
                pick(&["updated", "updated", "updated", "created"], noise >> 4)
                    .filter(|_| noise % 50 != 0)
                    .or(Some("deleted")),
            ),
            "changed_fields" => text(Some(r#"["status"]"#)),
            "id" => Cell::Text(id(table, number)),
            "read_at" => instant(at + 1500),
            _ if is_gone => Cell::Null,
            "is_deleted" => Cell::Bool(noise % 50 == 0),
            "connection" => text(Some("main")),
            "object" => text(Some("Case")),
            "record_id" => Cell::Text(format!("rec{number}")),
            "version" => instant(at - 700),
            "custom" => Cell::Text(format!(r#"{{"rating":{}.5,"city":"Köln"}}"#, noise % 9)),
            "name" => Cell::Text(format!("Müller & \"Söhne\" {number}")),
            "industry" => text(pick(&INDUSTRIES, number).flatten()),
            "email" => Cell::Text(format!("{:032x}", mixed(number))),
            "account_id" if noise % 7 > 0 => Cell::Text(id(LakeTable::Accounts, number % 7)),
            "case_number" => Cell::Text(format!("{number:08}")),
            "title" => Cell::Text(format!("Doe v. Roe {:x}", noise >> 20)),
            "court" => text(pick(&COURTS, number).flatten()),
            "practice_area" => text(pick(&AREAS, number / 3)),
            "priority" => text(pick(&PRIORITIES, noise >> 16).flatten()),
            "status" => text(Some(status)),
            "is_closed" => Cell::Bool(["Closed", "Settled"].contains(&status)),
            "opened_at" if number % 31 > 0 => instant(
                (FIRST_DAY - i64::try_from(number % 500).unwrap_or(0)) * DAY_MILLIS + 34_000_000,
            ),
            "closed_at" if ["Closed", "Settled"].contains(&status) => instant(at),
            _ => Cell::Null,
        }
    }
}
