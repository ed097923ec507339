//! Documents: sent in parts, filed, read again, and hidden by walls.

mod s3;

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, Request, StatusCode};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use http_body_util::BodyExt;
use serde_json::{Value, json};
use shared::ids::EntityId;
use shared::model::{Entity, FieldValue, Fields};
use shared::ports::case_store_contract::sample_write;
use shared::ports::documents_contract::sample_act;
use shared::ports::walls_contract::sample_wall;
use shared::ports::{BlobStore, Documents, Sha256Digest, Stance, document_key};
use tower::ServiceExt;

use super::store::Laptop;
use super::{Answer, ask_as, get, get_as, ports, post, serve};
use crate::testing::{CASE_ID, CHAIR, FILED, Firm, SENT, Shelf, draft};
use crate::{Api, Ports, router};

const JSON: &str = "application/json";

/// Bytes that repeat themselves nowhere near.
fn body_of(n_bytes: usize) -> Bytes {
    (0..n_bytes).map(|place| (place.wrapping_mul(2_654_435_761) >> 13) as u8).collect()
}

fn hash(bytes: &[u8]) -> String {
    Sha256Digest::of(bytes).to_string()
}

/// Begins to send `body` to `case`.
async fn begin(routes: &Router, case: &str, body: &[u8]) -> Answer {
    let wanted = json!({"name": "Petition.pdf", "media_type": "application/pdf",
        "size_bytes": body.len(), "sha256": hash(body), "exhibit_label": "A-1"});
    let path = format!("/v1/cases/{case}/documents/uploads");
    post(routes, &path, JSON, &wanted.to_string()).await
}

/// Asks for the links of these parts.
async fn links(routes: &Router, upload: &str, parts: &[&[u8]]) -> Vec<Value> {
    let parts = parts.iter().enumerate();
    let parts: Vec<_> =
        parts.map(|(number, it)| json!({"number": number, "sha256": hash(it)})).collect();
    let wanted = json!({ "parts": parts }).to_string();
    let answer = post(routes, &format!("{upload}/links"), JSON, &wanted).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    answer.body["items"].as_array().unwrap().iter().map(|it| it["link"].clone()).collect()
}

/// Follows a link of this API with `body`.
async fn put(routes: &Router, link: &Value, body: Bytes) -> Answer {
    let mut request = Request::builder().method(link["method"].as_str().unwrap());
    for (name, value) in link["headers"].as_object().unwrap() {
        request = request.header(name, value.as_str().unwrap());
    }
    let request = request
        .uri(link["url"].as_str().unwrap())
        .header("authorization", format!("Bearer {CHAIR}"))
        .header("content-type", "application/octet-stream");
    super::send(routes, request.body(Body::from(body)).unwrap()).await
}

async fn complete(routes: &Router, upload: &str, parts: &[(&str, &[u8])]) -> Answer {
    let parts: Vec<_> =
        parts.iter().map(|(etag, it)| json!({"etag": etag, "sha256": hash(it)})).collect();
    let wanted = json!({ "parts": parts }).to_string();
    post(routes, &format!("{upload}/complete"), JSON, &wanted).await
}

/// Reads bytes with these headers.
async fn content(
    routes: &Router,
    path: &str,
    headers: &[(&str, &str)],
) -> (StatusCode, HeaderMap, Bytes) {
    let mut request = Request::get(path).header("authorization", format!("Bearer {CHAIR}"));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let answer = routes.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    let (parts, body) = answer.into_parts();
    (parts.status, parts.headers, body.collect().await.unwrap().to_bytes())
}

