//! Set-up by the Tooling and the Metadata API.

use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use flate2::Compression;
use flate2::write::DeflateEncoder;
use http_body_util::BodyExt;
use serde_json::{Value as Json, json};
use tower::ServiceExt;

use super::{Answer, Desk, external_id};
use crate::{Seed, Settings};

async fn make(desk: &Desk, object: &str, full_name: &str, metadata: Json) -> Answer {
    let body = json!({"FullName": full_name, "Metadata": metadata});
    desk.post(&format!("/tooling/sobjects/{object}"), body).await
}

async fn tooling(desk: &Desk, soql: &str) -> Vec<Json> {
    let soql = percent_encoding::utf8_percent_encode(soql, percent_encoding::NON_ALPHANUMERIC);
    let answer = desk.get(&format!("/tooling/query?q={soql}")).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.body["records"].as_array().unwrap().clone()
}

fn told(answer: &Answer) -> (u16, &str, &str) {
    let text = |name: &str| answer.body[0][name].as_str().unwrap_or_default();
    (answer.status, text("errorCode"), text("message"))
}

#[tokio::test]
async fn channel_and_its_members_are_set_up_and_changed() {
    let desk = Desk::open(Seed::Empty).await;
    let channel = json!({"channelType": "data", "label": "MoodBridge"});
    let made = make(&desk, "PlatformEventChannel", "MoodBridge__chn", channel.clone()).await;
    assert_eq!(made.status, 201);
    assert!(made.body["id"].as_str().unwrap().starts_with("0YL"));
    assert_eq!(made.body["warnings"], json!([]));
    let twice = make(&desk, "PlatformEventChannel", "MoodBridge__chn", channel).await;
    assert_eq!((twice.status, told(&twice).1), (400, "DUPLICATE_DEVELOPER_NAME"));

    let filter = "ChangeEventHeader.commitUser != '005Mb0000000001IAA'";
    let metadata = json!({"eventChannel": "MoodBridge__chn", "selectedEntity": "CaseChangeEvent",
                          "enrichedFields": [{"name": "Subject"}], "filterExpression": filter});
    let name = "MoodBridge_chn_CaseChangeEvent";
    let member = make(&desk, "PlatformEventChannelMember", name, metadata.clone()).await;
    assert_eq!(member.status, 201, "{}", member.body);
    let twice = make(&desk, "PlatformEventChannelMember", name, metadata.clone()).await;
    assert_eq!(told(&twice).1, "DUPLICATE_DEVELOPER_NAME");

    let rows = tooling(&desk, "SELECT Id, DeveloperName, EventChannel, SelectedEntity FROM PlatformEventChannelMember WHERE SelectedEntity = 'CaseChangeEvent' ORDER BY Id").await;
    assert_eq!(rows[0]["EventChannel"], "ChangeEvents");
    assert_eq!((&rows[1]["Id"], &rows[1]["EventChannel"]), (&member.body["id"], &made.body["id"]));
    let count =
        tooling(&desk, "SELECT COUNT_DISTINCT(SelectedEntity) FROM PlatformEventChannelMember")
            .await;
    assert_eq!(count[0]["expr0"], 3);
    let enriched = tooling(&desk, "SELECT ChannelMemberId, Field FROM EnrichedField").await;
    assert_eq!(
        (&enriched[0]["ChannelMemberId"], &enriched[0]["Field"]),
        (&member.body["id"], &json!("Subject"))
    );

    let path = format!(
        "/tooling/sobjects/PlatformEventChannelMember/{}",
        member.body["id"].as_str().unwrap()
    );
    let mut other = metadata.clone();
    other["selectedEntity"] = json!("ContactChangeEvent");
    let refused = desk.patch(&path, json!({"FullName": name, "Metadata": other})).await;
    let message =
        "Update is not supported for the selectedEntity field on platform event channel members.";
    assert_eq!(told(&refused).2, message);
    let mut plain = metadata;
    plain["filterExpression"] = Json::Null;
    assert_eq!(desk.patch(&path, json!({"FullName": name, "Metadata": plain})).await.status, 204);
    assert_eq!(desk.get(&path).await.body["Metadata"]["filterExpression"], Json::Null);
    let path = format!("/services/data/v66.0{path}");
    assert_eq!(desk.send("DELETE", &path, String::new(), &[]).await.status, 204);
    assert_eq!(desk.send("DELETE", &path, String::new(), &[]).await.status, 404);
}

