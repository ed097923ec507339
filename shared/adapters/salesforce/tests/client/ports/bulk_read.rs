//! Whole objects, read by queries or by a job: the same records, wherever a process stopped.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use adapter_salesforce::SalesforceCrm;
use adapter_salesforce::bulk::JobKind;
use async_trait::async_trait;
use http::Method;
use sandbox_org::{BulkPace, BulkSettings, Seed, Settings};
use serde_json::json;
use shared::ids::RecordId;
use shared::ports::{
    BulkJournal, BulkRead, BulkReadTotals, BulkReader, CrmWriter, RecordSink, RemoteRecord,
};
use shared::time::Timestamp;
use shared::{PortError, PortErrorKind};

use crate::support::{Act, PACE, Peer, Seen, object};

pub(super) const N_CASES: u64 = 2_500;

pub(super) fn settings() -> Settings {
    let bulk = BulkSettings { pace: BulkPace::Polls, page_records: 300, ..BulkSettings::default() };
    let seed = Seed::Many { accounts: 20, contacts: 50, cases: N_CASES };
    Settings { seed, bulk, ..Settings::default() }
}

/// Both ways to read.
fn ways(peer: &Peer) -> [SalesforceCrm; 2] {
    let crm = || SalesforceCrm::over(peer.client()).with_pace(PACE).with_page_records(300);
    [crm().with_bulk_from(0), crm().with_bulk_from(u64::MAX)]
}

pub(super) fn cases() -> BulkRead {
    BulkRead {
        object: object("Case"),
        fields: ["Subject", "IsClosed", "Account.Name"].map(str::to_owned).into(),
        from: None,
        after: None,
        until: None,
        reads_deleted: false,
    }
}

/// Keeps what was taken, and fails when it is told to.
#[derive(Default)]
pub(super) struct Sink {
    pub(super) records: Mutex<BTreeMap<RecordId, RemoteRecord>>,
    pub(super) n_taken: AtomicUsize,
    pub(super) fails_at: Option<usize>,
    pub(super) longest: AtomicUsize,
    pub(super) last_total: AtomicU64,
}

#[async_trait]
impl RecordSink for Sink {
    async fn take(&self, records: Vec<RemoteRecord>) -> Result<(), PortError> {
        let n_taken = self.n_taken.fetch_add(records.len(), Ordering::SeqCst) + records.len();
        if self.fails_at.is_some_and(|at| n_taken >= at) {
            return Err(PortError::new(PortErrorKind::Rejected, "test", "take", "records"));
        }
        self.longest.fetch_max(records.len(), Ordering::SeqCst);
        let records = records.into_iter().map(|it| (it.record_id.clone(), it));
        self.records.lock().unwrap().extend(records);
        Ok(())
    }

    fn progress(&self, totals: BulkReadTotals) {
        assert!(totals.n_total.is_none_or(|it| it >= totals.n_read), "{totals:?}");
        self.last_total.store(totals.n_read, Ordering::SeqCst);
    }
}

impl Sink {
    pub(super) fn len(&self) -> u64 {
        self.records.lock().unwrap().len() as u64
    }

    pub(super) fn ids(&self) -> Vec<RecordId> {
        self.records.lock().unwrap().keys().cloned().collect()
    }
}

#[derive(Default)]
pub(super) struct Journal(pub(super) Mutex<Vec<String>>);

#[async_trait]
impl BulkJournal for Journal {
    async fn save(&self, state: &str) -> Result<(), PortError> {
        self.0.lock().unwrap().push(state.to_owned());
        Ok(())
    }
}

impl Journal {
    pub(super) fn last(&self) -> String {
        self.0.lock().unwrap().last().unwrap().clone()
    }
}

pub(super) async fn read(crm: &SalesforceCrm, query: &BulkRead) -> (Sink, BulkReadTotals) {
    let sink = Sink::default();
    let totals = crm.read_all(query, None, &sink, &Journal::default()).await.unwrap();
    (sink, totals)
}

async fn n_jobs(crm: &SalesforceCrm) -> usize {
    let mut n_jobs = 0;
    let count = |_| {
        n_jobs += 1;
        true
    };
    crm.client().jobs(JobKind::Query, count).await.unwrap();
    n_jobs
}

