//! Tests of what holds for every warehouse.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;

use super::*;
use crate::error::PortErrorKind;
use crate::ports::BlobKey;

fn id(name: &str) -> StatementId {
    StatementId::of(name)
}

fn name(raw: &str) -> Identifier {
    Identifier::parse(raw).unwrap()
}

fn table(raw: &str) -> TableName {
    TableName::new(name(raw))
}

fn file(key: &str, n_rows: u64) -> StagedFile {
    StagedFile { key: BlobKey::parse(key).unwrap(), n_rows, n_bytes: 1 }
}

#[test]
fn id_of_a_name_is_the_same_uuid_everywhere() {
    assert_eq!(id("load cases run 42").as_str(), "fe5bc1f5-2878-833b-b3f3-3344ab463cfc");
    for id in [id("a"), StatementId::from_random(u128::MAX), StatementId::from_random(0)] {
        assert_eq!(StatementId::parse(id.as_str()).unwrap(), id);
    }
    assert_eq!(
        StatementId::from_random(0).as_str(),
        "00000000-0000-4000-8000-000000000000",
        "version 4, variant 10"
    );
    assert_ne!(id("a").part("1"), id("a").part("2"));
    assert!(StatementId::parse("0F8FAD5B-D9CB-469F-A165-70867728950E").is_err());
}

#[test]
fn decimal_takes_digits_and_nothing_else() {
    let longest = "9".repeat(38);
    let small = format!("0.{}", "1".repeat(38));
    for raw in ["0", "-1", "12.50", "-0.5", ".5", "5.", &longest, &small] {
        assert_eq!(Decimal::parse(raw).unwrap().as_str(), raw);
    }
    let long = "9".repeat(39);
    for raw in ["", "-", ".", "+1", "1e5", "1,5", "NaN", " 1", "--1", "1.2.3", &long] {
        assert!(Decimal::parse(raw).is_err(), "{raw:?}");
    }
    assert_eq!(Decimal::parse("-12.00").unwrap().as_i64(), Some(-12));
    assert_eq!(Decimal::parse("12.50").unwrap().as_i64(), None);
}

#[test]
fn statement_shows_no_text_and_no_values() {
    let statement = Statement::new(id("x"), "select 'Ada'").bind("Ada");
    assert!(!format!("{statement:?}").contains("Ada"));
}

#[test]
fn load_takes_a_thousand_files_and_each_once() {
    let files = |n| (0..n).map(|it| file(&format!("f{it}"), 1)).collect::<Vec<_>>();
    assert!(Load::new(id("x"), table("T"), files(1000)).is_ok());
    let error = Load::new(id("x"), table("T"), files(1001)).unwrap_err();
    assert!(error.to_string().contains("1001 files"), "{error}");
    let twice = vec![file("a", 1), file("a", 1)];
    assert!(Load::new(id("x"), table("T"), twice.clone()).is_err());
    assert!(Load::parts(&id("x"), &table("T"), &twice).is_err());

    let parts = Load::parts(&id("x"), &table("T"), &files(2001)).unwrap();

    let sizes: Vec<_> = parts.iter().map(|it| it.files().len()).collect();
    assert_eq!(sizes, [1000, 1000, 1]);
    assert_ne!(parts[0].id(), parts[1].id());
    assert!(Load::parts(&id("x"), &table("T"), &[]).unwrap().is_empty());
}

#[test]
fn rows_that_are_missing_are_listed_whatever_the_reason() {
    let fault = FileFault {
        file: "bad".into(),
        n_errors: 1,
        first_error: "not a number".into(),
        line: Some(3),
        row: Some(2),
        column: Some("AMOUNT".into()),
    };
    assert_eq!(
        fault.to_string(),
        "file `bad`, line 3, row 2, column AMOUNT is not fit to load: not a number"
    );
    let files = ["whole", "before", "short", "part", "bad", "unsaid"].map(|it| file(it, 10));
    let load = Load::new(id("x"), table("T"), files.to_vec()).unwrap();
    let outcomes = [
        FileOutcome::Loaded { n_rows: 10 },
        FileOutcome::AlreadyLoaded,
        FileOutcome::Loaded { n_rows: 9 },
        FileOutcome::Partial { n_rows: 7, fault: fault.clone() },
        FileOutcome::Failed { fault },
    ];
    let keys = load.files().iter().map(|it| it.key.clone());
    let files = keys.zip(outcomes).map(|(key, outcome)| LoadedFile { key, outcome }).collect();
    let report = LoadReport { files };

    assert_eq!(report.n_rows(), 26);
    let short: Vec<_> = report
        .shortfalls(&load)
        .into_iter()
        .map(|it| (it.key.to_string(), it.n_loaded, it.fault.is_some()))
        .collect();
    let expected = [("short", 9, false), ("part", 7, true), ("bad", 0, true), ("unsaid", 0, false)];
    assert_eq!(short, expected.map(|(key, n, why)| (key.to_owned(), n, why)));
}

