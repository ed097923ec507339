//! How S3 is reached.

use std::time::Duration;

use http::HeaderValue;
use object_store::aws::{AmazonS3, AmazonS3Builder, AmazonS3ConfigKey as Key, Checksum};
use object_store::{BackoffConfig, ClientOptions, RetryConfig};
use shared::config::Env;
use shared::error::{PortError, PortErrorKind};

use super::fault::PLATFORM;
use crate::address::S3Address;

/// How long a connection may take to open.
const CONNECT: Duration = Duration::from_secs(3);
/// How long S3 may be silent, within an answer or before it. A reading of hours has no other limit.
const SILENCE: Duration = Duration::from_secs(60);
/// How often a request is sent again that S3 did not take or answer.
const N_RETRIES: usize = 3;
/// How long it is tried. Its signature holds for 15 minutes.
const RETRY_FOR: Duration = Duration::from_mins(3);
/// The longest pause between two tries.
const MAX_PAUSE: Duration = Duration::from_secs(5);

/// What is read from the environment, under the names that every AWS tool knows.
const SETTINGS: [(&str, Key); 12] = [
    ("AWS_DEFAULT_REGION", Key::DefaultRegion),
    ("AWS_REGION", Key::Region),
    ("AWS_ACCESS_KEY_ID", Key::AccessKeyId),
    ("AWS_SECRET_ACCESS_KEY", Key::SecretAccessKey),
    ("AWS_SESSION_TOKEN", Key::Token),
    ("AWS_WEB_IDENTITY_TOKEN_FILE", Key::WebIdentityTokenFile),
    ("AWS_ROLE_ARN", Key::RoleArn),
    ("AWS_ROLE_SESSION_NAME", Key::RoleSessionName),
    ("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", Key::ContainerCredentialsRelativeUri),
    ("AWS_CONTAINER_CREDENTIALS_FULL_URI", Key::ContainerCredentialsFullUri),
    ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", Key::ContainerAuthorizationTokenFile),
    ("AWS_ENDPOINT_URL_STS", Key::StsEndpoint),
];

fn set<'a>(env: &'a Env, name: &str) -> Option<&'a str> {
    env.get(name).filter(|it| !it.is_empty())
}

/// Makes the client of `address`. Nothing is called yet.
pub(super) fn client(address: &S3Address, env: &Env) -> Result<AmazonS3, PortError> {
    let fault = || PortError::new(PortErrorKind::Rejected, PLATFORM, "open", &address.bucket);
    if set(env, "AWS_REGION").or(set(env, "AWS_DEFAULT_REGION")).is_none() {
        return Err(fault().with_source("no region: set `AWS_REGION`"));
    }
    if !has_credentials(env) && set(env, "AWS_EC2_METADATA_DISABLED") == Some("true") {
        return Err(fault().with_source(
            "no credentials: set `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY`; \
             `aws configure export-credentials --format env` writes those of a profile",
        ));
    }
    let mut builder = AmazonS3Builder::new();
    for (name, key) in SETTINGS {
        if let Some(value) = set(env, name) {
            builder = builder.with_config(key, value);
        }
    }
    let endpoint = set(env, "AWS_ENDPOINT_URL_S3").or(set(env, "AWS_ENDPOINT_URL"));
    let is_plain = endpoint.is_some_and(|it| it.starts_with("http://"));
    builder = match endpoint {
        Some(endpoint) => builder.with_endpoint(endpoint),
        // Amazon's certificate covers one label before its own name, so no bucket with dots.
        None => builder.with_virtual_hosted_style_request(!address.bucket.contains('.')),
    };
    if let Some(key) = &address.kms_key {
        builder = builder.with_sse_kms_encryption(key).with_bucket_key(true);
    }
    let options = ClientOptions::new()
        .with_user_agent(user_agent(env))
        .with_connect_timeout(CONNECT)
        .with_read_timeout(SILENCE)
        .with_timeout_disabled()
        .with_allow_http(is_plain);
    let retries = RetryConfig {
        max_retries: N_RETRIES,
        retry_timeout: RETRY_FOR,
        backoff: BackoffConfig { max_backoff: MAX_PAUSE, ..BackoffConfig::default() },
    };
    builder
        .with_bucket_name(&address.bucket)
        .with_checksum_algorithm(Checksum::SHA256)
        .with_client_options(options)
        .with_retry(retries)
        .build()
        .map_err(|error| fault().with_source(error))
}

/// Names us, and the application as the SDK of AWS does, so that `CloudTrail` tells who calls.
fn user_agent(env: &Env) -> HeaderValue {
    let ours = concat!("moodbridge/", env!("CARGO_PKG_VERSION"));
    let named = set(env, "AWS_SDK_UA_APP_ID").map(|name| format!("{ours} app/{name}"));
    let named = named.and_then(|it| HeaderValue::from_str(&it).ok());
    named.unwrap_or_else(|| HeaderValue::from_static(ours))
}

fn has_credentials(env: &Env) -> bool {
    ["AWS_ACCESS_KEY_ID", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"]
        .into_iter()
        .chain(["AWS_CONTAINER_CREDENTIALS_FULL_URI"])
        .any(|name| set(env, name).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(vars: &[(&str, &str)]) -> Result<String, String> {
        let address = S3Address { bucket: "documents".to_owned(), prefix: None, kms_key: None };
        let env = Env::from_pairs(vars.iter().copied());
        let opened = client(&address, &env).map(|it| it.to_string());
        opened.map_err(|error| shared::chain(&error).to_string())
    }

    #[test]
    fn calls_name_the_application() {
        let of = |vars: &[(&str, &str)]| user_agent(&Env::from_pairs(vars.iter().copied()));
        assert!(of(&[]).to_str().unwrap().starts_with("moodbridge/"));
        let named = of(&[("AWS_SDK_UA_APP_ID", "moodbridge-prod-sync-worker")]);
        assert!(named.to_str().unwrap().ends_with(" app/moodbridge-prod-sync-worker"));
        assert!(of(&[("AWS_SDK_UA_APP_ID", "a\nb")]).to_str().unwrap().starts_with("moodbridge/"));
    }

    #[test]
    fn what_the_environment_lacks_is_named() {
        assert!(open(&[]).unwrap_err().contains("set `AWS_REGION`"));
        let no_keys = [("AWS_REGION", "eu-west-1"), ("AWS_EC2_METADATA_DISABLED", "true")];
        assert!(open(&no_keys).unwrap_err().contains("set `AWS_ACCESS_KEY_ID`"));
        let half = [("AWS_DEFAULT_REGION", "eu-west-1"), ("AWS_ACCESS_KEY_ID", "k")];
        assert!(open(&half).unwrap_err().contains("SecretAccessKey"));
        let whole = [
            ("AWS_REGION", "eu-west-1"),
            ("AWS_ACCESS_KEY_ID", "k"),
            ("AWS_SECRET_ACCESS_KEY", "s3cret"),
            ("AWS_SESSION_TOKEN", "t"),
        ];
        assert!(open(&whole).is_ok());
    }
}
