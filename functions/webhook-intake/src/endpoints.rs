//! The routes, and what every webhook goes through on them.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::rejection::PathRejection;
use axum::extract::{ConnectInfo, Path, Request, State};
use axum::http::HeaderMap;
use axum::http::request::Parts;
use axum::response::Response;
use axum::routing::post;
use metrics::counter;
use serde::Deserialize;
use shared::chain;
use shared::ids::CorrelationId;
use tracing::{error, info, warn};

use crate::answer::{self, Accepted};
use crate::intake::{Draft, Intake};
use crate::refusal::Refusal;
use crate::senders::Caller;
use crate::{body, change_events, outbound_message, signed_webhook, soap};

/// A log line names no more events than these.
const MAX_LOGGED_IDS: usize = 10;

/// Returns the routes of webhook intake, their state applied. They set no fallback.
pub fn router(intake: Arc<Intake>) -> Router {
    Router::new()
        .route("/hooks/salesforce/outbound/{connection}", post(outbound))
        .route("/hooks/salesforce/outbound/{connection}/{token}", post(outbound))
        .route("/hooks/salesforce/changes/{connection}", post(changes))
        .route("/hooks/salesforce/changes/{connection}/{token}", post(changes))
        .route("/hooks/{source}", post(signed))
        .with_state(intake)
}

/// The variable parts of the path.
#[derive(Deserialize)]
struct HookPath {
    #[serde(alias = "source")]
    connection: String,
    token: Option<String>,
}

type HookPathResult = Result<Path<HookPath>, PathRejection>;

/// One kind of webhook.
#[derive(Clone, Copy)]
enum Endpoint {
    Outbound,
    Changes,
    Signed,
}

impl Endpoint {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Outbound => "outbound",
            Self::Changes => "changes",
            Self::Signed => "signed",
        }
    }

    /// Returns what the endpoint takes, in words, unless `headers` name it.
    fn check_type(self, headers: &HeaderMap) -> Result<(), Refusal> {
        let (expected, is_right): (_, fn(&str) -> bool) = match self {
            Self::Outbound => ("`text/xml`", |it| matches!(it, "text/xml" | "application/xml")),
            Self::Changes => ("`application/json` or `application/x-ndjson`", |it| {
                is_json(it) || it == "application/x-ndjson"
            }),
            Self::Signed => ("`application/json`", is_json),
        };
        if body::has_type(headers, is_right) {
            Ok(())
        } else {
            Err(Refusal::WrongType { expected })
        }
    }
}

fn is_json(kind: &str) -> bool {
    kind == "application/json" || (kind.starts_with("application/") && kind.ends_with("+json"))
}

async fn outbound(
    State(intake): State<Arc<Intake>>,
    path: HookPathResult,
    request: Request,
) -> Response {
    match take(&intake, Endpoint::Outbound, path, request).await {
        Ok(_) => answer::acknowledge(),
        Err(refusal) => answer::fault(&refusal),
    }
}

async fn changes(
    State(intake): State<Arc<Intake>>,
    path: HookPathResult,
    request: Request,
) -> Response {
    match take(&intake, Endpoint::Changes, path, request).await {
        Ok(counts) => answer::accept(counts),
        Err(refusal) => answer::problem(&refusal),
    }
}

async fn signed(
    State(intake): State<Arc<Intake>>,
    path: HookPathResult,
    request: Request,
) -> Response {
    match take(&intake, Endpoint::Signed, path, request).await {
        Ok(counts) => answer::accept(counts),
        Err(refusal) => answer::problem(&refusal),
    }
}

