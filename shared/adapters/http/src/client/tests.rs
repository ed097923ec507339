//! The client over a scripted transport and a paused clock: no network, no waiting.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use shared::chain;
use shared::ids::CorrelationId;
use shared::ports::{MemoryLedger, PlatformCall};
use shared::worker::Backoff;
use shared::worker::breaker::{self, BreakerPhase, BreakerSettings};

use super::*;
use crate::transport::Sending;

/// What the script does with a call: after so long, this status and `Retry-After`.
#[derive(Clone, Copy)]
struct Act {
    after: Duration,
    status: u16,
    retry_after: Option<u32>,
}

fn act(after_ms: u64, status: u16) -> Act {
    Act { after: Duration::from_millis(after_ms), status, retry_after: None }
}

type Script = dyn Fn(usize) -> Act + Send + Sync;

/// A platform that keeps when it was called, and how many calls were cut off.
struct Scripted {
    script: Box<Script>,
    began: Instant,
    called_at: Mutex<Vec<u128>>,
    n_under_way: AtomicUsize,
    n_most: AtomicUsize,
    n_ended: AtomicUsize,
}

struct UnderWay<'a>(&'a AtomicUsize);

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Scripted {
    fn new(script: impl Fn(usize) -> Act + Send + Sync + 'static) -> Arc<Self> {
        Arc::new(Self {
            script: Box::new(script),
            began: Instant::now(),
            called_at: Mutex::default(),
            n_under_way: AtomicUsize::default(),
            n_most: AtomicUsize::default(),
            n_ended: AtomicUsize::default(),
        })
    }

    fn n_calls(&self) -> usize {
        self.called_at.lock().unwrap().len()
    }

    fn n_cut_off(&self) -> usize {
        self.n_calls() - self.n_ended.load(Ordering::SeqCst)
    }
}

struct Wire(Arc<Scripted>);

impl Transport for Wire {
    fn send<'a>(&'a self, _: &'a Request) -> Sending<'a> {
        let scripted = &*self.0;
        Box::pin(async move {
            let n = {
                let mut called_at = scripted.called_at.lock().unwrap();
                called_at.push(scripted.began.elapsed().as_millis());
                called_at.len()
            };
            let n_now = scripted.n_under_way.fetch_add(1, Ordering::SeqCst) + 1;
            scripted.n_most.fetch_max(n_now, Ordering::SeqCst);
            let _under_way = UnderWay(&scripted.n_under_way);
            let Act { after, status, retry_after } = (scripted.script)(n);
            tokio::time::sleep(after).await;
            let mut answer = http::Response::builder().status(status);
            if let Some(seconds) = retry_after {
                answer = answer.header("retry-after", seconds);
            }
            scripted.n_ended.fetch_add(1, Ordering::SeqCst);
            Ok(answer.body(format!("answer {n}")).unwrap().into())
        })
    }
}

struct PausedClock(Instant);

impl Clock for PausedClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(1_780_000_000_000).plus(self.0.elapsed())
    }
}

/// Always draws the same.
struct Drawn(u128);

impl Random for Drawn {
    fn bits(&self) -> u128 {
        self.0
    }

    fn correlation_id(&self) -> CorrelationId {
        CorrelationId::from_random(self.0)
    }
}

fn clock() -> Arc<dyn Clock> {
    Arc::new(PausedClock(Instant::now()))
}

fn client(wire: &Arc<Scripted>, settings: HttpSettings) -> HttpClient {
    HttpClient::over(Box::new(Wire(wire.clone())), settings, clock(), Arc::new(Drawn(500_000)))
}

fn settings() -> HttpSettings {
    HttpSettings {
        backoff: Backoff { first: Duration::from_millis(100), cap: Duration::from_secs(1) },
        ..HttpSettings::default()
    }
}

fn get() -> Request {
    Request::get("peer", "read", Url::parse("https://peer.test/path?token=hunter2").unwrap())
}

#[tokio::test(start_paused = true)]
async fn waits_between_attempts_are_drawn_from_the_one_before() {
    let wire = Scripted::new(|_| act(0, 503));
    let settings = HttpSettings { max_attempts: 6, ..settings() };
    let breaker = BreakerSettings { n_failures: 50, ..settings.breaker };

    client(&wire, HttpSettings { breaker, ..settings }).send(get()).await.unwrap();

    // Half way between 100 ms and three times the last wait, at most 1 s.
    let waits = [200, 350, 575, 912, 1000];
    let called_at = wire.called_at.lock().unwrap().clone();
    let between: Vec<_> = called_at.windows(2).map(|it| it[1] - it[0]).collect();
    for (found, wanted) in between.iter().zip(waits) {
        assert!(found.abs_diff(wanted) <= 2, "{between:?}");
    }
    assert_eq!(between.len(), waits.len());
}

