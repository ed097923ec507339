//! What Lambda tells of functions, versions and aliases.

use aws_sdk_lambda::Client;
use aws_sdk_lambda::operation::get_alias::GetAliasOutput;
use aws_sdk_lambda::types::FunctionConfiguration;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use shared::error::{PortError, PortErrorKind};
use shared::ports::{DeployedFunction, Digest, PublishedVersion, Route, VersionNumber};

use super::advice::call;
use crate::fault::Call;

/// The alias that everything calls, as Terraform names it.
pub(super) const ALIAS: &str = "live";

/// Lists the functions whose names begin with `prefix`, by name.
pub(super) async fn list(
    client: &Client,
    prefix: &str,
) -> Result<Vec<DeployedFunction>, PortError> {
    let call = call("list functions", prefix);
    let mut pages = client.list_functions().into_paginator().send();
    let mut functions = Vec::new();
    while let Some(page) = pages.next().await {
        for found in page.map_err(|error| call.failed(error))?.functions.unwrap_or_default() {
            let name = found.function_name().and_then(|it| it.strip_prefix(prefix));
            if let Some(name) = name {
                functions.push(describe(client, name, prefix, &found).await?);
            }
        }
    }
    functions.sort_by(|one: &DeployedFunction, other| one.name.cmp(&other.name));
    Ok(functions)
}

async fn describe(
    client: &Client,
    name: &str,
    prefix: &str,
    found: &FunctionConfiguration,
) -> Result<DeployedFunction, PortError> {
    let full_name = format!("{prefix}{name}");
    let newest_code = digest(found.code_sha256(), call("list functions", &full_name))?;
    let versions = versions(client, &full_name).await?;
    let route = route(client, &full_name).await?;
    Ok(DeployedFunction { name: name.to_owned(), newest_code, versions, route })
}

async fn versions(client: &Client, full_name: &str) -> Result<Vec<PublishedVersion>, PortError> {
    let call = call("list versions", full_name);
    let list = client.list_versions_by_function().function_name(full_name);
    let mut pages = list.into_paginator().send();
    let mut versions = Vec::new();
    while let Some(page) = pages.next().await {
        for found in page.map_err(|error| call.failed(error))?.versions.unwrap_or_default() {
            // `$LATEST` is no version.
            let number = found.version().and_then(|it| it.parse().ok());
            if let Some(number) = number {
                let digest = digest(found.code_sha256(), call)?;
                versions.push(PublishedVersion { number, digest });
            }
        }
    }
    versions.sort_by_key(|it| it.number);
    Ok(versions)
}

async fn route(client: &Client, full_name: &str) -> Result<Option<Route>, PortError> {
    let call = call("read alias", full_name);
    let asked = client.get_alias().function_name(full_name).name(ALIAS).send().await;
    match asked {
        Ok(alias) => read(&alias, call).map(Some),
        Err(error) => {
            let error = call.failed(error);
            if error.kind() == PortErrorKind::NotFound { Ok(None) } else { Err(error) }
        }
    }
}

fn read(alias: &GetAliasOutput, call: Call<'_>) -> Result<Route, PortError> {
    let unversioned = || {
        call.fault(PortErrorKind::Rejected)
            .with_source("the alias names no published version: `terraform apply` publishes one")
    };
    let number = |text: Option<&str>| text?.parse::<VersionNumber>().ok();
    let live = number(alias.function_version()).ok_or_else(unversioned)?;
    let weights = alias.routing_config().and_then(|it| it.additional_version_weights());
    // Lambda takes one version beside the first.
    let next = match weights.and_then(|it| it.iter().next()) {
        None => None,
        Some((version, weight)) => {
            Some((number(Some(version)).ok_or_else(unversioned)?, percent(*weight)))
        }
    };
    Ok(Route {
        live,
        next,
        note: alias.description().unwrap_or_default().to_owned(),
        revision: alias.revision_id().unwrap_or_default().to_owned(),
    })
}

/// Writes a weight between 0 and 1 as whole percents.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the value is between 1 and 99"
)]
fn percent(weight: f64) -> u8 {
    (weight * 100.0).round().clamp(1.0, 99.0) as u8
}

/// Reads the digest that Lambda tells, which is the SHA-256 of the archive in Base64.
pub(super) fn digest(told: Option<&str>, call: Call<'_>) -> Result<Digest, PortError> {
    let hash = told.and_then(|it| STANDARD.decode(it).ok()).filter(|it| it.len() == 32);
    let missing = || {
        call.fault(PortErrorKind::Rejected)
            .with_source("AWS tells no digest of its code: it is no function of an archive")
    };
    hash.map(|it| Digest::of_hash(&it)).ok_or_else(missing)
}

/// Writes a digest as Lambda and S3 take it.
pub(super) fn in_base64(digest: &Digest) -> String {
    let bytes = digest
        .as_str()
        .as_bytes()
        .chunks(2)
        .filter_map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok());
    STANDARD.encode(bytes.collect::<Vec<u8>>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digest_goes_to_aws_and_back() {
        let ours = Digest::of(b"package");
        let theirs = in_base64(&ours);
        assert_eq!(theirs.len(), 44);
        assert_eq!(digest(Some(&theirs), call("x", "y")).unwrap(), ours);
        for none in [None, Some(""), Some("AAAA"), Some("?")] {
            assert!(digest(none, call("x", "y")).is_err(), "{none:?}");
        }
    }

    #[test]
    fn weights_are_whole_percents() {
        for (weight, wanted) in [(0.1, 10), (0.29, 29), (0.5, 50), (0.001, 1), (0.999, 99)] {
            assert_eq!(percent(weight), wanted, "{weight}");
        }
    }
}
