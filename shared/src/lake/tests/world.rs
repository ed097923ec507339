//! A case store, a lake, and a model of what the lake must hold.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use futures_util::TryStreamExt as _;

use super::fragile::{Blow, Fragile};
use crate::lake::{
    Catalog, Cell, Column, CompactTally, Compactor, ExportTally, Exporter, Head, Hiding, LakeError,
    LakeFile, LakePorts, LakeSettings, LakeTable, TableSchema, sweep_lake,
};
use crate::model::{Entity, FieldValue};
use crate::ports::case_store_contract::{next_write, sample_key, sample_write};
use crate::ports::two_way_contract::HandClock;
use crate::ports::{
    BlobStore, CaseStore, ChangeFeed, ChangeRow, Clock, CurrentRow, CurrentRows, JsonLakeFiles,
    MemoryBlobStore, MemoryCaseStore, Sha256Digest, SystemRandom, WriteKind, read_whole,
};
use crate::sync::{FieldKind, FieldMapping, Mappings, ObjectMapping};
use crate::time::Timestamp;

/// What the tests know about a row of the lake: all its values by column, but for when it was read.
pub(super) type Told = BTreeMap<String, Cell>;

pub(super) struct World {
    pub(super) store: Arc<MemoryCaseStore>,
    pub(super) blobs: Arc<dyn BlobStore>,
    pub(super) clock: Arc<HandClock>,
    pub(super) settings: LakeSettings,
    pub(super) hiding: Hiding,
    pub(super) columns: Option<Vec<Column>>,
    /// The length of a part of an upload, in bytes.
    pub(super) part_bytes: usize,
    /// What the lake must hold, by the number of the change.
    told: BTreeMap<u64, Told>,
}

/// Mappings without masks, so that the custom field `rating` is known.
pub(super) fn open_hiding() -> Hiding {
    let rating = FieldMapping::reading("Rating__c", "custom.rating", FieldKind::Number);
    let mapping = |entity: Entity| {
        let object = sample_key(entity, 1).object;
        ObjectMapping::reading(object, entity, vec![rating.clone()])
    };
    let mappings = Mappings::new("salesforce", Entity::ALL.map(mapping));
    Hiding::new([&mappings], None).unwrap()
}

impl World {
    pub(super) fn new() -> Self {
        let clock = Arc::new(HandClock::default());
        Self {
            store: Arc::new(MemoryCaseStore::default()),
            blobs: Arc::new(MemoryBlobStore::new(clock.clone())),
            clock,
            settings: LakeSettings {
                page: 3,
                max_file_bytes: 1500,
                max_file_age: Duration::from_mins(15),
            },
            hiding: open_hiding(),
            columns: None,
            part_bytes: 400,
            told: BTreeMap::new(),
        }
    }

    /// Changes row `number` of `entity`: makes it, changes its text, deletes it or brings it back.
    pub(super) async fn change(&self, entity: Entity, number: u32, choice: u8) {
        let column = if entity == Entity::Contact { "email" } else { "description" };
        let text = format!("text {choice} at {}", self.clock.now());
        let mut write = sample_write(entity, number, Default::default());
        write.row.insert(column.to_owned(), FieldValue::text(&text));
        write.row.insert("custom.rating".to_owned(), FieldValue::Int(choice.into()));
        if entity == Entity::Case {
            write.row.insert("is_closed".to_owned(), FieldValue::Bool(choice.is_multiple_of(2)));
            write.row.insert("opened_at".to_owned(), FieldValue::Text(self.clock.now().into()));
        }
        if let Some(known) = self.store.shadow(&write.shadow.key).await.unwrap() {
            let kind = match (choice % 4, known.is_deleted) {
                (0, false) => WriteKind::Deleted,
                (_, true) => WriteKind::Restored,
                _ => WriteKind::Updated,
            };
            write = next_write(write, kind, known.revision);
            let other = sample_key(entity, number + 1).entity_id();
            let is_there = self.store.rows().contains_key(&(entity, other.clone()));
            if kind == WriteKind::Deleted && is_there && choice.is_multiple_of(8) {
                write.marks.merged_into = Some(other);
            }
        }
        write.shadow.version = self.clock.now();
        if let Some(audit) = &mut write.audit {
            audit.received_at = self.clock.now();
        }
        self.store.apply(write).await.unwrap();
    }

    pub(super) fn fragile(&self, blow: Option<(u64, Blow)>, seed: u64) -> Arc<Fragile> {
        Arc::new(Fragile::new(Arc::clone(&self.blobs), blow, seed))
    }

    pub(super) fn ports(&self, blobs: Arc<dyn BlobStore>) -> LakePorts {
        LakePorts {
            feed: self.store.clone(),
            rows: self.store.clone(),
            files: Arc::new(JsonLakeFiles::new(Arc::clone(&blobs), self.part_bytes)),
            blobs,
            clock: self.clock.clone(),
            random: Arc::new(SystemRandom),
        }
    }

    pub(super) fn exporter(&self, blobs: Arc<dyn BlobStore>) -> Exporter {
        let exporter = Exporter::new(self.ports(blobs), self.hiding.clone(), self.settings);
        match &self.columns {
            Some(columns) => exporter.with_columns(LakeTable::Cases, columns.clone()),
            None => exporter,
        }
    }

    pub(super) async fn export(&mut self) -> Result<ExportTally, LakeError> {
        let tally = self.exporter(Arc::clone(&self.blobs)).run(None).await;
        self.check().await;
        tally
    }

    pub(super) async fn compact(&mut self) -> Result<CompactTally, LakeError> {
        let ports = self.ports(Arc::clone(&self.blobs));
        let tally = Compactor::new(ports, self.settings).run(None).await;
        self.check().await;
        tally
    }

