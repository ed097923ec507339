//! Several requests in one: composite, batch and graph.

mod batch;
mod graph;
mod part;
mod reference;
mod together;

pub(super) use batch::batch;
pub(super) use graph::graph;
pub(super) use together::composite;
