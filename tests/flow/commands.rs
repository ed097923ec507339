//! The command line, as a person and as a script use it.

use std::time::Duration;

use serde_json::json;

use crate::firm::{Firm, command_json};
use crate::moodbridge::command;

const PATIENCE: Duration = Duration::from_secs(20);

#[tokio::test]
async fn commands_read_the_data_of_a_running_host() {
    let firm = Firm::start(&["--empty", "--poll-every", "300ms"]).await;
    let case = firm.create("Case", json!({"Subject": "Doe v. Roe"})).await;
    let path = format!("/v1/cases/{case}");
    firm.moodbridge.wait_for(&path, PATIENCE, |it| it["title"] == "Doe v. Roe").await;
    let folder = firm.folder.path();

    let queue = command_json(folder, &["--json", "queue", "list"]);
    assert_eq!(queue["name"], "events");
    let audit = command_json(folder, &["--json", "audit", "verify"]);
    assert!(audit["n_rows"].as_u64() >= Some(1), "{audit}");
    assert!(audit["fault"].is_null(), "{audit}");
    let database = command_json(folder, &["--json", "db", "status"]);
    assert_eq!(database["migrations"][0]["state"], "applied");
    let run = command_json(folder, &["--json", "sync", "run"]);
    assert_eq!(run["n_dead"], 0);
    let status = command_json(folder, &["--json", "sync", "status"]);
    assert_eq!(status["cursors"].as_array().unwrap().len(), 3, "{status}");
    let settings = command_json(folder, &["--json", "config", "check"]);
    assert_eq!(settings["n_connections"], 1);
    let conflicts = command_json(folder, &["--json", "conflicts", "list"]);
    assert_eq!(conflicts, json!({"items": []}));
    std::fs::write(folder.join("mask-key"), "a key of this test").unwrap();
    let key = format!("lake.mask_key=mounted:{}", folder.join("mask-key").display());
    let export = || command_json(folder, &["--json", "--set", &key, "lake", "export"]);
    let exported = export();
    assert!(exported["n_rows"].as_u64() >= Some(1), "{exported}");
    assert_eq!((&exported["n_behind"], &exported["n_unfit"]), (&json!(0), &json!(0)));
    let again = export();
    assert_eq!((&again["n_rows"], &again["position"]), (&json!(0), &exported["position"]));
    let lake = command_json(folder, &["--json", "lake", "status"]);
    assert_eq!(lake["tables"]["cases"]["n_rows"], 1, "{lake}");
    let compacted = command_json(folder, &["--json", "lake", "compact"]);
    assert_eq!((&compacted["n_before"], &compacted["n_deleted"]), (&json!(0), &json!(0)));
    let drift = command_json(folder, &["--json", "sync", "drift"]);
    assert_eq!(drift["objects"].as_array().map(Vec::len), Some(3), "{drift}");
    let looked = command_json(folder, &["--json", "setup", "sandbox", "--dry-run"]);
    let is_there = |it: &serde_json::Value| it["outcome"] == "already_there";
    assert!(looked["things"].as_array().unwrap().iter().all(is_there), "{looked}");
    let proposed = command(folder, &["sync", "map", "sandbox", "Case", "--suggest"]);
    let yaml = String::from_utf8(proposed.stdout).unwrap();
    assert!(yaml.contains("{ remote: Court__c, local: court, max_chars: "), "{yaml}");
    let has_title = |it: &serde_json::Value| {
        let mut fields = it["fields"].as_array().into_iter().flatten();
        fields.any(|it| it["field"] == "title" && it["can_change"] == true)
    };
    firm.moodbridge.wait_for(&format!("{path}/sync"), PATIENCE, has_title).await;
}