#[tokio::test]
async fn members_that_cannot_be_are_refused() {
    let desk = Desk::open(Seed::Empty).await;
    let label = json!({"channelType": "data", "label": "x"});
    make(&desk, "PlatformEventChannel", "Own__chn", label.clone()).await;
    let odd = make(&desk, "PlatformEventChannel", "Own", label).await;
    assert_eq!(told(&odd).1, "FIELD_INTEGRITY_EXCEPTION");
    let base = json!({"eventChannel": "Own__chn", "selectedEntity": "CaseChangeEvent"});

    for (key, value, code, message) in [
        (
            "selectedEntity",
            json!(""),
            "REQUIRED_FIELD_MISSING",
            "Required field is missing: selectedEntity",
        ),
        (
            "selectedEntity",
            json!("KaseChangeEvent"),
            "FIELD_INTEGRITY_EXCEPTION",
            "The selected entity",
        ),
        (
            "eventChannel",
            json!("None__chn"),
            "FIELD_INTEGRITY_EXCEPTION",
            "The channel does not exist",
        ),
        (
            "filterExpression",
            json!("Status ="),
            "FIELD_INTEGRITY_EXCEPTION",
            "The filter expression is not valid",
        ),
        (
            "filterExpression",
            json!("Kind = 1"),
            "FIELD_INTEGRITY_EXCEPTION",
            "The filter names a field",
        ),
        (
            "enrichedFields",
            json!([{"name": "Description"}]),
            "FIELD_INTEGRITY_EXCEPTION",
            "The field cannot be used",
        ),
    ] {
        let mut metadata = base.clone();
        metadata[key] = value;
        let refused = make(&desk, "PlatformEventChannelMember", "Own_chn_Case", metadata).await;
        let (status, got, said) = told(&refused);
        assert_eq!((status, got), (400, code), "{key}");
        assert!(said.starts_with(message), "{said}");
    }
}

#[tokio::test]
async fn custom_field_is_made_asked_for_and_taken_away() {
    let settings =
        Settings { seed: Seed::Empty, has_external_id_field: false, ..Settings::default() };
    let desk = Desk::with(settings).await;
    let key = external_id();
    let full_name = format!("Case.{key}");
    let metadata = json!({"type": "Text", "label": "MoodBridge Id", "length": 36, "unique": true,
                          "externalId": true, "caseSensitive": false, "required": false});

    let made = make(&desk, "CustomField", &full_name, metadata.clone()).await;
    assert_eq!(made.status, 201, "{}", made.body);
    assert_eq!(
        told(&make(&desk, "CustomField", &full_name, metadata).await).1,
        "DUPLICATE_DEVELOPER_NAME"
    );

    let upserted = desk.patch(&format!("/sobjects/Case/{key}/1"), json!({"Subject": "x"})).await;
    assert_eq!(upserted.status, 201);
    let id = made.body["id"].as_str().unwrap();
    let stem = key.trim_end_matches("__c");
    let rows = tooling(
        &desk,
        &format!("SELECT Id, TableEnumOrId FROM CustomField WHERE DeveloperName = '{stem}'"),
    )
    .await;
    assert_eq!((&rows[0]["Id"], &rows[0]["TableEnumOrId"]), (&json!(id), &json!("Case")));
    let path = format!("/tooling/sobjects/CustomField/{id}");
    assert_eq!(desk.get(&path).await.body["Metadata"]["externalId"], true);
    assert_eq!(desk.patch(&path, json!({"Metadata": {"length": 18}})).await.status, 204);
    let soql = format!(
        "SELECT QualifiedApiName, DataType, Length, IsNillable FROM FieldDefinition WHERE EntityDefinition.QualifiedApiName = 'Case' AND QualifiedApiName = '{key}'"
    );
    let row = tooling(&desk, &soql).await.remove(0);
    assert_eq!((&row["DataType"], &row["Length"]), (&json!("Text(18)"), &json!(18)));

    let path = format!("/services/data/v66.0{path}");
    assert_eq!(desk.send("DELETE", &path, String::new(), &[]).await.status, 204);
    assert!(tooling(&desk, &soql).await.is_empty());
    let refused =
        make(&desk, "CustomField", "Case.Judge", json!({"type": "Text", "length": 9})).await;
    assert_eq!(told(&refused).1, "FIELD_INTEGRITY_EXCEPTION");
    let refused = make(&desk, "CustomField", "Case.Judge__c", json!({"type": "Geolocation"})).await;
    assert_eq!(told(&refused).1, "FIELD_INTEGRITY_EXCEPTION");
}

