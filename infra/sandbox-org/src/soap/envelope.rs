//! Messages of the partner API, and its faults.

use std::fmt::Write;

use quick_xml::escape::escape;

use crate::limits::Allowance;
use crate::sandbox::State;

/// Writes the answer to a call.
pub(super) fn message(state: &State, call: &str, body: &str) -> (u16, String) {
    let (max, used) = state.limits.state(Allowance::ApiRequests);
    let xml = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><soapenv:Envelope \
         xmlns:soapenv=\"http://schemas.xmlsoap.org/soap/envelope/\" xmlns=\"urn:partner.soap.sforce.com\" \
         xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\"><soapenv:Header><LimitInfoHeader><limitInfo>\
         <current>{used}</current><limit>{max}</limit><type>API REQUESTS</type></limitInfo></LimitInfoHeader>\
         </soapenv:Header><soapenv:Body><{call}Response>{body}</{call}Response></soapenv:Body>\
         </soapenv:Envelope>"
    );
    (200, xml)
}

/// A call that failed as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    /// `sf:` and a code of the platform, or `soapenv:Client`.
    code: String,
    message: String,
    /// The kind of fault, such as `UnexpectedErrorFault`.
    kind: &'static str,
}

impl Fault {
    /// A refusal of the platform, which says its code in front of the message.
    pub(super) fn platform(code: &str, message: &str, kind: &'static str) -> Self {
        Self { code: format!("sf:{code}"), message: format!("{code}: {message}"), kind }
    }

    /// A message that is none.
    pub(super) fn client(message: impl Into<String>) -> Self {
        Self { code: "soapenv:Client".to_owned(), message: message.into(), kind: "" }
    }

    /// Writes the fault.
    pub(super) fn into_answer(self) -> (u16, String) {
        let text = escape(self.message.as_str());
        let mut detail = String::new();
        if let Some(code) = self.code.strip_prefix("sf:") {
            let _ = write!(
                detail,
                "<detail><sf:{kind} xsi:type=\"sf:{kind}\"><sf:exceptionCode>{code}</sf:exceptionCode>\
                 <sf:exceptionMessage>{text}</sf:exceptionMessage></sf:{kind}></detail>",
                kind = self.kind
            );
        }
        let xml = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?><soapenv:Envelope \
             xmlns:soapenv=\"http://schemas.xmlsoap.org/soap/envelope/\" \
             xmlns:sf=\"urn:fault.partner.soap.sforce.com\" \
             xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\"><soapenv:Body><soapenv:Fault>\
             <faultcode>{}</faultcode><faultstring>{text}</faultstring>{detail}</soapenv:Fault>\
             </soapenv:Body></soapenv:Envelope>",
            self.code
        );
        (500, xml)
    }
}

/// Appends an element with a text.
pub(super) fn put(into: &mut String, name: &str, text: &str) {
    let _ = write!(into, "<{name}>{}</{name}>", escape(text));
}
