//! An existing MoodBridge is imported beside a running host, and shown by the old addresses.

use adapter_sql::testkit::sample_matter;
use serde_json::json;

use crate::firm::{Firm, command_json};
use crate::moodbridge::command;

#[tokio::test]
async fn existing_database_is_imported_once_and_shown_where_it_was() {
    let firm = Firm::start(&["--empty", "--poll-every", "1h"]).await;
    let folder: &std::path::Path = firm.folder.path();
    sample_matter(&folder.join("main.db")).await;
    std::fs::copy(folder.join("main.db"), folder.join("copy.db")).unwrap();
    let import = ["--json", "import", "moodbridge", "main.db"];

    let dry = command_json(folder, &[&import[..], &["--dry-run"]].concat());
    assert_eq!((&dry["is_done"], &dry["files"][0]["case"]), (&json!(false), &json!("new")));
    assert_eq!(firm.moodbridge.get("/api/dashboard").await["stats"]["total_incidents"], 0);

    let first = command_json(folder, &import);
    assert_eq!(first["is_done"], true, "{first}");
    let again = command_json(folder, &import);
    let tables = again["files"][0]["tables"].as_array().unwrap();
    assert!(tables.iter().all(|it| it["n_new"] == 0 && it["n_changed"] == 0), "{again}");

    let dashboard = firm.moodbridge.get("/api/dashboard").await;
    assert_eq!(dashboard["stats"]["total_hours"], 12.1, "{dashboard}");
    let latest = json!({"denied_date": "2024-06-02 13:45:00", "denial_reason": "",
        "duration_hours": 0.1});
    assert_eq!(dashboard["recent_incidents"][0], latest);
    assert_eq!(firm.moodbridge.get("/api/health").await["status"], "healthy");
    let cases = firm.moodbridge.get("/v1/cases?search=24/CV").await;
    assert_eq!(cases["items"][0]["title"], "Doe v. Roe", "{cases}");

    let both = command(folder, &["import", "moodbridge", "main.db", "copy.db"]);
    let message = String::from_utf8_lossy(&both.stderr);
    assert_eq!(both.status.code(), Some(1), "{message}");
    assert!(message.contains("both hold the matter `24/CV 7`"), "{message}");
    assert_eq!(command_json(folder, &["--json", "audit", "verify"])["n_rows"], 2);
}
