//! `moodbridge doctor` on a fresh set-up, and on one with everything broken at once.

use std::collections::BTreeSet;
use std::net::TcpListener;
use std::path::Path;
use std::sync::Mutex;
use std::time::Duration;

use fault_server::{Answer, Authority, FaultServer, Received, Script, TlsVersion};
use serde_json::Value;
use sqlx::{Connection as _, SqliteConnection};

use crate::firm::command_json;
use crate::manifest::{Account, matter, seal};
use crate::moodbridge::command;

const SETTINGS: &str = "moodbridge.toml";

/// Runs the doctor, and returns its exit code, what it found, and what it printed.
fn doctor(folder: &Path) -> (Option<i32>, Vec<Value>, String) {
    let answer = command(folder, &["--json", "doctor"]);
    let said = String::from_utf8(answer.stdout).unwrap();
    let report: Value = serde_json::from_str(&said)
        .unwrap_or_else(|_| panic!("{said}{}", String::from_utf8_lossy(&answer.stderr)));
    (answer.status.code(), report["findings"].as_array().unwrap().clone(), said)
}

/// Lists what has a fix: what is wrong, or needs a look.
fn wrong(findings: &[Value]) -> Vec<(String, String)> {
    let text = |it: &Value| it.as_str().unwrap().to_owned();
    let faults = findings.iter().filter(|it| !it["fix"].is_null());
    faults.map(|it| (text(&it["subject"]), text(&it["fix"]))).collect()
}

#[test]
fn fresh_set_up_is_one_command_away_from_sound() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join(SETTINGS), "server.address = \"127.0.0.1:0\"\n").unwrap();
    let (code, findings, _) = doctor(folder.path());
    assert_eq!(code, Some(3));
    let wrong_at_first = wrong(&findings);
    assert_eq!(wrong_at_first.len(), 1, "{wrong_at_first:?}");
    assert!(wrong_at_first[0].1.contains("run `moodbridge db migrate`"), "{wrong_at_first:?}");

    assert!(command(folder.path(), &["db", "migrate"]).status.success());

    let (code, findings, _) = doctor(folder.path());
    assert_eq!(code, Some(0), "{findings:#?}");
    assert!(wrong(&findings).is_empty());
}

#[test]
fn every_fault_of_the_settings_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let broken = "[poll]\nevery = \"soon\"\nlagg = \"1s\"\n[platforms]\nfolder = \"nowhere\"\n";
    std::fs::write(folder.path().join(SETTINGS), broken).unwrap();
    let (code, findings, said) = doctor(folder.path());
    assert_eq!(code, Some(3));
    assert_eq!(wrong(&findings).len(), 3, "{said}");
    for part in ["poll.every", "did you mean `lag`?", "platforms.folder: `nowhere`"] {
        assert!(said.contains(part), "`{part}` is not in {said}");
    }
}

/// The servers of one broken set-up; each fails in its own way.
struct Peers {
    sound: FaultServer,
    refusing: fault_server::RefusingServer,
    unknown_authority: FaultServer,
    old_tls: FaultServer,
    wrong_clock: FaultServer,
    denied: FaultServer,
    limited: FaultServer,
    garbage: FaultServer,
    forbidden: FaultServer,
    no_issuer: FaultServer,
    taken: TcpListener,
}

/// Returns an account with one matter, whose clock is so much behind.
fn account(clock_behind: Duration) -> Account {
    let mut matter = matter(1711, "Doe v. Roe");
    matter["updated_at"] = "2026-01-05T09:00:00Z".into();
    Account { matters: vec![matter], clock_behind, ..Account::default() }
}

async fn clio(change: impl Fn(&Received, Answer) -> Answer + Send + Sync + 'static) -> FaultServer {
    serve(account(Duration::ZERO), change).await
}

async fn encrypted(authority: &Authority, version: TlsVersion) -> FaultServer {
    let script = Script::always(Answer::json("{}"));
    FaultServer::start_tls(script, authority, version).await.unwrap()
}

