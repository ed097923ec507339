//! Who gets in: with local tokens, and with those of a real identity provider.

use std::path::Path;

use serde_json::{Value, json};

use crate::firm::{Firm, command_json};
use crate::identity_provider::{AUDIENCE, IdentityProvider};
use crate::moodbridge::{Moodbridge, command, free_port};

async fn status(moodbridge: &Moodbridge, path: &str, token: &str) -> u16 {
    let request = moodbridge.client.get(format!("{}{path}", moodbridge.url));
    let request = if token.is_empty() { request } else { request.bearer_auth(token) };
    request.send().await.unwrap().status().as_u16()
}

fn printed_token(folder: &Path, arguments: &[&str]) -> String {
    let output = command(folder, &[&["token"], arguments].concat());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[tokio::test]
async fn on_this_machine_a_token_is_to_be_had_for_the_asking() {
    let firm = Firm::start(&["--empty", "--poll-every", "1h", "--log", "trace"]).await;
    let (moodbridge, folder) = (&firm.moodbridge, firm.folder.path());
    assert_eq!(status(moodbridge, "/v1/overview", "").await, 401);
    assert_eq!(status(moodbridge, "/v1/overview", "garbage").await, 401);

    let admin = printed_token(folder, &[]);
    let viewer = printed_token(folder, &["--person", "vera", "--role", "viewer"]);
    assert_eq!(status(moodbridge, "/v1/queues", &admin).await, 200);
    assert_eq!(status(moodbridge, "/v1/overview", &viewer).await, 200);
    assert_eq!(status(moodbridge, "/v1/queues", &viewer).await, 403);
    let answered =
        command_json(folder, &["--json", "token", "--role", "client", "--role", "viewer"]);
    assert_eq!(answered["roles"], json!(["client", "viewer"]));
    let page = moodbridge.token_of("lena", &["lawyer"]).await;
    assert_eq!(status(moodbridge, "/v1/overview", &page).await, 200);

    let log = moodbridge.log();
    assert!(log.contains("nobody has to sign in"), "{log}");
    for token in [admin, viewer, page] {
        let signature = token.rsplit('.').next().unwrap();
        assert!(!log.contains(signature));
    }
}

fn serve_settings(folder: &Path, address: &str, identity: &str) {
    let settings = format!("[server]\naddress = \"{address}\"\n{identity}");
    std::fs::write(folder.join("moodbridge.toml"), settings).unwrap();
    std::fs::create_dir_all(folder.join(".moodbridge")).unwrap();
    command_json(folder, &["--json", "--data-dir", ".moodbridge", "db", "migrate"]);
}

#[tokio::test]
async fn the_issuer_in_the_settings_decides_who_gets_in() {
    let Some(provider) = IdentityProvider::start(&json!({})) else { return };
    let folder = tempfile::tempdir().unwrap();
    let port = free_port();
    let issuer = provider.issuer("firm");
    let identity = format!(
        "[identity]\nissuer = \"{issuer}\"\naudience = [\"{AUDIENCE}\"]\n\
         dashboard_client_id = \"moodbridge-dashboard\"\n"
    );
    serve_settings(folder.path(), &format!("127.0.0.1:{port}"), &identity);
    let moodbridge = Moodbridge::start(folder.path(), port, &["serve"]).await;
    let told: Value = moodbridge.get("/auth/config").await;
    assert_eq!(told["mode"], "oidc");
    assert_eq!(told["issuer"], issuer);

    let signed_in = async |person: &str| {
        let tokens = provider.sign_in("firm", "moodbridge-dashboard", person).await;
        tokens["access_token"].as_str().unwrap().to_owned()
    };
    let (anna, vera) = (signed_in("anna").await, signed_in("vera").await);
    assert_eq!(status(&moodbridge, "/v1/queues", &anna).await, 200);
    assert_eq!(status(&moodbridge, "/v1/queues", &vera).await, 403);
    assert_eq!(status(&moodbridge, "/v1/overview", &vera).await, 200);
    assert_eq!(status(&moodbridge, "/v1/overview", &signed_in("stranger").await).await, 403);
    assert_eq!(status(&moodbridge, "/v1/overview", "").await, 401);

    // Four requests of three people: the keys were read once.
    let calls = provider.admin("firm", "calls", &json!({})).await;
    assert_eq!(calls["/jwks"], 1, "{calls}");

    // Local tokens are worth nothing here, and none are given.
    let output = command(folder.path(), &["token"]);
    let message = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(78), "{message}");
    assert!(message.contains(&issuer), "{message}");
    let url = format!("{}/auth/local/token", moodbridge.url);
    let request = moodbridge.client.post(url).header("origin", &moodbridge.url).json(&json!({}));
    assert_eq!(request.send().await.unwrap().status(), 404);
}

#[test]
fn an_address_that_others_reach_needs_an_issuer() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("moodbridge.toml"), "[server]\naddress = \"0.0.0.0:8080\"\n")
        .unwrap();
    let output = command(folder.path(), &["serve"]);
    let message = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(78), "{message}");
    assert!(message.contains("add `[identity]` with your `issuer` and `audience`"), "{message}");
}
