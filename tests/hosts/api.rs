//! The API by itself, with tokens of an identity provider that nobody here wrote.

use std::net::TcpListener;
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::process::Command;

use crate::binaries::{Stores, binary, sample};
use crate::http_client;
use crate::identity_provider::{AUDIENCE, IdentityProvider};
use crate::lambda_api::{LambdaApi, Outcome};

const PATIENCE: Duration = Duration::from_secs(30);

/// Who asks for what, and the status of the answer: `None` sends no token.
const ASKED: [(Option<&str>, &str, u16); 8] = [
    (None, "/v1/openapi.json", 200),
    (None, "/v1/cases", 401),
    (Some("garbage"), "/v1/cases", 401),
    (Some("anna"), "/v1/queues", 200),
    (Some("vera"), "/v1/cases", 200),
    (Some("vera"), "/v1/queues", 403),
    (Some("clara"), "/v1/overview", 403),
    (Some("stranger"), "/v1/cases", 403),
];

async fn bearer(provider: &IdentityProvider, person: &str) -> String {
    if person == "garbage" {
        return "Bearer garbage".to_owned();
    }
    let tokens = provider.sign_in("firm", "moodbridge-cli", person).await;
    format!("Bearer {}", tokens["access_token"].as_str().unwrap())
}

async fn stores_of(provider: &IdentityProvider) -> Stores {
    Stores::new().await.with_issuer(&provider.issuer("firm"), AUDIENCE)
}

#[tokio::test]
async fn api_on_the_local_host_takes_tokens_of_its_issuer() {
    let Some(provider) = IdentityProvider::start(&json!({})) else { return };
    let stores = stores_of(&provider).await;
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut api = Command::new(binary("analytics-api"))
        .envs(stores.settings())
        .env("PORT", port.to_string())
        .stdout(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let deadline = Instant::now() + PATIENCE;
    while http_client::send(port, "GET", "/readyz", &[], b"").await.is_err() {
        assert!(Instant::now() < deadline, "the function does not listen");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }

    for (person, path, status) in ASKED {
        let token = match person {
            Some(person) => Some(bearer(&provider, person).await),
            None => None,
        };
        let headers: Vec<_> = token.iter().map(|it| ("Authorization", it.as_str())).collect();
        let answer = http_client::send(port, "GET", path, &headers, b"").await.unwrap();
        assert_eq!(answer.status, status, "{person:?} {path}: {}", answer.text());
        assert_eq!(answer.header("www-authenticate").is_some(), matches!(status, 401 | 403));
    }
    let calls = provider.admin("firm", "calls", &json!({})).await;
    assert_eq!(calls["/jwks"], 1, "{calls}");
    api.kill().await.unwrap();
}

#[tokio::test]
async fn api_as_a_lambda_takes_tokens_of_its_issuer() {
    let Some(provider) = IdentityProvider::start(&json!({})) else { return };
    let stores = stores_of(&provider).await;
    let mut lambda = LambdaApi::start(&binary("analytics-api"), &stores.settings()).await;
    for (person, path, status) in ASKED {
        let mut event: Value =
            serde_json::from_str(&sample("aws/apigw-v2-outbound-message.json")).unwrap();
        event["rawPath"] = path.into();
        event["requestContext"]["http"]["path"] = path.into();
        event["requestContext"]["http"]["method"] = "GET".into();
        event["headers"] = json!({"host": "api.firm.example"});
        event["body"] = Value::Null;
        if let Some(person) = person {
            event["headers"]["authorization"] = bearer(&provider, person).await.into();
        }
        let Outcome::Answered(answer) = lambda.invoke(&event.to_string()).await else {
            panic!("{path} was not answered")
        };
        assert_eq!(answer["statusCode"], status, "{person:?} {path}: {answer}");
    }
    assert_eq!(lambda.terminate().await, Some(0));
}
