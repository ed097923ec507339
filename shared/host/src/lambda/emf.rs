//! What the counters say, as lines of `CloudWatch`'s embedded metric format: nobody can scrape a
//! function. Source: Amazon `CloudWatch` user guide, "Specification: Embedded metric format".

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use metrics_exporter_prometheus::PrometheusHandle;
use serde_json::{Map, Value, json};
use shared::ports::Clock;

use crate::flush::Flush;
use crate::page::{Kind, Sample, samples};

const NAMESPACE: &str = "MoodBridge";

/// Metrics of one directive, values of one metric, names of one set of dimensions.
const MAX_METRICS: usize = 100;
const MAX_VALUES: usize = 100;
const MAX_DIMENSIONS: usize = 9;

/// The longest line, in bytes; a longer one is left out.
const MAX_LINE_BYTES: usize = 262_144;

/// Every distinct set of labels is billed: what is told for each method of each port is left out.
const LEFT_OUT: [&str; 1] = ["port_"];

/// Writes what changed since the last time.
pub(crate) struct Emf {
    function: &'static str,
    page: &'static PrometheusHandle,
    clock: Arc<dyn Clock>,
    before: Mutex<BTreeMap<(String, Labels), f64>>,
}

type Labels = Vec<(String, String)>;

impl Emf {
    /// Reads `page` on behalf of `function`.
    pub(crate) fn new(
        function: &'static str,
        page: &'static PrometheusHandle,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { function, page, clock, before: Mutex::default() }
    }

    /// Returns a line for each set of labels under which something changed.
    fn lines(&self) -> Vec<String> {
        let page = self.page.render();
        let mut before = self.before.lock().unwrap_or_else(PoisonError::into_inner);
        let changed = changes(&page, &mut before);
        let at_ms = self.clock.now().as_millis();
        changed
            .into_iter()
            .flat_map(|(labels, metrics)| lines_of(self.function, at_ms, &labels, &metrics))
            .filter(|line| line.len() <= MAX_LINE_BYTES)
            .collect()
    }
}

#[async_trait]
impl Flush for Emf {
    fn name(&self) -> &'static str {
        "metrics"
    }

    async fn flush(&self) -> Result<(), String> {
        let mut text = self.lines().join("\n");
        if text.is_empty() {
            return Ok(());
        }
        text.push('\n');
        std::io::stdout().lock().write_all(text.as_bytes()).map_err(|error| error.to_string())
    }
}

/// A metric with its new values.
#[derive(Debug, PartialEq)]
struct Metric {
    name: String,
    unit: &'static str,
    values: Vec<f64>,
}

fn changes(
    page: &str,
    before: &mut BTreeMap<(String, Labels), f64>,
) -> BTreeMap<Labels, Vec<Metric>> {
    let mut changed: BTreeMap<Labels, Vec<Metric>> = BTreeMap::new();
    let mut histograms: BTreeMap<(String, Labels), Histogram> = BTreeMap::new();
    for Sample { name, labels, kind, value } in samples(page) {
        if LEFT_OUT.iter().any(|it| name.starts_with(it)) || labels.len() > MAX_DIMENSIONS {
            continue;
        }
        let last = before.insert((name.clone(), labels.clone()), value);
        let grown = value - last.unwrap_or(0.0);
        match kind {
            Kind::Counter if grown > 0.0 => {
                let metric = Metric { name, unit: "Count", values: vec![grown] };
                changed.entry(labels).or_default().push(metric);
            }
            Kind::Gauge if last != Some(value) => {
                let unit = unit_of(&name);
                let metric = Metric { name, unit, values: vec![value] };
                changed.entry(labels).or_default().push(metric);
            }
            Kind::Histogram if grown > 0.0 => note(&mut histograms, &name, labels, grown),
            _ => {}
        }
    }
    for ((name, labels), histogram) in histograms {
        let unit = unit_of(&name);
        let metric = Metric { name, unit, values: histogram.values() };
        changed.entry(labels).or_default().push(metric);
    }
    changed
}

