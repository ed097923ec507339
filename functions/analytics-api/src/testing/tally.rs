//! The counts of the small firm: five cases a month, eight from 2026 on.

use async_trait::async_trait;
use shared::PortError;
use shared::analytics::Grain;
use shared::auth::Sight;
use shared::ports::{CaseTally, DayTally, TallyQuery};

use super::Firm;

#[async_trait]
impl CaseTally for Firm {
    async fn tally(&self, _: &Sight, query: &TallyQuery) -> Result<Vec<DayTally>, PortError> {
        let row = |month: i64, n_cases| DayTally {
            group: query.by.map(|_| "Cook".to_owned()),
            day: Grain::Month.first_day(month),
            n_cases,
            total_ms: 86_400_000.0 * 40.0 * n_cases as f64,
        };
        let months = 2024 * 12..=2026 * 12 + 10;
        let n_of = |month: i64| if month < 2026 * 12 { 5 } else { 8 };
        let mut rows: Vec<_> = months.map(|it| row(it, n_of(it))).collect();
        rows.retain(|it| (query.from_day..=query.until_day).contains(&it.day));
        self.answer(rows)
    }
}