#[tokio::test]
async fn both_ways_read_the_same_records_in_small_pieces() {
    let peer = Peer::start(settings()).await;
    let [by_job, by_query] = ways(&peer);
    let mut query = cases();
    query.fields =
        ["Nothing__c", "Account.Nothing", "Owner.Name", "CreatedDate", "Claim_Amount__c"]
            .map(str::to_owned)
            .into();

    let (job, job_totals) = read(&by_job, &query).await;
    let (rows, query_totals) = read(&by_query, &query).await;

    assert_eq!((job.len(), rows.len()), (N_CASES, N_CASES));
    assert_eq!(*job.records.lock().unwrap(), *rows.records.lock().unwrap());
    let wanted = BulkReadTotals { n_read: N_CASES, n_total: Some(N_CASES) };
    assert_eq!((job_totals, query_totals), (wanted, wanted));
    for sink in [&job, &rows] {
        assert_eq!(sink.last_total.load(Ordering::SeqCst), N_CASES);
        assert!(sink.longest.load(Ordering::SeqCst) <= 300);
        let records = sink.records.lock().unwrap();
        let (_, record) = records.iter().next().unwrap();
        assert_eq!(record.unread, ["Nothing__c", "Account.Nothing"]);
        assert!(!record.fields.contains_key("Nothing__c"));
        assert!(record.fields["Owner.Name"].as_text().is_some());
    }
    assert_eq!(n_jobs(&by_job).await, 0);
    assert_eq!(by_job.count(&object("Case")).await.unwrap(), N_CASES);
}

#[tokio::test]
async fn ranges_deletions_and_times_choose_the_records() {
    let peer = Peer::start(settings()).await;
    let [by_job, by_query] = ways(&peer);
    let (all, _) = read(&by_query, &cases()).await;
    let ids = all.ids();
    let gone = ids[700].clone();
    by_query.delete(&object("Case"), std::slice::from_ref(&gone)).await.unwrap();
    let version = {
        let read = by_query.read_many(&object("Case"), std::slice::from_ref(&gone), &[]).await;
        read.unwrap().records[0].as_ref().unwrap().version
    };
    let range =
        BulkRead { after: Some(ids[499].clone()), until: Some(ids[999].clone()), ..cases() };

    for crm in [&by_job, &by_query] {
        let (live, _) = read(crm, &range).await;
        assert_eq!(
            live.ids(),
            ids[500..1000].iter().filter(|it| **it != gone).cloned().collect::<Vec<_>>()
        );
        let (with_bin, _) = read(crm, &BulkRead { reads_deleted: true, ..range.clone() }).await;
        assert_eq!(with_bin.ids(), ids[500..1000]);
        assert!(with_bin.records.lock().unwrap()[&gone].is_deleted);
        let late = BulkRead { from: Some(version), reads_deleted: true, ..cases() };
        assert_eq!(read(crm, &late).await.0.ids(), std::slice::from_ref(&gone));
        let never =
            BulkRead { from: Some(Timestamp::parse("2100-01-01T00:00:00Z").unwrap()), ..cases() };
        let (none, totals) = read(crm, &never).await;
        assert_eq!((none.len(), totals.n_read), (0, 0));
        assert_eq!(crm.count(&object("Case")).await.unwrap(), N_CASES - 1);
    }
}

#[tokio::test]
async fn reading_goes_on_where_another_process_stopped() {
    let peer = Peer::start(settings()).await;
    for crm in ways(&peer) {
        for fails_at in [1, 400, 900, 2_300] {
            let (first, journal) =
                (Sink { fails_at: Some(fails_at), ..Sink::default() }, Journal::default());
            let error = crm.read_all(&cases(), None, &first, &journal).await.unwrap_err();
            assert_eq!(error.kind(), PortErrorKind::Rejected);
            let state = journal.0.lock().unwrap().last().cloned();

            let [by_job, by_query] = ways(&peer);
            let next =
                if state.as_ref().is_some_and(|it| it.contains("job")) { by_job } else { by_query };
            let rest = Sink::default();
            let totals = next
                .read_all(&cases(), state.as_deref(), &rest, &Journal::default())
                .await
                .unwrap();

            assert_eq!(totals.n_read, N_CASES, "{fails_at}");
            let mut all = first.ids();
            all.extend(rest.ids());
            all.sort();
            all.dedup();
            assert_eq!(all.len() as u64, N_CASES);
        }
    }
}