#[tokio::test(start_paused = true)]
async fn retry_after_is_waited_for_to_the_second() {
    let wire = Scripted::new(|n| Act {
        retry_after: (n == 1).then_some(7),
        ..act(0, if n == 1 { 429 } else { 200 })
    });
    let response = client(&wire, settings()).send(get()).await.unwrap();
    assert_eq!(response.status(), http::StatusCode::OK);
    let called_at = wire.called_at.lock().unwrap().clone();
    assert!((7000..=7002).contains(&called_at[1]), "{called_at:?}");
}

#[tokio::test(start_paused = true)]
async fn late_read_is_sent_again_beside_itself_and_the_loser_is_cut_off() {
    let wire = Scripted::new(|n| act(if n == 1 { 20_000 } else { 30 }, 200));

    let response = client(&wire, settings()).send(get().hedged()).await.unwrap();

    assert_eq!(response.body().as_ref(), b"answer 2");
    assert_eq!(*wire.called_at.lock().unwrap(), [0, 2000]);
    assert_eq!((wire.n_cut_off(), wire.n_under_way.load(Ordering::SeqCst)), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn hedge_that_fails_leaves_the_word_to_the_first() {
    let wire = Scripted::new(|n| if n == 1 { act(5000, 200) } else { act(30, 503) });
    let response = client(&wire, settings()).send(get().hedged()).await.unwrap();
    assert_eq!(response.body().as_ref(), b"answer 1");
    assert_eq!(wire.n_calls(), 2);
}

#[tokio::test(start_paused = true)]
async fn read_that_is_in_time_or_not_marked_is_sent_once() {
    let wire = Scripted::new(|_| act(1500, 200));
    client(&wire, settings()).send(get().hedged()).await.unwrap();
    assert_eq!(wire.n_calls(), 1);

    let wire = Scripted::new(|_| act(20_000, 200));
    let client = client(&wire, settings());
    client.send(get()).await.unwrap();
    let url = Url::parse("https://peer.test/").unwrap();
    client.send(Request::post("peer", "write", url).hedged()).await.unwrap();
    assert_eq!(wire.n_calls(), 2);
}

#[tokio::test(start_paused = true)]
async fn hedges_stay_within_the_retry_budget() {
    let wire = Scripted::new(|_| act(3000, 200));
    let hedge =
        crate::HedgeSettings { soonest: Duration::ZERO, at_first: Duration::from_millis(1) };
    let client = client(&wire, HttpSettings { hedge, ..settings() });
    let calls: Vec<_> = (0..50)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move { client.send(get().hedged()).await.unwrap() })
        })
        .collect();
    for call in calls {
        call.await.unwrap();
    }
    let n_hedges = wire.n_calls() - 50;
    assert!(n_hedges <= 10 + 10, "{n_hedges} hedges of 50 calls");
}

#[tokio::test(start_paused = true)]
async fn no_more_calls_than_places_are_under_way_and_the_rest_wait_their_turn() {
    let wire = Scripted::new(|_| act(100, 200));
    let client = client(&wire, HttpSettings { max_concurrent: 4, ..settings() });
    let calls: Vec<_> = (0..20)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move { client.send(get()).await.unwrap() })
        })
        .collect();
    for call in calls {
        call.await.unwrap();
    }
    assert_eq!(wire.n_most.load(Ordering::SeqCst), 4);
    assert_eq!(wire.called_at.lock().unwrap().last(), Some(&400));
}

