//! What a quota is.

use std::time::Duration;

use serde::{Deserialize, Serialize};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Over which time a platform counts calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum QuotaWindow {
    /// The last so many milliseconds, at every moment.
    Rolling {
        /// How long the window is.
        length_ms: u64,
    },
    /// The calendar day in UTC.
    CalendarDay,
}

impl QuotaWindow {
    /// The last 24 hours, as Salesforce counts.
    pub const ROLLING_DAY: Self = Self::Rolling { length_ms: 24 * 60 * 60 * 1000 };

    /// Returns how long it is.
    pub fn length(self) -> Duration {
        match self {
            Self::Rolling { length_ms } => Duration::from_millis(length_ms),
            Self::CalendarDay => DAY,
        }
    }
}

/// How much a call matters when few are left.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Urgency {
    /// Nobody waits for it: it leaves the reserve alone.
    #[default]
    Background,
    /// A person waits for it: it may use the reserve.
    Interactive,
}

/// Settings of a [`Quota`](super::Quota).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuotaSettings {
    /// The platform, such as `salesforce`.
    pub platform: String,
    /// The connection, such as `main`.
    pub connection: String,
    /// Calls in the window, until the platform reports its own number.
    pub limit: u64,
    /// Over which time calls count.
    pub window: QuotaWindow,
    /// The share of calls kept for interactive work, in percent.
    pub reserve_percent: u8,
    /// The most calls that one process leases at a time; fewer as the quota runs out.
    pub chunk: u64,
    /// How long a process may use what it leased.
    pub lease_for: Duration,
}

impl QuotaSettings {
    /// Allows `limit` calls in 24 hours, a tenth of them for interactive work; a process leases up
    /// to one two-hundredth at a time, for five minutes.
    pub fn daily(platform: &str, connection: &str, limit: u64) -> Self {
        Self {
            platform: platform.to_owned(),
            connection: connection.to_owned(),
            limit,
            window: QuotaWindow::ROLLING_DAY,
            reserve_percent: 10,
            chunk: (limit / 200).max(1),
            lease_for: Duration::from_secs(5 * 60),
        }
    }

    /// Returns the name of its entry in the ledger.
    pub(super) fn name(&self) -> String {
        format!("{}{}/{}", super::state::PREFIX, self.platform, self.connection)
    }
}
