//! Roles: what a person is at the firm.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::permission::Permission;

/// What a person is at the firm. A person may have several roles and may do what any of them may.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// A client of the firm: sees the cases that are assigned to them, nothing else.
    Client,
    /// Looks at cases and figures.
    Viewer,
    /// Works on cases under a lawyer.
    Paralegal,
    /// Works on cases.
    Lawyer,
    /// Works with figures, reports and costs.
    Analyst,
    /// Keeps the platform running; sees no case by it.
    Operator,
    /// Decides who sees what, and how the platform is set.
    Admin,
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 7] = [
        Self::Client,
        Self::Viewer,
        Self::Paralegal,
        Self::Lawyer,
        Self::Analyst,
        Self::Operator,
        Self::Admin,
    ];

    /// Returns the name used in settings, tokens and answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Viewer => "viewer",
            Self::Paralegal => "paralegal",
            Self::Lawyer => "lawyer",
            Self::Analyst => "analyst",
            Self::Operator => "operator",
            Self::Admin => "admin",
        }
    }

    /// Returns what a person of this role may do; whatever is not listed is refused.
    pub const fn permissions(self) -> &'static [Permission] {
        use Permission as P;
        match self {
            Self::Client => &[P::CasesRead],
            Self::Viewer => &[P::CasesRead, P::FiguresRead, P::ChangesFollow],
            Self::Paralegal => &[
                P::CasesRead,
                P::FiguresRead,
                P::ChangesFollow,
                P::AuditRead,
                P::CasesWrite,
                P::ConflictsRead,
            ],
            Self::Lawyer => &[
                P::CasesRead,
                P::FiguresRead,
                P::ChangesFollow,
                P::AuditRead,
                P::WallsRead,
                P::CasesWrite,
                P::ConflictsRead,
                P::ConflictsResolve,
            ],
            Self::Analyst => &[
                P::CasesRead,
                P::FiguresRead,
                P::ChangesFollow,
                P::IntegrationsRead,
                P::CostsRead,
                P::SyncRead,
                P::PipelinesRead,
            ],
            // No figures: whoever sees no case counts none either.
            Self::Operator => &[
                P::IntegrationsRead,
                P::QueuesRead,
                P::QueuesReplay,
                P::SettingsRead,
                P::CostsRead,
                P::SyncRead,
                P::SyncOperate,
                P::PipelinesRead,
                P::PipelinesRun,
            ],
            Self::Admin => &Permission::ALL,
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Text that names no role.
#[derive(Debug, thiserror::Error)]
#[error(
    "`{raw}` is no role: write `client`, `viewer`, `paralegal`, `lawyer`, `analyst`, `operator` or \
     `admin`"
)]
pub struct InvalidRole {
    raw: String,
}

impl FromStr for Role {
    type Err = InvalidRole;

    fn from_str(raw: &str) -> Result<Self, InvalidRole> {
        Self::ALL
            .into_iter()
            .find(|role| role.as_str() == raw)
            .ok_or_else(|| InvalidRole { raw: raw.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn role_is_read_back_from_its_name() {
        for role in Role::ALL {
            assert_eq!(role.as_str().parse::<Role>().unwrap(), role);
        }
        assert!("Admin".parse::<Role>().unwrap_err().to_string().contains("`paralegal`"));
    }
}
