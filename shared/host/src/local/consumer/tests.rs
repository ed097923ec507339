//! The consumer against a queue that records what is asked of it.

use std::collections::VecDeque;
use std::sync::Mutex;

use async_trait::async_trait;
use shared::ports::{
    DeadLetter, NewMessage, QueueDepth, ReplaySelection, SendOutcome, SystemRandom,
};
use shared::time::Timestamp;
use shared::worker::{Failure, Message};
use shared::{PortError, PortErrorKind};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use super::*;

#[derive(Default)]
struct RecordingQueue {
    waiting: Mutex<VecDeque<Delivery>>,
    n_faults: Mutex<u32>,
    events: Mutex<Vec<String>>,
    changed: Notify,
}

impl RecordingQueue {
    fn holding(deliveries: Vec<Delivery>) -> Arc<Self> {
        Arc::new(Self { waiting: Mutex::new(deliveries.into()), ..Self::default() })
    }

    fn note(&self, event: String) {
        self.events.lock().unwrap().push(event);
        self.changed.notify_waiters();
    }

    fn events(&self) -> Vec<String> {
        self.events.lock().unwrap().clone()
    }

    /// Waits until `event` was noted, at most ten seconds.
    async fn has(&self, event: &str) {
        let noted = async {
            loop {
                let changed = self.changed.notified();
                if self.events().iter().any(|it| it == event) {
                    return;
                }
                changed.await;
            }
        };
        let waited = tokio::time::timeout(Duration::from_secs(10), noted).await;
        assert!(waited.is_ok(), "no `{event}` in {:?}", self.events());
    }
}

#[async_trait]
impl Queue for RecordingQueue {
    async fn send(&self, _: Vec<NewMessage>) -> Result<Vec<SendOutcome>, PortError> {
        Ok(Vec::new())
    }

    async fn receive(
        &self,
        max: NonZeroU32,
        _: Duration,
        wait: Duration,
    ) -> Result<Vec<Delivery>, PortError> {
        let is_faulty = {
            let mut n_faults = self.n_faults.lock().unwrap();
            let is_faulty = *n_faults > 0;
            *n_faults = n_faults.saturating_sub(1);
            is_faulty
        };
        if is_faulty {
            self.note("fault".into());
            return Err(PortError::new(PortErrorKind::Unavailable, "test", "receive", "events"));
        }
        let batch: Vec<_> = {
            let mut waiting = self.waiting.lock().unwrap();
            let n = waiting.len().min(max.get() as usize);
            waiting.drain(..n).collect()
        };
        if batch.is_empty() {
            tokio::time::sleep(wait.min(Duration::from_millis(5))).await;
        }
        Ok(batch)
    }

    async fn extend(&self, delivery: &Delivery, _: Duration) -> Result<(), PortError> {
        self.note(format!("extend {}", delivery.id));
        Ok(())
    }

    async fn ack(&self, deliveries: &[Delivery]) -> Result<(), PortError> {
        for delivery in deliveries {
            self.note(format!("ack {}", delivery.id));
        }
        Ok(())
    }

    async fn release(
        &self,
        delivery: &Delivery,
        delay: Duration,
        why: &str,
    ) -> Result<(), PortError> {
        let when = if delay.is_zero() { "now" } else { "later" };
        self.note(format!("release {} {when}: {why}", delivery.id));
        Ok(())
    }

    async fn give_back(&self, delivery: &Delivery, delay: Duration) -> Result<(), PortError> {
        let when = if delay.is_zero() { "now" } else { "later" };
        self.note(format!("give back {} {when}", delivery.id));
        Ok(())
    }

    async fn bury(&self, delivery: &Delivery, reason: &str) -> Result<(), PortError> {
        self.note(format!("bury {}: {reason}", delivery.id));
        Ok(())
    }

    async fn depth(&self) -> Result<QueueDepth, PortError> {
        Ok(QueueDepth::default())
    }

    async fn dead_letters(
        &self,
        _: Option<&str>,
        _: NonZeroU32,
    ) -> Result<Vec<DeadLetter>, PortError> {
        Ok(Vec::new())
    }

    async fn replay(&self, _: ReplaySelection) -> Result<u64, PortError> {
        Ok(0)
    }

    async fn unpack(&self, body: String) -> Result<String, PortError> {
        Ok(body)
    }

    fn name(&self) -> &str {
        "events"
    }

    fn max_body_bytes(&self) -> usize {
        1024
    }
}

/// Does what the body of the message says; `wait` waits for `gate`.
#[derive(Default)]
struct Script {
    gate: Notify,
    started: Notify,
}

#[async_trait]
impl MessageHandler for Script {
    async fn handle(&self, message: &Message) -> Result<(), Failure> {
        match message.body.as_str() {
            "wait" => {
                self.started.notify_one();
                self.gate.notified().await;
                Ok(())
            }
            "never" => Err(Failure::permanent("no such object")),
            "later" => Err(Failure::transient("busy")),
            "boom" => panic!("boom"),
            _ => Ok(()),
        }
    }
}

fn delivery(id: &str, body: &str, group: Option<&str>, attempt: u32) -> Delivery {
    Delivery {
        id: id.into(),
        body: body.into(),
        group: group.map(Into::into),
        attempt,
        sent_at: Timestamp::EPOCH,
        receipt: id.into(),
        trace_parent: None,
    }
}

struct Run {
    queue: Arc<RecordingQueue>,
    script: Arc<Script>,
    stop: CancellationToken,
    cut: CancellationToken,
    task: JoinHandle<()>,
}

impl Run {
    fn of(deliveries: Vec<Delivery>, width: usize) -> Self {
        Self::with(RecordingQueue::holding(deliveries), width, Duration::from_secs(30))
    }

