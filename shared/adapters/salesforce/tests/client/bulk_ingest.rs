//! Bulk uploads to a sandbox org: every row has one outcome, and is written once, whatever happens.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use adapter_salesforce::SalesforceClient;
use adapter_salesforce::bulk::{
    BulkFault, BulkIngest, ColumnKind, IngestJobState, IngestOperation, IngestOutcomes, IngestPlan,
    IngestRow, IngestTotals, JobJournal, JobKind, RowOutcome, RowRefusal, RowResult, RowStream,
    RowsInMemory, Unsaved,
};
use adapter_salesforce::error::ErrorClass;
use async_trait::async_trait;
use futures_util::{StreamExt as _, stream};
use sandbox_org::{BulkPace, BulkSettings, Seed, Settings};
use serde_json::{Value, json};
use shared::model::FieldValue;
use shared::{PortError, PortErrorKind, chain};

use crate::support::{Act, PACE, Peer, Seen, object, text};

const KEY: &str = "MoodBridge_Id__c";

fn settings() -> Settings {
    let bulk =
        BulkSettings { pace: BulkPace::Polls, batch_records: 200, ..BulkSettings::default() };
    Settings { seed: Seed::Empty, bulk, ..Settings::default() }
}

fn ingest(client: &SalesforceClient) -> BulkIngest {
    client.bulk_ingest().with_pace(PACE).with_lock_pause(Duration::from_millis(1))
}

fn upsert(columns: &[&str]) -> IngestPlan {
    let columns = columns.iter().map(|it| (*it).to_owned()).collect();
    let operation = IngestOperation::Upsert { external_id: KEY.to_owned() };
    IngestPlan::new(object("Contact"), operation, columns)
}

fn rows(n_rows: usize) -> RowsInMemory {
    let row = |idx: usize| vec![text(&format!("key-{idx}")), text(&format!("Name {idx}"))];
    some_rows((0..n_rows).map(row).collect())
}

fn some_rows(rows: Vec<Vec<FieldValue>>) -> RowsInMemory {
    let rows: Vec<IngestRow> =
        rows.into_iter().map(|row| row.into_iter().map(Some).collect()).collect();
    RowsInMemory(rows.into())
}

/// Keeps the last outcome of each key, and what was refused.
#[derive(Default)]
struct Outcomes {
    by_key: Mutex<BTreeMap<String, RowResult>>,
    refused: Mutex<BTreeMap<u64, RowRefusal>>,
}

#[async_trait]
impl IngestOutcomes for Outcomes {
    async fn settle(&self, outcomes: &[RowOutcome]) -> Result<(), PortError> {
        let mut by_key = self.by_key.lock().unwrap();
        by_key.extend(outcomes.iter().map(|it| (it.key.clone(), it.result.clone())));
        Ok(())
    }

    async fn refuse(&self, rows: &[(u64, RowRefusal)]) -> Result<(), PortError> {
        self.refused.lock().unwrap().extend(rows.iter().cloned());
        Ok(())
    }
}

impl Outcomes {
    fn n_succeeded(&self) -> usize {
        let by_key = self.by_key.lock().unwrap();
        by_key.values().filter(|it| matches!(it, RowResult::Succeeded { .. })).count()
    }

    fn of(&self, key: &str) -> RowResult {
        self.by_key.lock().unwrap()[key].clone()
    }
}

#[derive(Default)]
struct Journal {
    saved: Mutex<Option<String>>,
    n_saved: AtomicUsize,
    fails_at: usize,
}

#[async_trait]
impl JobJournal<IngestJobState> for Journal {
    async fn save(&self, state: &IngestJobState) -> Result<(), PortError> {
        let n_saved = self.n_saved.fetch_add(1, Ordering::SeqCst) + 1;
        if n_saved == self.fails_at {
            // The process dies before the state is durable.
            return Err(PortError::new(PortErrorKind::Unavailable, "test", "save", "state"));
        }
        *self.saved.lock().unwrap() = Some(serde_json::to_string(state).unwrap());
        Ok(())
    }
}

async fn n_jobs(client: &SalesforceClient) -> usize {
    let mut n_jobs = 0;
    client
        .jobs(JobKind::Ingest, |_| {
            n_jobs += 1;
            true
        })
        .await
        .unwrap();
    n_jobs
}