/// Serves `account`, whose answers `change` spoils.
async fn serve(
    account: Account,
    change: impl Fn(&Received, Answer) -> Answer + Send + Sync + 'static,
) -> FaultServer {
    let account = Mutex::new(account);
    let script = Script::by(move |request| {
        let answer = account.lock().unwrap().answer(request);
        change(request, answer).into()
    });
    FaultServer::start(script).await.unwrap()
}

impl Peers {
    async fn start(folder: &Path) -> Self {
        let (trusted, unknown) = (Authority::new().unwrap(), Authority::new().unwrap());
        std::fs::write(folder.join("roots.pem"), trusted.pem()).unwrap();
        Self {
            sound: clio(|_, answer| answer).await,
            refusing: FaultServer::refusing().unwrap(),
            unknown_authority: encrypted(&unknown, TlsVersion::Tls13).await,
            old_tls: encrypted(&trusted, TlsVersion::Tls12).await,
            wrong_clock: serve(account(Duration::from_secs(3600)), |_, answer| answer).await,
            denied: clio(|_, _| Answer::status(401)).await,
            limited: clio(|_, _| Answer::slow_down(3600)).await,
            garbage: clio(|_, _| Answer::html("<h1>Sign in</h1>")).await,
            forbidden: clio(|request, answer| {
                let is_matters = request.path.ends_with("matters.json");
                if is_matters { Answer::status(403) } else { answer }
            })
            .await,
            no_issuer: FaultServer::start(Script::always(Answer::status(404))).await.unwrap(),
            taken: TcpListener::bind("127.0.0.1:0").unwrap(),
        }
    }

    fn settings(&self) -> String {
        let mut settings = format!(
            "[server]\naddress = \"{}\"\n\
             [store]\nevents_queue = \"postgres://ann@127.0.0.1:9/firm?queue=events\"\n\
             [telemetry]\notlp_endpoint = \"http://127.0.0.1:9\"\n\
             [http]\nextra_roots_file = \"roots.pem\"\n\
             [identity]\nissuer = \"{}\"\naudience = [\"moodbridge\"]\n\
             [[intake.sources]]\nname = \"docketly\"\nsecrets = [\"env:MOODBRIDGE_NO_SUCH_HOOK\"]\n",
            self.taken.local_addr().unwrap(),
            self.no_issuer.url("/").trim_end_matches('/'),
        );
        let sealed = "file:.moodbridge/secrets/clio";
        let refused = self.refusing.url("/api/v4");
        for (name, url, token) in [
            ("sound", self.sound.url("/api/v4"), sealed),
            ("missing-secret", refused.clone(), "env:MOODBRIDGE_NO_SUCH_SECRET"),
            ("plain-secret", refused.clone(), "file:plain"),
            ("open-secret", self.sound.url("/api/v4"), "mounted:open"),
            ("refused", refused, sealed),
            ("no-such-host", "https://no-such-host.invalid/api/v4".to_owned(), sealed),
            ("unknown-authority", self.unknown_authority.url("/api/v4"), sealed),
            ("old-tls", self.old_tls.url("/api/v4"), sealed),
            ("wrong-clock", self.wrong_clock.url("/api/v4"), sealed),
            ("denied", self.denied.url("/api/v4"), sealed),
            ("limited", self.limited.url("/api/v4"), sealed),
            ("garbage", self.garbage.url("/api/v4"), sealed),
            ("forbidden", self.forbidden.url("/api/v4"), sealed),
        ] {
            settings.push_str(&connection(name, &url, token));
        }
        settings
    }
}

fn connection(name: &str, url: &str, token: &str) -> String {
    format!(
        "[[connections]]\nplatform = \"clio\"\nconnection = \"{name}\"\nbase_url = \"{url}\"\n\
         auth = {{ kind = \"bearer\", token = \"{token}\" }}\n"
    )
}

