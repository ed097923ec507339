//! A deployment moves from its files to PostgreSQL by one command, and goes on there.

use std::time::Duration;

use adapter_sql::testkit::FreshDatabase;
use serde_json::json;

use crate::firm::{Firm, command_json};
use crate::moodbridge::command;

const PATIENCE: Duration = Duration::from_secs(20);

#[tokio::test]
async fn deployment_moves_once_it_is_stopped_and_its_queue_is_empty() {
    let Some(database) = FreshDatabase::create().await else { return };
    let mut firm = Firm::start(&["--empty", "--poll-every", "1h"]).await;
    if firm.folder.addresses().is_some() {
        eprintln!("SKIPPED: it is on PostgreSQL already");
        return;
    }
    let case = firm.create("Case", json!({"Subject": "Doe v. Roe"})).await;
    let path = format!("/v1/cases/{case}");
    firm.moodbridge.wait_for(&path, PATIENCE, |it| it["title"] == "Doe v. Roe").await;
    let is_empty = |it: &serde_json::Value| {
        let queue = &it["items"][0];
        queue["n_ready"] == 0 && queue["n_in_flight"] == 0 && queue["n_delayed"] == 0
    };
    firm.moodbridge.wait_for("/v1/queues", PATIENCE, is_empty).await;
    let to = database.address().to_string();
    let copy = ["--json", "db", "copy", "--to", &to];

    let while_it_runs = command(firm.folder.path(), &copy);
    assert_eq!(firm.moodbridge.stop(), Some(0));
    let copied = command_json(firm.folder.path(), &copy);
    let again = command(firm.folder.path(), &copy);

    let message = String::from_utf8_lossy(&while_it_runs.stderr);
    assert!(message.contains("stop `moodbridge serve`"), "{message}");
    assert_eq!(copied["digest"]["n_records"], 1, "{copied}");
    let message = String::from_utf8_lossy(&again.stderr);
    assert!(message.contains("the target holds rows in table `cases`"), "{message}");
    let settings = format!("[store]\ncases = \"{to}\"\n");
    std::fs::write(firm.folder.path().join("moved.toml"), settings).unwrap();
    let verified =
        command_json(firm.folder.path(), &["--config", "moved.toml", "--json", "audit", "verify"]);
    assert_eq!(verified["head"], copied["audit_head"]);
    assert_eq!(verified["n_rows"], copied["n_audit_rows"]);
}

#[tokio::test]
async fn going_down_drops_data_only_when_that_is_said() {
    let folder = tempfile::tempdir().unwrap();
    assert!(command(folder.path(), &["db", "migrate"]).status.success());

    let refused = command(folder.path(), &["db", "migrate", "--to", "3"]);
    let went = command(folder.path(), &["db", "migrate", "--to", "3", "--discard-data"]);
    let back = command(folder.path(), &["db", "migrate"]);

    let message = String::from_utf8_lossy(&refused.stderr);
    assert_eq!(refused.status.code(), Some(1), "{message}");
    assert!(message.contains("--discard-data"), "{message}");
    assert_eq!(went.status.code(), Some(3), "later migrations are pending now");
    assert!(back.status.success(), "{}", String::from_utf8_lossy(&back.stderr));
}
