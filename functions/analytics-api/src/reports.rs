//! `/v1/reports`: what reports there are, which were made, and where their files are.

pub(crate) mod files;
pub(crate) mod orders;

use std::sync::Arc;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, RawQuery, State};
use axum::response::Response;
use serde::Serialize;
use shared::auth::{Permission, Sight};
use shared::etl::PipelineFault;
use shared::ids::CorrelationId;
use shared::ports::{
    Report, ReportFilter, ReportFormat, ReportKind, ReportReader, ReportReceiver, ReportState,
};
use shared::reports::{Asker, ListedReport, ReportDesk, ReportDeskError};
use utoipa::{IntoParams, ToSchema};

use crate::api::{Api, json, render};
use crate::caller::Caller;
use crate::openapi::Problems;
use crate::problem::{Fault, Problem};
use crate::query::{NoParams, Query, shorten};

type Text = Result<Path<String>, PathRejection>;

/// Returns the desk.
///
/// # Errors
///
/// [`Problem`] when no reports are set up.
fn desk(api: &Api) -> Result<&ReportDesk, Problem> {
    api.ports.reports.as_ref().ok_or_else(|| {
        Problem::not_found("no reports are set up: set `REPORTS` and `REPORTS_QUEUE`")
    })
}

/// Says who asks, as the desk wants it.
async fn asker(api: &Api, caller: &Caller) -> Result<Asker, Problem> {
    let sees_all = api.ports.sight_of(caller).await? == Sight::Everything;
    Ok(Asker::Person {
        person: caller.person().clone(),
        sight: caller.sight().clone(),
        sees_all,
        may_cases: caller.may(Permission::CasesRead),
        may_pipelines: caller.may(Permission::PipelinesRead),
    })
}

/// Reads the id of a report from a path.
fn report_of(id: Text) -> Result<CorrelationId, Problem> {
    let id = id.map_or_else(|_| String::new(), |Path(it)| it);
    let gone = || Problem::not_found(format!("there is no report `{}`", shorten(&id)));
    CorrelationId::parse(id.clone()).map_err(|_| gone())
}

impl Problem {
    /// Says why the desk of reports does not do something.
    pub(crate) fn of_reports(failed: ReportDeskError) -> Self {
        let fault = |field: &str, failed: &ReportDeskError| {
            Self::invalid(vec![Fault::new(field, failed.to_string())])
        };
        match failed {
            ReportDeskError::Failed(failed) => Self::of_port(failed),
            ReportDeskError::NoReport { .. } => Self::not_found(failed.to_string()),
            ReportDeskError::NoDefinition(_) => fault("report", &failed),
            ReportDeskError::NoSubject(_) => fault("subject", &failed),
            ReportDeskError::NoFile { .. } => fault("format", &failed),
            ReportDeskError::NotReady { .. } | ReportDeskError::Gone { .. } => {
                Self::report_state(failed.to_string())
            }
            ReportDeskError::Forbidden(_) => Self::forbidden(failed.to_string()),
            ReportDeskError::Refused(faults) => {
                let faults = faults.into_iter().map(|(field, text)| Fault::new(field, text));
                Self::invalid(faults.collect())
            }
            ReportDeskError::Faulty { faults, .. } => {
                let of = |it: &PipelineFault| {
                    let place = if it.path.is_empty() { "definition" } else { &it.path };
                    Fault::new(place, it.to_string())
                };
                Self::unprocessable(faults.iter().take(20).map(of).collect())
            }
        }
    }
}

/// A report that may be asked for.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ReportDefinitionItem {
    /// Its name.
    #[schema(example = "firm-monthly")]
    name: String,
    /// Whether its definition can be used.
    is_valid: bool,
    /// Everything that is wrong with it.
    faults: Vec<PipelineFault>,
    /// What people call it; null when it is broken.
    title: Option<String>,
    /// What it tells.
    about: Option<String>,
    /// What it is of: of a case or a pipeline, an order names it as `subject`.
    kind: Option<ReportKind>,
    /// The last period that is over: what an order without `period` is about. Null for a case.
    #[schema(example = "2026-11")]
    period: Option<String>,
    /// Its forms.
    formats: Vec<ReportFormat>,
    /// The pipeline, when it is always of that one.
    pipeline: Option<String>,
    /// At what time behind its period it is made, in UTC; null when it is only asked for.
    #[schema(example = "06:00")]
    schedule: Option<String>,
    /// Who hears of it.
    deliver: Vec<ReportReceiver>,
}

/// The reports that may be asked for.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ReportDefinitionList {
    /// By name.
    items: Vec<ReportDefinitionItem>,
}

impl ReportDefinitionItem {
    fn of(api: &Api, listed: ListedReport) -> Self {
        let ListedReport { name, found } = listed;
        match found {
            Ok(it) => {
                let now = api.ports.clock.now();
                let last = shared::reports::ReportPeriod::last_over(it.grain, now);
                Self {
                    name,
                    is_valid: true,
                    faults: Vec::new(),
                    title: Some(it.title),
                    about: Some(it.about),
                    period: (it.kind != ReportKind::Case).then(|| last.to_string()),
                    kind: Some(it.kind),
                    formats: it.formats,
                    pipeline: it.pipeline,
                    schedule: it.schedule.map(|it| it.to_string()),
                    deliver: it.deliver,
                }
            }
            Err(faults) => Self {
                name,
                is_valid: false,
                faults,
                title: None,
                about: None,
                kind: None,
                period: None,
                formats: Vec::new(),
                pipeline: None,
                schedule: None,
                deliver: Vec::new(),
            },
        }
    }
}

