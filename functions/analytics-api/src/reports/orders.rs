//! `POST /v1/reports`: asks for a report.

use std::sync::Arc;

use axum::extract::{RawQuery, Request, State};
use axum::http::header::LOCATION;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::Response;
use serde_json::{Map, Value};
use shared::ports::{Report, ReportFormat};
use shared::reports::{OrderedReport, ReportOrder};
use tracing::info;

use super::{asker, desk};
use crate::api::{Api, json, render};
use crate::body::{read_object, refuse_unknown};
use crate::caller::Caller;
use crate::openapi::Problems;
use crate::problem::{Fault, Problem};
use crate::query::{NoParams, Query};

/// The longest order, in bytes.
const MAX_ORDER_BYTES: usize = 16 * 1024;

const FORM: &str = "`{\"report\": \"firm-monthly\", \"period\": \"2026-11\"}`";

/// Reads a text that may be left out.
fn read_text(
    members: &Map<String, Value>,
    name: &str,
    n_most: usize,
    faults: &mut Vec<Fault>,
) -> Option<String> {
    let given = members.get(name).filter(|it| !it.is_null())?;
    let fits = |it: &&str| (1..=n_most).contains(&it.len()) && !it.contains(char::is_control);
    let text = given.as_str().filter(fits);
    if text.is_none() {
        faults.push(Fault::new(name, format!("it is no text of 1 to {n_most} bytes: send {FORM}")));
    }
    text.map(str::to_owned)
}

fn read_formats(members: &Map<String, Value>, faults: &mut Vec<Fault>) -> Vec<ReportFormat> {
    let Some(given) = members.get("formats").filter(|it| !it.is_null()) else { return Vec::new() };
    let format =
        |it: &Value| ReportFormat::ALL.into_iter().find(|of| Some(of.as_str()) == it.as_str());
    let read = given.as_array().and_then(|it| it.iter().map(format).collect::<Option<Vec<_>>>());
    let Some(mut read) = read else {
        let message = "it is no list of `html`, `pdf`, `csv` and `parquet`";
        faults.push(Fault::new("formats", message));
        return Vec::new();
    };
    read.sort_unstable();
    read.dedup();
    read
}

/// Reads the name of the order: of the header, else of the body.
fn read_key(
    headers: &HeaderMap,
    members: &Map<String, Value>,
    faults: &mut Vec<Fault>,
) -> Option<String> {
    let fits =
        |it: &&str| (1..=255).contains(&it.len()) && it.bytes().all(|b| b.is_ascii_graphic());
    let (field, given) = match headers.get("idempotency-key") {
        Some(given) => ("Idempotency-Key", given.to_str().ok()),
        None => {
            let given = members.get("idempotency_key").filter(|it| !it.is_null())?;
            ("idempotency_key", given.as_str())
        }
    };
    let key = given.filter(fits).map(str::to_owned);
    if key.is_none() {
        faults.push(Fault::new(field, "it is not 1 to 255 visible ASCII characters"));
    }
    key
}

/// Asks for a report.
///
/// It is queued when this answers; `GET /v1/reports/{id}` follows it. It shows what the one who asks may
/// see, and only they get at it. `subject` is a case, by our id or its id at its source, or a pipeline;
/// without `period` it is about the last that is over, without `formats` it has those of its definition.
/// With `Idempotency-Key`, or `idempotency_key` in the body, asking again makes no second report: it
/// answers 200 with the first. A case that is hidden is one that is not there.
#[utoipa::path(post, path = "/reports", tag = "reports",
    params(("Idempotency-Key" = Option<String>, Header, description = "Names the order, so that asking again makes no second report", max_length = 255)),
    request_body(content = inline(crate::openapi::OrderReportRequest), description = "Which report",
        content_type = "application/json", example = json!({"report": "firm-monthly", "period": "2026-11", "formats": ["html", "pdf"]})),
    responses((status = 202, description = "The report that is to come", body = Report),
        (status = 200, description = "The report that was asked for under this key before", body = Report),
        (status = 413, description = "The body is too long", body = Problem, content_type = "application/problem+json"),
        (status = 415, description = "The body is not `application/json`", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "The definition is broken", body = Problem, content_type = "application/problem+json"),
        Problems))]
pub(crate) async fn order_report(
    State(api): State<Arc<Api>>,
    caller: Caller,
    RawQuery(raw): RawQuery,
    request: Request,
) -> Result<Response, Problem> {
    Query::new(raw.as_deref()).finish::<NoParams, _>(())?;
    let headers = request.headers().clone();
    let members = read_object(request, MAX_ORDER_BYTES, FORM).await?;
    let mut faults = Vec::new();
    let known = ["report", "subject", "period", "formats", "idempotency_key"];
    refuse_unknown(&members, &known, FORM, &mut faults);
    let report = read_text(&members, "report", 80, &mut faults);
    if report.is_none() && faults.is_empty() {
        faults.push(Fault::new("report", format!("it is needed: send {FORM}")));
    }
    let subject = read_text(&members, "subject", 255, &mut faults);
    let period = read_text(&members, "period", 16, &mut faults);
    let formats = read_formats(&members, &mut faults);
    let idempotency_key = read_key(&headers, &members, &mut faults);
    let (Some(report), true) = (report, faults.is_empty()) else {
        return Err(Problem::invalid(faults));
    };
    let asker = asker(&api, &caller).await?;
    let order = ReportOrder {
        report,
        subject,
        period,
        formats,
        asker,
        idempotency_key,
        correlation_id: None,
    };
    let ordered = desk(&api)?.order(order).await.map_err(Problem::of_reports)?;
    let OrderedReport { report, is_new } = ordered;
    info!(report.id = %report.id, actor = %caller.person(), "a person asked for `{}`", report.report);
    let mut response = json(render(&report)?);
    if is_new {
        *response.status_mut() = StatusCode::ACCEPTED;
    }
    let place = format!("/v1/reports/{}", report.id);
    response.headers_mut().extend(HeaderValue::from_str(&place).map(|it| (LOCATION, it)));
    Ok(response)
}
