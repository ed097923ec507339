//! Bulk queries of a sandbox org: nothing is lost, changed or read twice, whatever the line does.
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::support::{Act, PACE, Peer, Seen, object};
use adapter_salesforce::bulk::{
    BulkFault, BulkQuery, JobJournal, JobKind, PageReceipt, QueryJobState, RecordShape, ResultPage,
    Unsaved,
};
use adapter_salesforce::rest::{FieldShape, QueryScope};
use adapter_salesforce::{SalesforceClient, SalesforceCrm};
use async_trait::async_trait;
use sandbox_org::{BulkPace, BulkSettings, Seed, Settings};
use shared::ports::{Crm, DeltaQuery, MemoryLedger, RemoteRecord};
use shared::time::Timestamp;
use shared::worker::quota::QuotaSettings;
use shared::{PortError, PortErrorKind};

const N_CASES: u64 = 2_500;

fn settings() -> Settings {
    let bulk = BulkSettings { pace: BulkPace::Polls, page_records: 300, ..BulkSettings::default() };
    let seed = Seed::Many { accounts: 20, contacts: 50, cases: N_CASES };
    Settings { seed, bulk, ..Settings::default() }
}

fn bulk(client: &SalesforceClient) -> BulkQuery {
    client.bulk_query().with_pace(PACE).with_page_records(300)
}

fn of_ids() -> QueryJobState {
    QueryJobState::new("SELECT Id, Subject FROM Case", QueryScope::Live)
}

/// Takes what pages hold, as a store would: a page that comes again replaces what came before.
#[derive(Clone, Default)]
struct Store(Arc<Mutex<BTreeMap<String, String>>>);

impl Store {
    async fn take(&self, mut page: ResultPage) -> Result<PageReceipt, PortError> {
        let mut rows = Vec::new();
        while let Some(record) = page.next_record().await? {
            rows.push((record.cell(0).unwrap().to_owned(), record.cell(1).unwrap().to_owned()));
        }
        let receipt = page.finish()?;
        self.0.lock().unwrap().extend(rows);
        Ok(receipt)
    }

    fn len(&self) -> usize {
        self.0.lock().unwrap().len()
    }
}

/// Keeps the last state as JSON, and fails once when it is told to.
#[derive(Default)]
struct Journal {
    saved: Mutex<Option<String>>,
    n_saved: AtomicUsize,
    fails_at: Option<usize>,
}

#[async_trait]
impl JobJournal<QueryJobState> for Journal {
    async fn save(&self, state: &QueryJobState) -> Result<(), PortError> {
        *self.saved.lock().unwrap() = Some(serde_json::to_string(state).unwrap());
        let n_saved = self.n_saved.fetch_add(1, Ordering::SeqCst) + 1;
        match self.fails_at {
            Some(at) if at == n_saved => {
                Err(PortError::new(PortErrorKind::Unavailable, "test", "save", "state"))
            }
            _ => Ok(()),
        }
    }
}

impl Journal {
    fn last(&self) -> QueryJobState {
        serde_json::from_str(self.saved.lock().unwrap().as_ref().unwrap()).unwrap()
    }
}

async fn n_jobs(client: &SalesforceClient) -> usize {
    let mut n_jobs = 0;
    client
        .jobs(JobKind::Query, |_| {
            n_jobs += 1;
            true
        })
        .await
        .unwrap();
    n_jobs
}

/// Reads every case over a line that does as `act` says; returns what became of it and the line.
async fn read_over(act: impl Fn(&Seen) -> Act + Send + Sync + 'static) -> (Peer, usize) {
    let peer = Peer::behind(settings(), act).await;
    let store = Store::default();
    let mut state = of_ids();
    let report = bulk(&peer.client())
        .run(&mut state, &Unsaved, |page| {
            let store = store.clone();
            async move { store.take(page).await }
        })
        .await
        .unwrap();
    assert_eq!((report.n_records, store.len() as u64), (N_CASES, N_CASES));
    assert!(state.is_done());
    (peer, report.n_read_again)
}

