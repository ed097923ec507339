//! The text of a query: what a person looks for stays what it is, whatever stands in it.
//!
//! Source: `CloudWatch` Logs user guide, "Logs Insights language query syntax".

use std::fmt::Write as _;

use shared::ids::CorrelationId;
use shared::ports::{LineFilter, LogLevel, LogText};

/// The fields that a line is read from.
const FIELDS: &str = "fields @timestamp, @log, @message";
/// The newest come first, so that a limit cuts off the oldest.
const ORDER: &str = "sort @timestamp desc";
/// What the platform itself writes about a call that went wrong carries one of these.
/// Source: AWS Lambda developer guide, "Telemetry API event schema", `Status`.
const WENT_WRONG: &str = r#"record.status in ["error", "failure", "timeout"]"#;

/// Writes the query for the lines that pass `filter`.
pub(super) fn text(filter: &LineFilter) -> String {
    let mut query = FIELDS.to_owned();
    let LineFilter { least_level, correlation_id, contains } = filter;
    let stages = [
        least_level.map(of_level),
        correlation_id.as_ref().map(of_work),
        contains.as_ref().map(of_text),
    ];
    for stage in stages.into_iter().flatten() {
        let _ = write!(query, "\n| filter {stage}");
    }
    let _ = write!(query, "\n| {ORDER}");
    query
}

/// A line without a level is a crash's last word, or the platform's: of those, what went well is noise.
fn of_level(least: LogLevel) -> String {
    let levels = LogLevel::ALL.into_iter().filter(|it| *it >= least);
    let levels = levels.map(|it| format!("\"{}\"", it.as_str())).collect::<Vec<_>>().join(", ");
    format!(
        "(ispresent(level) and level in [{levels}]) or (not ispresent(level) and (not \
         ispresent(type) or {WENT_WRONG}))"
    )
}

/// The line itself is asked: whether Insights finds a field whose name has a dot on the top level is
/// not said anywhere.
fn of_work(id: &CorrelationId) -> String {
    let name = pattern("correlation.id");
    format!(r#"@message like /\"{name}\"\s*:\s*\"{}\"/"#, pattern(id.as_str()))
}

fn of_text(text: &LogText) -> String {
    format!("@message like /(?i){}/", pattern(text.as_str()))
}

/// Writes a pattern that finds `text` and nothing else, as it is or as JSON escapes it. No slash in it
/// stands alone, so that it never ends the pattern.
fn pattern(text: &str) -> String {
    let mut pattern = String::with_capacity(text.len() * 2);
    for letter in text.chars() {
        match letter {
            '"' => pattern.push_str(r#"\\?\""#),
            '\\' => pattern.push_str(r"\\\\?"),
            '.' | '+' | '*' | '?' | '(' | ')' | '|' | '[' | ']' | '{' | '}' | '^' | '$' | '/'
            | '\'' | '`' | '#' => {
                pattern.push('\\');
                pattern.push(letter);
            }
            _ => pattern.push(letter),
        }
    }
    pattern
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use regex::Regex;
    use serde_json::json;

    use super::*;

    fn containing(text: &str) -> LineFilter {
        LineFilter { contains: Some(LogText::parse(text).unwrap()), ..LineFilter::default() }
    }

    /// Takes a query apart as its language does: at pipes outside of strings and patterns.
    fn stages(query: &str) -> Vec<String> {
        let mut stages = vec![String::new()];
        let mut within = None;
        let mut letters = query.chars();
        while let Some(letter) = letters.next() {
            match (within, letter) {
                (None, '|') => {
                    stages.push(String::new());
                    continue;
                }
                (None, '"' | '\'' | '`' | '/') => within = Some(letter),
                (None, '#') => panic!("a comment in {query}"),
                (Some(end), it) if it == end => within = None,
                (Some(_), '\\') => {
                    stages.last_mut().unwrap().push(letter);
                    stages.last_mut().unwrap().extend(letters.next());
                    continue;
                }
                _ => {}
            }
            stages.last_mut().unwrap().push(letter);
        }
        assert_eq!(within, None, "{query} ends within a string or a pattern");
        stages.iter().map(|it| it.trim().to_owned()).collect()
    }

    fn compiled(stage: &str) -> Regex {
        let pattern = stage.strip_prefix("filter @message like /").unwrap();
        Regex::new(pattern.strip_suffix('/').unwrap()).unwrap()
    }

    #[test]
    fn query_without_a_filter_asks_for_the_newest_lines() {
        let query = text(&LineFilter::default());
        assert_eq!(query, "fields @timestamp, @log, @message\n| sort @timestamp desc");
    }

    #[test]
    fn each_part_of_a_filter_is_a_stage_of_its_own() {
        let filter = LineFilter {
            least_level: Some(LogLevel::Warn),
            correlation_id: Some(CorrelationId::parse("a.b-1").unwrap()),
            contains: Some(LogText::parse("it's 1/2").unwrap()),
        };
        assert_eq!(
            stages(&text(&filter)),
            [
                FIELDS,
                "filter (ispresent(level) and level in [\"WARN\", \"ERROR\"]) or (not \
                 ispresent(level) and (not ispresent(type) or record.status in [\"error\", \
                 \"failure\", \"timeout\"]))",
                r#"filter @message like /\"correlation\.id\"\s*:\s*\"a\.b-1\"/"#,
                r"filter @message like /(?i)it\'s 1\/2/",
                ORDER,
            ]
        );
    }

    #[test]
    fn correlation_id_is_found_in_its_field_only() {
        let id = Some(CorrelationId::parse("c-1").unwrap());
        let filter = LineFilter { correlation_id: id, ..LineFilter::default() };
        let pattern = compiled(&stages(&text(&filter))[1]);
        assert!(pattern.is_match(&json!({"correlation.id": "c-1"}).to_string()));
        assert!(pattern.is_match(r#"{ "correlation.id" : "c-1" }"#));
        for other in [
            json!({"correlation.id": "c-10"}),
            json!({"correlationXid": "c-1"}),
            json!({"event.id": "c-1"}),
            json!({"message": r#""correlation.id":"c-1""#}),
        ] {
            assert!(!pattern.is_match(&other.to_string()), "{other}");
        }
    }

    proptest! {
        #[test]
        fn text_never_leaves_its_pattern_and_finds_itself(text in r#"[^\p{Cc}]{1,40}|["\\/|'`#.a]{1,12}"#) {
            let stages = stages(&super::text(&containing(&text)));
            prop_assert_eq!(stages.len(), 3);
            prop_assert_eq!((stages[0].as_str(), stages[2].as_str()), (FIELDS, ORDER));
            let pattern = compiled(&stages[1]);
            prop_assert!(pattern.is_match(&text));
            let line = json!({"message": text}).to_string();
            prop_assert!(pattern.is_match(&line), "{} in {}", pattern, line);
        }

        #[test]
        fn text_finds_nothing_else(text in "[a-z.*+?|/]{1,8}", other in "[a-z.*+?|/]{0,20}") {
            let stages = stages(&super::text(&containing(&text)));
            prop_assert_eq!(compiled(&stages[1]).is_match(&other), other.contains(&text));
        }
    }
}
