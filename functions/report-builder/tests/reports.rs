//! Reports over a case store in SQLite and a folder: by the clock, through the queue, into every format.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use adapter_sql::MigrationPolicy;
use adapter_sql::store::SqliteCaseStore;
use futures_util::TryStreamExt as _;
use report_builder::{ReportPorts, ReportRuns};
use shared::lake::{Cell, Column, ColumnType, TableSchema};
use shared::model::{Entity, FieldValue};
use shared::ports::case_store_contract::{sample_write, text_fields};
use shared::ports::{
    BlobStore, CaseStore as _, Clock, MemoryQueue, Queue as _, Report, ReportFilter, ReportFormat,
    ReportJournal as _, ReportReader, ReportState, SystemRandom, read_whole,
};
use shared::reports::{BuildPorts, BuildSettings, Newsroom, ReportDefinitions, ReportSources};
use shared::time::Timestamp;
use shared::worker::{Failure, Message, MessageHandler as _, ScheduleHandler as _, Tick};
use wiring::BlobAddress;

const OWN: &str = "report: firm-monthly\ntitle: Kanzlei Müller\nabout: Akten.\nkind: firm\nperiod: month\n\
                   formats: [html, pdf, csv, parquet]\nschedule: \"06:00\"\n";

struct Standing(Timestamp);

impl Clock for Standing {
    fn now(&self) -> Timestamp {
        self.0
    }
}

fn at(raw: &str) -> Timestamp {
    Timestamp::parse(raw).unwrap()
}

struct Fixture {
    store: Arc<SqliteCaseStore>,
    blobs: Arc<dyn BlobStore>,
    queue: Arc<MemoryQueue>,
    ports: ReportPorts,
    runs: Arc<ReportRuns>,
    _folder: tempfile::TempDir,
}

impl Fixture {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(Standing(at("2026-12-01T06:30:00Z")));
        let path = folder.path().join("cases.db");
        let store = SqliteCaseStore::open(&path, MigrationPolicy::Apply, clock.clone()).await;
        let store = Arc::new(store.unwrap());
        for (number, opened) in [(1, "2026-11-03"), (2, "2026-11-20"), (3, "2026-09-09")] {
            let mut row = text_fields([("title", "Doe v. Roe"), ("practice_area", "<Family>")]);
            row.insert(
                "opened_at".to_owned(),
                FieldValue::text(&format!("{opened}T09:00:00.000Z")),
            );
            row.insert("is_closed".to_owned(), FieldValue::Bool(false));
            store.apply(sample_write(Entity::Case, number, row)).await.unwrap();
        }
        let own = folder.path().join("definitions");
        std::fs::create_dir_all(&own).unwrap();
        std::fs::write(own.join("firm-monthly.yaml"), OWN).unwrap();
        let open = |name: &str| {
            let address = BlobAddress::Folder(folder.path().join(name));
            wiring::blobs(&address, &shared::config::Env::default()).unwrap()
        };
        let (blobs, attempts) = (open("reports"), NonZeroU32::new(9).unwrap());
        let queue = Arc::new(MemoryQueue::new("reports", attempts, clock.clone()));
        let build = BuildPorts {
            sources: ReportSources {
                tally: store.clone(),
                view: store.clone(),
                pipelines: store.clone(),
            },
            definitions: ReportDefinitions::new(Some(open("definitions"))),
            journal: store.clone(),
            store: blobs.clone(),
            printer: Some(wiring::report_printer()),
            tables: Some(wiring::report_tables(blobs.clone())),
            news: Newsroom::empty(),
            clock,
        };
        let ports = ReportPorts { build, queue: queue.clone(), random: Arc::new(SystemRandom) };
        let runs = Arc::new(ReportRuns::new(ports.clone(), BuildSettings::default()));
        Self { store, blobs, queue, ports, runs, _folder: folder }
    }

    async fn tick(&self) {
        self.runs.run(Tick { due_at: Timestamp::EPOCH, until: None }).await.unwrap();
    }

    /// Takes every message from the queue.
    async fn messages(&self) -> Vec<Message> {
        let (hidden, wait) = (Duration::from_mins(5), Duration::ZERO);
        let taken = self.queue.receive(NonZeroU32::new(9).unwrap(), hidden, wait).await.unwrap();
        let message = |it: shared::ports::Delivery| Message {
            id: it.id,
            body: it.body,
            group: it.group,
            attempt: it.attempt,
            trace_parent: it.trace_parent,
        };
        taken.into_iter().map(message).collect()
    }

    async fn reports(&self) -> Vec<Report> {
        self.store.reports(&ReportFilter::of(ReportReader::Machine, 9)).await.unwrap()
    }

    async fn bytes(&self, report: &Report, format: ReportFormat, table: Option<&str>) -> Vec<u8> {
        let file = report.file(format, table).unwrap();
        let bytes = read_whole(&*self.blobs, &file.key, 1 << 22).await.unwrap();
        assert_eq!(bytes.len() as u64, file.n_bytes);
        bytes.to_vec()
    }
}

