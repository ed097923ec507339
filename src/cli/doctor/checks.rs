//! The checks, each of one thing.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use shared::chain;
use shared::platform::Surroundings;
use shared::ports::{SystemClock, SystemRandom};
use shared::sync::ConnectionState;
use tokio::net::{TcpListener, TcpStream};
use url::Url;
use wiring::CaseStores;

use super::finding::{Area, Report};
use crate::settings::Settings;

/// With less room than this the next day may not fit. A case store of 100,000 cases takes 0.5 GB.
const FEW_BYTES: u64 = 1 << 30;

/// The longest wait for an issuer to take a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Returns what the connections of this process are given.
pub(super) fn surroundings(settings: &Settings) -> Surroundings {
    Surroundings::new(
        Arc::new(settings.local_secrets()),
        Arc::new(SystemClock),
        Arc::new(SystemRandom),
    )
}

/// Checks that the data folder can be written and has room.
pub(super) fn data_folder(settings: &Settings, report: &mut Report) {
    let folder = &settings.data_dir;
    let name = folder.display().to_string();
    if !folder.exists() {
        let what = "is not there yet: `moodbridge db migrate` makes it";
        return report.unknown(Area::DataFolder, &name, what);
    }
    let probe = folder.join(".doctor");
    let written = std::fs::write(&probe, b"").and_then(|()| std::fs::remove_file(&probe));
    if let Err(error) = written {
        let fix =
            "let the user that runs MoodBridge write there, or choose another with `--data-dir`";
        return report.bad(Area::DataFolder, &name, format!("cannot be written: {error}"), fix);
    }
    match free_bytes(folder) {
        Some(n_bytes) if n_bytes < FEW_BYTES => report.warning(
            Area::DataFolder,
            &name,
            format!("only {} MB are free", n_bytes >> 20),
            "make room on that disk, or move the data folder",
        ),
        Some(n_bytes) => {
            let what = format!("can be written, {} MB are free", n_bytes >> 20);
            report.good(Area::DataFolder, &name, what);
        }
        None => report.good(Area::DataFolder, &name, "can be written"),
    }
}

#[cfg(unix)]
fn free_bytes(folder: &Path) -> Option<u64> {
    let found = rustix::fs::statvfs(folder).ok()?;
    found.f_bavail.checked_mul(found.f_frsize)
}

#[cfg(not(unix))]
fn free_bytes(_folder: &Path) -> Option<u64> {
    None
}

/// Returns the file of a `sqlite:` address that is not there.
fn missing_file(address: &Url) -> Option<PathBuf> {
    let path = (address.scheme() == "sqlite").then(|| address.path())?;
    let path = path.replace("%3F", "?").replace("%23", "#").replace("%25", "%");
    let path = PathBuf::from(path);
    (!path.exists()).then_some(path)
}

/// Checks the case store, its migrations and its audit log.
pub(super) async fn case_store(settings: &Settings, report: &mut Report) -> Option<CaseStores> {
    let address = match settings.case_store() {
        Ok(address) => address,
        Err(error) => {
            report.bad(Area::CaseStore, "store.cases", error.to_string(), "correct `store.cases`");
            return None;
        }
    };
    let name = shown(&address);
    if missing_file(&address).is_some() {
        let fix = "run `moodbridge db migrate`, or correct `store.cases`";
        report.bad(Area::CaseStore, &name, "is not there", fix);
        return None;
    }
    match wiring::migration_report(&address).await {
        Ok(migrations) if !migrations.is_current() => {
            let fix = "run `moodbridge db migrate`; `moodbridge db status` lists each migration";
            report.bad(Area::CaseStore, &name, "is not of this version", fix);
            return None;
        }
        Err(error) => {
            let what = format!("cannot be read: {}", chain(&error));
            let fix = "see that `store.cases` names the case store and that this user may read it";
            report.bad(Area::CaseStore, &name, what, fix);
            return None;
        }
        Ok(migrations) => {
            let what = format!("{} migrations, all applied", migrations.migrations.len());
            report.good(Area::CaseStore, &name, what);
        }
    }
    match settings.open_stores().await {
        Ok(stores) => {
            audit(&stores, &name, report).await;
            Some(stores)
        }
        Err(error) => {
            let fix = "see that no other program holds the file";
            report.bad(Area::CaseStore, &name, chain(&error).to_string(), fix);
            None
        }
    }
}

async fn audit(stores: &CaseStores, name: &str, report: &mut Report) {
    let fix = "do not change the case store by hand: restore the last backup whose chain is whole, \
               and run `moodbridge audit verify`";
    match stores.audit.verify(&|_| {}).await {
        Ok(found) => match &found.fault {
            None => {
                let what = format!("the chain of {} rows is whole", found.n_rows);
                report.good(Area::Audit, name, what);
            }
            Some(fault) => {
                report.bad(Area::Audit, name, format!("the chain is broken: {fault:?}"), fix);
            }
        },
        Err(error) => report.bad(Area::Audit, name, chain(&error).to_string(), fix),
    }
}

