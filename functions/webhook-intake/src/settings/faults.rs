//! What is wrong with settings, found without reading a secret.

use std::collections::HashSet;

use axum::http::HeaderName;
use shared::ids::ConnectionId;
use shared::ports::SecretAddress;

use super::{Checked, ConnectionSettings, IntakeSettings, SourceSettings};

impl IntakeSettings {
    /// Returns every fault, each with the path of its setting and the way out.
    ///
    /// Secrets are not read: [`Senders::resolve`](crate::Senders::resolve) finds what is wrong with
    /// those too.
    pub fn faults(&self) -> Vec<String> {
        let mut list = Faults::default();
        for (idx, one) in self.connections.iter().enumerate() {
            list.connection(&format!("connections[{idx}]"), one);
        }
        for (idx, one) in self.sources.iter().enumerate() {
            list.source(&format!("sources[{idx}]"), one);
        }
        if let Some(one) = &self.client_address {
            list.header("client_address.header", &one.header);
            if one.n_proxies == 0 {
                list.add("client_address.n_proxies", "is 0: write 1 or more");
            }
        }
        list.faults
    }
}

#[derive(Default)]
struct Faults<'a> {
    faults: Vec<String>,
    names: HashSet<&'a ConnectionId>,
}

impl<'a> Faults<'a> {
    fn add(&mut self, path: &str, fault: &str) {
        self.faults.push(format!("{path}: {fault}"));
    }

    fn connection(&mut self, path: &str, one: &'a ConnectionSettings) {
        self.name(path, &one.name);
        self.check(&format!("{path}.organization_id"), &one.organization_id);
        self.check_all(&format!("{path}.tokens"), &one.tokens);
        self.check_all(&format!("{path}.allowed_ips"), &one.allowed_ips);
        if let Some(it) = &one.client_certificate {
            self.header(&format!("{path}.client_certificate.header"), &it.header);
            if it.value.trim().is_empty() {
                let path = format!("{path}.client_certificate.value");
                self.add(&path, "is empty: write the subject or the fingerprint");
            }
        }
        if let Some(it) = &one.signature {
            self.secrets(&format!("{path}.signature.secrets"), &it.secrets);
            self.check(&format!("{path}.signature.tolerance"), &it.tolerance);
        }
        if let Some(it) = &one.api_key {
            self.header(&format!("{path}.api_key.header"), &it.header);
            self.secrets(&format!("{path}.api_key.keys"), &it.keys);
        }
        let anybody_could_call = one.tokens.is_empty()
            && one.allowed_ips.is_empty()
            && one.client_certificate.is_none()
            && one.signature.is_none()
            && one.api_key.is_none();
        if anybody_could_call {
            let fault = "proves no caller: add `tokens`, `allowed_ips`, `client_certificate`, \
                         `signature` or `api_key`";
            self.add(path, fault);
        }
    }

    fn source(&mut self, path: &str, one: &'a SourceSettings) {
        self.name(path, &one.name);
        self.secrets(&format!("{path}.secrets"), &one.secrets);
        self.check(&format!("{path}.tolerance"), &one.tolerance);
    }

    fn name(&mut self, path: &str, name: &'a Checked<ConnectionId>) {
        let path = format!("{path}.name");
        self.check(&path, name);
        let Some(name) = name.value() else { return };
        if name.as_str() == "salesforce" {
            self.add(&path, "`salesforce` is part of other paths: choose another");
        }
        if !self.names.insert(name) {
            self.add(&path, &format!("`{name}` is there twice: choose another"));
        }
    }

    fn secrets(&mut self, path: &str, secrets: &[Checked<SecretAddress>]) {
        if secrets.is_empty() {
            self.add(path, "is empty: add at least one `env:NAME` or `file:PATH`");
        }
        self.check_all(path, secrets);
    }

    fn check<T>(&mut self, path: &str, one: &Checked<T>) {
        if let Some(fault) = one.fault() {
            self.add(path, fault);
        }
    }

    fn check_all<T>(&mut self, path: &str, all: &[Checked<T>]) {
        for (idx, one) in all.iter().enumerate() {
            self.check(&format!("{path}[{idx}]"), one);
        }
    }

    fn header(&mut self, path: &str, raw: &str) {
        if raw.parse::<HeaderName>().is_err() {
            self.add(path, &format!("`{raw}` is not the name of a header"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(json: &str) -> Vec<String> {
        serde_json::from_str::<IntakeSettings>(json).unwrap().faults()
    }

    #[test]
    fn every_fault_is_found_at_once_with_its_path() {
        let found = faults(
            r#"{"connections":[{"name":"Main Org","organization_id":"00D","tokens":["hunter2"],
                "allowed_ips":["10.0.0.0/33"],"client_certificate":{"header":"a b","value":" "}}],
                "sources":[{"name":"salesforce","secrets":[],"tolerance":"1d"}]}"#,
        );
        let paths: Vec<&str> = found.iter().filter_map(|it| it.split(": ").next()).collect();
        assert_eq!(
            paths,
            [
                "connections[0].name",
                "connections[0].organization_id",
                "connections[0].tokens[0]",
                "connections[0].allowed_ips[0]",
                "connections[0].client_certificate.header",
                "connections[0].client_certificate.value",
                "sources[0].name",
                "sources[0].secrets",
                "sources[0].tolerance",
            ]
        );
        assert!(!found.concat().contains("hunter2"), "a secret written by mistake is not repeated");
    }

    #[test]
    fn connection_that_proves_no_caller_is_a_fault() {
        let found =
            faults(r#"{"connections":[{"name":"main","organization_id":"00D1I000003qqqE"}]}"#);
        assert_eq!(found.len(), 1);
        assert!(found[0].starts_with("connections[0]: proves no caller"), "{found:?}");
    }

    #[test]
    fn one_name_for_two_senders_is_a_fault() {
        let found = faults(
            r#"{"connections":[{"name":"main","organization_id":"00D1I000003qqqE","tokens":["env:T"]}],
                "sources":[{"name":"main","secrets":["env:S"]}]}"#,
        );
        assert_eq!(found, ["sources[0].name: `main` is there twice: choose another"]);
    }
}