#[tokio::test]
async fn every_record_is_the_same_as_by_a_query() {
    let peer = Peer::start(settings()).await;
    let client = peer.client();
    let described = client.describe(&object("Case")).await.unwrap();
    let shape = described.shape().unwrap();
    let fields: Vec<String> = shape
        .fields
        .iter()
        .filter(|(_, it)| !["address", "location", "base64"].contains(&it.field_type.as_str()))
        .map(|(name, _)| name.clone())
        .chain(["Account.Name".to_owned(), "Contact.Email".to_owned()])
        .collect();
    let soql = format!("SELECT {} FROM Case", fields.join(","));
    let records: Arc<Mutex<BTreeMap<String, RemoteRecord>>> = Arc::default();

    let kinds = RecordShape::new(&fields, |name| shape.field(name).map(FieldShape::column_kind));
    let report = bulk(&client)
        .run(&mut QueryJobState::new(soql, QueryScope::All), &Unsaved, |mut page| {
            let (records, kinds) = (records.clone(), kinds.clone());
            async move {
                let mut reader = None;
                while page.advance().await? {
                    let reader = reader
                        .get_or_insert_with(|| kinds.reader(page.columns().unwrap()).unwrap());
                    let record = reader.read(page.record()?).unwrap();
                    let id = record.record_id.as_str().to_owned();
                    records.lock().unwrap().insert(id, record);
                }
                page.finish()
            }
        })
        .await
        .unwrap();

    assert_eq!(report.n_records, N_CASES);
    assert_eq!(report.n_pages, usize::try_from(N_CASES.div_ceil(300)).unwrap());
    let crm = SalesforceCrm::over(client);
    let query = DeltaQuery {
        object: object("Case"),
        fields: fields.clone(),
        from: Timestamp::EPOCH,
        after_id: None,
        until: crm.health().await.unwrap().remote_now.plus(std::time::Duration::from_secs(60)),
    };
    let mut page = crm.changes(&query).await.unwrap();
    let mut n_compared = 0;
    loop {
        for wanted in page.records {
            let read = records.lock().unwrap()[wanted.record_id.as_str()].clone();
            assert_eq!(read, wanted);
            n_compared += 1;
        }
        let Some(next) = page.next else { break };
        page = crm.more_changes(&query, &next).await.unwrap();
    }
    assert_eq!(n_compared, N_CASES);
    assert_eq!(n_jobs(crm.client()).await, 0);
}

#[tokio::test]
async fn page_that_ends_early_but_cleanly_is_read_again() {
    let (peer, n_again) = read_over(|seen| match seen {
        it if it.is("GET", "/results") && it.n_before == 0 => Act::CutLines(200),
        _ => Act::Pass,
    })
    .await;
    assert!(n_again >= 8, "{n_again}");
    assert_eq!(peer.line.as_ref().unwrap().n_seen("POST", "/jobs/query"), 1);
}

#[tokio::test]
async fn web_page_and_nothing_with_status_200_are_no_empty_results() {
    for (kind, body) in [("text/html", "<h1>Down</h1>"), ("text/csv", ""), ("text/csv", "<html>")] {
        let (_, n_again) = read_over(move |seen| match seen {
            it if it.is("GET", "/results") && it.n_before == 0 => Act::Answer(200, kind, body),
            _ => Act::Pass,
        })
        .await;
        assert!(n_again >= 8, "{n_again}");
    }
}

#[tokio::test]
async fn storm_while_polling_abandons_no_job() {
    let (peer, _) = read_over(|seen| {
        let is_poll = seen.method == "GET" && seen.path.contains("/jobs/query/750");
        let is_about_the_job = is_poll && seen.path.matches('/').count() == 6;
        match seen.n_before {
            n if is_about_the_job && n < 30 => Act::Answer(503, "text/html", "<h1>503</h1>"),
            n if is_about_the_job && n < 32 => Act::Answer(200, "text/html", "<h1>200</h1>"),
            _ => Act::Pass,
        }
    })
    .await;
    assert_eq!(peer.line.as_ref().unwrap().n_seen("POST", "/jobs/query"), 1);
}

