//! Pipelines as SQL of Snowflake: the expressions of the one language, by an explicit table of what is
//! the same there. What is not is refused, with the step and the reason.

mod aggregate;
mod checks;
mod expression;
mod functions;
mod sql;
mod statements;
mod steps;
mod tables;

pub(super) use statements::push_down;
