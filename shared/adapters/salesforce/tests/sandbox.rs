//! The adapter against the sandbox org, over real HTTP.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests")]

use std::sync::Arc;

use adapter_http::{HttpClient, HttpSettings, Request};
use adapter_salesforce::{SalesforceCrm, SalesforceSettings, standard_mappings};
use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::KeyPair as _;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::Method;
use sandbox_org::{ConnectedApp, RunningSandbox, Sandbox, Seed, Settings};
use serde_json::{Value, json};
use shared::config::Env;
use shared::ids::{ObjectName, RecordId};
use shared::ports::{Crm, DeltaQuery, LocalSecrets, RemoteRecord, SystemClock, SystemRandom};
use shared::secret::Secret;
use shared::time::Timestamp;
use shared::{PortErrorKind, chain};
use tokio::net::TcpListener;
use url::Url;

struct Peer {
    sandbox: RunningSandbox,
    http: HttpClient,
    key_pem: String,
}

impl Peer {
    async fn start(seed: Seed) -> Self {
        let key = KeyPair::generate(KeySize::Rsa2048).unwrap();
        let private: Pkcs8V1Der<'_> = key.as_der().unwrap();
        let public: PublicKeyX509Der<'_> = key.public_key().as_der().unwrap();
        let app = ConnectedApp {
            client_id: "3MVG".into(),
            client_secret: "s3cret".into(),
            public_key_pem: Some(pem("PUBLIC KEY", public.as_ref())),
        };
        let settings = Settings { apps: vec![app], seed, ..Settings::default() };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let sandbox = Sandbox::start(settings, listener).unwrap();
        let http =
            HttpClient::new(HttpSettings::default(), Arc::new(SystemClock), Arc::new(SystemRandom))
                .unwrap();
        Self { sandbox, http, key_pem: pem("PRIVATE KEY", private.as_ref()) }
    }

    fn crm(&self, auth: &Value, page_size: u16) -> SalesforceCrm {
        let settings: SalesforceSettings = serde_json::from_value(json!({
            "connection": "main", "login_url": self.sandbox.url(), "auth": auth,
            "page_size": page_size,
        }))
        .unwrap();
        let env = Env::from_pairs([("SF_SECRET", "s3cret"), ("SF_KEY", &self.key_pem)]);
        let secrets = Arc::new(LocalSecrets::new(env));
        SalesforceCrm::new(settings, self.http.clone(), secrets, Arc::new(SystemClock))
    }

    fn by_secret(&self) -> SalesforceCrm {
        let auth = json!({
            "flow": "client_credentials", "client_id": "3MVG", "client_secret": "env:SF_SECRET",
        });
        self.crm(&auth, 2000)
    }

    fn by_key(&self) -> SalesforceCrm {
        let auth = json!({
            "flow": "jwt_bearer", "client_id": "3MVG", "username": "admin@sandbox.example",
            "private_key": "env:SF_KEY",
        });
        self.crm(&auth, 200)
    }

    fn url(&self, path: &str) -> Url {
        Url::parse(&self.sandbox.url()).unwrap().join(path).unwrap()
    }

    /// Calls the org as another client would.
    async fn call(&self, method: Method, path: &str, body: &Value) -> Value {
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", "3MVG"),
            ("client_secret", "s3cret"),
        ];
        let login = Request::post("peer", "token", self.url("/services/oauth2/token"));
        let answer: Value = self.http.send(login.with_form(&form)).await.unwrap().json().unwrap();
        let token = Secret::new(answer["access_token"].as_str().unwrap());
        let url = self.url(&format!("/services/data/v66.0/{path}"));
        let request = Request::new("peer", "write", method, url);
        let request = request.with_bearer(&token).unwrap().with_json(body).unwrap();
        let response = self.http.send(request).await.unwrap().checked().unwrap();
        serde_json::from_slice(response.body()).unwrap_or_default()
    }

    async fn create_case(&self, subject: &str) -> RecordId {
        let answer = self.call(Method::POST, "sobjects/Case", &json!({"Subject": subject})).await;
        RecordId::parse(answer["id"].as_str().unwrap()).unwrap()
    }
}

fn pem(label: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let lines: Vec<_> = text.as_bytes().chunks(64).map(String::from_utf8_lossy).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}

fn case() -> ObjectName {
    ObjectName::parse("Case").unwrap()
}

async fn everything(crm: &SalesforceCrm, object: &ObjectName) -> DeltaQuery {
    let mappings = standard_mappings().unwrap();
    DeltaQuery {
        object: object.clone(),
        fields: mappings.get(object).unwrap().remote_fields(),
        from: Timestamp::EPOCH,
        after_id: None,
        until: crm.health().await.unwrap().remote_now.plus(std::time::Duration::from_secs(60)),
    }
}

async fn read_all(crm: &SalesforceCrm, query: &DeltaQuery) -> Vec<RemoteRecord> {
    let mut page = crm.changes(query).await.unwrap();
    let mut records = page.records;
    while let Some(next) = page.next {
        page = crm.more_changes(query, &next).await.unwrap();
        records.extend(page.records);
    }
    records
}

fn position(record: &RemoteRecord) -> (Timestamp, RecordId) {
    (record.version, record.record_id.clone())
}