#[tokio::test]
async fn every_question_counts_and_none_is_asked_when_no_call_is_left() {
    // The org tells its limit in every answer.
    let settings = Settings { daily_requests: 30, ..settings() };
    let peer = Peer::behind(settings, |seen| match seen.path.contains("/jobs/query/750") {
        true => Act::Answer(503, "text/html", "<h1>503</h1>"),
        false => Act::Pass,
    })
    .await;
    let quota = QuotaSettings::daily("salesforce", "main", 30);
    let ledger = Arc::new(MemoryLedger::default());
    let http = crate::support::http().shared_through(ledger, "salesforce", quota);
    let client = peer.client_over(http);
    let mut state = of_ids();
    let query = bulk(&client);
    let run = query.run(&mut state, &Unsaved, |page| async { Store::default().take(page).await });

    let error = tokio::time::timeout(Duration::from_secs(20), run).await.unwrap().unwrap_err();

    assert_eq!(error.kind(), PortErrorKind::RateLimited, "{}", shared::chain(&error));
    assert!(state.job_id.is_some() && !state.is_done());
    let seen = peer.line.as_ref().unwrap().seen();
    let n_calls = seen.iter().filter(|it| it.path.contains("/services/data")).count();
    // A tenth is kept for people.
    assert!((20..=27).contains(&n_calls), "{n_calls}");
}

#[tokio::test]
async fn org_that_lists_no_pages_is_read_page_by_page() {
    let (peer, _) = read_over(|seen| match seen {
        it if it.is("GET", "/resultPages") => Act::Answer(
            404,
            "application/json",
            r#"[{"errorCode":"NOT_FOUND","message":"The requested resource does not exist"}]"#,
        ),
        _ => Act::Pass,
    })
    .await;
    assert!(peer.line.as_ref().unwrap().n_seen("GET", "/results") >= 9);
}

#[tokio::test]
async fn pages_that_are_fewer_than_the_job_processed_are_an_error_and_read_anew() {
    let peer = Peer::behind(settings(), |seen| match seen {
        it if it.is("GET", "/resultPages") => {
            Act::Replace("\"done\":false", "\"done\":true".into())
        }
        _ => Act::Pass,
    })
    .await;
    let (store, mut state) = (Store::default(), of_ids());
    let take = |page| {
        let store = store.clone();
        async move { store.take(page).await }
    };

    let error = bulk(&peer.client()).run(&mut state, &Unsaved, take).await.unwrap_err();

    let fault = std::error::Error::source(&error).unwrap().downcast_ref::<BulkFault>().unwrap();
    assert_eq!(*fault, BulkFault::Incomplete { n_read: 1500, n_processed: N_CASES });
    assert!(!state.is_done());
    assert_eq!(state.n_read(), 0);
}

#[tokio::test]
async fn process_that_dies_after_any_step_goes_on_with_the_same_job() {
    let mut n_saves = None;
    for fails_at in 1.. {
        let peer = Peer::behind(settings(), |_| Act::Pass).await;
        let store = Store::default();
        let take = |page| {
            let store = store.clone();
            async move { store.take(page).await }
        };
        let journal = Journal { fails_at: Some(fails_at), ..Journal::default() };
        let client = peer.client();
        let died = bulk(&client).run(&mut of_ids(), &journal, take).await;
        if died.is_ok() {
            n_saves = Some(fails_at - 1);
            break;
        }
        let mut state = journal.last();
        let n_before = state.pages.iter().filter(|it| it.n_records.is_some()).count();

        let report = bulk(&peer.client()).run(&mut state, &journal, take).await.unwrap();

        assert_eq!((report.n_records, store.len() as u64), (N_CASES, N_CASES), "save {fails_at}");
        let line = peer.line.as_ref().unwrap();
        assert_eq!(line.n_seen("POST", "/jobs/query"), 1, "save {fails_at}");
        // At most the pages that were under way are read twice.
        assert!(line.n_seen("GET", "/results") <= 9 + 4, "save {fails_at}");
        assert!(n_before <= 9);
    }
    // Before and after the job is made, when it has ended, after each page.
    assert_eq!(n_saves, Some(3 + 9));
}