async fn run(
    peer: &Peer,
    plan: IngestPlan,
    rows: RowsInMemory,
    outcomes: &Outcomes,
) -> Result<IngestTotals, PortError> {
    let mut state = IngestJobState::new(plan);
    ingest(&peer.client()).run(&mut state, Arc::new(rows), outcomes, &Unsaved).await
}

fn fault_of(error: &PortError) -> BulkFault {
    std::error::Error::source(error).unwrap().downcast_ref::<BulkFault>().unwrap().clone()
}

#[tokio::test]
async fn rows_go_in_as_many_jobs_as_they_need_and_each_has_its_outcome() {
    let peer = Peer::start(settings()).await;
    let outcomes = Outcomes::default();
    let mut state = IngestJobState::new(upsert(&[KEY, "LastName"]));
    let client = peer.client();
    let parts = ingest(&client).with_part_bytes(10_000);

    let task = tokio::spawn(async move {
        let totals = parts.run(&mut state, Arc::new(rows(1500)), &outcomes, &Unsaved).await;
        (totals.unwrap(), state, outcomes)
    });
    let (totals, state, outcomes) = task.await.unwrap();

    assert_eq!((totals.n_succeeded, totals.n_created, totals.n_failed), (1500, 1500, 0));
    assert_eq!((totals.n_jobs, outcomes.n_succeeded()), (4, 1500));
    assert!(state.is_done());
    assert_eq!(n_jobs(&client).await, 0);
    let found = peer.rows("SELECT Id, MoodBridge_Id__c, LastName FROM Contact").await;
    assert_eq!(found.len(), 1500);
    for row in found {
        let RowResult::Succeeded { id, is_created: true } = outcomes.of(row[KEY].as_str().unwrap())
        else {
            panic!("{row}")
        };
        assert_eq!(row["Id"], id.as_str());
    }

    // The same again changes the same records.
    let totals = run(&peer, upsert(&[KEY, "LastName"]), rows(1500), &outcomes).await.unwrap();
    assert_eq!((totals.n_succeeded, totals.n_created, totals.n_jobs), (1500, 0, 1));
}

#[tokio::test]
async fn values_arrive_byte_for_byte_and_nothing_is_told_from_leave_alone() {
    let values = [
        "NA",
        "null",
        "None",
        "N/A",
        "said \"no\"",
        "a,b",
        "one\ntwo",
        "one\r\ntwo",
        "Müller",
        "Ωμέγα",
        "日本語",
        "עברית",
        "👩‍⚖️",
        "'; DROP TABLE",
        "=1+1",
        "\\",
        "<b>&amp;",
    ];
    let peer = Peer::start(settings()).await;
    let outcomes = Outcomes::default();
    let all = values
        .iter()
        .enumerate()
        .map(|(idx, value)| vec![text(&format!("{idx}")), text("Name"), text(value), text("kept")]);
    let columns = [KEY, "LastName", "Description", "Title"];
    run(&peer, upsert(&columns), some_rows(all.collect()), &outcomes).await.unwrap();

    for (idx, value) in values.iter().enumerate() {
        let soql =
            format!("SELECT Description, Title FROM Contact WHERE MoodBridge_Id__c = '{idx}'");
        let rows = peer.rows(&soql).await;
        assert_eq!(rows[0]["Description"].as_str(), Some(*value));
    }

    let changes: Vec<IngestRow> = vec![
        vec![Some(text("0")), None, Some(FieldValue::Null), None],
        vec![Some(text("1")), None, None, Some(FieldValue::Null)],
    ];
    let rows = RowsInMemory(changes.into());
    run(&peer, upsert(&columns), rows, &outcomes).await.unwrap();
    let rows = peer
        .rows("SELECT Description, Title, LastName FROM Contact WHERE MoodBridge_Id__c IN ('0','1') ORDER BY MoodBridge_Id__c")
        .await;
    assert_eq!((&rows[0]["Description"], &rows[0]["Title"]), (&Value::Null, &json!("kept")));
    assert_eq!((&rows[1]["Description"], &rows[1]["Title"]), (&json!("null"), &Value::Null));
    assert_eq!(rows[0]["LastName"], "Name");
}

