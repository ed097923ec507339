//! Tests of webhook signatures, with the vector of the reference libraries.

use std::time::Duration;

use super::*;

/// The vector of the reference libraries of Standard Webhooks.
const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const ID: &str = "msg_p5jXN8AQM9LWM0D4loKWxJek";
const SIGNED_AT: &str = "1614265330";
const BODY: &[u8] = br#"{"test": 2432232314}"#;
const SIGNATURE: &str = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
const NOW: Timestamp = Timestamp::from_millis(1_614_265_330_000);

fn verifier(secrets: &[&str]) -> WebhookVerifier {
    let secrets: Vec<Secret> = secrets.iter().map(|it| Secret::new(*it)).collect();
    WebhookVerifier::new(SignatureScheme::standard_webhooks(), &secrets).unwrap()
}

fn verify(
    verifier: &WebhookVerifier,
    signature: &str,
    body: &[u8],
    now: Timestamp,
) -> Result<(), SignatureFault> {
    let headers = |name: &str| match name {
        "webhook-id" => Some(ID),
        "webhook-timestamp" => Some(SIGNED_AT),
        "webhook-signature" => Some(signature),
        _ => None,
    };
    let id = verifier.verify(headers, body, now)?.map(str::to_owned);
    assert_eq!(id.as_deref(), Some(ID));
    Ok(())
}

#[test]
fn vector_of_the_reference_libraries_is_made_and_taken() {
    let verifier = verifier(&[SECRET]);
    assert_eq!(verifier.sign(ID, SIGNED_AT, BODY), SIGNATURE);
    assert_eq!(verify(&verifier, SIGNATURE, BODY, NOW), Ok(()));
}

#[test]
fn secret_without_its_prefix_is_the_same_key() {
    let verifier = verifier(&[SECRET.trim_start_matches("whsec_")]);
    assert_eq!(verify(&verifier, SIGNATURE, BODY, NOW), Ok(()));
}

#[test]
fn changed_body_is_refused() {
    let verifier = verifier(&[SECRET]);
    let fault = verify(&verifier, SIGNATURE, b"{}", NOW);
    assert_eq!(fault, Err(SignatureFault::NoMatch));
}

#[test]
fn one_good_signature_among_others_is_enough() {
    let verifier = verifier(&[SECRET]);
    let several = format!("v1,Ceo5qEr07ixe2NLpvHk3FH9bwy/WavXrAFQ/9tdO6mc= v2,abc {SIGNATURE}");
    assert_eq!(verify(&verifier, &several, BODY, NOW), Ok(()));
}

#[test]
fn signature_of_another_version_is_passed_over() {
    let verifier = verifier(&[SECRET]);
    let other = SIGNATURE.replace("v1,", "v1a,");
    assert_eq!(verify(&verifier, &other, BODY, NOW), Err(SignatureFault::NoMatch));
}

#[test]
fn old_and_new_secret_are_taken_while_one_replaces_the_other() {
    let new = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX";
    assert_eq!(verify(&verifier(&[new, SECRET]), SIGNATURE, BODY, NOW), Ok(()));
    assert_eq!(verify(&verifier(&[SECRET, new]), SIGNATURE, BODY, NOW), Ok(()));
    assert_eq!(verify(&verifier(&[new]), SIGNATURE, BODY, NOW), Err(SignatureFault::NoMatch));
}

#[test]
fn time_stamp_is_taken_up_to_five_minutes_either_way() {
    let verifier = verifier(&[SECRET]);
    let far = Duration::from_secs(300);
    let too_far = Duration::from_secs(301);
    assert_eq!(verify(&verifier, SIGNATURE, BODY, NOW.plus(far)), Ok(()));
    assert_eq!(verify(&verifier, SIGNATURE, BODY, NOW.minus(far)), Ok(()));
    let old = verify(&verifier, SIGNATURE, BODY, NOW.plus(too_far));
    assert_eq!(old, Err(SignatureFault::TooOld));
    let new = verify(&verifier, SIGNATURE, BODY, NOW.minus(too_far));
    assert_eq!(new, Err(SignatureFault::TooNew));
}

#[test]
fn missing_header_is_named() {
    let fault = verifier(&[SECRET]).verify(|_| None, BODY, NOW).unwrap_err();
    assert_eq!(fault.to_string(), "header `webhook-id` is missing");
}

#[test]
fn time_stamp_that_overflows_is_malformed() {
    let verifier = verifier(&[SECRET]);
    let headers =
        |name: &str| Some(if name == "webhook-timestamp" { "9223372036854775807" } else { "x" });
    assert_eq!(verifier.verify(headers, BODY, NOW), Err(SignatureFault::MalformedTimestamp));
}

#[test]
fn another_sender_is_another_value_of_the_scheme() {
    let scheme = SignatureScheme {
        signature_header: "x-hub-signature-256".to_owned(),
        id_header: None,
        timestamp_header: None,
        signed_content: "{body}".to_owned(),
        separator: None,
        prefix: "sha256=".to_owned(),
        encoding: SignatureEncoding::Hex,
        secret_form: SecretForm::Text,
        ..SignatureScheme::standard_webhooks()
    };
    // Source: GitHub Docs, "Validating webhook deliveries", testing the validation.
    let secret = Secret::new("It's a Secret to Everybody");
    let verifier = WebhookVerifier::new(scheme, &[secret]).unwrap();
    let signature = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
    assert_eq!(verifier.sign("", "", b"Hello, World!"), signature);
    assert_eq!(verifier.verify(|_| Some(signature), b"Hello, World!", NOW), Ok(None));
    assert!(verifier.verify(|_| Some("sha256=00"), b"Hello, World!", NOW).is_err());
}

#[test]
fn secret_that_is_no_key_is_refused_without_being_repeated() {
    let scheme = SignatureScheme::standard_webhooks();
    for secret in ["whsec_not base64", "whsec_aHVudGVyMg=="] {
        let error = WebhookVerifier::new(scheme.clone(), &[Secret::new(secret)]).unwrap_err();
        assert!(!error.to_string().contains("aHVudGVyMg"), "{error}");
    }
}

#[test]
fn debug_shows_no_key() {
    let shown = format!("{:?}", verifier(&[SECRET]));
    assert!(shown.contains("n_keys: 1") && !shown.contains("MfKQ9r8"), "{shown}");
}
