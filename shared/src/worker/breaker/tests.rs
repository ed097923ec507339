//! Two processes and one ledger.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::Instant;

use super::*;
use crate::error::{PortError, PortErrorKind};
use crate::ports::{Clock, Ledger, LedgerEntry, MemoryLedger, SystemRandom};
use crate::time::Timestamp;

/// Tells the time of tokio's paused clock.
struct PausedClock(Instant);

impl Clock for PausedClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(1_000_000).plus(self.0.elapsed())
    }
}

#[derive(Default)]
struct CountingLedger {
    inner: MemoryLedger,
    n_reads: AtomicUsize,
    n_writes: AtomicUsize,
}

#[async_trait]
impl Ledger for CountingLedger {
    async fn get(&self, name: &str) -> Result<Option<LedgerEntry>, PortError> {
        self.n_reads.fetch_add(1, Ordering::SeqCst);
        self.inner.get(name).await
    }

    async fn put(&self, name: &str, value: &str, revision: u64) -> Result<u64, PortError> {
        self.n_writes.fetch_add(1, Ordering::SeqCst);
        self.inner.put(name, value, revision).await
    }

    async fn list(&self, prefix: &str) -> Result<Vec<(String, LedgerEntry)>, PortError> {
        self.n_reads.fetch_add(1, Ordering::SeqCst);
        self.inner.list(prefix).await
    }
}

/// A ledger that is down: it hangs, then fails.
struct DeadLedger;

#[async_trait]
impl Ledger for DeadLedger {
    async fn get(&self, name: &str) -> Result<Option<LedgerEntry>, PortError> {
        tokio::time::sleep(Duration::from_secs(60)).await;
        Err(PortError::new(PortErrorKind::Unavailable, "memory", "get", name))
    }

    async fn put(&self, name: &str, _: &str, _: u64) -> Result<u64, PortError> {
        Err(PortError::new(PortErrorKind::Unavailable, "memory", "put", name))
    }

    async fn list(&self, prefix: &str) -> Result<Vec<(String, LedgerEntry)>, PortError> {
        Err(PortError::new(PortErrorKind::Unavailable, "memory", "list", prefix))
    }
}

fn name() -> BreakerName {
    let (platform, host, operation) = ("salesforce".into(), "org:443".into(), "changes".into());
    BreakerName { platform, host, operation }
}

fn clock() -> Arc<dyn Clock> {
    Arc::new(PausedClock(Instant::now()))
}

const OPEN_FOR: Duration = Duration::from_secs(10);

#[tokio::test(start_paused = true)]
async fn breaker_that_opens_in_one_process_is_seen_by_another_within_its_bound() {
    let (ledger, clock) = (Arc::new(MemoryLedger::default()), clock());
    let one = BreakerBoard::new(ledger.clone(), clock.clone(), &SystemRandom);
    let other = BreakerBoard::new(ledger.clone(), clock.clone(), &SystemRandom);
    assert_eq!(other.seen(&name()).await, None);

    let until = clock.now().plus(OPEN_FOR);
    let revision = one.open(&name(), until).await;
    tokio::time::advance(Duration::from_secs(2)).await;

    let seen = other.seen(&name()).await.unwrap();
    assert_eq!((seen.phase, seen.until), (BreakerPhase::Open, Some(until)));
    assert_eq!(Some(seen.revision), revision);
    let listed = list(&*ledger).await.unwrap();
    assert_eq!((listed.len(), &listed[0].name), (1, &name()));
    assert_eq!(listed[0].phase, BreakerPhase::Open);
}

#[tokio::test(start_paused = true)]
async fn thousand_looks_cost_one_read_and_no_write() {
    let ledger = Arc::new(CountingLedger::default());
    let board = BreakerBoard::new(ledger.clone(), clock(), &SystemRandom);
    for _ in 0..1000 {
        board.seen(&name()).await;
    }
    assert_eq!(ledger.n_reads.load(Ordering::SeqCst), 1);
    assert_eq!(ledger.n_writes.load(Ordering::SeqCst), 0);
}

#[tokio::test(start_paused = true)]
async fn of_many_processes_one_probes_at_a_time() {
    let (ledger, clock) = (Arc::new(MemoryLedger::default()), clock());
    let boards: Vec<_> = (0..8)
        .map(|_| Arc::new(BreakerBoard::new(ledger.clone(), clock.clone(), &SystemRandom)))
        .collect();
    boards[0].open(&name(), clock.now().plus(OPEN_FOR)).await;
    assert_eq!(
        boards[1].probe(&name(), OPEN_FOR).await,
        Probe::Held { until: clock.now().plus(OPEN_FOR) }
    );
    tokio::time::advance(OPEN_FOR).await;

    let probes: Vec<_> = boards
        .iter()
        .cloned()
        .map(|it| tokio::spawn(async move { it.probe(&name(), OPEN_FOR).await }))
        .collect();
    let mut n_taken = 0;
    for probe in probes {
        match probe.await.unwrap() {
            Probe::Taken => n_taken += 1,
            other => assert!(matches!(other, Probe::Held { .. }), "{other:?}"),
        }
    }
    assert_eq!(n_taken, 1);

    // The one that took it died: the lease ends, and another may.
    tokio::time::advance(OPEN_FOR).await;
    assert_eq!(boards[3].probe(&name(), OPEN_FOR).await, Probe::Taken);
    boards[3].close(&name()).await.unwrap();
    assert_eq!(boards[4].probe(&name(), OPEN_FOR).await, Probe::Recovered);
}

#[tokio::test(start_paused = true)]
async fn ledger_that_is_down_stops_nobody_for_long() {
    let board = BreakerBoard::new(Arc::new(DeadLedger), clock(), &SystemRandom);
    let started = Instant::now();
    assert_eq!(board.seen(&name()).await, None);
    assert_eq!(board.open(&name(), Timestamp::EPOCH).await, None);
    assert_eq!(board.probe(&name(), OPEN_FOR).await, Probe::Unknown);
    assert!(started.elapsed() <= Duration::from_millis(500), "{:?}", started.elapsed());
}

#[tokio::test(start_paused = true)]
async fn processes_that_find_out_together_write_it_once() {
    let ledger = Arc::new(CountingLedger::default());
    let clock = clock();
    let until = clock.now().plus(OPEN_FOR);
    for _ in 0..8 {
        let board = BreakerBoard::new(ledger.clone(), clock.clone(), &SystemRandom);
        board.open(&name(), until).await.unwrap();
        board.close(&name()).await.unwrap();
        board.open(&name(), until).await.unwrap();
        board.open(&name(), until).await.unwrap();
    }
    assert_eq!(ledger.n_writes.load(Ordering::SeqCst), 1 + 8 * 2);
}