#[tokio::test]
async fn rows_that_cannot_go_are_refused_by_their_number_and_the_others_go() {
    let peer = Peer::start(settings()).await;
    let outcomes = Outcomes::default();
    let mut all: Vec<Vec<FieldValue>> =
        (0..10).map(|idx| vec![text(&format!("{idx}")), text("Name")]).collect();
    all[3][1] = text("#N/A");
    all[7][0] = FieldValue::Null;

    let totals = run(&peer, upsert(&[KEY, "LastName"]), some_rows(all), &outcomes).await.unwrap();

    assert_eq!((totals.n_succeeded, totals.n_refused), (8, 2));
    let refused = outcomes.refused.lock().unwrap().clone();
    assert_eq!(refused[&3], RowRefusal::LooksLikeNull { column: "LastName".into() });
    assert_eq!(refused[&7], RowRefusal::NoKey { column: KEY.into() });

    // Where not one row can go, no job is started.
    let none = some_rows(vec![vec![text("1"), text("#N/A")]]);
    let totals = run(&peer, upsert(&[KEY, "LastName"]), none, &outcomes).await.unwrap();
    assert_eq!((totals.n_jobs, totals.n_refused), (0, 1));
    assert_eq!(n_jobs(&peer.client()).await, 0);
}

#[tokio::test]
async fn row_that_fails_has_its_code_its_class_and_no_value() {
    let peer = Peer::start(settings()).await;
    let outcomes = Outcomes::default();
    let all = vec![
        vec![text("good"), text("Name"), text("a@b.example")],
        vec![text("long"), text(&"hunter2".repeat(40)), text("a@b.example")],
        vec![text("none"), FieldValue::Null, text("a@b.example")],
    ];
    let totals =
        run(&peer, upsert(&[KEY, "LastName", "Email"]), some_rows(all), &outcomes).await.unwrap();

    assert_eq!((totals.n_succeeded, totals.n_failed), (1, 2));
    for (key, code) in [("long", "STRING_TOO_LONG"), ("none", "REQUIRED_FIELD_MISSING")] {
        let RowResult::Failed(fault) = outcomes.of(key) else { panic!("{key}") };
        assert_eq!((fault.code.as_str(), fault.class), (code, ErrorClass::Permanent));
        assert_eq!(fault.names, ["LastName"]);
        assert!(!format!("{fault:?} {fault}").contains("hunter2"));
    }
}

#[tokio::test]
async fn process_that_dies_before_any_state_is_durable_writes_each_row_once() {
    let mut n_saves = None;
    for fails_at in 1.. {
        let peer = Peer::behind(settings(), |_| Act::Pass).await;
        let outcomes = Outcomes::default();
        let plan = IngestPlan::new(
            object("Contact"),
            IngestOperation::Insert,
            vec![KEY.to_owned(), "LastName".to_owned()],
        )
        .with_key("LastName", ColumnKind::Text);
        let journal = Journal { fails_at, ..Journal::default() };
        let client = peer.client();
        let parts = ingest(&client).with_part_bytes(3_000);
        let mut state = IngestJobState::new(plan.clone());
        let source = Arc::new(rows(300));
        let died = parts.run(&mut state, source.clone(), &outcomes, &journal).await;
        if died.is_ok() {
            n_saves = Some(fails_at - 1);
            break;
        }

        let saved = journal.saved.lock().unwrap().clone();
        let mut state =
            saved.map_or(IngestJobState::new(plan), |it| serde_json::from_str(&it).unwrap());
        let revived = ingest(&peer.client()).with_part_bytes(3_000);
        let outcome = revived.run(&mut state, source, &outcomes, &journal).await;

        // A second insert of the same row would be a second record, but for its unique key.
        let found = peer.rows("SELECT Id FROM Contact").await;
        match outcome {
            Ok(totals) => {
                assert_eq!((found.len(), outcomes.n_succeeded()), (300, 300), "save {fails_at}");
                assert_eq!(totals.n_succeeded, 300, "save {fails_at}");
            }
            Err(error) => panic!("save {fails_at}: {}", chain(&error)),
        }
        let seen = peer.line.as_ref().unwrap().seen();
        assert!(seen.iter().filter(|it| it.method == "PATCH").count() >= 3);
    }
    // Three parts: created, uploaded, started, settled.
    assert_eq!(n_saves, Some(3 * 4));
}

