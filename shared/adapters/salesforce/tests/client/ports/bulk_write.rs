//! Records that are written by jobs: each has one result, whoever lives to hear it.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use adapter_salesforce::SalesforceCrm;
use adapter_salesforce::bulk::{JobAnswer, JobKind};
use async_trait::async_trait;
use http::Method;
use sandbox_org::{BulkPace, BulkSettings, Policy, Seed, Settings, ValidationRule};
use serde_json::{Value, json};
use shared::ids::{EntityId, RecordId};
use shared::model::FieldValue;
use shared::ports::{
    BulkAction, BulkJournal, BulkResults, BulkWriter, CrmWriter, RefusalClass, RemoteWrite, Target,
    WriteResult,
};
use shared::{PortError, PortErrorKind};

use crate::support::{PACE, Peer, fields, object, text};

const N_ROWS: u32 = 450;

fn settings() -> Settings {
    let bulk =
        BulkSettings { pace: BulkPace::Polls, batch_records: 200, ..BulkSettings::default() };
    Settings { seed: Seed::Empty, bulk, ..Settings::default() }
}

fn crm(peer: &Peer) -> SalesforceCrm {
    SalesforceCrm::over(peer.client()).with_pace(PACE)
}

fn own(number: u32) -> EntityId {
    EntityId::from_random(u128::from(number))
}

fn new(number: u32, values: &[(&str, FieldValue)]) -> RemoteWrite {
    let target = Target::New(own(number));
    RemoteWrite { target, fields: fields(values), unmodified_since: None }
}

fn people() -> Vec<RemoteWrite> {
    (0..N_ROWS).map(|no| new(no, &[("LastName", text(&format!("Smith {no}")))])).collect()
}

/// Keeps the last result of each record.
#[derive(Default)]
struct Results(Mutex<BTreeMap<String, WriteResult>>);

fn name(target: &Target) -> String {
    match target {
        Target::New(id) => id.to_string(),
        Target::Known(id) => id.to_string(),
    }
}

#[async_trait]
impl BulkResults for Results {
    async fn take(&self, results: Vec<(Target, WriteResult)>) -> Result<(), PortError> {
        let results = results.into_iter().map(|(target, result)| (name(&target), result));
        self.0.lock().unwrap().extend(results);
        Ok(())
    }
}

impl Results {
    fn n(&self) -> usize {
        self.0.lock().unwrap().len()
    }

    fn n_done(&self) -> usize {
        let results = self.0.lock().unwrap();
        results.values().filter(|it| matches!(it, WriteResult::Done { .. })).count()
    }

    fn of(&self, target: &Target) -> WriteResult {
        self.0.lock().unwrap()[&name(target)].clone()
    }

    fn ids(&self) -> BTreeMap<String, RecordId> {
        let results = self.0.lock().unwrap();
        let ids = results.iter().filter_map(|(name, result)| match result {
            WriteResult::Done { record_id, .. } => Some((name.clone(), record_id.clone())),
            _ => None,
        });
        ids.collect()
    }
}

/// Keeps states, and lets nothing happen after so many of them.
#[derive(Default)]
struct Journal {
    saved: Mutex<Vec<String>>,
    stops_after: Option<usize>,
}

#[async_trait]
impl BulkJournal for Journal {
    async fn save(&self, state: &str) -> Result<(), PortError> {
        let n_saved = {
            let mut saved = self.saved.lock().unwrap();
            saved.push(state.to_owned());
            saved.len()
        };
        if Some(n_saved) == self.stops_after {
            // The process is dropped here: the state is durable, and nothing after it was done.
            std::future::pending::<()>().await;
        }
        Ok(())
    }
}

impl Journal {
    fn stopping_after(n_saved: usize) -> Self {
        Self { stops_after: Some(n_saved), ..Self::default() }
    }

    fn last(&self) -> String {
        self.saved.lock().unwrap().last().unwrap().clone()
    }

    fn n_saved(&self) -> usize {
        self.saved.lock().unwrap().len()
    }
}

/// Counts the jobs that may still write something.
async fn n_jobs(crm: &SalesforceCrm) -> usize {
    let mut n_jobs = 0;
    let count = |job: JobAnswer| {
        n_jobs += usize::from(!job.state.is_final());
        true
    };
    crm.client().jobs(JobKind::Ingest, count).await.unwrap();
    n_jobs
}

async fn n_contacts(peer: &Peer) -> usize {
    peer.rows("SELECT Id FROM Contact").await.len()
}