    pub(super) async fn sweep(&mut self) -> u64 {
        let n = sweep_lake(&self.ports(Arc::clone(&self.blobs)), None).await.unwrap();
        self.check().await;
        n
    }

    pub(super) async fn head(&self) -> Head {
        self.catalog().load().await.unwrap().head
    }

    pub(super) fn catalog(&self) -> Catalog {
        Catalog::new(Arc::clone(&self.blobs), self.clock.clone())
    }

    pub(super) async fn files(&self) -> Vec<LakeFile> {
        let head = self.head().await;
        let catalog = self.catalog();
        catalog.files(&head).try_collect().await.unwrap()
    }

    /// Lists every object of the lake but for the head.
    pub(super) async fn objects(&self) -> BTreeSet<String> {
        let all = self.blobs.list("lake/", None, NonZeroU32::MAX).await.unwrap();
        let keys = all.into_iter().map(|it| it.key.as_str().to_owned());
        keys.filter(|it| !it.ends_with("manifest.json")).collect()
    }

    pub(super) fn n_told(&self) -> usize {
        self.told.len()
    }

    /// Sees that the lake holds what the model says: every change up to the position of its head once,
    /// with the values that the row has now where they came since the last check.
    pub(super) async fn check(&mut self) {
        let position = self.head().await.position;
        let known = self.told.last_key_value().map_or(0, |it| *it.0);
        for change in self.store.changes_after(known, u32::MAX).await.unwrap() {
            if change.seq <= position {
                let ids = std::slice::from_ref(&change.entity_id);
                let row = self.store.current_rows(change.entity, ids).await.unwrap().remove(0);
                let row = row.unwrap();
                self.told.insert(change.seq, told(&change, &row));
            }
        }
        assert_eq!(self.in_lake().await, self.told);
    }

    /// Reads the whole lake, and checks the manifest against the files.
    async fn in_lake(&self) -> BTreeMap<u64, Told> {
        let head = self.head().await;
        let reader = self.ports(Arc::clone(&self.blobs)).files;
        let mut found = BTreeMap::new();
        for file in self.files().await {
            let bytes = read_whole(&*self.blobs, &file.key, usize::MAX).await.unwrap();
            assert_eq!((file.n_bytes, file.sha256), (bytes.len() as u64, Sha256Digest::of(&bytes)));
            let versions = &head.schemas[&file.table];
            assert!(versions.iter().any(|it| it.version == file.schema_version));
            let schema = versions.last().unwrap();
            let rows = reader.read(&file.key, schema).await.unwrap();
            let rows: Vec<Vec<Cell>> = rows.try_concat().await.unwrap();
            let rows: Vec<Told> = rows.into_iter().map(|it| named(schema, it)).collect();
            let seq = |it: &Told| u64::try_from(it["change_seq"].as_int().unwrap()).unwrap();
            let seqs: Vec<u64> = rows.iter().map(seq).collect();
            assert!(seqs.is_sorted() && !seqs.is_empty());
            assert_eq!((file.min_seq, file.max_seq), (seqs[0], seqs[seqs.len() - 1]));
            assert_eq!(file.n_rows, rows.len() as u64);
            for row in rows {
                let day = &row["changed_at"];
                assert!(matches!(day, Cell::Instant(at) if at.to_string().starts_with(&file.day)));
                let twice = found.insert(seq(&row), row);
                assert_eq!(twice, None, "a change is in the lake twice");
            }
        }
        assert_eq!(head.size().n_rows, found.len() as u64);
        found
    }
}

fn named(schema: &TableSchema, row: Vec<Cell>) -> Told {
    let names = schema.columns.iter().map(|it| it.name.clone());
    names.zip(row).filter(|(name, cell)| name != "read_at" && *cell != Cell::Null).collect()
}

/// Says what the lake must tell of `change`, without the code under test.
fn told(change: &ChangeRow, row: &CurrentRow) -> Told {
    let text = |it: &str| Cell::Text(it.to_owned());
    let kind = match row.merged_into {
        Some(_) if change.kind == WriteKind::Deleted => "merged",
        _ => change.kind.as_str(),
    };
    let mut told: Told = [
        ("change_seq", Cell::Int(change.seq.try_into().unwrap())),
        ("changed_at", Cell::Instant(change.at)),
        ("change_kind", text(kind)),
        ("changed_fields", text(&serde_json::to_string(&change.fields).unwrap())),
        ("id", text(change.entity_id.as_str())),
        ("is_deleted", Cell::Bool(row.is_deleted)),
        ("connection", text(row.key.connection.as_str())),
        ("object", text(row.key.object.as_str())),
        ("record_id", text(row.key.record_id.as_str())),
        ("version", Cell::Instant(row.version)),
    ]
    .into_iter()
    .map(|(name, cell)| (name.to_owned(), cell))
    .collect();
    if let Some(into) = &row.merged_into {
        told.insert("merged_into".to_owned(), text(into.as_str()));
    }
    let rating = row.fields.get("custom.rating").unwrap();
    told.insert("custom".to_owned(), text(&format!("{{\"rating\":{rating}}}")));
    for (name, value) in row.fields.iter().filter(|(name, _)| !name.starts_with("custom.")) {
        let cell = match value {
            FieldValue::Bool(it) => Cell::Bool(*it),
            FieldValue::Text(it) if name.ends_with("_at") => {
                Cell::Instant(Timestamp::parse(it).unwrap())
            }
            FieldValue::Text(it) => text(it),
            _ => continue,
        };
        told.insert(name.as_str().to_owned(), cell);
    }
    told
}
