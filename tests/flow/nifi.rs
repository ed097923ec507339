//! `moodbridge nifi` at the peer of NiFi: a flow operated, files and changes sent into it.

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use crate::firm::{Firm, command_json};
use crate::moodbridge::command;
use crate::nifi_peer::NifiPeer;

/// Writes the settings of `peer` into `folder`, and makes a case store there.
fn set_up(folder: &Path, peer: &NifiPeer) {
    std::fs::write(folder.join("password"), "correct horse").unwrap();
    let password = folder.join("password");
    let rest =
        format!("/?username=moodbridge&password=mounted:{}&port=changes", password.display());
    let settings = format!(
        "[nifi]\naddress = \"{}\"\n[http]\nextra_roots_file = \"{}\"\n",
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
    set_up(folder, &peer);

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

/// A firm whose changes go to `peer`.
struct Sender<'a> {
    firm: &'a Firm,
    settings: Vec<String>,
}

impl<'a> Sender<'a> {
    fn new(firm: &'a Firm, peer: &NifiPeer, place: &str) -> Self {
        let file = firm.folder.path().join("nifi-password");
        std::fs::write(&file, "correct horse").unwrap();
        let sign_in = format!("?username=moodbridge&password=mounted:{}", file.display());
        let place = match place {
            "port" => peer.address("nifi", &format!("/{sign_in}&port=changes")),
            _ => peer.address("nifi-listen", "/contentListener"),
        };
        let roots = format!("http.extra_roots_file={}", peer.roots_file().display());
        Self { firm, settings: vec![format!("nifi.send_to={place}"), roots] }
    }

    fn told(&self, more: &[&str]) -> (Option<i32>, String) {
        let mut arguments = vec!["--json", "nifi", "send", "--changes"];
        arguments.extend(self.settings.iter().flat_map(|it| ["--set", it.as_str()]));
        arguments.extend(more);
        told(self.firm.folder.path(), &arguments)
    }

    /// Sends what is new, and returns how many changes that were.
    fn send(&self, more: &[&str]) -> u64 {
        let (code, text) = self.told(more);
        assert_eq!(code, Some(0), "{text}");
        let tally: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(tally["n_behind"], 0, "{tally}");
        tally["n_changes"].as_u64().unwrap()
    }
}

/// Makes a case, and waits until it is here.
async fn new_case(firm: &Firm, title: &str) {
    let case = firm.create("Case", json!({"Subject": title})).await;
    let path = format!("/v1/cases/{case}");
    let is_here = |it: &Value| it["title"] == title;
    firm.moodbridge.wait_for(&path, Duration::from_secs(20), is_here).await;
}

#[tokio::test]
async fn changes_arrive_in_order_and_the_next_run_goes_on() {
    let Some(peer) = NifiPeer::start() else { return };
    peer.part("changes", "state", json!("RUNNING")).await;
    peer.part("Take by HTTP", "state", json!("RUNNING")).await;
    let firm = Firm::start(&["--empty", "--poll-every", "300ms"]).await;
    for title in ["Doe v. Roe", "Roe v. Poe", "Poe v. Doe"] {
        new_case(&firm, title).await;
    }
    let port = Sender::new(&firm, &peer, "port");

    let n_first = port.send(&[]);
    assert!(n_first >= 3, "{n_first}");
    assert_eq!(port.send(&[]), 0);
    let seqs = |taken: Vec<Value>| -> Vec<u64> {
        let seq = |it: Value| it["attributes"]["change.seq"].as_str().unwrap().parse().unwrap();
        taken.into_iter().map(seq).collect()
    };
    let taken = seqs(peer.taken().await);
    assert!(taken.is_sorted_by(|a, b| a < b), "{taken:?}");
    assert_eq!(port.send(&["--from", &taken.last().unwrap().to_string()]), 1);

    // What was not confirmed is not noted.
    new_case(&firm, "Doe v. Moe").await;
    let lost = json!([{"match": "DELETE .*responseCode=12", "count": 1, "drop": "after"}]);
    peer.control("faults", &lost).await;
    let n_before = peer.taken().await.len();
    let (code, text) = port.told(&[]);
    assert_eq!(code, Some(1));
    assert!(text.contains("may be there, and come twice"), "{text}");
    let n_again = usize::try_from(port.send(&[])).unwrap();
    let taken = seqs(peer.taken().await.split_off(n_before));
    assert_eq!(taken[..n_again], taken[n_again..], "at least once");

    // Another place has a position of its own.
    let listener = Sender::new(&firm, &peer, "listener");
    assert_eq!(listener.send(&[]), n_first + u64::try_from(n_again).unwrap());
    assert_eq!(listener.send(&[]), 0);
}

#[tokio::test]
async fn what_is_wrong_is_told_with_its_fix() {
    let Some(peer) = NifiPeer::start() else { return };
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    set_up(folder, &peer);
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
