//! Questions to the lake: plans of `DataFusion`, over files that are read by the blob port.

mod engine;
mod fault;
mod json_text;
mod latest;
mod live;
mod pool;
mod prepared;
mod reader;
mod session;
mod shown;
mod statement;
mod table;
mod values;
mod views;

pub use engine::{LakeQueries, QueryPorts};
pub use live::LivePorts;