    fn with(queue: Arc<RecordingQueue>, width: usize, visibility: Duration) -> Self {
        let script = Arc::new(Script::default());
        let backoff = Backoff { first: Duration::from_millis(2), cap: Duration::from_millis(4) };
        let consumer = Consumer::new(
            Arc::clone(&queue) as Arc<dyn Queue>,
            Arc::clone(&script) as Arc<dyn MessageHandler>,
            Arc::new(SystemRandom),
            width,
        )
        .with_times(backoff, visibility);
        let (stop, cut) = (CancellationToken::new(), CancellationToken::new());
        let task = tokio::spawn(consumer.consume(stop.clone(), cut.clone()));
        Self { queue, script, stop, cut, task }
    }

    async fn end(self) -> Vec<String> {
        self.stop.cancel();
        let ended = tokio::time::timeout(Duration::from_secs(10), self.task).await;
        ended.expect("the consumer ends").unwrap();
        self.queue.events()
    }
}

#[tokio::test]
async fn slow_message_holds_up_nobody_but_its_group() {
    let slow = [delivery("s1", "wait", Some("slow"), 1), delivery("s2", "ok", Some("slow"), 1)];
    let quick = (0..20).map(|n| delivery(&format!("q{n}"), "ok", None, 1));
    let run = Run::of(slow.into_iter().chain(quick).collect(), 2);

    for n in 0..20 {
        run.queue.has(&format!("ack q{n}")).await;
    }
    assert!(!run.queue.events().iter().any(|it| it.starts_with("ack s")));
    run.script.gate.notify_one();
    run.queue.has("ack s2").await;

    run.end().await;
}

#[tokio::test]
async fn poison_is_set_aside_at_once_and_its_group_goes_on() {
    let run =
        Run::of(vec![delivery("1", "never", Some("a"), 1), delivery("2", "ok", Some("a"), 1)], 4);
    run.queue.has("ack 2").await;
    assert_eq!(run.end().await, ["bury 1: no such object", "ack 2"]);
}

#[tokio::test]
async fn failed_message_comes_later_and_holds_back_its_group() {
    let run = Run::of(
        vec![
            delivery("1", "later", Some("a"), 1),
            delivery("2", "ok", Some("a"), 1),
            delivery("3", "ok", Some("b"), 1),
        ],
        1,
    );
    run.queue.has("ack 3").await;
    run.queue.has("give back 2 later").await;
    assert!(run.end().await.contains(&"release 1 later: busy".to_owned()));
}

#[tokio::test]
async fn message_that_keeps_failing_no_longer_holds_back_its_group() {
    let run =
        Run::of(vec![delivery("1", "later", Some("a"), 4), delivery("2", "ok", Some("a"), 4)], 4);
    run.queue.has("ack 2").await;
    assert_eq!(run.end().await, ["release 1 later: busy", "ack 2"]);
}

#[tokio::test]
async fn panic_is_a_failure_of_one_message() {
    let run = Run::of(vec![delivery("1", "boom", None, 1), delivery("2", "ok", None, 1)], 4);
    run.queue.has("ack 2").await;
    run.queue.has("release 1 later: the handler panicked").await;
    run.end().await;
}

#[tokio::test]
async fn slow_message_and_its_followers_get_more_time() {
    let queue = RecordingQueue::holding(vec![
        delivery("1", "wait", Some("a"), 1),
        delivery("2", "ok", Some("a"), 1),
    ]);
    let run = Run::with(queue, 4, Duration::from_millis(30));
    run.queue.has("extend 1").await;
    run.queue.has("extend 2").await;
    run.script.gate.notify_one();
    run.queue.has("ack 2").await;
    run.end().await;
}

#[tokio::test]
async fn stop_finishes_the_message_in_hand_and_gives_back_those_not_begun() {
    let run =
        Run::of(vec![delivery("1", "wait", Some("a"), 1), delivery("2", "ok", Some("a"), 1)], 4);
    run.script.started.notified().await;
    run.stop.cancel();
    run.script.gate.notify_one();
    let mut events = run.end().await;
    events.sort();
    assert_eq!(events, ["ack 1", "give back 2 now"]);
}

#[tokio::test]
async fn message_still_running_at_the_drain_limit_is_released_and_its_followers_are_given_back() {
    let run =
        Run::of(vec![delivery("1", "wait", Some("a"), 1), delivery("2", "ok", Some("a"), 1)], 4);
    run.script.started.notified().await;
    run.cut.cancel();
    let events = run.end().await;
    let released = "release 1 now: the host stopped before the message was done";
    assert_eq!(events, [released, "give back 2 now"]);
}

#[tokio::test]
async fn queue_that_cannot_be_read_is_asked_again() {
    let queue = RecordingQueue::holding(vec![delivery("1", "ok", None, 1)]);
    *queue.n_faults.lock().unwrap() = 3;
    let run = Run::with(queue, 4, Duration::from_secs(30));
    run.queue.has("ack 1").await;
    let n_faults = run.end().await.iter().filter(|it| *it == "fault").count();
    assert_eq!(n_faults, 3);
}

#[tokio::test]
async fn every_one_of_many_messages_is_acknowledged_once() {
    let many = (0..2000).map(|n| delivery(&format!("{n}"), "ok", Some(&format!("g{}", n % 50)), 1));
    let run = Run::of(many.collect(), 8);
    run.queue.has("ack 1999").await;
    let deadline = tokio::time::Instant::now() + Duration::from_secs(10);
    while run.queue.events().len() < 2000 && tokio::time::Instant::now() < deadline {
        tokio::task::yield_now().await;
    }
    let mut events = run.end().await;
    events.sort();
    events.dedup();
    assert_eq!(events.len(), 2000);
}
