//! Walls: the answers are those of a firm that never had the cases.

use std::collections::BTreeSet;
use std::sync::Arc;

use shared::auth::Sight;
use shared::ids::EntityId;
use shared::lake::LakeTable;
use shared::ports::walls_contract::{person, sample_wall};
use shared::ports::{Query, Stance, Walls as _};
use shared::queries::{AnswerCache, QueryError, built_in_queries};

use crate::made::{Made, id};
use crate::place::{Place, ask, assert_like, named, plain, small};

fn case(number: u64) -> EntityId {
    EntityId::parse(id(LakeTable::Cases, number)).unwrap()
}

fn questions() -> Vec<Query> {
    let mut questions: Vec<Query> =
        built_in_queries().unwrap().iter().map(|it| named(it, [])).collect();
    questions.push(plain("SELECT count(*) AS n FROM cases_history"));
    questions.push(plain("SELECT id, status FROM cases ORDER BY id"));
    questions.push(plain("SELECT id, valid_to FROM cases_history ORDER BY valid_from, id"));
    questions
}

#[tokio::test]
async fn screened_cases_count_nowhere() {
    let place = Place::of(&small()).await;
    let hidden: BTreeSet<u64> = (0..150).filter(|it| it % 3 == 0).collect();
    for number in &hidden {
        place.walls.set_wall(&sample_wall(&case(*number), "anna", Stance::Screened)).await.unwrap();
    }
    let never = Place::of(&Made { without: hidden, ..small() }).await;
    let (engine, other) = (place.engine(), never.engine());
    for query in questions() {
        let seen = ask(&engine, &query, &Sight::AllBut(person("anna"))).await.unwrap();
        let wanted = ask(&other, &query, &Sight::Everything).await.unwrap();
        assert_like(&seen, &wanted, &query.sql);
        let all = ask(&engine, &query, &Sight::Everything).await.unwrap();
        let of_ben = ask(&engine, &query, &Sight::AllBut(person("ben"))).await.unwrap();
        assert_like(&of_ben, &all, &query.sql);
        assert_eq!(of_ben.tag, all.tag, "{}", query.sql);
        assert_ne!(seen.tag, all.tag);
    }
    // No value of a hidden row is told, not even by a fault.
    let tells = plain("SELECT max(CAST(title AS BIGINT)) AS n FROM cases");
    let error = ask(&engine, &tells, &Sight::AllBut(person("anna"))).await.unwrap_err();
    assert!(matches!(&error, QueryError::Failed(it) if !it.contains("Doe")), "{error}");
}

#[tokio::test]
async fn client_sees_assigned_cases_and_nothing_else() {
    let place = Place::of(&small()).await;
    let assigned: BTreeSet<u64> = [4, 9, 33].into();
    for number in &assigned {
        place.walls.set_wall(&sample_wall(&case(*number), "cleo", Stance::Assigned)).await.unwrap();
    }
    let without = (0..150).filter(|it| !assigned.contains(it)).collect();
    let never = Place::of(&Made { without, ..small() }).await;
    let (engine, other) = (place.engine(), never.engine());
    let sight = Sight::Only(person("cleo"));
    for query in questions().iter().filter(|it| !it.sql.contains("accounts")) {
        let seen = ask(&engine, query, &sight).await.unwrap();
        let wanted = ask(&other, query, &Sight::Everything).await.unwrap();
        assert_like(&seen, &wanted, &query.sql);
    }
    for table in ["accounts", "contacts", "accounts_history", "contacts_history"] {
        let seen = ask(&engine, &plain(&format!("SELECT id FROM {table}")), &sight).await.unwrap();
        assert!(seen.rows.is_empty(), "{table}");
    }
}

#[tokio::test]
async fn kept_answer_is_of_its_tables_its_parameters_and_its_asker() {
    let place = Place::empty();
    let made = small();
    made.write_days(&place.blobs, &place.clock(), 0..29).await;
    let cache = AnswerCache::new(Arc::new(place.engine()), 10_000_000);
    let queries = built_in_queries().unwrap();
    let stale = queries.iter().find(|it| it.name == "stale_cases").unwrap();
    let (one, two) = (named(stale, [("days", "1")]), named(stale, [("days", "2")]));
    let anna = Sight::AllBut(person("anna"));
    let was_kept = async |query: &Query, sight: &Sight| {
        cache.answer(query, sight, Default::default()).await.unwrap().was_kept
    };
    assert!(!was_kept(&one, &Sight::Everything).await);
    assert!(was_kept(&one, &Sight::Everything).await);
    assert!(!was_kept(&two, &Sight::Everything).await);
    // Nothing is hidden from her yet.
    assert!(was_kept(&one, &anna).await);
    place.walls.set_wall(&sample_wall(&case(1), "anna", Stance::Screened)).await.unwrap();
    assert!(!was_kept(&one, &anna).await && was_kept(&one, &anna).await);
    assert!(was_kept(&one, &Sight::Everything).await);

    made.write_days(&place.blobs, &place.clock(), 29..30).await;
    assert!(!was_kept(&one, &Sight::Everything).await);
    assert!(!was_kept(&one, &anna).await);
}
