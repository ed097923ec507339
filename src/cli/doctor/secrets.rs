//! Checks of secrets: that each can be read, and by nobody else.

use std::collections::BTreeSet;
use std::path::Path;

use shared::chain;
use shared::ids::ConnectionId;
use shared::ports::{SecretAddress, Secrets, SystemRandom};
use webhook_intake::Senders;

use super::finding::{Area, Report};
use crate::settings::Settings;

/// Checks every secret that `settings` address; returns the connections that lack one.
pub(super) async fn examine(settings: &Settings, report: &mut Report) -> BTreeSet<ConnectionId> {
    let secrets = settings.secret_store();
    let mut lacking = BTreeSet::new();
    for connection in &settings.connections {
        for (path, address) in connection.secrets() {
            let subject = format!("{}.{path}", connection.name());
            if !can_be_read(&subject, &address, &secrets, report).await {
                lacking.insert(connection.name().clone());
            }
        }
    }
    if let Some(address) = &settings.telemetry.otlp_headers {
        can_be_read("telemetry.otlp_headers", address, &secrets, report).await;
    }
    if let Err(error) = Senders::resolve(&settings.intake, &secrets, &SystemRandom).await {
        for fault in error.faults() {
            let fix = "put the secret where this setting says it is, or correct the setting";
            report.bad(Area::Secret, "intake", format!("intake.{fault}"), fix);
        }
    }
    lacking
}

async fn can_be_read(
    subject: &str,
    address: &SecretAddress,
    secrets: &dyn Secrets,
    report: &mut Report,
) -> bool {
    if let Err(error) = secrets.read(address).await {
        report.bad(Area::Secret, subject, chain(&error).to_string(), fix_for(subject, address));
        return false;
    }
    let (scheme, place) = address.as_str().split_once(':').unwrap_or_default();
    match scheme {
        "mounted" if is_open_to_others(Path::new(place)) => report.bad(
            Area::Secret,
            subject,
            format!("others may read `{place}`"),
            format!("run `chmod 600 {place}`, or seal it with `moodbridge secret set`"),
        ),
        "file" => report.good(Area::Secret, subject, format!("`{address}` is sealed and opens")),
        _ => report.good(Area::Secret, subject, format!("`{address}` can be read; not sealed")),
    }
    true
}

fn fix_for(subject: &str, address: &SecretAddress) -> String {
    let place = match address.as_str().split_once(':') {
        Some(("env", name)) => format!("set the variable `{name}`"),
        Some(("file", path)) => {
            let name = Path::new(path).file_name().unwrap_or_default().to_string_lossy();
            format!("seal it with `moodbridge secret set {name}`")
        }
        _ => format!("put the secret at `{address}`"),
    };
    format!("{place}, or correct `{subject}`")
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
