//! What it costs to take a record into the SQLite case store, with its shadow, audit row and change
//! row, when many come at once: new ones by many a statement, new ones beside a merge, which are
//! written one by one, and changes of them.
//!
//! `cargo bench -p adapter-sql --bench apply` prints wall and CPU time a record. CPU time counts
//! every thread, and says more on a busy machine.

#![expect(clippy::print_stdout, reason = "a bench prints its figures")]
#![expect(clippy::cast_precision_loss, reason = "counts of a bench are small")]

use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, Instant};

use adapter_sql::MigrationPolicy;
use adapter_sql::store::SqliteCaseStore;
use futures_util::future::join_all;
use shared::ids::{ConnectionId, CorrelationId, ObjectName, SalesforceId};
use shared::model::{Change, ChangeEvent, Channel, FieldValue, RecordKey, Scope};
use shared::ports::{AuditLog as _, CaseStore as _, SystemClock};
use shared::sync::testing::salesforce_mappings;
use shared::sync::{Authority, MergeContext, Merged, ObjectMapping, merge};
use shared::time::Timestamp;

type Outcome<T = ()> = Result<T, Box<dyn Error + Send + Sync>>;

const N_RECORDS: usize = 20_000;
const PIECE: usize = 500;

fn main() -> Outcome {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_time()
        .build()?
        .block_on(run())
}

async fn run() -> Outcome {
    let mappings = salesforce_mappings();
    for (object, prefix) in [("Account", "001"), ("Contact", "003"), ("Case", "500")] {
        let mapping = mappings.get(&ObjectName::parse(object)?).ok_or("no such mapping")?;
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("cases.db");
        let clock = Arc::new(SystemClock);
        let store = SqliteCaseStore::open(&path, MigrationPolicy::Apply, clock).await?;
        for (first, step, what) in
            [(0, 0, "new"), (N_RECORDS, 0, "new, one by one"), (0, 1, "changed")]
        {
            let numbers = first..first + N_RECORDS;
            let events = numbers.map(|number| event(mapping, prefix, number, step));
            let events: Vec<_> = events.collect::<Outcome<_>>()?;
            let (started, cpu) = (Instant::now(), cpu_time()?);
            for piece in events.chunks(PIECE) {
                take(&store, mapping, piece, what == "new, one by one").await?;
            }
            let each = |time: Duration| time.as_secs_f64() * 1e6 / N_RECORDS as f64;
            let (wall, cpu) = (each(started.elapsed()), each(cpu_time()?.saturating_sub(cpu)));
            println!("{object:<8} {what:<16} {wall:>7.1} µs wall {cpu:>7.1} µs CPU a record");
        }
        let found = store.verify(&|_| {}).await?;
        if found.fault.is_some() || found.n_rows != 3 * N_RECORDS as u64 {
            return Err("the audit log is not whole".into());
        }
    }
    Ok(())
}

/// Takes one piece as a load does: shadows at once, writes side by side. A merge of a row into
/// itself does nothing, but keeps the others of its commit apart.
async fn take(
    store: &SqliteCaseStore,
    mapping: &ObjectMapping,
    events: &[ChangeEvent],
    with_merge: bool,
) -> Outcome {
    let keys: Vec<_> = events.iter().map(|it| it.key.clone()).collect();
    let shadows = store.shadows(&keys).await?;
    let mut writing = Vec::with_capacity(events.len());
    for (event, shadow) in events.iter().zip(shadows) {
        let (actor, authority) = ("salesforce:main", Authority::Reported);
        let context = MergeContext { mapping, actor, authority, reported: None };
        match merge(event, shadow.as_ref(), context)? {
            Merged::Write(mut write) => {
                if with_merge && writing.len().is_multiple_of(50) {
                    write.marks.merged_into = Some(write.entity_id.clone());
                }
                writing.push(store.apply(*write));
            }
            _ => return Err("a record that is new or changed writes nothing".into()),
        }
    }
    for applied in join_all(writing).await {
        applied?;
    }
    Ok(())
}

/// A record with a value in every mapped field; each step changes those that hold free text.
fn event(
    mapping: &ObjectMapping,
    prefix: &str,
    number: usize,
    step: usize,
) -> Outcome<ChangeEvent> {
    let record_id = SalesforceId::parse(format!("{prefix}{number:012}"))?.to_record_id();
    let version = Timestamp::from_millis(1_793_527_201_000).plus(Duration::from_secs(step as u64));
    let fields = mapping.fields.iter().map(|field| {
        let value = match field.local.as_str() {
            "is_closed" => FieldValue::Bool(false),
            "opened_at" | "closed_at" => FieldValue::text("2026-01-31T09:30:00.000Z"),
            "account_id" => FieldValue::text(&format!("001{:012}", number % 1000)),
            "contact_id" => FieldValue::text(&format!("003{:012}", number % 1000)),
            "title" | "description" => {
                FieldValue::text(&format!("Estate of Doe, matter {number}, filing {step}"))
            }
            name => FieldValue::text(&format!("{name} {}", number % 97)),
        };
        (field.remote.clone(), value)
    });
    Ok(ChangeEvent {
        event_id: format!("load:main:{prefix}:{number}:{step}"),
        key: RecordKey {
            connection: ConnectionId::parse("main")?,
            object: mapping.object.clone(),
            record_id,
        },
        change: Change::Upsert,
        version: Some(version),
        scope: Scope::Full,
        fields: fields.collect(),
        unread: Vec::new(),
        channel: Channel::Load,
        received_at: version,
        is_backfill: true,
        correlation_id: CorrelationId::parse("01-bench")?,
    })
}

/// Returns the processor time of this process, all threads. Linux alone tells it so; elsewhere it is
/// zero. Source: `proc_pid_stat(5)`, fields 14 and 15, in ticks of 10 ms.
fn cpu_time() -> Outcome<Duration> {
    let Ok(stat) = std::fs::read_to_string("/proc/self/stat") else { return Ok(Duration::ZERO) };
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
    let ticks = fields.skip(11).take(2).map(str::parse::<u64>).sum::<Result<u64, _>>()?;
    Ok(Duration::from_millis(ticks * 10))
}