#[test]
fn merge_needs_a_key_a_version_and_each_column_once() {
    let new = |key: &[&str], version: &[&str], columns: &[&str]| {
        let names = |raw: &[&str]| raw.iter().map(|it| name(it)).collect::<Vec<_>>();
        let tables = (table("S"), table("T"));
        Merge::new(id("x"), tables, names(key), names(version), names(columns))
    };
    assert!(new(&["ID"], &["V"], &["A"]).is_ok());
    assert!(matches!(new(&[], &["V"], &["A"]), Err(InvalidMerge::NoKey)));
    assert!(matches!(new(&["ID"], &[], &["A"]), Err(InvalidMerge::NoVersion)));
    assert!(matches!(new(&["ID"], &["V"], &["ID"]), Err(InvalidMerge::Twice { .. })));
    let same = (table("T"), table("T"));
    let merge = Merge::new(id("x"), same, vec![name("ID")], vec![name("V")], Vec::new());
    assert!(matches!(merge, Err(InvalidMerge::SameTable { .. })));
}

/// Answers what it was told to.
struct Scripted {
    looks: Mutex<VecDeque<Progress>>,
}

impl Scripted {
    fn new(looks: impl IntoIterator<Item = Progress>) -> Self {
        Self { looks: Mutex::new(looks.into_iter().collect()) }
    }

    fn handle() -> StatementHandle {
        StatementHandle::parse("h-1").unwrap()
    }
}

#[async_trait]
impl Warehouse for Scripted {
    async fn submit(&self, _: &Statement) -> Result<StatementHandle, PortError> {
        Ok(Self::handle())
    }

    async fn poll(&self, _: &StatementHandle) -> Result<Progress, PortError> {
        let next = self.looks.lock().unwrap().pop_front();
        next.ok_or_else(|| PortError::new(PortErrorKind::Rejected, "scripted", "poll", "h-1"))
    }

    async fn rows(&self, _: &StatementHandle) -> Result<Rows, PortError> {
        let rows = Box::pin(futures_util::stream::iter([Ok(vec![WarehouseValue::from(1_i64)])]));
        Ok(Rows { columns: Arc::from([]), n_rows: 1, rows })
    }

    async fn cancel(&self, _: &StatementHandle) -> Result<(), PortError> {
        Ok(())
    }

    async fn load(
        &self,
        _: &Load,
        begun: Option<&StatementHandle>,
    ) -> Result<Step<LoadReport>, PortError> {
        Ok(match begun {
            None => Step::Running(Self::handle()),
            Some(handle) => match self.poll(handle).await? {
                Progress::Running => Step::Running(Self::handle()),
                Progress::Done(_) => Step::Done(LoadReport::default()),
            },
        })
    }

    async fn rejected_rows(
        &self,
        _: &Load,
        _: &StatementHandle,
        _: u32,
    ) -> Result<Vec<FileFault>, PortError> {
        Ok(Vec::new())
    }

    async fn merge(
        &self,
        _: &Merge,
        begun: Option<&StatementHandle>,
    ) -> Result<Step<MergeReport>, PortError> {
        Ok(match begun {
            None => Step::Running(Self::handle()),
            Some(_) => Step::Done(MergeReport::default()),
        })
    }
}

fn done() -> Progress {
    Progress::Done(Summary {
        columns: Arc::from([]),
        n_rows: 1,
        n_inserted: 0,
        n_updated: 0,
        n_deleted: 0,
    })
}

#[tokio::test(start_paused = true)]
async fn statement_is_looked_at_ever_less_often_until_it_ends() {
    let looks = std::iter::repeat_n(Progress::Running, 6).chain([done()]);
    let warehouse = Scripted::new(looks);
    let begun = tokio::time::Instant::now();

    let statement = Statement::new(id("x"), "select 1");
    let step = execute(&warehouse, &statement, Patience(Duration::from_secs(10))).await.unwrap();

    assert!(matches!(step, Step::Done(_)));
    let waits = [25, 50, 100, 200, 400, 500, 500];
    assert_eq!(begun.elapsed().as_millis(), waits.iter().sum::<u128>());
}

#[tokio::test(start_paused = true)]
async fn impatient_caller_gets_the_handle_and_goes_on_later() {
    let warehouse = Scripted::new(std::iter::repeat_n(Progress::Running, 4).chain([done()]));
    let load = Load::new(id("x"), table("T"), vec![file("a", 1)]).unwrap();

    let step = load_within(&warehouse, &load, None, Patience::default()).await.unwrap();
    let Step::Running(handle) = step else { panic!("it was to run still") };
    let step = load_within(&warehouse, &load, Some(handle), Patience::default()).await.unwrap();

    assert_eq!(step, Step::Done(LoadReport::default()));
    let merge = Merge::new(
        id("x"),
        (table("S"), table("T")),
        vec![name("ID")],
        vec![name("V")],
        Vec::new(),
    );
    let step = merge_within(&warehouse, &merge.unwrap(), None, Patience::default()).await.unwrap();
    assert_eq!(step, Step::Done(MergeReport::default()));
}

#[tokio::test(start_paused = true)]
async fn query_returns_the_rows_and_a_failed_statement_its_error() {
    let statement = Statement::new(id("x"), "select 1");
    let warehouse = Scripted::new([done()]);
    let step = query(&warehouse, &statement, Patience::default()).await.unwrap();
    let Step::Done(rows) = step else { panic!("it was to be done") };
    assert_eq!(rows.n_rows, 1);

    let error = query(&Scripted::new([]), &statement, Patience::default()).await.unwrap_err();
    assert_eq!(error.kind(), PortErrorKind::Rejected);
}