/// Lists the reports that may be asked for.
///
/// Those of this build, and those of the firm's own folder. One whose definition is broken is listed
/// with its faults.
#[utoipa::path(get, path = "/reports/definitions", tag = "reports",
    responses((status = 200, description = "The reports", body = ReportDefinitionList), Problems))]
pub(crate) async fn list_report_definitions(
    State(api): State<Arc<Api>>,
    RawQuery(raw): RawQuery,
) -> Result<Response, Problem> {
    Query::new(raw.as_deref()).finish::<NoParams, _>(())?;
    let listed = desk(&api)?.definitions().await.map_err(Problem::of_port)?;
    let items = listed.into_iter().map(|it| ReportDefinitionItem::of(&api, it)).collect();
    Ok(json(render(&ReportDefinitionList { items })?))
}

/// Which reports to list.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "documents the parameters")]
pub(crate) struct ReportsQuery {
    /// Those of one definition.
    #[param(max_length = 80, example = "firm-monthly")]
    report: Option<String>,
    /// Those of one kind.
    #[param(inline, example = "firm")]
    kind: Option<ReportKind>,
    /// Those that stand so.
    #[param(inline, example = "ready")]
    state: Option<ReportState>,
    /// Only those behind the report of this id: `next_after` of the page before.
    #[param(max_length = 64)]
    after: Option<String>,
    /// How many to return; 50 by default.
    #[param(minimum = 1, maximum = 200, example = 50)]
    limit: Option<u32>,
}

/// One page of reports.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ReportPage {
    /// The reports, the newest first.
    items: Vec<Report>,
    /// Give it as `after` to read on; null on the last page.
    next_after: Option<String>,
}

/// Lists reports, the newest first: one's own, and those of the clock.
///
/// A report of the clock about the firm counts every case, so it is shown to those from whom none is
/// hidden; everybody else asks for one of their own, which counts what they see.
#[utoipa::path(get, path = "/reports", tag = "reports", params(ReportsQuery),
    responses((status = 200, description = "A page of reports", body = ReportPage), Problems))]
pub(crate) async fn list_reports(
    State(api): State<Arc<Api>>,
    caller: Caller,
    RawQuery(raw): RawQuery,
) -> Result<Response, Problem> {
    let mut query = Query::new(raw.as_deref());
    let kind = query.choice("kind", &ReportKind::ALL.map(|it| (it.as_str(), it)));
    let state = query.choice("state", &ReportState::ALL.map(|it| (it.as_str(), it)));
    let report = query.text("report");
    let limit = query.number("limit", 1..=200).unwrap_or(50);
    let given = query.text("after");
    let after = given.as_ref().and_then(|it| CorrelationId::parse(it.clone()).ok());
    if given.is_some() && after.is_none() {
        query.fault("after", "it is not the id of a report");
    }
    let found = query.finish::<ReportsQuery, _>((report, kind, state, after, limit))?;
    let (report, kind, state, after, limit) = found;
    let filter =
        ReportFilter { report, kind, state, ..ReportFilter::of(ReportReader::Machine, limit) };
    let asker = asker(&api, &caller).await?;
    let found = desk(&api)?.reports(&asker, filter, after.as_ref()).await;
    let items = found.map_err(|failed| match failed {
        it @ ReportDeskError::NoReport { .. } => {
            Problem::invalid(vec![Fault::new("after", it.to_string())])
        }
        it => Problem::of_reports(it),
    })?;
    let is_full = items.len() >= usize::try_from(limit).unwrap_or(usize::MAX);
    let next_after = items.last().map(|it| it.id.to_string()).filter(|_| is_full);
    Ok(json(render(&ReportPage { items, next_after })?))
}

/// Returns a report: how it stands, its files, and who heard of it.
///
/// Whoever asks for one of a case has to see that case now: else it is not there.
#[utoipa::path(get, path = "/reports/{id}", tag = "reports",
    params(("id" = String, Path, description = "The id of the report", example = "3af7651916cd43dd8448eb211c80319c")),
    responses((status = 200, description = "The report", body = Report),
        (status = 404, description = "There is no such report", body = Problem, content_type = "application/problem+json"),
        Problems))]
pub(crate) async fn get_report(
    State(api): State<Arc<Api>>,
    caller: Caller,
    id: Text,
    RawQuery(raw): RawQuery,
) -> Result<Response, Problem> {
    Query::new(raw.as_deref()).finish::<NoParams, _>(())?;
    let asker = asker(&api, &caller).await?;
    let report = desk(&api)?.report(&asker, &report_of(id)?).await;
    Ok(json(render(&report.map_err(Problem::of_reports)?)?))
}
