//! Very large objects, read by several jobs over ranges of ids.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use adapter_salesforce::SalesforceCrm;
use http::Method;
use sandbox_org::Settings;
use serde_json::Value;
use shared::PortErrorKind;
use shared::ids::RecordId;
use shared::ports::{BulkRead, BulkReadTotals, BulkReader as _, CrmWriter as _};

use super::bulk_read::{Journal, N_CASES, Sink, cases, read, settings};
use crate::support::{Act, PACE, Peer, Seen, object};

/// The records of a range at most.
const N_RANGE: u64 = 400;

fn by_one_job(peer: &Peer) -> SalesforceCrm {
    SalesforceCrm::over(peer.client()).with_pace(PACE).with_page_records(100).with_bulk_from(0)
}

fn by_ranges(peer: &Peer) -> SalesforceCrm {
    by_one_job(peer).with_ranges(1_000, N_RANGE)
}

fn is_job(seen: &Seen) -> bool {
    seen.method == Method::GET && seen.path.contains("/jobs/query/")
}

/// The job that a path is about.
fn job_of(seen: &Seen) -> String {
    let rest = seen.path.split("/jobs/query/").nth(1).unwrap_or_default();
    rest.split('/').next().unwrap_or_default().to_owned()
}

/// The parts of a state: the range, its end, and its records once they were taken.
fn parts(state: &str) -> Vec<(Option<String>, Option<String>, Option<u64>)> {
    let state: Value = serde_json::from_str(state).unwrap();
    let text = |it: &Value| it.as_str().map(str::to_owned);
    let part = |it: &Value| {
        let (range, progress) = (&it["range"], &it["progress"]);
        (text(&range["after"]), text(&range["until"]), progress["done"]["n_read"].as_u64())
    };
    state["way"]["ranges"].as_array().unwrap().iter().map(part).collect()
}

/// The jobs that a state knows, by the place of their range.
fn jobs(state: &str) -> BTreeMap<usize, String> {
    let state: Value = serde_json::from_str(state).unwrap();
    let parts = state["way"]["ranges"].as_array().unwrap().iter().enumerate();
    let job = |(idx, it): (usize, &Value)| {
        Some((idx, it["progress"]["reading"]["job_id"].as_str()?.to_owned()))
    };
    parts.filter_map(job).collect()
}

#[tokio::test]
async fn ranges_read_what_one_job_reads() {
    let peer = Peer::behind(settings(), |_| Act::Pass).await;
    let mut query = cases();
    query.fields = ["Subject", "Nothing__c", "Owner.Name", "CreatedDate", "Claim_Amount__c"]
        .map(str::to_owned)
        .into();

    let (one, _) = read(&by_one_job(&peer), &query).await;
    let n_before = peer.line.as_ref().unwrap().n_seen("POST", "/jobs/query");
    let (sink, journal) = (Sink::default(), Journal::default());
    let totals = by_ranges(&peer).read_all(&query, None, &sink, &journal).await.unwrap();

    assert_eq!(n_before, 1);
    assert_eq!(format!("{:?}", sink.records), format!("{:?}", one.records));
    assert_eq!(sink.n_taken.load(Ordering::SeqCst) as u64, N_CASES);
    assert_eq!(totals, BulkReadTotals { n_read: N_CASES, n_total: Some(N_CASES) });
    assert_eq!(sink.last_total.load(Ordering::SeqCst), N_CASES);
    let parts = parts(&journal.last());
    assert_eq!(peer.line.as_ref().unwrap().n_seen("POST", "/jobs/query"), 1 + parts.len());
    assert_eq!(parts.iter().map(|it| it.2.unwrap()).sum::<u64>(), N_CASES);
    assert!(parts.len() >= 7 && parts.iter().all(|it| it.2.unwrap() <= N_RANGE), "{parts:?}");
    assert!(parts.windows(2).all(|it| it[0].1 == it[1].0));
}

#[tokio::test]
async fn bounds_and_deletions_hold_over_all_ranges() {
    let peer = Peer::start(settings()).await;
    let crm = by_ranges(&peer);
    let ids = read(&by_one_job(&peer), &cases()).await.0.ids();
    let gone = ids[700].clone();
    crm.delete(&object("Case"), std::slice::from_ref(&gone)).await.unwrap();
    let inner =
        BulkRead { after: Some(ids[99].clone()), until: Some(ids[2_099].clone()), ..cases() };

    let (live, _) = read(&crm, &inner).await;
    let (with_bin, _) = read(&crm, &BulkRead { reads_deleted: true, ..inner.clone() }).await;

    let wanted: Vec<RecordId> = ids[100..2_100].iter().filter(|it| **it != gone).cloned().collect();
    assert_eq!(live.ids(), wanted);
    assert_eq!(with_bin.ids(), ids[100..2_100]);
}

#[tokio::test]
async fn range_whose_job_was_ended_is_read_anew_alone() {
    let jobs: Mutex<Vec<String>> = Mutex::default();
    let abort = move |seen: &Seen| {
        let mut jobs = jobs.lock().unwrap();
        if !is_job(seen) || jobs.contains(&job_of(seen)) {
            return Act::Pass;
        }
        jobs.push(job_of(seen));
        match jobs.len() {
            2 => Act::Replace("\"state\":\"", "\"state\":\"Aborted\",\"was\":\"".to_owned()),
            _ => Act::Pass,
        }
    };
    let peer = Peer::behind(settings(), abort).await;
    let (sink, journal) = (Sink::default(), Journal::default());

    by_ranges(&peer).read_all(&cases(), None, &sink, &journal).await.unwrap();

    assert_eq!((sink.len(), sink.n_taken.load(Ordering::SeqCst) as u64), (N_CASES, N_CASES));
    let n_jobs = peer.line.as_ref().unwrap().n_seen("POST", "/jobs/query");
    assert_eq!(n_jobs, parts(&journal.last()).len() + 1);
}

