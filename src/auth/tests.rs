//! What is told about signing in, and to whom local tokens are given.

use axum::body::{Body, to_bytes};
use axum::http::{Request, Response, StatusCode, Version};
use serde_json::{Value, json};
use shared::ports::{SystemClock, SystemRandom};
use tower::ServiceExt as _;

use super::*;

const OURS: [(&str, &str); 3] = [
    ("host", "127.0.0.1:8080"),
    ("origin", "http://127.0.0.1:8080"),
    ("content-type", "application/json"),
];

async fn sign_in(settings: &Settings) -> SignIn {
    SignIn::open(settings, Arc::new(SystemClock), Arc::new(SystemRandom)).unwrap()
}

fn in_folder(folder: &tempfile::TempDir) -> Settings {
    Settings { data_dir: folder.path().to_path_buf(), ..Settings::default() }
}

async fn ask(sign_in: &SignIn, headers: &[(&str, &str)], body: &str) -> Response<Body> {
    let mut request = Request::post("/auth/local/token");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    sign_in.router().oneshot(request.body(Body::from(body.to_owned())).unwrap()).await.unwrap()
}

async fn json_of(response: Response<Body>) -> Value {
    serde_json::from_slice(&to_bytes(response.into_body(), 10_000).await.unwrap()).unwrap()
}

async fn config_of(sign_in: &SignIn) -> Value {
    let request = Request::get("/auth/config").body(Body::empty()).unwrap();
    let response = sign_in.router().oneshot(request).await.unwrap();
    assert_eq!(response.headers()["cache-control"], "no-store");
    json_of(response).await
}

#[tokio::test]
async fn the_own_page_gets_a_token_that_is_taken() {
    let folder = tempfile::tempdir().unwrap();
    let sign_in = sign_in(&in_folder(&folder)).await;

    let response = ask(&sign_in, &OURS, "{}").await;

    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.headers()["cache-control"], "no-store");
    let given = json_of(response).await;
    assert_eq!((&given["person"], &given["roles"]), (&json!("me"), &json!(["admin"])));
    let token = given["token"].as_str().unwrap();
    let principal = sign_in.authenticator().authenticate(token).await.unwrap();
    assert_eq!(principal.person.as_str(), "me");
}

#[tokio::test]
async fn other_people_and_roles_may_be_tried_out() {
    let folder = tempfile::tempdir().unwrap();
    let sign_in = sign_in(&in_folder(&folder)).await;
    for (body, person, n_roles) in [
        (r#"{"person":"lena","roles":["lawyer","analyst"]}"#, "lena", 2),
        (r#"{"roles":[]}"#, "me", 0),
    ] {
        let given = json_of(ask(&sign_in, &OURS, body).await).await;
        let token = given["token"].as_str().unwrap();
        let principal = sign_in.authenticator().authenticate(token).await.unwrap();
        assert_eq!((principal.person.as_str(), principal.roles.len()), (person, n_roles));
    }
    for body in ["", "[]", r#"{"role":"admin"}"#, r#"{"roles":["root"]}"#, r#"{"person":""}"#] {
        assert_eq!(ask(&sign_in, &OURS, body).await.status(), StatusCode::BAD_REQUEST, "{body}");
    }
}

#[tokio::test]
async fn nobody_else_gets_a_local_token() {
    let folder = tempfile::tempdir().unwrap();
    let sign_in = sign_in(&in_folder(&folder)).await;
    let strangers: [(&str, &[(&str, &str)]); 8] = [
        ("a script", &[("host", "127.0.0.1:8080")]),
        ("another site", &[("host", "127.0.0.1:8080"), ("origin", "https://evil.example")]),
        ("another port", &[("host", "127.0.0.1:8080"), ("origin", "http://127.0.0.1:9999")]),
        ("no origin", &[("host", "127.0.0.1:8080"), ("origin", "null")]),
        ("a rebound name", &[("host", "evil.example"), ("origin", "http://evil.example")]),
        ("a proxied name", &[("host", "bridge.firm"), ("origin", "http://bridge.firm")]),
        (
            "a proxy",
            &[
                ("host", "localhost"),
                ("origin", "http://localhost"),
                ("x-forwarded-for", "203.0.113.7"),
            ],
        ),
        (
            "a frame of another site",
            &[
                ("host", "localhost"),
                ("origin", "http://localhost"),
                ("sec-fetch-site", "cross-site"),
            ],
        ),
    ];
    for (who, headers) in strangers {
        let mut headers = headers.to_vec();
        headers.push(("content-type", "application/json"));
        let response = ask(&sign_in, &headers, "{}").await;
        assert_eq!(response.status(), StatusCode::FORBIDDEN, "{who}");
    }
    let through_nginx = Request::post("/auth/local/token").version(Version::HTTP_10);
    let through_nginx =
        OURS.iter().fold(through_nginx, |it, (name, value)| it.header(*name, *value));
    let request = through_nginx.body(Body::from("{}")).unwrap();
    let response = sign_in.router().oneshot(request).await.unwrap();
    assert_eq!(response.status(), StatusCode::FORBIDDEN);
    // A form of another site can be sent without asking first; JSON cannot.
    let mut form = OURS;
    form[2].1 = "text/plain";
    let response = ask(&sign_in, &form, "{}").await;
    assert_eq!(response.status(), StatusCode::UNSUPPORTED_MEDIA_TYPE);
}

#[tokio::test]
async fn the_key_is_made_once_and_only_its_owner_may_read_it() {
    let folder = tempfile::tempdir().unwrap();
    let settings = in_folder(&folder);
    let first = sign_in(&settings).await;
    let token = json_of(ask(&first, &OURS, "{}").await).await;

    let second = sign_in(&settings).await;

    let token = token["token"].as_str().unwrap();
    assert!(second.authenticator().authenticate(token).await.is_ok());
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let key = folder.path().join("secrets/local-signing-key");
        assert_eq!(std::fs::metadata(key).unwrap().permissions().mode() & 0o777, 0o600);
    }
}

#[tokio::test]
async fn the_dashboard_is_told_how_to_sign_in() {
    let folder = tempfile::tempdir().unwrap();
    let mut settings = in_folder(&folder);
    assert_eq!(
        config_of(&sign_in(&settings).await).await,
        json!({"mode": "local", "token_url": "/auth/local/token"})
    );

    let mut identity =
        IdentitySettings::new("https://login.example/v2.0", vec!["api://moodbridge".to_owned()]);
    identity.dashboard_client_id = Some("dashboard".to_owned());
    settings.identity = Some(identity);
    let firm = sign_in(&settings).await;
    assert_eq!(
        config_of(&firm).await,
        json!({
            "mode": "oidc",
            "issuer": "https://login.example/v2.0",
            "client_id": "dashboard",
            "audience": "api://moodbridge",
            "scopes": ["openid", "profile"],
        })
    );
    assert_eq!(ask(&firm, &OURS, "{}").await.status(), StatusCode::NOT_FOUND);
}
