//! Any sequence of operations has the same outcome in a database as in memory.

use std::collections::HashSet;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use proptest::prelude::*;
use shared::ports::{Clock, Delivery, MemoryQueue, NewMessage, Queue, QueueDepth, ReplaySelection};
use shared::time::Timestamp;

use super::{PostgresQueue, QueueOptions, SqliteQueue};
use crate::testkit::FreshDatabase;

#[derive(Clone, Debug)]
enum Operation {
    Send { n_messages: u8, group: Option<u8>, key: Option<u8>, delay_s: u64 },
    Receive { max: u32, visibility_s: u64 },
    Ack { nth: usize },
    Release { nth: usize, delay_s: u64 },
    Bury { nth: usize },
    Extend { nth: usize, visibility_s: u64 },
    Replay,
    Wait { s: u64 },
}

impl Operation {
    fn ungrouped(&self) -> Self {
        match *self {
            Self::Send { n_messages, key, delay_s, .. } => {
                Self::Send { n_messages, group: None, key, delay_s }
            }
            _ => self.clone(),
        }
    }
}

fn operation() -> impl Strategy<Value = Operation> {
    let (seconds, nth) = (1..40_u64, 0..12_usize);
    prop_oneof![
        3 => (1..4_u8, proptest::option::of(0..3_u8), proptest::option::of(0..6_u8), 0..20_u64)
            .prop_map(|(n_messages, group, key, delay_s)| {
                Operation::Send { n_messages, group, key, delay_s: delay_s.saturating_sub(12) }
            }),
        4 => (1..4_u32, seconds.clone())
            .prop_map(|(max, visibility_s)| Operation::Receive { max, visibility_s }),
        2 => nth.clone().prop_map(|nth| Operation::Ack { nth }),
        2 => (nth.clone(), 0..20_u64).prop_map(|(nth, delay_s)| Operation::Release { nth, delay_s }),
        1 => nth.clone().prop_map(|nth| Operation::Bury { nth }),
        1 => (nth, seconds.clone())
            .prop_map(|(nth, visibility_s)| Operation::Extend { nth, visibility_s }),
        1 => Just(Operation::Replay),
        2 => seconds.prop_map(|s| Operation::Wait { s }),
    ]
}

#[derive(Default)]
struct HandClock(Mutex<Timestamp>);

impl HandClock {
    fn advance(&self, by: Duration) {
        let mut now = self.0.lock().unwrap();
        *now = now.plus(by);
    }
}

impl Clock for HandClock {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }
}

/// A queue, and everything it ever handed out.
struct Side<'a> {
    queue: &'a dyn Queue,
    handed_out: Vec<Delivery>,
}

