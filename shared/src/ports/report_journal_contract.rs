//! What every journal of reports must do, as code: see the contract of [`ReportJournal`].

#![expect(clippy::unwrap_used, reason = "a contract suite fails by panicking")]

use std::time::Duration;

use futures_util::future::join_all;

use super::blob_names::BlobKey;
use super::pipeline_journal::Kept;
use super::report_journal::{
    DeliveryState, Report, ReportDelivery, ReportFile, ReportFilter, ReportFormat, ReportJournal,
    ReportKind, ReportReader, ReportReceiver, ReportState,
};
use crate::auth::Sight;
use crate::ids::{CorrelationId, EntityId, PersonId};
use crate::time::Timestamp;

/// Returns the person who is screened from [`screened_case`]: whoever opens the journal sees to it.
pub fn watcher() -> PersonId {
    PersonId::parse("walled").unwrap()
}

/// Returns the case that is hidden from [`watcher`].
pub fn screened_case() -> EntityId {
    EntityId::parse("7d1c2f04-93be-8a57-b0c1-6e2f40a9d813").unwrap()
}

/// Returns the sample report `number` of the firm, which waits in the queue.
pub fn sample_report(number: u32) -> Report {
    let first = Timestamp::parse("2026-12-01T06:00:00Z").unwrap();
    Report {
        id: CorrelationId::from_random(u128::from(number)),
        report: "firm-monthly".to_owned(),
        kind: ReportKind::Firm,
        subject: None,
        period: "2026-11".to_owned(),
        formats: vec![ReportFormat::Html, ReportFormat::Csv],
        state: ReportState::Queued,
        message: None,
        ordered_by: "schedule".to_owned(),
        sight: Sight::Everything,
        correlation_id: CorrelationId::from_random(u128::from(number) + 1000),
        idempotency_key: None,
        n_attempts: 0,
        leased_until: None,
        files: Vec::new(),
        deliveries: Vec::new(),
        requested_at: first.plus(Duration::from_mins(u64::from(number))),
        finished_at: None,
    }
}

/// Checks a fresh journal in which [`watcher`] is screened from [`screened_case`].
///
/// # Panics
///
/// When it breaks the contract.
pub async fn report_journal_contract(journal: &dyn ReportJournal) {
    reports_are_opened_once(journal).await;
    reports_are_written_by_revision(journal).await;
    reports_are_listed_newest_first(journal).await;
    walls_hold_in_lists(journal).await;
}

async fn reports_are_opened_once(journal: &dyn ReportJournal) {
    let key = Some("scheduled \u{0} 2026-11".to_owned());
    let first = Report { idempotency_key: key, ..sample_report(1) };
    let again = Report { id: CorrelationId::from_random(77), ..first.clone() };
    assert_eq!(journal.report(&first.id).await.unwrap(), None);
    assert_eq!(journal.open_report(&first).await.unwrap(), first);
    assert_eq!(journal.open_report(&first).await.unwrap(), first);
    assert_eq!(journal.open_report(&again).await.unwrap(), first);
    assert_eq!(journal.report(&again.id).await.unwrap(), None);

    // The key is that of one definition.
    let other = Report { report: "other".to_owned(), ..again };
    assert_eq!(journal.open_report(&other).await.unwrap(), other);

    let opened = (200..216).map(|number| {
        let key = Some("at once".to_owned());
        let report = Report { idempotency_key: key, ..sample_report(number) };
        async move { journal.open_report(&report).await.unwrap().id }
    });
    let ids = join_all(opened).await;
    assert!(ids.iter().all(|it| Some(it) == ids.first()), "{ids:?}");
}

async fn reports_are_written_by_revision(journal: &dyn ReportJournal) {
    let first = journal.open_report(&sample_report(2)).await.unwrap();
    let now = first.requested_at.plus(Duration::from_mins(1));
    let building = Report {
        state: ReportState::Building,
        n_attempts: 1,
        leased_until: Some(now),
        message: Some("\u{0}again".to_owned()),
        ..first.clone()
    };
    assert!(!journal.put_report(&building, 2).await.unwrap());
    let both = join_all([journal.put_report(&building, 1), journal.put_report(&building, 1)]).await;
    assert_eq!(both.into_iter().filter(|it| *it.as_ref().unwrap()).count(), 1);
    let kept = journal.report(&first.id).await.unwrap();
    assert_eq!(kept, Some(Kept { value: building.clone(), revision: 2 }));

    let sent = ReportDelivery {
        state: DeliveryState::Sent,
        n_attempts: 2,
        ..ReportDelivery::pending(ReportReceiver::Webhook)
    };
    let ready = Report {
        state: ReportState::Ready,
        leased_until: None,
        files: vec![ReportFile {
            format: ReportFormat::Csv,
            table: Some("by_period".to_owned()),
            key: BlobKey::parse("files/a/b.csv").unwrap(),
            n_bytes: 12,
        }],
        deliveries: vec![ReportDelivery::pending(ReportReceiver::Topic), sent],
        finished_at: Some(now),
        ..building
    };
    assert!(journal.put_report(&ready, 2).await.unwrap());
    let kept = journal.report(&first.id).await.unwrap();
    assert_eq!(kept, Some(Kept { value: ready, revision: 3 }));
}

