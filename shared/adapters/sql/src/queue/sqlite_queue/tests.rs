//! The contract, and what only a file can prove.

use std::sync::Mutex;

use futures_util::future::{join, join_all};
use shared::ports::SystemClock;
use shared::ports::queue_contract::{Lacks, Platform, contract};
use shared::time::Timestamp;
use tempfile::TempDir;

use super::*;

async fn open(folder: &TempDir, max_attempts: u32) -> SqliteQueue {
    let options = QueueOptions {
        max_attempts: NonZeroU32::new(max_attempts).unwrap(),
        ..QueueOptions::default()
    };
    let path = folder.path().join("data").join("queue.db");
    SqliteQueue::open(&path, "events", options, Arc::new(SystemClock)).await.unwrap()
}

#[tokio::test]
async fn sqlite_queue_keeps_the_contract() {
    let platform = Platform {
        max_attempts: NonZeroU32::new(3).unwrap(),
        visibility: Duration::from_millis(300),
        lacks: Lacks::default(),
    };
    let folders = Mutex::new(Vec::new());
    contract(platform, || async {
        let folder = tempfile::tempdir().unwrap();
        let queue = open(&folder, platform.max_attempts.get()).await;
        folders.lock().unwrap().push(folder);
        Arc::new(queue) as Arc<dyn Queue>
    })
    .await;
}

const LONG: Duration = Duration::from_secs(60);

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

fn message(body: impl std::fmt::Display) -> NewMessage {
    NewMessage { body: format!("{body}"), ..NewMessage::default() }
}

fn keyed(key: &str) -> NewMessage {
    NewMessage { dedupe_key: Some(key.to_owned()), ..message(key) }
}

async fn receive(queue: &SqliteQueue, max: u32) -> Vec<Delivery> {
    queue.receive(NonZeroU32::new(max).unwrap(), LONG, Duration::ZERO).await.unwrap()
}

#[tokio::test]
async fn message_survives_a_process_that_never_closes_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let crashed = open(&folder, 8).await;
    crashed.send(vec![keyed("a"), keyed("b")]).await.unwrap();
    let held = receive(&crashed, 1).await;
    std::mem::forget(crashed);

    let queue = open(&folder, 8).await;

    assert_eq!(receive(&queue, 10).await.len(), 1);
    queue.ack(&held).await.unwrap();
    assert_eq!(queue.depth().await.unwrap().n_in_flight, 1);
    assert_eq!(queue.send(vec![keyed("a")]).await.unwrap(), [SendOutcome::Duplicate]);
}

#[tokio::test]
async fn dead_letter_survives_and_can_be_replayed_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let before = open(&folder, 8).await;
    before.send(vec![message("a")]).await.unwrap();
    let delivery = receive(&before, 1).await.remove(0);
    before.bury(&delivery, "broken").await.unwrap();
    drop(before);

    let queue = open(&folder, 8).await;

    let dead = queue.dead_letters(None, NonZeroU32::MIN).await.unwrap();
    assert_eq!((dead[0].id.as_str(), dead[0].reason.as_str()), (delivery.id.as_str(), "broken"));
    assert_eq!(queue.replay(ReplaySelection::All).await.unwrap(), 1);
    assert_eq!(receive(&queue, 1).await[0].attempt, 1);
}

#[tokio::test]
async fn two_handles_on_one_file_share_every_message_and_both_get_some() {
    let folder = tempfile::tempdir().unwrap();
    let (left, right) = (open(&folder, 8).await, open(&folder, 8).await);
    let sends = (0..200).map(|it| {
        let queue = if it % 2 == 0 { &left } else { &right };
        queue.send(vec![message(it)])
    });
    join_all(sends).await.into_iter().for_each(|it| assert!(it.is_ok()));

    let drain = async |queue: &SqliteQueue| {
        let mut ids = Vec::new();
        loop {
            let deliveries = receive(queue, 5).await;
            queue.ack(&deliveries).await.unwrap();
            if deliveries.is_empty() {
                return ids;
            }
            ids.extend(deliveries.into_iter().map(|it| it.id));
        }
    };
    let (by_left, by_right) = join(drain(&left), drain(&right)).await;

    assert!(by_left.len() >= 20 && by_right.len() >= 20, "{} {}", by_left.len(), by_right.len());
    let mut all = [by_left, by_right].concat();
    all.sort_unstable();
    all.dedup();
    assert_eq!(all.len(), 200);
}

#[tokio::test]
async fn concurrent_duplicates_through_two_handles_are_queued_once() {
    let folder = tempfile::tempdir().unwrap();
    let (left, right) = (open(&folder, 8).await, open(&folder, 8).await);

    let sends = (0..200).map(|it| if it % 2 == 0 { &left } else { &right });
    let outcomes = join_all(sends.map(|queue| queue.send(vec![keyed("same")]))).await;

    let n_queued = outcomes.into_iter().filter(|it| *it.as_ref().unwrap() == [SendOutcome::Queued]);
    assert_eq!(n_queued.count(), 1);
}

#[tokio::test]
async fn receiver_finds_what_another_process_sent_within_a_quarter_second() {
    let folder = tempfile::tempdir().unwrap();
    let (here, mut elsewhere) = (open(&folder, 8).await, open(&folder, 8).await);
    // A bell that nobody here listens to: that is what another process is like.
    let writes = QueueWrites::new(
        elsewhere.queue_id,
        QueueOptions::default(),
        Arc::new(SystemClock),
        Arc::default(),
    );
    elsewhere.writer = Writer::start(&elsewhere.database, writes).await.unwrap();
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
async fn two_queues_of_one_file_do_not_mix() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("queue.db");
    let options = QueueOptions::default();
    let clock = Arc::new(SystemClock);
    let events = SqliteQueue::open(&path, "events", options, clock.clone()).await.unwrap();
    let changes = SqliteQueue::open(&path, "changes", options, clock).await.unwrap();

    events.send(vec![keyed("a")]).await.unwrap();

    assert_eq!(changes.send(vec![keyed("a")]).await.unwrap(), [SendOutcome::Queued]);
    assert_eq!(receive(&events, 10).await.len(), 1);
    assert_eq!(changes.depth().await.unwrap().n_ready, 1);
    assert_eq!(receive(&changes, 10).await.len(), 1);
}

