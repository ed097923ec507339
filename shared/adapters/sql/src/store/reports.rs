//! Reports that were asked for. Both engines take the same statements; the macro only names their types.

mod stored;

use async_trait::async_trait;
use shared::PortError;
use shared::auth::Sight;
use shared::ids::CorrelationId;
use shared::ports::{
    Kept, Report, ReportFilter, ReportJournal, ReportKind, ReportReader, ReportState,
};
use shared::time::Timestamp;

use self::stored::{REPORT, StoredReport};
use crate::store::batch::TextForm;
use crate::store::decode::{json_text, number};
use crate::store::jobs::{Answer, Job};
use crate::store::sight::shown_cases;
use crate::store::{PostgresCaseStore, SqliteCaseStore};

/// What a caller of the journal wants written.
pub(in crate::store) enum ReportJob {
    /// Opens a report.
    Open(Report),
    /// Writes how a report stands in place of a revision.
    Put(Report, u64),
}

/// What that caller gets back.
pub(in crate::store) enum ReportAnswer {
    /// The report that stands.
    Stands(Box<Report>),
    /// Whether it is written.
    Written(bool),
}

fn millis(at: Option<Timestamp>) -> Option<i64> {
    at.map(Timestamp::as_millis)
}

/// Returns what a row must fulfil to be shown to `reader`; `$7` is their id.
fn shown(reader: &ReportReader) -> String {
    let ReportReader::Person { sight, sees_all, may_pipelines, .. } = reader else {
        return "$7 IS NOT NULL".to_owned();
    };
    // A case that was merged into another is behind the walls of both.
    let merged = "COALESCE((SELECT entity_id FROM id_aliases WHERE alias = subject), subject)";
    let seen = |id: &str| shown_cases(sight, id, "$7").unwrap_or_else(|| "1 = 1".to_owned());
    let mut rules = vec![
        "(kind = 'firm' AND person = $7)".to_owned(),
        format!("(kind = 'case' AND person = $7 AND {} AND {})", seen("subject"), seen(merged)),
    ];
    if *sees_all {
        rules.push("(kind = 'firm' AND person IS NULL)".to_owned());
    }
    if *may_pipelines {
        rules.push("(kind = 'pipeline' AND (person IS NULL OR person = $7))".to_owned());
    }
    format!("({})", rules.join(" OR "))
}

fn person(reader: &ReportReader) -> &str {
    match reader {
        ReportReader::Machine => "",
        ReportReader::Person { person, .. } => person.as_str(),
    }
}

