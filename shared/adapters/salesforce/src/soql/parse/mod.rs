//! Reads SOQL text into a query.

mod condition;
mod error;
mod lexer;
mod parser;

pub use error::ParseError;
pub use parser::parse;
