//! The builder, the parser and the sandbox org held against each other.

mod arbitrary;
mod bounds;
mod fuzz;
mod round_trip;
mod sandbox;
mod selectivity;
