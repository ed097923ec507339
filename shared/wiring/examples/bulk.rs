//! Moves many records between an org and this machine as the functions do, for measuring from
//! outside; `scripts/bench/salesforce.sh` runs it.
//!
//! - `bulk read URL FIELDS` reads every case and drops it: what reading and parsing cost.
//! - `bulk load URL FIELDS FILE` loads every case into a new SQLite case store.
//! - `bulk upsert URL N_ROWS RUN` writes contacts that have their key from `RUN` and their number.
//!
//! `FIELDS` are names with commas; the client id and secret are those of the sandbox.

use std::error::Error;
use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Instant;

use async_trait::async_trait;
use serde_json::json;
use shared::PortError;
use shared::config::Env;
use shared::ids::{ConnectionId, CorrelationId, EntityId, ObjectName};
use shared::model::{ChangeEvent, FieldValue, Fields};
use shared::platform::Surroundings;
use shared::ports::{
    BulkAction, BulkJournal, BulkRead, BulkReadTotals, BulkResults, Clock as _, LocalSecrets,
    RecordSink, RemoteRecord, RemoteWrite, SystemClock, SystemRandom, Target, WriteResult,
};
use shared::sync::{Aside, FieldKind, FieldMapping, LoadOrder, Loader, ObjectMapping};
use wiring::{ConnectionSettings, OpenConnection};

type Outcome<T = ()> = Result<T, Box<dyn Error + Send + Sync>>;

const USAGE: &str =
    "usage: bulk read URL FIELDS | bulk load URL FIELDS FILE | bulk upsert URL N_ROWS RUN";

#[tokio::main(flavor = "current_thread")]
async fn main() -> Outcome {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let began = Instant::now();
    let (n_records, n_values) = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["read", url, fields] => read(&open(url)?, fields).await?,
        ["load", url, fields, file] => load(&open(url)?, fields, file).await?,
        ["upsert", url, n_rows, run] => upsert(&open(url)?, n_rows.parse()?, run.parse()?).await?,
        _ => return Err(USAGE.into()),
    };
    let took = began.elapsed().as_secs_f64();
    writeln!(std::io::stdout(), "{n_records} records, {n_values} values in {took:.2} s")?;
    Ok(())
}

fn open(url: &str) -> Outcome<OpenConnection> {
    let settings = ConnectionSettings::from_json(&json!({
        "platform": "salesforce", "connection": "main", "login_url": url,
        "auth": {
            "flow": "client_credentials", "client_id": "moodbridge-sandbox",
            "client_secret": "env:SF_SECRET",
        },
    }))?;
    let secrets = LocalSecrets::new(Env::from_pairs([("SF_SECRET", "sandbox-secret")]));
    let (clock, random) = (Arc::new(SystemClock), Arc::new(SystemRandom));
    Ok(settings.open(&Surroundings::new(Arc::new(secrets), clock, random))?)
}

/// Counts what is read, and drops it.
#[derive(Default)]
struct Counted {
    n_records: AtomicU64,
    n_values: AtomicU64,
}

#[async_trait]
impl RecordSink for Counted {
    async fn take(&self, records: Vec<RemoteRecord>) -> Result<(), PortError> {
        let values = records.iter().flat_map(|it| it.fields.values());
        let n_values = values.filter(|it| !it.is_null()).count();
        self.n_values.fetch_add(u64::try_from(n_values).unwrap_or(u64::MAX), Relaxed);
        self.n_records.fetch_add(u64::try_from(records.len()).unwrap_or(u64::MAX), Relaxed);
        Ok(())
    }

    fn progress(&self, _: BulkReadTotals) {}
}

/// Keeps no state: a measurement that breaks begins anew.
struct Unsaved;

#[async_trait]
impl BulkJournal for Unsaved {
    async fn save(&self, _: &str) -> Result<(), PortError> {
        Ok(())
    }
}

async fn read(org: &OpenConnection, fields: &str) -> Outcome<(u64, u64)> {
    let reader = org.bulk_reader.as_ref().ok_or("the platform has no jobs")?;
    let query = BulkRead {
        object: ObjectName::parse("Case")?,
        fields: fields.split(',').map(str::to_owned).collect(),
        from: None,
        after: None,
        until: None,
        reads_deleted: false,
    };
    let counted = Counted::default();
    let totals = reader.read_all(&query, None, &counted, &Unsaved).await?;
    let n_records = counted.n_records.into_inner();
    if totals.n_read != n_records {
        return Err(format!("{n_records} of {} records came", totals.n_read).into());
    }
    Ok((n_records, counted.n_values.into_inner()))
}

