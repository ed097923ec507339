//! `moodbridge logs` at a peer that keeps what functions logged.

use std::process::{Command, Output, Stdio};
use std::time::Duration;

use aws_sdk_cloudwatchlogs::Client;
use aws_sdk_cloudwatchlogs::types::InputLogEvent;
use serde_json::{Value, json};
use shared::ports::{Clock as _, SystemClock};
use shared::time::Timestamp;

use crate::account::Account;

/// Has a function written lines, each so many minutes ago.
async fn write(account: &Account, full_name: &str, lines: &[(u64, String)]) {
    let client = Client::new(&account.config);
    let group = format!("/aws/lambda/{full_name}");
    client.create_log_group().log_group_name(&group).send().await.unwrap();
    let stream = client.create_log_stream().log_group_name(&group).log_stream_name("one");
    stream.send().await.unwrap();
    let events = lines.iter().map(|(minutes, line)| {
        let at = ago(*minutes).as_millis();
        InputLogEvent::builder().timestamp(at).message(line).build().unwrap()
    });
    let put = client.put_log_events().log_group_name(group).log_stream_name("one");
    put.set_log_events(Some(events.collect())).send().await.unwrap();
}

fn ago(minutes: u64) -> Timestamp {
    SystemClock.now().minus(Duration::from_secs(60 * minutes))
}

fn line(level: &str, message: &str, work: &str) -> String {
    json!({"level": level, "message": message, "correlation.id": work, "target": "x"}).to_string()
}

fn moodbridge(account: &Account, arguments: &[&str]) -> Output {
    let folder = tempfile::tempdir().unwrap();
    Command::new(env!("CARGO_BIN_EXE_moodbridge"))
        .current_dir(folder.path())
        .env("AWS_ACCESS_KEY_ID", &account.number)
        .args(["logs", "--environment", "test"])
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

fn found(account: &Account, arguments: &[&str]) -> Value {
    let output = moodbridge(account, &[arguments, &["--json"]].concat());
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {said}");
    serde_json::from_slice(&output.stdout).unwrap()
}

fn messages(answer: &Value) -> Vec<&str> {
    let lines = answer["lines"].as_array().unwrap().iter();
    lines.map(|it| it["message"].as_str().unwrap()).collect()
}

async fn firm() -> Option<Account> {
    let account = Account::open().await?;
    let worker = [(90, line("INFO", "old", "c-0")), (20, line("WARN", "held \"back\" | 1", "c-1"))];
    write(&account, "moodbridge-test-sync-worker", &worker).await;
    let intake =
        [(30, line("INFO", "queued", "c-1")), (10, "thread 'main' panicked\u{1b}[2J".to_owned())];
    write(&account, "moodbridge-test-webhook-intake", &intake).await;
    Some(account)
}

#[tokio::test]
async fn lines_are_found_by_function_time_work_and_text() {
    let Some(account) = firm().await else { return };

    let all = found(&account, &[]);
    assert_eq!(messages(&all), ["queued", "held \"back\" | 1", "thread 'main' panicked\u{1b}[2J"]);
    assert_eq!((&all["n_matched"], &all["lines"][1]["level"]), (&json!(3), &json!("warn")));
    assert_eq!(all["lines"][0]["function"], "webhook-intake");
    assert_eq!(all["lines"][0]["correlation_id"], "c-1");
    assert_eq!(all["lines"][0]["fields"]["target"], "x");

    for (arguments, wanted) in [
        (&["moodbridge-test-sync-worker"][..], &["held \"back\" | 1"][..]),
        (&["--since", "2h", "--until", "1h"], &["old"]),
        (&["--correlation", "c-1"], &["queued", "held \"back\" | 1"]),
        (&["--contains", "HELD \"back\" |"], &["held \"back\" | 1"]),
        (&["--contains", "h.ld"], &[]),
        (&["--limit", "1", "sync-worker", "--since", "1d"], &["held \"back\" | 1"]),
    ] {
        assert_eq!(messages(&found(&account, arguments)), wanted, "{arguments:?}");
    }
    let rows = found(&account, &["--query", "fields @message | limit 1"]);
    assert_eq!(rows["rows"].as_array().map(Vec::len), Some(1), "{rows}");
    assert!(rows["rows"][0]["@message"].is_string(), "{rows}");
}

#[tokio::test]
async fn text_for_a_person_tells_fields_and_what_was_left_out() {
    let Some(account) = firm().await else { return };

    let output = moodbridge(&account, &["--since", "1d", "--limit", "2"]);

    let text = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines.len(), 3, "{text}");
    assert!(
        lines[0].contains("WARN  sync-worker: held \"back\" | 1  correlation.id=c-1"),
        "{text}"
    );
    assert!(lines[1].ends_with("webhook-intake: thread 'main' panicked\\u{1b}[2J"), "{text}");
    assert!(lines[2].starts_with("the newest 2 of 4 lines"), "{text}");
}

#[tokio::test]
async fn wrong_names_and_times_are_told_with_the_fix() {
    let Some(account) = firm().await else { return };
    for (arguments, code, wanted) in [
        (&["sync-wroker"][..], 1, "has logs of: sync-worker, webhook-intake"),
        (&["--environment", "prod"], 2, "--environment"),
        (&["--deployment-name", "other"], 1, "nothing called `other` has logs here"),
        (&["--since", "1h", "--until", "2h"], 1, "exchange them"),
        (&["--since", "yesterday"], 2, "such as `30m`"),
        (&["--level", "fatal"], 2, "`warn`"),
        (&["--query", "fields x", "--level", "warn"], 2, "cannot be used with"),
    ] {
        let output = moodbridge(&account, arguments);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
        assert!(said.contains(wanted), "{arguments:?}: {said}");
    }
}
