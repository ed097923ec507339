//! Permissions: the things a route may ask for.

use serde::{Deserialize, Serialize};

/// One thing a person may be allowed to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Permission {
    /// Reads cases with their documents, timeline and communications.
    #[serde(rename = "cases:read")]
    CasesRead,
    /// Reads counts and trends.
    #[serde(rename = "figures:read")]
    FiguresRead,
    /// Follows changes as they are committed.
    #[serde(rename = "changes:follow")]
    ChangesFollow,
    /// Reads who changed what.
    #[serde(rename = "audit:read")]
    AuditRead,
    /// Reads how well connections and platforms work.
    #[serde(rename = "integrations:read")]
    IntegrationsRead,
    /// Looks into queues and their dead letters.
    #[serde(rename = "queues:read")]
    QueuesRead,
    /// Sends dead letters again.
    #[serde(rename = "queues:replay")]
    QueuesReplay,
    /// Reads who is screened from, or assigned to, a case.
    #[serde(rename = "walls:read")]
    WallsRead,
    /// Screens people from cases, and assigns clients to theirs.
    #[serde(rename = "walls:write")]
    WallsWrite,
    /// Reads the settings and their history.
    #[serde(rename = "settings:read")]
    SettingsRead,
    /// Changes settings.
    #[serde(rename = "settings:write")]
    SettingsWrite,
    /// Reads what calls to platforms cost.
    #[serde(rename = "costs:read")]
    CostsRead,
    /// Changes, makes, deletes, restores and merges cases, contacts and accounts.
    #[serde(rename = "cases:write")]
    CasesWrite,
    /// Reads what both sides changed, with both values.
    #[serde(rename = "conflicts:read")]
    ConflictsRead,
    /// Decides what both sides changed.
    #[serde(rename = "conflicts:resolve")]
    ConflictsResolve,
    /// Reads what waits to be sent, what the platform refused, and how well both sides agree.
    #[serde(rename = "sync:read")]
    SyncRead,
    /// Sends refused records again, and lets deletions through.
    #[serde(rename = "sync:operate")]
    SyncOperate,
    /// Reads pipelines and their runs.
    #[serde(rename = "pipelines:read")]
    PipelinesRead,
    /// Starts, retries, replays and cancels runs of pipelines.
    #[serde(rename = "pipelines:run")]
    PipelinesRun,
}

impl Permission {
    /// Every permission.
    pub const ALL: [Self; 19] = [
        Self::CasesRead,
        Self::FiguresRead,
        Self::ChangesFollow,
        Self::AuditRead,
        Self::IntegrationsRead,
        Self::QueuesRead,
        Self::QueuesReplay,
        Self::WallsRead,
        Self::WallsWrite,
        Self::SettingsRead,
        Self::SettingsWrite,
        Self::CostsRead,
        Self::CasesWrite,
        Self::ConflictsRead,
        Self::ConflictsResolve,
        Self::SyncRead,
        Self::SyncOperate,
        Self::PipelinesRead,
        Self::PipelinesRun,
    ];

    /// Returns the name used in answers and in the API document, such as `cases:read`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::CasesRead => "cases:read",
            Self::FiguresRead => "figures:read",
            Self::ChangesFollow => "changes:follow",
            Self::AuditRead => "audit:read",
            Self::IntegrationsRead => "integrations:read",
            Self::QueuesRead => "queues:read",
            Self::QueuesReplay => "queues:replay",
            Self::WallsRead => "walls:read",
            Self::WallsWrite => "walls:write",
            Self::SettingsRead => "settings:read",
            Self::SettingsWrite => "settings:write",
            Self::CostsRead => "costs:read",
            Self::CasesWrite => "cases:write",
            Self::ConflictsRead => "conflicts:read",
            Self::ConflictsResolve => "conflicts:resolve",
            Self::SyncRead => "sync:read",
            Self::SyncOperate => "sync:operate",
            Self::PipelinesRead => "pipelines:read",
            Self::PipelinesRun => "pipelines:run",
        }
    }
}

impl std::fmt::Display for Permission {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}