#[tokio::test]
async fn row_is_shown_as_it_once_stood_with_what_set_it() {
    let firm = Firm::start(&["--empty", "--poll-every", "300ms"]).await;
    let case = firm.create("Case", json!({"Subject": "Doe v. Roe", "Status": "New"})).await;
    let path = format!("/v1/cases/{case}");
    let (first, _) = firm.moodbridge.wait_for(&path, PATIENCE, |it| it["status"] == "New").await;
    firm.update("Case", &case, json!({"Status": "Closed"})).await;
    firm.moodbridge.wait_for(&path, PATIENCE, |it| it["status"] == "Closed").await;
    let folder = firm.folder.path();
    let id = first["id"].as_str().unwrap();
    let as_of = first["updated_at"].as_str().unwrap();

    let now = command_json(folder, &["--json", "cases", "get", &case]);
    let then = command_json(folder, &["--json", "cases", "get", id, "--as-of", as_of]);

    assert_eq!(
        (&now["entity_id"], &now["fields"]["status"]["value"]),
        (&json!(id), &json!("Closed"))
    );
    assert_eq!(then["fields"]["status"]["value"], "New");
    let set_by = &then["fields"]["status"]["set_by"];
    assert_eq!((&set_by["at"], &set_by["seq"]), (&json!(as_of), &json!(1)), "{then}");
    assert!(set_by["actor"].as_str().unwrap().starts_with("salesforce:"), "{set_by}");
    let text = command(folder, &["cases", "get", id, "--as-of", as_of]);
    let text = String::from_utf8(text.stdout).unwrap();
    assert!(text.contains("New") && text.contains("audit row 1"), "{text}");
    let early = command(folder, &["cases", "get", id, "--as-of", "2020-01-01T00:00:00Z"]);
    assert_eq!(early.status.code(), Some(1));
}

#[tokio::test]
async fn rows_changed_on_the_command_line_reach_the_org() {
    let firm = Firm::start(&["--empty", "--poll-every", "300ms"]).await;
    let case = firm.create("Case", json!({"Subject": "Doe v. Roe", "Status": "New"})).await;
    let path = format!("/v1/cases/{case}");
    firm.moodbridge.wait_for(&path, PATIENCE, |it| it["status"] == "New").await;
    let folder = firm.folder.path();

    let set = ["--json", "cases", "set", &case, "court=Superior Court", "--author", "anna"];
    let set = command_json(folder, &set);
    assert_eq!((&set["is_changed"], &set["record_id"]), (&json!(true), &json!(case)), "{set}");
    firm.wait_for_record("Case", &case, PATIENCE, |it| it["Court__c"] == "Superior Court").await;
    command_json(folder, &["--json", "cases", "set", &case, "court="]);
    firm.wait_for_record("Case", &case, PATIENCE, |it| it["Court__c"].is_null()).await;

    let refused = ["--json", "cases", "set", &case, "colour=red", "case_number=7", "court=x"];
    let refused = command(folder, &refused);
    assert_eq!(refused.status.code(), Some(1));
    let told: serde_json::Value = serde_json::from_slice(&refused.stdout).unwrap();
    let fields: Vec<_> =
        told["refused"].as_array().unwrap().iter().map(|it| it["field"].clone()).collect();
    assert_eq!(fields, [json!("case_number"), json!("colour")], "{told}");
    let text = command(folder, &["cases", "set", &case, "colour=red"]);
    let text = String::from_utf8(text.stderr).unwrap();
    assert!(text.contains("`colour` is no field of `case`: write one of"), "{text}");

    let made = command_json(folder, &["--json", "accounts", "create", "name=Roe Ltd"]);
    let account = made["id"].as_str().unwrap();
    let has_record = |it: &serde_json::Value| it["record_id"].is_string();
    let sync = format!("/v1/accounts/{account}/sync");
    let (sync, _) = firm.moodbridge.wait_for(&sync, PATIENCE, has_record).await;
    let record = firm.record("Account", sync["record_id"].as_str().unwrap()).await;
    assert_eq!(record["Name"], "Roe Ltd");

    command_json(folder, &["--json", "cases", "delete", &case]);
    firm.wait_for_record("Case", &case, PATIENCE, serde_json::Value::is_null).await;
    command_json(folder, &["--json", "cases", "restore", &case]);
    firm.wait_for_record("Case", &case, PATIENCE, |it| it["Subject"] == "Doe v. Roe").await;
}

