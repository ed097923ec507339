//! `GET /api/dashboard` and `GET /api/health`: the answers of an existing MoodBridge, in their old
//! shape, for pages that were made for it.

use std::sync::Arc;

use axum::extract::{RawQuery, State};
use axum::response::Response;
use serde::Serialize;
use shared::ports::{Incident, IncidentFigures};
use utoipa::ToSchema;

use crate::api::{Api, json, render};
use crate::caller::Caller;
use crate::openapi::Problems;
use crate::problem::Problem;
use crate::query::{NoParams, Query};

/// How many incidents are told one by one.
const N_RECENT: u32 = 10;

/// Stands for incidents that are of no category.
const UNCATEGORIZED: &str = "Uncategorized";

/// Denied placements, as an existing MoodBridge shows them.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Dashboard {
    stats: DashboardStats,
    /// By month, the earliest first; months without any are left out.
    monthly_trend: Vec<MonthlyTrend>,
    /// By category, the most frequent first.
    categories: Vec<CategoryCount>,
    /// The ten latest, the latest first.
    recent_incidents: Vec<RecentIncident>,
}

/// The figures of the first line.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DashboardStats {
    /// How many there are.
    total_incidents: u64,
    /// How long they took together, in hours.
    total_hours: f64,
    /// How long one took on average, in hours.
    avg_duration: f64,
    /// How many fell into this month, in UTC.
    this_month: u64,
}

/// One month.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MonthlyTrend {
    /// The month, such as `2024-06`.
    month: String,
    /// How many.
    count: u64,
}

/// One category.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CategoryCount {
    /// Its name; `Uncategorized` where there is none.
    category: String,
    /// How many.
    count: u64,
}

/// One incident.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RecentIncident {
    /// The day, as it was written.
    denied_date: String,
    /// Why; empty where nothing was written.
    denial_reason: String,
    /// How long it took, in hours; 0 where nothing was written.
    duration_hours: f64,
}

/// That the process answers, as an existing MoodBridge says it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Health {
    /// Always `healthy`.
    status: &'static str,
    /// The same for people.
    message: &'static str,
}

impl Dashboard {
    fn new(figures: IncidentFigures, this_month: &str) -> Self {
        let IncidentFigures { n_incidents, hours, mean_hours, by_month, by_category, latest } =
            figures;
        let now = by_month.iter().find(|(month, _)| month == this_month);
        let stats = DashboardStats {
            total_incidents: n_incidents,
            total_hours: hours,
            avg_duration: mean_hours,
            this_month: now.map_or(0, |it| it.1),
        };
        let category = |(name, count): (Option<String>, u64)| CategoryCount {
            category: name.unwrap_or_else(|| UNCATEGORIZED.to_owned()),
            count,
        };
        let recent = |it: Incident| RecentIncident {
            denied_date: it.denied_date,
            denial_reason: it.denial_reason.unwrap_or_default(),
            duration_hours: it.hours.unwrap_or_default(),
        };
        let month = |(month, count)| MonthlyTrend { month, count };
        Self {
            stats,
            monthly_trend: by_month.into_iter().map(month).collect(),
            categories: by_category.into_iter().map(category).collect(),
            recent_incidents: latest.into_iter().map(recent).collect(),
        }
    }
}

/// Shows denied placements, in the shape that an existing MoodBridge has.
///
/// They are those of all imported matters that the caller sees. New clients ask `/v1`.
#[utoipa::path(get, path = "/dashboard", tag = "moodbridge",
    responses((status = 200, description = "The figures", body = Dashboard), Problems))]
pub(crate) async fn get_dashboard(
    State(api): State<Arc<Api>>,
    caller: Caller,
    RawQuery(raw): RawQuery,
) -> Result<Response, Problem> {
    Query::new(raw.as_deref()).finish::<NoParams, _>(())?;
    let figures = api.ports.incidents.incidents(caller.sight(), N_RECENT).await;
    let figures = figures.map_err(Problem::of_port)?;
    let this_month: String = api.ports.clock.now().to_string().chars().take(7).collect();
    Ok(json(render(&Dashboard::new(figures, &this_month))?))
}

/// Says that the process answers, in the shape that an existing MoodBridge has.
///
/// It looks at nothing: what `/readyz` asks of the store is not asked here.
#[utoipa::path(get, path = "/health", tag = "moodbridge",
    responses((status = 200, description = "It answers", body = Health), Problems))]
pub(crate) async fn get_health(RawQuery(raw): RawQuery) -> Result<Response, Problem> {
    Query::new(raw.as_deref()).finish::<NoParams, _>(())?;
    let health = Health { status: "healthy", message: "Legal dashboard API is running" };
    Ok(json(render(&health)?))
}