/// Checks that the queue answers, and whether messages were set aside.
pub(super) async fn queue(settings: &Settings, report: &mut Report) {
    let address = match settings.events_queue() {
        Ok(address) => address,
        Err(error) => {
            let fix = "correct `store.events_queue`";
            return report.bad(Area::Queue, "store.events_queue", error.to_string(), fix);
        }
    };
    let name = shown(&address);
    if missing_file(&address).is_some() {
        let what = "is not there yet: the first start makes it";
        return report.unknown(Area::Queue, &name, what);
    }
    let depth = match wiring::queue(&address).await {
        Ok(queue) => queue.depth().await.map_err(|it| chain(&it).to_string()),
        Err(error) => Err(chain(&error).to_string()),
    };
    match depth {
        Err(what) => {
            let fix = "see that `store.events_queue` names a queue and that this user may write it";
            report.bad(Area::Queue, &name, what, fix);
        }
        Ok(depth) if depth.n_dead > 0 => report.warning(
            Area::Queue,
            &name,
            format!("{} messages were set aside", depth.n_dead),
            "see why with `moodbridge queue dead`, mend it, then `moodbridge queue replay --all`",
        ),
        Ok(depth) => {
            report.good(Area::Queue, &name, format!("{} messages wait", depth.n_ready));
        }
    }
}

/// Checks that each secret can be read, and by nobody else.
pub(super) async fn secrets(settings: &Settings, surroundings: &Surroundings, report: &mut Report) {
    for connection in &settings.connections {
        for (path, address) in connection.secrets() {
            let subject = format!("{}.{path}", connection.name());
            if let Err(error) = surroundings.secrets.read(&address).await {
                let fix = format!("put the secret at `{address}`, or correct `{path}`");
                report.bad(Area::Secret, &subject, chain(&error).to_string(), fix);
                continue;
            }
            match address
                .as_str()
                .strip_prefix("mounted:")
                .filter(|it| is_open_to_others(Path::new(it)))
            {
                Some(file) => report.bad(
                    Area::Secret,
                    &subject,
                    format!("others may read `{file}`"),
                    format!("run `chmod 600 {file}`"),
                ),
                None => report.good(Area::Secret, &subject, format!("`{address}` can be read")),
            }
        }
    }
}

#[cfg(unix)]
fn is_open_to_others(path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    std::fs::metadata(path).is_ok_and(|it| it.mode() & 0o077 != 0)
}

#[cfg(not(unix))]
fn is_open_to_others(_path: &Path) -> bool {
    false
}

/// Checks each connection.
pub(super) async fn connections(
    settings: &Settings,
    surroundings: &Surroundings,
    stores: Option<&CaseStores>,
    report: &mut Report,
) {
    for connection in &settings.connections {
        let mut last_success_at = None;
        if let Some(stores) = stores {
            let name = ConnectionState::ledger_name(connection.name());
            let entry = stores.ledger.get(&name).await.ok().flatten();
            let state =
                entry.and_then(|it| serde_json::from_str::<ConnectionState>(&it.value).ok());
            last_success_at = state.and_then(|it| it.last_success_at);
        }
        let health = connection.health(surroundings, last_success_at).await;
        for finding in health.findings {
            let subject = format!("{} {}", connection.name(), finding.aspect);
            report.add(Area::Connection, subject, finding.verdict, finding.what, finding.fix);
        }
    }
}

/// Checks that the issuer of people's tokens can be reached.
pub(super) async fn identity(settings: &Settings, report: &mut Report) {
    let Some(identity) = &settings.identity else { return };
    let name = identity.issuer.clone();
    let Ok(issuer) = Url::parse(&name) else {
        let fix = "write the address of your issuer at `identity.issuer`";
        return report.bad(Area::Identity, &name, "is not an address", fix);
    };
    let host = issuer.host_str().unwrap_or_default().to_owned();
    let port = issuer.port_or_known_default().unwrap_or(443);
    let connecting = tokio::time::timeout(CONNECT_TIMEOUT, TcpStream::connect((host, port)));
    let what = match connecting.await {
        Ok(Ok(_)) => return report.good(Area::Identity, &name, "can be reached"),
        Ok(Err(error)) => format!("cannot be reached: {error}"),
        Err(_) => format!("took no connection within {} s", CONNECT_TIMEOUT.as_secs()),
    };
    let fix = "correct `identity.issuer`, or see that this machine reaches it; until then nobody \
               can sign in";
    report.bad(Area::Identity, &name, what, fix);
}

/// Checks that the server's address is free.
pub(super) async fn server(settings: &Settings, report: &mut Report) {
    let address = settings.server.address;
    let name = address.to_string();
    match TcpListener::bind(address).await {
        Ok(_) => report.good(Area::Server, &name, "is free"),
        Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => report.warning(
            Area::Server,
            &name,
            "something listens there already",
            "that is well when MoodBridge runs; else stop the other program, or choose another \
             port with `server.address`",
        ),
        Err(error) => report.bad(
            Area::Server,
            &name,
            format!("cannot be listened on: {error}"),
            "write an address of this machine at `server.address`, such as `127.0.0.1:8080`",
        ),
    }
}

/// Shows an address without what may be a password in it.
fn shown(address: &Url) -> String {
    let mut shown = address.clone();
    if shown.password().is_some() {
        let _ = shown.set_password(Some("…"));
    }
    shown.to_string()
}
