//! Many workers, one ledger, and a platform that counts for itself.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use proptest::prelude::*;
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::*;
use crate::error::{PortError, PortErrorKind};
use crate::ids::CorrelationId;
use crate::ports::{Clock, Ledger, LedgerEntry, MemoryLedger, Random};
use crate::time::Timestamp;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

struct PausedClock(Instant);

impl Clock for PausedClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(1_780_000_000_000).plus(self.0.elapsed())
    }
}

/// A shorter day, for the tests that live through several.
const SHIFT: Duration = Duration::from_secs(4 * 60 * 60);

/// The same numbers every time.
struct Sequence(AtomicU64);

impl Random for Sequence {
    fn bits(&self) -> u128 {
        let n = self.0.fetch_add(1, Ordering::Relaxed);
        // SplitMix64.
        let mut z = n.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (u128::from(z) << 64) | u128::from(z ^ (z >> 31))
    }

    fn correlation_id(&self) -> CorrelationId {
        CorrelationId::from_random(self.bits())
    }
}

/// A ledger that counts its writes and can be unplugged.
#[derive(Default)]
struct TestLedger {
    inner: MemoryLedger,
    n_writes: AtomicUsize,
    is_down: AtomicBool,
}

impl TestLedger {
    fn reach(&self) -> Result<(), PortError> {
        match self.is_down.load(Ordering::SeqCst) {
            true => Err(PortError::new(PortErrorKind::Unavailable, "memory", "reach", "ledger")),
            false => Ok(()),
        }
    }
}

#[async_trait]
impl Ledger for TestLedger {
    async fn get(&self, name: &str) -> Result<Option<LedgerEntry>, PortError> {
        self.reach()?;
        let entry = self.inner.get(name).await;
        // Lets others in between the read and the write.
        tokio::time::sleep(Duration::from_millis(1)).await;
        entry
    }

    async fn put(&self, name: &str, value: &str, revision: u64) -> Result<u64, PortError> {
        self.reach()?;
        self.n_writes.fetch_add(1, Ordering::SeqCst);
        self.inner.put(name, value, revision).await
    }

    async fn list(&self, prefix: &str) -> Result<Vec<(String, LedgerEntry)>, PortError> {
        self.reach()?;
        self.inner.list(prefix).await
    }
}

/// A platform with a rolling window of its own.
struct Platform {
    limit: u64,
    window: Duration,
    calls: Mutex<(VecDeque<Instant>, u64, u64)>,
}

impl Platform {
    fn new(limit: u64, window: Duration) -> Arc<Self> {
        Arc::new(Self { limit, window, calls: Mutex::default() })
    }

    /// Takes a call; returns the calls of its window.
    async fn call(&self) -> u64 {
        let mut calls = self.calls.lock().await;
        let now = Instant::now();
        while calls.0.front().is_some_and(|at| now - *at >= self.window) {
            calls.0.pop_front();
        }
        calls.0.push_back(now);
        let n = calls.0.len() as u64;
        calls.1 = calls.1.max(n);
        calls.2 += 1;
        n
    }

    async fn most_in_a_window(&self) -> u64 {
        self.calls.lock().await.1
    }
}

struct Firm {
    ledger: Arc<TestLedger>,
    clock: Arc<dyn Clock>,
    random: Arc<Sequence>,
    settings: QuotaSettings,
}

impl Firm {
    fn new(limit: u64) -> Self {
        let settings = QuotaSettings {
            reserve_percent: 0,
            ..QuotaSettings::daily("salesforce", "main", limit)
        };
        let clock = Arc::new(PausedClock(Instant::now()));
        Self {
            ledger: Arc::default(),
            clock,
            random: Arc::new(Sequence(AtomicU64::new(1))),
            settings,
        }
    }

    fn with_window(limit: u64, window: Duration) -> Self {
        let mut firm = Self::new(limit);
        let length_ms = u64::try_from(window.as_millis()).unwrap();
        firm.settings.window = QuotaWindow::Rolling { length_ms };
        firm
    }

    fn quota(&self) -> Quota {
        let (ledger, clock) = (self.ledger.clone(), self.clock.clone());
        Quota::new(self.settings.clone(), ledger, clock, self.random.clone())
    }

