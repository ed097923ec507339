//! How Salesforce is to take a write.

use http::{HeaderName, HeaderValue};
use serde::{Deserialize, Serialize};
use shared::ids::SalesforceId;

const AUTO_ASSIGN: HeaderName = HeaderName::from_static("sforce-auto-assign");
const DUPLICATE_RULE: HeaderName = HeaderName::from_static("sforce-duplicate-rule-header");

/// Whether assignment rules may give a written case or lead to another owner. By default Salesforce
/// runs the active rule. Source: REST API guide, "Assignment rule header".
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AutoAssign {
    /// The owner stays as it is written.
    #[default]
    Off,
    /// The active rule runs.
    ActiveRule,
    /// This rule runs.
    Rule(SalesforceId),
}

/// Whether a record that a duplicate rule of the kind "alert" stops is saved.
/// Source: REST API guide, "Duplicate rule header".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DuplicateRule {
    /// It is not: the answer names the rule.
    #[default]
    Stop,
    /// It is. A rule of the kind "block" stops it nonetheless.
    Save,
}

/// How Salesforce is to take a write.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WriteOptions {
    /// Whether assignment rules run.
    pub auto_assign: AutoAssign,
    /// Whether alerts of duplicate rules stop a record.
    pub duplicate_rule: DuplicateRule,
}

impl WriteOptions {
    pub(crate) fn headers(&self) -> Vec<(HeaderName, HeaderValue)> {
        let assign = match &self.auto_assign {
            AutoAssign::Off => Ok(HeaderValue::from_static("FALSE")),
            AutoAssign::ActiveRule => Ok(HeaderValue::from_static("TRUE")),
            AutoAssign::Rule(id) => HeaderValue::from_str(id.as_str()),
        };
        // An id is made of letters and digits, which every header takes.
        let mut headers: Vec<_> = assign.ok().map(|it| (AUTO_ASSIGN, it)).into_iter().collect();
        if self.duplicate_rule == DuplicateRule::Save {
            headers.push((DUPLICATE_RULE, HeaderValue::from_static("allowSave=true")));
        }
        headers
    }
}
