//! The contract, and what only several processes at one database can prove.

use std::sync::atomic::{AtomicU32, Ordering};

use shared::ports::queue_contract::{Lacks, Platform, contract};
use shared::time::Timestamp;

use super::*;
use crate::testkit::FreshDatabase;

impl PostgresQueue {
    /// Opens the queue `events` with the time of `clock`.
    pub(in crate::queue) async fn open_timed(
        database: &PostgresOptions,
        options: QueueOptions,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let signals = Signals::of(database);
        Self::open_with(database, "events", options, Some(clock), signals).await.unwrap()
    }

    /// Says whether the receipt of `delivery` is valid.
    pub(in crate::queue) async fn is_held(&self, delivery: &Delivery) -> bool {
        sqlx::query_scalar(
            "SELECT EXISTS (SELECT FROM moodbridge_queue.message \
                 WHERE queue_id = $1 AND id = $2::bigint AND receipt = $3::bigint AND state = 1 \
                   AND visible_at > moodbridge_queue.now_ms($4))",
        )
        .bind(self.queue_id)
        .bind(delivery.id.parse::<i64>().unwrap())
        .bind(delivery.receipt.parse::<i64>().unwrap())
        .bind(self.now())
        .fetch_one(&self.pool)
        .await
        .unwrap()
    }
}

