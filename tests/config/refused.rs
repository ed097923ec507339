//! Settings that cannot be used end the command, and nothing is left behind.

use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use crate::moodbridge::{BINARY, free_port};

fn run(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(BINARY);
    command.args(arguments).current_dir(folder).stdin(Stdio::null());
    command.env_remove("HOOK_TOKEN").env_remove("SF_SECRET").output().unwrap()
}

fn files(folder: &Path) -> Vec<String> {
    let names = std::fs::read_dir(folder).unwrap();
    names.map(|it| it.unwrap().file_name().to_string_lossy().into_owned()).collect()
}

#[test]
fn every_command_refuses_broken_settings_with_78_and_touches_nothing() {
    let broken = "[poll]\nevery = \"soon\"\n[store]\ncases = \"sqlite:new/cases.db\"\n";
    for arguments in [
        &["serve"][..],
        &["db", "migrate"],
        &["db", "status"],
        &["sync", "run"],
        &["queue", "list"],
        &["audit", "verify"],
        &["config", "check"],
        &["config", "show"],
        &["secret", "list"],
        &["token"],
    ] {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("moodbridge.toml"), broken).unwrap();

        let answer = run(folder.path(), arguments);

        assert_eq!(answer.status.code(), Some(78), "{arguments:?}");
        let said = String::from_utf8(answer.stderr).unwrap();
        assert!(said.contains("poll.every: `soon` is not a duration"), "{said}");
        assert!(said.contains("(moodbridge.toml:2)"), "{said}");
        assert_eq!(files(folder.path()), ["moodbridge.toml"], "{arguments:?}");
    }
}

#[test]
fn missing_secrets_are_all_named_before_anything_is_opened() {
    let folder = tempfile::tempdir().unwrap();
    let port = free_port();
    let settings = format!(
        "[server]\naddress = \"127.0.0.1:{port}\"\n\
         [[connections]]\nplatform = \"salesforce\"\nconnection = \"main\"\n\
         login_url = \"https://firm.my.salesforce.com\"\n\
         [connections.auth]\nflow = \"client_credentials\"\nclient_id = \"x\"\n\
         client_secret = \"env:SF_SECRET\"\n\
         [[intake.connections]]\nname = \"main\"\norganization_id = \"00D5f000000ABCD\"\n\
         tokens = [\"env:HOOK_TOKEN\", \"file:plain-token\"]\n"
    );
    std::fs::write(folder.path().join("moodbridge.toml"), settings).unwrap();
    std::fs::write(folder.path().join("plain-token"), "hunter2").unwrap();

    let answer = run(folder.path(), &["serve"]);

    assert_eq!(answer.status.code(), Some(78));
    let said = String::from_utf8(answer.stderr).unwrap();
    for part in [
        "connections[0].auth.client_secret",
        "intake.connections[0].tokens[0]",
        "intake.connections[0].tokens[1]",
        "moodbridge secret set",
        "`mounted:`",
    ] {
        assert!(said.contains(part), "`{part}` is not in: {said}");
    }
    assert!(!said.contains("hunter2"), "{said}");
    let mut left = files(folder.path());
    left.sort();
    assert_eq!(left, ["moodbridge.toml", "plain-token"]);
    assert!(TcpListener::bind(("127.0.0.1", port)).is_ok(), "the port was never taken");
}
