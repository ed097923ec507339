//! `/v1/queues`: how full the queues are, what was set aside, and sending it again.

use std::num::NonZeroU32;
use std::sync::Arc;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, RawQuery, State};
use axum::response::Response;
use futures_util::future::try_join_all;
use serde::Serialize;
use shared::auth::Sight;
use shared::ports::{Queue, QueueDepth};
use utoipa::{IntoParams, ToSchema};

use crate::api::{Api, Ports, json, render};
use crate::caller::Caller;
use crate::letters::{Letters, ShownLetter};
use crate::openapi::Problems;
use crate::problem::{Fault, Problem};
use crate::query::{NoParams, Query, quoted, shorten};

/// A queue and how full it is.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct QueueState {
    /// Its name.
    #[schema(example = "events")]
    name: String,
    #[serde(flatten)]
    depth: QueueDepth,
}

/// All queues.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct QueueList {
    /// The queues.
    items: Vec<QueueState>,
}

/// One page of dead letters.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DeadLetterPage {
    /// The messages that were set aside, the newest first.
    items: Vec<ShownLetter>,
    /// Give it as `after` to read on; null on the last page.
    next_after: Option<String>,
}

/// Which dead letters to list.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "documents the parameters")]
pub(crate) struct DeadLettersQuery {
    /// Only those after the one with this id: `next_after` of the page before.
    #[param(max_length = 200)]
    after: Option<String>,
    /// How many to return; 50 by default.
    #[param(minimum = 1, maximum = 200, example = 50)]
    limit: Option<u32>,
}

/// Lists the queues and how full they are.
///
/// Dead letters about a case that the caller is screened from are not counted.
#[utoipa::path(get, path = "/queues", tag = "queues",
    responses((status = 200, description = "The queues", body = QueueList), Problems))]
pub(crate) async fn list_queues(
    State(api): State<Arc<Api>>,
    caller: Caller,
    RawQuery(raw): RawQuery,
) -> Result<Response, Problem> {
    Query::new(raw.as_deref()).finish::<NoParams, _>(())?;
    let items = load_queues(&api.ports, &caller.hearing()).await?;
    Ok(json(render(&QueueList { items })?))
}

/// Lists the messages that a queue has set aside.
///
/// Those about a case that the caller is screened from are left out.
#[utoipa::path(get, path = "/queues/{queue}/dead-letters", tag = "queues",
    params(("queue" = String, Path, description = "The queue's name", example = "events"), DeadLettersQuery),
    responses((status = 200, description = "A page of dead letters", body = DeadLetterPage),
        (status = 404, description = "No queue has this name", body = Problem, content_type = "application/problem+json"),
        Problems))]
pub(crate) async fn list_dead_letters(
    State(api): State<Arc<Api>>,
    caller: Caller,
    name: Result<Path<String>, PathRejection>,
    RawQuery(raw): RawQuery,
) -> Result<Response, Problem> {
    let mut query = Query::new(raw.as_deref());
    let after = query.text("after");
    let limit = query.number("limit", 1..=200).unwrap_or(50_u32);
    let (after, limit) = query.finish::<DeadLettersQuery, _>((after, limit))?;
    let queue = find_queue(&api, name)?;
    // One more than asked for tells whether there is another page.
    let n_read = NonZeroU32::MIN.saturating_add(limit);
    let letters = Letters::of(&**queue, &*api.ports.walls, &caller).await?;
    let mut items = letters.list(after, n_read).await?;
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let is_last = items.len() <= limit;
    items.truncate(limit);
    let next_after = items.last().filter(|_| !is_last).map(|letter| letter.id().to_owned());
    Ok(json(render(&DeadLetterPage { items, next_after })?))
}

/// Finds the queue that a path names.
///
/// # Errors
///
/// [`Problem`] when there is none, with the names there are.
pub(crate) fn find_queue(
    api: &Api,
    name: Result<Path<String>, PathRejection>,
) -> Result<&Arc<dyn Queue>, Problem> {
    let Ok(Path(name)) = name else {
        let message = "it is not UTF-8: percent-encode its UTF-8 bytes";
        return Err(Problem::invalid(vec![Fault::new("queue", message)]));
    };
    let queues = &api.ports.queues;
    queues.iter().find(|queue| queue.name() == name).ok_or_else(|| {
        let names: Vec<_> = queues.iter().map(|queue| queue.name()).collect();
        let known = quoted(&names);
        Problem::not_found(format!("there is no queue `{}`: there are {known}", shorten(&name)))
    })
}

/// Counts what each queue holds, of its dead letters those that `hearing` tells of.
///
/// # Errors
///
/// [`Problem`] when a queue or the walls do not answer.
pub(crate) async fn load_queues(
    ports: &Ports,
    hearing: &Sight,
) -> Result<Vec<QueueState>, Problem> {
    let depths = ports.queues.iter().map(|queue| async {
        let mut depth = queue.depth().await.map_err(Problem::of_port)?;
        let letters = Letters::heard(&**queue, &*ports.walls, hearing.clone()).await?;
        if !letters.hears_all() && depth.n_dead > 0 {
            depth.n_dead = letters.ids(None).await?.len() as u64;
        }
        Ok(QueueState { name: queue.name().to_owned(), depth })
    });
    try_join_all(depths).await
}
