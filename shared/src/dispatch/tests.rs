//! Changes sent on as flow files: order, positions, lost answers, and what is left out.

use std::time::Duration;

use async_trait::async_trait;
use serde_json::Value;

use super::*;
use crate::PortErrorKind;
use crate::ids::{CorrelationId, EntityId};
use crate::model::Entity;
use crate::ports::{MemoryFlowFiles, MemoryLedger, SystemClock, SystemRandom, WriteKind};

/// Change rows that are there already.
struct Feed(Vec<ChangeRow>);

#[async_trait]
impl ChangeFeed for Feed {
    async fn changes_after(&self, after: u64, limit: u32) -> Result<Vec<ChangeRow>, PortError> {
        let rows = self.0.iter().filter(|it| it.seq > after).take(limit as usize);
        Ok(rows.cloned().collect())
    }

    async fn newest_change(&self) -> Result<u64, PortError> {
        Ok(self.0.last().map_or(0, |it| it.seq))
    }

    async fn wait_for_change(&self, _after: u64, _wait: Duration) -> Result<(), PortError> {
        Ok(())
    }
}

/// A change; every second number is skipped, as stores do.
fn row(number: u64) -> ChangeRow {
    ChangeRow {
        seq: number * 2,
        at: Timestamp::parse("2026-12-01T00:00:00Z").unwrap(),
        entity: Entity::Case,
        entity_id: EntityId::parse("3f2a8c1e-5b7d-8e21-9c44-d1e0a7b6f529").unwrap(),
        kind: WriteKind::Updated,
        label: Some("Ada v. Roe".to_owned()),
        fields: vec!["status".to_owned(), "wall:ada".to_owned()],
        lag_ms: None,
        correlation_id: CorrelationId::parse(format!("c-{number}")).unwrap(),
    }
}

struct World {
    sink: MemoryFlowFiles,
    ports: DispatchPorts,
}

impl World {
    fn with_changes(n_changes: u64) -> Self {
        let sink = MemoryFlowFiles::default();
        let ports = DispatchPorts {
            feed: Arc::new(Feed((1..=n_changes).map(row).collect())),
            sink: Arc::new(sink.clone()),
            ledger: Arc::new(MemoryLedger::default()),
            clock: Arc::new(SystemClock),
            random: Arc::new(SystemRandom),
        };
        Self { sink, ports }
    }

    fn dispatch(&self) -> ChangeDispatch {
        ChangeDispatch::new(self.ports.clone(), "nifi://x/").with_batch(4)
    }

    fn sent(&self) -> Vec<u64> {
        let number = |(attributes, _): (std::collections::BTreeMap<String, String>, Vec<u8>)| {
            attributes["change.seq"].parse::<u64>().unwrap()
        };
        self.sink.taken().into_iter().map(number).collect()
    }
}

#[tokio::test]
async fn every_change_is_sent_in_order_and_the_next_run_goes_on_behind() {
    let world = World::with_changes(10);
    let tally = world.dispatch().run(None, None).await.unwrap();
    let expected = DispatchTally { n_changes: 10, n_batches: 3, position: 20, n_behind: 0 };
    assert_eq!(tally, expected);
    assert_eq!(world.sent(), (1..=10).map(|it| it * 2).collect::<Vec<_>>());

    assert_eq!(world.dispatch().run(None, None).await.unwrap().n_changes, 0);
    assert_eq!(world.dispatch().position().await.unwrap(), 20);
    let other = ChangeDispatch::new(world.ports.clone(), "nifi://y/");
    assert_eq!(other.position().await.unwrap(), 0, "each target has its own position");
    let again = world.dispatch().run(Some(17), None).await.unwrap();
    assert_eq!((again.n_changes, again.position), (2, 20));
    assert_eq!(world.sent()[10..], [18, 20]);
}

#[tokio::test]
async fn batch_whose_answer_was_lost_is_sent_again_and_nothing_is_left_out() {
    let world = World::with_changes(6);
    world.sink.lose_answers(1);
    let error = world.dispatch().run(None, None).await.unwrap_err();
    let DispatchError::Port { position: 0, source } = &error else { panic!("{error}") };
    assert_eq!(source.kind(), PortErrorKind::Unavailable);

    world.dispatch().run(None, None).await.unwrap();
    assert_eq!(world.sent(), [2, 4, 6, 8, 2, 4, 6, 8, 10, 12]);
}

#[tokio::test(start_paused = true)]
async fn flow_that_is_full_is_given_time_and_a_run_ends_at_its_deadline() {
    let world = World::with_changes(8);
    world.sink.ask_for_pause(Duration::from_secs(30));
    let begun = tokio::time::Instant::now();
    world.dispatch().run(None, None).await.unwrap();
    assert_eq!(begun.elapsed().as_secs(), 60);

    let world = World::with_changes(8);
    let over = world.dispatch().run(None, Some(Timestamp::from_millis(0))).await.unwrap();
    assert_eq!((over.n_changes, over.n_behind), (0, 16));
}

#[tokio::test]
async fn person_is_not_named_and_the_change_is_followed_back() {
    let world = World::with_changes(1);
    world.dispatch().run(None, None).await.unwrap();
    let (attributes, content) = world.sink.taken().remove(0);
    assert_eq!(attributes["correlation_id"], "c-1");
    assert_eq!(attributes["filename"], "change-2.json");
    let text = String::from_utf8(content).unwrap();
    assert!(!text.contains("Ada") && !text.contains("ada"), "{text}");
    let sent: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(
        (&sent["fields"], &sent["entity"]),
        (&serde_json::json!(["status"]), &"case".into())
    );
}

#[tokio::test]
async fn position_that_cannot_be_is_told() {
    let world = World::with_changes(3);
    let name = world.dispatch().name;
    world.ports.ledger.put(&name, "99", 0).await.unwrap();
    let error = world.dispatch().run(None, None).await.unwrap_err();
    assert!(matches!(error, DispatchError::StoreIsBehind { position: 99, newest: 6 }), "{error}");
    world.ports.ledger.put(&name, "soon", 1).await.unwrap();
    let error = world.dispatch().run(None, None).await.unwrap_err();
    assert!(error.to_string().contains("--from"), "{error}");
    assert_eq!(world.dispatch().run(Some(0), None).await.unwrap().position, 6);
}
