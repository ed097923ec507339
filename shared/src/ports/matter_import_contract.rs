//! What every store must do about imported matters, as code: see the contracts of [`MatterImport`]
//! and [`IncidentView`].

#![expect(clippy::unwrap_used, reason = "a contract suite fails by panicking")]
#![expect(clippy::indexing_slicing, reason = "a contract suite fails by panicking")]

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};

use super::audit_log::AuditLog;
use super::case_store::{CaseStore, Write, WriteKind};
use super::case_store_contract::{sample_write, text_fields};
use super::incident_view::{INCIDENT_SOURCE, Incident, IncidentView};
use super::matter_import::{
    ImportTally, ImportedCommunication, ImportedDocument, ImportedEvent, ItemBatch, ItemBody,
    ItemDetails, MatterImport, MatterItem,
};
use super::walls::{Stance, Walls};
use super::walls_contract::{person, sample_wall};
use crate::auth::Sight;
use crate::error::PortErrorKind;
use crate::ids::{ConnectionId, CorrelationId, EntityId, ObjectName, RecordId};
use crate::model::{Entity, FieldValue};
use crate::sync::DigestSum;
use crate::time::Timestamp;

fn case(number: u32) -> Write {
    let title = format!("Doe v. Roe {number}");
    sample_write(Entity::Case, number, text_fields([("title", title.as_str())]))
}

fn at(raw: &str) -> Timestamp {
    Timestamp::parse(raw).unwrap()
}

/// Returns the item `number` of `source`, such as `moodbridge/exhibits`, with `details`.
pub fn sample_item(source: &str, number: u32, details: Value, body: ItemBody) -> MatterItem {
    let connection = ConnectionId::parse("moodbridge").unwrap();
    let object = ObjectName::parse(source.rsplit('/').next().unwrap()).unwrap();
    let record = RecordId::parse(number.to_string()).unwrap();
    let details: BTreeMap<String, Value> = serde_json::from_value(details).unwrap();
    MatterItem {
        id: EntityId::derive(&connection, &object, &record),
        source: source.to_owned(),
        details: ItemDetails::new(&details),
        created_at: Some(at("2024-05-02T00:00:00Z")),
        body,
    }
}

/// Returns a denied placement on `day` that took `hours`.
pub fn sample_denial(
    number: u32,
    day: &str,
    category: Option<&str>,
    hours: Option<f64>,
) -> MatterItem {
    let details = json!({"id": number, "denied_date": day, "denial_reason": "a\0b \u{10fffe} ü",
        "violation_category": category, "duration_hours": hours});
    let body = ItemBody::Event(ImportedEvent {
        occurred_at: at(&format!("{day}T00:00:00Z")),
        event_type: "placement_denial".to_owned(),
        title: "Placement denied: a\0b".to_owned(),
        description: None,
        importance: 3,
        category: category.map(str::to_owned),
        hours,
        related_id: None,
    });
    sample_item(INCIDENT_SOURCE, number, details, body)
}

fn document(number: u32, name: &str) -> MatterItem {
    let body = ItemBody::Document(ImportedDocument {
        exhibit_label: Some("A-1".to_owned()),
        name: name.to_owned(),
        media_type: None,
        size_bytes: Some(48_112),
        sha256: Some("0a".repeat(32)),
        category: None,
        description: Some(String::new()),
    });
    sample_item("moodbridge/exhibits", number, json!({"document_name": name}), body)
}

fn communication(number: u32, content: &str) -> MatterItem {
    let body = ItemBody::Communication(ImportedCommunication {
        occurred_at: at("1969-12-31T23:59:59Z"),
        sender: Some("J. Doe".to_owned()),
        recipient: None,
        medium: Some("mail".to_owned()),
        subject: None,
        content: Some(content.to_owned()),
        related_to_placement: true,
    });
    sample_item("moodbridge/communications", number, json!({"message_content": content}), body)
}

/// Returns a batch of `items` of the sample case `number`.
pub fn sample_batch(number: u32, items: Vec<MatterItem>) -> ItemBatch {
    ItemBatch {
        case_id: case(number).entity_id,
        items,
        actor: "import:moodbridge".to_owned(),
        event_id: "main.db".to_owned(),
        correlation_id: CorrelationId::from_random(7),
        received_at: at("2026-11-23T00:00:00Z"),
    }
}

fn tally(n_new: u64, n_changed: u64, n_same: u64) -> ImportTally {
    ImportTally { n_new, n_changed, n_same }
}

