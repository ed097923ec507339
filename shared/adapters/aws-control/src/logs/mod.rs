//! What functions have logged, by `CloudWatch` Logs Insights.

mod answer;
mod fault;
mod insights;
mod query;

pub use insights::{LambdaLogs, LogPlace};
