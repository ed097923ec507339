//! Metrics, how they change, and where they are going.
//!
//! [`Metric`]s are defined in YAML. [`series`] counts one over periods; [`change_points`] finds where
//! its level changed; [`forecast`] says what comes next, with the error that it would have had so far.

mod change_point;
mod forecast;
mod metric;
mod period;
mod series;

pub use change_point::{ChangePoint, change_points};
pub use forecast::{BackTest, Forecast, ForecastPoint, ForecastRefusal, Method, forecast};
pub use metric::{
    Better, Formula, Metric, MetricFault, MetricUnit, built_in_metrics, read_metrics,
};
pub use period::Grain;
pub use series::{Group, Point, Series, SeriesQuery, series};
