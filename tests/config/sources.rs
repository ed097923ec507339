//! Which source of a setting is the strongest.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::moodbridge::BINARY;

fn shown(folder: &Path, path: &str, variable: Option<&str>, flag: Option<&str>) -> (Value, String) {
    let mut command = Command::new(BINARY);
    command.args(["--json", "config", "show"]).current_dir(folder);
    command.envs(variable.map(|value| ("MOODBRIDGE_POLL__EVERY", value)));
    if let Some(flag) = flag {
        command.args(["--set", flag]);
    }
    let answer = command.output().unwrap();
    assert!(answer.status.success(), "{}", String::from_utf8_lossy(&answer.stderr));
    let answer: Value = serde_json::from_slice(&answer.stdout).unwrap();
    let all = answer["settings"].as_array().unwrap();
    let one = all.iter().find(|it| it["path"] == path).unwrap();
    (one["value"].clone(), one["source"].as_str().unwrap().to_owned())
}

#[test]
fn flag_hides_environment_hides_file_hides_default() {
    let folder = tempfile::tempdir().unwrap();
    let every = |variable, flag| shown(folder.path(), "poll.every", variable, flag);

    assert_eq!(every(None, None), ("1m".into(), "default".to_owned()));
    std::fs::write(folder.path().join("moodbridge.toml"), "[poll]\nevery = \"2s\"\n").unwrap();
    assert_eq!(every(None, None), ("2s".into(), "moodbridge.toml:2".to_owned()));
    let variable = "MOODBRIDGE_POLL__EVERY".to_owned();
    assert_eq!(every(Some("4s"), None), ("4s".into(), variable));
    let flag = "--set poll.every".to_owned();
    assert_eq!(every(Some("4s"), Some("poll.every=5s")), ("5s".into(), flag));
}

fn moodbridge(folder: &Path, arguments: &[&str]) -> (bool, String) {
    let answer = Command::new(BINARY).args(arguments).current_dir(folder).output().unwrap();
    let text = [answer.stdout.as_slice(), answer.stderr.as_slice()].concat();
    (answer.status.success(), String::from_utf8(text).unwrap())
}

#[test]
fn change_in_the_database_hides_the_file_and_is_hidden_by_the_environment() {
    let folder = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str]| moodbridge(folder.path(), arguments);
    std::fs::write(folder.path().join("moodbridge.toml"), "[poll]\nevery = \"2s\"\n").unwrap();
    assert!(run(&["db", "migrate"]).0);

    let (done, said) =
        run(&["config", "set", "poll.every", "3s", "--author", "ada", "--reason", "busy"]);

    assert!(done && said.contains("poll.every: as in the file -> \"3s\""), "{said}");
    let every = |variable| shown(folder.path(), "poll.every", variable, None);
    assert_eq!(every(None), ("3s".into(), "change 1".to_owned()));
    assert_eq!(every(Some("4s")).0, "4s");
    let (done, said) = run(&["config", "set", "poll.every", "soon"]);
    assert!(!done && said.contains("`soon` is not a duration") && said.contains("(the change)"));
    let (done, said) = run(&["config", "set", "server.address", "0.0.0.0:80"]);
    assert!(!done && said.contains("cannot be changed while the process runs"), "{said}");
    assert!(run(&["config", "undo", "1"]).0);
    assert_eq!(every(None), ("2s".into(), "moodbridge.toml:2".to_owned()));
    let history = run(&["config", "history"]).1;
    assert!(history.contains("undo version 1") && history.contains("ada  busy"), "{history}");
}
