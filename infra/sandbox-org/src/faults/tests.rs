//! Orders of faults: which requests they meet, and how often.

use serde_json::{Value as Json, json};

use super::kind::FaultKind;
use super::order::{Asked, OrderError};
use super::*;

fn book(orders: impl IntoIterator<Item = Json>) -> Faults {
    let faults = Faults::default();
    for order in orders {
        faults.add(serde_json::from_value(order).unwrap()).unwrap();
    }
    faults
}

fn asked<'a>(method: &'a str, path: &'a str, body: &'a [u8]) -> Asked<'a> {
    Asked { method, path, address: path, body, takes_gzip: true }
}

fn meet(faults: &Faults, method: &str, path: &str) -> Option<FaultKind> {
    faults.meet_request(&asked(method, path, b"")).map(|hit| hit.kind)
}

const QUERY: &str = "/services/data/v66.0/query?q=x";
const CASE: &str = "/services/data/v66.0/sobjects/Case/500Mb0000000001AAA";

#[test]
fn order_meets_the_method_path_and_record_it_names() {
    let faults = book([
        json!({"kind": "empty_420", "path": "/services/data/v66.0/query", "n": 9}),
        json!({"kind": "empty_406", "method": "patch", "record": "500Mb0000000001", "n": 9}),
    ]);

    assert_eq!(meet(&faults, "GET", QUERY), Some(FaultKind::Empty420));
    assert_eq!(meet(&faults, "PATCH", CASE), Some(FaultKind::Empty406));
    assert_eq!(meet(&faults, "GET", CASE), None);
    assert_eq!(
        meet(&faults, "PATCH", "/services/data/v66.0/sobjects/Case/500Mb0000000002AAC"),
        None
    );
    assert_eq!(meet(&faults, "PATCH", "/_sandbox/query"), None);
    let path = "/services/data/v66.0/composite/sobjects";
    let body = br#"{"records":[{"id":"500Mb0000000001AAA"}]}"#;
    let hit = faults.meet_request(&asked("PATCH", path, body));
    assert_eq!(hit.map(|hit| hit.kind), Some(FaultKind::Empty406));
    let fired = faults.stats()["fired"].clone();
    assert_eq!(fired, json!({"empty_420": 1, "empty_406": 2}));
}

#[test]
fn order_fires_once_unless_told_how_often() {
    let faults = book([json!({"kind": "reset"})]);
    assert!(meet(&faults, "GET", QUERY).is_some());
    assert!(meet(&faults, "GET", QUERY).is_none());

    let third = book([json!({"kind": "reset", "nth": 3, "n": 2})]);
    let met: Vec<bool> = (0..6).map(|_| meet(&third, "GET", QUERY).is_some()).collect();
    assert_eq!(met, [false, false, true, true, false, false]);
}

#[test]
fn chance_is_the_same_for_the_same_seed() {
    let draw = |seed: u64| -> Vec<bool> {
        let faults = book([json!({"kind": "reset", "probability": 0.05, "seed": seed})]);
        (0..10_000).map(|_| meet(&faults, "GET", QUERY).is_some()).collect()
    };
    let n = |drawn: &[bool]| drawn.iter().filter(|hit| **hit).count();

    let first = draw(7);

    assert!((400..600).contains(&n(&first)), "{} of 10,000", n(&first));
    assert_eq!(first, draw(7));
    assert_ne!(first, draw(8));
}

#[test]
fn preset_plays_every_kind_that_fits_and_no_other() {
    let faults = book([json!({"preset": "all", "probability": 1.0, "seed": 7})]);
    let kinds = |method: &str, path: &str| -> std::collections::BTreeSet<FaultKind> {
        (0..2_000).filter_map(|_| meet(&faults, method, path)).collect()
    };

    let read = kinds("GET", QUERY);
    let written = kinds("PATCH", CASE);
    let several = kinds("POST", "/services/data/v66.0/composite/sobjects");

    assert!(read.contains(&FaultKind::EarlyEnd) && read.contains(&FaultKind::TruncatedGzip));
    assert!(!read.contains(&FaultKind::LoseAnswer) && !read.contains(&FaultKind::LockRows));
    assert!(!read.contains(&FaultKind::Html414));
    assert!(kinds("GET", &format!("{QUERY}{}", "x".repeat(5_000))).contains(&FaultKind::Html414));
    assert!(written.contains(&FaultKind::LoseAnswer) && written.contains(&FaultKind::LockRows));
    assert!(!written.contains(&FaultKind::EarlyEnd), "its answer is empty");
    assert_eq!(several.len(), 14);
    assert_eq!(meet(&faults, "POST", "/services/oauth2/token"), None);
}

#[test]
fn order_that_says_too_little_is_refused() {
    let refused = |order: Json| Faults::default().add(serde_json::from_value(order).unwrap());

    assert_eq!(refused(json!({"preset": "some"})), Err(OrderError::Preset));
    assert_eq!(refused(json!({"probability": 1.5})), Err(OrderError::Range));
    let missing = |missing| Err(OrderError::Missing { missing });
    assert_eq!(refused(json!({"kind": "answer"})), missing("status"));
    assert_eq!(refused(json!({"kind": "late_commit"})), missing("late_ms"));
    assert_eq!(refused(json!({"kind": "schema_change"})), missing("alteration"));
    assert!(serde_json::from_value::<Order>(json!({"kin": "reset"})).is_err());
}

#[test]
fn deliveries_and_events_go_wrong_by_object() {
    let faults = book([
        json!({"kind": "drop_delivery", "object": "Case", "n": 1}),
        json!({"kind": "gap_event", "object": "Contact", "n": 1}),
    ]);

    assert_eq!(faults.meet_delivery("Contact"), None);
    assert_eq!(faults.meet_event("Case"), None);
    assert_eq!(faults.meet_delivery("Case"), Some(DeliveryFault::Drop));
    assert_eq!(faults.meet_event("Contact"), Some(BusFault::Gap));
    assert_eq!(faults.meet_delivery("Case"), None);
    assert_eq!(meet(&faults, "GET", QUERY), None);
}