#[tokio::test(start_paused = true)]
async fn call_that_finds_no_place_ends_at_its_deadline() {
    let wire = Scripted::new(|_| act(20_000, 200));
    let client = client(&wire, HttpSettings { max_concurrent: 1, ..settings() });
    let slow = tokio::spawn({
        let client = client.clone();
        async move { client.send(get()).await }
    });
    tokio::task::yield_now().await;
    let began = Instant::now();

    let request = get().with_deadline(Duration::from_secs(3));
    let error = client.send(request).await.unwrap_err();

    assert_eq!(error.kind(), PortErrorKind::Unavailable);
    assert!(chain(&error).to_string().contains("1 calls to this host"), "{}", chain(&error));
    assert_eq!(began.elapsed().as_secs(), 3);
    slow.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn place_is_held_until_a_stream_is_read() {
    let wire = Scripted::new(|_| act(0, 200));
    let client = client(&wire, HttpSettings { max_concurrent: 1, ..settings() });
    let stream = client.open(get()).await.unwrap();
    let short = || get().with_deadline(Duration::from_millis(50));
    client.send(short()).await.unwrap_err();
    drop(stream);
    client.send(short()).await.unwrap();
}

#[derive(Default)]
struct Told(Mutex<Vec<String>>);

impl CallObserver for Told {
    fn called(&self, call: &PlatformCall<'_>) {
        let PlatformCall { platform, operation, host, outcome, n_bytes_out, n_bytes_in, .. } = call;
        self.0
            .lock()
            .unwrap()
            .push(format!("{platform} {operation} {host} {outcome} {n_bytes_out} {n_bytes_in}"));
    }
}

#[tokio::test(start_paused = true)]
async fn observer_is_told_of_every_attempt() {
    let wire = Scripted::new(|n| act(0, if n == 1 { 503 } else { 200 }));
    let told = Arc::new(Told::default());
    let client = client(&wire, settings()).with_observer(told.clone());
    let url = Url::parse("https://peer.test/").unwrap();
    client
        .send(Request::post("peer", "write", url).with_form(&[("a", "b")]).repeatable())
        .await
        .unwrap();
    assert_eq!(
        *told.0.lock().unwrap(),
        ["peer write peer.test:443 platform_fault 3 8", "peer write peer.test:443 ok 3 8"]
    );
}

#[tokio::test(start_paused = true)]
async fn attempts_count_against_the_quota_and_end_with_it() {
    let wire = Scripted::new(|_| act(0, 200));
    let ledger = Arc::new(MemoryLedger::default());
    let quota = Quota::new(
        QuotaSettings { reserve_percent: 50, ..QuotaSettings::daily("peer", "main", 4) },
        ledger,
        clock(),
        Arc::new(Drawn(1)),
    );
    let client = client(&wire, settings()).with_quota("peer", quota);
    client.send(get()).await.unwrap();
    client.send(get()).await.unwrap();

    let error = client.send(get()).await.unwrap_err();
    assert_eq!(error.kind(), PortErrorKind::RateLimited);
    assert!(error.retry_after().is_some());
    let text = chain(&error).to_string();
    assert!(text.contains("the quota of 4 calls of connection `main` is spent"), "{text}");

    // People may use what is kept for them, and what no platform counts is not counted.
    client.send(get().interactive()).await.unwrap();
    client.send(get().unmetered()).await.unwrap();
    assert_eq!(wire.n_calls(), 4);
}

#[tokio::test(start_paused = true)]
async fn breaker_that_opens_in_one_client_stops_the_other_and_both_recover_by_one_probe() {
    let wire = Scripted::new(|n| act(0, if n <= 5 { 500 } else { 200 }));
    let (ledger, clock) = (Arc::new(MemoryLedger::default()), clock());
    let client = || {
        let random: Arc<dyn Random> = Arc::new(shared::ports::SystemRandom);
        let board = BreakerBoard::new(ledger.clone(), clock.clone(), &*random);
        HttpClient::over(Box::new(Wire(wire.clone())), settings(), clock.clone(), random)
            .with_shared_breakers(Arc::new(board))
    };
    let (one, other) = (client(), client());

    // Five failures in a row, over two calls.
    one.send(get()).await.unwrap();
    one.send(get()).await.unwrap();
    assert_eq!(wire.n_calls(), 5);
    let error = other.send(get()).await.unwrap_err();
    assert!(error.retry_after().is_some_and(|it| it <= Duration::from_secs(10)));
    assert_eq!(wire.n_calls(), 5, "the other client called although the breaker is open");

    tokio::time::sleep(Duration::from_secs(10)).await;
    other.send(get()).await.unwrap();
    tokio::time::sleep(Duration::from_secs(2)).await;
    one.send(get()).await.unwrap();
    let states = breaker::list(&*ledger).await.unwrap();
    assert_eq!((states.len(), states[0].phase), (1, BreakerPhase::Closed));
}
