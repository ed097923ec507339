//! Looks at an org in memory, with a ledger in memory.

use std::sync::Mutex;

use async_trait::async_trait;

use super::*;
use crate::ports::MemoryLedger;
use crate::sync::testing::salesforce_mappings;
use crate::sync::{Direction, FieldKind, RemoteField, RemoteKind};

/// An org whose one object looks as a test says, or is hidden.
struct Org(Mutex<Option<RemoteObject>>);

#[async_trait]
impl SchemaReader for Org {
    async fn describe(&self, object: &ObjectName) -> Result<RemoteObject, PortError> {
        let hidden = || PortError::new(PortErrorKind::NotFound, "org", "describe", object.as_str());
        self.0.lock().unwrap().clone().ok_or_else(hidden)
    }
}

fn mapping() -> ObjectMapping {
    salesforce_mappings().get(&ObjectName::parse("Case").unwrap()).unwrap().clone()
}

/// The object as the mapping wants it.
fn object() -> RemoteObject {
    let mapping = mapping();
    let kind = |kind: &FieldKind| match kind {
        FieldKind::Reference(to) => {
            RemoteKind::Reference { to: vec![to.clone()], is_polymorphic: false }
        }
        FieldKind::Bool => RemoteKind::Bool,
        FieldKind::DateTime => RemoteKind::DateTime,
        _ => RemoteKind::Text { length: 255 },
    };
    let field = |name: &str, kind: RemoteKind, is_written: bool| RemoteField {
        name: name.to_owned(),
        label: name.to_owned(),
        kind,
        is_nullable: true,
        can_create: is_written,
        can_update: is_written,
        is_calculated: false,
        is_external_id: name == "MoodBridge_Id__c",
        is_unique: false,
        is_required_on_create: false,
    };
    let mapped = mapping.fields.iter();
    let mapped =
        mapped.map(|it| field(&it.remote, kind(&it.kind), it.direction == Direction::Both));
    let id = field("MoodBridge_Id__c", RemoteKind::Text { length: 36 }, true);
    let to = vec![mapping.object.clone()];
    let master =
        field("MasterRecordId", RemoteKind::Reference { to, is_polymorphic: false }, false);
    let fields = mapped.chain([id, master]).collect();
    RemoteObject { name: mapping.object.clone(), label: "Case".to_owned(), fields }
}

fn without(name: &str) -> RemoteObject {
    let mut object = object();
    object.fields.retain(|it| it.name != name);
    object
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_millis(1_700_000_000_000 + second * 1000)
}

const HOUR: Duration = Duration::from_hours(1);

struct World {
    org: Org,
    ledger: MemoryLedger,
    connection: ConnectionId,
}

impl World {
    fn new(object: RemoteObject) -> Self {
        let connection = ConnectionId::parse("main").unwrap();
        Self { org: Org(Mutex::new(Some(object))), ledger: MemoryLedger::default(), connection }
    }

    fn watch(&self) -> SchemaWatch<'_> {
        let Self { org, ledger, connection } = self;
        SchemaWatch { connection, schema: org, ledger }
    }

    fn now_is(&self, object: Option<RemoteObject>) {
        *self.org.0.lock().unwrap() = object;
    }
}

#[tokio::test]
async fn first_look_keeps_the_description_and_a_later_one_tells_what_changed() {
    let world = World::new(object());
    assert_eq!(world.watch().look(&mapping(), at(0)).await.unwrap(), []);

    world.now_is(Some(without("Court__c")));
    for second in [1, 2] {
        let found = world.watch().look(&mapping(), at(second)).await.unwrap();
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0].severity, Severity::BreaksMappedField);
        assert_eq!(found[0].field, "Court__c");
    }
}

#[tokio::test]
async fn accepted_description_is_what_later_looks_compare_with() {
    let world = World::new(object());
    world.watch().look(&mapping(), at(0)).await.unwrap();
    let mut grown = object();
    grown.fields.push(RemoteField { name: "Judge__c".into(), ..grown.fields[2].clone() });
    world.now_is(Some(grown));
    assert_eq!(world.watch().look(&mapping(), at(1)).await.unwrap().len(), 1);

    assert_eq!(world.watch().accept(&mapping(), at(2)).await.unwrap(), []);
    assert_eq!(world.watch().look(&mapping(), at(3)).await.unwrap(), []);
}

#[tokio::test]
async fn field_that_is_missing_from_the_start_does_not_become_right_by_being_accepted() {
    let world = World::new(without("Court__c"));
    let found = world.watch().accept(&mapping(), at(0)).await.unwrap();
    assert_eq!(found[0].severity, Severity::BreaksMappedField);
}

#[tokio::test]
async fn look_is_due_once_an_hour_and_a_failed_one_waits_as_long() {
    let world = World::new(object());
    let due = async |second| world.watch().look_when_due(&mapping(), at(second), HOUR).await;
    assert!(due(0).await.unwrap().1);
    world.now_is(Some(without("Court__c")));
    let (note, is_fresh) = due(10).await.unwrap();
    assert!(!is_fresh && note.findings.is_empty());
    let (note, is_fresh) = due(3600).await.unwrap();
    assert!(is_fresh && note.findings.len() == 1);

    world.now_is(None);
    assert_eq!(due(7200).await.unwrap_err().kind(), PortErrorKind::NotFound);
    let (note, is_fresh) = due(7210).await.unwrap();
    assert!(!is_fresh && note.findings.len() == 1, "what was found before is forgotten");
}
