//! What `moodbridge logs` answers.

use std::fmt::{self, Write as _};

use indicatif::HumanBytes;
use serde::Serialize;
use serde_json::Value;
use shared::ports::{FoundLogs, LogAnswer, LogLine, LogRow};
use shared::time::Timestamp;

/// Fields that stand at the beginning of a line, or say nothing to a person.
const SHOWN: [&str; 4] = ["timestamp", "level", "message", "target"];

/// What was found between two instants.
#[derive(Serialize)]
pub(super) struct Searched {
    pub(super) from: Timestamp,
    pub(super) until: Timestamp,
    #[serde(flatten)]
    pub(super) answer: LogAnswer,
}

impl fmt::Display for Searched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let LogAnswer { found, n_matched, scanned_bytes } = &self.answer;
        let (n_found, what) = match found {
            FoundLogs::Lines(lines) => {
                lines.iter().try_for_each(|it| write_line(f, it))?;
                (lines.len(), "lines")
            }
            FoundLogs::Rows(rows) => {
                rows.iter().try_for_each(|it| write_row(f, it))?;
                (rows.len(), "rows")
            }
        };
        let is_cut = what == "lines" && (n_found as u64) < *n_matched;
        let read = HumanBytes(*scanned_bytes);
        match n_found {
            0 => write!(
                f,
                "nothing between {} and {} ({read} searched); what was written just now takes some \
                 seconds to be found",
                self.from, self.until
            ),
            _ if is_cut => write!(
                f,
                "the newest {n_found} of {n_matched} lines ({read} searched); a greater `--limit`, an \
                 earlier `--until` or a filter shows the others"
            ),
            _ => write!(f, "{n_found} {what} ({read} searched)"),
        }
    }
}

fn write_line(f: &mut fmt::Formatter<'_>, line: &LogLine) -> fmt::Result {
    let level = line.level.map_or("-", |it| it.as_str());
    write!(f, "{} {level:<5} {}: ", line.at, Printable(&line.function))?;
    write!(f, "{}", Printable(&line.message))?;
    // What a platform says about a call is nested, and told in its message.
    let told = line.fields.iter().filter(|(name, _)| !SHOWN.contains(&name.as_str()));
    for (name, value) in told.filter(|(_, value)| !value.is_object()) {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        write!(f, "  {}={}", Printable(name), Printable(&value))?;
    }
    let request = line.fields.get("record").and_then(|it| it.get("requestId"));
    if let Some(request) = request.and_then(Value::as_str) {
        write!(f, "  requestId={}", Printable(request))?;
    }
    writeln!(f)
}

fn write_row(f: &mut fmt::Formatter<'_>, LogRow(fields): &LogRow) -> fmt::Result {
    for (idx, (name, value)) in fields.iter().enumerate() {
        let gap = if idx == 0 { "" } else { "  " };
        write!(f, "{gap}{}={}", Printable(name), Printable(value))?;
    }
    writeln!(f)
}

/// Text that was written elsewhere, on one line. It cannot steer the terminal.
struct Printable<'a>(&'a str);

impl fmt::Display for Printable<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for letter in self.0.chars() {
            if letter.is_control() {
                write!(f, "{}", letter.escape_default())?;
            } else {
                f.write_char(letter)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn searched(found: FoundLogs, n_matched: u64) -> Searched {
        let at = Timestamp::parse("2026-01-31T09:30:00Z").unwrap();
        let answer = LogAnswer { found, n_matched, scanned_bytes: 2048 };
        Searched { from: at, until: at, answer }
    }

    fn line(written: &str) -> LogLine {
        let at = Timestamp::parse("2026-01-31T09:30:00Z").unwrap();
        LogLine::read(at, "sync-worker", written)
    }

    #[test]
    fn line_is_one_line_with_its_fields_and_cannot_steer_the_terminal() {
        let written = json!({"timestamp": "x", "level": "WARN", "message": "held\u{1b}[2J\nback",
            "target": "y", "n_held": 2, "error": "away"});
        let text = searched(FoundLogs::Lines(vec![line(&written.to_string())]), 1).to_string();
        assert_eq!(
            text,
            "2026-01-31T09:30:00.000Z WARN  sync-worker: held\\u{1b}[2J\\nback  error=away  \
             n_held=2\n1 lines (2.00 KiB searched)"
        );
    }

    #[test]
    fn lines_that_were_cut_off_are_counted_and_nothing_is_said_to_be_nothing() {
        let text = searched(FoundLogs::Lines(vec![line("x")]), 7).to_string();
        assert!(text.contains(" -     sync-worker: x\nthe newest 1 of 7 lines"), "{text}");
        let text = searched(FoundLogs::Lines(Vec::new()), 0).to_string();
        assert!(text.starts_with("nothing between 2026-01-31T09:30:00.000Z"), "{text}");
    }

    #[test]
    fn rows_keep_their_order_and_answers_their_shape() {
        let row =
            LogRow(vec![("level".to_owned(), "INFO".to_owned()), ("a".to_owned(), "7".to_owned())]);
        let rows = searched(FoundLogs::Rows(vec![row]), 100);
        assert_eq!(rows.to_string(), "level=INFO  a=7\n1 rows (2.00 KiB searched)");
        assert_eq!(
            serde_json::to_value(&rows).unwrap(),
            json!({"from": "2026-01-31T09:30:00.000Z", "until": "2026-01-31T09:30:00.000Z",
                "rows": [{"level": "INFO", "a": "7"}], "n_matched": 100, "scanned_bytes": 2048})
        );
    }
}
