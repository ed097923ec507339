//! Processes that end between any two steps.

use std::sync::Arc;

use serde_json::json;
use shared::ports::Ledger;
use shared::ports::warehouse::Warehouse;

use crate::firm::Firm;
use crate::fragile::{Blow, Deaf, Fragile, Life};

/// Kills a run after every third of its calls, and lets others end it. Before a call is after the one
/// before it.
async fn kill_everywhere(first: u32) {
    let Some(firm) = Firm::new().await else { return };
    let mut n_changes = 0;
    for number in (first..).step_by(3) {
        // Only one table has something new, so that a life is short.
        firm.case(number, "Open").await;
        firm.case(number / 2, "Closed").await;
        n_changes += 2;
        firm.export().await;
        let life = Life::until(u64::from(number), Blow::After);
        let warehouse: Arc<dyn Warehouse> = Arc::new(firm.peer.open());
        let warehouse = Arc::new(Fragile(Arc::clone(&life), warehouse));
        let ledger: Arc<dyn Ledger> = Arc::new(Fragile(Arc::clone(&life), firm.ledger.clone()));

        let killed = firm.loader_of(warehouse, ledger).run(None).await;

        if !life.is_over() {
            killed.unwrap();
            assert!(number > 15, "a run has more steps than {number}");
            break;
        }
        firm.load().await.unwrap();
        if number % 9 < 3 {
            assert_eq!(firm.check().await, n_changes);
        }
    }
    assert_eq!(firm.check().await, n_changes);
    let status = firm.loader().status().await.unwrap();
    assert_eq!(status.iter().map(|it| it.n_rows).sum::<u64>(), n_changes as u64);
}

#[tokio::test]
async fn killed_after_steps_1_4_7_nothing_is_lost_and_nothing_comes_twice() {
    kill_everywhere(1).await;
}

#[tokio::test]
async fn killed_after_steps_2_5_8_nothing_is_lost_and_nothing_comes_twice() {
    kill_everywhere(2).await;
}

#[tokio::test]
async fn killed_after_steps_3_6_9_nothing_is_lost_and_nothing_comes_twice() {
    kill_everywhere(3).await;
}

#[tokio::test]
async fn killed_again_and_again_while_tables_are_made_it_comes_to_its_end() {
    let Some(firm) = Firm::new().await else { return };
    firm.case(1, "Open").await;
    firm.case(2, "Open").await;
    firm.export().await;
    for number in 1.. {
        let life = Life::until(number, Blow::After);
        let warehouse: Arc<dyn Warehouse> = Arc::new(firm.peer.open());
        let warehouse = Arc::new(Fragile(Arc::clone(&life), warehouse));
        let ledger: Arc<dyn Ledger> = Arc::new(Fragile(Arc::clone(&life), firm.ledger.clone()));
        let _ = firm.loader_of(warehouse, ledger).run(None).await;
        if !life.is_over() {
            break;
        }
    }
    assert_eq!(firm.check().await, 2);
}

/// Runs until the first load that the process does not live to hear of.
async fn killed(firm: &Firm, deaf: Deaf) {
    let warehouse: Arc<dyn Warehouse> = Arc::new(firm.peer.open());
    let warehouse = Arc::new(Fragile(Life::deaf(deaf), warehouse));
    firm.loader_of(warehouse, firm.ledger.clone()).run(None).await.unwrap_err();
}

#[tokio::test]
async fn answer_that_is_lost_for_good_is_got_again_in_a_new_table() {
    let Some(firm) = Firm::new().await else { return };
    firm.case(1, "Open").await;
    firm.export().await;
    // Killed when the load is under way.
    let name = "warehouse-load:firm:cases";
    killed(&firm, Deaf::ToAnswers).await;
    let entry = firm.ledger.get(name).await.unwrap().unwrap();
    let (mut value, revision): (serde_json::Value, _) =
        (serde_json::from_str(&entry.value).unwrap(), entry.revision);
    assert!(value["plan"]["handle"].is_string(), "{value}");
    value["plan"]["handle"] = json!("01ba4f2a-0000-0000-0000-000000000000");
    firm.ledger.put(name, &value.to_string(), revision).await.unwrap();

    firm.load().await.unwrap_err();
    let tally = firm.load().await.unwrap();

    assert_eq!(tally.n_rows, 1);
    assert_eq!(firm.check().await, 1);
    assert_eq!(firm.n_runs("COPY").await, 2);
    assert_eq!(firm.n_runs("DROP TABLE IF EXISTS \"CASES_STAGING\"").await, 1);
}

#[tokio::test]
async fn files_that_are_gone_before_they_are_loaded_are_replaced_by_what_repeats_them() {
    let Some(firm) = Firm::new().await else { return };
    for number in 1..4 {
        firm.case(number, "Open").await;
        firm.export().await;
    }
    // Killed when the plan is saved and nothing is sent for it.
    killed(&firm, Deaf::ToLoads).await;
    let entry = firm.ledger.get("warehouse-load:firm:cases").await.unwrap().unwrap();
    assert!(entry.value.contains("\"files\""), "{}", entry.value);
    assert_eq!(firm.n_runs("COPY").await, 0);
    firm.clock.pass(std::time::Duration::from_hours(30));
    assert_eq!(firm.compact().await, 3);
    firm.clock.pass(std::time::Duration::from_hours(30));
    firm.case(4, "Open").await;
    firm.export().await;
    assert!(firm.sweep().await > 0, "the files of the plan are gone");

    let tally = match firm.load().await {
        Ok(tally) => tally,
        Err(_) => firm.load().await.unwrap(),
    };

    assert_eq!((tally.n_rows, tally.n_files), (4, 2));
    assert_eq!(firm.check().await, 4);
}
