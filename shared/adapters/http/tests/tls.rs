//! Which TLS the client speaks, against real servers that speak one version alone.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::sync::Arc;

use adapter_http::{HttpClient, HttpSettings, Request, Response, TlsSettings};
use fault_server::{Answer, Authority, FaultServer, Script, TlsVersion};
use shared::ports::{SystemClock, SystemRandom};
use shared::{PortError, PortErrorKind, chain};
use url::Url;

async fn serve(authority: &Authority, version: TlsVersion) -> FaultServer {
    let script = Script::always(Answer::json("{}"));
    FaultServer::start_tls(script, authority, version).await.unwrap()
}

async fn call(server: &FaultServer, tls: TlsSettings) -> Result<Response, PortError> {
    let settings = HttpSettings { tls, max_attempts: 1, ..HttpSettings::default() };
    let client = HttpClient::new(settings, Arc::new(SystemClock), Arc::new(SystemRandom)).unwrap();
    let url = Url::parse(&server.url("/path?token=hunter2")).unwrap();
    client.send(Request::get("peer", "read", url)).await
}

fn trusting(authority: &Authority) -> TlsSettings {
    TlsSettings { extra_roots: vec![authority.pem()], ..TlsSettings::default() }
}

#[tokio::test]
async fn tls_1_3_with_a_certificate_of_the_firms_own_authority_is_spoken() {
    let authority = Authority::new().unwrap();
    let server = serve(&authority, TlsVersion::Tls13).await;
    let response = call(&server, trusting(&authority)).await.unwrap();
    assert_eq!(response.body().as_ref(), b"{}");
}

#[tokio::test]
async fn host_that_speaks_tls_1_2_alone_is_refused_by_its_name_and_the_setting() {
    let authority = Authority::new().unwrap();
    let server = serve(&authority, TlsVersion::Tls12).await;

    let error = call(&server, trusting(&authority)).await.unwrap_err();

    let text = chain(&error).to_string();
    assert_eq!(error.kind(), PortErrorKind::Rejected, "{text}");
    assert!(text.contains("`localhost` speaks no TLS 1.3"), "{text}");
    assert!(text.contains("`HTTP_TLS12_HOSTS`"), "{text}");
    assert_eq!(server.n_received(), 0);
}

#[tokio::test]
async fn host_that_the_setting_names_is_called_over_tls_1_2() {
    let authority = Authority::new().unwrap();
    let server = serve(&authority, TlsVersion::Tls12).await;

    let tls = TlsSettings { allow_tls12: vec!["LOCALHOST".into()], ..trusting(&authority) };
    assert_eq!(call(&server, tls).await.unwrap().body().as_ref(), b"{}");

    let tls = TlsSettings { allow_tls12: vec!["other.test".into()], ..trusting(&authority) };
    call(&server, tls).await.unwrap_err();
}

#[tokio::test]
async fn certificate_of_an_unknown_authority_is_refused() {
    let server = serve(&Authority::new().unwrap(), TlsVersion::Tls13).await;
    for roots in [TlsSettings::default(), trusting(&Authority::new().unwrap())] {
        let error = call(&server, roots).await.unwrap_err();
        assert_eq!(error.kind(), PortErrorKind::Unavailable);
        assert!(chain(&error).to_string().contains("certificate"), "{}", chain(&error));
    }
    assert_eq!(server.n_received(), 0);
}

#[tokio::test]
async fn root_certificate_that_is_none_is_refused_at_once() {
    let tls = TlsSettings { extra_roots: vec!["no PEM".into()], ..TlsSettings::default() };
    let settings = HttpSettings { tls, ..HttpSettings::default() };
    let made = HttpClient::new(settings, Arc::new(SystemClock), Arc::new(SystemRandom));
    assert!(chain(&made.unwrap_err()).to_string().contains("extra root certificates"));
}
