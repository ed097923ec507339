//! TLS, by a relay in front of the service that has a certificate of an authority of its own.

use std::sync::Arc;
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, KeyUsagePurpose};
use rustls::SupportedProtocolVersion;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::version::{TLS12, TLS13};
use serde_json::json;
use shared::platform::OutboundTls;
use shared::ports::{ChangeStream as _, Extent};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use crate::support::Firm;

/// Relays what it decrypts; returns its port and the certificate of its authority.
async fn relay(firm: &Firm, version: &'static SupportedProtocolVersion) -> (u16, String) {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let certificate = certificate.signed_by(&key, &authority).unwrap();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[version])
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .unwrap();
    config.alpn_protocols = vec![b"h2".to_vec()];
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let target = firm.endpoint().replace("http://", "");
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (acceptor, target) = (acceptor.clone(), target.clone());
            tokio::spawn(async move {
                let Ok(mut outer) = acceptor.accept(stream).await else { return };
                let mut inner = TcpStream::connect(target).await.unwrap();
                let _ = copy_bidirectional(&mut outer, &mut inner).await;
            });
        }
    });
    (port, authority.pem())
}

async fn read_by(firm: &Firm, port: u16, tls: &OutboundTls) -> Result<(), shared::PortError> {
    let stream = firm.stream_to(&format!("https://localhost:{port}"), tls).unwrap();
    let quiet = Duration::from_millis(300);
    let extent = Extent::UntilQuiet { quiet, at_most: Duration::from_secs(2) };
    stream.follow(&*firm.sink, extent).await
}

#[tokio::test]
async fn service_is_called_over_tls_1_3_with_the_roots_of_the_settings() {
    let firm = Firm::start().await;
    firm.create("Case", json!({"Subject": "1"})).await;
    let (port, pem) = relay(&firm, &TLS13).await;

    let stranger = read_by(&firm, port, &OutboundTls::default()).await.unwrap_err();
    let text = shared::chain(&stranger).to_string();
    assert!(text.contains("UnknownIssuer"), "{text}");
    let tls = OutboundTls { extra_roots: vec![pem], ..OutboundTls::default() };
    read_by(&firm, port, &tls).await.unwrap();

    assert_eq!(firm.events().len(), 1);
}

#[tokio::test]
async fn older_tls_is_spoken_only_to_hosts_that_the_settings_name() {
    let firm = Firm::start().await;
    firm.create("Case", json!({"Subject": "1"})).await;
    let (port, pem) = relay(&firm, &TLS12).await;
    let tls = OutboundTls { extra_roots: vec![pem], ..OutboundTls::default() };

    read_by(&firm, port, &tls).await.unwrap_err();
    assert_eq!(firm.events().len(), 0);
    let tls = OutboundTls { allow_tls12: vec!["localhost".into()], ..tls };
    read_by(&firm, port, &tls).await.unwrap();

    assert_eq!(firm.events().len(), 1);
}