/// Packs files as a ZIP archive, every second one without packing.
fn zip(files: &[(&str, &str)]) -> Vec<u8> {
    let (mut archive, mut directory) = (Vec::new(), Vec::new());
    for (idx, (name, text)) in files.iter().enumerate() {
        let (method, packed) = if idx % 2 == 0 {
            let mut packer = DeflateEncoder::new(Vec::new(), Compression::default());
            packer.write_all(text.as_bytes()).unwrap();
            (8_u16, packer.finish().unwrap())
        } else {
            (0, text.as_bytes().to_vec())
        };
        let at = u32::try_from(archive.len()).unwrap();
        let size = |n: usize| u32::try_from(n).unwrap().to_le_bytes();
        let name_len = u16::try_from(name.len()).unwrap().to_le_bytes();
        let common = [
            &method.to_le_bytes()[..],
            &[0; 8],
            &size(packed.len()),
            &size(text.len()),
            &name_len,
            &[0, 0],
        ]
        .concat();
        archive.extend([b"PK\x03\x04\x14\0\0\0", &common[..], name.as_bytes(), &packed].concat());
        directory.extend(
            [
                b"PK\x01\x02\x14\0\x14\0\0\0",
                &common[..],
                &[0; 10],
                &at.to_le_bytes(),
                name.as_bytes(),
            ]
            .concat(),
        );
    }
    let n = u16::try_from(files.len()).unwrap().to_le_bytes();
    let (at, len) = (archive.len(), directory.len());
    archive.extend(directory);
    let size = |n: usize| u32::try_from(n).unwrap().to_le_bytes();
    archive.extend([&b"PK\x05\x06\0\0\0\0"[..], &n, &n, &size(len), &size(at), &[0, 0]].concat());
    archive
}

async fn deploy(desk: &Desk, options: Json, files: &[(&str, &str)]) -> Json {
    let json = json!({"deployOptions": options}).to_string();
    let mut body = format!("--x1\r\nContent-Disposition: form-data; name=\"json\"\r\nContent-Type: application/json\r\n\r\n{json}\r\n--x1\r\nContent-Disposition: form-data; name=\"file\"; filename=\"package.zip\"\r\nContent-Type: application/zip\r\n\r\n").into_bytes();
    body.extend(zip(files));
    body.extend(b"\r\n--x1--\r\n");
    let request = Request::builder()
        .method("POST")
        .uri("/services/data/v66.0/metadata/deployRequest")
        .header("authorization", format!("Bearer {}", desk.token))
        .header("content-type", "multipart/form-data; boundary=x1")
        .body(Body::from(body))
        .unwrap();
    let answer = desk.router.clone().oneshot(request).await.unwrap();
    assert_eq!(answer.status(), 201);
    let bytes = answer.into_body().collect().await.unwrap().to_bytes();
    let begun: Json = serde_json::from_slice(&bytes).unwrap();
    assert_eq!(begun["deployResult"]["status"], "Pending");
    let path =
        format!("/metadata/deployRequest/{}?includeDetails=true", begun["id"].as_str().unwrap());
    desk.pass_ms(100);
    assert_eq!(desk.get(&path).await.body["deployResult"]["status"], "InProgress");
    desk.pass_ms(300);
    desk.get(&path).await.body["deployResult"].clone()
}

fn manifest(types: &[(&str, &str)]) -> String {
    let types: String = types
        .iter()
        .map(|(kind, member)| {
            format!("<types><members>{member}</members><name>{kind}</name></types>")
        })
        .collect();
    format!(
        "<?xml version=\"1.0\"?><Package xmlns=\"http://soap.sforce.com/2006/04/metadata\">{types}<version>66.0</version></Package>"
    )
}

fn workflow(url: &str, user: &str) -> String {
    format!(
        "<?xml version=\"1.0\"?><Workflow xmlns=\"http://soap.sforce.com/2006/04/metadata\">\
         <outboundMessages><fullName>MoodBridge_Case</fullName><apiVersion>66.0</apiVersion>\
         <endpointUrl>{url}</endpointUrl><fields>Id</fields><fields>Status</fields>\
         <includeSessionId>false</includeSessionId><integrationUser>{user}</integrationUser>\
         <name>MoodBridge Case</name><protected>false</protected><useDeadLetterQueue>false</useDeadLetterQueue>\
         </outboundMessages><rules><fullName>MoodBridge_Case_Open</fullName><actions>\
         <name>MoodBridge_Case</name><type>OutboundMessage</type></actions><active>true</active>\
         <criteriaItems><field>Case.Status</field><operation>notEqual</operation><value>Closed</value></criteriaItems>\
         <triggerType>onAllChanges</triggerType></rules></Workflow>"
    )
}