#[tokio::test]
async fn answers_that_are_lost_lose_and_double_nothing() {
    type Hit = fn(&Seen) -> bool;
    let cases: [(&str, Hit); 5] = [
        ("create", |it| it.is("POST", "/jobs/ingest")),
        ("upload", |it| it.is("PUT", "/batches")),
        ("start", |it| it.method == "PATCH"),
        ("poll", |it| it.method == "GET" && it.path.contains("/jobs/ingest/750")),
        ("delete", |it| it.method == "DELETE"),
    ];
    for (name, is_hit) in cases {
        let n_hits = AtomicUsize::new(0);
        let peer = Peer::behind(settings(), move |seen| {
            match is_hit(seen) && n_hits.fetch_add(1, Ordering::SeqCst) == 0 {
                true => Act::LoseAnswer,
                false => Act::Pass,
            }
        })
        .await;
        let outcomes = Outcomes::default();

        let totals = run(&peer, upsert(&[KEY, "LastName"]), rows(250), &outcomes).await.unwrap();

        assert_eq!((totals.n_succeeded, totals.n_created), (250, 250), "{name}");
        assert_eq!((totals.n_jobs, outcomes.n_succeeded()), (1, 250), "{name}");
        assert_eq!(peer.rows("SELECT Id FROM Contact").await.len(), 250, "{name}");
        let client = peer.client();
        client.sweep_open_jobs(Duration::ZERO).await.unwrap();
        assert_eq!(n_jobs(&client).await, 0, "{name}");
    }
}

#[tokio::test]
async fn answers_of_a_proxy_are_not_taken_for_the_orgs() {
    let n_uploads = AtomicUsize::new(0);
    let peer = Peer::behind(settings(), move |seen| match seen.method.as_str() {
        "PUT" if n_uploads.fetch_add(1, Ordering::SeqCst) == 0 => {
            Act::Answer(200, "text/html", "<h1>Sign in</h1>")
        }
        "GET" if seen.path.contains("Results") && seen.n_before == 0 => {
            Act::Answer(200, "text/html", "<h1>Sign in</h1>")
        }
        _ => Act::Pass,
    })
    .await;
    let outcomes = Outcomes::default();
    let totals = run(&peer, upsert(&[KEY, "LastName"]), rows(250), &outcomes).await.unwrap();
    assert_eq!((totals.n_succeeded, totals.n_created), (250, 250));
}

#[tokio::test]
async fn result_file_that_ends_early_but_cleanly_is_read_again() {
    let peer = Peer::behind(settings(), |seen| {
        match seen.is("GET", "/successfulResults") && seen.n_before < 2 {
            true => Act::CutLines(100),
            false => Act::Pass,
        }
    })
    .await;
    let outcomes = Outcomes::default();
    let totals = run(&peer, upsert(&[KEY, "LastName"]), rows(250), &outcomes).await.unwrap();
    assert_eq!((totals.n_succeeded, outcomes.n_succeeded()), (250, 250));
    assert_eq!(peer.line.as_ref().unwrap().n_seen("GET", "/successfulResults"), 3);
}

