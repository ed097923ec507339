//! Pipelines by the command line: checked, planned, tested, run, and stopped by the gate.

use std::path::Path;

use serde_json::{Value, json};

use crate::firm::command_json;
use crate::moodbridge::command;

const CASES: &str = r#"
pipeline: cases
source:
  at: file:data/cases.csv
  columns: [{name: id, required: true}, {name: fee, type: "decimal(12,2)"}]
key: id
steps:
  - derive: {gross: fee * 1.19}
rules:
  - {range: {column: fee, min: 0}}
  - unique: id
sink: {at: file:data/cases.parquet}
quarantine: {at: file:data/rejects.csv}
tests:
  - name: gross is worked out
    given: [{id: a, fee: 100}, {id: b, fee: -1}]
    expect: {rows: [{id: a, gross: 119}], rejects: [{rule: range_fee, row: 2}]}
schedule: {every: 15m, days: [mon]}
"#;

fn fails(folder: &Path, arguments: &[&str], code: i32) -> String {
    let output = command(folder, arguments);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {text}{said}");
    text
}

#[test]
fn pipeline_is_checked_planned_tested_run_and_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    std::fs::create_dir(folder.join("data")).unwrap();
    std::fs::write(folder.join("cases.yaml"), CASES).unwrap();
    let rows: String = (0..1000).map(|it| format!("c{it},{it}.50\n")).collect();
    std::fs::write(folder.join("data/cases.csv"), format!("id,fee\n{rows}c1,7\nx,-1\n")).unwrap();

    let checked = command_json(folder, &["--json", "pipelines", "validate", "cases.yaml"]);
    assert_eq!(checked["is_valid"], true, "{checked}");
    let plan = command_json(folder, &["--json", "pipelines", "plan", "cases.yaml"]);
    assert_eq!(plan["steps"][0]["columns"][2], json!({"name": "gross", "type": "decimal(16,4)"}));
    assert_eq!(plan["schedule"], "every 15 minutes on Monday UTC");
    let explained = command_json(folder, &["--json", "pipelines", "explain", "cases.yaml"]);
    assert_eq!(explained["lineage"][2]["from"], json!(["fee"]));
    assert_eq!(explained["schedule"], plan["schedule"]);
    let tested = command_json(folder, &["--json", "pipelines", "test", "cases.yaml"]);
    assert_eq!(tested["is_passed"], true, "{tested}");

    let run = ["--json", "pipelines", "run", "cases.yaml"];
    let dry = command_json(folder, &[&run[..], &["--dry-run"]].concat());
    assert_eq!((&dry["verdict"], &dry["n_out"]), (&json!("passed"), &json!(1000)));
    assert!(!folder.join("data/cases.parquet").exists());
    let done = command_json(folder, &run);
    assert_eq!((&done["n_read"], &done["output"]["n_rows"]), (&json!(1002), &json!(1000)));
    let rejects = std::fs::read_to_string(folder.join("data/rejects.csv")).unwrap();
    assert_eq!(
        rejects.lines().skip(1).collect::<Vec<_>>(),
        [
            r#"x,1003,range_fee,fee,-1.00,must be at least 0,"{""fee"":""-1"",""id"":""x""}""#,
            r#"c1,1002,unique_id,id,c1,a row before it has the same,"{""fee"":""7"",""id"":""c1""}""#
        ]
    );

    let first = std::fs::read(folder.join("data/cases.parquet")).unwrap();
    std::fs::write(folder.join("data/cases.csv"), "id,fee\na,1\nb,-1\n").unwrap();
    let stopped: Value = serde_json::from_str(&fails(folder, &run, 4)).unwrap();
    assert_eq!(stopped["verdict"], "stopped");
    assert_eq!(stopped["reason"], "1 of 2 rows were rejected, and 99.5 % must pass");
    assert_eq!(std::fs::read(folder.join("data/cases.parquet")).unwrap(), first);
    let text = fails(folder, &["pipelines", "run", "cases.yaml", "--show-rejects", "5"], 4);
    assert!(text.contains("line 3 (`b`): range_fee: fee `-1.00` must be at least 0"), "{text}");

    std::fs::write(folder.join("wrong.yaml"), CASES.replace("fee * 1.19", "feee * 1.19")).unwrap();
    let text = fails(folder, &["pipelines", "validate", "wrong.yaml"], 3);
    assert_eq!(
        text.trim(),
        "wrong.yaml:8: steps.0.derive.gross: `feee * 1.19`: there is no column `feee`: did you mean `fee`?"
    );
    std::fs::write(folder.join("wrong.yaml"), CASES.replace("gross: 119", "gross: 120")).unwrap();
    let text = fails(folder, &["pipelines", "test", "wrong.yaml"], 3);
    assert!(text.contains("wrong.yaml:15: `gross is worked out` failed"), "{text}");
    assert!(text.contains("row 1: `gross` is `119.0000`, not `120`"), "{text}");
    fails(folder, &["pipelines", "run", "absent.yaml"], 1);
}
