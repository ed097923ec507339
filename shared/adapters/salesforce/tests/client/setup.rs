//! Setting an org up, once and again, against a sandbox org.

use adapter_salesforce::setup::{
    ChannelMember, EXTERNAL_ID, Ensured, OnDifference, OrgSetup, OutboundMessage, Preparation,
    Prepared,
};
use http::Method;
use sandbox_org::{Seed, Settings};
use serde_json::{Value, json};
use shared::ids::TopicName;
use shared::{PortErrorKind, chain};
use url::Url;

use crate::support::{PACE, Peer, object};

const CHANNEL: &str = "MoodBridge__chn";

async fn peer() -> (Peer, OrgSetup) {
    let peer = Peer::start(Settings { seed: Seed::Empty, ..Settings::default() }).await;
    let setup = peer.client().setup().with_pace(PACE);
    (peer, setup)
}

fn settings_of(ensured: &Ensured) -> Vec<&'static str> {
    let Ensured::Differs { differences } = ensured else { return Vec::new() };
    differences.iter().map(|it| it.setting).collect()
}

async fn tooling_rows(peer: &Peer, soql: &str) -> Vec<Value> {
    let query: String =
        url::form_urlencoded::Serializer::new(String::new()).append_pair("q", soql).finish();
    let rows = peer.call(Method::GET, &format!("tooling/query?{query}"), &Value::Null).await;
    rows["records"].as_array().unwrap().clone()
}

/// Takes our field away, as from an org that was never set up.
async fn without_field(peer: &Peer) {
    let soql = "SELECT Id FROM CustomField WHERE DeveloperName = 'MoodBridge_Id'";
    for row in tooling_rows(peer, soql).await {
        let path = format!("tooling/sobjects/CustomField/{}", row["Id"].as_str().unwrap());
        peer.call(Method::DELETE, &path, &Value::Null).await;
    }
}

#[tokio::test]
async fn external_id_field_is_made_once_and_one_in_another_form_is_told() {
    let (peer, setup) = peer().await;
    without_field(&peer).await;
    let case = object("Case");

    let first = setup.ensure_external_id(&case).await.unwrap();
    assert_eq!((&first.ensured, first.is_visible), (&Ensured::Created, true));
    let second = setup.ensure_external_id(&case).await.unwrap();
    assert_eq!(second.ensured, Ensured::AlreadyThere);
    peer.call(Method::PATCH, &format!("sobjects/Case/{EXTERNAL_ID}/key"), &json!({"Subject": "x"}))
        .await;

    let metadata = json!({"type": "Text", "label": "x", "length": 18});
    let body = json!({"FullName": format!("Contact.{EXTERNAL_ID}"), "Metadata": metadata});
    peer.call(Method::POST, "tooling/sobjects/CustomField", &body).await;
    let other = setup.ensure_external_id(&object("Contact")).await.unwrap();
    assert_eq!(settings_of(&other.ensured), ["length", "externalId", "unique"]);

    let error = setup.ensure_external_id(&object("Nonsense__c")).await.unwrap_err();
    assert_eq!(error.kind(), PortErrorKind::NotFound, "{}", chain(&error));
}

#[tokio::test]
async fn channel_and_member_are_made_once_and_differences_are_told_or_replaced() {
    let (_peer, setup) = peer().await;
    assert_eq!(setup.ensure_channel(CHANNEL, "MoodBridge").await.unwrap(), Ensured::Created);
    assert_eq!(setup.ensure_channel(CHANNEL, "MoodBridge").await.unwrap(), Ensured::AlreadyThere);

    let member = ChannelMember {
        channel: CHANNEL.into(),
        object: object("Case"),
        enriched_fields: vec![EXTERNAL_ID.into()],
        filter: Some("ChangeEventHeader.commitUser != '005Mb0000000001IAA'".into()),
    };
    let ensure = async |member: &ChannelMember, on_difference| {
        setup.ensure_channel_member(member, on_difference).await.unwrap()
    };
    assert_eq!(ensure(&member, OnDifference::Report).await, Ensured::Created);
    assert_eq!(ensure(&member, OnDifference::Report).await, Ensured::AlreadyThere);

    let other = ChannelMember {
        enriched_fields: vec![EXTERNAL_ID.into(), "Subject".into()],
        filter: None,
        ..member.clone()
    };
    let told = ensure(&other, OnDifference::Report).await;
    assert_eq!(settings_of(&told), ["enrichedFields", "filterExpression"]);
    assert_eq!(ensure(&member, OnDifference::Report).await, Ensured::AlreadyThere);
    assert_eq!(ensure(&other, OnDifference::Replace).await, Ensured::Replaced);
    assert_eq!(ensure(&other, OnDifference::Report).await, Ensured::AlreadyThere);

    let bad =
        ChannelMember { filter: Some("Status =".into()), object: object("Contact"), ..member };
    let error = setup.ensure_channel_member(&bad, OnDifference::Report).await.unwrap_err();
    assert_eq!(error.kind(), PortErrorKind::Rejected);
    assert!(chain(&error).to_string().contains("FIELD_INTEGRITY_EXCEPTION"), "{}", chain(&error));
}

