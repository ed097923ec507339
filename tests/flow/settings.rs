//! Changing settings over the API: shown, kept with their author, undone.

use serde_json::{Value, json};

use crate::firm::{Firm, command_json};
use crate::moodbridge::command;

struct Desk<'a> {
    firm: &'a Firm,
    token: String,
}

impl<'a> Desk<'a> {
    /// Sits down with a token that the command line gives.
    fn of(firm: &'a Firm, person: &str, role: &str) -> Self {
        let arguments = ["token", "--person", person, "--role", role];
        let output = command(firm.folder.path(), &arguments);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        Self { firm, token: String::from_utf8(output.stdout).unwrap().trim().to_owned() }
    }

    async fn send(&self, path: &str, body: Value) -> (u16, Value) {
        let url = format!("{}/v1/settings/{path}", self.firm.moodbridge.url);
        let request = self.firm.moodbridge.client.post(url).bearer_auth(&self.token).json(&body);
        let answer = request.send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap())
    }

    async fn set(&self, expected_version: u64, set: Value) -> (u16, Value) {
        let reason = "a slow org";
        let body = json!({"expected_version": expected_version, "reason": reason, "set": set});
        self.send("changes", body).await
    }
}

fn shown(firm: &Firm, path: &str) -> Value {
    let shown = command_json(firm.folder.path(), &["--json", "config", "show"]);
    let settings = shown["settings"].as_array().unwrap();
    settings.iter().find(|it| it["path"] == path).unwrap().clone()
}

#[tokio::test]
async fn setting_is_changed_over_the_api_with_its_author_and_undone() {
    let firm = Firm::start(&["--empty", "--poll-every", "1h"]).await;
    let (admin, viewer) = (Desk::of(&firm, "ada", "admin"), Desk::of(&firm, "vera", "viewer"));

    assert_eq!(viewer.set(0, json!({"poll.lag": "9s"})).await.0, 403);
    let (status, broken) = admin.set(0, json!({"poll.lag": "soon"})).await;
    assert_eq!((status, &broken["errors"][0]["field"]), (400, &json!("poll.lag")));
    let (status, fixed) = admin.set(0, json!({"server.address": "0.0.0.0:80"})).await;
    assert_eq!((status, &fixed["errors"][0]["field"]), (400, &json!("server.address")));
    assert_eq!(shown(&firm, "poll.lag")["value"], "0s");

    let (status, made) = admin.set(0, json!({"poll.lag": "9s"})).await;
    assert_eq!((status, &made["version"]), (200, &json!(1)), "{made}");
    assert_eq!(made["takes_effect"], "at_restart");
    let in_force = shown(&firm, "poll.lag");
    assert_eq!((&in_force["value"], &in_force["source"]), (&json!("9s"), &json!("change 1")));
    let page = firm.moodbridge.get("/v1/settings").await;
    assert_eq!((&page["version"], &page["running_version"]), (&json!(1), &json!(0)));
    assert!(page["values"].as_array().unwrap().contains(&in_force));
    assert_eq!(admin.set(0, json!({"poll.lag": "8s"})).await.0, 409);

    let history = command_json(firm.folder.path(), &["--json", "config", "history"]);
    let first = &history["versions"][0];
    assert_eq!((&first["author"], &first["reason"]), (&json!("ada"), &json!("a slow org")));

    let (status, undone) = admin.send("undo", json!({"version": 1})).await;
    assert_eq!((status, &undone["reason"]), (200, &json!("undo version 1")));
    assert_eq!(shown(&firm, "poll.lag")["value"], "0s");
    let history = firm.moodbridge.get("/v1/settings/history").await;
    let authors: Vec<_> =
        history["items"].as_array().unwrap().iter().map(|it| &it["author"]).collect();
    assert_eq!(authors, ["ada", "ada"]);
}
