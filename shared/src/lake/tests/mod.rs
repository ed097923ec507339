//! Tests of the lake as a whole.

mod bounds;
mod fragile;
mod kills;
mod values;
mod world;