#[tokio::test]
async fn job_whose_creation_had_no_answer_is_found_again_by_the_sole_caller() {
    let lose_first = |seen: &Seen| match seen {
        it if it.is("POST", "/jobs/query") && it.n_before == 0 => Act::LoseAnswer,
        _ => Act::Pass,
    };
    let peer = Peer::behind(settings(), lose_first).await;
    let client = peer.client();
    let mut state = of_ids();
    let id = bulk(&client).as_sole_caller(Vec::new()).begin(&mut state, &Unsaved).await.unwrap();
    assert_eq!(n_jobs(&client).await, 1);
    assert_eq!(state.job_id, Some(id.clone()));

    // One that another began is never taken for it, and without the vow none is.
    let peer = Peer::behind(settings(), lose_first).await;
    let client = peer.client();
    let mut other = of_ids();
    let theirs = bulk(&client).begin(&mut other, &Unsaved).await.unwrap();
    assert_eq!(n_jobs(&client).await, 2);
    let mut state = of_ids();
    state.asked_at = Some(Timestamp::EPOCH);
    let sole = bulk(&client).as_sole_caller(vec![theirs.clone()]);
    let found = sole.begin(&mut state, &Unsaved).await.unwrap();
    assert_ne!(found, theirs);
    assert_eq!(n_jobs(&client).await, 2);
}

#[tokio::test]
async fn query_that_no_job_takes_is_rejected_by_name_and_makes_no_second_job() {
    let peer = Peer::start(settings()).await;
    let client = peer.client();
    for soql in ["SELECT Nonsense__c FROM Case", "SELECT COUNT(Id) FROM Case", "SELECT FROM"] {
        let mut state = QueryJobState::new(soql, QueryScope::Live);
        let error = bulk(&client).begin(&mut state, &Unsaved).await.unwrap_err();
        assert_eq!(error.kind(), PortErrorKind::Rejected, "{soql}: {}", shared::chain(&error));
    }
    assert_eq!(n_jobs(&client).await, 0);
}

#[tokio::test]
async fn run_can_be_a_task_of_its_own() {
    let peer = Peer::start(settings()).await;
    let (query, store) = (bulk(&peer.client()), Store::default());
    let taken = store.clone();
    let run = async move {
        let mut state = of_ids();
        let take = |page| {
            let store = taken.clone();
            async move { store.take(page).await }
        };
        query.run(&mut state, &Unsaved, take).await
    };
    let report = tokio::spawn(run).await.unwrap().unwrap();
    assert_eq!((report.n_records, store.len() as u64), (N_CASES, N_CASES));
}

#[tokio::test]
async fn query_without_records_ends_with_none() {
    let peer = Peer::start(Settings { seed: Seed::Empty, ..settings() }).await;
    let store = Store::default();
    let mut state = of_ids();
    let report = bulk(&peer.client())
        .run(&mut state, &Unsaved, |page| {
            let store = store.clone();
            async move { store.take(page).await }
        })
        .await
        .unwrap();
    assert_eq!((report.n_records, report.n_pages, store.len()), (0, 1, 0));
}

#[tokio::test]
async fn page_that_was_not_read_to_its_end_has_no_receipt() {
    let peer = Peer::start(settings()).await;
    let error = bulk(&peer.client())
        .run(&mut of_ids(), &Unsaved, |mut page| async move {
            page.next_record().await?;
            page.finish()
        })
        .await
        .unwrap_err();
    assert!(shared::chain(&error).to_string().contains("not read to its end"));
}

#[tokio::test]
async fn job_that_somebody_aborted_is_an_error_and_begins_anew_on_demand() {
    let peer = Peer::start(settings()).await;
    let client = peer.client();
    let mut state = of_ids();
    let id = bulk(&client).begin(&mut state, &Unsaved).await.unwrap();
    let path = format!("jobs/query/{}", id.as_str());
    peer.call(http::Method::PATCH, &path, &serde_json::json!({"state": "Aborted"})).await;
    let store = Store::default();
    let take = |page| {
        let store = store.clone();
        async move { store.take(page).await }
    };

    let error = bulk(&client).run(&mut state, &Unsaved, take).await.unwrap_err();
    assert!(shared::chain(&error).to_string().contains("was aborted"));

    state.begin_anew();
    bulk(&client).run(&mut state, &Unsaved, take).await.unwrap();
    assert_eq!(store.len() as u64, N_CASES);
}
