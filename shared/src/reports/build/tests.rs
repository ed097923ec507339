//! Reports that are built once, whatever fails meanwhile, and told of until it is heard.

use std::num::NonZeroU32;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};

use async_trait::async_trait;

use super::*;
use crate::ports::report_journal_contract::sample_report;
use crate::ports::topic::MemoryTopic;
use crate::ports::{
    JsonLakeFiles, MemoryBlobStore, MemoryPipelineJournal, MemoryQueue, MemoryReportJournal, Queue,
    ReportFormat, ReportKind, ReportReceiver, WebhookSender, read_whole,
};
use crate::reports::testing::{NoCases, OneCase, at};

/// A receiver that fails as often as it is told.
#[derive(Default)]
struct Receiver {
    n_failures: AtomicU32,
    refuses: bool,
    heard: Mutex<Vec<(String, String)>>,
}

#[async_trait]
impl WebhookSender for Receiver {
    async fn send(&self, id: &str, body: &str) -> Result<(), PortError> {
        let left = self.n_failures.load(Ordering::Relaxed);
        if left > 0 {
            self.n_failures.store(left - 1, Ordering::Relaxed);
            let kind =
                if self.refuses { PortErrorKind::Rejected } else { PortErrorKind::Unavailable };
            return Err(PortError::new(kind, "webhook", "send", id));
        }
        self.heard.lock().unwrap().push((id.to_owned(), body.to_owned()));
        Ok(())
    }
}

struct Fixture {
    journal: Arc<MemoryReportJournal>,
    store: Arc<MemoryBlobStore>,
    view: Arc<OneCase>,
    heard: Arc<MemoryQueue>,
    webhook: Arc<Receiver>,
    builder: ReportBuilder,
}

impl Fixture {
    fn new(webhook: Receiver) -> Self {
        let clock = at("2026-12-01T06:00:00Z");
        let journal = Arc::new(MemoryReportJournal::default());
        let store = Arc::new(MemoryBlobStore::new(clock.clone()));
        let (view, webhook) = (Arc::new(OneCase::default()), Arc::new(webhook));
        let attempts = NonZeroU32::new(9).unwrap();
        let heard = Arc::new(MemoryQueue::new("heard", attempts, clock.clone()));
        let topic = MemoryTopic::new("reports");
        topic.subscribe(heard.clone(), None);
        let news = Newsroom {
            topic: Some(Arc::new(topic)),
            webhook: Some(webhook.clone()),
            ..Newsroom::empty()
        };
        let ports = BuildPorts {
            sources: ReportSources {
                tally: Arc::new(NoCases),
                view: view.clone(),
                pipelines: Arc::new(MemoryPipelineJournal::default()),
            },
            definitions: ReportDefinitions::default(),
            journal: journal.clone(),
            store: store.clone(),
            printer: None,
            tables: Some(Arc::new(JsonLakeFiles::new(store.clone(), 1 << 20))),
            news,
            clock,
        };
        let builder = ReportBuilder::new(ports, BuildSettings::default());
        Self { journal, store, view, heard, webhook, builder }
    }

    async fn opened(&self, report: Report) -> CorrelationId {
        self.journal.open_report(&report).await.unwrap().id
    }

    async fn stands(&self, id: &CorrelationId) -> Report {
        self.journal.report(id).await.unwrap().unwrap().value
    }

    async fn text(&self, file: &ReportFile) -> String {
        let bytes = read_whole(&*self.store, &file.key, 1 << 20).await.unwrap();
        String::from_utf8(bytes.to_vec()).unwrap()
    }
}

fn of_case() -> Report {
    Report {
        report: "case-file".to_owned(),
        kind: ReportKind::Case,
        subject: Some(OneCase::id().to_string()),
        period: "2026-12-01".to_owned(),
        formats: vec![ReportFormat::Html, ReportFormat::Csv],
        sight: crate::auth::Sight::AllBut(crate::ids::PersonId::parse("ann").unwrap()),
        ..sample_report(3)
    }
}

#[tokio::test]
async fn report_is_built_once_and_a_second_delivery_changes_nothing() {
    let fixture = Fixture::new(Receiver::default());
    let formats = vec![ReportFormat::Html, ReportFormat::Csv, ReportFormat::Parquet];
    let deliveries = ReportReceiver::ALL.map(ReportDelivery::pending).to_vec();
    let id = fixture.opened(Report { formats, deliveries, ..sample_report(1) }).await;

    fixture.builder.build(&id).await.unwrap();

    let ready = fixture.stands(&id).await;
    assert_eq!((ready.state, ready.n_attempts), (ReportState::Ready, 1));
    assert!(ready.deliveries.iter().all(|it| it.state == DeliveryState::Sent), "{ready:?}");
    let page = fixture.text(ready.file(ReportFormat::Html, None).unwrap()).await;
    assert!(page.starts_with("<!doctype html>") && page.contains("The firm, month by month"));
    let table = ready.file(ReportFormat::Csv, Some("by_period")).unwrap();
    assert_eq!(table.key.as_str(), format!("files/firm-monthly/2026-11/{id}/2/by_period.csv"));
    assert!(fixture.text(table).await.starts_with("period,cases_opened,"));
    assert!(ready.file(ReportFormat::Parquet, Some("by_period")).unwrap().n_bytes > 0);

    fixture.builder.build(&id).await.unwrap();
    assert_eq!(fixture.stands(&id).await, ready);
    let heard = fixture.webhook.heard.lock().unwrap().clone();
    assert_eq!((heard.len(), heard[0].0.as_str()), (1, id.as_str()));
    assert_eq!(fixture.heard.depth().await.unwrap().n_ready, 1);
    let news: serde_json::Value = serde_json::from_str(&heard[0].1).unwrap();
    assert_eq!(news["title"], "The firm, month by month");
    assert_eq!((&news["event"], &news["period"]), (&"report.ready".into(), &"2026-11".into()));
}

