//! Rows of the case store as a source.

use std::sync::Arc;

use adapter_engine::Pipelines;
use async_trait::async_trait;
use shared::PortError;
use shared::auth::Sight;
use shared::etl::{CaseRows, PipelineError, RunReport};
use shared::ids::EntityId;
use shared::lake::Hiding;
use shared::model::{Entity, FieldValue};
use shared::ports::case_store_contract::{next_write, sample_key, sample_write, text_fields};
use shared::ports::{
    CaseStore as _, CurrentRow, CurrentRows, MemoryCaseStore, PipelineEngine as _, RunOptions,
    WriteKind,
};
use shared::secret::Secret;
use shared::sync::{FieldKind, FieldMapping, Mappings, Mask, ObjectMapping};

use crate::place::Place;

const CASES: &str = r#"
pipeline: cases
source:
  at: store:case
  columns:
    - {name: id}
    - {name: court, required: true}
    - {name: closed, from: is_closed}
    - {name: opened_at}
    - {name: number, from: case_number, type: long}
    - {name: shoe, from: custom.shoe}
key: id
steps:
  - filter: NOT coalesce(closed, false)
  - derive: {is_old: opened_at < TIMESTAMP '2020-01-01T00:00:00Z'}
threshold: 0
sink: {at: file:HERE/out.csv}
quarantine: {at: file:HERE/rejects.csv}
"#;

fn hiding() -> Hiding {
    let masked = |field: &str, mask| FieldMapping {
        mask,
        ..FieldMapping::reading("X__c", field, FieldKind::Text)
    };
    let of = |entity, fields| {
        let object = sample_key(entity, 1).object;
        Mappings::new("salesforce", [ObjectMapping::reading(object, entity, fields)])
    };
    let contact = of(
        Entity::Contact,
        vec![masked("email", Some(Mask::Hash)), masked("phone", Some(Mask::Last4))],
    );
    let case = of(Entity::Case, vec![masked("custom.shoe", None)]);
    Hiding::new([&contact, &case], Some(Secret::new("a key"))).unwrap()
}

async fn store(n_cases: u32) -> Arc<MemoryCaseStore> {
    let store = Arc::new(MemoryCaseStore::default());
    for number in 1..=n_cases {
        let mut row = text_fields([
            ("court", "North"),
            ("opened_at", "2019-05-06T07:08:09.000Z"),
            ("case_number", if number == 7 { "x7" } else { "0012" }),
            ("custom.shoe", "43"),
            ("custom.ssn", "123"),
        ]);
        row.insert("is_closed".to_owned(), FieldValue::Bool(number % 5 == 0));
        store.apply(sample_write(Entity::Case, number, row)).await.unwrap();
    }
    store
}

async fn run(
    place: &Place,
    rows: Arc<dyn CurrentRows>,
    text: &str,
) -> Result<RunReport, PipelineError> {
    let engine: Pipelines = Place::engine().with_case_store(CaseRows::new(rows, hiding()));
    engine
        .run(&place.pipeline(text), RunOptions { n_samples: 9, ..RunOptions::default() }, &())
        .await
}

#[tokio::test]
async fn every_row_is_read_once_in_the_order_of_ids_over_pages() {
    let (place, store) = (Place::new(), store(2_500).await);
    store
        .apply(next_write(sample_write(Entity::Case, 1, text_fields([])), WriteKind::Deleted, 1))
        .await
        .unwrap();

    let report = run(&place, store, CASES).await.unwrap();

    assert_eq!((report.n_read, report.n_filtered), (2_499, 500));
    assert_eq!((report.n_rejected, report.n_out), (1, 1_998));
    let out = place.read("out.csv");
    let lines: Vec<&str> = out.lines().collect();
    assert_eq!(lines[0], "id,court,closed,opened_at,number,shoe,is_old");
    let mut ids: Vec<&str> = lines[1..].iter().filter_map(|it| it.split(',').next()).collect();
    let found = ids.clone();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids, found);
    let first = format!("{},North,false,2019-05-06T07:08:09.000Z,12,43,true", found[0]);
    assert_eq!(lines[1], first);
    let reject = &report.samples[0];
    let seventh = sample_key(Entity::Case, 7).entity_id();
    assert_eq!((reject.rule.as_str(), reject.key.as_str()), ("type", seventh.as_str()));
    assert!(place.read("rejects.csv").contains("\"\"custom.shoe\"\":\"\"43\"\""));
}

