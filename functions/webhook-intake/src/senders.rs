//! Who may send webhooks, ready to be asked: secrets read, keys prepared.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};

use axum::http::{HeaderMap, HeaderName};
use shared::auth::{SecretDigest, WebhookVerifier};
use shared::config::ConfigError;
use shared::ids::{ConnectionId, SalesforceId};
use shared::ports::{Random, Secrets};
use shared::time::Timestamp;
use subtle::ConstantTimeEq;

use crate::refusal::Refusal;
use crate::settings::{AllowedNetwork, IntakeSettings};

mod reading;

use reading::{Reading, decoys};

/// Everybody who may send webhooks.
///
/// A caller who names nobody known is checked against a decoy whose secrets are random, so that
/// time and answer tell nothing about which names exist.
pub struct Senders {
    connections: HashMap<String, Connection>,
    sources: HashMap<String, Source>,
    unknown_connection: Connection,
    unknown_source: Source,
    client_address: Option<(HeaderName, usize)>,
}

/// One Salesforce org, ready to check who calls in its name.
pub(crate) struct Connection {
    pub(crate) name: ConnectionId,
    organization_id: SalesforceId,
    tokens: Vec<SecretDigest>,
    allowed_ips: Vec<AllowedNetwork>,
    certificate: Option<(HeaderName, SecretDigest)>,
    signature: Option<WebhookVerifier>,
    api_key: Option<(HeaderName, Vec<SecretDigest>)>,
    is_known: bool,
}

/// One system that signs its webhooks.
pub(crate) struct Source {
    pub(crate) name: ConnectionId,
    verifier: WebhookVerifier,
    is_known: bool,
}

/// What is known of a caller before its body is read.
pub(crate) struct Caller<'a> {
    pub(crate) headers: &'a HeaderMap,
    pub(crate) address: Option<IpAddr>,
}

impl Senders {
    /// Reads every secret that `settings` names.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] with every fault, each with the path of its setting and the way out.
    pub async fn resolve(
        settings: &IntakeSettings,
        secrets: &dyn Secrets,
        random: &dyn Random,
    ) -> Result<Self, ConfigError> {
        let mut reading = Reading {
            secrets,
            faults: settings.faults().iter().map(ToString::to_string).collect(),
        };
        let mut connections = HashMap::new();
        for (idx, one) in settings.connections.iter().enumerate() {
            let connection = reading.connection(&format!("connections[{idx}]"), one).await;
            connections.extend(connection.map(|it| (it.name.as_str().to_owned(), it)));
        }
        let mut sources = HashMap::new();
        for (idx, one) in settings.sources.iter().enumerate() {
            let source = reading.source(&format!("sources[{idx}]"), one).await;
            sources.extend(source.map(|it| (it.name.as_str().to_owned(), it)));
        }
        if !reading.faults.is_empty() {
            return Err(ConfigError::new(reading.faults));
        }
        let client_address = settings
            .client_address
            .as_ref()
            .and_then(|one| Some((one.header.parse().ok()?, one.n_proxies)));
        let (unknown_connection, unknown_source) =
            decoys(random).map_err(|fault| ConfigError::new(vec![fault]))?;
        Ok(Self { connections, sources, unknown_connection, unknown_source, client_address })
    }

    /// Returns the connection of that name, or the decoy.
    pub(crate) fn connection(&self, name: &str) -> &Connection {
        self.connections.get(name).unwrap_or(&self.unknown_connection)
    }

    /// Returns the source of that name, or the decoy.
    pub(crate) fn source(&self, name: &str) -> &Source {
        self.sources.get(name).unwrap_or(&self.unknown_source)
    }

    /// Finds the caller's address: the peer's, or what our own proxies say.
    pub(crate) fn address(&self, headers: &HeaderMap, peer: Option<SocketAddr>) -> Option<IpAddr> {
        let Some((header, n_proxies)) = &self.client_address else {
            return peer.map(|it| it.ip());
        };
        let entries: Vec<&str> = headers
            .get_all(header)
            .iter()
            .filter_map(|it| it.to_str().ok())
            .flat_map(|it| it.split(','))
            .collect();
        let entry = entries.iter().rev().nth(n_proxies.saturating_sub(1))?.trim();
        // Some load balancers append the port.
        entry.parse().ok().or_else(|| entry.parse::<SocketAddr>().ok().map(|it| it.ip()))
    }
}

