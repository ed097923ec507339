//! The adapter against an org of a few scripted answers, over real HTTP.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests")]

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use adapter_http::{HttpClient, HttpSettings};
use adapter_salesforce::{ApiUsage, SalesforceCrm, SalesforceSettings};
use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::KeyPair as _;
use axum::Router;
use axum::extract::{Form, Query, State};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use shared::config::Env;
use shared::ids::{ObjectName, RecordId, SalesforceId};
use shared::ports::{Clock, Crm, DeltaQuery, LocalSecrets, SystemRandom};
use shared::time::Timestamp;
use shared::worker::Backoff;
use shared::worker::breaker::BreakerSettings;
use shared::{PortError, PortErrorKind, chain};
use tokio::net::TcpListener;

const START: i64 = 1_780_000_000_000;

struct HandClock(AtomicI64);

impl HandClock {
    fn forward(&self, by: Duration) {
        self.0.fetch_add(i64::try_from(by.as_millis()).unwrap(), Ordering::SeqCst);
    }
}

impl Clock for HandClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::SeqCst))
    }
}

type Answer = Box<dyn Fn(&Call) -> Response + Send + Sync>;

/// What the org was asked.
#[derive(Clone, Debug)]
struct Call {
    token: String,
    path: String,
    soql: Option<String>,
    headers: HeaderMap,
}

/// An org: token `n` is valid when `n` is at least `oldest_valid`.
struct Org {
    n_logins: AtomicUsize,
    oldest_valid: AtomicUsize,
    refusal: Mutex<Option<(u16, Value)>>,
    login: Mutex<Option<(HeaderMap, HashMap<String, String>)>>,
    calls: Mutex<Vec<Call>>,
    answer: Answer,
    address: Mutex<String>,
}

impl Org {
    async fn start(answer: impl Fn(&Call) -> Response + Send + Sync + 'static) -> Arc<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let org = Arc::new(Self {
            n_logins: AtomicUsize::new(0),
            oldest_valid: AtomicUsize::new(1),
            refusal: Mutex::new(None),
            login: Mutex::new(None),
            calls: Mutex::new(Vec::new()),
            answer: Box::new(answer),
            address: Mutex::new(format!("http://{}", listener.local_addr().unwrap())),
        });
        let router = Router::new()
            .route("/services/oauth2/token", post(log_in))
            .fallback(get(serve))
            .with_state(org.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        org
    }

    fn n_logins(&self) -> usize {
        self.n_logins.load(Ordering::SeqCst)
    }

    fn end_sessions(&self) {
        self.oldest_valid.store(self.n_logins() + 1, Ordering::SeqCst);
    }

    fn last_call(&self) -> Call {
        self.calls.lock().unwrap().last().unwrap().clone()
    }
}

async fn log_in(
    State(org): State<Arc<Org>>,
    headers: HeaderMap,
    Form(form): Form<HashMap<String, String>>,
) -> Response {
    let n = org.n_logins.fetch_add(1, Ordering::SeqCst) + 1;
    *org.login.lock().unwrap() = Some((headers, form));
    if let Some((status, body)) = org.refusal.lock().unwrap().clone() {
        return (StatusCode::from_u16(status).unwrap(), axum::Json(body)).into_response();
    }
    // Long enough that every caller of a burst finds this login under way.
    tokio::time::sleep(Duration::from_millis(50)).await;
    let instance_url = org.address.lock().unwrap().clone();
    axum::Json(json!({
        "access_token": format!("00D!{n}"), "instance_url": instance_url, "token_type": "Bearer",
        "id": "https://login.salesforce.com/id/00D/005", "issued_at": "1657741493799",
        "signature": "x", "scope": "api",
    }))
    .into_response()
}

async fn serve(
    State(org): State<Arc<Org>>,
    uri: Uri,
    Query(query): Query<HashMap<String, String>>,
    headers: HeaderMap,
) -> Response {
    let bearer = headers["authorization"].to_str().unwrap().to_owned();
    let token = bearer.trim_start_matches("Bearer 00D!").to_owned();
    let call = Call { token, path: uri.path().into(), soql: query.get("q").cloned(), headers };
    org.calls.lock().unwrap().push(call.clone());
    if call.token.parse::<usize>().unwrap() < org.oldest_valid.load(Ordering::SeqCst) {
        return error(401, "INVALID_SESSION_ID", "Session expired or invalid");
    }
    (org.answer)(&call)
}