#[tokio::test]
async fn deployed_outbound_message_is_sent_by_its_rule() {
    let got = Arc::new(Mutex::new(Vec::<String>::new()));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    let kept = Arc::clone(&got);
    let hook = axum::routing::post(move |body: String| {
        kept.lock().unwrap().push(body);
        async {
            "<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"><s:Body><notificationsResponse xmlns=\"http://soap.sforce.com/2005/09/outbound\"><Ack>true</Ack></notificationsResponse></s:Body></s:Envelope>"
        }
    });
    let router = axum::Router::new().route("/hook", hook);
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    let desk = Desk::open(Seed::Empty).await;
    let object = "<CustomObject xmlns=\"http://soap.sforce.com/2006/04/metadata\"><fields><fullName>Judge__c</fullName><label>Judge</label><length>80</length><type>Text</type></fields></CustomObject>";
    let files = [
        ("package.xml", manifest(&[("CustomField", "Case.Judge__c"), ("Workflow", "Case")])),
        ("objects/Case.object", object.to_owned()),
        ("workflows/Case.workflow", workflow(&url, "admin@sandbox.example")),
    ];
    let files: Vec<(&str, &str)> =
        files.iter().map(|(name, text)| (*name, text.as_str())).collect();

    let result =
        deploy(&desk, json!({"rollbackOnError": true, "singlePackage": true}), &files).await;
    assert_eq!(
        (&result["status"], &result["success"]),
        (&json!("Succeeded"), &json!(true)),
        "{result}"
    );
    let names: Vec<&Json> = result["details"]["componentSuccesses"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| &it["fullName"])
        .collect();
    assert!(
        names.contains(&&json!("Case.MoodBridge_Case")) && names.contains(&&json!("Case.Judge__c"))
    );

    let closed = desk.create("Case", json!({"Subject": "x", "Status": "Closed"})).await;
    let open = desk.create("Case", json!({"Subject": "x", "Judge__c": "Ito"})).await;
    let deadline = std::time::Instant::now() + Duration::from_secs(20);
    while got.lock().unwrap().is_empty() {
        assert!(std::time::Instant::now() < deadline, "nothing came");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let body = got.lock().unwrap()[0].clone();
    assert!(body.contains(&open) && !body.contains(&closed));
    assert!(body.contains("<sf:Status>New</sf:Status>") && !body.contains("Judge__c"));
    let rows = tooling(&desk, "SELECT Name, EndpointUrl FROM WorkflowOutboundMessage").await;
    assert_eq!(rows[0]["EndpointUrl"], json!(url));
}

#[tokio::test]
async fn package_with_a_problem_sets_nothing_up() {
    let desk = Desk::open(Seed::Empty).await;
    let channel = "<PlatformEventChannel xmlns=\"http://soap.sforce.com/2006/04/metadata\"><channelType>data</channelType><label>MB</label></PlatformEventChannel>";
    let named = manifest(&[
        ("PlatformEventChannel", "MB__chn"),
        ("Workflow", "Case"),
        ("Workflow", "Contact"),
    ]);
    let workflow = workflow("ftp://x", "nobody@sandbox.example");
    let files = [
        ("package.xml", named.as_str()),
        ("platformEventChannels/MB__chn.platformEventChannel", channel),
        ("workflows/Case.workflow", &workflow),
        ("workflows/Account.workflow", "<Workflow/>"),
    ];

    let result = deploy(&desk, json!({"rollbackOnError": true}), &files).await;

    assert_eq!(result["status"], "Failed");
    let problems: Vec<&str> = result["details"]["componentFailures"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["problem"].as_str().unwrap())
        .collect();
    assert_eq!(
        problems,
        [
            "Not in package.xml",
            "An object 'Contact' of type Workflow was named in package.xml, but was not found in zipped directory",
            "In field: endpointUrl - not a valid URL: ftp://x",
            "In field: action - no WorkflowOutboundMessage named Case.MoodBridge_Case found",
        ]
    );
    assert!(tooling(&desk, "SELECT Id FROM PlatformEventChannel").await.is_empty());

    let files = &files[..2];
    let only = manifest(&[("PlatformEventChannel", "MB__chn")]);
    let files = [("package.xml", only.as_str()), files[1]];
    let checked = deploy(&desk, json!({"rollbackOnError": true, "checkOnly": true}), &files).await;
    assert_eq!(checked["success"], true);
    assert!(tooling(&desk, "SELECT Id FROM PlatformEventChannel").await.is_empty());
    assert_eq!(deploy(&desk, json!({"rollbackOnError": true}), &files).await["success"], true);
    assert_eq!(tooling(&desk, "SELECT Id FROM PlatformEventChannel").await.len(), 1);
}
