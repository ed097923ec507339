//! Queues on SQS.

use std::num::NonZeroU32;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use adapter_aws::testkit::TestAccount;
use adapter_aws::{CallGuard, DynamoIdempotency, SqsQueue};
use shared::ports::queue_contract::{Lacks, Platform, contract};
use shared::ports::{
    CallObserver, NewMessage, PlatformCall, Queue, ReplaySelection, SendOutcome, SystemClock,
};

const MAX_ATTEMPTS: NonZeroU32 = NonZeroU32::new(3).unwrap();

/// What no queue of SQS can do.
const OF_SQS: Lacks = Lacks {
    groups: false,
    overtaking: false,
    memory_of_keys: false,
    delays: false,
    uncounted_hand_outs: true,
    age: true,
    expired_receipts: false,
    forgotten_attempts: false,
};

fn platform(account: &TestAccount, lacks: Lacks) -> Platform {
    let lacks = Lacks {
        expired_receipts: account.lacks("receipts that expire"),
        forgotten_attempts: account.lacks("counts that begin anew when a message is moved"),
        ..lacks
    };
    Platform { max_attempts: MAX_ATTEMPTS, visibility: Duration::from_secs(1), lacks }
}

async fn queue(account: &TestAccount, is_fifo: bool) -> Arc<dyn Queue> {
    let [queue] = queues(account, is_fifo).await;
    queue
}

/// Opens one queue `N` times, as so many processes do.
async fn queues<const N: usize>(account: &TestAccount, is_fifo: bool) -> [Arc<dyn Queue>; N] {
    let address = account.queue(MAX_ATTEMPTS.get(), is_fifo).await;
    let table = account.table(&["id"]).await;
    std::array::from_fn(|_| {
        let clock = Arc::new(SystemClock);
        let claims = DynamoIdempotency::new(&account.account, table.clone(), clock);
        let queue = SqsQueue::new(&account.account, address.clone(), "events");
        Arc::new(queue.with_dedupe(Arc::new(claims))) as Arc<dyn Queue>
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn standard_queue_keeps_the_contract_but_for_groups() {
    let Some(account) = TestAccount::open().await else { return };
    let lacks = Lacks { groups: true, ..OF_SQS };
    contract(platform(&account, lacks), || queue(&account, false)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifo_queue_keeps_the_contract_but_for_delays() {
    let Some(account) = TestAccount::open().await else { return };
    let lacks = Lacks { overtaking: true, delays: true, ..OF_SQS };
    contract(platform(&account, lacks), || queue(&account, true)).await;
}

/// A lease of a claim takes 30 s: whoever waits for one to end takes longer.
const NO_LEASE: Duration = Duration::from_secs(20);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn batches_that_overlap_are_queued_once_and_wait_for_no_lease() {
    let Some(account) = TestAccount::open().await else { return };
    for is_fifo in [false, true] {
        let [one, other] = queues(&account, is_fifo).await;
        let message = |key: u32| NewMessage {
            body: key.to_string(),
            dedupe_key: Some(key.to_string()),
            ..NewMessage::default()
        };
        let began = Instant::now();
        let (there, back) = tokio::join!(
            one.send((0..40).map(message).collect()),
            other.send((0..40).rev().map(message).collect()),
        );
        assert!(began.elapsed() < NO_LEASE, "{:?}", began.elapsed());
        let outcomes: Vec<_> = there.unwrap().into_iter().chain(back.unwrap()).collect();
        let n_queued = outcomes.iter().filter(|it| **it == SendOutcome::Queued).count();
        assert_eq!((n_queued, outcomes.len()), (40, 80), "fifo: {is_fifo}");
        assert_eq!(one.depth().await.unwrap().n_ready, 40);
    }
}

/// Which operations were called, and how that ended.
#[derive(Default)]
struct Seen(Mutex<Vec<(&'static str, &'static str)>>);

impl CallObserver for Seen {
    fn called(&self, call: &PlatformCall<'_>) {
        assert_ne!(call.operation, "other", "an operation of {} has no name", call.platform);
        self.0.lock().unwrap().push((call.operation, call.outcome));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_dead_letters_are_moved_by_sqs_itself_where_it_can() {
    let Some(mut account) = TestAccount::open().await else { return };
    let (guard, seen) = (CallGuard::default(), Arc::new(Seen::default()));
    guard.observe(seen.clone());
    account.account = account.account.guarded_by(&guard);
    let queue = queue(&account, false).await;
    let ten = NonZeroU32::new(10).unwrap();
    let long = Duration::from_secs(60);
    let message = |it: u32| NewMessage { body: it.to_string(), ..NewMessage::default() };
    queue.send((0..25).map(message).collect()).await.unwrap();
    let mut n_buried = 0;
    while n_buried < 25 {
        for delivery in queue.receive(ten, long, Duration::from_secs(1)).await.unwrap() {
            queue.bury(&delivery, "broken").await.unwrap();
            n_buried += 1;
        }
    }

    assert_eq!(queue.replay(ReplaySelection::All).await.unwrap(), 25);

    let depth = queue.depth().await.unwrap();
    assert_eq!((depth.n_ready, depth.n_dead), (25, 0), "{depth:?}");
    let again = queue.receive(NonZeroU32::MIN, long, Duration::from_secs(1)).await.unwrap();
    let is_counted_on = account.lacks("counts that begin anew when a message is moved");
    assert_eq!(again[0].attempt, if is_counted_on { 2 } else { 1 });
    queue.bury(&again[0], "broken again").await.unwrap();
    let dead = queue.dead_letters(None, ten).await.unwrap();
    assert_eq!(dead[0].reason, "broken again");
    assert_eq!(queue.replay(ReplaySelection::All).await.unwrap(), 1);
    let seen = seen.0.lock().unwrap();
    let is_moved = seen.contains(&("start_message_move_task", "ok"));
    assert_eq!(is_moved, !account.lacks("tasks that move messages"), "{seen:?}");
}