impl Side<'_> {
    /// Does `operation`, and says what could be seen of it. The newest deliveries are settled most.
    async fn apply(&mut self, operation: &Operation) -> String {
        let nth_last = |nth: usize| self.handed_out.iter().rev().nth(nth).cloned();
        let seconds = Duration::from_secs;
        match *operation {
            Operation::Send { n_messages, group, key, delay_s } => {
                let message = |nth: u8| NewMessage {
                    body: format!("message {nth}"),
                    group: group.map(|it| it.to_string()),
                    dedupe_key: key.map(|it| it.wrapping_add(nth).to_string()),
                    delay: seconds(delay_s),
                    trace_parent: None,
                };
                format!("{:?}", self.queue.send((0..n_messages).map(message).collect()).await)
            }
            Operation::Receive { max, visibility_s } => {
                let max = NonZeroU32::new(max).unwrap();
                let deliveries =
                    self.queue.receive(max, seconds(visibility_s), Duration::ZERO).await.unwrap();
                self.handed_out.extend(deliveries.iter().cloned());
                let seen = |it: &Delivery| (it.body.clone(), it.group.clone(), it.attempt);
                format!("{:?}", deliveries.iter().map(seen).collect::<Vec<_>>())
            }
            Operation::Ack { nth } => match nth_last(nth) {
                Some(it) => format!("{:?}", self.queue.ack(&[it]).await),
                None => String::new(),
            },
            Operation::Release { nth, delay_s } => match nth_last(nth) {
                Some(it) => {
                    format!("{:?}", self.queue.release(&it, seconds(delay_s), "busy").await)
                }
                None => String::new(),
            },
            Operation::Bury { nth } => match nth_last(nth) {
                Some(it) => format!("{:?}", self.queue.bury(&it, "broken").await),
                None => String::new(),
            },
            Operation::Extend { nth, visibility_s } => match nth_last(nth) {
                Some(it) => {
                    let extended = self.queue.extend(&it, seconds(visibility_s)).await;
                    format!("{:?}", extended.map_err(|it| it.kind()))
                }
                None => String::new(),
            },
            Operation::Replay => format!("{:?}", self.queue.replay(ReplaySelection::All).await),
            Operation::Wait { .. } => String::new(),
        }
    }

    async fn state(&self) -> String {
        let limit = NonZeroU32::new(1000).unwrap();
        let dead = self.queue.dead_letters(None, limit).await.unwrap();
        let mut dead: Vec<_> =
            dead.into_iter().map(|it| (it.died_at, it.body, it.n_attempts, it.reason)).collect();
        dead.sort();
        format!("{:?} {dead:?}", self.queue.depth().await.unwrap())
    }
}

/// A queue that tells whether a receipt is valid, and what it is kept in.
enum Kept {
    Sqlite { queue: SqliteQueue, _folder: tempfile::TempDir },
    Postgres { queue: PostgresQueue, _database: FreshDatabase },
}

#[derive(Clone, Copy, PartialEq)]
enum Engine {
    Sqlite,
    Postgres,
}

impl Kept {
    /// Opens a fresh queue, or nothing where there is no PostgreSQL.
    async fn open(engine: Engine, options: QueueOptions, clock: Arc<HandClock>) -> Option<Self> {
        if engine == Engine::Postgres {
            let database = FreshDatabase::create().await?;
            let queue = PostgresQueue::open_timed(&database.options(), options, clock).await;
            return Some(Self::Postgres { queue, _database: database });
        }
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("queue.db");
        let queue = SqliteQueue::open(&path, "events", options, clock).await.unwrap();
        Some(Self::Sqlite { queue, _folder: folder })
    }

    fn queue(&self) -> &dyn Queue {
        match self {
            Self::Sqlite { queue, .. } => queue,
            Self::Postgres { queue, .. } => queue,
        }
    }

    async fn is_held(&self, delivery: &Delivery) -> bool {
        match self {
            Self::Sqlite { queue, .. } => queue.is_held(delivery).await,
            Self::Postgres { queue, .. } => queue.is_held(delivery).await,
        }
    }
}

async fn compare(engine: Engine, operations: &[Operation]) -> Result<(), TestCaseError> {
    let clock = Arc::new(HandClock::default());
    let max_attempts = NonZeroU32::new(3).unwrap();
    let options = QueueOptions { max_attempts, ..QueueOptions::default() };
    let memory = MemoryQueue::new("events", max_attempts, clock.clone());
    let Some(kept) = Kept::open(engine, options, clock.clone()).await else { return Ok(()) };
    let mut memory = Side { queue: &memory, handed_out: Vec::new() };
    let mut side = Side { queue: kept.queue(), handed_out: Vec::new() };

    for operation in operations {
        // Which message of a group comes first is nobody's promise: `watch_groups` sees to groups.
        let operation = &operation.ungrouped();
        // No two operations at one instant: the order among equals is nobody's promise.
        let step = match operation {
            Operation::Wait { s } => Duration::from_secs(*s),
            _ => Duration::from_millis(1),
        };
        clock.advance(step);
        let (expected, found) = (memory.apply(operation).await, side.apply(operation).await);
        prop_assert_eq!(expected, found, "{:?}", operation);
        prop_assert_eq!(memory.state().await, side.state().await, "after {:?}", operation);
    }
    Ok(())
}

