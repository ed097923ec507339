//! Messages of the partner API: what is asked in one, what its answer or its fault says.
//!
//! Source: SOAP API guide, "SOAP headers", "API faults".

use std::fmt::Write as _;

use adapter_http::Response;
use http::{HeaderName, HeaderValue, Method};
use quick_xml::escape::escape;
use shared::ids::SalesforceId;
use shared::{PortError, PortErrorKind};

use super::element::Element;
use crate::client::{DuplicateRule, Place, RestCall, SalesforceClient, WriteOptions};
use crate::error::{self, SalesforceFault};
use crate::rest::{RecordResult, Written};

const SOAP_ACTION: HeaderName = HeaderName::from_static("soapaction");

/// An answer that is no message.
#[derive(Debug, thiserror::Error)]
#[error("the answer is no SOAP message of the call")]
struct NoMessage;

impl SalesforceClient {
    /// Calls `name` with the arguments `body`; returns its answer. An ended session leads to one new
    /// login, as with every call.
    pub(super) async fn soap(
        &self,
        operation: &'static str,
        subject: &str,
        name: &str,
        body: &str,
        options: &WriteOptions,
    ) -> Result<Element, PortError> {
        let mut is_second = false;
        loop {
            let session = self.session_token().await?;
            let message = envelope(session.token().expose(), body, options);
            let kind = HeaderValue::from_static("text/xml; charset=UTF-8");
            let call = RestCall::at(operation, Method::POST, subject, Place::Soap)
                .with_header(SOAP_ACTION, HeaderValue::from_static("\"\""))
                .with_bytes(kind, message.into_bytes());
            let response = self.ask_bare(&call, &session).await?;
            let fault = match read(&response, name) {
                Ok(answer) => return Ok(answer),
                Err(Some(fault)) => fault,
                Err(None) if response.status().is_success() => {
                    return Err(call.error(PortErrorKind::Unavailable, NoMessage));
                }
                Err(None) => return Err(error::error_of(&response)),
            };
            if is_second || fault.code != "INVALID_SESSION_ID" {
                return Err(error::with_fault(&response, fault));
            }
            self.forget(&session);
            is_second = true;
        }
    }
}

/// Writes a message; the token stands in its header.
fn envelope(token: &str, body: &str, options: &WriteOptions) -> String {
    let allow_save = match options.duplicate_rule {
        DuplicateRule::Stop => "",
        DuplicateRule::Save => {
            "<DuplicateRuleHeader><allowSave>true</allowSave></DuplicateRuleHeader>"
        }
    };
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\
         <soapenv:Envelope xmlns:soapenv=\"http://schemas.xmlsoap.org/soap/envelope/\" \
         xmlns=\"urn:partner.soap.sforce.com\" xmlns:ens=\"urn:sobject.partner.soap.sforce.com\" \
         xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\"><soapenv:Header>\
         <SessionHeader><sessionId>{}</sessionId></SessionHeader>\
         <CallOptions><client>moodbridge</client></CallOptions>{allow_save}\
         </soapenv:Header><soapenv:Body>{body}</soapenv:Body></soapenv:Envelope>",
        escape(token),
    )
}

/// Reads the answer to the call `name`, or the fault in its place.
fn read(response: &Response, name: &str) -> Result<Element, Option<SalesforceFault>> {
    let text = std::str::from_utf8(response.body()).map_err(|_| None)?;
    let envelope = Element::parse(text).filter(|it| it.name == "Envelope").ok_or(None)?;
    let body = envelope.child("Body").ok_or(None)?;
    if let Some(fault) = body.child("Fault") {
        let code = fault.text_of("faultcode").unwrap_or_default();
        let code = code.rsplit(':').next().unwrap_or_default();
        let message = fault.text_of("faultstring").unwrap_or_default();
        let status = Some(response.status().as_u16());
        return Err(Some(SalesforceFault::new(status, code, message, [])));
    }
    let answer = format!("{name}Response");
    body.child(&answer).cloned().ok_or(None)
}

/// Reads what became of one record.
pub(super) fn record_result(result: &Element) -> RecordResult {
    let id = result.text_of("id").and_then(|it| SalesforceId::parse(it).ok());
    match (result.text_of("success"), id) {
        (Some("true"), Some(id)) => Ok(Written { id, is_created: None }),
        _ => {
            let error = result.child("errors");
            let text = |name: &str| error.and_then(|it| it.text_of(name)).unwrap_or_default();
            let fields: Vec<String> = error
                .map(|it| it.all("fields").map(|field| field.text.trim().to_owned()).collect())
                .unwrap_or_default();
            Err(SalesforceFault::new(None, text("statusCode"), text("message"), fields))
        }
    }
}

/// Adds `<name>text</name>`.
pub(super) fn push(xml: &mut String, name: &str, text: &str) {
    // Writing to a string cannot fail.
    let _ = write!(xml, "<{name}>{}</{name}>", escape(text));
}

/// Tells whether `text` holds only characters that XML can carry. Source: XML 1.0, "Char".
pub(super) fn is_carried(text: &str) -> bool {
    text.chars().all(|c| {
        matches!(c, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn token_and_options_stand_in_the_header() {
        let options =
            WriteOptions { duplicate_rule: DuplicateRule::Save, ..WriteOptions::default() };
        let message = envelope("00D!<x>&", "<undelete/>", &options);
        let root = Element::parse(&message).unwrap();
        let header = root.child("Header").unwrap();
        let session = header.child("SessionHeader").unwrap();
        assert_eq!(session.text_of("sessionId"), Some("00D!<x>&"));
        assert_eq!(header.child("DuplicateRuleHeader").unwrap().text_of("allowSave"), Some("true"));
        assert!(root.child("Body").unwrap().child("undelete").is_some());
    }

    #[test]
    fn control_characters_are_not_carried() {
        assert!(is_carried("a\tb\nü日👩‍⚖️"));
        assert!(!is_carried("a\u{b}b") && !is_carried("\0"));
    }
}
