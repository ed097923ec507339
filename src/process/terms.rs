//! How functions work, as the settings say.

use delta_poller::PollSettings;
use shared::sync::{ReconcileSettings, RelaySettings};

use crate::settings::Settings;

/// Returns how changes are read.
pub(super) fn poll_settings(settings: &Settings) -> PollSettings {
    PollSettings {
        overlap: settings.poll.overlap.0,
        lag: settings.poll.lag.0,
        ..PollSettings::default()
    }
}

/// Returns how the relay works.
pub(crate) fn relay_settings(settings: &Settings) -> RelaySettings {
    let crate::settings::RelaySettings { bulk_threshold, max_attempts } = settings.relay;
    RelaySettings { bulk_threshold, max_attempts, ..RelaySettings::default() }
}

/// Returns how both sides are compared.
pub(super) fn reconcile_settings(settings: &Settings) -> ReconcileSettings {
    ReconcileSettings { repairs: settings.reconcile.repair, ..ReconcileSettings::default() }
}
