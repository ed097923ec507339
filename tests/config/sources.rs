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
