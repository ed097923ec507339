//! One breaker alone, and the breakers of two processes with one ledger between them.

use std::sync::atomic::{AtomicI64, Ordering};

use tokio::time::advance;

use super::*;
use crate::ports::{MemoryLedger, SystemRandom};

#[derive(Default)]
struct HandClock(AtomicI64);

impl HandClock {
    fn forward(&self, by: Duration) {
        self.0.fetch_add(i64::try_from(by.as_millis()).unwrap(), Ordering::Relaxed);
    }
}

impl Clock for HandClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::Relaxed))
    }
}

const OPEN_FOR: Duration = Duration::from_secs(10);

fn new_breaker() -> Arc<Breaker> {
    let settings = BreakerSettings { n_failures: 2, open_for: OPEN_FOR };
    let (platform, host, operation) = ("peer".into(), "host:443".into(), "read".into());
    Arc::new(Breaker::new(BreakerName { platform, host, operation }, settings))
}

fn breaker() -> (Arc<Breaker>, Arc<HandClock>, Arc<dyn Clock>) {
    let hand = Arc::new(HandClock::default());
    (new_breaker(), hand.clone(), hand)
}

async fn admit(breaker: &Arc<Breaker>, clock: &Arc<dyn Clock>) -> Permit {
    breaker.admit(clock, None).await.ok().unwrap()
}

async fn open(breaker: &Arc<Breaker>, clock: &Arc<dyn Clock>, board: Option<&BreakerBoard>) {
    for _ in 0..2 {
        let change = breaker.admit(clock, board).await.ok().unwrap().failed();
        breaker.share(change, board).await;
    }
}

#[tokio::test]
async fn failures_in_a_row_open_it_and_a_success_between_does_not() {
    let (breaker, _, clock) = breaker();
    assert_eq!(admit(&breaker, &clock).await.failed(), Change::Nothing);
    assert_eq!(admit(&breaker, &clock).await.succeeded(), Change::Nothing);
    assert_eq!(admit(&breaker, &clock).await.failed(), Change::Nothing);
    let until = Timestamp::EPOCH.plus(OPEN_FOR);
    assert_eq!(admit(&breaker, &clock).await.failed(), Change::Opened { until });
    assert_eq!(breaker.admit(&clock, None).await.err(), Some(OPEN_FOR));
}

#[tokio::test]
async fn after_a_while_exactly_one_call_probes_and_its_success_closes_it() {
    let (breaker, hand, clock) = breaker();
    open(&breaker, &clock, None).await;
    hand.forward(OPEN_FOR);

    let probe = admit(&breaker, &clock).await;
    assert!(breaker.admit(&clock, None).await.is_err());
    assert_eq!(probe.succeeded(), Change::Closed);

    assert!(breaker.admit(&clock, None).await.is_ok());
}

#[tokio::test]
async fn failed_probe_opens_it_again() {
    let (breaker, hand, clock) = breaker();
    open(&breaker, &clock, None).await;
    hand.forward(OPEN_FOR);
    assert!(matches!(admit(&breaker, &clock).await.failed(), Change::Opened { .. }));
    assert_eq!(breaker.admit(&clock, None).await.err(), Some(OPEN_FOR));
}

#[tokio::test]
async fn abandoned_probe_lets_the_next_call_probe() {
    let (breaker, hand, clock) = breaker();
    open(&breaker, &clock, None).await;
    hand.forward(OPEN_FOR);
    drop(admit(&breaker, &clock).await);
    assert!(breaker.admit(&clock, None).await.is_ok());
}

#[tokio::test]
async fn success_of_a_call_from_before_it_opened_does_not_close_it() {
    let (breaker, _, clock) = breaker();
    let slow = admit(&breaker, &clock).await;
    open(&breaker, &clock, None).await;
    assert_eq!(slow.succeeded(), Change::Nothing);
    assert!(breaker.admit(&clock, None).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn other_process_stops_calling_probes_alone_and_tells_that_all_is_well() {
    let (one, hand, clock) = breaker();
    let other = new_breaker();
    let ledger = Arc::new(MemoryLedger::default());
    let board = || BreakerBoard::new(ledger.clone(), clock.clone(), &SystemRandom);
    let (one_board, other_board) = (board(), board());
    let (one_board, other_board) = (Some(&one_board), Some(&other_board));
    let forward = |by| {
        hand.forward(by);
        advance(by)
    };
    assert!(other.admit(&clock, other_board).await.is_ok());

    // What one process finds out, the other knows within its bound.
    open(&one, &clock, one_board).await;
    forward(Duration::from_secs(2)).await;
    let wait = other.admit(&clock, other_board).await.err().unwrap();
    assert_eq!(wait, OPEN_FOR - Duration::from_secs(2));

    // Of both, one probes.
    forward(wait).await;
    let probe = other.admit(&clock, other_board).await.ok().unwrap();
    assert!(one.admit(&clock, one_board).await.is_err());

    // Its success is the other's too.
    other.share(probe.succeeded(), other_board).await;
    forward(Duration::from_secs(2)).await;
    let permit = one.admit(&clock, one_board).await.ok().unwrap();
    assert!(!permit.is_probe);
}