#[tokio::test]
async fn both_logins_read_every_record_of_the_firm_in_order() {
    let peer = Peer::start(Seed::Firm).await;
    for (crm, name) in [(peer.by_secret(), "client credentials"), (peer.by_key(), "JWT bearer")] {
        for (object, n_rows) in [("Account", 1000), ("Contact", 3000), ("Case", 10_000)] {
            let object = ObjectName::parse(object).unwrap();
            let query = everything(&crm, &object).await;
            let records = read_all(&crm, &query).await;
            assert!(records.len() >= n_rows, "{name}: {} of {object}", records.len());
            assert!(records.is_sorted_by(|a, b| position(a) < position(b)), "{name}: {object}");
            assert!(records.iter().all(|it| it.fields.len() == query.fields.len()));
        }
        assert!(crm.usage().is_some_and(|it| it.n_used > 0));
    }
    peer.sandbox.stop().await;
}

#[tokio::test]
async fn reading_goes_on_from_any_record_even_inside_equal_stamps() {
    let peer = Peer::start(Seed::Empty).await;
    for at in 0..3 {
        let rows: Vec<_> = (0..150)
            .map(|row| json!({"attributes": {"type": "Case"}, "Subject": format!("{at}/{row}")}))
            .collect();
        peer.call(Method::POST, "composite/sobjects", &json!({"records": rows})).await;
    }
    let crm = peer.by_secret();
    let query = everything(&crm, &case()).await;
    let all = read_all(&crm, &query).await;
    assert_eq!(all.len(), 450);
    assert!(all.windows(2).any(|pair| pair[0].version == pair[1].version));

    for idx in [0, 1, 149, 150, 299, 448, 449] {
        let (from, last) = position(&all[idx]);
        let rest = DeltaQuery { from, after_id: Some(last), ..query.clone() };
        assert_eq!(read_all(&crm, &rest).await, all[idx + 1..], "after record {idx}");
    }
    peer.sandbox.stop().await;
}

#[tokio::test]
async fn change_is_seen_and_a_deleted_record_is_read_from_the_recycle_bin() {
    let peer = Peer::start(Seed::Empty).await;
    let crm = peer.by_key();
    let subject = r#"O'Brien \ "Smith" & 50 % + ü"#;
    let id = peer.create_case(subject).await;
    let fields = ["Subject".to_owned(), "Court__c".to_owned(), "IsClosed".to_owned()];

    let record = crm.read(&case(), &id, &fields).await.unwrap().unwrap();
    assert_eq!(record.fields["Subject"].as_text(), Some(subject));
    assert!(record.fields["Court__c"].is_null() && !record.is_deleted);

    peer.call(Method::DELETE, &format!("sobjects/Case/{id}"), &json!({})).await;
    let deleted = crm.read(&case(), &id, &fields).await.unwrap().unwrap();
    assert!(deleted.is_deleted && deleted.version >= record.version);
    let query = everything(&crm, &case()).await;
    assert!(read_all(&crm, &query).await.iter().any(|it| it.record_id == id && it.is_deleted));

    let gone = RecordId::parse("5000000000zzzzz").unwrap();
    assert_eq!(crm.read(&case(), &gone, &fields).await.unwrap(), None);
    peer.sandbox.stop().await;
}

#[tokio::test]
async fn ended_sessions_are_opened_again() {
    let peer = Peer::start(Seed::Empty).await;
    let crm = peer.by_secret();
    let id = peer.create_case("Smith v. Jones").await;
    crm.read(&case(), &id, &[]).await.unwrap().unwrap();

    let end = Request::new("peer", "end", Method::DELETE, peer.url("/_sandbox/sessions"));
    peer.http.send(end).await.unwrap().checked().unwrap();

    crm.read(&case(), &id, &[]).await.unwrap().unwrap();
    peer.sandbox.stop().await;
}

#[tokio::test]
async fn unknown_field_is_unread_and_an_unknown_object_is_rejected_by_name() {
    let peer = Peer::start(Seed::Empty).await;
    let crm = peer.by_secret();
    let id = peer.create_case("Smith v. Jones").await;
    let mut query = everything(&crm, &case()).await;
    query.fields.push("Nonsense__c".into());
    for _ in 0..2 {
        let read = crm.changes(&query).await.unwrap().records.remove(0);
        let alone = crm.read(&case(), &id, &query.fields).await.unwrap().unwrap();
        assert_eq!(read, alone);
        assert_eq!(read.unread, ["Nonsense__c"]);
        assert_eq!(read.fields.len(), query.fields.len() - 1);
        assert_eq!(read.fields["Subject"].as_text(), Some("Smith v. Jones"));
    }

    query.object = ObjectName::parse("Nonsense__c").unwrap();
    query.fields.clear();
    let error = crm.changes(&query).await.unwrap_err();
    assert_eq!(error.kind(), PortErrorKind::Rejected);
    assert!(chain(&error).to_string().contains("`Nonsense__c`"), "{}", chain(&error));
    peer.sandbox.stop().await;
}

#[tokio::test]
async fn mark_that_the_org_does_not_know_is_not_found() {
    let peer = Peer::start(Seed::Empty).await;
    let crm = peer.by_secret();
    let query = everything(&crm, &case()).await;
    let mark = "/services/data/v66.0/query/01gR0000000opRTIAY-2000";
    let error = crm.more_changes(&query, mark).await.unwrap_err();
    assert_eq!(error.kind(), PortErrorKind::NotFound, "{}", chain(&error));
    peer.sandbox.stop().await;
}

#[tokio::test]
async fn wrong_secret_is_denied_with_the_words_of_the_org() {
    let peer = Peer::start(Seed::Empty).await;
    let auth = json!({
        "flow": "client_credentials", "client_id": "3MVG", "client_secret": "env:SF_KEY",
    });
    let error = peer.crm(&auth, 2000).health().await.unwrap_err();
    assert_eq!(error.kind(), PortErrorKind::Denied);
    assert!(chain(&error).to_string().contains("invalid_client"), "{}", chain(&error));
    peer.sandbox.stop().await;
}
