//! `fakesnow` as a warehouse: statements go to a process that ends with its test.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;

use async_trait::async_trait;
use futures_util::stream::{self, StreamExt as _};
use serde_json::{Value, json};
use shared::config::Env;
use shared::ports::warehouse::{
    FileFault, Load, LoadReport, Merge, MergeReport, Progress, Rows, Statement, StatementHandle,
    Step, Summary, Warehouse, WarehouseValue,
};
use shared::{PortError, PortErrorKind};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::Mutex;

/// Finds the Python that `MOODBRIDGE_SNOWFLAKE_PYTHON` names; see [`crate::peers::python`].
pub(crate) fn python() -> Option<PathBuf> {
    let env = Env::of_process();
    let named = env.get("MOODBRIDGE_SNOWFLAKE_PYTHON").map(PathBuf::from).filter(|it| it.is_file());
    if named.is_none() {
        let required = env.get("MOODBRIDGE_REQUIRE").unwrap_or_default();
        let is_required = required.split(',').any(|it| it.trim() == "snowflake");
        assert!(!is_required, "fakesnow is required: run `scripts/setup test`");
        eprintln!("SKIPPED: MOODBRIDGE_SNOWFLAKE_PYTHON is unset (run `scripts/setup test`)");
    }
    named
}

/// A process that runs statements.
pub(crate) struct FakeWarehouse(Mutex<Talk>);

struct Talk {
    _child: Child,
    stdin: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
    rows: BTreeMap<String, Vec<Vec<Value>>>,
}

impl FakeWarehouse {
    /// Starts one with `tables`.
    pub(crate) async fn start(python: &PathBuf, tables: &Value) -> Arc<Self> {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/pipelines/run_pushed.py");
        let mut child = Command::new(python)
            .args(["-W", "ignore", script])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(format!("{tables}\n").as_bytes()).await.unwrap();
        let answers = BufReader::new(child.stdout.take().unwrap()).lines();
        let rows = BTreeMap::new();
        Arc::new(Self(Mutex::new(Talk { _child: child, stdin, answers, rows })))
    }

    /// Runs a statement, and returns its rows or what is wrong with it.
    pub(crate) async fn ask(&self, sql: &str) -> Result<Vec<Vec<Value>>, String> {
        let mut talk = self.0.lock().await;
        talk.stdin.write_all(format!("{}\n", json!(sql)).as_bytes()).await.unwrap();
        let line = talk.answers.next_line().await.unwrap().unwrap();
        let mut answer: Value = serde_json::from_str(&line).unwrap();
        match answer["error"].as_str() {
            Some(error) => Err(error.to_owned()),
            None => Ok(serde_json::from_value(answer["rows"].take()).unwrap()),
        }
    }
}

fn value(value: &Value) -> WarehouseValue {
    match value {
        Value::Number(it) => it.as_i64().unwrap().into(),
        Value::String(it) => it.as_str().into(),
        _ => WarehouseValue::Null,
    }
}

#[async_trait]
impl Warehouse for FakeWarehouse {
    async fn submit(&self, statement: &Statement) -> Result<StatementHandle, PortError> {
        let rows = self.ask(&statement.text).await.map_err(|text| {
            PortError::new(PortErrorKind::Rejected, "fakesnow", "run", "a statement")
                .with_source(std::io::Error::other(text))
        })?;
        let handle = StatementHandle::parse(statement.id.as_str()).unwrap();
        self.0.lock().await.rows.insert(handle.as_str().to_owned(), rows);
        Ok(handle)
    }

    async fn poll(&self, _handle: &StatementHandle) -> Result<Progress, PortError> {
        Ok(Progress::Done(Summary {
            columns: Vec::new().into(),
            n_rows: 0,
            n_inserted: 0,
            n_updated: 0,
            n_deleted: 0,
        }))
    }

    async fn rows(&self, handle: &StatementHandle) -> Result<Rows, PortError> {
        let rows = self.0.lock().await.rows.remove(handle.as_str()).unwrap();
        let n_rows = rows.len() as u64;
        let rows = rows.into_iter().map(|row| Ok(row.iter().map(value).collect()));
        let rows: Vec<_> = rows.collect();
        Ok(Rows { columns: Vec::new().into(), n_rows, rows: stream::iter(rows).boxed() })
    }

    async fn cancel(&self, _handle: &StatementHandle) -> Result<(), PortError> {
        Ok(())
    }

    async fn load(
        &self,
        _load: &Load,
        _begun: Option<&StatementHandle>,
    ) -> Result<Step<LoadReport>, PortError> {
        panic!("no pipeline loads files")
    }

    async fn rejected_rows(
        &self,
        _load: &Load,
        _begun: &StatementHandle,
        _limit: u32,
    ) -> Result<Vec<FileFault>, PortError> {
        panic!("no pipeline loads files")
    }

    async fn merge(
        &self,
        _merge: &Merge,
        _begun: Option<&StatementHandle>,
    ) -> Result<Step<MergeReport>, PortError> {
        panic!("no pipeline merges by itself")
    }
}
