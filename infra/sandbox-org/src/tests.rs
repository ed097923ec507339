//! The org as its clients see it, without a network.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use axum::body::Body;
use axum::http::Request;
use http_body_util::BodyExt;
use serde_json::{Value as Json, json};
use tower::ServiceExt;

use crate::{Clock, Sandbox, Seed, Settings};

mod composite;
mod conditional;
mod errors;
mod firm;
mod removal;
mod schema;
mod writers;

/// Noon of a day in June.
const NOON: i64 = 1_781_956_800_000;

/// Returns the name of the field that holds ids of other systems.
fn external_id() -> String {
    let schema = crate::schema::Schema::parse(crate::OBJECTS).unwrap();
    let fields = schema.object("Case").unwrap().fields.clone();
    fields.into_iter().find(|field| field.external_id).unwrap().name
}

/// An org with a clock that stands still until it is moved.
struct Desk {
    router: axum::Router,
    token: String,
    now: Arc<AtomicI64>,
}

struct Answer {
    status: u16,
    headers: axum::http::HeaderMap,
    body: Json,
}

impl Desk {
    async fn open(seed: Seed) -> Self {
        Self::with(Settings { seed, ..Settings::default() }).await
    }

    async fn with(settings: Settings) -> Self {
        let now = Arc::new(AtomicI64::new(NOON));
        let ticking = Arc::clone(&now);
        let clock = Clock::new(move || ticking.load(Ordering::Relaxed));
        let sandbox = Sandbox::new(Settings { clock, ..settings }).unwrap();
        let mut desk = Self { router: sandbox.router(), token: String::new(), now };
        desk.login().await;
        desk
    }

    /// Gets a fresh token.
    async fn login(&mut self) {
        let form = "grant_type=client_credentials&client_id=moodbridge-sandbox&client_secret=sandbox-secret";
        let answer = self.send("POST", "/services/oauth2/token", form.to_owned(), &[]).await;
        self.token = answer.body["access_token"].as_str().unwrap().to_owned();
    }

    fn pass(&self, seconds: i64) {
        self.pass_ms(seconds * 1000);
    }

    fn pass_ms(&self, ms: i64) {
        self.now.fetch_add(ms, Ordering::Relaxed);
    }

    /// Makes changes inside the org.
    async fn inside(&self, changes: Vec<Json>) -> Json {
        let body = json!({"changes": changes}).to_string();
        self.send("POST", "/_sandbox/changes", body, &[]).await.body
    }

