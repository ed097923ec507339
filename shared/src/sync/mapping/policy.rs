//! Who may change what, and who wins when both sides did.

use std::fmt;

use serde::{Deserialize, Serialize};

/// One of the two sides that are kept in step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// The platform's record.
    #[default]
    #[serde(alias = "salesforce")]
    Remote,
    /// Our row.
    Local,
}

/// Which way a field, or a deletion, travels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// Both ways.
    #[default]
    Both,
    /// From the platform to us only: here it cannot be changed.
    In,
    /// From us to the platform only: what it says over there is overwritten.
    Out,
    /// Not at all.
    None,
}

impl Direction {
    /// Tells whether what happens over there is taken in.
    pub const fn comes_in(self) -> bool {
        matches!(self, Self::Both | Self::In)
    }

    /// Tells whether what happens here is sent out.
    pub const fn goes_out(self) -> bool {
        matches!(self, Self::Both | Self::Out)
    }
}

/// What to do with a field that both sides changed, to different values.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ConflictPolicy {
    /// The later change wins, by the time over there and the time here; within one second the
    /// system of record does.
    #[default]
    NewestWins,
    /// The platform's value wins.
    #[serde(alias = "salesforce_wins")]
    RemoteWins,
    /// Our value wins.
    LocalWins,
    /// Neither is overwritten until a person decides.
    Manual,
}

impl ConflictPolicy {
    /// Returns the name used in mappings, audit rows and answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NewestWins => "newest_wins",
            Self::RemoteWins => "remote_wins",
            Self::LocalWins => "local_wins",
            Self::Manual => "manual",
        }
    }
}

impl fmt::Display for ConflictPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What holds for deleting records of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeleteRules {
    /// Which way deletions travel.
    pub direction: Direction,
    /// What to do when one side deleted a record that the other one changed.
    pub conflicts: ConflictPolicy,
}

impl Default for DeleteRules {
    /// Both ways; a deletion never takes an edit with it unasked.
    fn default() -> Self {
        Self { direction: Direction::Both, conflicts: ConflictPolicy::Manual }
    }
}
