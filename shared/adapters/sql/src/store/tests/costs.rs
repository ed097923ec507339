//! What calls to platforms cost, on a real file.

use shared::cost::Money;
use shared::ids::{CorrelationId, EntityId, PersonId};
use shared::ports::cost_ledger_contract::cost_ledger_contract;
use shared::ports::{
    CostBatch, CostGrouping, CostLedger, CostLine, CostQuery, Stance, Wall, Walls,
};
use shared::time::Timestamp;

use super::*;

fn case(nth: u8) -> EntityId {
    EntityId::parse(format!("00000000-0000-8000-8000-00000000000{nth}")).unwrap()
}

fn line(case_id: Option<EntityId>, nanos: i64) -> CostLine {
    CostLine {
        day: "2026-11-22".into(),
        platform: "textract".into(),
        operation: "read".into(),
        unit: "page".into(),
        connection: None,
        case_id,
        run_id: None,
        price_list: "2026-11-01".into(),
        quantity: 1,
        cost: Money::from_nanos(nanos),
    }
}

async fn total(fixture: &Fixture, sight: &Sight, by: CostGrouping) -> i64 {
    let query = CostQuery { by, limit: 10, ..CostQuery::default() };
    let sums = fixture.store.costs(sight, &query).await.unwrap();
    sums.iter().map(|it| it.cost.as_nanos()).sum()
}

#[tokio::test]
async fn costs_keep_the_contract() {
    let fixture = Fixture::new().await;
    cost_ledger_contract(&*fixture.store).await;
}

#[tokio::test]
async fn costs_of_a_case_are_hidden_from_whoever_is_screened_from_it() {
    let fixture = Fixture::new().await;
    let anna = PersonId::parse("anna").unwrap();
    let lines = vec![line(None, 1), line(Some(case(1)), 10), line(Some(case(2)), 100)];
    let id = CorrelationId::parse("a").unwrap();
    let batch = CostBatch { id, at: Timestamp::EPOCH, lines };
    fixture.store.record_costs(&batch).await.unwrap();
    for (case_id, stance) in [(case(1), Stance::Screened), (case(2), Stance::Assigned)] {
        let wall = Wall {
            case_id,
            person: anna.clone(),
            stance,
            reason: "conflict".into(),
            set_by: PersonId::parse("ben").unwrap(),
            set_at: Timestamp::EPOCH,
        };
        fixture.store.set_wall(&wall).await.unwrap();
    }

    let sees_firm = Sight::AllBut(anna.clone());
    let sees_no_case = Sight::Only(PersonId::parse("operator").unwrap());
    let client = Sight::Only(anna);

    assert_eq!(total(&fixture, &Sight::Everything, CostGrouping::Platform).await, 111);
    assert_eq!(total(&fixture, &sees_firm, CostGrouping::Platform).await, 101);
    assert_eq!(total(&fixture, &sees_firm, CostGrouping::Case).await, 100);
    assert_eq!(total(&fixture, &sees_no_case, CostGrouping::Day).await, 111);
    assert_eq!(total(&fixture, &sees_no_case, CostGrouping::Case).await, 0);
    assert_eq!(total(&fixture, &client, CostGrouping::Case).await, 100);
}