#[tokio::test]
async fn state_of_another_reading_is_rejected_and_one_that_is_forgotten_begins_anew() {
    let peer = Peer::start(settings()).await;
    let [by_job, _] = ways(&peer);
    let (first, journal) = (Sink { fails_at: Some(900), ..Sink::default() }, Journal::default());
    by_job.read_all(&cases(), None, &first, &journal).await.unwrap_err();
    let state = journal.last();

    let other = BulkRead { reads_deleted: true, ..cases() };
    for (query, state) in [(&other, state.as_str()), (&cases(), "garbage")] {
        let sink = Sink::default();
        let error = by_job.read_all(query, Some(state), &sink, &journal).await.unwrap_err();
        assert_eq!(error.kind(), PortErrorKind::Rejected);
    }
    let mut jobs = Vec::new();
    let client = by_job.client();
    client
        .jobs(JobKind::Query, |it| {
            jobs.push(it.id);
            true
        })
        .await
        .unwrap();
    for id in &jobs {
        client.delete_job(JobKind::Query, id).await.unwrap();
    }
    let sink = Sink::default();
    let totals = by_job.read_all(&cases(), Some(&state), &sink, &journal).await.unwrap();
    assert_eq!((totals.n_read, sink.len()), (N_CASES, N_CASES));
}

#[tokio::test]
async fn job_that_somebody_ended_is_begun_anew() {
    let n_asked = AtomicUsize::new(0);
    let abort = move |seen: &Seen| {
        let asks = seen.method == Method::GET && seen.path.contains("/jobs/query/");
        match asks && n_asked.fetch_add(1, Ordering::SeqCst) == 0 {
            true => Act::Replace("\"state\":\"", "\"state\":\"Aborted\",\"was\":\"".to_owned()),
            false => Act::Pass,
        }
    };
    let peer = Peer::behind(settings(), abort).await;
    let [by_job, _] = ways(&peer);

    let (sink, totals) = read(&by_job, &cases()).await;

    assert_eq!((sink.len(), totals.n_read), (N_CASES, N_CASES));
    assert_eq!(peer.line.as_ref().unwrap().n_seen("POST", "/jobs/query"), 2);
}

#[tokio::test]
async fn object_that_no_job_reads_is_read_by_queries() {
    let refuse = |seen: &Seen| match seen {
        it if it.is("POST", "/jobs/query") => Act::Answer(
            400,
            "application/json",
            r#"[{"errorCode":"INVALIDENTITY","message":"Entity 'Case' is not supported by the Bulk API."}]"#,
        ),
        _ => Act::Pass,
    };
    let peer = Peer::behind(settings(), refuse).await;
    let [by_job, _] = ways(&peer);

    let (sink, totals) = read(&by_job, &cases()).await;

    assert_eq!((sink.len(), totals.n_read), (N_CASES, N_CASES));
}

#[tokio::test]
async fn field_that_is_hidden_while_it_is_read_does_not_stop_the_rest() {
    let peer = Peer::start(settings()).await;
    for (crm, field) in ways(&peer).iter().zip(["Court_Phone__c", "Court_Website__c"]) {
        let query = BulkRead { fields: ["Subject", field].map(str::to_owned).into(), ..cases() };
        // The describe is known now, and old a moment later.
        let (before, _) = read(crm, &query).await;
        assert!(before.records.lock().unwrap().values().all(|it| it.unread.is_empty()));
        let hide = json!({"remove": {"object": "Case", "field": field}});
        peer.call(Method::POST, "/_sandbox/schema", &hide).await;

        let (sink, _) = read(crm, &query).await;

        assert_eq!(sink.len(), N_CASES);
        assert!(sink.records.lock().unwrap().values().all(|it| it.unread == [field]));
    }
}

#[tokio::test]
async fn reading_that_takes_more_calls_than_are_left_is_not_begun() {
    let peer = Peer::start(Settings { daily_requests: 4, ..settings() }).await;
    let [_, by_query] = ways(&peer);
    let error =
        by_query.read_all(&cases(), None, &Sink::default(), &Journal::default()).await.unwrap_err();
    assert_eq!(error.kind(), PortErrorKind::RateLimited, "{}", shared::chain(&error));
}
