//! What Insights answers, as lines or rows.

use aws_sdk_cloudwatchlogs::types::{QueryStatistics, ResultField};
use serde_json::{Map, Value};
use shared::ports::{AnswerForm, FoundLogs, LogAnswer, LogLine, LogRow};
use shared::time::Timestamp;

/// The field that points at an event for other calls; of no use to people.
const POINTER: &str = "@ptr";

/// Reads an answer; `prefix` is what the names of log groups begin with.
pub(super) fn read(
    form: AnswerForm,
    results: &[Vec<ResultField>],
    statistics: Option<&QueryStatistics>,
    prefix: &str,
) -> LogAnswer {
    let found = match form {
        // They come the newest first.
        AnswerForm::Lines => {
            FoundLogs::Lines(results.iter().rev().map(|it| line(it, prefix)).collect())
        }
        AnswerForm::Rows => FoundLogs::Rows(results.iter().map(|it| row(it)).collect()),
    };
    LogAnswer {
        found,
        n_matched: count(statistics.map(QueryStatistics::records_matched)),
        scanned_bytes: count(statistics.map(QueryStatistics::bytes_scanned)),
    }
}

fn line(result: &[ResultField], prefix: &str) -> LogLine {
    let field =
        |name: &str| result.iter().find(|it| it.field() == Some(name)).and_then(ResultField::value);
    // `@log` is the account, a colon, and the group.
    let group = field("@log").unwrap_or_default();
    let group = group.split_once(':').map_or(group, |(_, group)| group);
    let function = group.strip_prefix(prefix).unwrap_or(group);
    let at = at(field("@timestamp").unwrap_or_default());
    let mut line = LogLine::read(at, function, field("@message").unwrap_or_default());
    if let Some(message) = of_platform(&line.fields) {
        line.message = message;
    }
    line
}

/// Reads `2026-01-31 09:30:00.123`, which is in UTC.
/// Source: `CloudWatch` Logs API reference, `GetQueryResults`.
fn at(told: &str) -> Timestamp {
    Timestamp::parse(&format!("{}Z", told.replacen(' ', "T", 1))).unwrap_or_default()
}

/// Says what the platform wrote about a call, which has no message.
/// Source: AWS Lambda developer guide, "Telemetry API event schema".
fn of_platform(fields: &Map<String, Value>) -> Option<String> {
    let kind = fields.get("type")?.as_str().filter(|it| it.starts_with("platform."))?;
    let record = fields.get("record")?;
    let text = |name: &str| record.get(name).and_then(Value::as_str);
    let mut message = kind.to_owned();
    for part in [text("status"), text("errorType")].into_iter().flatten() {
        message.push_str(": ");
        message.push_str(part);
    }
    let took = record.get("metrics").and_then(|it| it.get("durationMs")).and_then(Value::as_f64);
    if let Some(took) = took {
        message.push_str(&format!(" after {took} ms"));
    }
    Some(message)
}

fn row(result: &[ResultField]) -> LogRow {
    let fields = result.iter().filter_map(|it| {
        let name = it.field().filter(|it| *it != POINTER)?;
        Some((name.to_owned(), it.value().unwrap_or_default().to_owned()))
    });
    LogRow(fields.collect())
}

/// Reads a count, which comes as a floating number.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a count is whole and positive"
)]
fn count(told: Option<f64>) -> u64 {
    told.unwrap_or_default().round().max(0.0) as u64
}

#[cfg(test)]
mod tests {
    use shared::ports::LogLevel;

    use super::*;

    const PREFIX: &str = "/aws/lambda/moodbridge-prod-";

    fn result(fields: &[(&str, &str)]) -> Vec<ResultField> {
        let field = |(name, value): &(&str, &str)| {
            ResultField::builder().field(*name).value(*value).build()
        };
        fields.iter().map(field).collect()
    }

    fn read_line(log: &str, message: &str) -> LogLine {
        let fields =
            [("@timestamp", "2026-01-31 09:30:00.123"), ("@log", log), ("@message", message)];
        line(&result(&fields), PREFIX)
    }

    #[test]
    fn line_has_its_function_its_instant_and_its_fields() {
        let group = "123456789012:/aws/lambda/moodbridge-prod-sync-worker";
        let line = read_line(group, r#"{"level":"ERROR","message":"away","correlation.id":"c"}"#);
        assert_eq!((line.function.as_str(), line.message.as_str()), ("sync-worker", "away"));
        assert_eq!(line.at.to_string(), "2026-01-31T09:30:00.123Z");
        assert_eq!(
            (line.level, line.correlation_id.as_deref()),
            (Some(LogLevel::Error), Some("c"))
        );
        assert_eq!(read_line("1:/aws/lambda/other", "").function, "/aws/lambda/other");
    }

    #[test]
    fn call_that_ran_out_of_time_is_told_in_words() {
        let report = r#"{"time":"x","type":"platform.report","record":{"requestId":"r",
            "status":"timeout","metrics":{"durationMs":30000.0}}}"#;
        let line = read_line("x", report);
        assert_eq!(line.message, "platform.report: timeout after 30000 ms");
        let crash = r#"{"type":"platform.runtimeDone","record":{"status":"error",
            "errorType":"Runtime.ExitError"}}"#;
        assert_eq!(read_line("x", crash).message, "platform.runtimeDone: error: Runtime.ExitError");
    }

    #[test]
    fn lines_are_turned_round_and_rows_are_not() {
        let results = [
            result(&[("@timestamp", "2026-01-31 09:30:01.000"), ("@ptr", "p")]),
            result(&[("@timestamp", "2026-01-31 09:30:00.000"), ("@ptr", "p")]),
        ];
        let statistics = QueryStatistics::builder().records_matched(7.0).bytes_scanned(2048.0);
        let answer = read(AnswerForm::Lines, &results, Some(&statistics.build()), PREFIX);
        assert_eq!((answer.n_matched, answer.scanned_bytes), (7, 2048));
        let FoundLogs::Lines(lines) = answer.found else { panic!("no lines") };
        assert!(lines.is_sorted_by_key(|it| it.at));
        let FoundLogs::Rows(rows) = read(AnswerForm::Rows, &results, None, PREFIX).found else {
            panic!("no rows")
        };
        let first = ("@timestamp".to_owned(), "2026-01-31 09:30:01.000".to_owned());
        assert_eq!(rows[0].0, [first]);
    }
}