#[tokio::test]
async fn copy_of_the_audit_log_is_proved_without_the_store() {
    let firm = Firm::start(&["--empty", "--poll-every", "300ms"]).await;
    let case = firm.create("Case", json!({"Subject": "Doe v. Roe"})).await;
    let path = format!("/v1/cases/{case}");
    firm.moodbridge.wait_for(&path, PATIENCE, |it| it["title"] == "Doe v. Roe").await;
    let folder = firm.folder.path();

    let written = command_json(folder, &["--json", "audit", "export", "--out", "copy.jsonl"]);
    let printed = command(folder, &["audit", "export"]);
    let elsewhere = tempfile::tempdir().unwrap();
    let copy = std::fs::read_to_string(folder.join("copy.jsonl")).unwrap();
    std::fs::write(elsewhere.path().join("copy.jsonl"), &copy).unwrap();
    std::fs::write(elsewhere.path().join("altered.jsonl"), copy.replace("Doe", "Poe")).unwrap();
    let verify = |file| command(elsewhere.path(), &["--json", "audit", "verify", "--file", file]);

    assert_eq!(String::from_utf8(printed.stdout).unwrap(), copy);
    let whole = verify("copy.jsonl");
    let found: serde_json::Value = serde_json::from_slice(&whole.stdout).unwrap();
    assert_eq!((&found["n_rows"], &found["head"]), (&written["n_rows"], &written["head"]));
    assert_eq!(whole.status.code(), Some(0), "{found}");
    assert_eq!(verify("altered.jsonl").status.code(), Some(3));
    assert_eq!(verify("missing.jsonl").status.code(), Some(1));
    let again = command(folder, &["audit", "export", "--out", "copy.jsonl"]);
    assert_eq!(again.status.code(), Some(1), "a copy is never written over");
}

#[cfg(unix)]
#[tokio::test]
async fn nobody_else_on_the_machine_can_read_what_is_kept() {
    use std::os::unix::fs::PermissionsExt as _;

    let firm = Firm::start(&["--empty", "--poll-every", "1h"]).await;
    let mut folders = vec![firm.folder.path().join(".moodbridge")];
    let mut n_files = 0;
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap().map(Result::unwrap) {
            let about = entry.metadata().unwrap();
            assert_eq!(about.permissions().mode() & 0o007, 0, "{}", entry.path().display());
            n_files += usize::from(about.is_file());
            if about.is_dir() {
                folders.push(entry.path());
            }
        }
    }
    assert!(n_files > 3, "{n_files} files");
}

#[test]
fn broken_settings_end_with_78_and_name_every_fault() {
    let folder = tempfile::tempdir().unwrap();
    let settings = r#"
        [server]
        address = "0.0.0.0:8080"
        [[intake.connections]]
        name = "main"
        organization_id = "00D5f000000ABCD"
        tokens = ["env:NOT_SET_ANYWHERE"]
    "#;
    std::fs::write(folder.path().join("moodbridge.toml"), settings).unwrap();
    let output = command(folder.path(), &["config", "check"]);
    let message = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(78), "{message}");
    assert!(message.contains("server.address"), "{message}");

    let settings = settings.replace("0.0.0.0", "127.0.0.1");
    std::fs::write(folder.path().join("moodbridge.toml"), settings).unwrap();
    let output = command(folder.path(), &["config", "check"]);
    let message = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(78), "{message}");
    assert!(message.contains("intake.connections[0]"), "{message}");
    assert!(message.contains("NOT_SET_ANYWHERE"), "{message}");
}

#[test]
fn unknown_setting_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("moodbridge.toml"), "[sever]\naddress = \"x\"\n").unwrap();
    let output = command(folder.path(), &["config", "check"]);
    let message = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(78), "{message}");
    assert!(message.contains("did you mean `server`?"), "{message}");
}

#[test]
fn store_that_was_never_migrated_says_what_to_run() {
    let folder = tempfile::tempdir().unwrap();
    let output = command(folder.path(), &["audit", "verify"]);
    let message = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{message}");
    assert!(message.contains("moodbridge db migrate"), "{message}");
    assert!(command(folder.path(), &["db", "migrate"]).status.success());
    assert!(command(folder.path(), &["audit", "verify"]).status.success());
}

#[test]
fn missing_migration_ends_with_3() {
    let folder = tempfile::tempdir().unwrap();
    assert!(command(folder.path(), &["db", "migrate"]).status.success());
    let output = command(folder.path(), &["--json", "db", "status"]);
    assert_eq!(output.status.code(), Some(0));
    let missing = command(folder.path(), &["--data-dir", "elsewhere", "db", "status"]);
    assert_eq!(missing.status.code(), Some(3));
}
