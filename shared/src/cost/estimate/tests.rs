//! The arithmetic, by examples that were worked out by hand.

use std::collections::BTreeMap;

use super::{Basis, CostModel, InvalidCostModel};
use crate::ports::{FunctionUsage, MeasuredUsage};

/// One function and one service with round prices.
const SMALL: &str = r#"{
    "version": "2026-01-01", "region": "here", "currency": "USD", "note": "",
    "prices": [
        {"name": "lambda-requests", "service": "Lambda", "unit": "", "price": "0.20", "per": 1000000, "source": ""},
        {"name": "lambda-gb-seconds", "service": "Lambda", "unit": "", "price": "10", "per": 1000000, "source": ""},
        {"name": "queue", "service": "Queue", "unit": "", "price": "0.40", "per": 1000000, "source": ""},
        {"name": "hours", "service": "Gateway", "unit": "", "price": "0.05", "per": 1, "source": ""}],
    "functions": [
        {"function": "worker", "calls_per_change": 0.5, "ms_per_call": 100, "ms_per_change": 10.5, "basis": "assumed", "why": "x"},
        {"function": "poller", "calls_per_month": 43800, "ms_per_call": 1000, "basis": "assumed", "why": "x"}],
    "services": [
        {"price": "queue", "what": "messages", "per_change": 2, "per_month": 500000, "basis": "counted", "why": "x"},
        {"price": "hours", "what": "hours", "per_month": 730, "is_fixed": true, "basis": "counted", "why": "x"}]}"#;

fn memory() -> BTreeMap<String, u64> {
    BTreeMap::from([("worker".to_owned(), 512), ("poller".to_owned(), 256)])
}

fn texts(amounts: &[crate::cost::Money]) -> Vec<String> {
    amounts.iter().map(ToString::to_string).collect()
}

#[test]
fn million_changes_are_worked_out_by_hand() {
    let model = CostModel::parse(SMALL).unwrap();
    let estimate = model.estimate(&memory(), &[0, 1_000_000]);

    // 500,000 calls of 100 ms are 50,000 s; a million changes of 10.5 ms are 10,500 s. 60,500 s of
    // half a GB are 30,250 GB-s: 0.3025. The calls are 0.10.
    let worker = &estimate.functions[0];
    assert_eq!((worker.calls_per_million, worker.gb_seconds_per_million), (500_000, 30_250));
    assert_eq!(worker.per_million.to_string(), "0.4025");
    assert_eq!(texts(&worker.a_month), ["0", "0.4025"]);

    // 43,800 s of a quarter of a GB are 10,950 GB-s: 0.1095. The calls are 0.00876.
    let poller = &estimate.functions[1];
    assert_eq!(poller.per_million.to_string(), "0");
    assert_eq!(texts(&poller.a_month), ["0.11826", "0.11826"]);

    // 0.5 M and 2.5 M requests at 0.40; 730 h at 0.05.
    let services: Vec<_> = estimate.services.iter().map(|it| texts(&it.a_month)).collect();
    assert_eq!(services[0], ["0.11826", "0.52076"]);
    assert_eq!(services[1], ["0.2", "1"]);
    assert_eq!(services[2], ["36.5", "36.5"]);
    assert_eq!(texts(&estimate.total), ["36.81826", "38.02076"]);
    assert_eq!(estimate.fixed.to_string(), "36.5");
}

#[test]
fn hundred_million_changes_do_not_overflow() {
    let model = CostModel::parse(SMALL).unwrap();
    let estimate = model.estimate(&memory(), &[100_000_000]);
    assert_eq!(texts(&estimate.functions[0].a_month), ["40.25"]);
    assert_eq!(texts(&estimate.services[1].a_month), ["80.2"]);
}

#[test]
fn what_was_counted_takes_the_place_of_what_was_assumed() {
    let usage = MeasuredUsage {
        n_days: 10,
        n_changes: 40_000,
        functions: vec![
            // A quarter of a call a change, 41 ms each, rounded up.
            FunctionUsage {
                function: "worker".to_owned(),
                memory_mb: 512,
                n_calls: 10_000,
                total_ms: 400_001,
            },
            FunctionUsage {
                function: "poller".to_owned(),
                memory_mb: 256,
                n_calls: 99,
                total_ms: 1,
            },
        ],
    };
    let model = CostModel::parse(SMALL).unwrap().with_usage(&usage);
    let estimate = model.estimate(&memory(), &[1_000_000]);

    let worker = &estimate.functions[0];
    assert_eq!((worker.basis, worker.calls_per_million), (Basis::Measured, 250_000));
    // 250,000 calls of 41 ms are 10,250 s of half a GB.
    assert_eq!(worker.gb_seconds_per_million, 5_125);
    assert_eq!(estimate.functions[1].basis, Basis::Assumed, "99 calls say nothing");

    let often = FunctionUsage {
        function: "poller".to_owned(),
        memory_mb: 256,
        n_calls: 1_000,
        total_ms: 500_000,
    };
    let usage = MeasuredUsage { functions: vec![often], n_changes: 0, ..usage };
    let model = CostModel::parse(SMALL).unwrap().with_usage(&usage);
    // A month has 30.42 days.
    assert_eq!(model.estimate(&memory(), &[0]).functions[1].calls_per_month, 3_042);
}

#[test]
fn function_that_the_deployment_lacks_is_left_out() {
    let model = CostModel::parse(SMALL).unwrap();
    let only = BTreeMap::from([("poller".to_owned(), 256)]);
    assert_eq!(model.estimate(&only, &[1]).functions.len(), 1);
}

#[test]
fn built_in_model_can_be_used_and_a_broken_one_names_its_price() {
    CostModel::aws().unwrap();
    for (from, to, fault) in [
        (r#""name": "hours""#, r#""name": "queue""#, "stands there twice"),
        (r#""per": 1, "#, r#""per": 0, "#, "is for no unit"),
        (r#""price": "hours""#, r#""price": "days""#, "does not stand among the prices"),
    ] {
        let broken = SMALL.replace(from, to);
        let error = CostModel::parse(&broken).unwrap_err();
        assert!(error.to_string().contains(fault), "{error}");
    }
    let negative = SMALL.replace(r#""per_change": 2"#, r#""per_change": -2"#);
    assert!(matches!(CostModel::parse(&negative), Err(InvalidCostModel::Malformed(_))));
}

#[test]
fn tables_are_for_people() {
    let model = CostModel::parse(SMALL).unwrap();
    let text = model.estimate(&memory(), &[10_000, 1_000_000, 1_234]).to_string();
    assert!(text.contains("| 10 k | 1 M | 1,234 | |"), "{text}");
    assert!(
        text.contains("| `worker` | 512 | 0 | 500,000 | 30,250 | 0.40 | 0.00 | 0.40 |"),
        "{text}"
    );
    assert!(text.contains("Of it 36.50 a month"), "{text}");
}
