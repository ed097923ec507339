//! Whether a connection works, in findings that each lead to a fix.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::OpenError;
use crate::error::chain;

/// What a finding is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Aspect {
    /// It answers at all.
    Reachable,
    /// It knows who we are.
    Authenticated,
    /// We may read what is mapped.
    Permitted,
    /// Calls are left.
    Quota,
    /// Its clock and ours agree.
    Clock,
    /// The last time that reading succeeded.
    LastSuccess,
}

impl Aspect {
    /// Every aspect, in the order in which one needs the other.
    pub const ALL: [Self; 6] = [
        Self::Reachable,
        Self::Authenticated,
        Self::Permitted,
        Self::Quota,
        Self::Clock,
        Self::LastSuccess,
    ];

    /// Returns the name used in answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Reachable => "reachable",
            Self::Authenticated => "authenticated",
            Self::Permitted => "permitted",
            Self::Quota => "quota",
            Self::Clock => "clock",
            Self::LastSuccess => "last_success",
        }
    }
}

impl fmt::Display for Aspect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How a finding turned out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It is as it should be.
    Good,
    /// It could not be found out.
    Unknown,
    /// It works, and somebody should look.
    Warning,
    /// It does not work.
    Bad,
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Finding {
    /// What it is about.
    pub aspect: Aspect,
    /// How it turned out.
    pub verdict: Verdict,
    /// What was found, in words.
    pub what: String,
    /// What to do about it; always there when the verdict is `bad`.
    pub fix: Option<String>,
}

impl Finding {
    /// Reports that `aspect` is as it should be.
    pub fn good(aspect: Aspect, what: impl Into<String>) -> Self {
        Self { aspect, verdict: Verdict::Good, what: what.into(), fix: None }
    }

    /// Reports that nothing is known about `aspect`.
    pub fn unknown(aspect: Aspect, what: impl Into<String>) -> Self {
        Self { aspect, verdict: Verdict::Unknown, what: what.into(), fix: None }
    }

    /// Reports that `aspect` needs a look.
    pub fn warning(aspect: Aspect, what: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { aspect, verdict: Verdict::Warning, what: what.into(), fix: Some(fix.into()) }
    }

    /// Reports that `aspect` does not work.
    pub fn bad(aspect: Aspect, what: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { aspect, verdict: Verdict::Bad, what: what.into(), fix: Some(fix.into()) }
    }
}

/// Everything found about one connection.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct HealthReport {
    /// The findings, in the order of [`Aspect::ALL`].
    pub findings: Vec<Finding>,
}

impl HealthReport {
    /// Reports that the connection could not even be opened.
    pub fn not_opened(error: &OpenError) -> Self {
        let unknown = |aspect| Finding::unknown(aspect, "not asked: the connection is not open");
        let mut findings: Vec<_> = Aspect::ALL.into_iter().map(unknown).collect();
        if let Some(first) = findings.first_mut() {
            *first = Finding::bad(
                Aspect::Reachable,
                chain(error).to_string(),
                "correct the settings of this connection; `moodbridge config check` names each",
            );
        }
        Self { findings }
    }

    /// Returns the worst verdict.
    pub fn worst(&self) -> Verdict {
        self.findings.iter().map(|it| it.verdict).max().unwrap_or(Verdict::Unknown)
    }

    /// Puts `finding` in the place of those about the same aspect.
    pub fn replace(&mut self, finding: Finding) {
        let place = self.findings.iter().position(|it| it.aspect == finding.aspect);
        self.findings.retain(|it| it.aspect != finding.aspect);
        self.findings
            .insert(place.unwrap_or(self.findings.len()).min(self.findings.len()), finding);
    }
}
