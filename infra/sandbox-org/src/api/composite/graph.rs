//! `POST /composite/graph`: trees of rows, each written as a whole or not at all.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value as Json, json};

use super::super::call::Call;
use super::super::reply::{ApiError, Reply};
use super::part::{
    Part, ROLLED_BACK, Reach, body_json, check_names, halted, limit, name, named, take_parts,
};
use super::reference::{fill, names};
use crate::sandbox::State;
use crate::transaction::Transaction;

/// Limits of a request. Source: REST API guide, "Composite graph limits".
const MAX_GRAPHS: usize = 75;
/// Most nodes of all graphs.
const MAX_NODES: usize = 500;
/// Longest chain of references.
const MAX_DEPTH: usize = 15;
/// Most kinds of nodes in a graph: a method on an object is a kind.
const MAX_KINDS: usize = 15;
/// Failed graphs after which the others are not tried.
const MAX_FAILURES: usize = 14;

/// A graph, its nodes in an order in which references have values.
struct Graph {
    id: String,
    nodes: Vec<Json>,
    order: Vec<usize>,
}

/// Answers the graphs one after the other.
pub(in crate::api) fn graph(state: &State, call: &Call<'_>) -> Result<Reply, ApiError> {
    let graphs = read(call)?;
    let mut n_failed = 0;
    let answers: Vec<Json> = graphs
        .iter()
        .map(|graph| {
            let (answers, is_successful) = if n_failed >= MAX_FAILURES {
                let reply = halted("The graph was not processed since too many graphs failed.");
                (graph.nodes.iter().map(|node| named(&reply, &name(node))).collect(), false)
            } else {
                whole(state, call, graph)
            };
            n_failed += usize::from(!is_successful);
            json!({"graphId": graph.id, "graphResponse": {"compositeResponse": answers},
                   "isSuccessful": is_successful})
        })
        .collect();
    Ok(Reply::json(200, &json!({"graphs": answers})))
}

fn read(call: &Call<'_>) -> Result<Vec<Graph>, ApiError> {
    let mut body = call.fields()?;
    let graphs = take_parts(&mut body, "graphs", MAX_GRAPHS)?;
    let mut known = BTreeSet::new();
    let mut n_nodes = 0;
    graphs
        .into_iter()
        .map(|graph| {
            let Json::Object(mut graph) = graph else {
                return Err(ApiError::new(400, "JSON_PARSER_ERROR", "a graph must be an object"));
            };
            let id = graph.get("graphId").and_then(Json::as_str).unwrap_or_default().to_owned();
            if id.is_empty() || !known.insert(id.clone()) {
                let message = "each graph must have a graphId of its own";
                return Err(ApiError::new(400, "JSON_PARSER_ERROR", message));
            }
            let nodes = take_parts(&mut graph, "compositeRequest", MAX_NODES)?;
            n_nodes += nodes.len();
            if n_nodes > MAX_NODES {
                return Err(limit(format!("The number of nodes must be at most {MAX_NODES}")));
            }
            check_names(&nodes)?;
            let kinds: BTreeSet<String> =
                nodes.iter().map(|node| Part::read(node, "body").kind()).collect();
            if kinds.len() > MAX_KINDS {
                let message = format!("The number of kinds of nodes must be at most {MAX_KINDS}");
                return Err(limit(message));
            }
            let order = order(&nodes)?;
            Ok(Graph { id, nodes, order })
        })
        .collect()
}

/// Finds an order in which every node stands behind those it refers to.
fn order(nodes: &[Json]) -> Result<Vec<usize>, ApiError> {
    let places: BTreeMap<String, usize> =
        nodes.iter().enumerate().map(|(idx, node)| (name(node), idx)).collect();
    let mut depths: BTreeMap<usize, usize> = BTreeMap::new();
    let mut order = Vec::with_capacity(nodes.len());
    while order.len() < nodes.len() {
        let before = order.len();
        for (idx, node) in
            nodes.iter().enumerate().filter(|(idx, _)| !order.contains(idx)).collect::<Vec<_>>()
        {
            // A name that no node has is the node's own failure, found when it is filled.
            let needed = names(node).into_iter().filter_map(|name| places.get(&name).copied());
            let depth: Option<usize> = needed
                .map(|place| depths.get(&place).copied())
                .try_fold(0, |max, depth| depth.map(|depth| max.max(depth)));
            let Some(depth) = depth else { continue };
            if depth + 1 > MAX_DEPTH {
                return Err(limit(format!("The depth of a graph must be at most {MAX_DEPTH}")));
            }
            depths.insert(idx, depth + 1);
            order.push(idx);
        }
        if order.len() == before {
            let message = "A circular reference exists in the graph";
            return Err(ApiError::new(400, "CIRCULAR_DEPENDENCY", message));
        }
    }
    Ok(order)
}

/// Answers a graph in one transaction; tells whether all went well.
fn whole(state: &State, call: &Call<'_>, graph: &Graph) -> (Vec<Json>, bool) {
    let transaction = Transaction::begin(state, &call.author);
    let mut known = Map::new();
    let mut answers: BTreeMap<usize, Json> = BTreeMap::new();
    for idx in &graph.order {
        let Some(node) = graph.nodes.get(*idx) else { continue };
        let reply = match fill(node, &known) {
            Ok(filled) => answer(state, call, Part::read(&filled, "body"), &transaction),
            Err(message) => halted(&message),
        };
        answers.insert(*idx, named(&reply, &name(node)));
        if reply.status >= 400 {
            transaction.roll_back();
            let others = graph.nodes.iter().map(|node| named(&halted(ROLLED_BACK), &name(node)));
            let answers = others
                .enumerate()
                .map(|(other, halted)| {
                    answers.remove(&other).filter(|_| other == *idx).unwrap_or(halted)
                })
                .collect();
            return (answers, false);
        }
        known.insert(name(node), body_json(&reply));
    }
    transaction.commit();
    (answers.into_values().collect(), true)
}

fn answer(state: &State, call: &Call<'_>, part: Part, transaction: &Transaction<'_>) -> Reply {
    if part.reach() != Reach::Row {
        let message = "Endpoint not supported in Composite Graph API";
        return ApiError::new(404, "OPERATION_NOT_ALLOWED", message).into_reply();
    }
    part.answer(state, call, Some(transaction))
}
