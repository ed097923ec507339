//! Log in by SOAP, the way clients with a user name and a password do.

use quick_xml::Reader;
use quick_xml::escape::escape;
use quick_xml::events::Event;

use crate::sandbox::State;

/// `POST /services/Soap/u/66.0`: status and XML.
pub(crate) fn login(state: &State, version: &str, body: &str, host: &str) -> (u16, String) {
    if !body.contains(":login") && !body.contains("<login") {
        return fault("sf:INVALID_TYPE", "only `login` is answered here");
    }
    let username = element(body, "username").unwrap_or_default();
    let password = element(body, "password").unwrap_or_default();
    if !state.knows_password(&username, &password) {
        let message = "Invalid username, password, security token; or user locked out.";
        return fault("INVALID_LOGIN", message);
    }
    let now_ms = state.clock().now_ms();
    let token = state.sessions.open(state.org_id, state.user_id, now_ms);
    let base = state.base_url(host);
    let (org, user) = (state.org_id, state.user_id);
    let server = format!("{base}/services/Soap/u/{version}/{}", org.short());
    let lifetime = state.settings.token_lifetime.as_secs();
    let name = escape(state.settings.username.as_str());
    let xml = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><soapenv:Envelope \
         xmlns:soapenv=\"http://schemas.xmlsoap.org/soap/envelope/\" xmlns=\"urn:partner.soap.sforce.com\" \
         xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\"><soapenv:Body><loginResponse><result>\
         <metadataServerUrl>{base}/services/Soap/m/{version}/{short}</metadataServerUrl>\
         <passwordExpired>false</passwordExpired><sandbox>true</sandbox>\
         <serverUrl>{server}</serverUrl><sessionId>{token}</sessionId><userId>{user}</userId>\
         <userInfo><organizationId>{org}</organizationId><organizationName>Sandbox</organizationName>\
         <sessionSecondsValid>{lifetime}</sessionSecondsValid><userEmail>{name}</userEmail>\
         <userFullName>Sandbox Admin</userFullName><userId>{user}</userId><userLanguage>en_US</userLanguage>\
         <userLocale>en_US</userLocale><userName>{name}</userName><userTimeZone>GMT</userTimeZone>\
         <userType>Standard</userType></userInfo></result></loginResponse></soapenv:Body></soapenv:Envelope>",
        short = org.short()
    );
    (200, xml)
}

fn fault(code: &str, message: &str) -> (u16, String) {
    let code = code.trim_start_matches("sf:");
    let message = escape(message);
    let xml = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><soapenv:Envelope \
         xmlns:soapenv=\"http://schemas.xmlsoap.org/soap/envelope/\" \
         xmlns:sf=\"urn:fault.partner.soap.sforce.com\" \
         xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\"><soapenv:Body><soapenv:Fault>\
         <faultcode>sf:{code}</faultcode><faultstring>{code}: {message}</faultstring><detail>\
         <sf:LoginFault xsi:type=\"sf:LoginFault\"><sf:exceptionCode>{code}</sf:exceptionCode>\
         <sf:exceptionMessage>{message}</sf:exceptionMessage></sf:LoginFault></detail></soapenv:Fault>\
         </soapenv:Body></soapenv:Envelope>"
    );
    (500, xml)
}

/// Returns the text of the first element with this local name.
pub(crate) fn element(xml: &str, name: &str) -> Option<String> {
    let mut reader = Reader::from_str(xml);
    let mut text: Option<String> = None;
    loop {
        match reader.read_event().ok()? {
            Event::Start(start) if text.is_none() && start.local_name().as_ref() == name => {
                text = Some(String::new());
            }
            Event::Text(part) => {
                if let Some(text) = &mut text {
                    text.push_str(&part);
                }
            }
            Event::CData(part) => {
                if let Some(text) = &mut text {
                    text.push_str(&part);
                }
            }
            Event::GeneralRef(entity) => {
                if let Some(text) = &mut text {
                    let raw = format!("&{};", &*entity);
                    text.push_str(&quick_xml::escape::unescape(&raw).ok()?);
                }
            }
            Event::End(end) if end.local_name().as_ref() == name => return text,
            Event::Eof => return None,
            _ => {}
        }
    }
}
