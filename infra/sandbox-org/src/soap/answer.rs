//! Finds out which call a message is, and who calls.

use super::calls::Call;
use super::element::Element;
use super::envelope::{Fault, message};
use super::login::login;
use crate::faults::Ordered;
use crate::limits::Allowance;
use crate::org::{Author, WriteOptions};
use crate::sandbox::State;

/// `POST /services/Soap/u/66.0`: status and XML.
pub(crate) fn answer(
    state: &State,
    version: &str,
    body: &str,
    host: &str,
    ordered: Ordered,
) -> (u16, String) {
    let envelope = Element::parse(body).filter(|root| root.name == "Envelope");
    let Some(envelope) = envelope else {
        return Fault::client("Content is not allowed in prolog.").into_answer();
    };
    let called = envelope.child("Body").and_then(|body| body.children.first());
    let Some(called) = called else {
        return Fault::client("No operation in the body of the message").into_answer();
    };
    if called.name == "login" {
        return login(state, version, called, host);
    }
    let call = caller(state, version, &envelope, ordered).map(|(author, all_or_none)| Call {
        state,
        author,
        all_or_none,
        element: called,
    });
    match call.and_then(|call| call.answer()) {
        Ok(results) => message(state, &called.name, &results),
        Err(fault) => fault.into_answer(),
    }
}

/// Finds out who calls, and how changes are wanted; the request is counted.
fn caller(
    state: &State,
    version: &str,
    envelope: &Element,
    ordered: Ordered,
) -> Result<(Author, bool), Fault> {
    let header = |path: &[&str]| {
        envelope.child("Header").and_then(|header| header.text_at(path)).filter(|it| !it.is_empty())
    };
    let token = header(&["SessionHeader", "sessionId"]).unwrap_or_default();
    let lifetime = state.settings.token_lifetime;
    let session = state.sessions.find(token, lifetime, state.clock().now_ms());
    let session = session.ok_or_else(|| {
        let message = "Invalid Session ID found in SessionHeader: Illegal Session";
        Fault::platform("INVALID_SESSION_ID", message, "UnexpectedErrorFault")
    })?;
    state.limits.count_request();
    state.limits.take(Allowance::ApiRequests, 1).map_err(|_| {
        let message = "TotalRequests Limit exceeded.";
        Fault::platform("REQUEST_LIMIT_EXCEEDED", message, "ApiFault")
    })?;
    let is_true = |path: &[&str]| header(path) == Some("true");
    let options = WriteOptions {
        surface: "soap",
        saves_duplicates: is_true(&["DuplicateRuleHeader", "allowSave"]),
        unlucky: ordered.unlucky,
        stamp_ms: ordered.stamp_ms,
        ..WriteOptions::default()
    };
    let author = Author {
        user: session.user,
        client: header(&["CallOptions", "client"]).map(str::to_owned),
        version: version.to_owned(),
        options,
    };
    Ok((author, is_true(&["AllOrNoneHeader", "allOrNone"])))
}