#[tokio::test]
async fn masks_of_the_lake_hold_and_the_columns_are_those_of_the_model() {
    let (place, store) = (Place::new(), store(0).await);
    let row =
        text_fields([("email", "a@firm.example"), ("phone", "0123456789"), ("custom.ssn", "123")]);
    store.apply(sample_write(Entity::Contact, 1, row)).await.unwrap();
    let text = "pipeline: p\nsource: {at: store:contact}\nsink: {at: file:HERE/out.json}\n";

    run(&place, store, text).await.unwrap();

    let row: serde_json::Value = serde_json::from_str(&place.read("out.json")).unwrap();
    assert_eq!(row["phone"], "6789", "{row}");
    let hashed = row["email"].as_str().unwrap();
    assert!(hashed.len() == 32 && !row.to_string().contains("firm.example"), "{row}");
    assert!(!row.to_string().contains("123\""), "{row}");
    assert_eq!(row["connection"], "main");
    assert_eq!(row["version"], "2026-11-22T10:00:00.000Z");
    assert_eq!(row["last_name"], serde_json::Value::Null);
}

/// A store that changes while it is read: behind each page a row comes in and a row goes.
struct Changing(Arc<MemoryCaseStore>);

#[async_trait]
impl CurrentRows for Changing {
    async fn current_rows(
        &self,
        entity: Entity,
        ids: &[EntityId],
    ) -> Result<Vec<Option<CurrentRow>>, PortError> {
        self.0.current_rows(entity, ids).await
    }

    async fn rows_after(
        &self,
        sight: &Sight,
        entity: Entity,
        after: Option<&EntityId>,
        limit: u32,
    ) -> Result<Vec<(EntityId, CurrentRow)>, PortError> {
        let rows = self.0.rows_after(sight, entity, after, limit).await?;
        for number in 5_000..5_300 {
            let new = sample_write(Entity::Case, number, text_fields([("court", "New")]));
            // It is there behind the first page.
            let _ = self.0.apply(new).await;
        }
        Ok(rows)
    }
}

#[tokio::test]
async fn row_that_is_there_all_the_while_is_read_once_whatever_comes_in() {
    let (place, store) = (Place::new(), store(2_500).await);
    let report = run(&place, Arc::new(Changing(store)), CASES).await.unwrap();
    let out = place.read("out.csv");
    let n_old = out.lines().filter(|it| it.contains(",North,")).count();
    assert_eq!(n_old, 1_999);
    assert!(report.n_read > 2_500 && report.n_read <= 2_800, "{}", report.n_read);
}

#[tokio::test]
async fn case_store_is_joined_and_referred_to() {
    let (place, store) = (Place::new(), store(3).await);
    let ids: Vec<String> =
        (1..=3).map(|it| sample_key(Entity::Case, it).entity_id().as_str().to_owned()).collect();
    place.write("in.csv", format!("case\n{}\nnobody\n{}\n", ids[0], ids[2]));
    let text = r#"
pipeline: p
source: {at: file:HERE/in.csv, columns: [{name: case}]}
steps:
  - join: {with: {at: store:case, columns: [{name: id}, {name: court}]}, kind: left, on: {case: id}}
rules:
  - {reference: {column: case, to: {at: store:case, column: id}}, action: drop}
threshold: 0
sink: {at: file:HERE/out.csv}
"#;
    let report = run(&place, store, text).await.unwrap();
    assert_eq!((report.n_read, report.n_rejected), (3, 1));
    assert_eq!(place.read("out.csv"), format!("case,court\n{},North\n{},North\n", ids[0], ids[2]));
}

#[tokio::test]
async fn what_cannot_be_is_told_with_the_way_out() {
    for (from, to, fault) in [
        ("from: is_closed", "from: is_close", "did you mean `is_closed`?"),
        ("store:case", "store:cases", "there is no kind of row in the case store `cases`"),
        ("{at: file:HERE/out.csv}", "{at: store:case}", "rows of the case store are read"),
        ("source:", "source:\n  format: csv", "rows of the case store are no file"),
        ("required: true}", "required: true, type: date, format: '%d'}", "only text files have"),
    ] {
        assert!(CASES.contains(from), "{from}");
        let faults = shared::etl::read_pipeline("p.yaml", &CASES.replacen(from, to, 1));
        let faults: Vec<_> = faults.unwrap_err().iter().map(ToString::to_string).collect();
        assert!(faults.iter().any(|it| it.contains(fault)), "{to}: {faults:#?}");
    }
    let place = Place::new();
    let error = place.run(CASES).await.unwrap_err().to_string();
    assert!(error.contains("store:case") && error.contains("`lake.mask_key`"), "{error}");
}
