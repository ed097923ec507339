//! Days that are counted once, whatever fails.

use std::sync::Mutex;

use async_trait::async_trait;

use super::*;
use crate::ports::{MemoryCostLedger, MemoryLedger, SystemRandom};

const NOON: &str = "2026-11-22T12:30:00Z";

/// An account that answers from a list, and remembers what it was asked.
#[derive(Default)]
struct Account {
    asked: Mutex<Vec<(Timestamp, Timestamp)>>,
    ids: Mutex<Vec<StatementId>>,
    fails: Mutex<Vec<PortErrorKind>>,
}

#[async_trait]
impl SpendingView for Account {
    fn lag(&self) -> Duration {
        Duration::from_hours(12)
    }

    async fn spending(
        &self,
        id: &StatementId,
        from: Timestamp,
        until: Timestamp,
    ) -> Result<Vec<Spending>, PortError> {
        self.ids.lock().unwrap().push(id.clone());
        if let Some(kind) = self.fails.lock().unwrap().pop() {
            return Err(PortError::new(kind, "snowflake", "read", "credits"));
        }
        self.asked.lock().unwrap().push((from, until));
        let spending = |operation: &str, microcredits| Spending {
            day: "2026-11-21".to_owned(),
            operation: operation.to_owned(),
            table: None,
            n_statements: 1,
            microcredits,
        };
        Ok(vec![spending("load", 1_500_000), spending("merge", 500_000)])
    }
}

struct Watch(Mutex<Timestamp>);

impl Clock for Watch {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }
}

struct Fixture {
    account: Arc<Account>,
    costs: Arc<MemoryCostLedger>,
    clock: Arc<Watch>,
    ports: CreditPorts,
}

impl Fixture {
    fn new() -> Self {
        let account = Arc::new(Account::default());
        let costs = Arc::new(MemoryCostLedger::default());
        let clock = Arc::new(Watch(Mutex::new(Timestamp::parse(NOON).unwrap())));
        let ports = CreditPorts {
            view: account.clone(),
            ledger: Arc::new(MemoryLedger::default()),
            costs: costs.clone(),
            prices: PriceList::built_in().unwrap(),
            clock: clock.clone(),
            random: Arc::new(SystemRandom),
        };
        Self { account, costs, clock, ports }
    }

    async fn run(&self) -> Result<(), CreditError> {
        let last_load = Some(self.clock.now());
        Credits::new(self.ports.clone(), "test").run(last_load).await
    }

    fn n_lines(&self) -> usize {
        self.costs.lines().len()
    }
}

#[tokio::test]
async fn day_is_counted_once_when_it_is_told_for_sure() {
    let fixture = Fixture::new();
    for _ in 0..3 {
        fixture.run().await.unwrap();
    }
    let at = |raw| Timestamp::parse(raw).unwrap();
    let asked = fixture.account.asked.lock().unwrap().clone();
    assert_eq!(asked, [(at("2026-11-15T00:00:00Z"), at("2026-11-22T00:00:00Z"))]);
    let lines = fixture.costs.lines();
    let told: Vec<_> = lines.iter().map(|it| (it.operation.as_str(), it.quantity)).collect();
    assert_eq!(told, [("load", 1_500_000), ("merge", 500_000)]);
    assert_eq!(lines[0].cost.to_string(), "4.5", "a credit and a half at three dollars");

    *fixture.clock.0.lock().unwrap() = at("2026-11-23T11:59:00Z");
    fixture.run().await.unwrap();
    assert_eq!(fixture.n_lines(), 2, "the twenty-second is not told for sure yet");
    *fixture.clock.0.lock().unwrap() = at("2026-11-23T12:00:00Z");
    fixture.run().await.unwrap();
    assert_eq!(fixture.n_lines(), 4);
}

#[tokio::test]
async fn what_failed_halfway_counts_once() {
    let fixture = Fixture::new();
    fixture.account.fails.lock().unwrap().push(PortErrorKind::Unavailable);
    assert!(matches!(fixture.run().await, Err(CreditError::Port(_))));
    fixture.costs.lose_next_answer();
    assert!(matches!(fixture.run().await, Err(CreditError::Port(_))));
    fixture.run().await.unwrap();
    assert_eq!(fixture.n_lines(), 2);
}

#[tokio::test]
async fn warehouse_is_not_woken_when_nothing_was_loaded() {
    let fixture = Fixture::new();
    let credits = Credits::new(fixture.ports.clone(), "test");
    credits.run(None).await.unwrap();
    credits.run(Some(Timestamp::parse("2026-11-01T00:00:00Z").unwrap())).await.unwrap();
    assert!(fixture.account.asked.lock().unwrap().is_empty());
}

#[tokio::test]
async fn role_without_the_right_is_told_what_to_grant() {
    let fixture = Fixture::new();
    fixture.account.fails.lock().unwrap().push(PortErrorKind::Denied);
    let error = fixture.run().await.unwrap_err();
    assert!(error.to_string().contains("SNOWFLAKE.USAGE_VIEWER"), "{error}");

    // The warehouse repeats a failure under its id: an hour later it is asked under another one.
    fixture.account.fails.lock().unwrap().push(PortErrorKind::Denied);
    assert!(fixture.run().await.is_err());
    let later = fixture.clock.now().plus(Duration::from_hours(1));
    *fixture.clock.0.lock().unwrap() = later;
    fixture.run().await.unwrap();
    let ids = fixture.account.ids.lock().unwrap().clone();
    assert!(ids[0] == ids[1] && ids[1] != ids[2], "{ids:?}");
    assert_eq!(fixture.n_lines(), 2);
}
