//! A stream that is played, the real sink behind it, and what stands in queue and ledger afterwards.

use std::num::NonZeroU32;
use std::sync::Mutex;

use futures_util::FutureExt as _;
use serde_json::Value;
use shared::PortError;
use shared::ids::{CorrelationId, ObjectName, RecordId, TopicName};
use shared::model::{Change, ChangeEvent, Channel, FieldValue, Fields, RecordKey, Scope};
use shared::ports::{
    ChangeBatch, ChangeSink, Gap, MemoryLedger, MemoryQueue, StreamHealth, StreamState,
    StreamStatus, StreamedChange, SystemClock, UnreadableEvent,
};
use shared::sync::{ConnectionStatus, Cursor};
use shared::time::Timestamp;

use super::*;

const TOPIC: &str = "/data/ChangeEvents";

/// Hands out what it was given, then waits or ends.
struct Played {
    connection: ConnectionId,
    batches: Mutex<Vec<ChangeBatch>>,
    gaps: Mutex<Vec<Gap>>,
    state: StreamState,
    no_event_after: Option<Duration>,
}

#[async_trait]
impl ChangeStream for Played {
    fn connection(&self) -> &ConnectionId {
        &self.connection
    }

    async fn follow(&self, sink: &dyn ChangeSink, extent: Extent) -> Result<(), PortError> {
        let (batches, gaps) = (
            std::mem::take(&mut *self.batches.lock().unwrap()),
            std::mem::take(&mut *self.gaps.lock().unwrap()),
        );
        for batch in &batches {
            sink.take(batch).await?;
        }
        for gap in &gaps {
            sink.lost(gap).await?;
        }
        match extent {
            Extent::Endless => std::future::pending().await,
            Extent::UntilQuiet { .. } => Ok(()),
        }
    }

    fn health(&self) -> Vec<StreamHealth> {
        vec![StreamHealth {
            topic: TopicName::parse(TOPIC).unwrap(),
            state: self.state.clone(),
            since: SystemClock.now(),
            last_message_at: None,
            last_event_at: None,
            replayable_until: None,
            last_gap_at: None,
            no_event_after: self.no_event_after,
        }]
    }
}

fn change(object: &str, key: &str, status: &str) -> StreamedChange {
    let connection = ConnectionId::parse("main").unwrap();
    let event = ChangeEvent {
        event_id: key.into(),
        key: RecordKey {
            connection,
            object: ObjectName::parse(object).unwrap(),
            record_id: RecordId::parse("5005f00000TgQ1aAAF").unwrap(),
        },
        change: Change::Upsert,
        version: Some(Timestamp::from_millis(1_793_527_201_000)),
        scope: Scope::Changed,
        fields: Fields::from([("Status", FieldValue::text(status))]),
        unread: Vec::new(),
        channel: Channel::PubSub,
        received_at: Timestamp::EPOCH,
        is_backfill: false,
        correlation_id: CorrelationId::from_random(7),
    };
    StreamedChange { event, dedupe_key: format!("cdc:main:{object}:{key}") }
}

fn batch(changes: Vec<StreamedChange>, unreadable: Vec<UnreadableEvent>) -> ChangeBatch {
    let topic = TopicName::parse(TOPIC).unwrap();
    ChangeBatch { topic, replay_id: "00".into(), changes, unreadable }
}

struct Bench {
    queue: Arc<MemoryQueue>,
    ledger: Arc<MemoryLedger>,
}

impl Bench {
    fn new() -> Self {
        let attempts = NonZeroU32::new(5).unwrap();
        let queue = Arc::new(MemoryQueue::new("events", attempts, Arc::new(SystemClock)));
        Self { queue, ledger: Arc::default() }
    }

    fn subscriber(
        &self,
        batches: Vec<ChangeBatch>,
        gaps: Vec<Gap>,
        state: StreamState,
    ) -> ChangeSubscriber {
        let stream = Played {
            connection: ConnectionId::parse("main").unwrap(),
            batches: Mutex::new(batches),
            gaps: Mutex::new(gaps),
            state,
            no_event_after: Some(Duration::from_hours(12)),
        };
        let mappings = shared::sync::testing::salesforce_mappings();
        let ports = SubscriberPorts {
            queue: self.queue.clone(),
            ledger: self.ledger.clone(),
            clock: Arc::new(SystemClock),
        };
        let followed = Followed { stream: Arc::new(stream), mappings };
        ChangeSubscriber::new([followed], ports, SubscriberSettings::default())
    }

    async fn queued(&self) -> Vec<Value> {
        let (most, soon) = (NonZeroU32::new(100).unwrap(), Duration::from_millis(1));
        let deliveries = self.queue.receive(most, Duration::from_secs(60), soon).await.unwrap();
        deliveries.iter().map(|it| serde_json::from_str(&it.body).unwrap()).collect()
    }
}