#[tokio::test]
async fn results_that_are_not_those_of_what_was_sent_are_an_error() {
    // A row less than was sent has a result.
    let fewer = Peer::behind(settings(), |seen| {
        let is_poll = seen.method == "GET" && seen.path.contains("/jobs/ingest/750");
        match (is_poll && !seen.path.contains("Results"), seen.is("GET", "/successfulResults")) {
            (true, _) => Act::Change(|text| {
                text.replace("\"numberRecordsProcessed\":250", "\"numberRecordsProcessed\":249")
            }),
            (_, true) => Act::CutLines(250),
            _ => Act::Pass,
        }
    })
    .await;
    let outcomes = Outcomes::default();
    let mut state = IngestJobState::new(upsert(&[KEY, "LastName"]));
    let source = Arc::new(rows(250));
    let error =
        ingest(&fewer.client()).run(&mut state, source, &outcomes, &Unsaved).await.unwrap_err();
    assert_eq!(
        fault_of(&error),
        BulkFault::NotReconciled { n_sent: 250, n_succeeded: 249, n_failed: 0, n_unprocessed: 1 }
    );
    assert!(state.give_up_part() && state.is_done());

    // As many rows have a result, but another one is among them.
    let other = Peer::behind(settings(), |seen| match seen.is("GET", "/successfulResults") {
        true => Act::Change(|text| text.replace("\"key-7\"", "\"key-8\"")),
        false => Act::Pass,
    })
    .await;
    let error = run(&other, upsert(&[KEY, "LastName"]), rows(250), &outcomes).await.unwrap_err();
    assert_eq!(fault_of(&error), BulkFault::OtherKeys);
}

/// Makes results say that the rows `key-1…` were locked.
fn locked_job(text: &str) -> String {
    let is_ours = text.contains("\"numberRecordsProcessed\":250");
    match is_ours {
        true => text.replace("\"numberRecordsFailed\":0", "\"numberRecordsFailed\":111"),
        false => text.to_owned(),
    }
}

fn without_locked(text: &str) -> String {
    text.split_inclusive('\n').filter(|line| !line.contains("\"key-1")).collect()
}

fn only_locked(text: &str) -> String {
    let mut file = String::from("\"sf__Id\",\"sf__Error\",MoodBridge_Id__c,LastName\n");
    for idx in (0..250).filter(|idx| idx.to_string().starts_with('1')) {
        file.push_str(&format!(
            "\"\",\"UNABLE_TO_LOCK_ROW:unable to obtain exclusive access:--\",\"key-{idx}\",\"x\"\n"
        ));
    }
    assert!(!text.contains("key-"), "{text}");
    file
}

#[tokio::test]
async fn rows_that_were_locked_are_sent_again_alone() {
    let first_job: Arc<OnceLock<String>> = Arc::default();
    let peer = Peer::behind(settings(), move |seen| {
        if seen.is("PUT", "/batches") {
            let _ = first_job.set(seen.path.split('/').nth(6).unwrap().to_owned());
        }
        let is_first = first_job.get().is_some_and(|it| seen.path.contains(it.as_str()));
        match seen.method.as_str() {
            "GET" if is_first && seen.is("GET", "/successfulResults") => {
                Act::Change(without_locked)
            }
            "GET" if is_first && seen.is("GET", "/failedResults") => Act::Change(only_locked),
            "GET" if is_first => Act::Change(locked_job),
            _ => Act::Pass,
        }
    })
    .await;
    let outcomes = Outcomes::default();
    let n_locked = (0..250).filter(|idx: &i32| idx.to_string().starts_with('1')).count();
    assert_eq!(n_locked, 111);

    let totals = run(&peer, upsert(&[KEY, "LastName"]), rows(250), &outcomes).await.unwrap();

    assert_eq!((totals.n_succeeded, totals.n_failed), (250, 0));
    assert_eq!((totals.n_jobs, totals.n_sent_again), (2, 111));
    assert_eq!(outcomes.n_succeeded(), 250);
}

#[tokio::test]
async fn job_that_the_org_gives_up_leaves_its_rows_unprocessed_and_says_why() {
    let peer = Peer::start(settings()).await;
    let order = json!({"after_batches": 1, "message": "TooManyLockFailure : hunter2"});
    peer.call(http::Method::POST, "/_sandbox/bulk/failure", &order).await;
    let outcomes = Outcomes::default();
    let mut state = IngestJobState::new(upsert(&[KEY, "LastName"]));

    let error = ingest(&peer.client())
        .run(&mut state, Arc::new(rows(500)), &outcomes, &Unsaved)
        .await
        .unwrap_err();

    assert_eq!(error.kind(), PortErrorKind::Unavailable, "{}", chain(&error));
    assert!(!chain(&error).to_string().contains("hunter2"));
    assert_eq!((state.totals.n_succeeded, state.totals.n_unprocessed), (200, 300));
    assert_eq!(outcomes.of("key-499"), RowResult::Unprocessed);
    assert!(state.is_done());
}

