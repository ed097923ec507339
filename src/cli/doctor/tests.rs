//! One thing is broken at a time, and exactly that is found.

use std::path::{Path, PathBuf};

use shared::platform::Verdict;
use tempfile::TempDir;

use super::finding::{Area, Checked};
use super::*;
use crate::settings::Settings;

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
        let report = examine(&Places::of_process(Some(&path), self.data_dir())).await;
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
    let found = set_up.only().await;
    assert_eq!(found.area, Area::Secret, "{found:#?}");
    assert!(found.subject.contains("firm.auth.token"));
    assert!(found.fix.unwrap().contains("set the variable `MOODBRIDGE_NO_SUCH_SECRET`"));
}

#[tokio::test]
async fn plain_text_where_a_sealed_secret_belongs_is_found() {
    let set_up = SetUp::new().await;
    let plain = set_up.write("secrets/plain", "s3cret");
    let auth = format!("auth = {{ kind = \"bearer\", token = \"file:{}\" }}\n", plain.display());
    set_up.settings(&format!("{NOBODY}{auth}"));
    let found = set_up.only().await;
    assert_eq!(found.area, Area::Secret);
    assert!(found.what.contains("is not sealed"), "{found:?}");
    assert!(found.fix.as_ref().unwrap().contains("moodbridge secret set plain"), "{found:?}");
    assert!(!format!("{found:?}").contains("s3cret"));
}

#[tokio::test]
async fn secret_of_a_sender_that_is_not_there_is_found() {
    let set_up = SetUp::new().await;
    set_up.settings(
        "[[intake.connections]]\nname = \"main\"\norganization_id = \"00D5f000000ABCD\"\n\
         tokens = [\"env:MOODBRIDGE_NO_SUCH_SECRET\"]\n",
    );
    let found = set_up.only().await;
    assert_eq!(found.area, Area::Secret);
    assert!(found.what.contains("intake.connections[0].tokens[0]"), "{found:?}");
}

#[tokio::test]
async fn file_in_place_of_the_data_folder_is_found() {
    let folder = TempDir::new().unwrap();
    let data_dir = folder.path().join("data");
    std::fs::write(&data_dir, "a file").unwrap();
    let settings = folder.path().join("moodbridge.toml");
    std::fs::write(&settings, "server.address = \"127.0.0.1:0\"\n").unwrap();
    let report = examine(&Places::of_process(Some(&settings), &data_dir)).await;
    let found = report.findings.iter().find(|it| it.area == Area::DataFolder).unwrap();
    assert_eq!(found.verdict, Verdict::Bad);
    assert!(found.what.contains("cannot be written"), "{found:?}");
    assert!(found.fix.as_ref().unwrap().contains("--data-dir"), "{found:?}");
}

#[test]
fn disk_with_little_room_is_found() {
    let mut report = Report::default();
    checks::room("data", Some(500 << 20), &mut report);
    checks::room("data", Some(2 << 30), &mut report);
    checks::room("data", None, &mut report);
    let verdicts: Vec<_> = report.findings.iter().map(|it| it.verdict).collect();
    assert_eq!(verdicts, [Verdict::Warning, Verdict::Good, Verdict::Good]);
    assert_eq!(report.findings[0].what, "only 500 MB are free");
    assert!(report.findings[0].fix.as_ref().unwrap().contains("make room"));
}

#[tokio::test]
async fn folder_of_manifests_that_is_not_there_is_found() {
    let set_up = SetUp::new().await;
    set_up.settings("[platforms]\nfolder = \"no-such-folder\"\n");
    let found = set_up.only().await;
    assert_eq!(found.area, Area::Platforms);
    assert!(found.what.contains("platforms.folder: `no-such-folder` is no folder"), "{found:?}");
}

#[tokio::test]
async fn missing_migrations_are_found() {
    let set_up = SetUp::new().await;
    let settings = Settings::load(None, set_up.data_dir()).unwrap();
    wiring::migrate_to(&settings.case_store().unwrap(), 1).await.unwrap();
    let found = set_up.only().await;
    assert_eq!(found.area, Area::CaseStore);
    assert!(found.fix.unwrap().contains("moodbridge db migrate"));
}

#[tokio::test]
async fn database_that_nobody_answers_for_is_found() {
    let set_up = SetUp::new().await;
    set_up.settings("[store]\ncases = \"postgres://ann@127.0.0.1:9/firm\"\n");
    let found = set_up.only().await;
    assert_eq!(found.area, Area::CaseStore);
    assert!(found.fix.unwrap().contains("start PostgreSQL"), "{}", found.what);
}

#[tokio::test]
async fn password_of_a_database_that_is_not_there_is_found() {
    let set_up = SetUp::new().await;
    let server = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = server.local_addr().unwrap();
    let password = "env:MOODBRIDGE_NO_SUCH";
    set_up.settings(&format!(
        "[store]\ncases = \"postgres://ann@{address}/firm?password={password}\"\n",
    ));
    let found = set_up.only().await;
    assert_eq!(found.area, Area::CaseStore);
    assert!(found.what.contains("MOODBRIDGE_NO_SUCH"), "{found:?}");
    assert!(found.fix.unwrap().contains("put the password where"));
}

#[test]
fn fix_of_a_database_goes_by_what_it_said() {
    let address = url::Url::parse("postgres://ann@db/firm").unwrap();
    for (what, fix) in [
        ("password authentication failed for user \"ann\"", "correct the user"),
        ("database \"firm\" does not exist", "make the database"),
        ("lacks 3 migrations", "moodbridge db migrate"),
        ("failed to lookup address information", "spelling"),
    ] {
        let told = checks::fix_for_database("store.cases", &address, what);
        assert!(told.contains(fix), "{told}");
    }
}

#[tokio::test]
async fn collector_that_is_out_of_reach_is_found() {
    let set_up = SetUp::new().await;
    set_up.settings("[telemetry]\notlp_endpoint = \"http://127.0.0.1:9\"\n");
    let found = set_up.only().await;
    assert_eq!(found.area, Area::Telemetry);
    assert!(found.fix.unwrap().contains("start the collector"));
}

#[tokio::test]
async fn issuer_that_is_out_of_reach_is_found() {
    let set_up = SetUp::new().await;
    set_up.settings("[identity]\nissuer = \"http://127.0.0.1:9/\"\naudience = [\"moodbridge\"]\n");
    let found = set_up.only().await;
    assert_eq!(found.area, Area::Identity);
}
