//! A case store with changes, a lake of them where the peer's stage points to, and what of it the
//! warehouse must hold.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use adapter_engine::ParquetFiles;
use adapter_objects::BlobAddress;
use futures_util::TryStreamExt as _;
use serde_json::Value;
use shared::config::Env;
use shared::lake::{
    Catalog, Cell, Column, Compactor, Exporter, Hiding, LakePorts, LakeSettings, LakeTable,
    TableSchema, sweep_lake,
};
use shared::loader::{LoadError, LoadPorts, LoadSettings, LoadTally, Loader};
use shared::model::{Entity, FieldValue};
use shared::ports::case_store_contract::{next_write, sample_key, sample_write, text_fields};
use shared::ports::two_way_contract::HandClock;
use shared::ports::warehouse::Warehouse;
use shared::ports::{
    BlobStore, CaseStore, Clock, LakeFiles as _, Ledger, MemoryCaseStore, MemoryLedger,
    SystemClock, SystemRandom, WriteKind,
};
use shared::sync::{FieldKind, FieldMapping, Mappings, ObjectMapping};

use crate::support::Peer;

/// A firm with a lake and a warehouse.
pub(crate) struct Firm {
    pub(crate) peer: Peer,
    pub(crate) store: Arc<MemoryCaseStore>,
    pub(crate) blobs: Arc<dyn BlobStore>,
    pub(crate) clock: Arc<HandClock>,
    pub(crate) ledger: Arc<dyn Ledger>,
    pub(crate) settings: LoadSettings,
    pub(crate) columns: Option<Vec<Column>>,
    n_changes: std::sync::atomic::AtomicU32,
}

/// The rows of a table as text, by the number of the change.
type Rows = BTreeMap<u64, Vec<Option<String>>>;

fn hiding() -> Hiding {
    let rating = FieldMapping::reading("Rating__c", "custom.rating", FieldKind::Number);
    let object = sample_key(Entity::Case, 1).object;
    let mapping = ObjectMapping::reading(object, Entity::Case, vec![rating]);
    Hiding::new([&Mappings::new("salesforce", [mapping])], None).unwrap()
}

impl Firm {
    /// `None` when the peer is not there.
    pub(crate) async fn new() -> Option<Self> {
        let peer = Peer::start().await?;
        let address = BlobAddress::parse(&format!("file:{}", peer.folder().display())).unwrap();
        let none: [(&str, &str); 0] = [];
        let (clock, random) = (Arc::new(SystemClock), Arc::new(SystemRandom));
        let blobs = address.open(&Env::from_pairs(none), clock, random).unwrap();
        Some(Self {
            peer,
            store: Arc::new(MemoryCaseStore::default()),
            blobs,
            clock: Arc::new(HandClock::default()),
            ledger: Arc::new(MemoryLedger::default()),
            settings: LoadSettings { max_files: 5, ..LoadSettings::new("firm") },
            columns: None,
            n_changes: 0.into(),
        })
    }

    /// Makes, changes, deletes, merges and restores rows: `n` changes, each time others.
    pub(crate) async fn work(&self, n: u32) {
        for _ in 0..n {
            let number = self.n_changes.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            let mixed = number.wrapping_mul(0x9e37_79b9);
            let entity = Entity::ALL[(mixed >> 13) as usize % 3];
            self.change(entity, (mixed >> 17) % (n / 4 + 5), mixed >> 5, &number.to_string()).await;
        }
    }

    async fn change(&self, entity: Entity, number: u32, choice: u32, text: &str) {
        let column = if entity == Entity::Contact { "email" } else { "name" };
        let column = if entity == Entity::Case { "title" } else { column };
        let text = format!("Müller & \"O'Söhne\" \\ {text}\nⅡ");
        let mut write = sample_write(entity, number, text_fields([(column, &*text)]));
        if entity == Entity::Case {
            write.row.insert("is_closed".to_owned(), FieldValue::Bool(choice.is_multiple_of(2)));
            write.row.insert("custom.rating".to_owned(), FieldValue::Int(choice.into()));
            // Some long before 1970.
            let years = Duration::from_hours(24 * 365 * u64::from(choice % 90));
            let opened = self.clock.now().minus(years).plus(Duration::from_millis(7));
            write.row.insert("opened_at".to_owned(), FieldValue::Text(opened.into()));
        }
        if let Some(known) = self.store.shadow(&write.shadow.key).await.unwrap() {
            let kind = match (choice % 5, known.is_deleted) {
                (0, false) => WriteKind::Deleted,
                (_, true) => WriteKind::Restored,
                _ => WriteKind::Updated,
            };
            write = next_write(write, kind, known.revision);
        }
        self.apply(write).await;
    }