/// Counts what cannot be taken in.
#[derive(Default)]
struct CountedAside(AtomicU64);

#[async_trait]
impl Aside for CountedAside {
    async fn set_aside(&self, _: ChangeEvent) -> Result<(), PortError> {
        self.0.fetch_add(1, Relaxed);
        Ok(())
    }
}

async fn load(org: &OpenConnection, fields: &str, file: &str) -> Outcome<(u64, u64)> {
    let address = format!("sqlite:{file}").parse()?;
    wiring::migrate(&address).await?;
    let stores = wiring::case_store(&address).await?;
    let reader = org.bulk_reader.as_ref().ok_or("the platform has no jobs")?;
    let (connection, mapping) = (ConnectionId::parse("main")?, wide_mapping(org, fields)?);
    let aside = CountedAside::default();
    let loader = Loader {
        connection: &connection,
        actor: "salesforce:main",
        reader: &**reader,
        crm: &*org.crm,
        store: &*stores.store,
        ledger: &*stores.ledger,
        aside: &aside,
        clock: &SystemClock,
    };
    let order = LoadOrder {
        mapping: &mapping,
        remote_now: SystemClock.now(),
        reads_deleted: false,
        run: &CorrelationId::parse("01-bench")?,
    };
    let progress = loader.load(order, &|_| {}).await?.progress;
    if progress.n_applied != progress.n_read {
        return Err(format!("{progress:?}: not every record was written").into());
    }
    let n_fields = u64::try_from(mapping.fields.len())?;
    Ok((progress.n_applied, progress.n_applied * n_fields))
}

/// The mapping of cases that this build carries, and beside it every other one of `fields` as a
/// custom field.
fn wide_mapping(org: &OpenConnection, fields: &str) -> Outcome<ObjectMapping> {
    let known = org.mappings.get(&ObjectName::parse("Case")?).ok_or("no mapping of `Case`")?;
    let mut mapping = known.clone();
    let read = mapping.remote_fields();
    for name in fields.split(',').filter(|name| !read.iter().any(|it| it == name)) {
        let local = format!("custom.{}", name.trim_end_matches("__c").to_ascii_lowercase());
        mapping.fields.push(FieldMapping::reading(name, local, FieldKind::Text));
    }
    Ok(mapping)
}

/// Counts what was made.
#[derive(Default)]
struct CountedResults {
    n_done: AtomicU64,
    n_refused: AtomicU64,
}

#[async_trait]
impl BulkResults for CountedResults {
    async fn take(&self, results: Vec<(Target, WriteResult)>) -> Result<(), PortError> {
        for (_, result) in results {
            let is_done = matches!(result, WriteResult::Done { .. });
            let counter = if is_done { &self.n_done } else { &self.n_refused };
            counter.fetch_add(1, Relaxed);
        }
        Ok(())
    }
}

async fn upsert(org: &OpenConnection, n_rows: u64, run: u64) -> Outcome<(u64, u64)> {
    let writer = org.bulk_writer.as_ref().ok_or("the platform has no jobs")?;
    let writes: Vec<RemoteWrite> = (0..n_rows)
        .map(|idx| RemoteWrite {
            target: Target::New(EntityId::from_random(u128::from(run) << 64 | u128::from(idx))),
            fields: contact(idx),
            unmodified_since: None,
        })
        .collect();
    let counted = CountedResults::default();
    let object = ObjectName::parse("Contact")?;
    writer.run(&object, BulkAction::Create, &writes, &counted, &Unsaved).await?;
    let (n_done, n_refused) = (counted.n_done.into_inner(), counted.n_refused.into_inner());
    if (n_done, n_refused) != (n_rows, 0) {
        return Err(format!("{n_done} of {n_rows} were written, {n_refused} refused").into());
    }
    Ok((n_done, n_done * 10))
}

fn contact(idx: u64) -> Fields {
    let texts = [
        ("LastName", format!("Sørensen {idx}")),
        ("FirstName", "Anna".to_owned()),
        ("Email", format!("anna.{idx}@firm.example")),
        ("Phone", format!("+45 33 {idx:06}")),
        ("MailingStreet", format!("{} Some Street", idx % 200)),
        ("MailingCity", "København".to_owned()),
        ("MailingPostalCode", format!("{:04}", idx % 9999)),
        ("MailingCountry", "Denmark".to_owned()),
        ("Title", "Partner, \"Litigation\"".to_owned()),
    ];
    texts.into_iter().map(|(name, text)| (name.to_owned(), FieldValue::text(&text))).collect()
}
