//! The whole way at a peer that stands for S3 (`scripts/with-aws`): a plain HTTP client follows the links.

use std::sync::Arc;

use aws_sdk_s3::Client;
use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region};
use axum::http::StatusCode;
use bytes::Bytes;
use serde_json::Value;
use shared::config::Env;
use shared::ids::EntityId;
use shared::ports::walls_contract::sample_wall;
use shared::ports::{BlobStore, Random as _, Stance, SystemRandom};
use url::Url;
use wiring::BlobAddress;

use super::{begin, body_of, complete, hash, links};
use crate::testing::{CASE_ID, Firm};
use crate::tests::{ask_as, get, get_as, ports};
use crate::{Api, Ports, router};

/// Opens a bucket of its own, or says loudly that the test is skipped.
async fn bucket() -> Option<Arc<dyn BlobStore>> {
    let env = Env::of_process();
    let Some(endpoint) = env.get("AWS_ENDPOINT_URL").filter(|it| !it.is_empty()) else {
        let required = env.get("MOODBRIDGE_REQUIRE").unwrap_or_default();
        let is_required = required.split(',').any(|it| it.trim() == "aws");
        assert!(!is_required, "AWS is required: run this by `scripts/with-aws`");
        eprintln!("SKIPPED: no AWS; `scripts/with-aws COMMAND` starts a peer");
        return None;
    };
    // The peers keep an account for each access key that looks like an account's number.
    let number = format!("{:012}", SystemRandom.bits() % 1_000_000_000_000);
    let name = format!("documents-{:032x}", SystemRandom.bits());
    let config = aws_sdk_s3::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new(&number, "test", None, None, "test"))
        .endpoint_url(endpoint)
        .force_path_style(true)
        .build();
    Client::from_conf(config).create_bucket().bucket(&name).send().await.unwrap();
    let env = Env::from_pairs([
        ("AWS_ENDPOINT_URL", endpoint),
        ("AWS_REGION", "us-east-1"),
        ("AWS_ACCESS_KEY_ID", &number),
        ("AWS_SECRET_ACCESS_KEY", "test"),
    ]);
    let address = BlobAddress::parse(&format!("s3://{name}")).unwrap();
    Some(wiring::blobs(&address, &env).unwrap())
}

/// Follows a link with `body` and more headers.
async fn follow(link: &Value, body: Bytes, more: &[(&str, &str)]) -> reqwest::Response {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let method = link["method"].as_str().unwrap().parse().unwrap();
    let mut request = client.request(method, link["url"].as_str().unwrap());
    for (name, value) in link["headers"].as_object().unwrap() {
        request = request.header(name, value.as_str().unwrap());
    }
    for (name, value) in more {
        request = request.header(*name, *value);
    }
    request.body(body).send().await.unwrap()
}

fn is_good_for(link: &Value) -> String {
    let url = Url::parse(link["url"].as_str().unwrap()).unwrap();
    let found = url.query_pairs().find(|(name, _)| name == "X-Amz-Expires");
    found.unwrap().1.into_owned()
}