#[tokio::test]
async fn dedupe_key_is_forgotten_after_its_time_and_pruned() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Arc::new(HandClock::default());
    let path = folder.path().join("queue.db");
    let options = QueueOptions { dedupe_for: Duration::from_hours(1), ..QueueOptions::default() };
    let queue = SqliteQueue::open(&path, "events", options, clock.clone()).await.unwrap();
    // Enough keys that they move into the index.
    for from in [0, 10_000, 20_000] {
        let batch = (from..from + 10_000).map(|it| keyed(&it.to_string())).collect();
        queue.send(batch).await.unwrap();
    }
    for _ in 0..20 {
        queue.send(vec![message("next")]).await.unwrap();
    }
    assert!(count(&queue, "SELECT count(*) FROM sent_key").await >= 20_000);
    assert!(count(&queue, "SELECT count(*) FROM recent_key").await <= 10_000);

    clock.advance(Duration::from_mins(59));
    for key in ["7", "19999", "29999"] {
        assert_eq!(queue.send(vec![keyed(key)]).await.unwrap(), [SendOutcome::Duplicate]);
    }
    clock.advance(Duration::from_mins(2));
    for key in ["7", "29999"] {
        assert_eq!(queue.send(vec![keyed(key)]).await.unwrap(), [SendOutcome::Queued]);
        assert_eq!(queue.send(vec![keyed(key)]).await.unwrap(), [SendOutcome::Duplicate]);
    }
    for _ in 0..20 {
        queue.send(vec![message("next")]).await.unwrap();
    }
    assert_eq!(count(&queue, "SELECT count(*) FROM sent_key").await, 0);
}

async fn count(queue: &SqliteQueue, sql: &'static str) -> i64 {
    sqlx::query_scalar(sql).fetch_one(queue.database.readers()).await.unwrap()
}

#[tokio::test]
async fn receivers_are_not_slowed_by_a_hundred_thousand_waiting_messages_of_a_held_group() {
    let folder = tempfile::tempdir().unwrap();
    let queue = open(&folder, 8).await;
    let hot = |it| NewMessage { group: Some("hot".to_owned()), ..message(it) };
    for _ in 0..10 {
        queue.send((0..10_000).map(hot).collect()).await.unwrap();
    }
    queue.send(vec![message("other")]).await.unwrap();
    assert_eq!(receive(&queue, 1).await.len(), 1);
    let other = queue.receive(NonZeroU32::MIN, LONG, Duration::from_secs(30)).await.unwrap();
    assert_eq!(other[0].body, "other");

    let started = Instant::now();
    for _ in 0..20 {
        assert!(receive(&queue, 10).await.is_empty());
    }

    assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
    assert_eq!(queue.depth().await.unwrap().n_ready, 99_999);
}

#[tokio::test]
async fn open_where_no_folder_can_be_made_names_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "not a folder").unwrap();

    let options = QueueOptions::default();
    let opened =
        SqliteQueue::open(&file.join("queue.db"), "events", options, Arc::new(SystemClock)).await;

    assert!(opened.err().unwrap().to_string().contains("queue.db"));
}

#[tokio::test]
async fn key_of_a_send_that_failed_is_not_remembered() {
    let folder = tempfile::tempdir().unwrap();
    let queue = open(&folder, 8).await;
    queue.send(vec![keyed("before")]).await.unwrap();
    let mut other = queue.database.write_connection().await.unwrap();
    let break_table = "ALTER TABLE message RENAME TO hidden";
    sqlx::query(break_table).execute(&mut other).await.unwrap();

    let error = queue.send(vec![keyed("a")]).await.unwrap_err();
    assert_eq!(error.kind(), PortErrorKind::Unavailable);
    let mend_table = "ALTER TABLE hidden RENAME TO message";
    sqlx::query(mend_table).execute(&mut other).await.unwrap();

    assert_eq!(queue.send(vec![keyed("a")]).await.unwrap(), [SendOutcome::Queued]);
    assert_eq!(queue.send(vec![keyed("before")]).await.unwrap(), [SendOutcome::Duplicate]);
}

#[tokio::test]
async fn key_of_a_send_that_failed_is_not_remembered_whatever_commits_next() {
    let folder = tempfile::tempdir().unwrap();
    let queue = open(&folder, 3).await;
    let keyed = || NewMessage { dedupe_key: Some("k".into()), ..message("keyed") };
    let mut other = queue.database.write_connection().await.unwrap();
    sqlx::query(
        "CREATE TRIGGER refuse BEFORE INSERT ON message BEGIN SELECT RAISE(ABORT, 'full'); END",
    )
    .execute(&mut other)
    .await
    .unwrap();

    queue.send(vec![keyed()]).await.unwrap_err();
    assert!(queue.receive(NonZeroU32::MIN, LONG, Duration::ZERO).await.unwrap().is_empty());
    sqlx::query("DROP TRIGGER refuse").execute(&mut other).await.unwrap();

    assert_eq!(queue.send(vec![keyed()]).await.unwrap(), [SendOutcome::Queued]);
    assert_eq!(queue.receive(NonZeroU32::MIN, LONG, LONG).await.unwrap().len(), 1);
}
