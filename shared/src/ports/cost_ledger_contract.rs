//! What every cost ledger must keep.

#![expect(clippy::unwrap_used, reason = "a test suite for other packages' tests")]

use crate::auth::Sight;
use crate::cost::Money;
use crate::ids::{ConnectionId, CorrelationId, EntityId};
use crate::ports::{CostBatch, CostGrouping, CostLedger, CostLine, CostQuery};
use crate::time::Timestamp;

const CASE: &str = "00000000-0000-8000-8000-000000000001";

/// Checks a ledger that is empty at first.
///
/// # Panics
///
/// When the contract is broken.
pub async fn cost_ledger_contract(ledger: &dyn CostLedger) {
    lines_of_one_kind_are_added_up(ledger).await;
    a_batch_counts_once(ledger).await;
    costs_are_narrowed_and_grouped(ledger).await;
}

fn line(day: &str, platform: &str, quantity: u64, nanos: i64) -> CostLine {
    CostLine {
        day: day.into(),
        platform: platform.into(),
        operation: "read".into(),
        unit: "call".into(),
        connection: None,
        case_id: None,
        run_id: None,
        price_list: "2026-11-01".into(),
        quantity,
        cost: Money::from_nanos(nanos),
    }
}

async fn record(ledger: &dyn CostLedger, id: &str, lines: Vec<CostLine>) {
    let id = CorrelationId::parse(id).unwrap();
    let at = Timestamp::parse("2026-11-22T10:00:00Z").unwrap();
    ledger.record_costs(&CostBatch { id, at, lines }).await.unwrap();
}

async fn sums(ledger: &dyn CostLedger, query: CostQuery) -> Vec<(String, String, u64, i64)> {
    let found = ledger.costs(&Sight::Everything, &query).await.unwrap();
    let line = |it: crate::ports::CostSum| (it.group, it.platform, it.quantity, it.cost.as_nanos());
    found.into_iter().map(line).collect()
}

fn by(by: CostGrouping) -> CostQuery {
    CostQuery { by, limit: 100, ..CostQuery::default() }
}

async fn lines_of_one_kind_are_added_up(ledger: &dyn CostLedger) {
    let of_case = CostLine {
        case_id: Some(EntityId::parse(CASE).unwrap()),
        connection: Some(ConnectionId::parse("main").unwrap()),
        run_id: Some(CorrelationId::parse("run-1").unwrap()),
        ..line("2026-11-21", "textract", 3, 300)
    };
    record(ledger, "a", vec![line("2026-11-20", "s3", 1, 10), of_case.clone()]).await;
    record(ledger, "b", vec![line("2026-11-20", "s3", 4, 40), of_case]).await;

    let found = sums(ledger, by(CostGrouping::Day)).await;
    let text = |it: &str| it.to_owned();
    assert_eq!(
        found,
        [(text("2026-11-20"), text("s3"), 5, 50), (text("2026-11-21"), text("textract"), 6, 600)]
    );
}

async fn a_batch_counts_once(ledger: &dyn CostLedger) {
    record(ledger, "b", vec![line("2026-11-20", "s3", 1_000, 1_000)]).await;
    let query = CostQuery { platform: Some("s3".into()), ..by(CostGrouping::Platform) };
    assert_eq!(sums(ledger, query).await, [("s3".to_owned(), "s3".to_owned(), 5, 50)]);
}

async fn costs_are_narrowed_and_grouped(ledger: &dyn CostLedger) {
    let groups = async |query| -> Vec<String> {
        sums(ledger, query).await.into_iter().map(|it| it.0).collect()
    };
    assert_eq!(groups(by(CostGrouping::Platform)).await, ["textract", "s3"]);
    assert_eq!(groups(CostQuery { limit: 1, ..by(CostGrouping::Platform) }).await, ["textract"]);
    assert_eq!(groups(by(CostGrouping::Case)).await, [CASE]);
    assert_eq!(groups(by(CostGrouping::Connection)).await, ["main"]);
    assert_eq!(groups(by(CostGrouping::Run)).await, ["run-1"]);
    let from = CostQuery { from_day: Some("2026-11-21".into()), ..by(CostGrouping::Day) };
    assert_eq!(groups(from).await, ["2026-11-21"]);
    let until = CostQuery { until_day: Some("2026-11-20".into()), ..by(CostGrouping::Day) };
    assert_eq!(groups(until).await, ["2026-11-20"]);
    let case_id = EntityId::parse(CASE).ok();
    assert_eq!(groups(CostQuery { case_id, ..by(CostGrouping::Platform) }).await, ["textract"]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::MemoryCostLedger;

    #[tokio::test]
    async fn memory_ledger_keeps_the_contract() {
        cost_ledger_contract(&MemoryCostLedger::default()).await;
    }
}
