//! Checks of everything that is reached over the network, and of the port that others reach.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use shared::chain;
use shared::config::{Env, Fault};
use shared::ids::ConnectionId;
use shared::platform::Surroundings;
use shared::ports::{Clock as _, LedgerEntry, StreamStatus, SystemClock, SystemRandom};
use shared::sync::{ConnectionState, ConnectionStatus, SchemaNote, Severity};
use tokio::net::{TcpListener, TcpStream};
use url::Url;
use wiring::CaseStores;

use super::finding::{Area, Report};
use crate::settings::Settings;

/// The longest wait for a collector to take a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

const HTTPS_PORT: u16 = 443;

/// A status of a stream that is older says nothing about the present.
const STATUS_HOLDS_FOR: Duration = Duration::from_mins(15);

/// Returns what the connections of this process are given, as `serve` gives it.
fn surroundings(settings: &Settings, stores: Option<&CaseStores>) -> Result<Surroundings, Fault> {
    let secrets = Arc::new(settings.secret_store());
    Ok(Surroundings {
        // A platform that replaces a refresh token takes back the old one: the new one must be kept.
        writer: Some(secrets.clone()),
        ledger: stores.map(|it| it.ledger.clone()),
        tls: settings.http.load()?,
        ..Surroundings::new(secrets, Arc::new(SystemClock), Arc::new(SystemRandom))
    })
}

/// Checks each connection but those in `lacking`, whose secrets are reported already.
pub(super) async fn connections(
    settings: &Settings,
    lacking: &BTreeSet<ConnectionId>,
    stores: Option<&CaseStores>,
    report: &mut Report,
) {
    let surroundings = match surroundings(settings, stores) {
        Ok(surroundings) => surroundings,
        Err(fault) => {
            let fix = "write a file of root certificates in PEM form there, or leave it out";
            return report.bad(Area::Settings, "http", fault.below("http").to_string(), fix);
        }
    };
    for connection in &settings.connections {
        if lacking.contains(connection.name()) {
            let what = "not asked, since a secret of it is missing";
            report.unknown(Area::Connection, connection.name().as_str(), what);
            continue;
        }
        let mut last_success_at = None;
        if let Some(stores) = stores {
            let name = ConnectionState::ledger_name(connection.name());
            let entry = stores.ledger.get(&name).await.ok().flatten();
            let state =
                entry.and_then(|it| serde_json::from_str::<ConnectionState>(&it.value).ok());
            last_success_at = state.and_then(|it| it.last_success_at);
        }
        let health = connection.health(&surroundings, last_success_at).await;
        for finding in health.findings {
            let subject = format!("{} {}", connection.name(), finding.aspect);
            report.add(Area::Connection, subject, finding.verdict, finding.what, finding.fix);
        }
        if let Some(stores) = stores {
            streams(connection.name(), stores, report).await;
            schemas(connection.name(), stores, report).await;
        }
    }
}

/// Checks how the bucket at `address` is kept.
pub(super) async fn bucket(address: &Url, report: &mut Report) {
    match wiring::examine_bucket(address).await {
        Ok(findings) => {
            for it in findings {
                let subject = format!("{address} {}", it.aspect);
                let fix = it.fix.map(ToOwned::to_owned);
                report.add(Area::Bucket, subject, it.verdict, it.what, fix);
            }
        }
        Err(error) => {
            let fix = "write such as `--bucket s3://moodbridge-documents`";
            report.bad(Area::Bucket, address.as_str(), chain(&error).to_string(), fix);
        }
    }
}

/// Tells how the event streams of a connection did when they were last looked at.
async fn streams(connection: &ConnectionId, stores: &CaseStores, report: &mut Report) {
    let prefix = format!("{}{connection}/", StreamStatus::LEDGER_PREFIX);
    let entries = stores.ledger.list(&prefix).await.unwrap_or_default();
    let read = |entry: &LedgerEntry| serde_json::from_str::<StreamStatus>(&entry.value).ok();
    for status in entries.iter().filter_map(|(_, entry)| read(entry)) {
        let subject = format!("{connection} {}", status.topic);
        let age = SystemClock.now().since(status.checked_at);
        let fix = "see docs/runbooks/event-stream.md; meanwhile the poller reads the same changes";
        match status.detail {
            _ if age > STATUS_HOLDS_FOR => {
                let what = format!("not followed since {}", status.checked_at);
                let fix =
                    "start `moodbridge serve` or the change subscriber, or leave `events` out";
                report.warning(Area::Connection, &subject, what, fix);
            }
            None => report.good(Area::Connection, &subject, "is followed"),
            Some(what) if status.status == ConnectionStatus::Down => {
                report.bad(Area::Connection, &subject, what, fix);
            }
            Some(what) => report.warning(Area::Connection, &subject, what, fix),
        }
    }
}