#[tokio::test]
async fn column_that_does_not_exist_fails_the_job_by_name() {
    let peer = Peer::start(settings()).await;
    let outcomes = Outcomes::default();
    let error = run(&peer, upsert(&[KEY, "Nonsense__c"]), rows(10), &outcomes).await.unwrap_err();
    assert_eq!(error.kind(), PortErrorKind::Rejected, "{}", chain(&error));
    assert!(chain(&error).to_string().contains("`InvalidBatch`"), "{}", chain(&error));
}

#[tokio::test]
async fn updates_and_deletes_go_by_id() {
    let peer = Peer::start(settings()).await;
    let outcomes = Outcomes::default();
    run(&peer, upsert(&[KEY, "LastName"]), rows(20), &outcomes).await.unwrap();
    let ids: Vec<String> = peer
        .rows("SELECT Id FROM Contact ORDER BY Id")
        .await
        .iter()
        .map(|it| it["Id"].as_str().unwrap().to_owned())
        .collect();

    let columns = vec!["Id".to_owned(), "LastName".to_owned()];
    let plan = IngestPlan::new(object("Contact"), IngestOperation::Update, columns);
    // Ids in their short form are known by their long one.
    let rows = ids.iter().map(|id| vec![text(&id[..15]), text("Changed")]).collect();
    let outcomes = Outcomes::default();
    let totals = run(&peer, plan, some_rows(rows), &outcomes).await.unwrap();
    assert_eq!(totals.n_succeeded, 20);
    assert!(matches!(outcomes.of(&ids[0]), RowResult::Succeeded { is_created: false, .. }));

    let plan = IngestPlan::new(object("Contact"), IngestOperation::Delete, vec!["Id".to_owned()]);
    let rows = ids.iter().take(5).map(|id| vec![text(id)]).collect();
    let totals = run(&peer, plan, some_rows(rows), &outcomes).await.unwrap();
    assert_eq!(totals.n_succeeded, 5);
    assert_eq!(peer.rows("SELECT Id FROM Contact WHERE LastName = 'Changed'").await.len(), 15);
}

#[tokio::test]
async fn plan_that_cannot_be_carried_out_calls_nothing() {
    let peer = Peer::behind(settings(), |_| Act::Pass).await;
    let columns = |names: &[&str]| names.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>();
    let contact = || object("Contact");
    for plan in [
        upsert(&["LastName"]),
        upsert(&[KEY, KEY]),
        upsert(&[KEY, "a b"]),
        IngestPlan::new(contact(), IngestOperation::Insert, columns(&["LastName"])),
        IngestPlan::new(contact(), IngestOperation::Delete, columns(&["Id", "LastName"])),
        IngestPlan::new(contact(), IngestOperation::Update, columns(&[KEY]))
            .with_key(KEY, ColumnKind::Text),
    ] {
        let error = run(&peer, plan, rows(1), &Outcomes::default()).await.unwrap_err();
        assert!(matches!(fault_of(&error), BulkFault::BadPlan { .. }));
    }
    assert!(peer.line.as_ref().unwrap().seen().is_empty());
}

#[tokio::test]
async fn rows_that_their_source_cannot_read_start_no_job() {
    let peer = Peer::start(settings()).await;
    let source = |first: u64| -> RowStream {
        let good =
            (first..100).map(|idx| Ok(vec![Some(text(&format!("key-{idx}"))), Some(text("Name"))]));
        let error = PortError::new(PortErrorKind::Rejected, "sqlite", "read rows", "outbox");
        stream::iter(good.chain([Err(error)])).boxed()
    };
    let mut state = IngestJobState::new(upsert(&[KEY, "LastName"]));
    let outcomes = Outcomes::default();

    let error = ingest(&peer.client())
        .run(&mut state, Arc::new(source), &outcomes, &Unsaved)
        .await
        .unwrap_err();

    assert!(chain(&error).to_string().contains("sqlite: read rows"), "{}", chain(&error));
    assert!(peer.rows("SELECT Id FROM Contact").await.is_empty());
    assert_eq!(n_jobs(&peer.client()).await, 0);
}
