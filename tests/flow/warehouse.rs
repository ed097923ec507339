//! The lake and the warehouse by the command line, with the strict peer of Snowflake behind them
//! (`tests/support/snowflake`).

use std::process::Output;

use adapter_sql::testkit::sample_matter;
use serde_json::{Value, json};

use crate::moodbridge::BINARY;
use crate::place::Place;
use crate::snowflake::Peer;

/// A deployment with one case, and a warehouse over its lake.
struct Office {
    place: Place,
    peer: Peer,
}

impl Office {
    /// Makes one; `None` where the peer cannot be started.
    async fn new() -> Option<Self> {
        let peer = Peer::start().await?;
        let place = Place::new().await;
        let lake = url::Url::from_directory_path(peer.folder()).unwrap();
        let mut address = url::Url::parse("snowflake://MYORG-FIRM/LEGAL/PUBLIC").unwrap();
        let settings = peer.settings();
        address.query_pairs_mut().extend_pairs([
            ("base_url", settings["base_url"].as_str().unwrap()),
            ("user", "LOADER"),
            ("private_key", "env:SNOWFLAKE_KEY"),
            ("warehouse", "LOADS"),
            ("role", "LOADER"),
            ("stage", "FILES"),
        ]);
        let mut settings = format!(
            "[lake]\nplace = \"{lake}\"\nmask_key = \"env:MASK_KEY\"\n\
             [warehouse]\naddress = \"{address}\"\n"
        );
        if let Some((cases, queue)) = place.addresses() {
            settings += &format!("[store]\ncases = \"{cases}\"\nevents_queue = \"{queue}\"\n");
        }
        std::fs::write(place.path().join("moodbridge.toml"), settings).unwrap();
        sample_matter(&place.path().join("main.db")).await;
        let office = Self { place, peer };
        for arguments in [&["db", "migrate"][..], &["import", "moodbridge", "main.db"]] {
            let output = office.run(arguments);
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        }
        Some(office)
    }

    fn run(&self, arguments: &[&str]) -> Output {
        std::process::Command::new(BINARY)
            .args(arguments)
            .current_dir(self.place.path())
            .env("SNOWFLAKE_KEY", &self.peer.key.pem)
            .env("MASK_KEY", "a key of thirty-two bytes, or more")
            .stdin(std::process::Stdio::null())
            .output()
            .unwrap()
    }

    /// Runs a command that must succeed, and returns its answer.
    fn answer(&self, arguments: &[&str]) -> Value {
        let output = self.run(&[&["--json"], arguments].concat());
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {said}");
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// Runs a command that must fail, and returns its last words.
    fn refused(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && output.stdout.is_empty(), "{arguments:?}: {said}");
        said
    }
}

#[tokio::test]
async fn each_change_is_loaded_once_and_status_tells_how_far() {
    let Some(office) = Office::new().await else { return };
    assert_eq!(office.answer(&["warehouse", "load"])["n_rows"], 0, "the lake is empty");
    let exported = office.answer(&["lake", "export"]);

    let loaded = office.answer(&["warehouse", "load"]);
    let again = office.answer(&["warehouse", "load"]);
    let anew = office.answer(&["warehouse", "load", "--anew", "cases", "--anew", "contacts"]);

    assert!(loaded["n_rows"].as_u64().unwrap() >= 1, "{loaded}");
    assert_eq!(loaded["n_rows"], exported["n_rows"], "{exported}");
    assert_eq!((&again["n_rows"], &anew["n_rows"]), (&json!(0), &json!(0)));
    let rows = office.peer.sql(&["select \"TITLE\" from \"CASES\""]).await;
    assert_eq!(rows.as_array().unwrap().len(), 1, "{rows}");
    let status = office.answer(&["warehouse", "status"]);
    let cases = status["tables"].as_array().unwrap().iter().find(|it| it["table"] == "cases");
    let cases = cases.unwrap();
    assert_eq!((&cases["n_files_waiting"], &cases["n_rejected"]), (&json!(0), &json!(0)));
    assert!(cases["position"].as_u64().unwrap() > 0, "{cases}");
    let told = String::from_utf8(office.run(&["warehouse", "status"]).stdout).unwrap();
    assert!(told.contains("0 files with 0 rows wait"), "{told}");
}