fn error(status: u16, code: &str, message: &str) -> Response {
    let body = json!([{"message": message, "errorCode": code}]);
    (StatusCode::from_u16(status).unwrap(), axum::Json(body)).into_response()
}

fn empty_page(_: &Call) -> Response {
    axum::Json(json!({"totalSize": 0, "done": true, "records": []})).into_response()
}

struct Fixture {
    org: Arc<Org>,
    crm: Arc<SalesforceCrm>,
    clock: Arc<HandClock>,
}

async fn fixture(answer: impl Fn(&Call) -> Response + Send + Sync + 'static) -> Fixture {
    let org = Org::start(answer).await;
    let auth = json!({
        "flow": "client_credentials", "client_id": "3MVG", "client_secret": "env:SF_SECRET",
    });
    connect(org, &auth, Env::from_pairs([("SF_SECRET", "hunter2")]))
}

fn connect(org: Arc<Org>, auth: &Value, env: Env) -> Fixture {
    let clock = Arc::new(HandClock(AtomicI64::new(START)));
    let login_url = org.address.lock().unwrap().clone();
    let settings: SalesforceSettings =
        serde_json::from_value(json!({"connection": "main", "login_url": login_url, "auth": auth}))
            .unwrap();
    let http_settings = HttpSettings {
        max_attempts: 2,
        backoff: Backoff { first: Duration::from_millis(1), cap: Duration::from_millis(1) },
        breaker: BreakerSettings { n_failures: 1000, open_for: Duration::from_secs(1) },
        ..HttpSettings::default()
    };
    let http = HttpClient::new(http_settings, clock.clone(), Arc::new(SystemRandom)).unwrap();
    let secrets = Arc::new(LocalSecrets::new(env));
    let crm = Arc::new(SalesforceCrm::new(settings, http, secrets, clock.clone()));
    Fixture { org, crm, clock }
}

fn case() -> ObjectName {
    ObjectName::parse("Case").unwrap()
}

fn case_id() -> RecordId {
    SalesforceId::parse("5005f00002J9YYE").unwrap().to_record_id()
}

fn window() -> DeltaQuery {
    DeltaQuery {
        object: case(),
        fields: vec!["Subject".into()],
        from: Timestamp::parse("2026-01-01T10:00:00Z").unwrap(),
        after_id: None,
        until: Timestamp::parse("2026-01-01T11:00:00Z").unwrap(),
    }
}

async fn thousand_reads(crm: &Arc<SalesforceCrm>) {
    let reads: Vec<_> = (0..1000)
        .map(|_| {
            let crm = crm.clone();
            tokio::spawn(async move { crm.read(&case(), &case_id(), &[]).await })
        })
        .collect();
    for read in reads {
        read.await.unwrap().unwrap();
    }
}

