//! What a person wants to know of a quota.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::settings::QuotaWindow;
use super::tally::Tally;
use crate::error::PortError;
use crate::ports::Ledger;
use crate::time::Timestamp;

/// Where every quota's name begins.
pub(super) const PREFIX: &str = "quota/";

/// Over how long the present pace is measured.
const PACE_OVER: Duration = Duration::from_secs(60 * 60);

/// How much of a quota is left, and until when it lasts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct QuotaState {
    /// The platform, such as `salesforce`.
    pub platform: String,
    /// The connection, such as `main`.
    pub connection: String,
    /// Over which time calls count.
    pub window: QuotaWindow,
    /// Calls in the window.
    pub limit: u64,
    /// Calls used, those that processes hold but have not made included.
    pub n_used: u64,
    /// Calls left.
    pub n_left: u64,
    /// Calls that processes hold.
    pub n_leased: u64,
    /// Calls kept for interactive work.
    pub reserve: u64,
    /// Calls in an hour, at the present pace.
    pub per_hour: u64,
    /// When the last call goes at this pace; absent when calls come free faster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spent_at: Option<Timestamp>,
    /// When the platform last reported its own count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reported_at: Option<Timestamp>,
}

impl QuotaState {
    pub(super) fn of(tally: &Tally, now: Timestamp) -> Self {
        let per_hour = per_hour(tally, now);
        let n_left = tally.n_left();
        Self {
            platform: tally.platform.clone(),
            connection: tally.connection.clone(),
            window: tally.window,
            limit: tally.limit,
            n_used: tally.n_used(),
            n_left,
            n_leased: tally.leases.iter().map(|it| it.n).sum(),
            reserve: tally.reserve(),
            per_hour,
            spent_at: spent_at(tally, n_left, per_hour, now),
            reported_at: tally.report.map(|it| it.at),
        }
    }
}

/// Counts the last hour, or what there is of it.
fn per_hour(tally: &Tally, now: Timestamp) -> u64 {
    let from = now.minus(PACE_OVER).as_millis();
    let recent = || tally.parts.iter().filter(|it| it.0 >= from);
    let Some((first, _)) = recent().next() else { return 0 };
    let n: u64 = recent().map(|it| it.1).sum();
    let over_ms = now.since(Timestamp::from_millis(*first)).as_millis().max(60_000);
    let per_hour = u128::from(n) * PACE_OVER.as_millis() / over_ms;
    u64::try_from(per_hour).unwrap_or(u64::MAX)
}

fn spent_at(tally: &Tally, n_left: u64, per_hour: u64, now: Timestamp) -> Option<Timestamp> {
    if n_left == 0 {
        return Some(now);
    }
    let lasts_ms = u128::from(n_left) * PACE_OVER.as_millis() / u128::from(per_hour.max(1));
    let lasts = Duration::from_millis(u64::try_from(lasts_ms).unwrap_or(u64::MAX));
    let opens = match tally.window {
        QuotaWindow::Rolling { .. } => tally.window.length(),
        QuotaWindow::CalendarDay => tally.next_opening(now).since(now),
    };
    (per_hour > 0 && lasts < opens).then(|| now.plus(lasts))
}

/// Lists every quota that was ever leased from, by name.
///
/// # Errors
///
/// As the ledger answers.
pub async fn list(ledger: &dyn Ledger, now: Timestamp) -> Result<Vec<QuotaState>, PortError> {
    let entries = ledger.list(PREFIX).await?;
    Ok(entries
        .iter()
        .filter_map(|(_, entry)| serde_json::from_str::<Tally>(&entry.value).ok())
        .map(|mut tally| {
            tally.roll(now, Duration::ZERO);
            QuotaState::of(&tally, now)
        })
        .collect())
}
