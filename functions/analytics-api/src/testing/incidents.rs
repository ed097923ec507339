//! The denied placements of the small firm.

use async_trait::async_trait;
use shared::PortError;
use shared::auth::Sight;
use shared::ports::{Incident, IncidentFigures, IncidentView};

use super::{Firm, case_id};

#[async_trait]
impl IncidentView for Firm {
    async fn incidents(&self, sight: &Sight, n_latest: u32) -> Result<IncidentFigures, PortError> {
        if !self.shows(sight, &case_id()) {
            return self.answer(IncidentFigures::default());
        }
        let incident = |day: &str, reason: Option<&str>, hours| Incident {
            denied_date: day.to_owned(),
            denial_reason: reason.map(str::to_owned),
            hours,
        };
        let latest = vec![
            incident("2026-11-02 13:45:00", Some("Father's Day completely denied"), Some(12.0)),
            incident("2026-10-01", None, None),
        ];
        self.answer(IncidentFigures {
            n_incidents: 2,
            hours: 12.0,
            mean_hours: 12.0,
            by_month: vec![("2026-10".to_owned(), 1), ("2026-11".to_owned(), 1)],
            by_category: vec![(Some("Holiday Violation".to_owned()), 1), (None, 1)],
            latest: latest.into_iter().take(usize::try_from(n_latest).unwrap()).collect(),
        })
    }
}
