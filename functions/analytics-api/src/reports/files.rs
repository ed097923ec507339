//! `GET /v1/reports/{id}/link` and `…/content`: where the files of a report are.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{RawQuery, State};
use axum::http::HeaderValue;
use axum::http::header::{
    CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, CONTENT_TYPE,
};
use axum::response::Response;
use futures_util::TryStreamExt;
use serde::Serialize;
use shared::chain;
use shared::ports::{Report, ReportFile, ReportFormat};
use shared::reports::ReportLink;
use tracing::{info, warn};
use utoipa::{IntoParams, ToSchema};

use super::{Text, asker, desk, report_of};
use crate::api::{Api, json, render};
use crate::caller::Caller;
use crate::documents::ByteLink;
use crate::openapi::Problems;
use crate::problem::Problem;
use crate::query::Query;
use crate::router::PREFIX;

/// How long a link to a file is good: as one to a document.
const GOOD_FOR: Duration = Duration::from_mins(5);

/// Which file.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "documents the parameters")]
pub(crate) struct ReportFileQuery {
    /// Its form; the first that there is by default.
    #[param(inline, example = "csv")]
    format: Option<ReportFormat>,
    /// The table, of `csv` and `parquet`; the first by default.
    #[param(max_length = 80, example = "by_period")]
    table: Option<String>,
}

/// Where a file of a report is.
#[derive(Serialize, ToSchema)]
pub(crate) struct ReportFileLink {
    /// How to read it.
    link: ByteLink,
    /// What to call it.
    #[schema(example = "firm-monthly-2026-11.pdf")]
    name: String,
    /// Its form.
    format: ReportFormat,
    /// The table it holds.
    table: Option<String>,
    /// What its bytes are.
    #[schema(example = "application/pdf")]
    media_type: &'static str,
    /// How many bytes there are.
    n_bytes: u64,
}

type Wanted = (Option<ReportFormat>, Option<String>);

fn wanted(raw: Option<&str>) -> Result<Wanted, Problem> {
    let mut query = Query::new(raw);
    let format = query.choice("format", &ReportFormat::ALL.map(|it| (it.as_str(), it)));
    let table = query.text("table").filter(|it| !it.is_empty());
    query.finish::<ReportFileQuery, _>((format, table))
}

/// Names a file, such as `firm-monthly-2026-11-by_period.csv`: of letters that need no quotes.
fn name_of(report: &Report, file: &ReportFile) -> String {
    let table = file.table.as_deref().map(|it| format!("-{it}")).unwrap_or_default();
    format!("{}-{}{table}.{}", report.report, report.period, file.format.as_str())
}

/// Gives a link by which a file of a report is read.
///
/// It is good for 5 minutes. Where the store of reports has no links of its own, it leads to `content`.
#[utoipa::path(get, path = "/reports/{id}/link", tag = "reports",
    params(("id" = String, Path, description = "The id of the report", example = "3af7651916cd43dd8448eb211c80319c"),
        ReportFileQuery),
    responses((status = 200, description = "Where the file is", body = ReportFileLink),
        (status = 404, description = "There is no such report", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "It has no files yet, or they are no longer kept", body = Problem, content_type = "application/problem+json"),
        Problems))]
pub(crate) async fn link_report(
    State(api): State<Arc<Api>>,
    caller: Caller,
    id: Text,
    RawQuery(raw): RawQuery,
) -> Result<Response, Problem> {
    let (format, table) = wanted(raw.as_deref())?;
    let asker = asker(&api, &caller).await?;
    let id = report_of(id)?;
    let found = desk(&api)?.link(&asker, &id, format, table.as_deref(), GOOD_FOR).await;
    let ReportLink { report, file, link } = found.map_err(Problem::of_reports)?;
    info!(report.id = %report.id, actor = %caller.person(), "gave a link to a report");
    let link = match link {
        Some((link, expires_at)) => ByteLink::of_store(link, expires_at),
        None => {
            let table = file.table.as_deref().map(|it| format!("&table={it}")).unwrap_or_default();
            let format = file.format.as_str();
            let path = format!("{PREFIX}/reports/{}/content?format={format}{table}", report.id);
            ByteLink::of_api("GET", path, BTreeMap::new())
        }
    };
    Ok(json(render(&ReportFileLink {
        link,
        name: name_of(&report, &file),
        format: file.format,
        media_type: file.format.media_type(),
        table: file.table,
        n_bytes: file.n_bytes,
    })?))
}

/// Reads a file of a report.
///
/// Only where the store of reports has no links of its own: `link` says where a file is.
#[utoipa::path(get, path = "/reports/{id}/content", tag = "reports",
    params(("id" = String, Path, description = "The id of the report", example = "3af7651916cd43dd8448eb211c80319c"),
        ReportFileQuery),
    responses((status = 200, description = "The file", body = Vec<u8>, content_type = "application/octet-stream"),
        (status = 404, description = "There is no such report", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "It has no files yet, they are no longer kept, or are read elsewhere: ask for a link", body = Problem, content_type = "application/problem+json"),
        Problems))]
pub(crate) async fn get_report_content(
    State(api): State<Arc<Api>>,
    caller: Caller,
    id: Text,
    RawQuery(raw): RawQuery,
) -> Result<Response, Problem> {
    let (format, table) = wanted(raw.as_deref())?;
    let (desk, asker) = (desk(&api)?, asker(&api, &caller).await?);
    if desk.has_links() {
        let detail = "files are read from the store itself here: ask `link` where";
        return Err(Problem::report_state(detail));
    }
    let found = desk.open(&asker, &report_of(id)?, format, table.as_deref()).await;
    let (report, file, read) = found.map_err(Problem::of_reports)?;
    info!(report.id = %report.id, actor = %caller.person(), "a report is read");
    let bytes = read.bytes.inspect_err(
        |failed| warn!(error = %chain(failed), "the bytes of a report ended too soon"),
    );
    let mut response = Response::new(Body::from_stream(bytes));
    let head = [
        (CONTENT_TYPE, file.format.media_type().to_owned()),
        (CONTENT_LENGTH, file.n_bytes.to_string()),
        // What comes from rows is never shown as a page of ours.
        (CONTENT_DISPOSITION, format!("attachment; filename=\"{}\"", name_of(&report, &file))),
        (CONTENT_SECURITY_POLICY, "sandbox".to_owned()),
    ];
    let values = head
        .into_iter()
        .filter_map(|(name, value)| HeaderValue::from_str(&value).ok().map(|value| (name, value)));
    response.headers_mut().extend(values);
    Ok(response)
}
