//! Composite graphs: sets of records that are written whole or not at all, each graph for itself.
//!
//! Source: REST API guide, "Composite Graph", "Limits".

use http::Method;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use shared::{PortError, PortErrorKind};

use super::composite::{CompositeAnswer, CompositePart, PartAnswer};
use crate::client::{RestCall, SalesforceClient, WriteOptions};

/// The most graphs in a call, and the most parts of all of them.
const MAX_GRAPHS: usize = 75;
const MAX_NODES: usize = 500;

/// One graph.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Graph {
    /// Our name of it.
    pub graph_id: String,
    /// Its parts, in an order that later ones may point to earlier ones. Records only: no query.
    pub composite_request: Vec<CompositePart>,
}

/// What became of a graph.
#[derive(Clone, Debug)]
pub struct GraphAnswer {
    /// Our name of it.
    pub graph_id: String,
    /// Whether all of it was written; else nothing was.
    pub is_successful: bool,
    /// The answers to its parts, in order.
    pub parts: Vec<PartAnswer>,
}

#[derive(Debug, thiserror::Error)]
enum BadGraphs {
    #[error("{n_graphs} graphs in one call: write 1 to {MAX_GRAPHS}")]
    Size { n_graphs: usize },
    #[error("{n_nodes} parts in the graphs of one call: write at most {MAX_NODES}")]
    Nodes { n_nodes: usize },
    #[error("the answer has not one graph for each that was asked")]
    GraphsDiffer,
}

#[derive(Serialize)]
struct Body<'a> {
    graphs: &'a [Graph],
}

#[derive(Deserialize)]
struct Answers<'a> {
    #[serde(borrow)]
    graphs: Vec<Answer<'a>>,
}

/// An answer whose parts stand in `graphResponse`, as the guide has it, or right beside its name.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer<'a> {
    graph_id: String,
    is_successful: bool,
    #[serde(borrow)]
    graph_response: Option<CompositeAnswer<'a>>,
    #[serde(borrow)]
    composite_response: Option<&'a RawValue>,
}

impl SalesforceClient {
    /// Writes up to 75 graphs of up to 500 parts together; the answers stand in the same order.
    ///
    /// # Errors
    ///
    /// `Rejected` for what no org takes, else as the org answers to the whole. A graph that failed
    /// is an answer.
    pub async fn graph(
        &self,
        subject: &str,
        graphs: &[Graph],
        options: &WriteOptions,
    ) -> Result<Vec<GraphAnswer>, PortError> {
        let call = RestCall::data("graph", Method::POST, subject, &["composite", "graph"])
            .with_options(options);
        let n_graphs = graphs.len();
        let n_nodes = graphs.iter().map(|it| it.composite_request.len()).sum();
        if n_graphs == 0 || n_graphs > MAX_GRAPHS {
            return Err(call.rejected(BadGraphs::Size { n_graphs }));
        }
        if n_nodes > MAX_NODES {
            return Err(call.rejected(BadGraphs::Nodes { n_nodes }));
        }
        let call = call.with_json(&Body { graphs })?;
        let response = self.call(&call).await?;
        let answers: Answers<'_> = response_json(&response)?;
        let differ = || call.error(PortErrorKind::Unavailable, BadGraphs::GraphsDiffer);
        if answers.graphs.len() != n_graphs {
            return Err(differ());
        }
        graphs
            .iter()
            .map(|graph| {
                let answer = answers.graphs.iter().find(|it| it.graph_id == graph.graph_id);
                let answer = answer.ok_or_else(differ)?;
                let ids: Vec<&str> =
                    graph.composite_request.iter().map(CompositePart::reference_id).collect();
                let beside = answer.composite_response.map(|it| {
                    serde_json::from_str(it.get())
                        .map(|parts| CompositeAnswer { composite_response: parts })
                        .map_err(|error| response.malformed(&error))
                });
                let beside = beside.transpose()?;
                let parts = answer.graph_response.as_ref().or(beside.as_ref());
                let parts = parts.and_then(|it| it.parts(&response, &ids)).ok_or_else(differ)?;
                let (graph_id, is_successful) = (graph.graph_id.clone(), answer.is_successful);
                Ok(GraphAnswer { graph_id, is_successful, parts })
            })
            .collect()
    }
}

fn response_json<'a, T: Deserialize<'a>>(
    response: &'a adapter_http::Response,
) -> Result<T, PortError> {
    serde_json::from_slice(response.body()).map_err(|error| response.malformed(&error))
}
