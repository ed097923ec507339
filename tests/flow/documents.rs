//! Documents of cases by the command line: `moodbridge docs put` and `get`, with a folder as store.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use adapter_sql::testkit::sample_matter;
use serde_json::{Value, json};

use crate::firm::command_json;
use crate::moodbridge::{BINARY, command};
use crate::place::Place;

/// How long a transfer may take until it has moved a part, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A deployment with one case, whose documents lie in a folder.
struct Office {
    place: Place,
    case: String,
}

impl Office {
    async fn new() -> Self {
        let place = Place::new().await;
        let folder = place.path();
        let documents = url::Url::from_directory_path(folder.join("kept")).unwrap();
        let mut settings = format!("[store]\ndocuments = \"{documents}\"\n");
        if let Some((cases, queue)) = place.addresses() {
            settings = format!("{settings}cases = \"{cases}\"\nevents_queue = \"{queue}\"\n");
        }
        std::fs::write(folder.join("moodbridge.toml"), settings).unwrap();
        assert!(command(folder, &["db", "migrate"]).status.success());
        sample_matter(&folder.join("main.db")).await;
        let taken = command_json(folder, &["--json", "import", "moodbridge", "main.db"]);
        let case = taken["files"][0]["case_id"].as_str().unwrap().to_owned();
        Self { place, case }
    }

    fn folder(&self) -> &Path {
        self.place.path()
    }

    /// Writes a file whose every mebibyte is another one.
    fn file(&self, name: &str, n_mebibytes: u32) -> PathBuf {
        let path = self.folder().join(name);
        let mut bytes = Vec::new();
        for number in 0..n_mebibytes {
            bytes.resize(bytes.len() + (1 << 20), u8::try_from(number % 251).unwrap());
        }
        bytes.extend(name.as_bytes());
        std::fs::write(&path, bytes).unwrap();
        path
    }

    fn run(&self, arguments: &[&str]) -> Value {
        command_json(self.folder(), &[&["--json", "docs"], arguments].concat())
    }

    fn put(&self, file: &str) -> Value {
        self.run(&["put", file, "--case", &self.case])
    }

    /// Runs a command that must fail, and returns its last words.
    fn refused(&self, arguments: &[&str]) -> String {
        let output = command(self.folder(), &[&["docs"], arguments].concat());
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {said}");
        assert!(output.stdout.is_empty(), "{arguments:?}");
        said
    }

    fn begin(&self, arguments: &[&str]) -> Child {
        let mut begun = Command::new(BINARY);
        begun.args(["docs"]).args(arguments).current_dir(self.folder());
        begun.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    }
}

