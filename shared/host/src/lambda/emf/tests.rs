//! Lines of the embedded metric format against its published schema and its prose.

use super::*;

const PAGE: &str = r#"# TYPE http_requests_total counter
http_requests_total{method="POST",route="/hooks/{source}",status="202"} 3
# TYPE queue_messages_in_flight gauge
queue_messages_in_flight{queue="events"} 2
# TYPE port_calls_total counter
port_calls_total{port="queue",method="send",outcome="ok"} 9
# TYPE http_request_duration_seconds histogram
http_request_duration_seconds_bucket{route="/a \"b\"",le="0.1"} 150
http_request_duration_seconds_bucket{route="/a \"b\"",le="1"} 250
http_request_duration_seconds_bucket{route="/a \"b\"",le="+Inf"} 251
http_request_duration_seconds_sum{route="/a \"b\""} 61
http_request_duration_seconds_count{route="/a \"b\""} 251
"#;

fn written(page: &str, before: &mut BTreeMap<(String, Labels), f64>) -> Vec<Value> {
    changes(page, before)
        .into_iter()
        .flat_map(|(labels, metrics)| lines_of("intake", 1_780_000_000_000, &labels, &metrics))
        .map(|line| serde_json::from_str(&line).unwrap())
        .collect()
}

/// Amazon `CloudWatch` user guide, "Embedded metric format schema".
fn schema() -> Value {
    let name = json!({ "type": "string", "minLength": 1, "maxLength": 1024 });
    let units = [
        "Seconds",
        "Microseconds",
        "Milliseconds",
        "Bytes",
        "Kilobytes",
        "Megabytes",
        "Percent",
        "Count",
        "None",
    ];
    json!({
        "type": "object",
        "required": ["_aws"],
        "properties": { "_aws": {
            "type": "object",
            "required": ["Timestamp", "CloudWatchMetrics"],
            "properties": {
                "Timestamp": { "type": "integer" },
                "CloudWatchMetrics": { "type": "array", "items": {
                    "type": "object",
                    "required": ["Namespace", "Dimensions", "Metrics"],
                    "properties": {
                        "Namespace": { "type": "string", "minLength": 1, "maxLength": 255 },
                        "Dimensions": { "type": "array", "minItems": 1, "items": {
                            "type": "array", "items": name, "maxItems": 9 } },
                        "Metrics": { "type": "array", "minItems": 1, "maxItems": 100, "items": {
                            "type": "object", "required": ["Name"],
                            "properties": { "Name": name, "Unit": { "enum": units } } } },
                    },
                } },
            },
        } },
    })
}

#[test]
fn lines_keep_to_the_format() {
    let validator = jsonschema::validator_for(&schema()).unwrap();
    let lines = written(PAGE, &mut BTreeMap::new());
    assert!(lines.len() >= 4, "{lines:?}");
    for line in &lines {
        validator.validate(line).unwrap();
        let directive = &line["_aws"]["CloudWatchMetrics"][0];
        for name in directive["Dimensions"][0].as_array().unwrap() {
            assert!(line[name.as_str().unwrap()].is_string(), "{name} in {line}");
        }
        for metric in directive["Metrics"].as_array().unwrap() {
            let value = &line[metric["Name"].as_str().unwrap()];
            let is_list = value.as_array().is_some_and(|it| it.len() <= MAX_VALUES);
            assert!(value.is_number() || is_list, "{metric} in {line}");
        }
    }
}

#[test]
fn only_what_changed_is_written_and_counters_by_what_they_grew() {
    let mut before = BTreeMap::new();
    written(PAGE, &mut before);
    assert_eq!(written(PAGE, &mut before), Vec::<Value>::new());
    let lines = written(&PAGE.replace(r#"status="202"} 3"#, r#"status="202"} 5"#), &mut before);
    assert_eq!(lines.len(), 1);
    assert_eq!(lines[0]["http_requests_total"], 2.0);
    assert_eq!(lines[0]["function"], "intake");
}

#[test]
fn histogram_gives_a_value_for_each_sample() {
    let lines = written(PAGE, &mut BTreeMap::new());
    let values: Vec<f64> = lines
        .iter()
        .filter_map(|line| line["http_request_duration_seconds"].as_array())
        .flatten()
        .filter_map(Value::as_f64)
        .collect();
    assert_eq!(values.len(), 251);
    assert_eq!(values.iter().filter(|it| **it == 0.1).count(), 150);
}

#[test]
fn single_sample_is_exact() {
    let page = "# TYPE lag_seconds histogram\nlag_seconds_bucket{le=\"1\"} 1\n\
                lag_seconds_bucket{le=\"+Inf\"} 1\nlag_seconds_sum 0.734\nlag_seconds_count 1\n";
    let lines = written(page, &mut BTreeMap::new());
    assert_eq!(lines[0]["lag_seconds"], 0.734);
}

#[test]
fn what_would_be_billed_for_each_method_is_left_out() {
    let lines = written(PAGE, &mut BTreeMap::new());
    assert!(lines.iter().all(|line| !line.to_string().contains("port_calls")));
}
