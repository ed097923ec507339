//! Reads the page of metrics. Source: Prometheus, "Exposition formats", text format.

use std::collections::HashMap;

/// What a metric is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Grows only.
    Counter,
    /// Goes up and down.
    Gauge,
    /// A part of a histogram: a bucket, the sum or the count.
    Histogram,
}

/// One line of the page.
#[derive(Debug, PartialEq)]
pub(crate) struct Sample {
    pub(crate) name: String,
    pub(crate) labels: Vec<(String, String)>,
    pub(crate) kind: Kind,
    pub(crate) value: f64,
}

/// Reads every sample of `page`; a line of another form is passed over.
pub(crate) fn samples(page: &str) -> Vec<Sample> {
    let mut kinds: HashMap<&str, Kind> = HashMap::new();
    let mut samples = Vec::new();
    for line in page.lines() {
        if let Some((name, kind)) = line.strip_prefix("# TYPE ").and_then(|it| it.split_once(' ')) {
            let kind = match kind.trim() {
                "counter" => Kind::Counter,
                "histogram" => Kind::Histogram,
                _ => Kind::Gauge,
            };
            kinds.insert(name, kind);
        } else if !line.starts_with('#') {
            samples.extend(sample(line, &kinds));
        }
    }
    samples
}

fn sample(line: &str, kinds: &HashMap<&str, Kind>) -> Option<Sample> {
    let end = line.find(['{', ' '])?;
    let (name, rest) = line.split_at_checked(end)?;
    let (labels, value) = match rest.strip_prefix('{') {
        Some(rest) => labels_of(rest)?,
        None => (Vec::new(), rest),
    };
    let base = ["_bucket", "_sum", "_count"].iter().find_map(|it| name.strip_suffix(it));
    let kind = kinds.get(name).or_else(|| kinds.get(base?)).copied()?;
    Some(Sample { name: name.to_owned(), labels, kind, value: value.trim().parse().ok()? })
}

/// Reads labels up to the closing brace; returns what stands behind it.
fn labels_of(mut rest: &str) -> Option<(Vec<(String, String)>, &str)> {
    let mut labels = Vec::new();
    loop {
        rest = rest.trim_start_matches(',');
        if let Some(behind) = rest.strip_prefix('}') {
            return Some((labels, behind));
        }
        let (name, behind) = rest.split_once("=\"")?;
        let (value, behind) = text_of(behind)?;
        labels.push((name.to_owned(), value));
        rest = behind;
    }
}

/// Reads a value up to its closing quote.
fn text_of(rest: &str) -> Option<(String, &str)> {
    let mut text = String::new();
    let mut letters = rest.char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '"' => return Some((text, rest.get(at + 1..)?)),
            '\\' => match letters.next()?.1 {
                'n' => text.push('\n'),
                other => text.push(other),
            },
            other => text.push(other),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_unescaped_and_parts_of_a_histogram_keep_its_kind() {
        let found = samples(
            "# TYPE lag_seconds histogram\nlag_seconds_bucket{a=\"x \\\"y\\\" {z}, \\\\\",le=\"+Inf\"} 3\n\
             # TYPE depth gauge\ndepth 1.5\nnonsense\n",
        );
        assert_eq!(found.len(), 2);
        assert_eq!(found[0].kind, Kind::Histogram);
        assert_eq!(found[0].labels[0].1, "x \"y\" {z}, \\");
        assert_eq!((found[1].kind, found[1].value), (Kind::Gauge, 1.5));
    }
}
