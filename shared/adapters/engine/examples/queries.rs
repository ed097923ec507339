//! Makes a lake of many changes, and asks it every named query: `queries make FOLDER ROWS`,
//! `queries ask FOLDER`. Judged by `scripts/bench/queries.sh`.

use std::collections::BTreeMap;
use std::error::Error;
use std::io::Write as _;
use std::sync::Arc;
use std::time::Instant;

use adapter_engine::{LakeQueries, QueryPorts};
use adapter_objects::BlobAddress;
use serde_json::{Value, json};
use shared::auth::Sight;
use shared::config::Env;
use shared::lake::LakeTable;
use shared::ports::{
    BlobStore, Clock, MemoryCaseStore, Query, QueryEngine, QueryLimits, SystemClock, SystemRandom,
};
use shared::queries::{AnswerCache, QuerySettings, QueryValue, bind, built_in_queries};
use shared::time::Timestamp;

#[expect(clippy::unwrap_used, reason = "it is made for tests")]
#[path = "../tests/query/made.rs"]
mod made;

/// Rows are counted, and not cut.
const LIMITS: QueryLimits =
    QueryLimits { max_rows: 10_000_000, within: std::time::Duration::from_secs(3600) };

type Failed = Box<dyn Error>;

/// The day behind the last change.
struct Later;

impl Clock for Later {
    fn now(&self) -> Timestamp {
        Timestamp::parse("2026-12-31T12:00:00Z").unwrap_or_default()
    }
}

fn folder(path: &str) -> Result<Arc<dyn BlobStore>, Failed> {
    let address = BlobAddress::parse(&format!("file:{path}"))?;
    let none: [(&str, &str); 0] = [];
    Ok(address.open(&Env::from_pairs(none), Arc::new(SystemClock), Arc::new(SystemRandom))?)
}

fn engine(path: &str) -> Result<Arc<dyn QueryEngine>, Failed> {
    let walls = Arc::new(MemoryCaseStore::default());
    let ports = QueryPorts { blobs: folder(path)?, live: None, walls, clock: Arc::new(Later) };
    Ok(Arc::new(LakeQueries::new(ports, &QuerySettings::default())?))
}

async fn make(path: &str, n_rows: u64) -> Result<(), Failed> {
    let (n_cases, n_days) = ((n_rows / 10).max(20), 700.min(n_rows / 100).max(1));
    let made = made::Made { n_rows, n_cases, n_days, without: [].into() };
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    made.write(&folder(path)?, &clock).await;
    Ok(())
}

/// The named queries as they are asked mostly.
fn questions() -> Result<Vec<(String, Query)>, Failed> {
    let queries = built_in_queries().map_err(|_| "the queries of this build are wrong")?;
    let mut questions = Vec::new();
    for query in queries {
        let mut given = BTreeMap::new();
        if query.parameters.iter().any(|it| it.name == "case_id") {
            given.insert("case_id".to_owned(), made::id(LakeTable::Cases, 5));
        }
        let parameters = bind(&query.parameters, &given, Later.now());
        let parameters = parameters.map_err(|_| "a parameter of a query is wrong")?;
        questions.push((query.name, Query { sql: query.sql, parameters }));
    }
    Ok(questions)
}

/// Reads the most memory that this process ever held, in KiB.
fn peak_kib() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|it| it.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

/// How a value is given to the judge.
fn given(value: &QueryValue) -> Value {
    match value {
        QueryValue::Null => json!(["text", null]),
        QueryValue::Long(_) => json!(["long", value.to_string()]),
        QueryValue::Date(_) => json!(["date", value.to_string()]),
        _ => json!(["text", value.to_string()]),
    }
}

async fn ask(path: &str) -> Result<Value, Failed> {
    let engine = engine(path)?;
    let mut answers = Vec::new();
    for (name, query) in questions()? {
        // Nothing is kept at first, then everything.
        let mut seconds = Vec::new();
        let cache = AnswerCache::new(Arc::clone(&engine), 1_000_000_000);
        let mut n_rows = 0;
        let mut figures = None;
        for _ in 0..2 {
            let begun = Instant::now();
            let found = cache.answer(&query, &Sight::Everything, LIMITS).await?;
            seconds.push(begun.elapsed().as_secs_f64());
            n_rows = found.answer.rows.len();
            figures = Some(found.answer.figures);
        }
        let parameters: BTreeMap<&String, Value> =
            query.parameters.iter().map(|(name, it)| (name, given(it))).collect();
        answers.push(json!({
            "name": name, "n_rows": n_rows, "seconds": seconds.first(), "kept_seconds": seconds.last(),
            "figures": figures, "sql": query.sql, "parameters": parameters,
        }));
    }
    Ok(json!({"answers": answers, "peak_kib": peak_kib()}))
}

#[tokio::main]
async fn main() -> Result<(), Failed> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let answer = match arguments.as_slice() {
        ["make", path, n_rows] => {
            make(path, n_rows.parse()?).await?;
            return Ok(());
        }
        ["ask", path] => ask(path).await?,
        _ => return Err("write `make FOLDER ROWS` or `ask FOLDER`".into()),
    };
    writeln!(std::io::stdout(), "{answer}")?;
    Ok(())
}