fn assert_no_secret(error: &PortError) {
    let text = format!("{} {error:?}", chain(error));
    for secret in ["hunter2", "00D!", "Bearer", "SELECT"] {
        assert!(!text.contains(secret), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thousand_callers_share_one_login_and_so_do_a_thousand_ended_sessions() {
    let Fixture { org, crm, .. } = fixture(empty_page).await;

    thousand_reads(&crm).await;
    assert_eq!(org.n_logins(), 1);

    org.end_sessions();
    thousand_reads(&crm).await;
    assert_eq!(org.n_logins(), 2);
}

#[tokio::test]
async fn session_that_ends_at_once_again_is_an_error_after_one_new_login() {
    let Fixture { org, crm, .. } =
        fixture(|_| error(401, "INVALID_SESSION_ID", "Session expired or invalid")).await;

    let error = crm.health().await.unwrap_err();

    assert_eq!(error.kind(), PortErrorKind::Denied);
    assert_eq!(org.n_logins(), 2);
    assert_no_secret(&error);
}

const DESCRIBED_AT: &str = "Thu, 01 Jan 2026 10:00:00 GMT";

/// Describes an object whose field is as long as the number of times it was described in full.
fn describe(call: &Call, n_described: &AtomicUsize) -> Response {
    if call.headers.get("if-modified-since").is_some_and(|it| it == DESCRIBED_AT) {
        return StatusCode::NOT_MODIFIED.into_response();
    }
    let n = n_described.fetch_add(1, Ordering::SeqCst) + 1;
    let field = json!({"name": "Subject", "type": "string", "length": n, "nillable": true});
    ([("last-modified", DESCRIBED_AT)], axum::Json(json!({"name": "Case", "fields": [field]})))
        .into_response()
}

#[tokio::test]
async fn describe_is_asked_for_again_after_an_hour_and_only_if_it_changed() {
    let n_described = Arc::new(AtomicUsize::new(0));
    let n = n_described.clone();
    let Fixture { org, crm, clock } = fixture(move |call| describe(call, &n)).await;
    let client = crm.client();
    let first = client.describe(&case()).await.unwrap();

    for n_asked in [1, 2, 3] {
        assert_eq!(org.calls.lock().unwrap().len(), n_asked);
        let again = client.describe(&case()).await.unwrap();
        assert_eq!(again.json(), first.json());
        clock.forward(Duration::from_secs(61 * 60));
        client.describe(&case()).await.unwrap();
    }
    assert_eq!(n_described.load(Ordering::SeqCst), 1);
    assert!(client.take_drifts().is_empty());

    client.describe_anew(&case()).await.unwrap();
    let drifts = client.take_drifts();
    let [drift] = drifts.as_slice() else { panic!("{drifts:?}") };
    assert_eq!(drift.changed_fields[0].field, "Subject");
    assert!(client.take_drifts().is_empty());
}

#[tokio::test]
async fn limit_says_when_to_come_back_and_a_wait_that_was_asked_for_holds() {
    let limited = || error(403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.");
    let Fixture { crm, .. } = fixture(move |_| limited()).await;
    let wait = crm.health().await.unwrap_err().retry_after().unwrap();
    assert!(wait >= Duration::from_secs(600), "{wait:?}");

    let Fixture { crm, .. } = fixture(move |_| {
        let mut answer = limited();
        answer.headers_mut().insert("retry-after", "7".parse().unwrap());
        answer
    })
    .await;
    let wait = crm.health().await.unwrap_err().retry_after();
    assert_eq!(wait, Some(Duration::from_secs(7)));
}

#[tokio::test]
async fn org_that_moved_is_called_where_its_new_session_is() {
    let mark = "/services/data/v66.0/query/01gR0000000opRTIAY-2000";
    let new_place = Org::start(empty_page).await;
    let Fixture { org, crm, .. } = fixture(empty_page).await;
    crm.health().await.unwrap();
    org.end_sessions();
    *org.address.lock().unwrap() = new_place.address.lock().unwrap().clone();

    crm.more_changes(&window(), mark).await.unwrap();

    assert_eq!(org.n_logins(), 2);
    let call = new_place.last_call();
    assert_eq!((call.path.as_str(), call.token.as_str()), (mark, "2"));
}

#[tokio::test]
async fn ended_session_that_a_new_login_does_not_mend_leads_to_none() {
    for message in [
        "This session is not valid for use with the REST API",
        "Connected app is not attached to Agent",
    ] {
        let Fixture { org, crm, .. } =
            fixture(move |_| error(401, "INVALID_SESSION_ID", message)).await;
        assert_eq!(crm.health().await.unwrap_err().kind(), PortErrorKind::Denied);
        assert_eq!(org.n_logins(), 1, "{message}");
    }
}

#[tokio::test]
async fn token_is_renewed_after_half_an_hour_and_the_old_one_serves_while_that_fails() {
    let Fixture { org, crm, clock } = fixture(empty_page).await;
    let read = async || crm.read(&case(), &case_id(), &[]).await;

    read().await.unwrap();
    clock.forward(Duration::from_secs(29 * 60));
    read().await.unwrap();
    assert_eq!(org.n_logins(), 1);

    clock.forward(Duration::from_secs(2 * 60));
    read().await.unwrap();
    assert_eq!((org.n_logins(), org.last_call().token.as_str()), (2, "2"));

    clock.forward(Duration::from_secs(31 * 60));
    *org.refusal.lock().unwrap() = Some((503, json!({})));
    read().await.unwrap();
    assert_eq!(org.last_call().token, "2");
}

#[tokio::test]
async fn refused_login_names_the_reason_and_is_not_hammered() {
    let Fixture { org, crm, clock } = fixture(empty_page).await;
    let reason = json!({
        "error": "invalid_grant", "error_description": "no client credentials user enabled",
    });
    *org.refusal.lock().unwrap() = Some((400, reason));

    for _ in 0..10 {
        let error = crm.health().await.unwrap_err();
        assert_eq!(error.kind(), PortErrorKind::Denied);
        let text = chain(&error).to_string();
        assert!(text.contains("no client credentials user enabled"), "{text}");
        assert_no_secret(&error);
    }
    assert_eq!(org.n_logins(), 1);

    *org.refusal.lock().unwrap() = None;
    clock.forward(Duration::from_secs(16));
    crm.read(&case(), &case_id(), &[]).await.unwrap();
}

#[tokio::test]
async fn client_credentials_are_sent_as_basic_authorisation() {
    let Fixture { org, crm, .. } = fixture(empty_page).await;
    crm.read(&case(), &case_id(), &[]).await.unwrap();

    let (headers, form) = org.login.lock().unwrap().clone().unwrap();
    let wanted = format!("Basic {}", STANDARD.encode("3MVG:hunter2"));
    assert_eq!(headers["authorization"], wanted);
    assert_eq!(form["grant_type"], "client_credentials");
}

#[tokio::test]
async fn assertion_is_signed_and_ends_in_three_minutes() {
    let key = KeyPair::generate(KeySize::Rsa2048).unwrap();
    let der: Pkcs8V1Der<'_> = key.as_der().unwrap();
    let pem = format!(
        "-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n",
        STANDARD.encode(der.as_ref())
    );
    let auth = json!({
        "flow": "jwt_bearer", "client_id": "3MVG", "username": "sync@firm.test",
        "private_key": "env:SF_KEY",
    });
    let Fixture { org, crm, .. } =
        connect(Org::start(empty_page).await, &auth, Env::from_pairs([("SF_KEY", pem)]));

    crm.read(&case(), &case_id(), &[]).await.unwrap();

    let (_, form) = org.login.lock().unwrap().clone().unwrap();
    assert_eq!(form["grant_type"], "urn:ietf:params:oauth:grant-type:jwt-bearer");
    let public = jsonwebtoken::DecodingKey::from_rsa_der(key.public_key().as_ref());
    let mut rules = jsonwebtoken::Validation::new(jsonwebtoken::Algorithm::RS256);
    rules.validate_exp = false;
    rules.set_audience(&["https://login.salesforce.com"]);
    let claims = jsonwebtoken::decode::<Value>(&form["assertion"], &public, &rules).unwrap().claims;
    assert_eq!(claims["iss"], "3MVG");
    assert_eq!(claims["sub"], "sync@firm.test");
    assert_eq!(claims["exp"], START / 1000 + 180);
}

#[tokio::test]
async fn key_that_is_no_key_is_denied_without_being_shown() {
    let auth = json!({
        "flow": "jwt_bearer", "client_id": "3MVG", "username": "sync@firm.test",
        "private_key": "env:SF_KEY",
    });
    let env = Env::from_pairs([("SF_KEY", "hunter2")]);
    let Fixture { org, crm, .. } = connect(Org::start(empty_page).await, &auth, env);

    let error = crm.health().await.unwrap_err();

    assert_eq!(error.kind(), PortErrorKind::Denied);
    assert_no_secret(&error);
    assert_eq!(org.n_logins(), 0);
}

#[tokio::test]
async fn record_is_read_from_the_recycle_bin_too() {
    let Fixture { org, crm, .. } = fixture(|_| {
        axum::Json(json!({"totalSize": 1, "done": true, "records": [{
            "attributes": {"type": "Case"}, "Id": "5005f00002J9YYEAA3", "IsDeleted": true,
            "SystemModstamp": "2026-01-01T10:00:00.000+0000", "Subject": "Smith v. Jones",
            "Court__c": null,
        }]}))
        .into_response()
    })
    .await;

    let record = crm
        .read(&case(), &case_id(), &["Subject".into(), "Court__c".into()])
        .await
        .unwrap()
        .unwrap();

    assert!(record.is_deleted && record.fields["Court__c"].is_null());
    assert_eq!(record.fields["Subject"].as_text(), Some("Smith v. Jones"));
    let call = org.last_call();
    assert_eq!(call.path, "/services/data/v66.0/queryAll");
    assert_eq!(
        call.soql.unwrap(),
        format!(
            "SELECT Id, SystemModstamp, IsDeleted, Subject, Court__c FROM Case WHERE Id = '{}'",
            case_id()
        )
    );
    assert_eq!(call.headers["sforce-query-options"], "batchSize=2000");
}

#[tokio::test]
async fn record_that_is_gone_for_good_is_none() {
    let Fixture { crm, .. } = fixture(empty_page).await;
    assert_eq!(crm.read(&case(), &case_id(), &[]).await.unwrap(), None);
}

#[tokio::test]
async fn place_that_is_not_found_is_not_a_record_that_is_gone() {
    let Fixture { crm, .. } =
        fixture(|_| error(404, "NOT_FOUND", "The requested resource does not exist")).await;
    let error = crm.read(&case(), &case_id(), &[]).await.unwrap_err();
    assert_eq!(error.kind(), PortErrorKind::Unavailable);
}

#[tokio::test]
async fn field_that_is_no_name_never_reaches_the_org() {
    let Fixture { org, crm, .. } = fixture(empty_page).await;
    let attack = ["Id FROM User--".to_owned()];
    let error = crm.read(&case(), &case_id(), &attack).await.unwrap_err();
    assert_eq!(error.kind(), PortErrorKind::Rejected);
    assert_eq!(org.n_logins(), 0);
}

#[tokio::test]
async fn pages_are_followed_by_their_mark_and_an_expired_mark_is_not_found() {
    let mark = "/services/data/v66.0/query/01gR0000000opRTIAY-2000";
    let Fixture { org, crm, .. } = fixture(move |call| {
        if call.path.ends_with("queryAll") {
            let page = json!({"done": false, "nextRecordsUrl": mark, "records": []});
            axum::Json(page).into_response()
        } else {
            error(400, "INVALID_QUERY_LOCATOR", "invalid query locator")
        }
    })
    .await;

    let page = crm.changes(&window()).await.unwrap();
    assert_eq!(page.next.as_deref(), Some(mark));

    let error = crm.more_changes(&window(), mark).await.unwrap_err();
    assert_eq!(error.kind(), PortErrorKind::NotFound);
    assert_eq!(org.last_call().path, mark);
}

#[tokio::test]
async fn health_tells_the_time_over_there_and_the_calls_left() {
    let Fixture { crm, .. } = fixture(|_| {
        (
            [("date", "Thu, 01 Jan 2026 10:00:00 GMT"), ("sforce-limit-info", "api-usage=18/5000")],
            axum::Json(
                json!({"DailyApiRequests": {"Max": 5000, "Remaining": 4982}, "X": {"Y": 1}}),
            ),
        )
            .into_response()
    })
    .await;

    let health = crm.health().await.unwrap();

    assert_eq!(health.remote_now, Timestamp::parse("2026-01-01T10:00:00Z").unwrap());
    assert_eq!(health.calls_left, Some(4982));
    assert_eq!(crm.usage(), Some(ApiUsage { n_used: 18, n_allowed: 5000 }));
}

/// Answers with the body as it is, and returns the error it makes.
async fn error_of(status: u16, kind: &'static str, body: &'static str) -> PortError {
    let Fixture { crm, .. } = fixture(move |_| {
        (StatusCode::from_u16(status).unwrap(), [("content-type", kind)], body).into_response()
    })
    .await;
    let error = crm.changes(&window()).await.unwrap_err();
    assert_no_secret(&error);
    error
}

#[tokio::test]
async fn every_error_body_has_its_meaning() {
    use PortErrorKind::{Conflict, Denied, NotFound, RateLimited, Rejected, Unavailable};
    let json = "application/json";
    let html = "text/html";
    for (status, content_type, body, wanted) in [
        (
            400,
            json,
            r#"[{"message":"unable to obtain exclusive access to this record or 1 records: 001","errorCode":"UNABLE_TO_LOCK_ROW","fields":[]}]"#,
            Unavailable,
        ),
        (
            403,
            json,
            r#"[{"message":"TotalRequests Limit exceeded.","errorCode":"REQUEST_LIMIT_EXCEEDED"}]"#,
            RateLimited,
        ),
        (
            404,
            json,
            r#"[{"errorCode":"NOT_FOUND","message":"The requested resource does not exist"}]"#,
            NotFound,
        ),
        (
            404,
            json,
            r#"{"errorCode":"NOT_FOUND","message":"The requested resource does not exist"}"#,
            NotFound,
        ),
        (
            404,
            json,
            r#"[{"message":"entity is deleted","errorCode":"ENTITY_IS_DELETED","fields":[]}]"#,
            Conflict,
        ),
        (
            400,
            json,
            r#"[{"statusCode":"DUPLICATE_VALUE","message":"duplicate value found","fields":[]}]"#,
            Conflict,
        ),
        (
            400,
            json,
            r#"[{"message":"\nFROM Accout\n^\nERROR at Row:1:Column:43\nsObject type 'Accout' is not supported.","errorCode":"INVALID_TYPE"}]"#,
            Rejected,
        ),
        (400, json, r#"[{"message":"x","errorCode":"MALFORMED_QUERY"}]"#, Rejected),
        (400, json, r#"[{"message":"x","errorCode":"QUERY_TIMEOUT"}]"#, Unavailable),
        (
            403,
            json,
            r#"[{"message":"The REST API is not enabled for this Organization.","errorCode":"API_DISABLED_FOR_ORG"}]"#,
            Denied,
        ),
        (403, json, r#"[{"message":"x","errorCode":"A_CODE_OF_TOMORROW"}]"#, Denied),
        (500, json, r#"[{"message":"x","errorCode":"UNKNOWN_EXCEPTION"}]"#, Unavailable),
        (414, html, "<h1>Bad Message 414</h1><pre>reason: URI Too Long</pre>", Rejected),
        (420, html, "", RateLimited),
        (503, html, "<html>maintenance</html>", Unavailable),
        (406, html, "", Rejected),
        (300, json, r#"["/services/data/v66.0/sobjects/Case/500"]"#, Rejected),
        (200, html, "<html>scheduled maintenance</html>", Unavailable),
        (200, json, r#"{"done":true,"records":[{"Id":"50"#, Unavailable),
        (200, json, r#"{"done":true,"records":[{"Id":"5005f00002J9YYE"}]}"#, Rejected),
    ] {
        let error = error_of(status, content_type, body).await;
        assert_eq!(error.kind(), wanted, "{status} {body}: {}", chain(&error));
    }
}

#[tokio::test]
async fn unknown_field_is_named_in_the_cause() {
    let body = r#"[{"message":"\n...^\nERROR at Row:1:Column:486\nNo such column 'Court__c' on entity 'Case'. If you are attempting to use a custom field, be sure to append the '__c' after the custom field name.","errorCode":"INVALID_FIELD"}]"#;
    let error = error_of(400, "application/json", body).await;
    assert_eq!(error.kind(), PortErrorKind::Rejected);
    assert_eq!(
        chain(&error).to_string(),
        "salesforce: changes `Case` failed (Rejected): \
         salesforce says `INVALID_FIELD` about `Court__c` (HTTP 400)"
    );
}

#[tokio::test]
async fn values_of_a_record_are_not_repeated_from_a_message() {
    let body = r#"[{"message":"Account Name: bad value for restricted picklist field: hunter2","errorCode":"INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST","fields":["Name"]}]"#;
    let error = error_of(400, "application/json", body).await;
    assert!(chain(&error).to_string().contains("about `Name`"));
}
