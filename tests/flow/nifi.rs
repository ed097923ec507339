//! `moodbridge nifi` at the peer of NiFi: a flow operated, files and changes sent into it.

use std::path::Path;

use serde_json::{Value, json};

use crate::firm::command_json;
use crate::moodbridge::command;
use crate::nifi_peer::NifiPeer;

/// Writes the settings of `peer` into `folder`, and makes a case store there.
fn set_up(folder: &Path, peer: &NifiPeer, more: &str) {
    std::fs::write(folder.join("password"), "correct horse").unwrap();
    let password = folder.join("password");
    let rest =
        format!("/?username=moodbridge&password=mounted:{}&port=changes", password.display());
    let settings = format!(
        "[nifi]\naddress = \"{}\"\n{more}\n[http]\nextra_roots_file = \"{}\"\n",
        peer.address("nifi", &rest),
        peer.roots_file().display()
    );
    std::fs::write(folder.join("moodbridge.toml"), settings).unwrap();
    command_json(folder, &["--json", "db", "migrate"]);
}

fn state<'a>(status: &'a Value, name: &str) -> &'a Value {
    let parts = status["parts"].as_array().unwrap();
    &parts.iter().find(|it| it["name"] == name).unwrap()["state"]
}

fn told(folder: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let answer = command(folder, arguments);
    let text = [answer.stdout, answer.stderr].concat();
    (answer.status.code(), String::from_utf8(text).unwrap())
}

#[tokio::test]
async fn flow_is_operated_and_takes_files() {
    let Some(peer) = NifiPeer::start() else { return };
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    set_up(folder, &peer, "");

    command_json(folder, &["--json", "nifi", "start", "changes"]);
    let status = command_json(folder, &["--json", "nifi", "status"]);
    assert_eq!(state(&status, "changes"), "RUNNING");
    assert_eq!(state(&status, "cases"), "STOPPED");
    assert_eq!(status["sent"], json!({"position": 0, "n_behind": 0}));

    std::fs::write(folder.join("a.json"), "{\"a\":1}").unwrap();
    std::fs::write(folder.join("b.bin"), vec![7; 600_000]).unwrap();
    let sent = ["nifi", "send", "a.json", "b.bin", "--attribute", "case.id=42"];
    let (code, text) = told(folder, &sent);
    assert_eq!((code, text.trim()), (Some(0), "2 flow files with 600007 bytes were taken"));
    let taken = peer.taken().await;
    let attributes = &taken[0]["attributes"];
    assert_eq!((&attributes["filename"], &attributes["case.id"]), (&json!("a.json"), &json!("42")));
    assert_eq!(attributes["mime.type"], "application/json");
    assert!(attributes["correlation_id"].is_string());
    assert_eq!(taken[1]["n_bytes"], 600_000);

    let (_, text) = told(folder, &["nifi", "status"]);
    assert!(text.contains("NiFi 2.12.0, `NiFi Flow`: 2 flow files (600007 bytes) wait"), "{text}");
    assert!(text.contains("between `changes` and `Route by kind of record`"), "{text}");
    let events = command_json(folder, &["--json", "nifi", "trace", "--part", "changes"]);
    assert_eq!(events.as_array().unwrap().len(), 2);
    peer.control("say", &json!(["ERROR", "disk full"])).await;
    let (_, text) = told(folder, &["nifi", "bulletins"]);
    assert!(text.contains("ERROR Take by HTTP: disk full"), "{text}");

    command_json(folder, &["--json", "nifi", "start"]);
    command_json(folder, &["--json", "nifi", "stop", "--services"]);
    command_json(folder, &["--json", "nifi", "stop"]);
    let status = command_json(folder, &["--json", "nifi", "status"]);
    assert_eq!(state(&status, "changes"), "STOPPED");
}