/// Kills `running` as soon as its notes tell of a part; `false` when it was faster.
fn kill_halfway(mut running: Child, notes: impl Fn() -> Option<PathBuf>) -> bool {
    let begun = Instant::now();
    loop {
        let text = notes().and_then(|it| std::fs::read_to_string(it).ok()).unwrap_or_default();
        if text.lines().count() > 1 {
            running.kill().unwrap();
            running.wait().unwrap();
            return notes().is_some_and(|it| it.exists());
        }
        if running.try_wait().unwrap().is_some() {
            return false;
        }
        assert!(begun.elapsed() < PATIENCE, "no part was moved");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Finds the notes of the one upload that is under way.
fn upload_notes(folder: &Path) -> Option<PathBuf> {
    let notes = std::fs::read_dir(folder.join(".moodbridge/transfers")).ok()?;
    let mut notes = notes.map(|it| it.unwrap().path());
    notes.find(|it| it.extension().is_some_and(|it| it == "jsonl"))
}

#[tokio::test]
async fn document_goes_there_and_back_once_with_every_byte() {
    let office = Office::new().await;
    let file = office.file("lease.pdf", 3);

    let command = ["put", "lease.pdf", "--case", &office.case, "--label", "A-1"];
    let put = office.run(&command);
    let again = office.run(&command);
    let other = office.refused(&command[..4]);

    let n_bytes = std::fs::metadata(&file).unwrap().len();
    let id = put["id"].as_str().unwrap();
    assert_eq!((&put["is_new"], &put["n_sent"]), (&json!(true), &json!(n_bytes)), "{put}");
    assert_eq!((&put["case_id"], &put["exhibit_label"]), (&json!(office.case), &json!("A-1")));
    let what = (&put["name"], &put["media_type"], &put["size_bytes"]);
    assert_eq!(what, (&json!("lease.pdf"), &json!("application/pdf"), &json!(n_bytes)));
    assert_eq!(put["sha256"].as_str().map(str::len), Some(64));
    assert_eq!((&again["is_new"], &again["n_sent"]), (&json!(false), &json!(0)), "{again}");
    assert_eq!((&again["id"], &again["exhibit_label"]), (&put["id"], &json!("A-1")));
    let words = "--name `lease.pdf`, --media-type `application/pdf`, --label `A-1`";
    assert!(other.contains(id) && other.contains(words), "{other}");

    let got = office.run(&["get", id, "--to", "back.pdf"]);
    assert_eq!(
        got,
        json!({"id": id, "file": "back.pdf", "n_bytes": n_bytes, "n_fetched": n_bytes,
            "is_proven": true})
    );
    let back = office.folder().join("back.pdf");
    assert_eq!(std::fs::read(back).unwrap(), std::fs::read(file).unwrap());
    assert_eq!(command_json(office.folder(), &["--json", "audit", "verify"])["fault"], json!(null));
}

#[tokio::test]
async fn killed_upload_and_killed_download_go_on_where_they_stopped() {
    let office = Office::new().await;
    let mut halfway = None;
    for attempt in 0..5 {
        let name = format!("film-{attempt}.mp4");
        office.file(&name, 160);
        let running = office.begin(&["put", &name, "--case", &office.case]);
        if kill_halfway(running, || upload_notes(office.folder())) {
            halfway = Some(name);
            break;
        }
    }
    let name = halfway.expect("an upload that is killed before its end");

    let put = office.put(&name);

    let n_bytes = put["size_bytes"].as_u64().unwrap();
    let n_sent = put["n_sent"].as_u64().unwrap();
    assert!(0 < n_sent && n_sent < n_bytes, "{put}");
    assert_eq!(put["is_new"], true, "a killed run files nothing");
    assert_eq!(upload_notes(office.folder()), None);

    let id = put["id"].as_str().unwrap();
    let notes = office.folder().join(".back.mp4.notes");
    let is_halfway = (0..5).any(|_| {
        let _ = std::fs::remove_file(office.folder().join("back.mp4"));
        kill_halfway(office.begin(&["get", id, "--to", "back.mp4"]), || Some(notes.clone()))
    });
    assert!(is_halfway, "a download that is killed before its end");
    assert!(!office.folder().join("back.mp4").exists(), "a part of a document is no document");

    let got = office.run(&["get", id, "--to", "back.mp4"]);

    let n_fetched = got["n_fetched"].as_u64().unwrap();
    assert!(0 < n_fetched && n_fetched < n_bytes, "{got}");
    assert_eq!(got["is_proven"], true);
    let sent = std::fs::read(office.folder().join(name)).unwrap();
    assert!(std::fs::read(office.folder().join("back.mp4")).unwrap() == sent, "other bytes");
    assert!(!notes.exists());
}

#[tokio::test]
async fn file_that_is_there_is_replaced_only_by_the_whole_document() {
    let office = Office::new().await;
    office.file("lease.pdf", 1);
    let put = office.put("lease.pdf");
    let id = put["id"].as_str().unwrap();
    let target = office.folder().join("target.pdf");
    std::fs::write(&target, "an older one").unwrap();
    let folder = office.folder().join("folder");
    std::fs::create_dir(&folder).unwrap();

    // The store has lost the bytes, and gets them back.
    let kept = office.folder().join("kept");
    let aside = office.folder().join("aside");
    std::fs::rename(&kept, &aside).unwrap();
    let said = office.refused(&["get", id, "--to", "target.pdf"]);
    assert!(said.contains("NotFound") && said.contains(id), "{said}");
    assert_eq!(std::fs::read_to_string(&target).unwrap(), "an older one");
    let _ = std::fs::remove_dir_all(&kept);
    std::fs::rename(&aside, &kept).unwrap();

    office.run(&["get", id, "--to", "target.pdf"]);
    office.run(&["get", id, "--to", "folder"]);
    let sent = std::fs::read(office.folder().join("lease.pdf")).unwrap();
    assert!(
        std::fs::read(target).unwrap() == sent
            && std::fs::read(folder.join("lease.pdf")).unwrap() == sent
    );
}

#[tokio::test]
async fn what_cannot_be_is_named_and_nothing_is_kept_of_it() {
    let office = Office::new().await;
    office.file("lease.pdf", 1);
    let nobody = "00000000-0000-8000-8000-000000000000";
    for (arguments, wanted) in [
        (&["put", "lease.pdf", "--case", nobody][..], "no case `00000000-"),
        (&["put", "missing.pdf", "--case", &office.case], "missing.pdf"),
        (&["put", ".", "--case", &office.case], "--name"),
        (&["get", nobody], "no such document is here"),
    ] {
        let said = office.refused(arguments);
        assert!(said.contains(wanted), "{arguments:?}: {said}");
    }
    assert_eq!(upload_notes(office.folder()), None);
    let kept = office.folder().join("kept");
    let n_kept = std::fs::read_dir(kept)
        .map_or(0, |it| it.filter(|it| it.as_ref().unwrap().path().is_file()).count());
    assert_eq!(n_kept, 0);

    // An address of no store is a setting that cannot be used, told before anything is read.
    for (address, wanted) in [("ftp://somewhere", "store.documents"), ("", "store.documents")] {
        let set = format!("store.documents={address}");
        let put = ["--set", &set, "docs", "put", "lease.pdf", "--case", &office.case];
        let output = command(office.folder(), &put);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(78), "{said}");
        assert!(said.contains(wanted), "{said}");
    }
    // A folder that cannot be made: what stands there is a file.
    let blocked = url::Url::from_file_path(office.folder().join("lease.pdf/kept")).unwrap();
    let set = format!("store.documents={blocked}");
    let put = ["--set", &set, "docs", "put", "lease.pdf", "--case", &office.case];
    let output = command(office.folder(), &put);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("lease.pdf"), "{said}");
}