#[tokio::test]
async fn range_whose_results_are_gone_is_read_anew_alone() {
    let n_pages = AtomicUsize::new(0);
    let forget = move |seen: &Seen| {
        let is_page = is_job(seen) && seen.path.ends_with("/results");
        match is_page && n_pages.fetch_add(1, Ordering::SeqCst) == 5 {
            true => Act::Answer(
                404,
                "application/json",
                r#"[{"errorCode":"NOT_FOUND","message":"The requested resource does not exist"}]"#,
            ),
            false => Act::Pass,
        }
    };
    let peer = Peer::behind(settings(), forget).await;
    let (sink, journal) = (Sink::default(), Journal::default());

    let totals = by_ranges(&peer).read_all(&cases(), None, &sink, &journal).await.unwrap();

    assert_eq!((sink.len(), totals.n_read), (N_CASES, N_CASES));
    assert_eq!(sink.last_total.load(Ordering::SeqCst), N_CASES);
    let n_taken = sink.n_taken.load(Ordering::SeqCst) as u64;
    assert!(n_taken < N_CASES + N_RANGE, "{n_taken}");
    let n_jobs = peer.line.as_ref().unwrap().n_seen("POST", "/jobs/query");
    assert_eq!(n_jobs, parts(&journal.last()).len() + 1);
}

#[tokio::test]
async fn process_that_dies_goes_on_behind_the_ranges_that_are_done() {
    let peer = Peer::behind(settings(), |_| Act::Pass).await;
    let mut n_done_most = 0;
    for fails_at in [1, 500, 1_300, 2_400] {
        let (first, journal) =
            (Sink { fails_at: Some(fails_at), ..Sink::default() }, Journal::default());
        let failed = by_ranges(&peer).read_all(&cases(), None, &first, &journal).await;
        assert_eq!(failed.unwrap_err().kind(), PortErrorKind::Rejected);
        let state = journal.last();
        let parts = parts(&state);
        let done: Vec<_> = parts.iter().filter(|it| it.2.is_some()).collect();
        n_done_most = n_done_most.max(done.len());

        let (rest, journal) = (Sink::default(), Journal::default());
        let totals =
            by_ranges(&peer).read_all(&cases(), Some(&state), &rest, &journal).await.unwrap();

        assert_eq!(totals.n_read, N_CASES);
        let all: BTreeSet<RecordId> = first.ids().into_iter().chain(rest.ids()).collect();
        assert_eq!(all.len() as u64, N_CASES);
        for id in rest.ids() {
            let is_in = |it: &&&(Option<String>, Option<String>, Option<u64>)| {
                it.0.as_deref().is_none_or(|after| id.as_str() > after)
                    && it.1.as_deref().is_none_or(|until| id.as_str() <= until)
            };
            assert_eq!(done.iter().find(is_in), None, "{id} was read already");
        }
        // A range whose job is known goes on with it, and every other needs one.
        let mut seen = jobs(&state);
        for (idx, id) in journal.0.lock().unwrap().iter().flat_map(|it| jobs(it)) {
            assert_eq!(
                *seen.entry(idx).or_insert_with(|| id.clone()),
                id,
                "{fails_at}: range {idx}"
            );
        }
        assert_eq!(seen.len() + done.len(), parts.len(), "{fails_at}");
    }
    assert!(n_done_most >= 3, "{n_done_most}");
}

#[tokio::test]
async fn reading_that_one_job_began_goes_on_with_it() {
    let peer = Peer::behind(settings(), |_| Act::Pass).await;
    let (first, journal) = (Sink { fails_at: Some(900), ..Sink::default() }, Journal::default());
    by_one_job(&peer).read_all(&cases(), None, &first, &journal).await.unwrap_err();
    let state = journal.last();

    let rest = Sink::default();
    let totals =
        by_ranges(&peer).read_all(&cases(), Some(&state), &rest, &Journal::default()).await;

    assert_eq!(totals.unwrap().n_read, N_CASES);
    assert_eq!(peer.line.as_ref().unwrap().n_seen("POST", "/jobs/query"), 1);
}

#[tokio::test]
async fn too_few_calls_for_ranges_are_enough_for_one_job() {
    let peer = Peer::behind(Settings { daily_requests: 100, ..settings() }, |_| Act::Pass).await;

    let (sink, _) = read(&by_ranges(&peer), &cases()).await;

    assert_eq!(sink.len(), N_CASES);
    assert_eq!(peer.line.as_ref().unwrap().n_seen("POST", "/jobs/query"), 1);
}

#[tokio::test]
async fn object_that_no_job_reads_is_read_by_queries_not_by_ranges() {
    let refuse = |seen: &Seen| match seen {
        it if it.is("POST", "/jobs/query") => Act::Answer(
            400,
            "application/json",
            r#"[{"errorCode":"INVALIDENTITY","message":"Entity 'Case' is not supported by the Bulk API."}]"#,
        ),
        _ => Act::Pass,
    };
    let peer = Peer::behind(settings(), refuse).await;

    let (sink, totals) = read(&by_ranges(&peer), &cases()).await;

    assert_eq!((sink.len(), totals.n_read), (N_CASES, N_CASES));
}