/// Takes one webhook: proves its sender, reads it, queues it, and leaves one log line.
async fn take(
    intake: &Intake,
    endpoint: Endpoint,
    path: HookPathResult,
    request: Request,
) -> Result<Accepted, Refusal> {
    let (parts, body) = request.into_parts();
    // The host has read or made it already.
    let stamp = intake.stamp(parts.extensions.get::<CorrelationId>());
    let correlation_id = stamp.correlation_id.clone();
    let mut ids = String::new();
    let result = async {
        let _place = intake.enter()?;
        let Ok(Path(path)) = path else {
            return Err(Refusal::Unproven { reason: "path" });
        };
        endpoint.check_type(&parts.headers)?;
        let read = || intake.room().read(&parts.headers, body);
        let batch = match endpoint {
            Endpoint::Outbound => {
                let connection = intake.senders.connection(&path.connection);
                connection.prove_outbound(&caller(intake, &parts), path.token.as_deref())?;
                let taken = read().await?;
                let message = soap::read(body::as_text(&taken.bytes)?)?;
                connection.prove_organization(&message.organization_id)?;
                outbound_message::drafts(connection, message, &stamp)?
            }
            Endpoint::Changes => {
                let connection = intake.senders.connection(&path.connection);
                let caller = caller(intake, &parts);
                connection.prove_changes(&caller, path.token.as_deref())?;
                let taken = read().await?;
                if path.token.is_none() {
                    connection.prove_changes_by_headers(
                        &caller,
                        &taken.bytes,
                        stamp.received_at,
                    )?;
                }
                change_events::drafts(connection, body::as_text(&taken.bytes)?, &stamp)?
            }
            Endpoint::Signed => {
                let source = intake.senders.source(&path.connection);
                let taken = read().await?;
                let id = source.prove(&parts.headers, &taken.bytes, stamp.received_at)?;
                vec![signed_webhook::draft(source, id, body::as_text(&taken.bytes)?, stamp)?]
            }
        };
        ids = logged_ids(&batch);
        intake.queue(batch).await
    }
    .await;
    report(endpoint, &result, &ids, &correlation_id);
    result
}

fn caller<'a>(intake: &Intake, parts: &'a Parts) -> Caller<'a> {
    let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|it| it.0);
    Caller { headers: &parts.headers, address: intake.senders.address(&parts.headers, peer) }
}

fn logged_ids(batch: &[Draft]) -> String {
    let mut ids = String::new();
    for draft in batch.iter().take(MAX_LOGGED_IDS) {
        if !ids.is_empty() {
            ids.push(' ');
        }
        ids.push_str(&draft.event.event_id);
    }
    if batch.len() > MAX_LOGGED_IDS {
        ids.push_str(" …");
    }
    ids
}

/// Counts the webhook and leaves its one log line.
fn report(
    endpoint: Endpoint,
    result: &Result<Accepted, Refusal>,
    ids: &str,
    correlation_id: &CorrelationId,
) {
    let name = endpoint.as_str();
    let outcome = result.as_ref().err().map_or("queued", Refusal::outcome);
    counter!("intake_webhooks_total", "endpoint" => name, "outcome" => outcome).increment(1);
    match result {
        Ok(Accepted { accepted, duplicates }) => {
            count_events(name, *accepted, *duplicates);
            info!(
                event.id = ids,
                correlation.id = %correlation_id,
                n_rows = accepted,
                n_duplicates = duplicates,
                endpoint = name,
                "queued {accepted} events of a webhook"
            );
        }
        Err(Refusal::Malformed { field, .. }) => {
            // What is wrong may quote the body; the caller is told, the log is not.
            warn!(correlation.id = %correlation_id, endpoint = name, field, "refused a malformed webhook");
        }
        Err(Refusal::Unproven { reason }) => {
            warn!(correlation.id = %correlation_id, endpoint = name, reason, "refused a webhook of an unproven caller");
        }
        Err(refusal @ Refusal::NotQueued { .. }) => {
            error!(event.id = ids, correlation.id = %correlation_id, endpoint = name, error = %chain(refusal), "could not queue a webhook");
        }
        Err(refusal) => {
            warn!(correlation.id = %correlation_id, endpoint = name, error = %refusal, "refused a webhook");
        }
    }
}

fn count_events(endpoint: &'static str, accepted: usize, duplicates: usize) {
    let counts = [("queued", accepted), ("duplicate", duplicates)];
    for (outcome, n_events) in counts.into_iter().filter(|(_, n_events)| *n_events > 0) {
        counter!("intake_events_total", "endpoint" => endpoint, "outcome" => outcome)
            .increment(n_events as u64);
    }
}
