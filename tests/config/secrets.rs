//! Secrets on the disk: sealed, listed, rotated, and found nowhere in the clear.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use crate::moodbridge::{BINARY, Moodbridge, free_port};

const VALUE: &str = "hunter2-and-then-some-more";

fn secret(folder: &Path, arguments: &[&str], input: &str) -> Output {
    let mut child = Command::new(BINARY)
        .arg("secret")
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A command that does not read may be gone already.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap()
}

fn text(answer: &Output) -> String {
    let text = [answer.stdout.as_slice(), answer.stderr.as_slice()].concat();
    String::from_utf8(text).unwrap()
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files_below(&path));
        } else {
            found.push(path);
        }
    }
    found
}

fn files_with(folder: &Path, needle: &str) -> Vec<PathBuf> {
    let holds = |path: &PathBuf| {
        let bytes = std::fs::read(path).unwrap_or_default();
        bytes.windows(needle.len()).any(|it| it == needle.as_bytes())
    };
    files_below(folder).into_iter().filter(holds).collect()
}

#[test]
fn secret_is_set_listed_rotated_shown_and_removed() {
    let folder = tempfile::tempdir().unwrap();

    let set = secret(folder.path(), &["set", "salesforce"], &format!("{VALUE}\n"));
    assert!(set.status.success(), "{}", text(&set));
    assert!(text(&set).contains("file:.moodbridge/secrets/salesforce"), "{}", text(&set));
    let body = || {
        let file = std::fs::read_to_string(folder.path().join(".moodbridge/secrets/salesforce"));
        file.unwrap().lines().last().unwrap().to_owned()
    };
    let before = body();
    let rotated = secret(folder.path(), &["rotate"], "");
    assert!(text(&rotated).contains("sealed 1 data keys"), "{}", text(&rotated));
    assert_eq!(body(), before, "the sealed body stays as it is");

    let listed = text(&secret(folder.path(), &["list"], ""));
    assert!(listed.contains("salesforce") && !listed.contains("hunter2"), "{listed}");
    let refused = secret(folder.path(), &["reveal", "salesforce"], "yes\n");
    assert!(!refused.status.success() && text(&refused).contains("`--yes`"), "{}", text(&refused));
    let shown = secret(folder.path(), &["reveal", "salesforce", "--yes"], "");
    assert_eq!(text(&shown), format!("{VALUE}\n"));
    assert_eq!(files_with(folder.path(), "hunter2"), Vec::<PathBuf>::new());
    assert!(secret(folder.path(), &["rm", "salesforce"], "").status.success());
    assert!(text(&secret(folder.path(), &["list"], "")).contains("no secrets"));
}

#[test]
fn value_is_no_argument_and_an_empty_one_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let given = secret(folder.path(), &["set", "salesforce", VALUE], "");
    assert_eq!(given.status.code(), Some(2));
    let empty = secret(folder.path(), &["set", "salesforce"], " \n");
    assert!(text(&empty).contains("empty"), "{}", text(&empty));
    assert!(!folder.path().join(".moodbridge").exists());
}

#[tokio::test]
async fn no_file_of_a_running_dev_holds_its_secrets_in_the_clear() {
    let folder = tempfile::tempdir().unwrap();
    let port = free_port();
    let ports = [port.to_string(), free_port().to_string()];
    let arguments =
        ["dev", "--empty", "--activity", "5", "--port", &ports[0], "--sandbox-port", &ports[1]];
    let mut moodbridge = Moodbridge::start(folder.path(), port, &arguments).await;
    let names = ["webhook-token", "client-secret", "local-signing-key"];

    for name in names {
        let shown = secret(folder.path(), &["reveal", name, "--yes"], "");
        assert!(shown.status.success(), "{name}: {}", text(&shown));
        let value = text(&shown).trim().to_owned();
        assert_eq!(value.len(), 64, "{name}");
        assert_eq!(files_with(folder.path(), &value), Vec::<PathBuf>::new(), "{name}");
    }

    assert_eq!(moodbridge.stop(), Some(0));
    assert!(files_below(folder.path()).iter().any(|it| it.ends_with("queue.db")));
}