    /// Calls the platform for as long as the quota lets it, as one worker that does not stop.
    fn worker(
        &self,
        platform: &Arc<Platform>,
        every: Duration,
        reports: bool,
    ) -> tokio::task::JoinHandle<()> {
        let (quota, platform) = (self.quota(), platform.clone());
        let (clock, random) = (self.clock.clone(), self.random.clone());
        tokio::spawn(async move {
            loop {
                let jitter = u32::try_from(random.bits() % 1000).unwrap();
                tokio::time::sleep(every.mul_f64(0.5 + f64::from(jitter) / 1000.0)).await;
                match quota.take(Urgency::Background).await {
                    Ok(call) => {
                        let asked_at = clock.now();
                        tokio::time::sleep(Duration::from_millis(50)).await;
                        let n_used = platform.call().await;
                        tokio::time::sleep(Duration::from_millis(50)).await;
                        if reports {
                            quota.report(n_used, platform.limit, asked_at);
                        }
                        drop(call);
                    }
                    Err(spent) => tokio::time::sleep(spent.retry_after * 4).await,
                }
            }
        })
    }
}

#[tokio::test(start_paused = true)]
async fn many_workers_use_the_whole_quota_and_never_more() {
    for reports in [false, true] {
        let (firm, platform) = (Firm::with_window(2000, SHIFT), Platform::new(2000, SHIFT));
        let workers: Vec<_> =
            (0..16).map(|_| firm.worker(&platform, Duration::from_secs(10), reports)).collect();
        tokio::time::sleep(SHIFT).await;
        let n_first = platform.calls.lock().await.2;
        tokio::time::sleep(SHIFT + SHIFT / 2).await;
        workers.iter().for_each(tokio::task::JoinHandle::abort);

        let most = platform.most_in_a_window().await;
        assert!(most <= 2000, "{most} calls in a window, reports: {reports}");
        assert!(n_first >= 1980, "{n_first} calls on the first window, reports: {reports}");
    }
}

#[tokio::test(start_paused = true)]
async fn workers_that_die_with_leases_never_lead_beyond_the_quota() {
    let (firm, platform) = (Firm::with_window(2000, SHIFT), Platform::new(2000, SHIFT));
    let mut workers: Vec<_> =
        (0..8).map(|_| firm.worker(&platform, Duration::from_secs(10), true)).collect();
    // Every ten minutes one dies without a word and another takes its place.
    for _ in 0..(2 * 4 * 6) {
        tokio::time::sleep(Duration::from_secs(600)).await;
        workers.remove(0).abort();
        workers.push(firm.worker(&platform, Duration::from_secs(10), true));
    }
    let most = platform.most_in_a_window().await;
    assert!(most <= 2000, "{most} calls in a window");
    // What the dead left came back with the reports.
    assert!(most >= 1980, "{most} calls in the best window");
}

#[tokio::test(start_paused = true)]
async fn call_costs_no_write() {
    let firm = Firm::new(10_000);
    let quota = firm.quota();
    for _ in 0..1000 {
        drop(quota.take(Urgency::Background).await.unwrap());
    }
    let n_writes = firm.ledger.n_writes.load(Ordering::SeqCst);
    assert!(n_writes <= 20, "{n_writes} writes for 1,000 calls");
}

#[tokio::test(start_paused = true)]
async fn unused_lease_comes_back_when_its_holder_goes_or_falls_idle() {
    let firm = Firm::new(10_000);
    let (gone, idle) = (firm.quota(), firm.quota());
    drop(gone.take(Urgency::Background).await.unwrap());
    drop(idle.take(Urgency::Background).await.unwrap());
    assert_eq!(firm.quota().state().await.unwrap().unwrap().n_used, 100);

    gone.release().await;
    assert_eq!(firm.quota().state().await.unwrap().unwrap().n_used, 51);
    tokio::time::sleep(Duration::from_secs(301)).await;
    let state = firm.quota().state().await.unwrap().unwrap();
    assert_eq!((state.n_used, state.n_leased), (2, 0));
}