    /// Makes a case, or gives it another status.
    pub(crate) async fn case(&self, number: u32, status: &str) {
        let row = text_fields([("title", "Doe v. Roe"), ("status", status)]);
        let mut write = sample_write(Entity::Case, number, row);
        if let Some(known) = self.store.shadow(&write.shadow.key).await.unwrap() {
            write = next_write(write, WriteKind::Updated, known.revision);
        }
        self.apply(write).await;
    }

    async fn apply(&self, mut write: shared::ports::Write) {
        self.clock.pass(Duration::from_secs(20));
        write.shadow.version = self.clock.now();
        if let Some(audit) = &mut write.audit {
            audit.received_at = self.clock.now();
        }
        self.store.apply(write).await.unwrap();
    }

    fn lake_ports(&self) -> LakePorts {
        LakePorts {
            feed: self.store.clone(),
            rows: self.store.clone(),
            blobs: Arc::clone(&self.blobs),
            files: Arc::new(ParquetFiles::new(Arc::clone(&self.blobs))),
            clock: self.clock.clone(),
            random: Arc::new(SystemRandom),
        }
    }

    /// Writes what is new into the lake, in files of few rows.
    pub(crate) async fn export(&self) {
        let settings =
            LakeSettings { max_file_bytes: 20_000, page: 100, ..LakeSettings::default() };
        let exporter = Exporter::new(self.lake_ports(), hiding(), settings);
        let exporter = match &self.columns {
            Some(columns) => exporter.with_columns(LakeTable::Cases, columns.clone()),
            None => exporter,
        };
        let tally = exporter.run(None).await.unwrap();
        assert_eq!((tally.n_behind, tally.n_unfit), (0, 0));
    }

    pub(crate) async fn compact(&self) -> u64 {
        let tally =
            Compactor::new(self.lake_ports(), LakeSettings::default()).run(None).await.unwrap();
        tally.n_before
    }

    pub(crate) async fn sweep(&self) -> u64 {
        sweep_lake(&self.lake_ports(), None).await.unwrap()
    }

    pub(crate) fn loader_of(
        &self,
        warehouse: Arc<dyn Warehouse>,
        ledger: Arc<dyn Ledger>,
    ) -> Loader {
        let ports = LoadPorts {
            warehouse,
            ledger,
            blobs: Arc::clone(&self.blobs),
            clock: self.clock.clone(),
            random: Arc::new(SystemRandom),
        };
        Loader::new(ports, self.settings.clone())
    }

    /// The loader of a fresh process.
    pub(crate) fn loader(&self) -> Loader {
        self.loader_of(Arc::new(self.peer.open()), Arc::clone(&self.ledger))
    }

    pub(crate) async fn load(&self) -> Result<LoadTally, LoadError> {
        self.loader().run(None).await
    }

    /// Forgets how far loading has come.
    pub(crate) fn forget(&mut self) {
        self.ledger = Arc::new(MemoryLedger::default());
    }