#[tokio::test]
async fn refused_rows_are_shown_and_wait_for_a_person() {
    let Some(office) = Office::new().await else { return };
    let narrow = "create table \"CASES_STAGING\" \
                  (\"CHANGE_SEQ\" number(19,0) not null, \"TITLE\" number(9,0))";
    office.peer.sql(&[narrow]).await;
    office.answer(&["lake", "export"]);

    let loaded = office.answer(&["warehouse", "load"]);

    assert_eq!(loaded["n_rejected"], 1, "{loaded}");
    let told = String::from_utf8(office.run(&["warehouse", "status"]).stdout).unwrap();
    assert!(told.contains("1 rows were refused"), "{told}");
    assert!(told.contains("column TITLE: Numeric value '…' is not recognized"), "{told}");
    let rejects = office.answer(&["warehouse", "status"])["rejects"].clone();
    assert_eq!(rejects[0]["column"], "TITLE", "{rejects}");
}

#[tokio::test]
async fn what_is_missing_or_misspelt_is_named_with_its_fix() {
    let Some(office) = Office::new().await else { return };
    let said = office.refused(&["warehouse", "load", "--anew", "case"]);
    assert!(said.contains("write `accounts`, `contacts` or `cases`"), "{said}");

    let settings = office.place.path().join("moodbridge.toml");
    let text = std::fs::read_to_string(&settings).unwrap();
    let rest: Vec<_> = text.lines().filter(|it| !it.starts_with("address")).collect();
    std::fs::write(&settings, rest.join("\n")).unwrap();
    let said = office.refused(&["warehouse", "status"]);
    assert!(said.contains("warehouse.address: is not set: write such as"), "{said}");
}

const OF_STORE: &str = r#"
pipeline: open-cases
source: {at: store:case, columns: [{name: id}, {name: title}, {name: version}]}
key: id
rules:
  - {not_null: title, action: stop}
sink: {at: file:data/cases.csv}
"#;

const OF_TABLE: &str = r#"
pipeline: fees
source:
  at: snowflake:LEGAL.PUBLIC.FEES
  columns: [{name: id, from: ID, required: true}, {name: fee, from: FEE, type: "decimal(12,2)"}]
key: id
steps:
  - derive: {gross: fee * 1.19}
rules:
  - {range: {column: fee, min: 0}}
threshold: 30
sink: {at: snowflake:LEGAL.PUBLIC.FEES_OUT}
quarantine: {at: snowflake:LEGAL.PUBLIC.FEES_REJECTS}
"#;

#[tokio::test]
async fn pipelines_read_the_case_store_and_run_within_the_warehouse() {
    let Some(office) = Office::new().await else { return };
    let folder = office.place.path();
    std::fs::create_dir(folder.join("data")).unwrap();
    std::fs::write(folder.join("cases.yaml"), OF_STORE).unwrap();
    std::fs::write(folder.join("fees.yaml"), OF_TABLE).unwrap();

    let ran = office.answer(&["pipelines", "run", "cases.yaml"]);
    assert_eq!((&ran["n_read"], &ran["n_out"]), (&json!(1), &json!(1)), "{ran}");
    assert_eq!(std::fs::read_to_string(folder.join("data/cases.csv")).unwrap().lines().count(), 2);

    let compiled = office.answer(&["pipelines", "compile", "fees.yaml", "--to", "snowflake"]);
    assert_eq!(compiled["statements"][0]["for"], "types", "{compiled}");
    let table = "create table \"FEES\" (\"ID\" varchar, \"FEE\" number(12,2))";
    let rows = "insert into \"FEES\" values ('a', 10.50), ('b', -1), (null, 2)";
    office.peer.sql(&[table, rows]).await;
    let ran = office.answer(&["pipelines", "run", "fees.yaml", "--show-rejects", "5"]);
    assert_eq!((&ran["n_read"], &ran["n_rejected"]), (&json!(3), &json!(2)), "{ran}");
    assert_eq!((&ran["n_out"], &ran["verdict"]), (&json!(1), &json!("passed")), "{ran}");
    let seen = office.peer.sql(&["select \"id\" from \"FEES_OUT\" where \"gross\" = 12.495"]).await;
    assert_eq!(seen.as_array().unwrap().len(), 1, "{seen}");
    let kept = office.peer.sql(&["select * from \"FEES_REJECTS\""]).await;
    assert_eq!(kept.as_array().unwrap().len(), 2, "{kept}");
}