#[tokio::test(start_paused = true)]
async fn reserve_is_kept_for_people() {
    let mut firm = Firm::new(1000);
    firm.settings.reserve_percent = 10;
    let quota = firm.quota();
    let mut n_background = 0;
    while let Ok(call) = quota.take(Urgency::Background).await {
        drop(call);
        n_background += 1;
    }
    assert_eq!(n_background, 900);
    let mut n_interactive = 0;
    while let Ok(call) = quota.take(Urgency::Interactive).await {
        drop(call);
        n_interactive += 1;
    }
    assert_eq!(n_interactive, 100);
}

#[tokio::test(start_paused = true)]
async fn what_others_spend_is_learned_from_the_platform() {
    let firm = Firm::new(1000);
    let (one, other) = (firm.quota(), firm.quota());
    drop(one.take(Urgency::Background).await.unwrap());
    one.report(15_000, 15_000, firm.clock.now());

    let spent = one.take(Urgency::Background).await.unwrap_err();
    assert_eq!(spent.limit, 15_000);
    assert!(spent.retry_after <= Duration::from_secs(15));
    other.take(Urgency::Background).await.unwrap_err();
    let states = list(&*firm.ledger, firm.clock.now()).await.unwrap();
    assert_eq!((states.len(), states[0].n_left, states[0].limit), (1, 0, 15_000));
}

#[tokio::test(start_paused = true)]
async fn ledger_that_is_down_stops_no_call_and_hears_of_it_later() {
    let firm = Firm::new(1000);
    let quota = firm.quota();
    firm.ledger.is_down.store(true, Ordering::SeqCst);
    for _ in 0..12 {
        drop(quota.take(Urgency::Background).await.unwrap());
    }
    firm.ledger.is_down.store(false, Ordering::SeqCst);
    quota.release().await;
    let state = quota.state().await.unwrap().unwrap();
    assert_eq!((state.n_used, state.n_leased), (12, 0));
}

#[tokio::test(start_paused = true)]
async fn calendar_day_begins_anew_at_midnight() {
    let mut firm = Firm::new(10);
    firm.settings.window = QuotaWindow::CalendarDay;
    let quota = firm.quota();
    for _ in 0..10 {
        drop(quota.take(Urgency::Background).await.unwrap());
    }
    quota.take(Urgency::Background).await.unwrap_err();
    let midnight = firm.clock.now().as_millis().rem_euclid(86_400_000);
    tokio::time::sleep(DAY - Duration::from_millis(midnight.try_into().unwrap())).await;
    drop(quota.take(Urgency::Background).await.unwrap());
}

#[tokio::test(start_paused = true)]
async fn forecast_says_until_when_calls_last() {
    let firm = Firm::new(10_000);
    let quota = firm.quota();
    // Ten calls a minute, 600 an hour.
    for _ in 0..600 {
        drop(quota.take(Urgency::Background).await.unwrap());
        tokio::time::sleep(Duration::from_secs(6)).await;
    }
    let state = quota.state().await.unwrap().unwrap();
    assert!((540..=800).contains(&state.per_hour), "{state:?}");
    let lasts = state.spent_at.unwrap().since(firm.clock.now());
    let hours = lasts.as_secs() / 3600;
    assert!((11..=18).contains(&hours), "{hours} h: {state:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]
    #[test]
    fn quota_holds_whatever_the_workers_do(
        n_workers in 1_usize..12,
        limit in 1_u64..400,
        every_ms in 200_u64..120_000,
        dies_every_s in 60_u64..3000,
        reports: bool,
        seed: u64,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        runtime.block_on(async {
            let window = Duration::from_secs(3600);
            let (mut firm, platform) =
                (Firm::with_window(limit, window), Platform::new(limit, window));
            firm.random.0.store(seed, Ordering::Relaxed);
            firm.settings.lease_for = Duration::from_secs(120);
            let every = Duration::from_millis(every_ms);
            let mut workers: Vec<_> =
                (0..n_workers).map(|_| firm.worker(&platform, every, reports)).collect();
            let ends = Instant::now() + window * 3;
            while Instant::now() < ends {
                tokio::time::sleep(Duration::from_secs(dies_every_s)).await;
                workers.remove(0).abort();
                workers.push(firm.worker(&platform, every, reports));
            }
            let most = platform.most_in_a_window().await;
            prop_assert!(most <= limit, "{} calls of {}", most, limit);
            Ok(())
        })?;
    }
}
