//! Calls of the partner API, as raw messages.

use super::*;
use crate::faults::Ordered;
use crate::org::{Author, Change};
use crate::sandbox::{Sandbox, State};
use crate::{Seed, Settings};

fn org() -> std::sync::Arc<State> {
    let settings = Settings { seed: Seed::Empty, ..Settings::default() };
    Sandbox::new(settings).unwrap().state()
}

fn send(state: &State, token: &str, call: &str) -> (u16, Element) {
    let body = format!(
        "<?xml version=\"1.0\"?><s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\" \
         xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xmlns:u=\"urn:partner.soap.sforce.com\">\
         <s:Header><u:SessionHeader><u:sessionId>{token}</u:sessionId></u:SessionHeader>\
         <u:CallOptions><u:client>check</u:client></u:CallOptions></s:Header>\
         <s:Body>{call}</s:Body></s:Envelope>"
    );
    let (status, xml) = answer(state, "66.0", &body, "org.test", Ordered::default());
    let envelope = Element::parse(&xml).unwrap();
    (status, envelope.child("Body").unwrap().children[0].clone())
}

fn login(state: &State) -> String {
    state.sessions.open(state.org_id, state.user_id, state.clock().now_ms())
}

fn create(state: &State, object: &str, name: &str, value: &str) -> String {
    let fields = serde_json::Map::from_iter([(name.to_owned(), value.into())]);
    let change = Change::Create { object: object.to_owned(), fields };
    let settled = state.commit(&Author::inside(state.user_id), vec![change], false);
    settled[0].clone().unwrap().id.to_string()
}

#[test]
fn login_gives_a_session_that_later_calls_use() {
    let org = org();
    let login = "<u:login><u:username>admin@sandbox.example</u:username>\
                 <u:password>sandbox-password&amp;token</u:password></u:login>";

    let (status, response) = send(&org, "", login);
    let token = response.text_at(&["result", "sessionId"]).unwrap().to_owned();
    let (later, timestamp) = send(&org, &token, "<u:getServerTimestamp/>");

    assert_eq!((status, later), (200, 200));
    assert_eq!(timestamp.name, "getServerTimestampResponse");
    assert!(timestamp.text_at(&["result", "timestamp"]).unwrap().ends_with(".000Z"));
    let (status, fault) = send(&org, "", &login.replace("sandbox-password", "wrong"));
    assert_eq!((status, fault.text_at(&["faultcode"])), (500, Some("sf:INVALID_LOGIN")));
}

#[test]
fn merged_rows_and_their_children_are_told() {
    let org = org();
    let token = login(&org);
    let winner = create(&org, "Account", "Name", "Roe LLC");
    let loser = create(&org, "Account", "Name", "Roe Ltd.");
    let contact = {
        let call = format!(
            "<u:create><u:sObjects><u:type>Contact</u:type><u:LastName>R&amp;oe</u:LastName>\
             <u:AccountId>{loser}</u:AccountId></u:sObjects></u:create>"
        );
        let (_, response) = send(&org, &token, &call);
        response.text_at(&["result", "id"]).unwrap().to_owned()
    };
    let call = |master: &str| {
        format!(
            "<u:merge><u:request><u:masterRecord><u:type>Account</u:type><u:Id>{master}</u:Id>\
             <u:fieldsToNull>Site</u:fieldsToNull><u:Phone>+1 555</u:Phone></u:masterRecord>\
             <u:recordToMergeIds>{loser}</u:recordToMergeIds></u:request></u:merge>"
        )
    };

    let (status, response) = send(&org, &token, &call(&winner));
    let (_, again) = send(&org, &token, &call(&winner));

    assert_eq!(status, 200);
    let result = response.child("result").unwrap();
    assert_eq!(result.text_at(&["success"]), Some("true"));
    assert_eq!(result.text_at(&["mergedRecordIds"]), Some(loser.as_str()));
    assert_eq!(result.text_at(&["updatedRelatedIds"]), Some(contact.as_str()));
    let error = again.child("result").unwrap();
    assert_eq!(error.text_at(&["errors", "statusCode"]), Some("ENTITY_IS_DELETED"));
    assert_eq!(error.text_at(&["success"]), Some("false"));
}

#[test]
fn rows_go_into_the_bin_come_back_and_are_emptied_out() {
    let org = org();
    let token = login(&org);
    let case = create(&org, "Case", "Subject", "Roe v. Doe");
    let call = |name: &str| {
        let (_, response) =
            send(&org, &token, &format!("<u:{name}><u:ids>{case}</u:ids></u:{name}>"));
        let result = response.child("result").unwrap().clone();
        let code = result.text_at(&["errors", "statusCode"]).map(str::to_owned);
        (result.text_at(&["success"]) == Some("true"), code.unwrap_or_default())
    };

    assert_eq!(call("emptyRecycleBin"), (false, "INVALID_ID_FIELD".to_owned()));
    assert_eq!(call("delete"), (true, String::new()));
    assert_eq!(call("delete"), (false, "ENTITY_IS_DELETED".to_owned()));
    assert_eq!(call("undelete"), (true, String::new()));
    assert_eq!(call("delete"), (true, String::new()));
    assert_eq!(call("emptyRecycleBin"), (true, String::new()));
    assert_eq!(call("undelete"), (false, "INVALID_CROSS_REFERENCE_KEY".to_owned()));
}

#[test]
fn changes_tell_the_api_and_the_client_they_came_by() {
    let org = org();
    let token = login(&org);
    let call = "<u:create><u:sObjects><u:type>Account</u:type><u:Name>Roe LLC</u:Name>\
                <u:NumberOfEmployees>7</u:NumberOfEmployees></u:sObjects></u:create>";

    send(&org, &token, call);

    let events = org.events.open(crate::events::ReplayFrom::Earliest).unwrap().take(9).unwrap();
    let written = crate::events::payload(&events[0]);
    assert_eq!(
        written["ChangeEventHeader"]["changeOrigin"],
        "com/salesforce/api/soap/66.0;client=check"
    );
    assert_eq!(written["NumberOfEmployees"], 7);
}

#[test]
fn faults_are_those_of_the_platform() {
    let org = org();
    let token = login(&org);
    let fault = |token: &str, call: &str| {
        let (status, fault) = send(&org, token, call);
        let text = |name: &str| fault.text_at(&[name]).unwrap_or_default().to_owned();
        (status, text("faultcode"), text("faultstring"))
    };

    let expired = fault("no", "<u:getServerTimestamp/>");
    let unknown = fault(&token, "<u:convertLead/>");
    let many = format!("<u:delete>{}</u:delete>", "<u:ids>500</u:ids>".repeat(201));

    let message = "INVALID_SESSION_ID: Invalid Session ID found in SessionHeader: Illegal Session";
    assert_eq!(expired, (500, "sf:INVALID_SESSION_ID".into(), message.into()));
    let message = "No operation available for request {urn:partner.soap.sforce.com}convertLead";
    assert_eq!(unknown, (500, "soapenv:Client".into(), message.into()));
    assert_eq!(fault(&token, &many).1, "sf:EXCEEDED_ID_LIMIT");
    let (status, xml) = answer(&org, "66.0", "<!DOCTYPE x []><x/>", "", Ordered::default());
    assert_eq!(status, 500);
    assert!(xml.contains("soapenv:Client"));
}