/// Reads the one matter into the case store, then alters its audit row by hand.
async fn tamper_with_the_audit_log(folder: &Path, clio: &FaultServer) {
    let sound = connection("sound", &clio.url("/api/v4"), "file:.moodbridge/secrets/clio");
    std::fs::write(folder.join(SETTINGS), sound).unwrap();
    assert!(command(folder, &["db", "migrate"]).status.success());
    let run = command_json(folder, &["--json", "sync", "run"]);
    assert_eq!(run["n_applied"], 1, "{run}");
    let file = folder.join(".moodbridge/cases.db");
    let mut database = SqliteConnection::connect(&file.display().to_string()).await.unwrap();
    let sql = "DROP TRIGGER audit_is_never_changed; UPDATE audit SET actor = 'somebody'";
    sqlx::raw_sql(sql).execute(&mut database).await.unwrap();
    database.close().await.unwrap();
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn set_up_that_is_broken_in_every_way_has_each_fault_named_with_its_fix() {
    use std::os::unix::fs::PermissionsExt as _;

    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let peers = Peers::start(folder).await;
    seal(folder, "clio", crate::manifest::TOKEN);
    tamper_with_the_audit_log(folder, &peers.sound).await;
    std::fs::write(folder.join("plain"), "hunter2").unwrap();
    std::fs::write(folder.join("open"), crate::manifest::TOKEN).unwrap();
    std::fs::set_permissions(folder.join("open"), std::fs::Permissions::from_mode(0o644)).unwrap();
    let platforms = folder.join(".moodbridge/platforms");
    std::fs::create_dir_all(&platforms).unwrap();
    std::fs::write(platforms.join("toy.yaml"), "manifest: 1\nid: toy\ntitle: Toy\n").unwrap();
    std::fs::write(folder.join(SETTINGS), peers.settings()).unwrap();

    let (code, findings, said) = doctor(folder);

    assert_eq!(code, Some(3));
    let found = wrong(&findings);
    let issuer = peers.no_issuer.url("/").trim_end_matches('/').to_owned();
    let server = peers.taken.local_addr().unwrap().to_string();
    let expected = [
        ("manifests", "correct the manifest"),
        ("sqlite:.moodbridge/cases.db", "restore the last backup whose chain is whole"),
        ("postgres://ann@127.0.0.1:9/firm?queue=events", "start PostgreSQL"),
        ("missing-secret.auth.token", "set the variable `MOODBRIDGE_NO_SUCH_SECRET`"),
        ("plain-secret.auth.token", "moodbridge secret set plain"),
        ("open-secret.auth.token", "chmod 600 open"),
        ("intake", "put the secret where this setting says"),
        ("refused reachable", "nothing listens there"),
        ("no-such-host reachable", "the host's name is not known"),
        ("unknown-authority reachable", "http.extra_roots_file"),
        ("old-tls reachable", "http.tls12_hosts"),
        ("wrong-clock clock", "set this machine's clock"),
        ("denied authenticated", "check the secrets"),
        ("limited quota", "wait for the platform's window"),
        ("garbage reachable", "something answers, but not as this platform does"),
        ("forbidden permitted", "let the integration's user read `Matter`"),
        (&*issuer, "correct `identity.issuer`"),
        ("http://127.0.0.1:9/", "start the collector"),
        (&*server, "choose another port"),
    ];
    for (subject, fix) in expected {
        let is_named = found.iter().any(|(at, told)| at == subject && told.contains(fix));
        assert!(is_named, "`{subject}` with `{fix}` is not in {found:#?}\n{said}");
    }
    let subjects: BTreeSet<_> = found.iter().map(|(subject, _)| subject.as_str()).collect();
    let wanted: BTreeSet<_> = expected.iter().map(|(subject, _)| *subject).collect();
    assert_eq!(subjects, wanted, "nothing else is wrong");
    for secret in ["hunter2", crate::manifest::TOKEN] {
        assert!(!said.contains(secret), "{said}");
    }
}
