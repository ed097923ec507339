//! What is due by the clock: each report once for each period, the last that is over.

use super::definition::ReportDefinition;
use super::definitions::ReportDefinitions;
use super::message::ReportMessage;
use super::period::ReportPeriod;
use crate::auth::Sight;
use crate::error::PortError;
use crate::ports::{Clock, Queue, Random, Report, ReportDelivery, ReportJournal, ReportState};
use crate::time::Timestamp;

/// Who asks, when it is the clock.
const ORDERED_BY: &str = "schedule";

/// Opens and queues every report that is due; returns how many were new. Looking again opens nothing
/// twice, and queues once more what nobody has begun, which does no harm.
///
/// A period that was over while nothing ran is made good for when it is the last one; earlier ones are
/// asked for. A definition that is broken keeps no other from being looked at.
///
/// # Errors
///
/// As the folder, the journal or the queue answers.
pub async fn open_due(
    definitions: &ReportDefinitions,
    journal: &dyn ReportJournal,
    queue: &dyn Queue,
    clock: &dyn Clock,
    random: &dyn Random,
) -> Result<u64, PortError> {
    let (now, mut n_new) = (clock.now(), 0);
    for listed in definitions.list().await? {
        let definition = match listed.found {
            Ok(definition) => definition,
            Err(faults) => {
                let first = faults.first().map(ToString::to_string).unwrap_or_default();
                tracing::warn!(error = %first, "the report `{}` is broken", listed.name);
                continue;
            }
        };
        let Some(period) = due(&definition, now) else { continue };
        let id = random.correlation_id();
        let report = Report {
            correlation_id: id.clone(),
            id,
            report: definition.name,
            kind: definition.kind,
            subject: definition.pipeline,
            period: period.to_string(),
            formats: definition.formats,
            state: ReportState::Queued,
            message: None,
            ordered_by: ORDERED_BY.to_owned(),
            sight: Sight::Everything,
            idempotency_key: Some(format!("{ORDERED_BY}/{period}")),
            n_attempts: 0,
            leased_until: None,
            files: Vec::new(),
            deliveries: definition.deliver.into_iter().map(ReportDelivery::pending).collect(),
            requested_at: now,
            finished_at: None,
        };
        let stands = journal.open_report(&report).await?;
        n_new += u64::from(stands.id == report.id);
        if stands.state == ReportState::Queued && stands.n_attempts == 0 {
            ReportMessage::send(queue, &stands.id).await?;
        }
    }
    Ok(n_new)
}

/// Returns the period that `definition` is due for.
fn due(definition: &ReportDefinition, now: Timestamp) -> Option<ReportPeriod> {
    let time = definition.schedule?;
    let period = ReportPeriod::last_over(definition.grain, now);
    let at = period.ends_at().as_millis().saturating_add(time.as_millis());
    (now.as_millis() >= at).then_some(period)
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;
    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::ports::{
        MemoryQueue, MemoryReportJournal, ReportFilter, ReportReader, SystemRandom,
    };

    struct At(Mutex<Timestamp>);

    impl Clock for At {
        fn now(&self) -> Timestamp {
            *self.0.lock().unwrap()
        }
    }

    #[tokio::test]
    async fn report_is_opened_once_for_each_period_and_not_before_its_time() {
        let at = |raw| Timestamp::parse(raw).unwrap();
        let clock = Arc::new(At(Mutex::new(at("2026-12-01T05:59:59Z"))));
        let journal = MemoryReportJournal::default();
        let queue = MemoryQueue::new("reports", NonZeroU32::new(9).unwrap(), clock.clone());
        let definitions = ReportDefinitions::default();
        let look = async || {
            open_due(&definitions, &journal, &queue, &*clock, &SystemRandom).await.unwrap()
        };
        let periods = async || -> Vec<String> {
            let filter = ReportFilter::of(ReportReader::Machine, 9);
            let found = journal.reports(&filter).await.unwrap();
            found.into_iter().map(|it| it.period).collect()
        };

        assert_eq!(look().await, 0);
        *clock.0.lock().unwrap() = at("2026-12-01T06:00:00Z");
        assert_eq!((look().await, look().await), (1, 0));
        assert_eq!(periods().await, ["2026-11"]);
        *clock.0.lock().unwrap() = at("2027-03-05T00:00:00Z");
        assert_eq!((look().await, look().await), (1, 0));
        assert_eq!(periods().await, ["2027-02", "2026-11"]);
    }
}