async fn listed(journal: &dyn ReportJournal, filter: ReportFilter) -> Vec<CorrelationId> {
    journal.reports(&filter).await.unwrap().into_iter().map(|it| it.id).collect()
}

async fn reports_are_listed_newest_first(journal: &dyn ReportJournal) {
    let number = |it: u32| CorrelationId::from_random(it.into());
    for it in 30..34 {
        let report = "listed".to_owned();
        let state = if it == 31 { ReportState::Failed } else { ReportState::Queued };
        let report = Report { report, state, ..sample_report(it) };
        journal.open_report(&report).await.unwrap();
    }
    let of = |limit| ReportFilter {
        report: Some("listed".to_owned()),
        ..ReportFilter::of(ReportReader::Machine, limit)
    };
    assert_eq!(listed(journal, of(2)).await, [number(33), number(32)]);
    let before = Some((sample_report(32).requested_at, number(32)));
    let rest = ReportFilter { before, ..of(9) };
    assert_eq!(listed(journal, rest).await, [number(31), number(30)]);
    let failed = ReportFilter { state: Some(ReportState::Failed), ..of(9) };
    assert_eq!(listed(journal, failed).await, [number(31)]);
    let cases = ReportFilter { kind: Some(ReportKind::Case), ..of(9) };
    assert_eq!(listed(journal, cases).await, []);
    let one = ReportFilter { id: Some(number(30)), ..of(9) };
    assert_eq!(listed(journal, one).await, [number(30)]);
}

async fn walls_hold_in_lists(journal: &dyn ReportJournal) {
    let number = |it: u32| CorrelationId::from_random(it.into());
    let (ann, walled) = (PersonId::parse("ann").unwrap(), watcher());
    let open_case = EntityId::parse("7d1c2f04-93be-8a57-b0c1-6e2f40a9d814").unwrap();
    let of = |it: u32, kind, subject: Option<&str>, sight: &Sight| Report {
        report: "walls".to_owned(),
        kind,
        subject: subject.map(str::to_owned),
        sight: sight.clone(),
        ..sample_report(it)
    };
    let (for_all, of_ann) = (Sight::Everything, Sight::AllBut(ann.clone()));
    let of_walled = Sight::AllBut(walled.clone());
    let hidden = screened_case();
    for report in [
        of(40, ReportKind::Firm, None, &for_all),
        of(41, ReportKind::Firm, None, &of_ann),
        of(42, ReportKind::Firm, None, &of_walled),
        of(43, ReportKind::Pipeline, Some("clean"), &for_all),
        of(44, ReportKind::Case, Some(open_case.as_str()), &of_ann),
        of(45, ReportKind::Case, Some(hidden.as_str()), &of_ann),
        of(46, ReportKind::Case, Some(hidden.as_str()), &of_walled),
        of(47, ReportKind::Case, Some(open_case.as_str()), &for_all),
    ] {
        journal.open_report(&report).await.unwrap();
    }
    let seen = async |person: &PersonId, sees_all, may_pipelines| {
        let sight = Sight::AllBut(person.clone());
        let person = person.clone();
        let reader = ReportReader::Person { person, sight, sees_all, may_pipelines };
        let report = Some("walls".to_owned());
        listed(journal, ReportFilter { report, ..ReportFilter::of(reader, 50) }).await
    };
    let numbers = |these: &[u32]| these.iter().map(|it| number(*it)).collect::<Vec<_>>();
    assert_eq!(seen(&ann, true, true).await, numbers(&[45, 44, 43, 41, 40]));
    assert_eq!(seen(&ann, true, false).await, numbers(&[45, 44, 41, 40]));
    assert_eq!(seen(&walled, false, false).await, numbers(&[42]));
    let nobody = PersonId::parse("nobody").unwrap();
    assert_eq!(seen(&nobody, true, false).await, numbers(&[40]));
}
