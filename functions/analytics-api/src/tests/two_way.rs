//! Rows that travel both ways, over the case store that a laptop runs on.

mod conflicts;
mod outbox;
mod rows;

use serde_json::Value;
use shared::ids::{ConnectionId, CorrelationId, EntityId};
use shared::model::{Change, ChangeEvent, Channel, Entity, RecordKey, Scope};
use shared::ports::case_store_contract::{sample_key, text_fields};
use shared::sync::testing::salesforce_mappings;
use shared::sync::{Authority, ConflictPolicy, Mappings, MergeContext, Merged, merge};
use shared::time::Timestamp;

use super::store::Laptop;
use super::{Answer, ask_as};

const LAWYER: &str = "ben.lawyer";

/// Mappings that ask a person about every conflict.
fn manual() -> Mappings {
    let mappings = salesforce_mappings();
    let manual = mappings.objects().into_iter().map(|mapping| {
        let mut mapping = mapping.clone();
        for field in &mut mapping.fields {
            field.conflicts = ConflictPolicy::Manual;
        }
        mapping
    });
    Mappings::new("salesforce", manual)
}

fn main() -> ConnectionId {
    ConnectionId::parse("main").unwrap()
}

async fn firm() -> Laptop {
    Laptop::open_with(&[main()], manual()).await
}

/// Takes in what the platform holds of the sample record `number` of `entity` at `second`.
async fn report<const N: usize>(
    laptop: &Laptop,
    (entity, number): (Entity, u32),
    second: i64,
    fields: [(&str, &str); N],
) -> EntityId {
    let mappings = manual();
    let key: RecordKey = sample_key(entity, number);
    let version = Timestamp::from_millis(1_700_000_000_000 + second * 1000);
    let shadow = laptop.store.shadow(&key).await.unwrap();
    let event = ChangeEvent {
        event_id: format!("e-{second}"),
        key: key.clone(),
        change: Change::Upsert,
        version: Some(version),
        scope: if shadow.is_some() { Scope::Changed } else { Scope::Full },
        fields: text_fields(fields),
        unread: Vec::new(),
        channel: Channel::Poll,
        received_at: version,
        is_backfill: false,
        correlation_id: CorrelationId::from_random(2),
    };
    let context = MergeContext {
        mapping: mappings.get(&key.object).unwrap(),
        actor: "salesforce:main",
        authority: Authority::Reported,
        reported: None,
    };
    let merged = merge(&event, shadow.as_ref(), context).unwrap();
    let Merged::Write(write) = merged else { panic!("{merged:?}") };
    laptop.store.apply(*write).await.unwrap();
    key.entity_id()
}

async fn ask(laptop: &Laptop, method: &str, path: &str, body: Value) -> Answer {
    ask_as(&laptop.routes, LAWYER, method, path, &[], &body.to_string()).await
}

fn field<'a>(row: &'a Value, name: &str) -> &'a Value {
    row["fields"].as_array().unwrap().iter().find(|it| it["field"] == name).unwrap()
}

/// Later than every change that is made through the API.
const LATER: i64 = 900_000_000;