#[tokio::test]
async fn changes_arrive_in_order_and_the_next_run_goes_on() {
    let Some(peer) = NifiPeer::start() else { return };
    peer.part("changes", "state", json!("RUNNING")).await;
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    set_up(folder, &peer, "");
    for name in ["Roe Ltd", "Doe Ltd", "Poe Ltd"] {
        let name = format!("name={name}");
        command_json(folder, &["--json", "accounts", "create", &name]);
    }

    let send = ["--json", "nifi", "send", "--changes"];
    let first = command_json(folder, &send);
    assert_eq!((&first["n_changes"], &first["n_behind"]), (&json!(3), &json!(0)), "{first}");
    assert_eq!(command_json(folder, &send)["n_changes"], 0);
    command_json(folder, &["--json", "accounts", "create", "name=Moe Ltd"]);
    assert_eq!(command_json(folder, &send)["n_changes"], 1);

    let seqs = |taken: &[Value]| -> Vec<u64> {
        let seq = |it: &Value| it["attributes"]["change.seq"].as_str().unwrap().parse().unwrap();
        taken.iter().map(seq).collect()
    };
    let taken = peer.taken().await;
    assert_eq!(seqs(&taken).len(), 4);
    assert!(seqs(&taken).is_sorted());
    assert!(taken.iter().all(|it| it["attributes"]["change.entity"] == "account"));
    let last = seqs(&taken)[3].to_string();
    let again = command_json(folder, &[&send[..], &["--from", &last]].concat());
    assert_eq!(again["n_changes"], 1);

    // What was not confirmed is not noted.
    command_json(folder, &["--json", "accounts", "create", "name=Noe Ltd"]);
    let lost = json!([{"match": "DELETE .*responseCode=12", "count": 1, "drop": "after"}]);
    peer.control("faults", &lost).await;
    let (code, text) = told(folder, &["nifi", "send", "--changes"]);
    assert_eq!(code, Some(1));
    assert!(text.contains("may be there, and come twice"), "{text}");
    assert_eq!(command_json(folder, &send)["n_changes"], 1);
    let taken = seqs(&peer.taken().await);
    assert_eq!(taken[5], taken[6], "at least once: {taken:?}");
}

#[tokio::test]
async fn listener_takes_changes_too_and_has_a_position_of_its_own() {
    let Some(peer) = NifiPeer::start() else { return };
    peer.part("changes", "state", json!("RUNNING")).await;
    peer.part("Take by HTTP", "state", json!("RUNNING")).await;
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    set_up(folder, &peer, "");
    command_json(folder, &["--json", "accounts", "create", "name=Roe Ltd"]);
    let send = ["--json", "nifi", "send", "--changes"];
    assert_eq!(command_json(folder, &send)["n_changes"], 1);
    let place = peer.address("nifi-listen", "/contentListener");
    set_up(folder, &peer, &format!("send_to = \"{place}\""));
    assert_eq!(command_json(folder, &send)["n_changes"], 1);
    assert_eq!(peer.taken().await.len(), 2);
}

#[tokio::test]
async fn what_is_wrong_is_told_with_its_fix() {
    let Some(peer) = NifiPeer::start() else { return };
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    set_up(folder, &peer, "");
    for (arguments, part) in [
        (&["nifi", "start", "nowhere"][..], "`moodbridge nifi status` lists them"),
        (&["nifi", "send", "no-such-file"], "no-such-file"),
        (&["nifi", "send", "moodbridge.toml"], "code 201"),
    ] {
        let (code, text) = told(folder, arguments);
        assert_eq!(code, Some(1), "{text}");
        assert!(text.contains(part) && !text.contains("correct horse"), "{text}");
    }
    peer.part("Take by HTTP", "faults", json!(["'Listening Port' is invalid"])).await;
    let found = told(folder, &["doctor"]).1;
    assert!(found.contains("NiFi 2.12.0, `NiFi Flow`: 0 wait"), "{found}");
    assert!(found.contains("`Take by HTTP` cannot run: 'Listening Port' is invalid"), "{found}");
    std::fs::write(folder.join("password"), "another").unwrap();
    let (code, found) = told(folder, &["doctor"]);
    assert_eq!(code, Some(3));
    assert!(found.contains("username and password are not valid"), "{found}");

    std::fs::remove_file(folder.join("moodbridge.toml")).unwrap();
    let (code, text) = told(folder, &["nifi", "status"]);
    assert_eq!(code, Some(78), "{text}");
    assert!(text.contains("nifi.address: is not set"), "{text}");
    let (code, text) = told(folder, &["nifi", "send", "--changes"]);
    assert_eq!(code, Some(78), "{text}");
    assert!(text.contains("nifi.send_to: is not set"), "{text}");
}