#[tokio::test]
async fn document_goes_through_a_laptop_in_parts_and_comes_back() {
    let laptop = Laptop::open().await;
    let row = Fields::from([("title".to_owned(), FieldValue::text("Doe v. Roe"))]);
    let case = sample_write(Entity::Case, 1, row);
    let case_id = case.entity_id.to_string();
    laptop.store.apply(case).await.unwrap();
    let routes = &laptop.routes;
    let whole = body_of((8 << 20) + 1000);
    let (first, last) = (whole.slice(..8 << 20), whole.slice(8 << 20..));

    let begun = begin(routes, &case_id, &whole).await;
    assert_eq!(begun.status, StatusCode::OK, "{}", begun.body);
    assert_eq!(begun.body["n_parts"], 2);
    assert_eq!(begun.body["part_bytes"], 8 << 20);
    let token = begun.body["upload"].as_str().unwrap();
    let upload = format!("/v1/cases/{case_id}/documents/uploads/{token}");
    let links = links(routes, &upload, &[&first, &last]).await;
    let second = put(routes, &links[1], last.clone()).await;
    let refused = put(routes, &links[0], whole.slice(1..=8 << 20)).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(refused.faults()[0].0, "Content-Digest");
    let one = put(routes, &links[0], first.clone()).await;
    assert_eq!(one.status, StatusCode::NO_CONTENT, "{}", one.body);
    let parts = [(one.header("etag"), &first[..]), (second.header("etag"), &last[..])];

    let swapped = complete(routes, &upload, &[parts[1], parts[0]]).await;
    assert_eq!(swapped.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", swapped.body);
    let filed = complete(routes, &upload, &parts).await;
    assert_eq!(filed.status, StatusCode::CREATED, "{}", filed.body);
    let again = complete(routes, &upload, &parts).await;
    assert_eq!((again.status, &again.body), (StatusCode::OK, &filed.body));

    let place = filed.header("location").to_owned();
    let document = get(routes, &place).await.body;
    assert_eq!(document, filed.body);
    assert_eq!(
        (&document["case_id"], &document["sha256"]),
        (&case_id.into(), &hash(&whole).into())
    );
    let link = get(routes, &format!("{place}/link")).await.body;
    assert_eq!(link["size_bytes"], whole.len());
    let url = link["link"]["url"].as_str().unwrap();
    let (status, headers, bytes) = content(routes, url, &[]).await;
    assert_eq!((status, bytes == whole), (StatusCode::OK, true));
    assert_eq!(headers["content-length"], whole.len().to_string());
    assert_eq!(headers["content-disposition"], "attachment; filename*=UTF-8''Petition.pdf");
    let digest = BASE64_STANDARD.encode(Sha256Digest::of(&whole).as_bytes());
    assert_eq!(headers["repr-digest"], format!("sha-256=:{digest}:"));

    // Where the reading broke off it goes on, unless it is another document by now.
    let tag = headers["etag"].to_str().unwrap();
    let on = [("range", "bytes=8388608-"), ("if-range", tag)];
    let (status, headers, bytes) = content(routes, url, &on).await;
    assert_eq!((status, bytes == last), (StatusCode::PARTIAL_CONTENT, true));
    assert_eq!(headers["content-range"], "bytes 8388608-8389607/8389608");
    let other = [("range", "bytes=8388608-"), ("if-range", "\"another\"")];
    assert_eq!(content(routes, url, &other).await.0, StatusCode::OK);
    let (status, headers, _) = content(routes, url, &[("range", "bytes=8389608-")]).await;
    assert_eq!(status, StatusCode::RANGE_NOT_SATISFIABLE);
    assert_eq!(headers["content-range"], "bytes */8389608");
}

#[tokio::test]
async fn the_same_bytes_are_one_document_of_a_case() {
    let routes = serve(&Arc::default()).await;

    let begun = begin(&routes, CASE_ID, FILED).await;

    assert_eq!(begun.status, StatusCode::OK);
    assert_eq!(begun.body["upload"], Value::Null);
    assert_eq!(begun.body["document"]["id"], draft(FILED).id.as_str());
    assert_eq!(begun.body["document_id"], draft(FILED).id.as_str());
}

#[tokio::test]
async fn who_files_and_who_reads_stands_in_the_audit_log() {
    let firm = Arc::<Firm>::default();
    let routes = serve(&firm).await;
    let upload = format!("/v1/cases/{CASE_ID}/documents/uploads/{}", firm.shelf.upload);

    let filed = complete(&routes, &upload, &[(&firm.shelf.etag, SENT)]).await;
    assert_eq!(filed.status, StatusCode::CREATED, "{}", filed.body);
    let path = format!("/v1/documents/{}/content", draft(FILED).id);
    assert_eq!(
        content(&routes, &path, &[("range", "bytes=1-")]).await.0,
        StatusCode::PARTIAL_CONTENT
    );

    let rows = firm.audit_of_documents().await;
    let told: Vec<_> =
        rows[..2].iter().map(|it| (it.actor.as_str(), it.changes[0].field.clone())).collect();
    let read = format!("document-read:{}", draft(FILED).id);
    let sent = format!("document:{}", draft(SENT).id);
    assert_eq!(told, [("person:chair", read), ("person:chair", sent)]);
}

#[tokio::test]
async fn nobody_is_given_bytes_that_cannot_be_noted() {
    let firm = Arc::<Firm>::default();
    let routes = serve(&firm).await;
    *firm.failure.lock().unwrap() = Some(shared::PortErrorKind::Unavailable);
    let path = format!("/v1/documents/{}/content", draft(FILED).id);
    let (status, _, body) = content(&routes, &path, &[]).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(!body.windows(4).any(|it| it == b"%PDF"));
}

#[tokio::test]
async fn a_screened_person_finds_no_document_and_sends_none() {
    let firm = Arc::<Firm>::default();
    let case = EntityId::parse(CASE_ID).unwrap();
    firm.walls.lock().unwrap().push(sample_wall(&case, "anna", Stance::Screened));
    let routes = serve(&firm).await;
    let (hidden, absent) = (draft(FILED).id, EntityId::from_random(7));
    for rest in ["", "/link", "/content"] {
        let [of_hidden, of_absent] = [&hidden, &absent].map(|id| {
            let path = format!("/v1/documents/{id}{rest}");
            let routes = routes.clone();
            async move { get_as(&routes, &path, "anna.lawyer").await }
        });
        let (of_hidden, of_absent) = (of_hidden.await, of_absent.await);
        assert_eq!(of_absent.status, StatusCode::NOT_FOUND);
        assert_eq!(of_hidden.headers, of_absent.headers);
        assert_eq!(
            of_hidden.body.to_string().replace(hidden.as_str(), "ID"),
            of_absent.body.to_string().replace(absent.as_str(), "ID")
        );
    }
    let token = Shelf::default().upload;
    let wanted = json!({"name": "a", "size_bytes": 1, "sha256": hash(b"a")}).to_string();
    for (method, rest, body) in [
        ("POST", String::new(), wanted.as_str()),
        ("POST", format!("/{token}/links"), r#"{"parts":[]}"#),
        ("POST", format!("/{token}/complete"), r#"{"parts":[]}"#),
        ("PUT", format!("/{token}/parts/0"), "abc"),
        ("DELETE", format!("/{token}"), ""),
    ] {
        let path = format!("/v1/cases/{CASE_ID}/documents/uploads{rest}");
        let answer = ask_as(&routes, "anna.lawyer", method, &path, &[], body).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{method} {path}");
    }
    assert_eq!(firm.audit_of_documents().await.len(), 2);
}

#[tokio::test]
async fn upload_of_another_case_or_of_none_is_over() {
    let firm = Arc::<Firm>::default();
    let routes = serve(&firm).await;
    let other = crate::testing::ROWS[2].1[2];
    let parts = [(firm.shelf.etag.as_str(), SENT)];
    for (case, token) in
        [(other, firm.shelf.upload.as_str()), (CASE_ID, "bm90aGluZw"), (CASE_ID, "-")]
    {
        let upload = format!("/v1/cases/{case}/documents/uploads/{token}");
        let answer = complete(&routes, &upload, &parts).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{upload}: {}", answer.body);
    }
}

#[tokio::test]
async fn part_that_is_not_what_was_announced_is_refused() {
    let firm = Arc::<Firm>::default();
    let routes = serve(&firm).await;
    let upload = format!("/v1/cases/{CASE_ID}/documents/uploads/{}", firm.shelf.upload);
    for (body, status) in
        [("ab", StatusCode::UNPROCESSABLE_ENTITY), ("abcd", StatusCode::PAYLOAD_TOO_LARGE)]
    {
        let path = format!("{upload}/parts/0");
        assert_eq!(ask_as(&routes, CHAIR, "PUT", &path, &[], body).await.status, status);
    }
    let path = format!("{upload}/parts/1");
    let answer = ask_as(&routes, CHAIR, "PUT", &path, &[], "abc").await;
    assert_eq!((answer.status, answer.faults()[0].0), (StatusCode::BAD_REQUEST, "number"));
    let none = complete(&routes, &upload, &[]).await;
    assert_eq!((none.status, none.faults()[0].0), (StatusCode::UNPROCESSABLE_ENTITY, "parts"));

    // Another part of the right length comes to light when the whole is put together.
    let path = format!("{upload}/parts/0");
    let taken = ask_as(&routes, CHAIR, "PUT", &path, &[], "abd").await;
    let refused = complete(&routes, &upload, &[(taken.header("etag"), b"abd")]).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", refused.body);
    assert!(
        get(&routes, &format!("/v1/documents/{}", draft(SENT).id)).await.status.is_client_error()
    );

    let gone = ask_as(&routes, CHAIR, "DELETE", &upload, &[], "").await;
    assert_eq!(gone.status, StatusCode::NO_CONTENT);
    let over = complete(&routes, &upload, &[(&firm.shelf.etag, SENT)]).await;
    assert_eq!(over.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn bytes_of_a_filed_document_are_never_replaced() {
    let firm = Arc::<Firm>::default();
    let routes = serve(&firm).await;
    let upload = format!("/v1/cases/{CASE_ID}/documents/uploads/{}", firm.shelf.upload);
    // Somebody else files the same document first.
    firm.shelf.rows.file(&draft(SENT), &sample_act()).await.unwrap();
    let put = shared::ports::PutBlob::default();
    let key = document_key(&draft(SENT).id);
    let before = firm.shelf.bytes.put(&key, SENT.into(), &put).await.unwrap();

    let answer = complete(&routes, &upload, &[(&firm.shelf.etag, SENT)]).await;

    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(firm.shelf.bytes.head(&key).await.unwrap(), before);
}

#[tokio::test]
async fn document_without_bytes_or_without_a_store_says_so() {
    let firm = Arc::<Firm>::default();
    firm.shelf.rows.file(&draft(b"imported"), &sample_act()).await.unwrap();
    let routes = serve(&firm).await;
    let path = format!("/v1/documents/{}/link", draft(b"imported").id);
    let answer = get(&routes, &path).await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
    assert!(answer.body["detail"].as_str().unwrap().contains("not kept here"));

    let bare = Ports { document_bytes: None, ..ports(&firm).await };
    let routes = router(Arc::new(Api::new(bare)));
    let answers = [get(&routes, &path).await, begin(&routes, CASE_ID, b"x").await];
    for answer in answers {
        assert_eq!(answer.status, StatusCode::CONFLICT);
        assert!(answer.body["detail"].as_str().unwrap().contains("DOCUMENTS"));
    }
}

#[tokio::test]
async fn every_fault_of_an_upload_is_named() {
    let routes = serve(&Arc::default()).await;
    let path = format!("/v1/cases/{CASE_ID}/documents/uploads");
    let wrong = json!({"name": "../a", "media_type": "pdf", "size_bytes": -1, "sha256": "0a",
        "exhibit_label": "", "description": "a\nb", "sise": 3});
    let answer = post(&routes, &path, JSON, &wrong.to_string()).await;
    let fields: Vec<_> = answer.faults().into_iter().map(|it| it.0.to_owned()).collect();
    assert_eq!(
        fields,
        ["name", "media_type", "sha256", "size_bytes", "exhibit_label", "description", "sise"]
    );
    let upload = format!("{path}/{}", Shelf::default().upload);
    for body in [
        json!({}),
        json!({"parts": [{"number": 0}]}),
        json!({"parts": [{"number": 1, "sha256": hash(b"a")}]}),
        json!({"parts": [{"number": 0, "sha256": hash(b"a"), "x": 1}]}),
        json!({"parts": vec![json!({"number": 0, "sha256": hash(b"a")}); 101]}),
    ] {
        let answer = post(&routes, &format!("{upload}/links"), JSON, &body.to_string()).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{}", answer.body);
    }
}