#[tokio::test]
async fn due_report_is_built_once_in_every_format_and_says_the_same_in_each() {
    let fixture = Fixture::new().await;
    fixture.tick().await;
    fixture.tick().await;
    let messages = fixture.messages().await;
    assert_eq!(messages.len(), 2);

    for message in &messages {
        fixture.runs.handle(message).await.unwrap();
    }

    let reports = fixture.reports().await;
    let [report] = &reports[..] else { panic!("{reports:?}") };
    assert_eq!((report.state, report.n_attempts), (ReportState::Ready, 1));
    assert_eq!((report.period.as_str(), report.ordered_by.as_str()), ("2026-11", "schedule"));

    let page = String::from_utf8(fixture.bytes(report, ReportFormat::Html, None).await).unwrap();
    assert!(page.contains("Kanzlei Müller") && page.contains("&lt;Family&gt;"));
    assert!(!page.contains("Doe v. Roe"), "no case is named");

    let pdf = lopdf::Document::load_mem(&fixture.bytes(report, ReportFormat::Pdf, None).await);
    let pdf = pdf.unwrap();
    let pages: Vec<u32> = pdf.get_pages().into_keys().collect();
    let text: String = pdf.extract_text(&pages).unwrap().split_whitespace().collect();
    assert!(text.contains("KanzleiMüller") && text.contains("<Family>"), "{text}");
    assert!(!text.contains("Doe"), "{text}");

    let csv = fixture.bytes(report, ReportFormat::Csv, Some("by_period")).await;
    let csv = String::from_utf8(csv).unwrap();
    assert!(
        csv.contains("\r\n2026-11,2,0,3,\r\n") && csv.contains("\r\n2026-09,1,0,1,\r\n"),
        "{csv}"
    );

    let key = &report.file(ReportFormat::Parquet, Some("by_period")).unwrap().key;
    let schema = TableSchema::first(vec![
        Column::new("period", ColumnType::Text),
        Column::new("cases_opened", ColumnType::Long),
    ]);
    let tables = fixture.ports.build.tables.clone().unwrap();
    let batches: Vec<_> = tables.read(key, &schema).await.unwrap().try_collect().await.unwrap();
    let last = batches.into_iter().flatten().last();
    assert_eq!(last, Some(vec![Cell::Text("2026-11".to_owned()), Cell::Int(2)]));
}

#[tokio::test]
async fn of_many_builders_at_once_one_builds() {
    let fixture = Fixture::new().await;
    fixture.tick().await;
    let message = fixture.messages().await.remove(0);
    let all = (0..8).map(|_| {
        let (runs, message) = (fixture.runs.clone(), message.clone());
        tokio::spawn(async move { runs.handle(&message).await })
    });
    let mut n_done = 0;
    for one in all.collect::<Vec<_>>() {
        match one.await.unwrap() {
            Ok(()) => n_done += 1,
            Err(failure) => assert_ne!(failure.retry(), shared::Retry::Never, "{failure}"),
        }
    }
    assert!(n_done >= 1);

    fixture.runs.handle(&message).await.unwrap();

    let report = fixture.reports().await.remove(0);
    assert_eq!((report.state, report.n_attempts), (ReportState::Ready, 1));
    fixture.bytes(&report, ReportFormat::Html, None).await;
}

#[tokio::test]
async fn message_that_asks_for_nothing_is_set_aside() {
    let fixture = Fixture::new().await;
    for body in ["", "{}", r#"{"report":"00000000000000000000000000000005"}"#] {
        let message = Message {
            id: "1".to_owned(),
            body: body.to_owned(),
            group: None,
            attempt: 1,
            trace_parent: None,
        };
        let failure: Failure = fixture.runs.handle(&message).await.unwrap_err();
        assert_eq!(failure.retry(), shared::Retry::Never, "{body}: {failure}");
    }
}