#[tokio::test]
async fn every_record_of_a_job_has_one_result_and_is_written() {
    let peer = Peer::start(settings()).await;
    let crm = crm(&peer);
    let (made, changed) = (Results::default(), Results::default());
    let contact = object("Contact");

    crm.run(&contact, BulkAction::Create, &people(), &made, &Journal::default()).await.unwrap();
    crm.run(&contact, BulkAction::Create, &people(), &made, &Journal::default()).await.unwrap();
    assert_eq!((made.n(), made.n_done()), (N_ROWS as usize, N_ROWS as usize));
    assert_eq!(n_contacts(&peer).await, N_ROWS as usize, "the same twice makes one record");

    // Some change one field, some another: what is absent stays, what is nothing is emptied.
    let ids: Vec<_> = made.ids().into_values().collect();
    let writes: Vec<_> = ids
        .iter()
        .enumerate()
        .map(|(idx, id)| RemoteWrite {
            target: Target::Known(id.clone()),
            fields: match idx % 3 {
                0 => fields(&[("Title", text("T")), ("Department", text("D"))]),
                1 => fields(&[("Title", text("T"))]),
                _ => fields(&[("Department", FieldValue::Null), ("Phone", text("1"))]),
            },
            unmodified_since: None,
        })
        .collect();
    crm.run(&contact, BulkAction::Update, &writes, &changed, &Journal::default()).await.unwrap();
    assert_eq!(changed.n_done(), ids.len());
    let names: Vec<String> = ["LastName", "Title", "Department", "Phone"].map(str::to_owned).into();
    let read = crm.read_many(&contact, &ids[..3], &names).await.unwrap();
    for (record, (title, phone)) in
        read.records.iter().zip([("T", None), ("T", None), ("", Some("1"))])
    {
        let record = record.as_ref().unwrap();
        assert!(record.fields["LastName"].as_text().unwrap().starts_with("Smith"));
        assert_eq!(record.fields["Title"].as_text().unwrap_or_default(), title);
        assert_eq!(record.fields["Phone"].as_text(), phone);
    }
    assert_eq!(n_jobs(&crm).await, 0);
}

#[tokio::test]
async fn refused_and_locked_rows_are_told_like_refused_calls() {
    let rule = ValidationRule {
        object: "Contact".into(),
        field: "Title".into(),
        must_not_be: json!("hunter2"),
        message: "hunter2 is no title".into(),
        at_field: true,
    };
    let policy = Policy { validation_rules: vec![rule], ..Policy::default() };
    let peer = Peer::start(Settings { policy, ..settings() }).await;
    let crm = crm(&peer);
    let contact = object("Contact");
    let writes = [
        new(1, &[("LastName", text("A")), ("Title", text("hunter2"))]),
        new(2, &[("LastName", text("B")), ("AccountId", text("0015f00002J9YYEAA3"))]),
        new(3, &[("LastName", text("C"))]),
        // A job would take this text for "set to nothing": it goes by a call.
        new(4, &[("LastName", text("#N/A"))]),
    ];
    let results = Results::default();

    crm.run(&contact, BulkAction::Create, &writes, &results, &Journal::default()).await.unwrap();

    assert_eq!((results.n(), results.n_done()), (3, 1));
    for (write, code) in [
        (&writes[0], "FIELD_CUSTOM_VALIDATION_EXCEPTION"),
        (&writes[1], "INVALID_CROSS_REFERENCE_KEY"),
    ] {
        let WriteResult::Refused(refusal) = results.of(&write.target) else { panic!() };
        assert_eq!((refusal.class, refusal.setback.code.as_str()), (RefusalClass::Permanent, code));
        assert!(!format!("{refusal:?}").contains("hunter2"));
    }
    let never = RemoteWrite {
        target: Target::Known(RecordId::parse("0035f00002J9YYEAA3").unwrap()),
        ..new(0, &[("Title", text("T"))])
    };
    let writes = [never];
    crm.run(&contact, BulkAction::Update, &writes, &results, &Journal::default()).await.unwrap();
    let WriteResult::Refused(refusal) = results.of(&writes[0].target) else { panic!() };
    assert_eq!(refusal.class, RefusalClass::Alone, "a call tells what it is about");
}

