//! Statements, their values and their rows.

use std::time::Duration;

use bytes::Bytes;
use futures_util::TryStreamExt as _;
use serde_json::json;
use shared::ports::warehouse::{
    Decimal, Progress, Rows, Sending, Statement, Step, ValueKind, Warehouse as _, WarehouseValue,
    query,
};
use shared::{PortErrorKind, chain};

use crate::support::{Peer, WAIT, read, run, statement};

/// 2026-11-30 12:34:56.123456 UTC in nanoseconds.
const MOMENT: i128 = 1_796_042_096_123_456_000;

#[tokio::test]
async fn values_of_every_type_come_back_as_they_were_bound() {
    let Some(peer) = Peer::start().await else { return };
    peer.sql(&["create table V (I number(18,0), D number(12,2), R float, T varchar, B boolean, \
        Y binary, DAY date, HOUR time, NTZ timestamp_ntz, TZ timestamp_tz, J variant)"])
        .await;
    let warehouse = peer.open();
    let values = vec![
        42_i64.into(),
        WarehouseValue::Decimal(Decimal::parse("-12.50").unwrap()),
        0.1.into(),
        "O'Hara \\ \"?\" ; -- ü".into(),
        true.into(),
        WarehouseValue::Binary(Bytes::from_static(&[0, 171, 255])),
        WarehouseValue::Date(-1),
        WarehouseValue::Time(45_296_123_456_000),
        WarehouseValue::Local(MOMENT),
        WarehouseValue::Zoned { nanos: MOMENT, offset_minutes: -90 },
        WarehouseValue::Json(r#"{"a": [1, "it's"]}"#.into()),
    ];
    let insert = Statement {
        binds: values.clone(),
        ..statement("insert into V select ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, parse_json(?)")
    };
    assert_eq!(run(&warehouse, &insert).await.unwrap().n_inserted, 1);
    let nulls = (0..10)
        .fold(statement("insert into V values (?,?,?,?,?,?,?,?,?,?,null)"), |it, _| {
            it.bind(WarehouseValue::Null)
        });
    run(&warehouse, &nulls).await.unwrap();

    let rows = read(&warehouse, &statement("select * from V order by I nulls last")).await.unwrap();

    let mut expected = values;
    // The engine keeps the instant alone; the answer below has an offset.
    expected[9] = WarehouseValue::Zoned { nanos: MOMENT, offset_minutes: 0 };
    let WarehouseValue::Json(document) = rows[0].last().unwrap() else { panic!("{rows:?}") };
    let document: serde_json::Value = serde_json::from_str(document).unwrap();
    assert_eq!(document, json!({"a": [1, "it's"]}));
    assert_eq!(rows[0][..10], expected[..10]);
    assert_eq!(rows[1], vec![WarehouseValue::Null; 11]);
}

#[tokio::test]
async fn every_form_of_the_wire_is_read_into_its_type() {
    let Some(peer) = Peer::start().await else { return };
    let column = |kind: &str| json!({"name": kind.to_uppercase(), "type": kind, "nullable": true});
    let kinds = ["fixed", "real", "real", "boolean", "timestamp_tz", "timestamp_ltz", "array"];
    let digits = "12345678901234567890123456789012345678";
    let canned = json!({"select odd": {
        "rowType": kinds.map(column),
        "data": [[
            digits, "NaN", "-inf", "1", "1700000000.000000001 1350", "-0.5", "[\n  1,\n  undefined\n]"
        ]],
    }});
    peer.control("settings", &json!({"canned": canned})).await;
    let warehouse = peer.open();

    let step = query(&warehouse, &statement("select odd"), WAIT).await.unwrap();

    let Step::Done(Rows { columns, n_rows, rows }) = step else { panic!("{step:?}") };
    assert_eq!((columns.len(), n_rows), (7, 1));
    assert_eq!(columns[4].kind, ValueKind::Zoned);
    let rows: Vec<_> = rows.try_collect().await.unwrap();
    assert_eq!(rows[0][0], WarehouseValue::Decimal(Decimal::parse(digits).unwrap()));
    assert!(matches!(rows[0][1], WarehouseValue::Real(it) if it.is_nan()));
    let zoned = WarehouseValue::Zoned { nanos: 1_700_000_000_000_000_001, offset_minutes: -90 };
    let rest = [
        WarehouseValue::Real(f64::NEG_INFINITY),
        true.into(),
        zoned,
        WarehouseValue::Instant(-500_000_000),
        WarehouseValue::Json("[\n  1,\n  null\n]".into()),
    ];
    assert_eq!(rows[0][2..], rest);
}

#[tokio::test]
async fn parts_are_fetched_one_at_a_time_and_only_as_far_as_rows_are_read() {
    let Some(peer) = Peer::start().await else { return };
    peer.control("settings", &json!({"part_rows": 100})).await;
    peer.sql(&["create table N as select range as N from range(450)"]).await;
    let warehouse = peer.open();
    let numbers = statement("select N from N order by N");

    let Step::Done(Rows { mut rows, n_rows, .. }) =
        query(&warehouse, &numbers, WAIT).await.unwrap()
    else {
        panic!("it was to be done")
    };
    assert_eq!(n_rows, 450);
    let n_parts_read = async || {
        let calls = peer.calls().await;
        calls.iter().filter(|it| it["query"].get("partition").is_some()).count()
    };
    for expected in 0..150_i64 {
        assert_eq!(rows.try_next().await.unwrap().unwrap()[0].as_i64(), Some(expected));
    }
    assert_eq!(n_parts_read().await, 1, "the third part is not asked for yet");
    let rest: Vec<_> = rows.try_collect().await.unwrap();
    assert_eq!(rest.len(), 300);
    assert_eq!(rest[299][0].as_i64(), Some(449));
    assert_eq!(n_parts_read().await, 4);
}

#[tokio::test]
async fn handle_is_looked_at_by_another_process_and_cancelled_by_a_third() {
    let Some(peer) = Peer::start().await else { return };
    peer.control("settings", &json!({"slow": {"7 + 1": 1.0, "7 + 2": 60.0}})).await;
    let short = peer.open().submit(&statement("select 7 + 1")).await.unwrap();
    let long = peer.open().submit(&statement("select 7 + 2")).await.unwrap();

    let other = peer.open();
    assert_eq!(other.poll(&short).await.unwrap(), Progress::Running);
    let error = other.rows(&short).await.unwrap_err();
    assert_eq!(error.kind(), PortErrorKind::Conflict);
    peer.open().cancel(&long).await.unwrap();

    let error = other.poll(&long).await.unwrap_err();
    assert_eq!(error.kind(), PortErrorKind::Rejected);
    assert!(chain(&error).to_string().contains("000604"), "{}", chain(&error));
    let deadline = tokio::time::Instant::now() + Duration::from_secs(20);
    while other.poll(&short).await.unwrap() == Progress::Running {
        assert!(tokio::time::Instant::now() < deadline);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let rows: Vec<_> = other.rows(&short).await.unwrap().rows.try_collect().await.unwrap();
    assert_eq!(rows[0][0].as_i64(), Some(8));
    // One that has ended is left as it is.
    other.cancel(&short).await.unwrap();
    let runs = peer.runs().await;
    let tag = runs[0]["tag"].as_str().unwrap();
    assert!(tag.starts_with("moodbridge;op=statement;id="), "{tag}");
}

#[tokio::test]
async fn refusals_say_what_is_wrong_and_are_not_repeated() {
    let Some(peer) = Peer::start().await else { return };
    peer.control("settings", &json!({"slow": {"7 + 3": 60.0}})).await;
    let warehouse = peer.open();
    let unbound = statement("select ?");
    let late = statement("select 7 + 3").with_timeout(Duration::from_secs(1));
    let rows = [
        (statement("selec 1"), PortErrorKind::Rejected, "001003"),
        (statement("select * from NOWHERE"), PortErrorKind::NotFound, "002003"),
        (statement("  "), PortErrorKind::Rejected, "000900"),
        (statement("select 1; drop table T"), PortErrorKind::Rejected, "000008"),
        (statement("put file://x @FILES"), PortErrorKind::Rejected, "391911"),
        (statement("use schema X"), PortErrorKind::Rejected, "391911"),
        (unbound, PortErrorKind::Rejected, "002049"),
        (late, PortErrorKind::Rejected, "000630"),
    ];
    for (statement, kind, code) in rows {
        let error = run(&warehouse, &statement).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{}", chain(&error));
        assert!(chain(&error).to_string().contains(code), "{}", chain(&error));
    }
    let bad = statement("select ?::number").bind("Ada");
    let error = chain(&run(&warehouse, &bad).await.unwrap_err()).to_string();
    assert!(error.contains("Rejected") && !error.contains("Ada"), "{error}");

    let mut settings = peer.settings();
    settings["role"] = json!("ADMIN");
    let other = peer.open_with(&settings, &[("KEY", &peer.key.pem)]);
    let error = run(&other, &statement("select 1")).await.unwrap_err();
    assert_eq!(error.kind(), PortErrorKind::Denied, "{}", chain(&error));
    settings["role"] = json!("LOADER");
    settings["database"] = json!("NOWHERE");
    let other = peer.open_with(&settings, &[("KEY", &peer.key.pem)]);
    let error = run(&other, &statement("select 1")).await.unwrap_err();
    assert_eq!(error.kind(), PortErrorKind::Rejected, "{}", chain(&error));
    let unknown = "01ba4f2a-0000-0000-0000-000000000000".parse().unwrap();
    let error = warehouse.poll(&unknown).await.unwrap_err();
    assert_eq!(error.kind(), PortErrorKind::NotFound, "{}", chain(&error));
}

#[tokio::test]
async fn statement_sent_again_under_its_id_runs_once() {
    let Some(peer) = Peer::start().await else { return };
    peer.sql(&["create table ONCE (N number(18,0))"]).await;
    let insert = statement("insert into ONCE values (?)").bind(1_i64);

    let first = peer.open().submit(&insert).await.unwrap();
    let again = insert.clone().sent(Sending::Again);
    for _ in 0..9 {
        assert_eq!(peer.open().submit(&again).await.unwrap(), first);
    }
    run(&peer.open(), &again).await.unwrap();
    assert_eq!(peer.sql(&["select count(*) from ONCE"]).await, json!([["1"]]));

    // The peer is as strict as can be: who does not say that it is a repeat has it run again.
    run(&peer.open(), &insert).await.unwrap();
    assert_eq!(peer.sql(&["select count(*) from ONCE"]).await, json!([["2"]]));
}