/// Opens a queue as a process of its own would: it shares nothing but the database.
async fn open(database: &FreshDatabase, max_attempts: u32) -> PostgresQueue {
    let max_attempts = NonZeroU32::new(max_attempts).unwrap();
    let options = QueueOptions { max_attempts, ..QueueOptions::default() };
    let address = database.options();
    let signals = Arc::new(Signals::start(&address));
    PostgresQueue::open_with(&address, "events", options, None, signals).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_queue_keeps_the_contract() {
    let Some(database) = FreshDatabase::create().await else { return };
    let address = database.options();
    let platform = Platform {
        max_attempts: NonZeroU32::new(3).unwrap(),
        visibility: Duration::from_millis(300),
        lacks: Lacks::default(),
    };
    let options = QueueOptions { max_attempts: platform.max_attempts, ..QueueOptions::default() };
    let n_opened = AtomicU32::new(0);
    contract(platform, || async {
        let name = format!("queue {}", n_opened.fetch_add(1, Ordering::Relaxed));
        let queue = PostgresQueue::open(&address, &name, options).await.unwrap();
        Arc::new(queue) as Arc<dyn Queue>
    })
    .await;
}

const LONG: Duration = Duration::from_secs(60);

fn message(body: impl std::fmt::Display) -> NewMessage {
    NewMessage { body: format!("{body}"), ..NewMessage::default() }
}

fn keyed(key: &str) -> NewMessage {
    NewMessage { dedupe_key: Some(key.to_owned()), ..message(key) }
}

fn grouped(body: impl std::fmt::Display, group: &str) -> NewMessage {
    NewMessage { group: Some(group.to_owned()), ..message(body) }
}

async fn receive(queue: &PostgresQueue, max: u32) -> Vec<Delivery> {
    queue.receive(NonZeroU32::new(max).unwrap(), LONG, Duration::ZERO).await.unwrap()
}

async fn count(queue: &PostgresQueue, sql: &'static str) -> i64 {
    sqlx::query_scalar(sql).fetch_one(&queue.pool).await.unwrap()
}

/// A clock that a test moves.
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

#[tokio::test]
async fn trace_comes_back_with_the_delivery_until_a_replay() {
    let Some(database) = FreshDatabase::create().await else { return };
    let queue = open(&database, 3).await;
    let trace_parent = Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".to_owned());
    let sent = NewMessage { trace_parent: trace_parent.clone(), ..message("a") };
    queue.send(vec![sent]).await.unwrap();

    let delivery = receive(&queue, 1).await.remove(0);
    assert_eq!(delivery.trace_parent, trace_parent);
    queue.bury(&delivery, "broken").await.unwrap();
    queue.replay(ReplaySelection::Ids(vec![delivery.id, "none".to_owned()])).await.unwrap();

    assert_eq!(receive(&queue, 1).await[0].trace_parent, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_duplicates_of_many_keys_from_several_processes_are_queued_once_each() {
    let Some(database) = FreshDatabase::create().await else { return };
    let queues = [open(&database, 3).await, open(&database, 3).await, open(&database, 3).await];
    // Each batch has the keys in another order: whoever locked them as they come would wait in a
    // circle.
    let batch = |nth: usize| {
        let mut keys: Vec<String> = (0..20).map(|it| format!("key {it}")).collect();
        keys.rotate_left(nth % 20);
        keys.iter().map(|it| keyed(it)).collect::<Vec<_>>()
    };

    let sends = (0..120).map(|it| queues[it % 3].send(batch(it)));
    let outcomes = futures_util::future::join_all(sends).await;

    let outcomes = outcomes.into_iter().flat_map(Result::unwrap);
    assert_eq!(outcomes.filter(|it| *it == SendOutcome::Queued).count(), 20);
    assert_eq!(queues[0].depth().await.unwrap().n_ready, 20);
}

/// Works a queue off, and notes which group is in hand; fails when one is in two hands.
async fn work(queue: &PostgresQueue, held: &Mutex<Vec<String>>, done: &Mutex<Vec<String>>) {
    let wait = Duration::from_secs(2);
    loop {
        let deliveries = queue.receive(NonZeroU32::new(3).unwrap(), LONG, wait).await.unwrap();
        if deliveries.is_empty() {
            return;
        }
        let mut groups: Vec<String> = deliveries.iter().filter_map(|it| it.group.clone()).collect();
        groups.sort();
        groups.dedup();
        {
            let mut held = held.lock().unwrap();
            for group in &groups {
                assert!(!held.contains(group), "group `{group}` is in two hands");
            }
            held.extend(groups.iter().cloned());
        }
        queue.depth().await.unwrap();
        // The books are closed first: once the database is told, another may rightly have it.
        held.lock().unwrap().retain(|it| !groups.contains(it));
        for (nth, delivery) in deliveries.iter().enumerate() {
            match (nth, delivery.attempt) {
                (0, 1) => queue.release(delivery, Duration::ZERO, "once more").await.unwrap(),
                (1, 1) => queue.give_back(delivery, Duration::ZERO).await.unwrap(),
                _ => {
                    done.lock().unwrap().push(delivery.body.clone());
                    queue.ack(std::slice::from_ref(delivery)).await.unwrap();
                }
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn group_is_never_in_two_hands_of_many_receivers_in_several_processes() {
    let Some(database) = FreshDatabase::create().await else { return };
    let queues = [open(&database, 8).await, open(&database, 8).await, open(&database, 8).await];
    let sends = (0..300).map(|it| queues[it % 3].send(vec![grouped(it, &format!("{}", it % 7))]));
    futures_util::future::join_all(sends).await.into_iter().for_each(|it| assert!(it.is_ok()));

    let (held, done) = (Mutex::new(Vec::new()), Mutex::new(Vec::new()));
    let workers = (0..12).map(|it| work(&queues[it % 3], &held, &done));
    futures_util::future::join_all(workers).await;

    let mut done = done.into_inner().unwrap();
    assert_eq!(done.len(), 300);
    done.sort();
    done.dedup();
    assert_eq!(done.len(), 300);
    assert_eq!(queues[0].depth().await.unwrap(), QueueDepth::default());
}

#[tokio::test]
async fn two_receivers_at_one_instant_do_not_both_get_a_group() {
    let Some(database) = FreshDatabase::create().await else { return };
    let (left, right) = (open(&database, 3).await, open(&database, 3).await);
    for round in 0..40 {
        let group = format!("group {round}");
        left.send(vec![grouped("a", &group), grouped("b", &group)]).await.unwrap();

        let (by_left, by_right) =
            futures_util::future::join(receive(&left, 1), receive(&right, 1)).await;

        assert_eq!(by_left.len() + by_right.len(), 1, "round {round}");
        left.ack(&[by_left, by_right].concat()).await.unwrap();
        let second = left.receive(NonZeroU32::MIN, LONG, LONG).await.unwrap();
        assert_eq!(second[0].body, "b");
        left.ack(&second).await.unwrap();
    }
}

#[tokio::test]
async fn receiver_hears_at_once_what_another_process_sent() {
    let Some(database) = FreshDatabase::create().await else { return };
    let (here, elsewhere) = (open(&database, 3).await, open(&database, 3).await);
    let patience = Instant::now() + Duration::from_secs(10);
    while !here.signals.is_listening() {
        assert!(Instant::now() < patience, "nobody listens");
        tokio::task::yield_now().await;
    }
    let mut tooks = Vec::new();
    for nth in 0..5 {
        let mut receiver = here.receive(NonZeroU32::MIN, LONG, Duration::from_secs(10));
        assert!(timeout(Duration::from_millis(50), &mut receiver).await.is_err());

        elsewhere.send(vec![message(nth)]).await.unwrap();
        let started = Instant::now();
        let deliveries = receiver.await.unwrap();

        assert_eq!(deliveries.len(), 1);
        tooks.push(started.elapsed());
    }
    // A look of its own comes after one second, of which 50 ms are gone; the machine may be busy.
    tooks.sort();
    assert!(tooks[2] < Duration::from_millis(600), "{tooks:?}");
}

#[tokio::test]
async fn receiver_that_hears_nothing_looks_by_itself() {
    let Some(database) = FreshDatabase::create().await else { return };
    let (mut here, elsewhere) = (open(&database, 3).await, open(&database, 3).await);
    // Signals that cannot connect: that is what a cut network is like.
    let mut address = database.address();
    address.set_path("missing");
    here.signals = Arc::new(Signals::start(&PostgresOptions::parse(&address, None).unwrap()));
    here.bell = here.signals.bell(here.queue_id);
    let mut receiver = here.receive(NonZeroU32::MIN, LONG, Duration::from_secs(10));
    assert!(timeout(Duration::from_millis(50), &mut receiver).await.is_err());

    elsewhere.send(vec![message("a")]).await.unwrap();
    let started = Instant::now();
    let deliveries = receiver.await.unwrap();

    assert_eq!(deliveries.len(), 1);
    // Four times what is promised: the machine may be busy.
    assert!(started.elapsed() < Duration::from_secs(1), "{:?}", started.elapsed());
}

#[tokio::test]
async fn listener_that_is_cut_off_comes_back() {
    let Some(database) = FreshDatabase::create().await else { return };
    let queue = open(&database, 3).await;
    for _ in 0..2 {
        let patience = Instant::now() + Duration::from_secs(20);
        while !queue.signals.is_listening() {
            assert!(Instant::now() < patience, "nobody listens");
            tokio::task::yield_now().await;
        }
        database
            .run(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%'",
            )
            .await;
        while queue.signals.is_listening() {
            assert!(Instant::now() < patience, "the cut is not noticed");
            tokio::task::yield_now().await;
        }
    }
}

#[tokio::test]
async fn queue_goes_on_when_the_server_has_cut_every_connection() {
    let Some(database) = FreshDatabase::create().await else { return };
    let queue = open(&database, 3).await;
    queue.send(vec![keyed("a")]).await.unwrap();
    database
        .run(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
             WHERE pid <> pg_backend_pid() AND datname = current_database()",
        )
        .await;

    let patience = Instant::now() + Duration::from_secs(20);
    while let Err(error) = queue.send(vec![keyed("a")]).await {
        assert_eq!(error.kind(), PortErrorKind::Unavailable, "{error}");
        assert!(Instant::now() < patience, "{error}");
    }
    assert_eq!(receive(&queue, 10).await.len(), 1);
}

#[tokio::test]
async fn two_queues_of_one_database_do_not_mix() {
    let Some(database) = FreshDatabase::create().await else { return };
    let (address, options) = (database.options(), QueueOptions::default());
    let events = PostgresQueue::open(&address, "events", options).await.unwrap();
    let changes = PostgresQueue::open(&address, "changes", options).await.unwrap();

    events.send(vec![keyed("a")]).await.unwrap();

    assert_eq!(changes.send(vec![keyed("a")]).await.unwrap(), [SendOutcome::Queued]);
    assert_eq!(receive(&events, 10).await.len(), 1);
    assert_eq!(changes.depth().await.unwrap().n_ready, 1);
    assert_eq!(receive(&changes, 10).await.len(), 1);
}

#[tokio::test]
async fn dedupe_key_is_forgotten_after_its_time_and_pruned() {
    let Some(database) = FreshDatabase::create().await else { return };
    let clock = Arc::new(HandClock::default());
    let options = QueueOptions { dedupe_for: Duration::from_hours(1), ..QueueOptions::default() };
    let queue = PostgresQueue::open_timed(&database.options(), options, clock.clone()).await;
    queue.send((0..3000).map(|it| keyed(&it.to_string())).collect()).await.unwrap();
    let keys = "SELECT count(*) FROM moodbridge_queue.sent_key";
    assert_eq!(count(&queue, keys).await, 3000);

    clock.advance(Duration::from_mins(59));
    assert_eq!(queue.send(vec![keyed("7")]).await.unwrap(), [SendOutcome::Duplicate]);
    clock.advance(Duration::from_mins(2));
    assert_eq!(queue.send(vec![keyed("7")]).await.unwrap(), [SendOutcome::Queued]);
    assert_eq!(queue.send(vec![keyed("7")]).await.unwrap(), [SendOutcome::Duplicate]);

    assert_eq!(count(&queue, keys).await, 1);
}

#[tokio::test]
async fn receivers_are_not_slowed_by_many_waiting_messages_of_a_held_group() {
    let Some(database) = FreshDatabase::create().await else { return };
    let queue = open(&database, 8).await;
    for _ in 0..3 {
        queue.send((0..10_000).map(|it| grouped(it, "hot")).collect()).await.unwrap();
    }
    queue.send(vec![message("other")]).await.unwrap();
    assert_eq!(receive(&queue, 1).await.len(), 1);
    let other = queue.receive(NonZeroU32::MIN, LONG, LONG).await.unwrap();
    assert_eq!(other[0].body, "other");

    let started = Instant::now();
    for _ in 0..20 {
        assert!(receive(&queue, 10).await.is_empty());
    }

    assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
    assert_eq!(queue.depth().await.unwrap().n_ready, 29_999);
}

#[tokio::test]
async fn send_that_fails_leaves_neither_message_nor_key() {
    let Some(database) = FreshDatabase::create().await else { return };
    let queue = open(&database, 3).await;
    database.run("ALTER TABLE moodbridge_queue.message RENAME TO hidden").await;

    let error = queue.send(vec![keyed("a")]).await.unwrap_err();
    assert_eq!(error.kind(), PortErrorKind::Unavailable);
    database.run("ALTER TABLE moodbridge_queue.hidden RENAME TO message").await;

    assert_eq!(queue.send(vec![keyed("a")]).await.unwrap(), [SendOutcome::Queued]);
}

#[tokio::test]
async fn role_that_may_only_use_the_queue_can() {
    let Some(database) = FreshDatabase::create().await else { return };
    open(&database, 3).await;
    let role = database
        .role(
            "GRANT USAGE ON SCHEMA moodbridge_queue TO {role}; \
             GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA moodbridge_queue TO {role}; \
             GRANT USAGE ON ALL SEQUENCES IN SCHEMA moodbridge_queue TO {role}",
        )
        .await;
    let mut address = database.address();
    address.set_username(&role).unwrap();
    let address = PostgresOptions::parse(&address, None).unwrap();

    let queue = PostgresQueue::open(&address, "more", QueueOptions::default()).await.unwrap();
    queue.send(vec![keyed("a")]).await.unwrap();
    let deliveries = receive(&queue, 1).await;
    queue.bury(&deliveries[0], "broken").await.unwrap();
    assert_eq!(queue.replay(ReplaySelection::All).await.unwrap(), 1);
}
