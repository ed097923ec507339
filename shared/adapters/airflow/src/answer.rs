//! What Airflow answers, as far as it is read. Source: its OpenAPI document, 3.3.2.

use serde::Deserialize;
use serde_json::{Map, Value};
use shared::ports::orchestrator::{RunReport, RunState, shortened};
use shared::time::Timestamp;

/// A token, from `/auth/token`.
#[derive(Deserialize)]
pub(crate) struct TokenAnswer {
    pub(crate) access_token: String,
}

/// A run of a DAG.
#[derive(Deserialize)]
pub(crate) struct DagRun {
    state: String,
    start_date: Option<String>,
    end_date: Option<String>,
    #[serde(default)]
    conf: Option<Map<String, Value>>,
    #[serde(default)]
    note: Option<String>,
}

/// A run in a state that this adapter does not know.
#[derive(Debug, thiserror::Error)]
#[error("the run is in a state that is not known: `{0}`")]
pub(crate) struct UnknownState(String);

impl DagRun {
    /// Tells whether the run was given these parameters.
    pub(crate) fn was_given(&self, parameters: &Map<String, Value>) -> bool {
        self.conf.as_ref().map_or_else(|| parameters.is_empty(), |it| it == parameters)
    }

    pub(crate) fn report(self) -> Result<RunReport, UnknownState> {
        let state = match self.state.as_str() {
            "queued" => RunState::Waiting,
            "running" => RunState::Running,
            "success" => RunState::Succeeded,
            "failed" => RunState::Failed,
            _ => return Err(UnknownState(self.state)),
        };
        Ok(RunReport {
            state,
            started_at: instant(self.start_date.as_deref()),
            ended_at: instant(self.end_date.as_deref()),
            note: self.note.unwrap_or_default(),
        })
    }
}

/// Reads an instant that only people look at: one that cannot be read is none.
fn instant(raw: Option<&str>) -> Option<Timestamp> {
    raw.and_then(|it| Timestamp::parse(it).ok())
}

/// Tasks of a run.
#[derive(Deserialize)]
pub(crate) struct TaskInstances {
    pub(crate) task_instances: Vec<TaskInstance>,
}

/// A task of a run.
#[derive(Deserialize)]
pub(crate) struct TaskInstance {
    pub(crate) task_id: String,
    pub(crate) map_index: i64,
    pub(crate) try_number: u32,
    end_date: Option<String>,
}

impl TaskInstance {
    pub(crate) fn ended_at(&self) -> Option<Timestamp> {
        instant(self.end_date.as_deref())
    }
}

/// What an attempt of a task logged.
#[derive(Deserialize)]
pub(crate) struct TaskLog {
    content: Vec<LogLine>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum LogLine {
    Structured {
        event: String,
        #[serde(default)]
        level: Option<String>,
        #[serde(default)]
        error_detail: Option<Vec<Raised>>,
    },
    /// Where logs are kept as text.
    Plain(String),
    Other(serde::de::IgnoredAny),
}

/// An exception; of several, the first is the one that ended the task, the others are its causes.
#[derive(Deserialize)]
struct Raised {
    exc_type: String,
    exc_value: String,
}

impl TaskLog {
    /// Returns the last exception with its causes, else the last line that speaks of an error.
    pub(crate) fn message(&self) -> Option<String> {
        let lines = self.content.iter().rev();
        let raised = lines.clone().find_map(|it| match it {
            LogLine::Structured { error_detail: Some(raised), .. } if !raised.is_empty() => {
                let parts = raised.iter().map(|it| format!("{}: {}", it.exc_type, it.exc_value));
                Some(parts.collect::<Vec<_>>().join(", because of "))
            }
            _ => None,
        });
        let said = || {
            lines.clone().find_map(|it| match it {
                LogLine::Structured { event, level: Some(level), .. }
                    if matches!(level.as_str(), "error" | "critical") =>
                {
                    Some(event.clone())
                }
                LogLine::Plain(text) if text.contains("ERROR") => Some(text.clone()),
                _ => None,
            })
        };
        raised.or_else(said).map(|it| shortened(&it))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn message(content: &Value) -> Option<String> {
        serde_json::from_value::<TaskLog>(json!({"content": content})).unwrap().message()
    }

    #[test]
    fn exception_is_told_with_its_causes() {
        let raised =
            |kind: &str, text: &str| json!({"exc_type": kind, "exc_value": text, "frames": []});
        let content = json!([
            {"event": "::group::"},
            {"event": "old", "level": "error", "error_detail": [raised("OSError", "earlier")]},
            {"event": "Task failed", "level": "error",
             "error_detail": [raised("LoadError", "no load"), raised("ValueError", "line 3")]},
            {"event": "Task killed!", "level": "error"},
            {"event": "done", "level": "info"},
        ]);
        assert_eq!(
            message(&content).as_deref(),
            Some("LoadError: no load, because of ValueError: line 3")
        );
    }

    #[test]
    fn without_an_exception_the_last_error_is_told() {
        let content = json!([
            {"event": "one", "level": "error"},
            {"event": "Task killed!", "level": "error", "error_detail": []},
            {"event": "end", "level": "info"}, 7, {"timestamp": 1},
        ]);
        assert_eq!(message(&content).as_deref(), Some("Task killed!"));
        let plain = json!(["INFO - a", "ERROR - b", "INFO - c"]);
        assert_eq!(message(&plain).as_deref(), Some("ERROR - b"));
        assert_eq!(message(&json!([{"event": "a", "level": "info"}])), None);
        assert_eq!(message(&json!([])), None);
    }

    #[test]
    fn run_without_parameters_was_given_none() {
        let run = |conf: Value| -> DagRun {
            serde_json::from_value(
                json!({"state": "new", "start_date": null, "end_date": "x", "conf": conf}),
            )
            .unwrap()
        };
        let one = Map::from_iter([("n".to_owned(), json!(1))]);
        for (conf, given, same) in [
            (json!(null), Map::new(), true),
            (json!({}), Map::new(), true),
            (json!(null), one.clone(), false),
            (json!({"n": 1}), one.clone(), true),
            (json!({"n": 2}), one, false),
        ] {
            assert_eq!(run(conf.clone()).was_given(&given), same, "{conf}");
        }
        assert!(run(json!(null)).report().unwrap_err().to_string().contains("`new`"));
    }
}