/// Checks imports, each sentence on a fresh store from `open`.
///
/// # Panics
///
/// When the store breaks the contract.
pub async fn matter_import_contract<S, F, Fut>(open: F)
where
    S: CaseStore + AuditLog + MatterImport + Walls + IncidentView,
    F: Fn() -> Fut,
    Fut: Future<Output = Arc<S>>,
{
    items_are_new_once_then_same_then_changed(&*open().await).await;
    items_of_a_case_that_is_not_there_are_refused(&*open().await).await;
    each_import_that_writes_is_one_audit_row(&*open().await).await;
    digest_is_that_of_what_was_given(&*open().await).await;
    comparing_writes_nothing(&*open().await).await;
    incidents_are_summed_up(&*open().await).await;
    incidents_of_hidden_cases_are_in_no_figure(&*open().await).await;
}

fn mixed() -> Vec<MatterItem> {
    vec![
        sample_denial(1, "2024-05-01", Some("Holiday"), Some(0.1)),
        document(1, "Petition.pdf"),
        document(2, "Photo \u{10fffe}0"),
        communication(1, "see you\0"),
    ]
}

async fn items_are_new_once_then_same_then_changed<S: CaseStore + MatterImport>(store: &S) {
    store.apply(case(1)).await.unwrap();
    let batch = sample_batch(1, mixed());
    let expected = [
        ("moodbridge/communications".to_owned(), tally(1, 0, 0)),
        ("moodbridge/exhibits".to_owned(), tally(2, 0, 0)),
        (INCIDENT_SOURCE.to_owned(), tally(1, 0, 0)),
    ];
    let compared = store.compare_items(&batch).await.unwrap();
    assert_eq!(compared, expected.clone().into());
    assert_eq!(store.import_items(&batch).await.unwrap(), expected.into());

    for tallies in [store.import_items(&batch).await, store.compare_items(&batch).await] {
        assert!(tallies.unwrap().values().all(|it| !it.writes()));
    }

    let mut changed = mixed();
    changed[2] = document(2, "Photo");
    changed.push(document(3, "Letter"));
    let batch = sample_batch(1, changed);
    let compared = store.compare_items(&batch).await.unwrap();
    assert_eq!(compared["moodbridge/exhibits"], tally(1, 1, 1));
    let tallies = store.import_items(&batch).await.unwrap();
    assert_eq!(tallies, compared);
    assert_eq!(tallies[INCIDENT_SOURCE], tally(0, 0, 1));
}

async fn items_of_a_case_that_is_not_there_are_refused<S: MatterImport + AuditLog>(store: &S) {
    let batch = sample_batch(1, mixed());
    let refused = store.import_items(&batch).await.unwrap_err();
    assert_eq!(refused.kind(), PortErrorKind::NotFound);
    assert!(store.imported(&batch.case_id).await.unwrap().is_empty());
    assert!(store.audit(&Sight::Everything, None, None, 9).await.unwrap().is_empty());
}

async fn each_import_that_writes_is_one_audit_row<S>(store: &S)
where
    S: CaseStore + AuditLog + MatterImport,
{
    store.apply(case(1)).await.unwrap();
    let batch = sample_batch(1, mixed());
    for _ in 0..2 {
        store.import_items(&batch).await.unwrap();
    }
    store.compare_items(&sample_batch(1, vec![document(9, "new")])).await.unwrap();

    let rows = store.audit(&Sight::Everything, Some(&batch.case_id), None, 9).await.unwrap();
    assert_eq!(rows.len(), 2);
    assert_eq!((rows[0].kind, rows[0].actor.as_str()), (WriteKind::Updated, "import:moodbridge"));
    let told: Vec<_> = rows[0].changes.iter().map(|it| (it.field.as_str(), &it.after)).collect();
    let counts = |n: u32| FieldValue::Text(format!("{n} new, 0 changed, 0 same"));
    assert_eq!(
        told,
        [
            ("import:moodbridge/communications", &counts(1)),
            ("import:moodbridge/exhibits", &counts(2)),
            ("import:moodbridge/placement_denials", &counts(1)),
        ]
    );
    assert_eq!(store.verify(&|_| {}).await.unwrap().fault, None);
}