fn message(endpoint: &str, user: &str) -> OutboundMessage {
    OutboundMessage {
        object: object("Case"),
        fields: vec!["Subject".into(), "Status".into()],
        endpoint: Url::parse(endpoint).unwrap(),
        user: user.into(),
    }
}

#[tokio::test]
async fn outbound_message_is_deployed_once_and_another_address_is_told_without_being_shown() {
    let (peer, setup) = peer().await;
    let ours = message("https://firm.test/hooks/main/hunter2", "admin@sandbox.example");
    let ensure = async |message: &OutboundMessage, on_difference| {
        setup.ensure_outbound_message(message, on_difference).await
    };
    assert_eq!(ensure(&ours, OnDifference::Report).await.unwrap(), Ensured::Created);
    assert_eq!(ensure(&ours, OnDifference::Report).await.unwrap(), Ensured::AlreadyThere);

    let moved = message("https://firm.test/hooks/other/hunter3", "admin@sandbox.example");
    let told = ensure(&moved, OnDifference::Report).await.unwrap();
    assert_eq!(settings_of(&told), ["endpointUrl"]);
    assert!(!format!("{told:?}").contains("hunter"));
    assert_eq!(ensure(&moved, OnDifference::Replace).await.unwrap(), Ensured::Replaced);
    assert_eq!(ensure(&moved, OnDifference::Report).await.unwrap(), Ensured::AlreadyThere);
    let rows = tooling_rows(&peer, "SELECT EndpointUrl FROM WorkflowOutboundMessage").await;
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0]["EndpointUrl"], moved.endpoint.as_str());

    let nobody = message("https://firm.test/hooks/main/hunter2", "nobody@sandbox.example");
    let error = ensure(&nobody, OnDifference::Replace).await.unwrap_err();
    assert_eq!(error.kind(), PortErrorKind::Rejected);
    let text = chain(&error).to_string();
    assert!(text.contains("`integrationUser`") && !text.contains("hunter"), "{text}");
}

#[tokio::test]
async fn preparation_looks_first_makes_what_is_missing_and_leaves_what_differs() {
    let settings =
        Settings { seed: Seed::Empty, has_external_id_field: false, ..Settings::default() };
    let peer = Peer::start(settings).await;
    let setup = peer.client().setup().with_pace(PACE);
    let metadata = json!({"type": "Text", "label": "x", "length": 18});
    let body = json!({"FullName": format!("Contact.{EXTERNAL_ID}"), "Metadata": metadata});
    peer.call(Method::POST, "tooling/sobjects/CustomField", &body).await;
    let topics = vec![TopicName::parse("/data/ChangeEvents").unwrap()];
    let wanted = Preparation { objects: vec![object("Case"), object("Contact")], topics };

    let [looked, made] = [setup.prepare(&wanted, true).await, setup.prepare(&wanted, false).await];

    for (things, expected) in [(&looked, Prepared::Missing), (&made, Prepared::Created)] {
        let [case, contact, members @ ..] = things.as_slice() else { panic!("{things:?}") };
        assert_eq!(case.prepared, expected);
        assert!(matches!(contact.prepared, Prepared::Differs { .. }), "{contact:?}");
        assert!(contact.by_hand.as_ref().unwrap().contains("36 characters"), "{contact:?}");
        assert_eq!(members.len(), 2);
        let known = [expected, Prepared::AlreadyThere];
        assert!(members.iter().all(|it| known.contains(&it.prepared)), "{members:?}");
    }
    assert_eq!(setup.prepare(&wanted, true).await[0].prepared, Prepared::AlreadyThere);

    let nowhere = Preparation { objects: vec![object("Nonsense__c")], topics: Vec::new() };
    let failed = setup.prepare(&nowhere, false).await.remove(0);
    assert!(matches!(failed.prepared, Prepared::Failed { .. }) && failed.by_hand.is_some());
}
