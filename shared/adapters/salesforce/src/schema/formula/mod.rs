//! What formula fields are made from.

mod depends;
mod lexer;
mod reading;
#[cfg(test)]
mod tests;

pub use depends::depends_on;