#[tokio::test]
async fn document_goes_to_the_bucket_and_comes_back_by_links() {
    let Some(store) = bucket().await else { return };
    let firm = Arc::<Firm>::default();
    let routes = Ports { document_bytes: Some(store), ..ports(&firm).await };
    let routes = router(Arc::new(Api::new(routes)));
    let whole = body_of(12_000_000);
    let (first, last) = (whole.slice(..8 << 20), whole.slice(8 << 20..));

    let begun = begin(&routes, CASE_ID, &whole).await;
    assert_eq!(begun.body["n_parts"], 2, "{}", begun.body);
    let token = begun.body["upload"].as_str().unwrap();
    let upload = format!("/v1/cases/{CASE_ID}/documents/uploads/{token}");
    let links = links(&routes, &upload, &[&first, &last]).await;
    assert_eq!(is_good_for(&links[0]), "900");
    assert!(links[0]["expires_at"].is_string());

    // Other bytes than the link was made for are refused by the store itself.
    let refused = follow(&links[0], whole.slice(1..=8 << 20), &[]).await;
    assert_eq!(refused.status(), 400);
    let mut etags = Vec::new();
    for (link, part) in [(&links[0], first.clone()), (&links[1], last.clone())] {
        let taken = follow(link, part, &[]).await;
        assert_eq!(taken.status(), 200);
        etags.push(taken.headers()["etag"].to_str().unwrap().to_owned());
    }
    let parts = [(etags[0].as_str(), &first[..]), (etags[1].as_str(), &last[..])];
    // Bytes never pass through here.
    let path = format!("{upload}/parts/0");
    let refused = ask_as(&routes, "chair.admin", "PUT", &path, &[], "x").await;
    assert_eq!(refused.status, StatusCode::CONFLICT);

    let short = complete(&routes, &upload, &parts[..1]).await;
    assert_eq!(short.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", short.body);
    let filed = complete(&routes, &upload, &parts).await;
    assert_eq!(filed.status, StatusCode::CREATED, "{}", filed.body);
    let again = complete(&routes, &upload, &parts).await;
    assert_eq!((again.status, &again.body), (StatusCode::OK, &filed.body));

    let place = filed.header("location").to_owned();
    let answer = get(&routes, &format!("{place}/link")).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    let link = &answer.body["link"];
    assert_eq!(is_good_for(link), "300");
    let read = follow(link, Bytes::new(), &[]).await;
    assert_eq!(read.status(), 200);
    assert_eq!(read.headers()["content-type"], "application/pdf");
    assert_eq!(hash(&read.bytes().await.unwrap()), answer.body["sha256"].as_str().unwrap());
    let rest = follow(link, Bytes::new(), &[("range", "bytes=8388608-")]).await;
    assert_eq!((rest.status().as_u16(), rest.bytes().await.unwrap() == last), (206, true));
    let field = format!("document-read:{}", filed.body["id"].as_str().unwrap());
    assert_eq!(firm.audit_of_documents().await[0].changes[0].field, field);
    let content = get(&routes, &format!("{place}/content")).await;
    assert_eq!(content.status, StatusCode::CONFLICT);

    let case = EntityId::parse(CASE_ID).unwrap();
    firm.walls.lock().unwrap().push(sample_wall(&case, "anna", Stance::Screened));
    let hidden = get_as(&routes, &format!("{place}/link"), "anna.lawyer").await;
    assert_eq!(hidden.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn upload_in_the_bucket_is_given_up_and_belongs_to_its_case_alone() {
    let Some(store) = bucket().await else { return };
    let firm = Arc::<Firm>::default();
    let routes = Ports { document_bytes: Some(store), ..ports(&firm).await };
    let routes = router(Arc::new(Api::new(routes)));
    let body = Bytes::from_static(b"a short one");
    let begun = begin(&routes, CASE_ID, &body).await;
    let token = begun.body["upload"].as_str().unwrap();
    let upload = |case: &str| format!("/v1/cases/{case}/documents/uploads/{token}");
    let link = links(&routes, &upload(CASE_ID), &[&body]).await.remove(0);
    let taken = follow(&link, body.clone(), &[]).await;
    let etag = taken.headers()["etag"].to_str().unwrap().to_owned();

    // The key is derived from the case, so that the upload is none of another one.
    let other = crate::testing::ROWS[2].1[2];
    let elsewhere = complete(&routes, &upload(other), &[(&etag, &body)]).await;
    assert_eq!(elsewhere.status, StatusCode::NOT_FOUND, "{}", elsewhere.body);

    let gone = ask_as(&routes, "chair.admin", "DELETE", &upload(CASE_ID), &[], "").await;
    assert_eq!(gone.status, StatusCode::NO_CONTENT, "{}", gone.body);
    let over = complete(&routes, &upload(CASE_ID), &[(&etag, &body)]).await;
    assert_eq!(over.status, StatusCode::NOT_FOUND, "{}", over.body);
}
