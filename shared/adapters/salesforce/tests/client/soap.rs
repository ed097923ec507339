//! What only the partner API can do, against a sandbox org.

use adapter_salesforce::WriteOptions;
use adapter_salesforce::rest::{CollectionWrite, NewRecord};
use adapter_salesforce::soap::MergeRequest;
use http::Method;
use sandbox_org::{Seed, Settings};
use serde_json::Value;
use shared::ids::SalesforceId;
use shared::{PortErrorKind, chain};

use crate::support::{Act, Peer, fields, object, text};

async fn accounts(peer: &Peer, names: &[&str]) -> Vec<SalesforceId> {
    let records: Vec<NewRecord> = names
        .iter()
        .map(|name| NewRecord {
            object: object("Account"),
            fields: fields(&[("Name", text(name))]),
        })
        .collect();
    let write = CollectionWrite::Create(&records);
    let written =
        peer.client().write_collection(&write, false, &WriteOptions::default()).await.unwrap();
    written.into_iter().map(|it| it.unwrap().id).collect()
}

fn settings() -> Settings {
    Settings { seed: Seed::Empty, ..Settings::default() }
}

#[tokio::test]
async fn deleted_record_comes_back_and_one_that_is_not_deleted_says_so() {
    let peer = Peer::start(settings()).await;
    let client = peer.client();
    let ids = accounts(&peer, &["A", "B"]).await;
    client.delete(&object("Account"), &ids[0]).await.unwrap();
    assert_eq!(peer.rows("SELECT Id FROM Account").await.len(), 1);

    let results = client.undelete(&ids).await.unwrap();

    assert_eq!(results[0].as_ref().unwrap().id, ids[0]);
    assert!(results[1].is_err(), "{:?}", results[1]);
    assert_eq!(peer.rows("SELECT Id FROM Account").await.len(), 2);
    assert_eq!(client.undelete(&[]).await.unwrap_err().kind(), PortErrorKind::Rejected);
}

#[tokio::test]
async fn merged_records_name_the_one_that_stays() {
    let peer = Peer::start(settings()).await;
    let client = peer.client();
    let ids = accounts(&peer, &["Winner", "Loser <1>", "Loser 2"]).await;
    let contact = fields(&[("LastName", text("Smith")), ("AccountId", text(ids[1].as_str()))]);
    let contact =
        client.create(&object("Contact"), &contact, &WriteOptions::default()).await.unwrap();
    let request = MergeRequest {
        object: object("Account"),
        winner: ids[0].clone(),
        losers: ids[1..].to_vec(),
        fields: fields(&[("Phone", text("+45 33 & \"more\""))]),
    };

    let merged = client.merge(&request, &WriteOptions::default()).await.unwrap().unwrap();

    assert_eq!((&merged.winner, merged.losers.as_slice()), (&ids[0], &ids[1..]));
    assert_eq!(merged.moved, [contact]);
    let rows = peer.rows("SELECT Id, Phone FROM Account").await;
    assert_eq!((rows.len(), &rows[0]["Phone"]), (1, &Value::from("+45 33 & \"more\"")));

    let again = client.merge(&request, &WriteOptions::default()).await.unwrap();
    assert!(again.is_err(), "{again:?}");
}

#[tokio::test]
async fn ended_session_leads_to_one_new_login() {
    let peer = Peer::behind(settings(), |_| Act::Pass).await;
    let client = peer.client();
    let ids = accounts(&peer, &["A"]).await;
    client.delete(&object("Account"), &ids[0]).await.unwrap();
    peer.call(Method::DELETE, "/_sandbox/sessions", &Value::Null).await;

    client.undelete(&ids).await.unwrap()[0].as_ref().unwrap();

    let line = peer.line.as_ref().unwrap();
    assert_eq!(line.n_seen("POST", "/services/Soap/u/66.0"), 2);
}

#[tokio::test]
async fn fault_and_garbage_are_errors_with_their_meaning() {
    for (status, body, kind) in [
        (
            500,
            "<soapenv:Envelope xmlns:soapenv=\"x\"><soapenv:Body><soapenv:Fault>\
             <faultcode>sf:REQUEST_LIMIT_EXCEEDED</faultcode><faultstring>TotalRequests \
             Limit exceeded.</faultstring></soapenv:Fault></soapenv:Body></soapenv:Envelope>",
            PortErrorKind::RateLimited,
        ),
        (200, "<html>Sign in</html>", PortErrorKind::Unavailable),
        (200, "", PortErrorKind::Unavailable),
        (200, "<Envelope><Body><undeleteResponse>", PortErrorKind::Unavailable),
        (200, "<Envelope><Body><undeleteResponse/></Body></Envelope>", PortErrorKind::Unavailable),
        (503, "<h1>503</h1>", PortErrorKind::Unavailable),
    ] {
        let peer = Peer::behind(settings(), move |seen| match seen.path.contains("/Soap/") {
            true => Act::Answer(status, "text/xml", body),
            false => Act::Pass,
        })
        .await;
        let id = SalesforceId::parse("0015f00002J9YYE").unwrap();
        let error = peer.client().undelete(&[id]).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{status} {body}: {}", chain(&error));
    }
}