/// What a histogram gained: its buckets are cumulative.
#[derive(Default)]
struct Histogram {
    sum: f64,
    n_samples: f64,
    buckets: Vec<(f64, f64)>,
}

impl Histogram {
    /// Returns a value for each new sample: itself when it is alone, else the bound of its bucket.
    fn values(mut self) -> Vec<f64> {
        if self.n_samples <= 1.0 {
            return vec![self.sum];
        }
        self.buckets.sort_by(|one, other| one.0.total_cmp(&other.0));
        let (mut values, mut n_below, mut last) = (Vec::new(), 0.0, 0.0);
        for (bound, n_samples) in self.buckets {
            let value = if bound.is_finite() { bound } else { last };
            while n_below < n_samples {
                values.push(value);
                n_below += 1.0;
            }
            last = value;
        }
        values
    }
}

fn note(
    histograms: &mut BTreeMap<(String, Labels), Histogram>,
    name: &str,
    mut labels: Labels,
    grown: f64,
) {
    if let Some(base) = name.strip_suffix("_bucket") {
        let Some(at) = labels.iter().position(|(name, _)| name == "le") else { return };
        let (_, bound) = labels.remove(at);
        let bound = bound.parse().unwrap_or(f64::INFINITY);
        let histogram = histograms.entry((base.to_owned(), labels)).or_default();
        histogram.buckets.push((bound, grown));
    } else if let Some(base) = name.strip_suffix("_sum") {
        histograms.entry((base.to_owned(), labels)).or_default().sum = grown;
    } else if let Some(base) = name.strip_suffix("_count") {
        histograms.entry((base.to_owned(), labels)).or_default().n_samples = grown;
    }
}

fn unit_of(name: &str) -> &'static str {
    match name.rsplit('_').next() {
        Some("seconds") => "Seconds",
        Some("bytes") => "Bytes",
        _ => "None",
    }
}

/// Writes one set of labels, in as many lines as the limits ask for.
fn lines_of(function: &str, at_ms: i64, labels: &Labels, metrics: &[Metric]) -> Vec<String> {
    let mut lines = Vec::new();
    for some in metrics.chunks(MAX_METRICS) {
        let longest = some.iter().map(|it| it.values.len()).max().unwrap_or(0);
        for from in (0..longest).step_by(MAX_VALUES) {
            let part = |metric: &Metric| {
                let values = metric.values.iter().skip(from).take(MAX_VALUES).copied();
                (metric.name.clone(), metric.unit, values.collect::<Vec<_>>())
            };
            let parts = some.iter().map(part).filter(|it| !it.2.is_empty());
            lines.push(line(function, at_ms, labels, parts));
        }
    }
    lines
}

fn line(
    function: &str,
    at_ms: i64,
    labels: &Labels,
    metrics: impl Iterator<Item = (String, &'static str, Vec<f64>)>,
) -> String {
    let mut root = Map::new();
    let mut dimensions = vec!["function"];
    root.insert("function".into(), function.into());
    for (name, value) in labels.iter().take(MAX_DIMENSIONS - 1) {
        dimensions.push(name);
        root.insert(name.clone(), value.as_str().into());
    }
    let mut definitions = Vec::new();
    for (name, unit, values) in metrics {
        definitions.push(json!({ "Name": name, "Unit": unit }));
        let value = match values.as_slice() {
            [only] => Value::from(*only),
            many => Value::from(many.to_vec()),
        };
        root.insert(name, value);
    }
    let directive =
        json!({ "Namespace": NAMESPACE, "Dimensions": [dimensions], "Metrics": definitions });
    root.insert("_aws".into(), json!({ "Timestamp": at_ms, "CloudWatchMetrics": [directive] }));
    Value::Object(root).to_string()
}

#[cfg(test)]
mod tests;
