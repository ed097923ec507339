//! Which roles a token's claims give.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::role::Role;

/// The longest list of values read from a claim; a directory may put hundreds of groups there.
const MAX_VALUES: usize = 1000;

/// Finds roles in the claims of a token: a claim, and what its values mean.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleMapping {
    claim: String,
    table: BTreeMap<String, Role>,
}

impl RoleMapping {
    /// The claim that is looked at by default.
    pub const DEFAULT_CLAIM: &'static str = "roles";

    /// Reads roles from `claim`, a name such as `roles`, `cognito:groups` or
    /// `https://firm.example/roles`, or a path such as `realm_access.roles`. `table` says which
    /// values mean which role; when it is empty, a value means the role of that name.
    pub fn new(claim: impl Into<String>, table: BTreeMap<String, Role>) -> Self {
        Self { claim: claim.into(), table }
    }

    /// Returns the roles that `claims` give: none when the claim is absent or has another shape.
    /// A value that means no role is passed over.
    pub fn roles(&self, claims: &Map<String, Value>) -> BTreeSet<Role> {
        match claim_at(claims, &self.claim) {
            Some(Value::String(value)) => self.role(value).into_iter().collect(),
            Some(Value::Array(values)) => values
                .iter()
                .take(MAX_VALUES)
                .filter_map(Value::as_str)
                .filter_map(|value| self.role(value))
                .collect(),
            _ => BTreeSet::new(),
        }
    }

    fn role(&self, value: &str) -> Option<Role> {
        if self.table.is_empty() { value.parse().ok() } else { self.table.get(value).copied() }
    }
}

impl Default for RoleMapping {
    fn default() -> Self {
        Self::new(Self::DEFAULT_CLAIM, BTreeMap::new())
    }
}

/// Returns the claim at `path`. A name that holds dots itself, such as a URL, wins over a path.
pub fn claim_at<'a>(claims: &'a Map<String, Value>, path: &str) -> Option<&'a Value> {
    if let Some(found) = claims.get(path) {
        return Some(found);
    }
    path.match_indices('.').find_map(|(at, _)| {
        let (first, rest) = (path.get(..at)?, path.get(at + 1..)?);
        claim_at(claims.get(first)?.as_object()?, rest)
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn roles(claim: &str, table: &[(&str, Role)], claims: Value) -> Vec<Role> {
        let table = table.iter().map(|(value, role)| ((*value).to_owned(), *role)).collect();
        let Value::Object(claims) = claims else { panic!("claims are an object") };
        RoleMapping::new(claim, table).roles(&claims).into_iter().collect()
    }

    #[test]
    fn roles_are_found_where_each_provider_puts_them() {
        let cases = [
            ("Entra ID", "roles", json!({"roles": ["lawyer", "admin"]})),
            (
                "Keycloak",
                "realm_access.roles",
                json!({"realm_access": {"roles": ["lawyer", "admin"]}}),
            ),
            (
                "Keycloak client",
                "resource_access.moodbridge.api.roles",
                json!({"resource_access": {"moodbridge.api": {"roles": ["lawyer", "admin"]}}}),
            ),
            (
                "Auth0",
                "https://firm.example/roles",
                json!({"https://firm.example/roles": ["lawyer", "admin"]}),
            ),
            ("Cognito", "cognito:groups", json!({"cognito:groups": ["lawyer", "admin"]})),
            ("Okta", "groups", json!({"groups": ["Everyone", "lawyer", "admin"]})),
        ];
        for (provider, claim, claims) in cases {
            assert_eq!(roles(claim, &[], claims), [Role::Lawyer, Role::Admin], "{provider}");
        }
    }

    #[test]
    fn a_table_says_what_values_mean_and_nothing_else_counts() {
        let table = [("4f0d-litigation", Role::Lawyer), ("4f0d-it", Role::Operator)];
        let claims = json!({"groups": ["4f0d-it", "admin", "4f0d-litigation", 7, null]});
        assert_eq!(roles("groups", &table, claims), [Role::Lawyer, Role::Operator]);
    }

    #[test]
    fn a_single_value_may_stand_without_a_list() {
        assert_eq!(roles("role", &[], json!({"role": "viewer"})), [Role::Viewer]);
    }

    #[test]
    fn what_is_no_role_is_passed_over() {
        for claims in [
            json!({}),
            json!({"roles": null}),
            json!({"roles": {"admin": true}}),
            json!({"roles": [["admin"]]}),
            json!({"roles": ["Admin", "root", ""]}),
            json!({"roles": "admin lawyer"}),
        ] {
            assert_eq!(roles("roles", &[], claims.clone()), [], "{claims}");
        }
    }

    #[test]
    fn a_path_that_leads_nowhere_finds_nothing() {
        let claims = json!({"realm_access": {"roles": ["admin"]}});
        for path in ["realm_access", "realm_access.", ".roles", "realm_access.roles.x", "a.b.c", ""]
        {
            assert_eq!(roles(path, &[], claims.clone()), [], "{path}");
        }
    }
}