macro_rules! reports {
    ($module:ident, $connection:ty, $store:ty) => {
        /// The journal of reports on this engine.
        pub(in crate::store) mod $module {
            use sqlx::AssertSqlSafe;

            use super::*;

            /// Does what a caller wants written.
            pub(in crate::store) async fn run(
                connection: &mut $connection,
                job: &ReportJob,
                form: TextForm,
            ) -> Result<Answer, sqlx::Error> {
                Ok(Answer::Reports(match job {
                    ReportJob::Open(report) => {
                        ReportAnswer::Stands(Box::new(open(connection, report, form).await?))
                    }
                    ReportJob::Put(report, revision) => {
                        ReportAnswer::Written(put(connection, report, *revision, form).await?)
                    }
                }))
            }

            async fn open(
                connection: &mut $connection,
                report: &Report,
                form: TextForm,
            ) -> Result<Report, sqlx::Error> {
                let key = report.idempotency_key.as_deref().map(|it| form(it).into_owned());
                let sql = format!(
                    "INSERT INTO reports ({REPORT}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, \
                     $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, 1) ON CONFLICT DO NOTHING"
                );
                let done = sqlx::query(AssertSqlSafe(sql))
                    .bind(report.id.as_str())
                    .bind(&report.report)
                    .bind(report.kind.as_str())
                    .bind(&report.subject)
                    .bind(&report.period)
                    .bind(json_text(&report.formats)?)
                    .bind(report.state.as_str())
                    .bind(report.message.as_deref().map(|it| form(it).into_owned()))
                    .bind(form(&report.ordered_by))
                    .bind(report.sight.person().map(|it| it.as_str()))
                    .bind(i64::from(matches!(report.sight, Sight::Only(_))))
                    .bind(report.correlation_id.as_str())
                    .bind(&key)
                    .bind(i64::from(report.n_attempts))
                    .bind(millis(report.leased_until))
                    .bind(json_text(&report.files)?)
                    .bind(json_text(&report.deliveries)?)
                    .bind(report.requested_at.as_millis())
                    .bind(millis(report.finished_at))
                    .execute(&mut *connection)
                    .await?;
                if done.rows_affected() == 1 {
                    return Ok(report.clone());
                }
                let sql = format!(
                    "SELECT {REPORT} FROM reports \
                     WHERE id = $1 OR (report = $2 AND idempotency_key = $3)"
                );
                let stands: StoredReport = sqlx::query_as(AssertSqlSafe(sql))
                    .bind(report.id.as_str())
                    .bind(&report.report)
                    .bind(&key)
                    .fetch_one(connection)
                    .await?;
                Ok(stands.read()?.value)
            }

            async fn put(
                connection: &mut $connection,
                report: &Report,
                revision: u64,
                form: TextForm,
            ) -> Result<bool, sqlx::Error> {
                let done = sqlx::query(
                    "UPDATE reports SET state = $3, message = $4, n_attempts = $5, \
                     leased_until = $6, files = $7, deliveries = $8, finished_at = $9, \
                     revision = revision + 1 WHERE id = $1 AND revision = $2",
                )
                .bind(report.id.as_str())
                .bind(number(revision))
                .bind(report.state.as_str())
                .bind(report.message.as_deref().map(|it| form(it).into_owned()))
                .bind(i64::from(report.n_attempts))
                .bind(millis(report.leased_until))
                .bind(json_text(&report.files)?)
                .bind(json_text(&report.deliveries)?)
                .bind(millis(report.finished_at))
                .execute(connection)
                .await?;
                Ok(done.rows_affected() == 1)
            }

            #[async_trait]
            impl ReportJournal for $store {
                async fn open_report(&self, report: &Report) -> Result<Report, PortError> {
                    let job = Job::Reports(Box::new(ReportJob::Open(report.clone())));
                    match self.commit(job, "open report", report.id.as_str()).await? {
                        Answer::Reports(ReportAnswer::Stands(stands)) => Ok(*stands),
                        _ => Ok(report.clone()),
                    }
                }

                async fn report(
                    &self,
                    id: &CorrelationId,
                ) -> Result<Option<Kept<Report>>, PortError> {
                    let failed = |cause| Self::read_failed(cause, "read report", id.as_str());
                    let sql = format!("SELECT {REPORT} FROM reports WHERE id = $1");
                    let found: Option<StoredReport> = sqlx::query_as(AssertSqlSafe(sql))
                        .bind(id.as_str())
                        .fetch_optional(self.readers())
                        .await
                        .map_err(failed)?;
                    found.map(StoredReport::read).transpose().map_err(failed)
                }

                async fn put_report(
                    &self,
                    report: &Report,
                    revision: u64,
                ) -> Result<bool, PortError> {
                    let job = Job::Reports(Box::new(ReportJob::Put(report.clone(), revision)));
                    let answer = self.commit(job, "write report", report.id.as_str()).await?;
                    Ok(matches!(answer, Answer::Reports(ReportAnswer::Written(true))))
                }

                async fn reports(&self, filter: &ReportFilter) -> Result<Vec<Report>, PortError> {
                    let failed = |cause| Self::read_failed(cause, "list", "reports");
                    let (at, id) = filter.before.as_ref().map_or((i64::MAX, ""), |(at, id)| {
                        (at.as_millis(), id.as_str())
                    });
                    let sql = format!(
                        "SELECT {REPORT} FROM reports WHERE ($1 = '' OR report = $1) \
                         AND ($2 = '' OR kind = $2) AND ($3 = '' OR state = $3) \
                         AND ($4 = '' OR id = $4) \
                         AND (requested_at < $5 OR (requested_at = $5 AND id < $6)) AND {} \
                         ORDER BY requested_at DESC, id DESC LIMIT $8",
                        shown(&filter.reader)
                    );
                    let rows: Vec<StoredReport> = sqlx::query_as(AssertSqlSafe(sql))
                        .bind(filter.report.as_deref().unwrap_or_default())
                        .bind(filter.kind.map_or("", ReportKind::as_str))
                        .bind(filter.state.map_or("", ReportState::as_str))
                        .bind(filter.id.as_ref().map_or("", |it| it.as_str()))
                        .bind(at)
                        .bind(id)
                        .bind(person(&filter.reader))
                        .bind(i64::from(filter.limit))
                        .fetch_all(self.readers())
                        .await
                        .map_err(failed)?;
                    let read = rows.into_iter().map(|it| it.read().map(|it| it.value));
                    read.collect::<Result<_, _>>().map_err(failed)
                }
            }
        }
    };
}

reports!(sqlite, sqlx::SqliteConnection, SqliteCaseStore);
reports!(postgres, sqlx::PgConnection, PostgresCaseStore);
