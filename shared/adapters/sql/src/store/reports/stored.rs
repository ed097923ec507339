//! Rows of the journal of reports.

use shared::auth::Sight;
use shared::ids::{CorrelationId, PersonId};
use shared::ports::{Kept, Report};

use crate::store::decode::{checked, count, instant, json, word};
use crate::store::text::StoredText;

/// The columns of a report.
pub(super) const REPORT: &str = "id, report, kind, subject, period, formats, state, message, ordered_by, \
     person, sees_only, correlation_id, idempotency_key, n_attempts, leased_until, files, \
     deliveries, requested_at, finished_at, revision";

/// A report as it is stored.
#[derive(sqlx::FromRow)]
pub(super) struct StoredReport {
    id: String,
    report: String,
    kind: String,
    subject: Option<String>,
    period: String,
    formats: String,
    state: String,
    message: Option<StoredText>,
    ordered_by: StoredText,
    person: Option<String>,
    sees_only: i64,
    correlation_id: String,
    idempotency_key: Option<StoredText>,
    n_attempts: i64,
    leased_until: Option<i64>,
    files: String,
    deliveries: String,
    requested_at: i64,
    finished_at: Option<i64>,
    revision: i64,
}

impl StoredReport {
    /// Turns the row into what the port answers.
    pub(super) fn read(self) -> Result<Kept<Report>, sqlx::Error> {
        let person = self.person.map(|it| checked(PersonId::parse(it))).transpose()?;
        let sight = match person {
            None => Sight::Everything,
            Some(person) if self.sees_only != 0 => Sight::Only(person),
            Some(person) => Sight::AllBut(person),
        };
        let value = Report {
            id: checked(CorrelationId::parse(self.id))?,
            report: self.report,
            kind: word(&self.kind)?,
            subject: self.subject,
            period: self.period,
            formats: json(&self.formats)?,
            state: word(&self.state)?,
            message: self.message.map(Into::into),
            ordered_by: self.ordered_by.into(),
            sight,
            correlation_id: checked(CorrelationId::parse(self.correlation_id))?,
            idempotency_key: self.idempotency_key.map(Into::into),
            n_attempts: u32::try_from(self.n_attempts).unwrap_or(u32::MAX),
            leased_until: self.leased_until.map(instant),
            files: json(&self.files)?,
            deliveries: json(&self.deliveries)?,
            requested_at: instant(self.requested_at),
            finished_at: self.finished_at.map(instant),
        };
        Ok(Kept { value, revision: count(self.revision) })
    }
}