#[tokio::test]
async fn receiver_that_fails_is_told_again_and_the_other_only_once() {
    let fixture = Fixture::new(Receiver { n_failures: AtomicU32::new(2), ..Receiver::default() });
    let deliveries = ReportReceiver::ALL.map(ReportDelivery::pending).to_vec();
    let id = fixture.opened(Report { deliveries, ..sample_report(1) }).await;

    for _ in 0..2 {
        let error = fixture.builder.build(&id).await.unwrap_err();
        assert!(matches!(Failure::from(error).retry(), Retry::After(_)));
    }
    let waits = fixture.stands(&id).await.deliveries[1].clone();
    assert_eq!((waits.state, waits.n_attempts), (DeliveryState::Pending, 2));
    assert!(waits.message.unwrap().contains("webhook"));

    fixture.builder.build(&id).await.unwrap();

    let told = fixture.stands(&id).await.deliveries;
    assert_eq!(
        told[1],
        ReportDelivery {
            state: DeliveryState::Sent,
            n_attempts: 3,
            ..ReportDelivery::pending(ReportReceiver::Webhook)
        }
    );
    assert_eq!((told[0].state, told[0].n_attempts), (DeliveryState::Sent, 1));
    assert_eq!(fixture.heard.depth().await.unwrap().n_ready, 1);
}

#[tokio::test]
async fn receiver_that_refuses_is_told_of_and_not_asked_again() {
    let fixture = Fixture::new(Receiver {
        n_failures: AtomicU32::new(9),
        refuses: true,
        ..Receiver::default()
    });
    let deliveries = vec![ReportDelivery::pending(ReportReceiver::Webhook)];
    let id = fixture.opened(Report { deliveries, ..sample_report(1) }).await;
    fixture.builder.build(&id).await.unwrap();
    fixture.builder.build(&id).await.unwrap();
    let told = fixture.stands(&id).await.deliveries[0].clone();
    assert_eq!((told.state, told.n_attempts), (DeliveryState::Failed, 1));
}

#[tokio::test]
async fn report_of_a_case_shows_what_its_reader_sees_and_its_news_have_no_links() {
    let fixture = Fixture::new(Receiver::default());
    let deliveries = vec![ReportDelivery::pending(ReportReceiver::Webhook)];
    let id = fixture.opened(Report { deliveries, ..of_case() }).await;
    fixture.builder.build(&id).await.unwrap();
    let ready = fixture.stands(&id).await;
    let page = fixture.text(ready.file(ReportFormat::Html, None).unwrap()).await;
    assert!(page.contains("Doe &lt;b&gt;v.&lt;/b&gt; Roe") && page.contains("Petition.pdf"));
    let timeline = ready.file(ReportFormat::Csv, Some("timeline")).unwrap();
    assert!(fixture.text(timeline).await.contains(",'=1+1,2"));
    let heard = fixture.webhook.heard.lock().unwrap()[0].1.clone();
    assert!(heard.contains("\"links\":[]") && !heard.contains("Doe"), "{heard}");
}

#[tokio::test]
async fn case_that_was_hidden_meanwhile_makes_no_report() {
    let fixture = Fixture::new(Receiver::default());
    let id = fixture.opened(of_case()).await;
    fixture.view.hide();
    let error = fixture.builder.build(&id).await.unwrap_err();
    assert_eq!(Failure::from(error).retry(), Retry::Never);
    let failed = fixture.stands(&id).await;
    assert_eq!(failed.state, ReportState::Failed);
    assert!(failed.message.unwrap().starts_with("there is no case"));
    fixture.builder.build(&id).await.unwrap();
}

#[tokio::test]
async fn format_that_this_build_does_not_write_fails_with_the_way_out() {
    let fixture = Fixture::new(Receiver::default());
    let formats = vec![ReportFormat::Pdf];
    let id = fixture.opened(Report { formats, ..sample_report(1) }).await;
    assert!(fixture.builder.build(&id).await.is_err());
    let failed = fixture.stands(&id).await;
    let message = "this build does not write `pdf`: leave it out of `formats`";
    assert_eq!(failed.message.as_deref(), Some(message));
    assert!(failed.files.is_empty());
}

#[tokio::test]
async fn report_in_hand_waits_for_the_end_of_its_lease() {
    let fixture = Fixture::new(Receiver::default());
    let now = crate::time::Timestamp::parse("2026-12-01T06:00:00Z").unwrap();
    let leased = |until| Report {
        state: ReportState::Building,
        n_attempts: 1,
        leased_until: Some(until),
        ..sample_report(1)
    };
    let id = fixture.opened(leased(now.plus(Duration::from_mins(1)))).await;
    let error = fixture.builder.build(&id).await.unwrap_err();
    assert_eq!(Failure::from(error).retry(), Retry::After(Some(Duration::from_mins(1))));
    assert!(fixture.journal.put_report(&leased(now), 1).await.unwrap());
    fixture.builder.build(&id).await.unwrap();
    assert_eq!(fixture.stands(&id).await.n_attempts, 2);

    let dying = Report {
        n_attempts: MAX_ATTEMPTS,
        ..Report { id: CorrelationId::from_random(9), ..leased(now) }
    };
    let id = fixture.opened(dying).await;
    assert!(fixture.builder.build(&id).await.is_err());
    let message = fixture.stands(&id).await.message.unwrap();
    assert_eq!(message, "it was begun 5 times and never ended: the process ended each time");
}
