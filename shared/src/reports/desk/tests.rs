//! Orders, and who is handed what.

use std::num::NonZeroU32;

use super::*;
use crate::ids::PersonId;
use crate::ports::pipeline_journal_contract::sample_pipeline_run;
use crate::ports::{
    MemoryBlobStore, MemoryPipelineJournal, MemoryQueue, MemoryReportJournal, ReportReader,
    SystemRandom,
};
use crate::reports::testing::{OneCase, at};

struct Fixture {
    journal: Arc<MemoryReportJournal>,
    queue: Arc<MemoryQueue>,
    view: Arc<OneCase>,
    desk: ReportDesk,
}

impl Fixture {
    async fn new() -> Self {
        let clock = at("2026-12-01T06:00:00Z");
        let journal = Arc::new(MemoryReportJournal::default());
        let attempts = NonZeroU32::new(9).unwrap();
        let queue = Arc::new(MemoryQueue::new("reports", attempts, clock.clone()));
        let pipelines = MemoryPipelineJournal::default();
        pipelines.open_run(&sample_pipeline_run(1), None, 9).await.unwrap();
        let view = Arc::new(OneCase::default());
        let desk = ReportDesk::new(ReportDeskPorts {
            definitions: ReportDefinitions::default(),
            journal: journal.clone(),
            queue: queue.clone(),
            store: Arc::new(MemoryBlobStore::new(clock.clone())),
            view: view.clone(),
            pipelines: Arc::new(pipelines),
            clock,
            random: Arc::new(SystemRandom),
        });
        Self { journal, queue, view, desk }
    }

    async fn n_queued(&self) -> u64 {
        self.queue.depth().await.unwrap().n_ready
    }
}

fn asker(name: &str) -> Asker {
    let person = PersonId::parse(name).unwrap();
    Asker::Person {
        sight: Sight::AllBut(person.clone()),
        person,
        sees_all: true,
        may_cases: true,
        may_pipelines: false,
    }
}

fn order(report: &str, asker: &Asker) -> ReportOrder {
    ReportOrder {
        report: report.to_owned(),
        subject: None,
        period: None,
        formats: Vec::new(),
        asker: asker.clone(),
        idempotency_key: None,
        correlation_id: None,
    }
}

#[tokio::test]
async fn order_is_queued_once_under_its_key_and_the_key_is_that_of_one_person() {
    let fixture = Fixture::new().await;
    let (ann, bob) = (asker("ann"), asker("bob"));
    let keyed = |asker: &Asker| ReportOrder {
        idempotency_key: Some("k".to_owned()),
        ..order("firm-monthly", asker)
    };
    let first = fixture.desk.order(keyed(&ann)).await.unwrap();
    assert!(first.is_new);
    assert_eq!((first.report.period.as_str(), fixture.n_queued().await), ("2026-11", 1));
    let again = fixture.desk.order(keyed(&ann)).await.unwrap();
    assert_eq!((again.is_new, &again.report.id), (false, &first.report.id));
    let other = fixture.desk.order(keyed(&bob)).await.unwrap();
    assert!(other.is_new && other.report.id != first.report.id);
    let seen = fixture.desk.report(&bob, &first.report.id).await;
    assert!(matches!(seen, Err(ReportDeskError::NoReport { .. })), "{seen:?}");
}

#[tokio::test]
async fn report_of_a_case_asks_for_sight_of_it_each_time() {
    let fixture = Fixture::new().await;
    let ann = asker("ann");
    let wanted = ReportOrder { subject: Some("case".to_owned()), ..order("case-file", &ann) };
    let report = fixture.desk.order(wanted.clone()).await.unwrap().report;
    assert_eq!(report.subject.as_deref(), Some(OneCase::id().as_str()));
    assert!(fixture.desk.report(&ann, &report.id).await.is_ok());

    fixture.view.hide();

    let hidden = fixture.desk.report(&ann, &report.id).await.unwrap_err().to_string();
    let unknown = CorrelationId::from_random(5);
    let missing = fixture.desk.report(&ann, &unknown).await.unwrap_err().to_string();
    assert_eq!(hidden.replace(report.id.as_str(), ""), missing.replace(unknown.as_str(), ""));
    let link = fixture
        .desk
        .link(&ann, &report.id, Some(ReportFormat::Pdf), None, Duration::from_mins(5))
        .await;
    assert!(matches!(link, Err(ReportDeskError::NoReport { .. })), "{link:?}");
    let refused = fixture.desk.order(wanted).await.unwrap_err();
    assert!(matches!(refused, ReportDeskError::NoSubject(_)), "{refused:?}");
}

#[tokio::test]
async fn wrong_order_names_each_part_and_the_way_out() {
    let fixture = Fixture::new().await;
    let ann = asker("ann");
    let told = async |order: ReportOrder| fixture.desk.order(order).await.unwrap_err().to_string();
    let of = |report: &str| order(report, &Asker::Machine);
    assert!(told(of("firm-montly")).await.contains("did you mean `firm-monthly`?"));
    assert_eq!(told(of("case-file")).await, "subject: it is missing: name the case");
    let late = ReportOrder { period: Some("2027-01".to_owned()), ..of("firm-monthly") };
    assert_eq!(told(late).await, "period: it has not begun: write such as `2026-11`");
    let both = ReportOrder {
        subject: Some("x".to_owned()),
        period: Some("W1".to_owned()),
        ..of("firm-monthly")
    };
    assert_eq!(
        told(both).await,
        "period: it is no period of this report: write such as `2026-11`; subject: the report is of \
         the firm: leave it out"
    );
    let never = ReportOrder { subject: Some("none".to_owned()), ..of("pipeline-weekly") };
    assert_eq!(told(never).await, "the pipeline `none` has never run");
    let forbidden = order("pipeline-weekly", &ann);
    assert!(told(forbidden).await.contains("`pipelines:read`"));
    assert_eq!(fixture.n_queued().await, 0);
    let filter = ReportFilter::of(ReportReader::Machine, 9);
    assert_eq!(fixture.journal.reports(&filter).await.unwrap(), []);
}

#[tokio::test]
async fn report_without_files_has_no_link() {
    let fixture = Fixture::new().await;
    let ann = asker("ann");
    let report = fixture.desk.order(order("firm-monthly", &ann)).await.unwrap().report;
    let link = async |format| {
        let valid_for = Duration::from_mins(5);
        fixture.desk.link(&ann, &report.id, Some(format), None, valid_for).await.unwrap_err()
    };
    assert!(matches!(link(ReportFormat::Pdf).await, ReportDeskError::NotReady { .. }));
    let ready = Report { state: ReportState::Ready, ..report.clone() };
    assert!(fixture.journal.put_report(&ready, 1).await.unwrap());
    assert!(matches!(link(ReportFormat::Pdf).await, ReportDeskError::NoFile { .. }));
}