#[tokio::test]
async fn changes_are_queued_once_whichever_stream_brings_them() {
    let bench = Bench::new();
    let two = || vec![change("Case", "k:1:a", "Trial"), change("case", "k:2:a", "Closed")];

    bench
        .subscriber(vec![batch(two(), vec![])], vec![], StreamState::Idle)
        .catch_up()
        .await
        .unwrap();
    bench
        .subscriber(vec![batch(two(), vec![])], vec![], StreamState::Idle)
        .catch_up()
        .await
        .unwrap();

    let queued = bench.queued().await;
    assert_eq!(queued.len(), 2);
    assert_eq!(queued[0]["channel"], "pub_sub");
    assert_eq!(queued[1]["fields"]["Status"], "Closed");
}

#[tokio::test]
async fn object_without_a_mapping_is_left_out_and_an_unreadable_event_is_not() {
    let bench = Bench::new();
    let unreadable = UnreadableEvent {
        event_id: "e".into(),
        schema_id: "S1".into(),
        replay_id: "07".into(),
        why: "it ends too early".into(),
        payload: vec![1],
    };
    let one = batch(vec![change("Lead", "k:1:a", "Open")], vec![unreadable]);

    bench.subscriber(vec![one], vec![], StreamState::Idle).catch_up().await.unwrap();

    let queued = bench.queued().await;
    assert_eq!(queued.len(), 1, "{queued:?}");
    assert_eq!(queued[0]["unreadable_event"]["schema_id"], "S1");
}

#[tokio::test]
async fn gap_sets_back_the_cursors_of_its_objects_alone() {
    let bench = Bench::new();
    let connection = ConnectionId::parse("main").unwrap();
    let noon = Timestamp::from_millis(1_800_000_000_000);
    let name = |object: &str| Cursor::ledger_name(&connection, &ObjectName::parse(object).unwrap());
    let late = serde_json::to_string(&Cursor::resting(noon)).unwrap();
    for object in ["Account", "Case"] {
        bench.ledger.put(&name(object), &late, 0).await.unwrap();
    }
    let since = noon.minus(Duration::from_hours(80));
    let gap = Gap {
        topic: TopicName::parse("/data/CaseChangeEvent").unwrap(),
        object: Some(ObjectName::parse("Case").unwrap()),
        since,
        why: "test",
    };

    bench.subscriber(vec![], vec![gap.clone()], StreamState::Idle).catch_up().await.unwrap();
    let at = async |object: &str| {
        let entry = bench.ledger.get(&name(object)).await.unwrap().unwrap();
        serde_json::from_str::<Cursor>(&entry.value).unwrap().at
    };
    assert_eq!((at("Case").await, at("Account").await), (since, noon));

    let every = Gap { object: None, ..gap };
    bench.subscriber(vec![], vec![every], StreamState::Idle).catch_up().await.unwrap();
    assert_eq!(at("Account").await, since);
}

#[tokio::test(start_paused = true)]
async fn service_tells_how_streams_do_and_stops_when_it_is_told() {
    let bench = Bench::new();
    let refused = StreamState::Refused("topic not found".into());
    let subscriber = bench.subscriber(vec![], vec![], refused);

    let stop = tokio::time::sleep(Duration::from_secs(40)).boxed();
    Service::run(&subscriber, stop).await.unwrap();

    let name = StreamStatus::ledger_name(
        &ConnectionId::parse("main").unwrap(),
        &TopicName::parse(TOPIC).unwrap(),
    );
    let entry = bench.ledger.get(&name).await.unwrap().unwrap();
    assert_eq!(entry.revision, 1, "nothing changed within a minute");
    let status: StreamStatus = serde_json::from_str(&entry.value).unwrap();
    assert_eq!(status.status, ConnectionStatus::Down);
    assert!(status.detail.unwrap().contains("topic not found"));
}

#[tokio::test]
async fn run_that_finds_nothing_does_not_hide_that_nothing_came_for_days() {
    let bench = Bench::new();
    let name = StreamStatus::ledger_name(
        &ConnectionId::parse("main").unwrap(),
        &TopicName::parse(TOPIC).unwrap(),
    );
    let now = SystemClock.now();
    let before = StreamStatus {
        connection: ConnectionId::parse("main").unwrap(),
        topic: TopicName::parse(TOPIC).unwrap(),
        status: ConnectionStatus::Healthy,
        detail: None,
        checked_at: now.minus(Duration::from_mins(5)),
        last_event_at: Some(now.minus(Duration::from_hours(50))),
        replayable_until: None,
    };
    bench.ledger.put(&name, &serde_json::to_string(&before).unwrap(), 0).await.unwrap();

    bench.subscriber(vec![], vec![], StreamState::Idle).catch_up().await.unwrap();

    let entry = bench.ledger.get(&name).await.unwrap().unwrap();
    let status: StreamStatus = serde_json::from_str(&entry.value).unwrap();
    assert_eq!(status.status, ConnectionStatus::Degraded);
    assert!(status.detail.unwrap().contains("no event for 3000 minutes"));
}
