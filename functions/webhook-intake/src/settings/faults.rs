//! What is wrong with settings although each is well formed by itself.

use std::collections::HashSet;

use shared::config::Fault;
use shared::ids::ConnectionId;

use super::{ConnectionSettings, IntakeSettings};

impl IntakeSettings {
    /// Returns every fault, each with the path of its setting and the way out.
    ///
    /// Secrets are not read: [`Senders::resolve`](crate::Senders::resolve) finds what is wrong with
    /// those too.
    pub fn faults(&self) -> Vec<Fault> {
        let mut faults = Vec::new();
        let mut names = HashSet::new();
        for (idx, one) in self.connections.iter().enumerate() {
            let path = format!("connections[{idx}]");
            check_name(&mut faults, &mut names, &path, &one.name);
            if !one.proves_its_callers() {
                let what = "proves no caller: add `tokens`, `allowed_ips`, `client_certificate`, \
                            `signature` or `api_key`";
                faults.push(Fault::new(path, what));
            }
        }
        for (idx, one) in self.sources.iter().enumerate() {
            check_name(&mut faults, &mut names, &format!("sources[{idx}]"), &one.name);
        }
        faults
    }
}

impl ConnectionSettings {
    fn proves_its_callers(&self) -> bool {
        !self.tokens.is_empty()
            || !self.allowed_ips.is_empty()
            || self.client_certificate.is_some()
            || self.signature.is_some()
            || self.api_key.is_some()
    }
}

fn check_name<'a>(
    faults: &mut Vec<Fault>,
    names: &mut HashSet<&'a ConnectionId>,
    path: &str,
    name: &'a ConnectionId,
) {
    let path = format!("{path}.name");
    if name.as_str() == "salesforce" {
        faults.push(Fault::new(&*path, "`salesforce` is part of other paths: choose another"));
    }
    if !names.insert(name) {
        faults.push(Fault::new(path, format!("`{name}` is there twice: choose another")));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(json: &str) -> Vec<String> {
        let mut reading = IntakeSettings::form().read(&serde_json::from_str(json).unwrap());
        let further = reading.settings.as_ref().map(IntakeSettings::faults).unwrap_or_default();
        reading.further(further);
        reading.faults.iter().map(ToString::to_string).collect()
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
                "connections[0].allowed_ips[0]",
                "connections[0].client_certificate.header",
                "connections[0].client_certificate.value",
                "connections[0].name",
                "connections[0].organization_id",
                "connections[0].tokens[0]",
                "sources[0].secrets",
                "sources[0].tolerance",
                "sources[0].name",
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
