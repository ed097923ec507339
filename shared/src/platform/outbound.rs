//! How calls to platforms are encrypted.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::{Env, Fault};

/// What may differ from TLS 1.3 with the roots that the machine trusts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct OutboundSettings {
    /// Hosts, without a port, that may be called over TLS 1.2; none by default.
    pub tls12_hosts: Vec<String>,
    /// A file of root certificates (PEM) that are trusted beside the machine's, such as the firm's
    /// own.
    pub extra_roots_file: Option<PathBuf>,
}

/// The same, read and ready for a client.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OutboundTls {
    /// Hosts that may be called over TLS 1.2.
    pub allow_tls12: Vec<String>,
    /// Further root certificates, as PEM.
    pub extra_roots: Vec<String>,
}

impl OutboundSettings {
    /// Reads `HTTP_TLS12_HOSTS`, separated by commas, and `HTTP_EXTRA_ROOTS_FILE`.
    pub fn read(env: &mut Env) -> Self {
        let listed = env.get("HTTP_TLS12_HOSTS").unwrap_or_default();
        let hosts = listed.split(',').map(str::trim).filter(|host| !host.is_empty());
        let settings = Self {
            tls12_hosts: hosts.map(str::to_owned).collect(),
            extra_roots_file: env.get("HTTP_EXTRA_ROOTS_FILE").map(PathBuf::from),
        };
        for Fault { what, .. } in settings.faults() {
            env.fault(format!("HTTP_EXTRA_ROOTS_FILE: {what}"));
        }
        settings
    }

    /// Returns what is wrong with the file of root certificates.
    pub fn faults(&self) -> Vec<Fault> {
        self.load().err().into_iter().collect()
    }

    /// Reads the root certificates.
    ///
    /// # Errors
    ///
    /// [`Fault`] naming the file that cannot be read or holds no certificate.
    pub fn load(&self) -> Result<OutboundTls, Fault> {
        let mut extra_roots = Vec::new();
        if let Some(path) = &self.extra_roots_file {
            let shown = path.display();
            let fault = |what: String| Fault::new("extra_roots_file", what);
            let text = std::fs::read_to_string(path)
                .map_err(|error| fault(format!("`{shown}` cannot be read: {error}")))?;
            if !text.contains("-----BEGIN CERTIFICATE-----") {
                return Err(fault(format!("`{shown}` holds no certificate in PEM form")));
            }
            extra_roots.push(text);
        }
        Ok(OutboundTls { allow_tls12: self.tls12_hosts.clone(), extra_roots })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_separated_by_commas() {
        let mut env = Env::from_pairs([("HTTP_TLS12_HOSTS", "old.court.example, b.example,")]);
        let settings = OutboundSettings::read(&mut env);
        assert_eq!(settings.tls12_hosts, ["old.court.example", "b.example"]);
        assert_eq!(settings.load().unwrap().allow_tls12.len(), 2);
    }

    #[test]
    fn file_without_a_certificate_is_refused_by_name() {
        let missing =
            OutboundSettings { extra_roots_file: Some("no-such.pem".into()), ..Default::default() };
        let error = missing.load().unwrap_err();
        assert!(error.to_string().contains("`no-such.pem` cannot be read"), "{error}");
    }
}
