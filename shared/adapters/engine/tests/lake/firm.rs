//! A case store with changes, and a lake of them in a folder.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use adapter_engine::{ParquetFiles, ParquetSettings};
use adapter_objects::BlobAddress;
use shared::config::Env;
use shared::ids::EntityId;
use shared::lake::{Compactor, Exporter, Hiding, LakePorts, LakeSettings};
use shared::model::{Entity, FieldValue};
use shared::ports::case_store_contract::{next_write, sample_key, sample_write, text_fields};
use shared::ports::two_way_contract::HandClock;
use shared::ports::{
    BlobStore, CaseStore, Clock, MemoryCaseStore, SystemClock, SystemRandom, WriteKind,
};
use shared::secret::Secret;
use shared::sync::{FieldKind, FieldMapping, Mappings, Mask, ObjectMapping};

/// A firm with a lake.
pub(crate) struct Firm {
    pub(crate) store: Arc<MemoryCaseStore>,
    pub(crate) blobs: Arc<dyn BlobStore>,
    pub(crate) clock: Arc<HandClock>,
    pub(crate) settings: LakeSettings,
    pub(crate) parquet: ParquetSettings,
    folder: tempfile::TempDir,
}

/// Opens the folder `path` as a blob store.
pub(crate) fn folder(path: &Path) -> Arc<dyn BlobStore> {
    let address = BlobAddress::parse(&format!("file:{}", path.display())).unwrap();
    let none: [(&str, &str); 0] = [];
    address.open(&Env::from_pairs(none), Arc::new(SystemClock), Arc::new(SystemRandom)).unwrap()
}

/// E-mail addresses are hashed, and one custom field is known.
fn hiding() -> Hiding {
    let email = FieldMapping {
        mask: Some(Mask::Hash),
        ..FieldMapping::reading("Email", "email", FieldKind::Text)
    };
    let rating = FieldMapping::reading("Rating__c", "custom.rating", FieldKind::Number);
    let object = |entity| sample_key(entity, 1).object;
    let mappings = Mappings::new(
        "salesforce",
        [
            ObjectMapping::reading(object(Entity::Contact), Entity::Contact, vec![email]),
            ObjectMapping::reading(object(Entity::Case), Entity::Case, vec![rating]),
        ],
    );
    Hiding::new([&mappings], Some(Secret::new("the key of this test"))).unwrap()
}

impl Firm {
    pub(crate) fn new() -> Self {
        let folder_of = tempfile::tempdir().unwrap();
        Self {
            store: Arc::new(MemoryCaseStore::default()),
            blobs: folder(folder_of.path()),
            clock: Arc::new(HandClock::default()),
            settings: LakeSettings { page: 50, ..LakeSettings::default() },
            parquet: ParquetSettings::default(),
            folder: folder_of,
        }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().to_owned()
    }

    pub(crate) fn ports(&self) -> LakePorts {
        let files = ParquetFiles::new(Arc::clone(&self.blobs)).with_settings(self.parquet);
        LakePorts {
            feed: self.store.clone(),
            rows: self.store.clone(),
            blobs: Arc::clone(&self.blobs),
            files: Arc::new(files),
            clock: self.clock.clone(),
            random: Arc::new(SystemRandom),
        }
    }

    pub(crate) async fn export(&self) {
        let tally = Exporter::new(self.ports(), hiding(), self.settings).run(None).await.unwrap();
        assert_eq!((tally.n_behind, tally.n_unfit), (0, 0));
    }

    pub(crate) async fn compact(&self) -> u64 {
        Compactor::new(self.ports(), self.settings).run(None).await.unwrap().n_before
    }

    /// Makes, changes, deletes and merges rows of every kind, with values of every type.
    pub(crate) async fn work(&self) {
        for number in 1..=40 {
            let name = format!("Müller & \"Söhne\" {number}\nⅡ");
            self.put(Entity::Account, number, [("name", &*name), ("industry", "Law")]).await;
            let email = format!("person{number}@firm.example");
            let account = sample_key(Entity::Account, number).entity_id();
            let fields = [("email", &*email), ("account_id", account.as_str())];
            self.put(Entity::Contact, number, fields).await;
            let opened = self.clock.now().minus(Duration::from_hours(24 * u64::from(number) * 365));
            let opened = opened.to_string();
            self.put(Entity::Case, number, [("title", "Doe v. Roe"), ("opened_at", &*opened)])
                .await;
            self.clock.pass(Duration::from_mins(50));
        }
        self.end(Entity::Case, 3, None).await;
        let survivor = sample_key(Entity::Account, 2).entity_id();
        self.end(Entity::Account, 1, Some(survivor)).await;
        self.put(Entity::Case, 7, [("title", "Settled"), ("status", "Closed")]).await;
    }

    async fn put<const N: usize>(&self, entity: Entity, number: u32, row: [(&str, &str); N]) {
        let mut write = sample_write(entity, number, text_fields(row));
        if entity == Entity::Case {
            write.row.insert("is_closed".to_owned(), FieldValue::Bool(number.is_multiple_of(2)));
            write
                .row
                .insert("custom.rating".to_owned(), FieldValue::number(f64::from(number) / 4.0));
        }
        if let Some(known) = self.store.shadow(&write.shadow.key).await.unwrap() {
            write = next_write(write, WriteKind::Updated, known.revision);
        }
        self.apply(write).await;
    }

    async fn end(&self, entity: Entity, number: u32, merged_into: Option<EntityId>) {
        let write = sample_write(entity, number, text_fields([]));
        let known = self.store.shadow(&write.shadow.key).await.unwrap().unwrap();
        let mut write = next_write(write, WriteKind::Deleted, known.revision);
        write.row = self.store.rows()[&(entity, write.entity_id.clone())].clone();
        write.marks.merged_into = merged_into;
        self.apply(write).await;
    }

    async fn apply(&self, mut write: shared::ports::Write) {
        write.shadow.version = self.clock.now();
        if let Some(audit) = &mut write.audit {
            audit.received_at = self.clock.now();
        }
        self.store.apply(write).await.unwrap();
    }
}
