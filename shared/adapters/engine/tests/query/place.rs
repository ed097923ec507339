//! A lake in a folder, who asks it, and `DuckDB` beside it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;

use adapter_engine::{LakeQueries, LivePorts, QueryPorts};
use adapter_objects::BlobAddress;
use futures_util::TryStreamExt as _;
use serde_json::{Value, json};
use shared::auth::Sight;
use shared::config::Env;
use shared::ports::{
    BlobStore, Clock, MemoryCaseStore, Query, QueryEngine as _, QueryLimits, SystemRandom,
};
use shared::queries::{Answer, NamedQuery, QueryError, QuerySettings, QueryValue, bind};
use shared::time::Timestamp;
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

use crate::made::Made;

/// When everything is asked.
pub(crate) struct Noon;

impl Clock for Noon {
    fn now(&self) -> Timestamp {
        Timestamp::parse("2025-02-01T12:00:00Z").unwrap()
    }
}

/// A lake in a folder.
pub(crate) struct Place {
    folder: tempfile::TempDir,
    pub(crate) blobs: Arc<dyn BlobStore>,
    pub(crate) walls: Arc<MemoryCaseStore>,
    pub(crate) settings: QuerySettings,
    pub(crate) live: Option<LivePorts>,
}

/// The lake of most tests.
pub(crate) fn small() -> Made {
    Made { n_rows: 1500, n_cases: 150, n_days: 30, without: [].into() }
}

impl Place {
    pub(crate) fn empty() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let address = BlobAddress::parse(&format!("file:{}", folder.path().display())).unwrap();
        let none: [(&str, &str); 0] = [];
        let env = Env::from_pairs(none);
        let blobs = address.open(&env, Arc::new(Noon), Arc::new(SystemRandom)).unwrap();
        let settings = QuerySettings { n_threads: 2, ..QuerySettings::default() };
        let walls = Arc::new(MemoryCaseStore::default());
        Self { folder, blobs, walls, settings, live: None }
    }

    pub(crate) async fn of(made: &Made) -> Self {
        let place = Self::empty();
        made.write(&place.blobs, &place.clock()).await;
        place
    }

    pub(crate) fn clock(&self) -> Arc<dyn Clock> {
        Arc::new(Noon)
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().to_owned()
    }

    pub(crate) fn engine(&self) -> LakeQueries {
        self.engine_over(Arc::clone(&self.blobs))
    }

    pub(crate) fn engine_over(&self, blobs: Arc<dyn BlobStore>) -> LakeQueries {
        let ports = QueryPorts {
            blobs,
            live: self.live.clone(),
            walls: self.walls.clone(),
            clock: self.clock(),
        };
        LakeQueries::new(ports, &self.settings).unwrap()
    }

    /// Asks `DuckDB` the same.
    pub(crate) async fn judged(&self, python: &PathBuf, questions: &[Query]) -> Vec<Value> {
        let questions: Vec<Value> = questions.iter().map(question).collect();
        let asked = json!({"root": self.path(), "questions": questions}).to_string();
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/query/judge.py");
        let mut child = Command::new(python)
            .arg(script)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(asked.as_bytes()).await.unwrap();
        let read = child.wait_with_output().await.unwrap();
        assert!(read.status.success(), "{}", String::from_utf8_lossy(&read.stderr));
        let answers: Value = serde_json::from_slice(&read.stdout).unwrap();
        answers["answers"].as_array().unwrap().clone()
    }
}

fn question(query: &Query) -> Value {
    let value = |it: &QueryValue| match it {
        QueryValue::Null => json!(["text", null]),
        QueryValue::Long(_) => json!(["long", it.to_string()]),
        QueryValue::Float(_) => json!(["float", it.to_string()]),
        QueryValue::Date(_) => json!(["date", it.to_string()]),
        _ => json!(["text", it.to_string()]),
    };
    let parameters: BTreeMap<&String, Value> =
        query.parameters.iter().map(|(name, it)| (name, value(it))).collect();
    json!({"sql": query.sql, "parameters": parameters})
}

/// Asks `engine` to the end.
pub(crate) async fn ask(
    engine: &LakeQueries,
    query: &Query,
    sight: &Sight,
) -> Result<Answer, QueryError> {
    let prepared = engine.prepare(query, sight).await?;
    let open = prepared.open(QueryLimits::default()).await?;
    let rows = open.rows.try_concat().await?;
    let (columns, tag) = (open.columns, prepared.tag().to_owned());
    Ok(Answer { columns, rows, is_cut: false, figures: (open.figures)(), tag })
}

/// Tells whether two values are the same, but for the last digits of numbers with a fraction: they are
/// summed in another order each time.
pub(crate) fn is_like(one: &QueryValue, two: &QueryValue) -> bool {
    match (one, two) {
        (QueryValue::Float(one), QueryValue::Float(two)) => {
            (one - two).abs() <= 1e-9 * one.abs().max(two.abs()).max(1.0)
        }
        _ => one == two,
    }
}

/// Checks that two answers have the same rows.
pub(crate) fn assert_like(one: &Answer, two: &Answer, of: &str) {
    let pairs = one.rows.iter().flatten().zip(two.rows.iter().flatten());
    let is_same =
        one.rows.len() == two.rows.len() && pairs.fold(true, |it, (a, b)| it && is_like(a, b));
    assert!(is_same, "{of}\n{:?}\n{:?}", one.rows, two.rows);
}

pub(crate) fn plain(sql: &str) -> Query {
    Query { sql: sql.to_owned(), parameters: BTreeMap::new() }
}

/// Asks a named query, with what is given.
pub(crate) fn named<const N: usize>(query: &NamedQuery, given: [(&str, &str); N]) -> Query {
    let given = given.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    let parameters = bind(&query.parameters, &given, Noon.now()).unwrap();
    Query { sql: query.sql.clone(), parameters }
}

/// Finds the Python that `MOODBRIDGE_LAKE_PYTHON` names.
///
/// Without one the test is skipped, unless `MOODBRIDGE_REQUIRE` names `lake`.
pub(crate) fn python() -> Option<PathBuf> {
    let env = Env::of_process();
    let named = env.get("MOODBRIDGE_LAKE_PYTHON").map(PathBuf::from).filter(|it| it.is_file());
    if named.is_none() {
        let required = env.get("MOODBRIDGE_REQUIRE").unwrap_or_default();
        assert!(
            !required.split(',').any(|it| it.trim() == "lake"),
            "DuckDB is required: set MOODBRIDGE_LAKE_PYTHON after `scripts/setup test`"
        );
        eprintln!(
            "SKIPPED: no DuckDB; `scripts/setup test` installs it, and MOODBRIDGE_LAKE_PYTHON names \
             its Python"
        );
    }
    named
}
