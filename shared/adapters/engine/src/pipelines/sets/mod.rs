//! Steps over many rows: plans of `DataFusion`'s operators, without its planner. Each takes the rows of the
//! steps before it as a stream, and gives a stream.

mod aggregate;
mod compile;
mod feed;
mod first;
mod gathered;
mod grouped;
mod history;
mod join;
mod lookup;
mod operators;
mod pool;
mod source;
mod space;
mod work;

pub(super) use source::{SetFigures, SetSteps};
pub(super) use work::SetWork;