/// Tells what the last looks at the objects of a connection found.
async fn schemas(connection: &ConnectionId, stores: &CaseStores, report: &mut Report) {
    let prefix = format!("{}{connection}/", SchemaNote::LEDGER_PREFIX);
    let entries = stores.ledger.list(&prefix).await.unwrap_or_default();
    let fix =
        "`moodbridge sync drift` looks again; with `--accept` it keeps what was meant to change";
    for (name, entry) in &entries {
        let object = name.strip_prefix(&prefix).unwrap_or(name);
        let Ok(note) = serde_json::from_str::<SchemaNote>(&entry.value) else { continue };
        let subject = format!("{connection} {object}");
        let of = |severity| note.findings.iter().filter(move |it| it.severity == severity);
        for finding in of(Severity::BreaksMappedField) {
            report.bad(Area::Connection, &subject, finding.text.clone(), fix);
        }
        for finding in of(Severity::NeedsAttention) {
            report.warning(Area::Connection, &subject, finding.text.clone(), fix);
        }
        if note.findings.iter().all(|it| it.severity == Severity::Note) {
            let what = format!("is as it is mapped, at {}", note.looked_at);
            report.good(Area::Connection, &subject, what);
        }
    }
}

/// Checks that the process group of NiFi can be looked at, and that its parts are valid.
pub(super) async fn nifi(settings: &Settings, stores: Option<&CaseStores>, report: &mut Report) {
    let Some(address) = &settings.nifi.address else { return };
    // A file that cannot be read is a fault of the settings, and told there.
    let Ok(surroundings) = surroundings(settings, stores) else { return };
    let subject = address.host_str().unwrap_or_default();
    let fix = "see \"When something fails\" in docs/nifi.md";
    let looked = match wiring::dataflow(address, &surroundings) {
        Ok(flow) => flow.look().await,
        Err(error) => {
            return report.bad(Area::Nifi, subject, chain(&error).to_string(), fix);
        }
    };
    let flow = match looked {
        Ok(flow) => flow,
        Err(error) => return report.bad(Area::Nifi, subject, chain(&error).to_string(), fix),
    };
    for part in flow.parts.iter().filter(|it| !it.faults.is_empty()) {
        let what = format!("`{}` cannot run: {}", part.name, part.faults.join("; "));
        report.warning(Area::Nifi, subject, what, "correct it in NiFi");
    }
    let what = format!("NiFi {}, `{}`: {} wait", flow.version, flow.name, flow.n_files_queued);
    report.good(Area::Nifi, subject, what);
}

/// Checks that the issuer of people's tokens is one, and gives its keys.
pub(super) async fn identity(settings: &Settings, report: &mut Report) {
    let Some(identity) = &settings.identity else { return };
    let (clock, random) = (Arc::new(SystemClock), Arc::new(SystemRandom));
    // A file that cannot be read is a fault of the settings, and told there.
    let tls = settings.http.load().unwrap_or_default();
    match wiring::read_issuer(identity, tls, clock, random).await {
        Ok(()) => {
            report.good(Area::Identity, &identity.issuer, "says who it is, and gives its keys");
        }
        Err(error) => {
            let fix = "correct `identity.issuer`: below it must stand \
                       `.well-known/openid-configuration`, and this machine must reach it; until \
                       then nobody can sign in";
            report.bad(Area::Identity, &identity.issuer, chain(&error).to_string(), fix);
        }
    }
}

/// Checks that the collector of traces takes connections, where one is named.
pub(super) async fn telemetry(settings: &Settings, report: &mut Report) {
    let mut env = Env::of_process();
    let telemetry = settings.telemetry.clone().with_env(&mut env);
    let fix = "start the collector, or correct `telemetry.otlp_endpoint` (or the variable \
               `OTEL_EXPORTER_OTLP_ENDPOINT`); until then traces are lost";
    if let Err(error) = env.finish(Some(())) {
        for fault in error.faults() {
            report.bad(Area::Telemetry, "traces", fault.clone(), fix);
        }
    }
    let Some(endpoint) = telemetry.otlp_endpoint else { return };
    match reach(&endpoint, HTTPS_PORT).await {
        Ok(()) => report.good(Area::Telemetry, endpoint.as_str(), "takes connections"),
        Err(what) => report.bad(Area::Telemetry, endpoint.as_str(), what, fix),
    }
}

/// Connects to where `address` points, and no more.
pub(super) async fn reach(address: &Url, usual_port: u16) -> Result<(), String> {
    let host = address.host_str().unwrap_or_default().trim_matches(['[', ']']).to_owned();
    let port = address.port_or_known_default().unwrap_or(usual_port);
    match tokio::time::timeout(CONNECT_TIMEOUT, TcpStream::connect((host, port))).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) => Err(format!("cannot be reached: {error}")),
        Err(_) => Err(format!("took no connection within {} s", CONNECT_TIMEOUT.as_secs())),
    }
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