impl Connection {
    /// Checks the caller of the endpoint for outbound messages, which carry no signature.
    pub(crate) fn prove_outbound(
        &self,
        caller: &Caller<'_>,
        token: Option<&str>,
    ) -> Result<(), Refusal> {
        let token_is_good = match token {
            Some(token) => SecretDigest::any_matches(&self.tokens, token),
            None => self.tokens.is_empty() && self.has_network_proof(),
        };
        self.settle(token_is_good & self.admits(caller), "token, address or certificate")
    }

    /// Checks the org that an outbound message names, in constant time on the 15 characters that
    /// tell orgs apart.
    pub(crate) fn prove_organization(&self, shown: &str) -> Result<(), Refusal> {
        let parsed = SalesforceId::parse(shown.trim()).ok();
        let ours = self.organization_id.as_str().as_bytes().get(..15);
        let shown = parsed.as_ref().and_then(|it| it.as_str().as_bytes().get(..15));
        let is_ours = ours.zip(shown).is_some_and(|(ours, shown)| ours.ct_eq(shown).into());
        self.settle(is_ours, "organization")
    }

    /// Checks what the caller of the endpoint for change events shows before its body is read.
    pub(crate) fn prove_changes(
        &self,
        caller: &Caller<'_>,
        token: Option<&str>,
    ) -> Result<(), Refusal> {
        let Some(token) = token else { return Ok(()) };
        let token_is_good = SecretDigest::any_matches(&self.tokens, token);
        self.settle(token_is_good & self.admits(caller), "token, address or certificate")
    }

    /// Checks change events that came without a token: by signature or by key, whichever is set.
    pub(crate) fn prove_changes_by_headers(
        &self,
        caller: &Caller<'_>,
        body: &[u8],
        now: Timestamp,
    ) -> Result<(), Refusal> {
        let signature = self.signature.as_ref().map(|verifier| {
            verifier.verify(|name| text_of(caller.headers, name), body, now).is_ok()
        });
        let key = self.api_key.as_ref().map(|(header, keys)| {
            SecretDigest::any_matches(keys, text_of(caller.headers, header.as_str()).unwrap_or(""))
        });
        let is_good = match (signature, key) {
            (None, None) => self.tokens.is_empty() && self.has_network_proof(),
            (signature, key) => signature.unwrap_or(false) | key.unwrap_or(false),
        };
        self.settle(is_good & self.admits(caller), "signature, key, address or certificate")
    }

    fn has_network_proof(&self) -> bool {
        !self.allowed_ips.is_empty() || self.certificate.is_some()
    }

    /// Tells whether the caller's network and certificate are those set, where any are set.
    fn admits(&self, caller: &Caller<'_>) -> bool {
        let by_address = self.allowed_ips.is_empty()
            || caller
                .address
                .is_some_and(|address| self.allowed_ips.iter().any(|it| it.contains(address)));
        let by_certificate = self.certificate.as_ref().is_none_or(|(header, wanted)| {
            let shown = text_of(caller.headers, header.as_str()).unwrap_or("");
            SecretDigest::any_matches(std::slice::from_ref(wanted), shown.trim())
        });
        by_address & by_certificate
    }

    fn settle(&self, is_proven: bool, reason: &'static str) -> Result<(), Refusal> {
        if self.is_known & is_proven { Ok(()) } else { Err(Refusal::Unproven { reason }) }
    }
}

impl Source {
    /// Checks the signature; returns the webhook's id.
    pub(crate) fn prove<'h>(
        &self,
        headers: &'h HeaderMap,
        body: &[u8],
        now: Timestamp,
    ) -> Result<&'h str, Refusal> {
        let id = self.verifier.verify(|name| text_of(headers, name), body, now);
        match id {
            Ok(Some(id)) if self.is_known => Ok(id),
            _ => Err(Refusal::Unproven { reason: "signature" }),
        }
    }
}

fn text_of<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name).and_then(|it| it.to_str().ok())
}
