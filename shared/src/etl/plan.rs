//! What a pipeline would do, with every name and type worked out.

use std::collections::BTreeSet;
use std::fmt;

use serde::Serialize;

use super::kind::ColumnKind;
use super::lineage::ColumnLineage;
use super::place::Place;
use super::rule::{Action, Percent};

/// A column at some point of a pipeline.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PlannedColumn {
    /// Its name.
    pub name: String,
    /// What it holds.
    #[serde(rename = "type")]
    pub kind: ColumnKind,
}

/// A step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PlannedStep {
    /// Where it stands, such as `steps.2`.
    pub path: String,
    /// What it does.
    pub does: String,
    /// The expression as the engine works it out, with every conversion in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub worked_out: Option<String>,
    /// The columns behind it.
    pub columns: Vec<PlannedColumn>,
}

/// A rule.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PlannedRule {
    /// Its name.
    pub rule: String,
    /// What it checks.
    pub check: String,
    /// The expression that must hold for each row, where one decides.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expression: Option<String>,
    /// What happens to rows that break it.
    pub action: Action,
    /// The share of rows that must keep it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub threshold: Option<Percent>,
}

/// What a pipeline would do.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PipelinePlan {
    /// Its name.
    pub pipeline: String,
    /// Where rows come from.
    pub source: Place,
    /// The columns that are read.
    pub source_columns: Vec<PlannedColumn>,
    /// The steps.
    pub steps: Vec<PlannedStep>,
    /// The rules, in the order in which they are checked.
    pub rules: Vec<PlannedRule>,
    /// The share of rows that must pass.
    pub threshold: Percent,
    /// Where rows go.
    pub sink: Place,
    /// Where each column of the sink comes from, in the order of the columns.
    pub lineage: Vec<ColumnLineage>,
    /// The columns of the source that decide which rows are there.
    pub filtered_by: BTreeSet<String>,
}

impl fmt::Display for PlannedColumn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.name, self.kind)
    }
}
