//! Questions to the lake and the case store: named queries, their parameters, their answers, and the
//! cache of answers.
//!
//! What works them out stands behind [`QueryEngine`](crate::ports::QueryEngine). Nothing here knows SQL.

mod answer;
mod cache;
mod error;
mod named;
mod parameter;
mod settings;
mod value;

pub use answer::{Answer, QueryColumn, QueryFigures};
pub use cache::{AnswerCache, Found};
pub use error::QueryError;
pub use named::{NamedQuery, QueryFault, built_in_queries, find_query, read_queries};
pub use parameter::{Parameter, ParameterFault, bind};
pub use settings::QuerySettings;
pub use value::{QueryValue, read_value};
