//! SOQL: reads a query, checks it against the schema, and answers it.

mod aggregate;
mod ast;
mod condition;
mod error;
mod lexer;
mod literal;
mod parser;
mod path;
mod plan;
mod render;
mod run;
mod snapshot;

pub(crate) use error::SoqlError;
pub(crate) use plan::Plan;
pub(crate) use render::record;
pub(crate) use run::Answer;
pub(crate) use snapshot::Snapshot;

#[cfg(test)]
mod tests;
