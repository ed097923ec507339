//! Log in by SOAP, the way clients with a user name and a password do.

use quick_xml::escape::escape;

use super::element::Element;
use super::envelope::Fault;
use crate::sandbox::State;

/// Answers `login`: status and XML.
pub(super) fn login(state: &State, version: &str, call: &Element, host: &str) -> (u16, String) {
    let username = call.text_at(&["username"]).unwrap_or_default();
    let password = call.text_at(&["password"]).unwrap_or_default();
    if !state.knows_password(username, password) {
        let message = "Invalid username, password, security token; or user locked out.";
        return Fault::platform("INVALID_LOGIN", message, "LoginFault").into_answer();
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