#[tokio::test]
async fn job_of_a_process_that_died_is_told_or_cleared_away_by_the_next_one() {
    let whole = Journal::default();
    let first = Peer::start(settings()).await;
    let contact = object("Contact");
    crm(&first)
        .run(&contact, BulkAction::Create, &people(), &Results::default(), &whole)
        .await
        .unwrap();
    assert!(whole.n_saved() >= 4, "{}", whole.n_saved());

    let mut n_told = Vec::new();
    for n_saved in 1..=whole.n_saved() {
        let peer = Peer::start(settings()).await;
        let (journal, results) = (Journal::stopping_after(n_saved), Results::default());
        {
            let crm = crm(&peer);
            let rows = people();
            let run = crm.run(&contact, BulkAction::Create, &rows, &results, &journal);
            let dies = async {
                while journal.n_saved() < n_saved {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
            };
            tokio::select! { _ = run => panic!("it lived on"), () = dies => {} }
        }
        let state = journal.last();

        let next = crm(&peer);
        let told = Results::default();
        next.resume(&state, &told, &Journal::default()).await.unwrap();

        // What has a result is written, what has none is not.
        let n_written = n_contacts(&peer).await;
        let known = told.n_done().max(results.n_done());
        assert_eq!(n_written, known, "after {n_saved} states");
        assert_eq!(n_jobs(&next).await, 0, "after {n_saved} states a job was left");
        n_told.push(told.n_done());
    }
    assert!(n_told.contains(&0) && n_told.contains(&(N_ROWS as usize)), "{n_told:?}");
}

#[tokio::test]
async fn started_job_whose_results_are_gone_is_a_clear_no() {
    let peer = Peer::start(settings()).await;
    let contact = object("Contact");
    let (journal, results) = (Journal::default(), Results::default());
    let crm = crm(&peer);
    crm.run(&contact, BulkAction::Create, &people(), &results, &journal).await.unwrap();
    let started = journal.saved.lock().unwrap().iter().find(|it| it.contains("started")).cloned();

    // Its job was deleted when it was settled.
    let resumed = crm.resume(&started.unwrap(), &results, &Journal::default()).await;
    assert_eq!(resumed.unwrap_err().kind(), PortErrorKind::Rejected);
    let garbage = crm.resume("not a state", &results, &Journal::default()).await;
    assert_eq!(garbage.unwrap_err().kind(), PortErrorKind::Rejected);
}

#[tokio::test]
async fn locked_rows_of_a_job_that_was_left_are_for_one_alone() {
    let peer = Peer::start(settings()).await;
    let contact = object("Contact");
    let made = Results::default();
    let crm = crm(&peer);
    crm.run(&contact, BulkAction::Create, &people(), &made, &Journal::default()).await.unwrap();
    let ids: Vec<_> = made.ids().into_values().take(3).collect();
    let lock = json!({"ids": [ids[1].as_str()]});
    peer.call(Method::POST, "/_sandbox/locks", &lock).await;
    let writes: Vec<_> = ids
        .iter()
        .map(|id| RemoteWrite {
            target: Target::Known(id.clone()),
            ..new(0, &[("Title", text("T"))])
        })
        .collect();
    // Created, uploaded, started.
    let journal = Journal::stopping_after(3);
    let lost = Results::default();
    let run = crm.run(&contact, BulkAction::Update, &writes, &lost, &journal);
    let dies = async {
        while journal.n_saved() < 3 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::select! { _ = run => panic!("it lived on"), () = dies => {} }
    assert!(journal.last().contains("started"));

    let told = Results::default();
    crm.resume(&journal.last(), &told, &Journal::default()).await.unwrap();

    assert_eq!((told.n(), told.n_done()), (3, 2));
    let WriteResult::Refused(refusal) = told.of(&writes[1].target) else { panic!() };
    assert_eq!(refusal.class, RefusalClass::Alone);
    peer.call(Method::DELETE, "/_sandbox/locks", &Value::Null).await;
}

#[tokio::test]
async fn job_that_no_org_takes_is_rejected_before_anything_is_sent() {
    let peer = Peer::start(Settings { has_external_id_field: false, ..settings() }).await;
    let crm = crm(&peer);
    let contact = object("Contact");
    let (results, journal) = (Results::default(), Journal::default());

    let error = crm.run(&contact, BulkAction::Create, &people(), &results, &journal).await;
    let text = shared::chain(&error.unwrap_err()).to_string();
    assert!(text.contains("run the set-up"), "{text}");
    let guard = crm.read_many(&contact, &[], &[]).await.unwrap().read_at;
    let guarded = [RemoteWrite {
        target: Target::Known(RecordId::parse("0035f00002J9YYEAA3").unwrap()),
        unmodified_since: Some(guard),
        ..new(0, &[])
    }];
    for (action, writes) in [(BulkAction::Update, &guarded[..]), (BulkAction::Update, &people())] {
        let error = crm.run(&contact, action, writes, &results, &journal).await.unwrap_err();
        assert_eq!(error.kind(), PortErrorKind::Rejected);
    }
    crm.run(&contact, BulkAction::Create, &[], &results, &journal).await.unwrap();
    assert_eq!((journal.n_saved(), n_jobs(&crm).await), (0, 0));
}