/// Checks that nobody gets a message of a group that is held, and that everything can be drained.
async fn watch_groups(engine: Engine, operations: &[Operation]) -> Result<(), TestCaseError> {
    let clock = Arc::new(HandClock::default());
    let options = QueueOptions { max_attempts: NonZeroU32::new(3).unwrap(), ..Default::default() };
    let Some(kept) = Kept::open(engine, options, clock.clone()).await else { return Ok(()) };
    let queue = kept.queue();
    let mut side = Side { queue, handed_out: Vec::new() };

    for operation in operations {
        if let Operation::Wait { s } = operation {
            clock.advance(Duration::from_secs(*s));
        }
        let n_before = side.handed_out.len();
        let mut held = HashSet::new();
        for delivery in &side.handed_out {
            if kept.is_held(delivery).await {
                held.insert(delivery.group.clone());
            }
        }
        side.apply(operation).await;
        for delivery in &side.handed_out[n_before..] {
            let is_free = delivery.group.is_none() || !held.contains(&delivery.group);
            prop_assert!(is_free, "{:?} while {:?} is held", delivery, held);
        }
    }

    clock.advance(Duration::from_hours(1));
    let before = queue.depth().await.unwrap();
    prop_assert_eq!(before.n_in_flight + before.n_delayed, 0);
    let mut n_drained = 0;
    loop {
        let max = NonZeroU32::new(5).unwrap();
        let deliveries = queue.receive(max, Duration::from_secs(1), Duration::ZERO).await.unwrap();
        if deliveries.is_empty() {
            break;
        }
        n_drained += deliveries.len() as u64;
        queue.ack(&deliveries).await.unwrap();
    }
    let after = queue.depth().await.unwrap();
    prop_assert_eq!(n_drained + after.n_dead, before.n_ready + before.n_dead);
    prop_assert_eq!(after, QueueDepth { n_dead: after.n_dead, ..QueueDepth::default() });
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_operation_breaks_a_group_apart_or_loses_a_message_on_sqlite(operations in operations()) {
        run(watch_groups(Engine::Sqlite, &operations))?;
    }

    #[test]
    fn sqlite_queue_does_what_the_memory_queue_does(operations in operations()) {
        run(compare(Engine::Sqlite, &operations))?;
    }

    #[test]
    fn no_operation_breaks_a_group_apart_or_loses_a_message_on_postgres(operations in operations()) {
        run(watch_groups(Engine::Postgres, &operations))?;
    }

    #[test]
    fn postgres_queue_does_what_the_memory_queue_does(operations in operations()) {
        run(compare(Engine::Postgres, &operations))?;
    }
}

/// Two messages that were handed out too often, with one between them that was not.
#[test]
fn message_handed_out_too_often_is_set_aside_at_its_own_turn() {
    let send = |n_messages| Operation::Send { n_messages, group: None, key: None, delay_s: 0 };
    let receive = |max, visibility_s| Operation::Receive { max, visibility_s };
    let wait = |s| Operation::Wait { s };
    let operations = [
        send(2),
        receive(2, 1),
        wait(2),
        receive(2, 1),
        wait(2),
        receive(1, 1),
        receive(1, 30),
        wait(2),
        send(1),
        wait(38),
        receive(1, 5),
        receive(1, 5),
    ];
    for engine in [Engine::Sqlite, Engine::Postgres] {
        run(compare(engine, &operations)).unwrap();
    }
}

fn operations() -> impl Strategy<Value = Vec<Operation>> {
    proptest::collection::vec(operation(), 1..60)
}

fn run(test: impl Future<Output = Result<(), TestCaseError>>) -> Result<(), TestCaseError> {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(test)
}
