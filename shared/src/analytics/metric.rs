//! What is measured: definitions with stable names, in YAML.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::ports::CaseMeasure;

/// The metrics that every build knows.
const BUILT_IN: &str = include_str!("../../../analytics/metrics.yaml");

/// The longest name, in characters.
const MAX_NAME_CHARS: usize = 64;

/// One metric.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Metric {
    /// Its name, such as `cases_opened`; it never changes its meaning.
    pub name: String,
    /// Raised when it is counted differently.
    pub version: u32,
    /// What people call it.
    pub title: String,
    /// What exactly is counted.
    pub description: String,
    /// What its values are.
    pub unit: MetricUnit,
    /// Which way is the good one.
    pub better: Better,
    /// How it is counted.
    pub formula: Formula,
}

/// What the values of a metric are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum MetricUnit {
    /// Cases, whole ones.
    Cases,
    /// Days.
    Days,
}

/// Which way a metric should go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Better {
    /// More is better.
    Higher,
    /// Less is better.
    Lower,
    /// Neither is.
    Neither,
}

/// How a metric is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Formula {
    /// Cases that were opened in the period.
    CountOpened,
    /// Cases that were closed in the period.
    CountClosed,
    /// Cases that were open at its end: opened until then, less closed until then.
    OpenAtEnd,
    /// The mean of the days that the cases closed in the period had been open.
    MeanDaysToClose,
}

impl Formula {
    /// What has to be counted for it, and whether it is added or taken off.
    pub(super) fn measures(self) -> &'static [(CaseMeasure, f64)] {
        match self {
            Self::CountOpened => &[(CaseMeasure::Opened, 1.0)],
            Self::CountClosed => &[(CaseMeasure::Closed, 1.0)],
            Self::OpenAtEnd => &[(CaseMeasure::Opened, 1.0), (CaseMeasure::Closed, -1.0)],
            Self::MeanDaysToClose => &[(CaseMeasure::TimeToClose, 1.0)],
        }
    }
}

/// What is wrong with definitions of metrics.
#[derive(Debug, Error)]
pub enum MetricFault {
    /// They cannot be read; the text names the place.
    #[error("the metrics cannot be read: {0}")]
    Unreadable(String),
    /// A metric has a name that is none.
    #[error(
        "metric `{0}`: a name is 1 to 64 of `a` to `z`, `0` to `9` and `_`, and begins with a letter"
    )]
    Name(String),
    /// Two metrics have one name.
    #[error("metric `{0}` is defined twice: rename one of them")]
    Twice(String),
    /// A text of a metric is empty.
    #[error("metric `{name}`: `{field}` is empty: say it in words")]
    Empty {
        /// The metric.
        name: String,
        /// The text.
        field: &'static str,
    },
    /// A version is not at least 1.
    #[error("metric `{0}`: `version` is 0: begin with 1")]
    Version(String),
}

/// Reads definitions in YAML: a list of metrics.
///
/// # Errors
///
/// [`MetricFault`] for the first fault.
pub fn read_metrics(text: &str) -> Result<Vec<Metric>, MetricFault> {
    let metrics: Vec<Metric> =
        serde_saphyr::from_str(text).map_err(|it| MetricFault::Unreadable(it.to_string()))?;
    let mut names = BTreeSet::new();
    for metric in &metrics {
        let name = || metric.name.clone();
        if !is_name(&metric.name) {
            return Err(MetricFault::Name(name()));
        }
        if !names.insert(&metric.name) {
            return Err(MetricFault::Twice(name()));
        }
        if metric.version == 0 {
            return Err(MetricFault::Version(name()));
        }
        for (field, text) in [("title", &metric.title), ("description", &metric.description)] {
            if text.trim().is_empty() {
                return Err(MetricFault::Empty { name: name(), field });
            }
        }
    }
    Ok(metrics)
}

fn is_name(name: &str) -> bool {
    let rest = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(rest)
        && name.len() <= MAX_NAME_CHARS
}

/// Returns the metrics that this build carries.
///
/// # Errors
///
/// [`MetricFault`]: a test keeps it from a build that has any.
pub fn built_in_metrics() -> Result<Vec<Metric>, MetricFault> {
    read_metrics(BUILT_IN)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = "
- { name: opened, version: 1, title: Opened, description: Those opened., unit: cases, better: neither, formula: count_opened }
";

    #[test]
    fn built_in_metrics_are_read() {
        let metrics = built_in_metrics().unwrap();
        let names: Vec<_> = metrics.iter().map(|it| it.name.as_str()).collect();
        assert_eq!(names, ["cases_opened", "cases_closed", "cases_open", "days_to_close"]);
    }

    #[test]
    fn each_fault_names_the_metric_and_the_way_out() {
        let told = |text: &str| read_metrics(text).unwrap_err().to_string();
        assert_eq!(read_metrics(ONE).unwrap().len(), 1);
        assert!(told(&ONE.replace("count_opened", "count_lost")).contains("count_lost"));
        assert!(told(&ONE.replace("better:", "bitter:")).contains("bitter"));
        assert!(told(&ONE.replace("name: opened", "name: Opened")).contains("metric `Opened`"));
        assert!(told(&format!("{ONE}{ONE}")).contains("`opened` is defined twice"));
        assert!(told(&ONE.replace("version: 1", "version: 0")).contains("begin with 1"));
        let empty = ONE.replace("title: Opened", "title: ' '");
        assert!(told(&empty).contains("`title` is empty"));
    }
}