async fn digest_is_that_of_what_was_given<S: CaseStore + MatterImport>(store: &S) {
    for number in [1, 2] {
        store.apply(case(number)).await.unwrap();
    }
    store.import_items(&sample_batch(1, mixed())).await.unwrap();
    store.import_items(&sample_batch(2, vec![document(5, "another case")])).await.unwrap();

    let mut sums: BTreeMap<String, DigestSum> = BTreeMap::new();
    for item in mixed().into_iter().rev() {
        let sum = sums.entry(item.source.clone()).or_default();
        sum.add_item(&item.source, &item.id, item.details.as_str());
    }
    let expected: BTreeMap<_, _> = sums.into_iter().map(|(at, it)| (at, it.finish())).collect();
    assert_eq!(store.imported(&case(1).entity_id).await.unwrap(), expected);
}

async fn comparing_writes_nothing<S: CaseStore + AuditLog + MatterImport>(store: &S) {
    let batch = sample_batch(1, mixed());
    assert!(store.compare_items(&batch).await.unwrap().values().all(|it| it.n_same == 0));
    store.apply(case(1)).await.unwrap();

    store.compare_items(&batch).await.unwrap();

    assert!(store.imported(&batch.case_id).await.unwrap().is_empty());
    assert_eq!(store.audit(&Sight::Everything, None, None, 9).await.unwrap().len(), 1);
}

async fn incidents_are_summed_up<S: CaseStore + MatterImport + IncidentView>(store: &S) {
    let none = store.incidents(&Sight::Everything, 10).await.unwrap();
    assert_eq!((none.n_incidents, none.hours, none.mean_hours), (0, 0.0, 0.0));
    assert!(none.by_month.is_empty() && none.latest.is_empty());

    store.apply(case(1)).await.unwrap();
    let mut items = vec![
        sample_denial(1, "2024-05-01", Some("Holiday"), Some(8.0)),
        sample_denial(2, "2024-06-30", Some("Health"), Some(2.5)),
        sample_denial(3, "2024-06-02", Some("Holiday"), None),
        sample_denial(4, "1969-12-31", None, Some(0.0)),
    ];
    items.push(communication(1, "no incident"));
    store.import_items(&sample_batch(1, items)).await.unwrap();

    let figures = store.incidents(&Sight::Everything, 2).await.unwrap();
    assert_eq!((figures.n_incidents, figures.hours, figures.mean_hours), (4, 10.5, 3.5));
    let month = |name: &str, n| (name.to_owned(), n);
    assert_eq!(figures.by_month, [month("1969-12", 1), month("2024-05", 1), month("2024-06", 2)]);
    let named = |name: &str| Some(name.to_owned());
    assert_eq!(figures.by_category, [(named("Holiday"), 2), (named("Health"), 1), (None, 1)]);
    let incident = |day: &str, hours| Incident {
        denied_date: day.to_owned(),
        denial_reason: Some("a\0b \u{10fffe} ü".to_owned()),
        hours,
    };
    assert_eq!(figures.latest, [incident("2024-06-30", Some(2.5)), incident("2024-06-02", None)]);
}

async fn incidents_of_hidden_cases_are_in_no_figure<S>(store: &S)
where
    S: CaseStore + MatterImport + Walls + IncidentView,
{
    for number in [1, 2] {
        store.apply(case(number)).await.unwrap();
        let day = format!("2024-0{number}-01");
        let item = sample_denial(number, &day, Some(&day), Some(1.0));
        store.import_items(&sample_batch(number, vec![item])).await.unwrap();
    }
    let hidden = case(2).entity_id;
    store.set_wall(&sample_wall(&hidden, "anna", Stance::Screened)).await.unwrap();
    store.set_wall(&sample_wall(&hidden, "carl", Stance::Assigned)).await.unwrap();

    let days = async |sight: Sight| -> Vec<String> {
        let figures = store.incidents(&sight, 10).await.unwrap();
        let n = figures.latest.len();
        assert_eq!((figures.by_month.len(), figures.by_category.len()), (n, n));
        assert_eq!(figures.n_incidents, n as u64);
        figures.latest.into_iter().map(|it| it.denied_date).collect()
    };
    assert_eq!(days(Sight::Everything).await, ["2024-02-01", "2024-01-01"]);
    assert_eq!(days(Sight::AllBut(person("anna"))).await, ["2024-01-01"]);
    assert_eq!(days(Sight::Only(person("carl"))).await, ["2024-02-01"]);
    assert!(days(Sight::Only(person("olga"))).await.is_empty());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::MemoryCaseStore;

    #[tokio::test]
    async fn memory_store_keeps_the_contract_of_imports() {
        matter_import_contract(|| async { Arc::new(MemoryCaseStore::default()) }).await;
    }
}
