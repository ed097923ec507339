//! SOQL: how long it takes to build, write, read and split a query.
//!
//! `cargo bench --bench soql -- --quick` takes a few seconds once it is built.

use std::hint::black_box;
use std::time::Duration;

use adapter_salesforce::soql::{Condition, FieldPath, Literal, OrderKey, Query, Transport, parse};
use criterion::{Criterion, Throughput};
use shared::ids::ObjectName;
use shared::time::Timestamp;

type Outcome = Result<(), Box<dyn std::error::Error + Send + Sync>>;

/// Fields of a wide object, a third of them of parents.
const N_FIELDS: usize = 32;
/// Ids that fit into one address.
const N_IDS: u64 = 500;
const N_MANY_IDS: u64 = 100_000;

fn main() -> Outcome {
    let mut criterion = Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2))
        .configure_from_args();
    window_of_changes(&mut criterion)?;
    list_of_ids(&mut criterion)?;
    criterion.final_summary();
    Ok(())
}

/// The query that the poller asks every minute.
fn window_of_changes(criterion: &mut Criterion) -> Outcome {
    let object = ObjectName::parse("Case")?;
    let names: Vec<String> = (0..N_FIELDS)
        .map(|at| match at % 3 {
            0 => format!("Account.Owner.Field_{at}__c"),
            _ => format!("Custom_Field_{at}__c"),
        })
        .collect();
    let build = || -> Result<String, Box<dyn std::error::Error + Send + Sync>> {
        let fields = names.iter().map(|it| FieldPath::parse(it.as_str()));
        let fields = fields.collect::<Result<Vec<_>, _>>()?;
        let (stamp, id) = (FieldPath::parse("SystemModstamp")?, FieldPath::parse("Id")?);
        let from = Timestamp::from_millis(1_793_527_201_000);
        let until = from.plus(Duration::from_secs(360));
        let query = Query::new(object.clone(), fields)
            .with_condition(
                stamp
                    .clone()
                    .equals(from)
                    .and(id.clone().is_above("5005f00000TgQ1aAAF"))
                    .or(stamp.clone().is_above(from)),
            )
            .with_condition(stamp.clone().is_below(until))
            .with_order(OrderKey::ascending(stamp))
            .with_order(OrderKey::ascending(id));
        Ok(query.to_soql()?)
    };
    let soql = build()?;
    let query = parse(&soql)?;
    let mut group = criterion.benchmark_group("SOQL window");
    group.throughput(Throughput::Bytes(soql.len().try_into()?));
    group.bench_function("build and write", |bench| bench.iter(build));
    group.bench_function("write", |bench| bench.iter(|| black_box(&query).to_soql()));
    group.bench_function("read", |bench| bench.iter(|| parse(black_box(&soql))));
    group.finish();
    Ok(())
}

/// Records that are asked for by their ids: as many as one address takes, and very many.
fn list_of_ids(criterion: &mut Criterion) -> Outcome {
    let id = FieldPath::parse("Id")?;
    let base = Query::new(ObjectName::parse("Case")?, [id.clone(), FieldPath::parse("Subject")?]);
    let ids = |n: u64| (0..n).map(|at| Literal::text(format!("5005f{at:010}AAF")));
    let query = base.clone().with_condition(Condition::is_in(id.clone(), ids(N_IDS)));
    let soql = query.to_soql()?;
    let mut group = criterion.benchmark_group("SOQL list of ids");
    group.throughput(Throughput::Bytes(soql.len().try_into()?));
    group.bench_function("write 500", |bench| bench.iter(|| black_box(&query).to_soql()));
    group.bench_function("read 500", |bench| bench.iter(|| parse(black_box(&soql))));
    group.throughput(Throughput::Elements(N_MANY_IDS));
    group.bench_function("split and write 100,000", |bench| {
        bench.iter(|| {
            let transport = Transport::Address { n_other_bytes: 1_384 };
            let parts = base.clone().split_by_values(id.clone(), ids(N_MANY_IDS), transport);
            parts.map(|parts| parts.filter_map(|it| it.to_soql_for(transport).ok()).count())
        });
    });
    group.finish();
    Ok(())
}
