//! What the rows of the lake say: masks, columns that change, values that do not fit.

use std::sync::Arc;
use std::time::Duration;

use super::world::World;
use crate::ids::PersonId;
use crate::lake::{Column, ColumnType, Hiding, LakeError, LakeTable, SchemaRefusal};
use crate::model::{Entity, FieldValue};
use crate::ports::case_store_contract::{sample_key, sample_write, text_fields};
use crate::ports::{CaseStore, Clock, Stance, Wall, Walls, read_whole};
use crate::secret::Secret;
use crate::sync::{FieldKind, FieldMapping, Mappings, Mask, ObjectMapping};

async fn everything(world: &World) -> String {
    let mut all = String::new();
    for key in world.objects().await.into_iter().chain(["lake/manifest.json".to_owned()]) {
        let key = crate::ports::BlobKey::parse(key).unwrap();
        let bytes = read_whole(&*world.blobs, &key, usize::MAX).await.unwrap();
        all.push_str(std::str::from_utf8(&bytes).unwrap());
    }
    all
}

#[tokio::test]
async fn masked_values_are_nowhere_in_the_lake() {
    let masked = |local: &str, mask| FieldMapping {
        mask,
        ..FieldMapping::reading("X__c", local, FieldKind::Text)
    };
    let mapping = ObjectMapping::reading(
        sample_key(Entity::Contact, 1).object,
        Entity::Contact,
        vec![
            masked("email", Some(Mask::Hash)),
            masked("phone", Some(Mask::Last4)),
            masked("last_name", Some(Mask::Redact)),
            masked("custom.ssn", Some(Mask::Null)),
            masked("custom.shoe", None),
        ],
    );
    let mappings = Mappings::new("salesforce", [mapping]);
    let mut world = World::new();
    world.hiding = Hiding::new([&mappings], Some(Secret::new("a key of the lake"))).unwrap();
    let fields = text_fields([
        ("email", "ada@lovelace.example"),
        ("phone", "+49 30 1234567"),
        ("last_name", "Lovelace"),
        ("first_name", "Ada"),
        ("custom.ssn", "078-05-1120"),
        ("custom.shoe", "size 37"),
        ("custom.unmapped", "never mapped"),
    ]);
    world.store.apply(sample_write(Entity::Contact, 1, fields)).await.unwrap();
    world.exporter(Arc::clone(&world.blobs)).run(None).await.unwrap();

    let all = everything(&world).await;
    let case = sample_write(Entity::Case, 1, text_fields([("title", "Doe v. Roe")]));
    world.store.apply(case.clone()).await.unwrap();
    let [person, by] = ["screened-person", "who-screens"].map(|it| PersonId::parse(it).unwrap());
    let wall = Wall {
        case_id: case.entity_id,
        person,
        stance: Stance::Screened,
        set_by: by,
        set_at: world.clock.now(),
        reason: "conflict".to_owned(),
    };
    world.store.set_wall(&wall).await.unwrap();
    world.exporter(Arc::clone(&world.blobs)).run(None).await.unwrap();
    let with_wall = everything(&world).await;
    assert!(with_wall.contains("Doe v. Roe") && !with_wall.contains("screened-person"));

    for hidden in ["lovelace", "Lovelace", "30 123", "078-05", "never mapped", "a key of the lake"]
    {
        assert!(!all.contains(hidden), "{hidden}");
    }
    for shown in ["4567", "redacted", "size 37", "Ada", "custom.ssn"] {
        assert!(all.contains(shown), "{shown} is not in {all}");
    }
}

#[tokio::test]
async fn added_column_makes_a_new_version_and_older_files_stay_readable() {
    let mut world = World::new();
    world.change(Entity::Case, 1, 1).await;
    world.export().await.unwrap();
    let mut columns = LakeTable::Cases.columns();
    columns.push(Column::new("matter_kind", ColumnType::Text));
    world.columns = Some(columns.clone());
    world.change(Entity::Case, 1, 2).await;
    world.export().await.unwrap();

    let versions: Vec<_> = world.files().await.iter().map(|it| it.schema_version).collect();
    assert_eq!(versions, [1, 2]);
    let known = &world.head().await.schemas[&LakeTable::Cases];
    assert_eq!(known.iter().map(|it| it.version).collect::<Vec<_>>(), [1, 2]);

    world.clock.pass(Duration::from_hours(24));
    world.compact().await.unwrap();
    let versions: Vec<_> = world.files().await.iter().map(|it| it.schema_version).collect();
    assert_eq!(versions, [2]);
}

#[tokio::test]
async fn other_columns_are_refused_before_anything_is_written() {
    let mut world = World::new();
    world.change(Entity::Case, 1, 1).await;
    world.export().await.unwrap();
    let before = world.head().await;
    let mut removed = LakeTable::Cases.columns();
    removed.retain(|it| it.name != "court");
    let mut changed = LakeTable::Cases.columns();
    changed.iter_mut().filter(|it| it.name == "court").for_each(|it| it.kind = ColumnType::Long);
    for columns in [removed, changed] {
        world.columns = Some(columns);
        world.change(Entity::Case, 1, 2).await;
        let error = world.export().await.unwrap_err();
        let LakeError::Schema { table: LakeTable::Cases, source } = error else { panic!() };
        match source {
            SchemaRefusal::Removed { column } | SchemaRefusal::Changed { column, .. } => {
                assert_eq!(column, "court");
            }
            SchemaRefusal::Required { .. } => panic!(),
        }
    }
    assert_eq!(world.head().await, before);
    assert_eq!(world.objects().await.len(), 1);
}

#[tokio::test]
async fn value_that_does_not_fit_is_left_out_and_counted() {
    let world = World::new();
    let mut write = sample_write(Entity::Case, 1, text_fields([("title", "Doe v. Roe")]));
    write.row.insert("opened_at".to_owned(), FieldValue::text("some day"));
    world.store.apply(write).await.unwrap();
    let tally = world.exporter(Arc::clone(&world.blobs)).run(None).await.unwrap();
    assert_eq!((tally.n_rows, tally.n_unfit), (1, 1));
    let all = everything(&world).await;
    assert!(all.contains("Doe v. Roe") && !all.contains("some day"));
}
