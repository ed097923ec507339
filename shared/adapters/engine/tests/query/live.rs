//! The rows of the case store as tables.

use adapter_engine::LivePorts;
use shared::auth::Sight;
use shared::lake::Hiding;
use shared::model::{Entity, FieldValue};
use shared::ports::case_store_contract::{next_write, sample_key, sample_write, text_fields};
use shared::ports::walls_contract::{person, sample_wall};
use shared::ports::{CaseStore as _, QueryEngine as _, Stance, Walls as _, Write, WriteKind};
use shared::queries::QueryValue;
use shared::secret::Secret;
use shared::sync::{FieldKind, FieldMapping, Mappings, Mask, ObjectMapping};

use crate::place::{Place, ask, plain, small};

fn hiding() -> Hiding {
    let email = FieldMapping {
        mask: Some(Mask::Hash),
        ..FieldMapping::reading("Email", "email", FieldKind::Text)
    };
    let object = sample_key(Entity::Contact, 1).object;
    let mapped = ObjectMapping::reading(object, Entity::Contact, vec![email]);
    Hiding::new([&Mappings::new("salesforce", [mapped])], Some(Secret::new("a key"))).unwrap()
}

fn case(number: u32) -> Write {
    let court = if number.is_multiple_of(2) { "North" } else { "South" };
    let mut write = sample_write(Entity::Case, number, text_fields([("court", court)]));
    write.row.insert("is_closed".to_owned(), FieldValue::Bool(number.is_multiple_of(3)));
    write
}

async fn place() -> Place {
    let mut place = Place::of(&small()).await;
    for number in 1..=1500 {
        place.walls.apply(case(number)).await.unwrap();
    }
    let contact = sample_write(Entity::Contact, 1, text_fields([("email", "a@firm.example")]));
    place.walls.apply(contact).await.unwrap();
    let (rows, feed) = (place.walls.clone(), place.walls.clone());
    place.live = Some(LivePorts { rows, feed, hiding: hiding() });
    place
}

async fn rows(place: &Place, sql: &str, sight: &Sight) -> Vec<Vec<QueryValue>> {
    ask(&place.engine(), &plain(sql), sight).await.unwrap().rows
}

const BY_COURT: &str = "SELECT court, count(*) AS n FROM store.cases WHERE NOT is_closed GROUP BY court ORDER BY court";

#[tokio::test]
async fn rows_of_the_store_are_counted_as_they_stand() {
    let place = place().await;
    let text = |it: &str| QueryValue::Text(it.to_owned());
    let counted = rows(&place, BY_COURT, &Sight::Everything).await;
    let wanted = |north, south| {
        [("North", north), ("South", south)]
            .map(|(court, n)| vec![text(court), QueryValue::Long(n)])
    };
    assert_eq!(counted, wanted(500, 500));

    place.walls.apply(next_write(case(2), WriteKind::Deleted, 1)).await.unwrap();
    place.walls.set_wall(&sample_wall(&case(1).entity_id, "anna", Stance::Screened)).await.unwrap();
    assert_eq!(rows(&place, BY_COURT, &Sight::Everything).await, wanted(499, 500));
    assert_eq!(rows(&place, BY_COURT, &Sight::AllBut(person("anna"))).await, wanted(499, 499));
    let only = Sight::Only(person("anna"));
    assert!(rows(&place, BY_COURT, &only).await.is_empty());
    assert!(rows(&place, "SELECT id FROM store.contacts", &only).await.is_empty());

    // One row is looked up, walls or not.
    let one = |id: &str| format!("SELECT court FROM store.cases WHERE id = '{id}'");
    let (hidden, gone) = (case(1).entity_id, case(2).entity_id);
    assert_eq!(rows(&place, &one(hidden.as_str()), &Sight::Everything).await, [[text("South")]]);
    assert!(rows(&place, &one(hidden.as_str()), &Sight::AllBut(person("anna"))).await.is_empty());
    assert!(rows(&place, &one(gone.as_str()), &Sight::Everything).await.is_empty());
}

#[tokio::test]
async fn masks_of_the_lake_hold_and_rows_join_it() {
    let place = place().await;
    let masked = rows(&place, "SELECT email FROM store.contacts", &Sight::Everything).await;
    assert!(matches!(&masked[0][0], QueryValue::Text(it) if it.len() == 32), "{masked:?}");
    let joined = "SELECT count(*) AS n FROM store.cases s LEFT JOIN cases_history h ON h.id = s.id";
    assert_eq!(rows(&place, joined, &Sight::Everything).await, [[QueryValue::Long(1500)]]);
}

#[tokio::test]
async fn tag_follows_the_store_and_tables_are_there_only_with_it() {
    let mut place = place().await;
    let engine = place.engine();
    let tag = async || {
        let prepared = engine.prepare(&plain(BY_COURT), &Sight::Everything).await.unwrap();
        prepared.tag().to_owned()
    };
    let before = tag().await;
    assert_eq!(tag().await, before);
    place.walls.apply(case(9000)).await.unwrap();
    assert_ne!(tag().await, before);

    place.live = None;
    let error = place.engine().prepare(&plain(BY_COURT), &Sight::Everything).await;
    let told = error.err().unwrap().to_string();
    assert!(told.contains("there is no table `store.cases`"), "{told}");
}