    /// Reads every row of a table from the files that the manifest names.
    async fn lake_rows(&self, table: LakeTable) -> (Option<TableSchema>, Rows) {
        let catalog = Catalog::new(Arc::clone(&self.blobs), self.clock.clone());
        let head = catalog.load().await.unwrap().head;
        let Some(schema) = head.schema(table).cloned() else { return (None, Rows::new()) };
        let files: Vec<_> = catalog.files(&head).try_collect().await.unwrap();
        let parquet = ParquetFiles::new(Arc::clone(&self.blobs));
        let mut rows = Rows::new();
        for file in files.iter().filter(|it| it.table == table) {
            let mut groups = parquet.read(&file.key, &schema).await.unwrap();
            while let Some(group) = groups.try_next().await.unwrap() {
                for row in group {
                    let seq = u64::try_from(row[0].as_int().unwrap()).unwrap();
                    rows.insert(seq, row.iter().map(shown).collect());
                }
            }
        }
        (Some(schema), rows)
    }

    /// Reads every row of a table of the warehouse, by change, and how many there are.
    pub(crate) async fn warehouse_rows(&self, name: &str, schema: &TableSchema) -> (usize, Rows) {
        let columns: Vec<_> =
            schema.columns.iter().map(|it| format!("\"{}\"", it.name.to_uppercase())).collect();
        let text = format!("select {} from \"{name}\"", columns.join(", "));
        let answer = self.peer.sql(&[&text]).await;
        let answer = answer.as_array().unwrap();
        let cell = |it: &Value| it.as_str().map(str::to_owned);
        let rows: Rows = answer
            .iter()
            .map(|row| row.as_array().unwrap().iter().map(cell).collect::<Vec<_>>())
            .map(|row| (row[0].as_deref().unwrap().parse().unwrap(), row))
            .collect();
        (answer.len(), rows)
    }

    /// Compares the warehouse with the lake, row for row, value for value.
    pub(crate) async fn check(&self) -> usize {
        let mut n_rows = 0;
        for table in LakeTable::ALL {
            let (Some(schema), lake) = self.lake_rows(table).await else { continue };
            let upper = table.as_str().to_uppercase();
            let (n_changes, changes) =
                self.warehouse_rows(&format!("{upper}_CHANGES"), &schema).await;
            assert_eq!(n_changes, changes.len(), "a change of {table} is there twice");
            same(&changes, &lake);
            let id = schema.columns.iter().position(|it| it.name == "id").unwrap();
            let newest: BTreeMap<_, _> =
                lake.iter().map(|(seq, row)| (row[id].clone(), (*seq, row.clone()))).collect();
            let (n_current, current) = self.warehouse_rows(&upper, &schema).await;
            assert_eq!(n_current, newest.len(), "rows of {table}");
            same(&current, &newest.into_values().collect());
            n_rows += n_changes;
        }
        n_rows
    }

    /// Tells whether fewer than `n_wanted` changes are settled.
    pub(crate) async fn check_is_behind(&self, n_wanted: u64) -> bool {
        let status = self.loader().status().await.unwrap();
        status.iter().map(|it| it.n_rows).sum::<u64>() < n_wanted
    }

    /// Tells whether a statement for cases is under way.
    pub(crate) async fn has_begun(&self) -> bool {
        let entry = self.ledger.get("warehouse-load:firm:cases").await.unwrap();
        entry.is_some_and(|it| it.value.contains("\"handle\":\""))
    }

    /// Counts the statements that ran and begin with `text`.
    pub(crate) async fn n_runs(&self, text: &str) -> usize {
        let runs = self.peer.runs().await;
        runs.iter().filter(|it| it["statement"].as_str().unwrap().starts_with(text)).count()
    }
}

fn same(found: &Rows, wanted: &Rows) {
    for (seq, row) in wanted {
        assert_eq!(found.get(seq), Some(row), "change {seq}");
    }
    assert_eq!(found.len(), wanted.len());
}

/// Shows a value as the peer does.
fn shown(cell: &Cell) -> Option<String> {
    Some(match cell {
        Cell::Null => return None,
        Cell::Bool(it) => if *it { "True" } else { "False" }.to_owned(),
        Cell::Int(it) => it.to_string(),
        Cell::Float(it) => it.to_string(),
        Cell::Text(it) => it.clone(),
        Cell::Instant(it) => {
            let text = it.to_string().replace('T', " ").replace('Z', "");
            match text.strip_suffix(".000") {
                Some(whole) => whole.to_owned(),
                None => format!("{text}000"),
            }
        }
    })
}
