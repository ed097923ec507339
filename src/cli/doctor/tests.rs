//! One thing is broken at a time, and exactly that is found.

use std::path::{Path, PathBuf};

use shared::platform::Verdict;
use tempfile::TempDir;

use super::finding::{Area, Checked};
use super::*;

/// A set-up in which everything is as it should be: no connection, and a port of its own.
struct SetUp {
    folder: TempDir,
}

impl SetUp {
    async fn new() -> Self {
        let set_up = Self { folder: TempDir::new().unwrap() };
        set_up.write("moodbridge.toml", "server.address = \"127.0.0.1:0\"\n");
        let settings = Settings::load(None, set_up.data_dir()).unwrap();
        wiring::migrate(&settings.case_store().unwrap()).await.unwrap();
        set_up
    }

    fn data_dir(&self) -> &Path {
        self.folder.path()
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.data_dir().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path
    }

    fn settings(&self, more: &str) {
        self.write("moodbridge.toml", &format!("server.address = \"127.0.0.1:0\"\n{more}"));
    }

    /// Returns what is bad or needs a look.
    async fn found(&self) -> Vec<Checked> {
        let path = self.data_dir().join("moodbridge.toml");
        let report = examine(Some(&path), self.data_dir()).await;
        report.findings.into_iter().filter(|it| it.verdict > Verdict::Unknown).collect()
    }

    /// Returns the one thing that is wrong.
    async fn only(&self) -> Checked {
        let mut found = self.found().await;
        assert_eq!(found.len(), 1, "{found:#?}");
        let found = found.remove(0);
        assert!(found.fix.is_some(), "{found:?}");
        found
    }
}

/// A connection to a port of this machine that nobody listens on.
const NOBODY: &str = "[[connections]]\nplatform = \"clio\"\nconnection = \"firm\"\nbase_url = \
                      \"http://127.0.0.1:9\"\n";

#[tokio::test]
async fn sound_set_up_has_nothing_to_find() {
    let found = SetUp::new().await.found().await;
    assert!(found.is_empty(), "{found:#?}");
}

#[tokio::test]
async fn fresh_folder_lacks_only_its_case_store() {
    let set_up = SetUp { folder: TempDir::new().unwrap() };
    set_up.settings("");
    let found = set_up.only().await;
    assert_eq!(found.area, Area::CaseStore);
    assert!(found.fix.unwrap().contains("moodbridge db migrate"));
}

#[tokio::test]
async fn setting_that_is_not_one_is_named() {
    let set_up = SetUp::new().await;
    set_up.settings("[poll]\nevry = \"60s\"\n");
    let found = set_up.only().await;
    assert_eq!(found.area, Area::Settings);
    assert!(found.what.contains("evry"), "{found:?}");
}

#[tokio::test]
async fn manifest_with_a_fault_is_named_with_its_line() {
    let set_up = SetUp::new().await;
    set_up.write("platforms/toy.yaml", "manifest: 1\nid: toy\ntitle: [Toy]\n");
    let found = set_up.found().await;
    assert!(found.iter().all(|it| it.area == Area::Platforms), "{found:#?}");
    assert!(found.iter().any(|it| it.what.contains("toy.yaml:3: title")), "{found:#?}");
}

#[tokio::test]
async fn case_store_that_is_none_is_found() {
    let set_up = SetUp::new().await;
    set_up.write("cases.db", "this is no database, and long enough to be taken for none at all");
    let found = set_up.only().await;
    assert_eq!(found.area, Area::CaseStore);
}

#[tokio::test]
async fn port_that_is_taken_is_found() {
    let set_up = SetUp::new().await;
    let other = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = other.local_addr().unwrap();
    set_up.write("moodbridge.toml", &format!("server.address = \"{address}\"\n"));
    let found = set_up.only().await;
    assert_eq!((found.area, found.verdict), (Area::Server, Verdict::Warning));
}

#[tokio::test]
async fn dead_letters_are_found() {
    let set_up = SetUp::new().await;
    let settings = Settings::load(None, set_up.data_dir()).unwrap();
    let queue = wiring::queue(&settings.events_queue().unwrap()).await.unwrap();
    let message = shared::ports::NewMessage { body: "x".into(), ..Default::default() };
    queue.send(vec![message]).await.unwrap();
    let second = std::time::Duration::from_secs(1);
    let taken = queue.receive(std::num::NonZeroU32::MIN, second * 60, second).await.unwrap();
    queue.bury(&taken[0], "not a change event").await.unwrap();
    let found = set_up.only().await;
    assert_eq!(found.area, Area::Queue);
    assert!(found.fix.unwrap().contains("replay"));
}

#[tokio::test]
async fn secret_that_others_may_read_is_found_with_the_platform_that_is_out_of_reach() {
    let set_up = SetUp::new().await;
    let secret = set_up.write("token", "s3cret");
    let auth =
        format!("auth = {{ kind = \"bearer\", token = \"mounted:{}\" }}\n", secret.display());
    set_up.settings(&format!("{NOBODY}{auth}"));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::set_permissions(&secret, std::fs::Permissions::from_mode(0o644)).unwrap();
        let found = set_up.found().await;
        assert_eq!(found[0].area, Area::Secret, "{found:#?}");
        assert!(found[0].fix.as_ref().unwrap().contains("chmod 600"));
        std::fs::set_permissions(&secret, std::fs::Permissions::from_mode(0o600)).unwrap();
    }

    let found = set_up.only().await;

    assert_eq!((found.area, found.subject.as_str()), (Area::Connection, "firm reachable"));
    assert!(found.fix.as_ref().unwrap().contains("nothing listens there"), "{found:?}");
    assert!(!format!("{found:?}").contains("s3cret"));
}

#[tokio::test]
async fn secret_that_is_not_there_is_found() {
    let set_up = SetUp::new().await;
    let auth = "auth = { kind = \"bearer\", token = \"env:MOODBRIDGE_NO_SUCH_SECRET\" }\n";
    set_up.settings(&format!("{NOBODY}{auth}"));
    let found = set_up.found().await;
    assert_eq!(found[0].area, Area::Secret, "{found:#?}");
    assert!(found[0].subject.contains("firm.auth.token"));
}

#[tokio::test]
async fn issuer_that_is_out_of_reach_is_found() {
    let set_up = SetUp::new().await;
    set_up.settings("[identity]\nissuer = \"http://127.0.0.1:9/\"\naudience = [\"moodbridge\"]\n");
    let found = set_up.only().await;
    assert_eq!(found.area, Area::Identity);
}