    async fn send(
        &self,
        method: &str,
        path: &str,
        body: String,
        headers: &[(&str, &str)],
    ) -> Answer {
        let mut request = Request::builder().method(method).uri(path).header("host", "org.test");
        if !self.token.is_empty() {
            request = request.header("authorization", format!("Bearer {}", self.token));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answer =
            self.router.clone().oneshot(request.body(Body::from(body)).unwrap()).await.unwrap();
        let (parts, body) = answer.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        let body = serde_json::from_slice(&bytes).unwrap_or(Json::Null);
        Answer { status: parts.status.as_u16(), headers: parts.headers, body }
    }

    async fn get(&self, path: &str) -> Answer {
        self.send("GET", &format!("/services/data/v66.0{path}"), String::new(), &[]).await
    }

    async fn post(&self, path: &str, body: Json) -> Answer {
        self.send("POST", &format!("/services/data/v66.0{path}"), body.to_string(), &[]).await
    }

    async fn patch(&self, path: &str, body: Json) -> Answer {
        self.send("PATCH", &format!("/services/data/v66.0{path}"), body.to_string(), &[]).await
    }

    async fn query(&self, soql: &str) -> Answer {
        let soql: String =
            percent_encoding::utf8_percent_encode(soql, percent_encoding::NON_ALPHANUMERIC)
                .to_string();
        self.get(&format!("/query?q={soql}")).await
    }

    async fn create(&self, object: &str, fields: Json) -> String {
        let answer = self.post(&format!("/sobjects/{object}"), fields).await;
        assert_eq!(answer.status, 201, "{}", answer.body);
        answer.body["id"].as_str().unwrap().to_owned()
    }
}

#[tokio::test]
async fn created_case_follows_its_contact_and_its_status() {
    let desk = Desk::open(Seed::Empty).await;
    let account = desk.create("Account", json!({"Name": " Doe Family Trust "})).await;
    let contact = desk.create("Contact", json!({"LastName": "Doe", "AccountId": account})).await;
    let case = desk.create("Case", json!({"Subject": "Doe v. Roe", "ContactId": contact})).await;

    let row = desk.get(&format!("/sobjects/Case/{case}")).await.body;
    assert_eq!(row["AccountId"], json!(account));
    assert_eq!(row["Status"], "New");
    assert_eq!(row["CaseNumber"], "00001001");
    assert_eq!(row["IsClosed"], false);
    assert_eq!(row["SystemModstamp"], "2026-06-20T12:00:00.000+0000");

    desk.pass(61);
    let updated = desk.patch(&format!("/sobjects/Case/{case}"), json!({"Status": "Settled"})).await;
    assert_eq!((updated.status, updated.body), (204, Json::Null));
    let row =
        desk.get(&format!("/sobjects/Case/{case}?fields=IsClosed,ClosedDate,SystemModstamp")).await;
    assert_eq!(row.body["ClosedDate"], "2026-06-20T12:01:01.000+0000");
    assert_eq!(row.body["SystemModstamp"], "2026-06-20T12:01:01.000+0000");
    let trimmed = desk.get(&format!("/sobjects/Account/{account}")).await;
    assert_eq!(trimmed.body["Name"], "Doe Family Trust");
}

#[tokio::test]
async fn bad_writes_are_refused_in_the_words_of_the_platform() {
    let desk = Desk::open(Seed::Empty).await;
    let account = desk.create("Account", json!({"Name": "Roe LLC", "MBR_Id__c": "A"})).await;

    for (body, code, message) in [
        (
            json!({"AccountNumer": "1", "Name": "x"}),
            "INVALID_FIELD",
            "No such column 'AccountNumer' on sobject of type Account",
        ),
        (json!({}), "REQUIRED_FIELD_MISSING", "Required fields are missing: [Name]"),
        (json!({"Name": ""}), "REQUIRED_FIELD_MISSING", "Required fields are missing: [Name]"),
        (
            json!({"Name": "x", "Phone": "5".repeat(41)}),
            "STRING_TOO_LONG",
            "Phone: data value too large",
        ),
        (
            json!({"Name": "x", "MasterRecordId": account}),
            "INVALID_FIELD_FOR_INSERT_UPDATE",
            "Unable to create/update fields: MasterRecordId.",
        ),
        (
            json!({"Name": "x", "MBR_Id__c": "a"}),
            "DUPLICATE_VALUE",
            "duplicate value found: MBR_Id__c",
        ),
        (
            json!({"Name": "x", "ParentId": "001Mb00000000ZZ"}),
            "INVALID_CROSS_REFERENCE_KEY",
            "invalid cross reference id",
        ),
        (
            json!({"Name": "x", "NumberOfEmployees": "many"}),
            "JSON_PARSER_ERROR",
            "Cannot deserialize instance of int",
        ),
    ] {
        let answer = desk.post("/sobjects/Account", body).await;
        assert_eq!(answer.status, 400);
        assert_eq!(answer.body[0]["errorCode"], code);
        let said = answer.body[0]["message"].as_str().unwrap();
        assert!(said.starts_with(message), "{said}");
    }
}

#[tokio::test]
async fn deleted_row_is_gone_but_queryable_and_comes_back() {
    let desk = Desk::open(Seed::Empty).await;
    let case = desk.create("Case", json!({"Subject": "Doe v. Roe"})).await;
    desk.pass(1);
    let path = format!("/services/data/v66.0/sobjects/Case/{case}");
    assert_eq!(desk.send("DELETE", &path, String::new(), &[]).await.status, 204);

    let gone = desk.get(&format!("/sobjects/Case/{case}")).await;
    assert_eq!((gone.status, &gone.body[0]["errorCode"]), (404, &json!("ENTITY_IS_DELETED")));
    assert_eq!(desk.query("SELECT COUNT() FROM Case").await.body["totalSize"], 0);
    let all = desk
        .get("/queryAll?q=SELECT+Id,IsDeleted,SystemModstamp+FROM+Case+WHERE+IsDeleted=true")
        .await;
    assert_eq!(all.body["records"][0]["SystemModstamp"], "2026-06-20T12:00:01.000+0000");
    let log = desk.get("/sobjects/Case/deleted/?start=2026-06-20T11:00:00%2B00:00&end=2026-06-20T13:00:00%2B00:00").await;
    assert_eq!(log.body["deletedRecords"].as_array().map(Vec::len), Some(0), "the window ends now");
    desk.pass(5);
    let log = desk.get("/sobjects/Case/deleted/?start=2026-06-20T11:00:00%2B00:00&end=2026-06-20T13:00:00%2B00:00").await;
    assert_eq!(log.body["deletedRecords"][0]["id"], json!(case));

    let back = desk.send("POST", &format!("/_sandbox/undelete/{case}"), String::new(), &[]).await;
    assert_eq!(back.status, 200);
    assert_eq!(desk.get(&format!("/sobjects/Case/{case}")).await.status, 200);
}

#[tokio::test]
async fn upsert_by_external_id_creates_then_updates() {
    let desk = Desk::open(Seed::Empty).await;

    let first = desk.patch("/sobjects/Contact/MBR_Id__c/c%2F1", json!({"LastName": "Doe"})).await;
    let second = desk.patch("/sobjects/Contact/MBR_Id__c/C%2F1", json!({"LastName": "Roe"})).await;

    assert_eq!((first.status, &first.body["created"]), (201, &json!(true)));
    assert_eq!((second.status, &second.body["created"]), (200, &json!(false)));
    assert_eq!(first.body["id"], second.body["id"]);
    let read = desk.get("/sobjects/Contact/MBR_Id__c/c%2F1").await;
    assert_eq!(read.body["Name"], "Roe");
    assert_eq!(desk.get("/sobjects/Contact/Nope__c/1").await.status, 404);
}

#[tokio::test]
async fn collection_settles_each_record_or_none() {
    let desk = Desk::open(Seed::Empty).await;
    let records = json!([
        {"attributes": {"type": "Contact"}, "LastName": "Dyer"},
        {"attributes": {"type": "Contact"}, "FirstName": "Ann"},
    ]);

    let each = desk.post("/composite/sobjects", json!({"records": records})).await;
    assert_eq!(each.body[0]["success"], true);
    assert_eq!(each.body[1]["errors"][0]["statusCode"], "REQUIRED_FIELD_MISSING");

    let none =
        desk.post("/composite/sobjects", json!({"allOrNone": true, "records": records})).await;
    assert_eq!(none.body[0]["errors"][0]["statusCode"], "ALL_OR_NONE_OPERATION_ROLLED_BACK");
    assert_eq!(desk.query("SELECT COUNT() FROM Contact").await.body["totalSize"], 1);

    let many: Vec<Json> = (0..201).map(|_| json!({"attributes": {"type": "Contact"}})).collect();
    assert_eq!(desk.post("/composite/sobjects", json!({"records": many})).await.status, 400);
}

#[tokio::test]
async fn composite_fills_references() {
    let desk = Desk::open(Seed::Empty).await;

    let answer = desk.post("/composite", json!({"allOrNone": true, "compositeRequest": [
        {"method": "POST", "url": "/services/data/v66.0/sobjects/Account", "referenceId": "acc", "body": {"Name": "Roe LLC"}},
        {"method": "POST", "url": "/services/data/v66.0/sobjects/Contact", "referenceId": "c", "body": {"LastName": "Roe", "AccountId": "@{acc.id}"}},
        {"method": "GET", "url": "/services/data/v66.0/sobjects/Contact/@{c.id}", "referenceId": "read"},
    ]})).await;

    let parts = answer.body["compositeResponse"].as_array().unwrap();
    assert_eq!(parts[1]["httpStatusCode"], 201);
    assert_eq!(parts[2]["body"]["AccountId"], parts[0]["body"]["id"]);
}

#[tokio::test]
async fn stale_write_is_refused() {
    let desk = Desk::open(Seed::Empty).await;
    let case = desk.create("Case", json!({"Subject": "Doe v. Roe"})).await;
    desk.pass(60);
    desk.patch(&format!("/sobjects/Case/{case}"), json!({"Priority": "High"})).await;

    let path = format!("/services/data/v66.0/sobjects/Case/{case}");
    let since = [("if-unmodified-since", "Sat, 20 Jun 2026 12:00:00 GMT")];
    let stale = desk.send("PATCH", &path, json!({"Priority": "Low"}).to_string(), &since).await;
    let fresh = [("if-unmodified-since", "Sat, 20 Jun 2026 12:01:00 GMT")];
    let fresh = desk.send("PATCH", &path, json!({"Priority": "Low"}).to_string(), &fresh).await;

    assert_eq!((stale.status, fresh.status), (412, 204));
}

#[tokio::test]
async fn token_expires_and_every_answer_tells_the_budget() {
    let desk = Desk::open(Seed::Empty).await;

    let answer = desk.get("/limits").await;
    assert_eq!(answer.headers["sforce-limit-info"], "api-usage=1/15000000");
    assert_eq!(answer.headers["date"], "Sat, 20 Jun 2026 12:00:00 GMT");

    desk.pass(2 * 60 * 60);
    let late = desk.get("/limits").await;
    assert_eq!(late.status, 401);
    assert_eq!(
        late.body,
        json!([{"message": "Session expired or invalid", "errorCode": "INVALID_SESSION_ID"}])
    );
}

#[tokio::test]
async fn wrong_paths_and_methods_are_told_apart() {
    let desk = Desk::open(Seed::Empty).await;

    assert_eq!(desk.get("/sobjects/Nothing/describe").await.status, 404);
    assert_eq!(desk.post("/query", json!({})).await.status, 405);
    assert_eq!(
        desk.send("GET", "/services/data/v30.0/limits", String::new(), &[]).await.status,
        410
    );
    assert_eq!(
        desk.send("GET", "/services/data/v99.0/limits", String::new(), &[]).await.status,
        404
    );
    let versions = desk.send("GET", "/services/data", String::new(), &[]).await.body;
    let known = versions.as_array().unwrap();
    assert!(known.contains(
        &json!({"label": "Spring '26", "url": "/services/data/v66.0", "version": "66.0"})
    ));
    assert!(known.contains(
        &json!({"label": "Summer '14", "url": "/services/data/v31.0", "version": "31.0"})
    ));
}

#[tokio::test]
async fn ordered_fault_hits_the_next_request_only() {
    let desk = Desk::open(Seed::Empty).await;
    let order = json!({"path": "/services/data", "status": 503}).to_string();
    desk.send("POST", "/_sandbox/faults", order, &[]).await;

    assert_eq!(desk.get("/limits").await.status, 503);
    assert_eq!(desk.get("/limits").await.status, 200);
}
