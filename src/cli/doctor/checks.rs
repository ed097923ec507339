//! Checks of where data is kept: the folder, the case store, its audit log, and the queue.

use std::path::{Path, PathBuf};

use shared::chain;
use url::Url;
use wiring::CaseStores;

use super::finding::{Area, Report};
use crate::settings::Settings;

const POSTGRES_PORT: u16 = 5432;

/// With less room than this the next day may not fit. A case store of 100,000 cases takes 0.5 GB.
const FEW_BYTES: u64 = 1 << 30;

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
    room(&name, free_bytes(folder), report);
}

/// Reports how much room is left, where the system says so.
pub(super) fn room(name: &str, n_bytes: Option<u64>, report: &mut Report) {
    match n_bytes {
        Some(n_bytes) if n_bytes < FEW_BYTES => report.warning(
            Area::DataFolder,
            name,
            format!("only {} MB are free", n_bytes >> 20),
            "make room on that disk, or move the data folder",
        ),
        Some(n_bytes) => {
            let what = format!("can be written, {} MB are free", n_bytes >> 20);
            report.good(Area::DataFolder, name, what);
        }
        None => report.good(Area::DataFolder, name, "can be written"),
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
    if let Err(what) = reach(&address).await {
        let fix = fix_for_database("store.cases", &address, &what);
        report.bad(Area::CaseStore, &name, what, fix);
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
            let fix = fix_for_database("store.cases", &address, &what);
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
    let depth = match reach(&address).await {
        Err(what) => Err(what),
        Ok(()) => match wiring::queue(&address).await {
            Ok(queue) => queue.depth().await.map_err(|it| chain(&it).to_string()),
            Err(error) => Err(chain(&error).to_string()),
        },
    };
    match depth {
        Err(what) => {
            let fix = fix_for_database("store.events_queue", &address, &what);
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

/// Connects to the server of a database: its pool would try for long, and not say why it could not.
async fn reach(address: &Url) -> Result<(), String> {
    let host = address.host_str().unwrap_or_default();
    let is_remote = address.scheme() != "sqlite" && !host.is_empty() && !host.starts_with('%');
    if is_remote { super::network::reach(address, POSTGRES_PORT).await } else { Ok(()) }
}

/// Names the fix for a database that `setting` names and that cannot be used because of `what`.
pub(super) fn fix_for_database(setting: &str, address: &Url, what: &str) -> String {
    let what = what.to_lowercase();
    let says = |parts: &[&str]| parts.iter().any(|part| what.contains(part));
    if address.scheme() == "sqlite" {
        return format!(
            "see that `{setting}` names a database of MoodBridge and that this user may read and \
             write it; restore it from a backup if it is damaged"
        );
    }
    if says(&["secret"]) {
        format!("put the password where `{setting}` says it is (`?password=env:NAME`)")
    } else if says(&["password authentication failed", "no password"]) {
        format!("correct the user in `{setting}`, or the secret that its `password` names")
    } else if says(&["does not exist"]) {
        format!("make the database or the role, or correct `{setting}`")
    } else if says(&["lacks", "migrations", "relation"]) {
        "run `moodbridge db migrate`".to_owned()
    } else if says(&["refused"]) {
        format!("nothing listens there: start PostgreSQL, or correct host and port in `{setting}`")
    } else if says(&["lookup", "resolve", "name or service not known"]) {
        format!("the host's name is not known: check its spelling in `{setting}`")
    } else {
        format!("see that `{setting}` is right and that this machine reaches the database")
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
