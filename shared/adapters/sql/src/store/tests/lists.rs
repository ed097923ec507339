//! Lists, search and single cases.

use std::collections::BTreeSet;

use proptest::prelude::*;
use shared::PortErrorKind;
use shared::auth::Sight;
use shared::ids::EntityId;
use shared::model::{Entity, FieldValue, Fields};
use shared::ports::case_store_contract::{next_write, sample_write, text_fields};
use shared::ports::{CaseFilter, CaseSort, Write, WriteKind};
use shared::time::Timestamp;

use super::deployment::{Deployment, Engine, Store, on_both_engines};

const SORTS: [CaseSort; 5] = [
    CaseSort::UpdatedDesc,
    CaseSort::OpenedDesc,
    CaseSort::OpenedAsc,
    CaseSort::DocketAsc,
    CaseSort::TitleAsc,
];

async fn fill(store: &dyn Store, writes: impl IntoIterator<Item = Write>) {
    let applied = writes.into_iter().map(|write| store.apply(write));
    for applied in futures_util::future::join_all(applied).await {
        applied.unwrap();
    }
}

/// Follows the cursors to the end and returns every id in order.
async fn pages(store: &dyn Store, filter: &CaseFilter) -> Vec<EntityId> {
    let mut filter = filter.clone();
    let mut ids = Vec::new();
    loop {
        let page = store.cases(&Sight::Everything, &filter).await.unwrap();
        assert!(page.items.len() <= filter.limit as usize);
        ids.extend(page.items.into_iter().map(|it| it.id));
        filter.cursor = page.next_cursor;
        if filter.cursor.is_none() {
            return ids;
        }
    }
}

async fn found(store: &dyn Store, search: &str) -> Vec<String> {
    let filter = CaseFilter {
        search: Some(search.to_owned()),
        sort: CaseSort::TitleAsc,
        limit: 200,
        ..CaseFilter::default()
    };
    let page = store.cases(&Sight::Everything, &filter).await.unwrap();
    page.items.into_iter().filter_map(|it| it.title).collect()
}

fn reference(entity: Entity, number: u32) -> String {
    sample_write(entity, number, Fields::new()).entity_id.into()
}

/// A case whose sort keys and filters take few values, so that many are equal.
fn similar_case(number: u32, seed: u32) -> Write {
    let pick = |divisor: u32, values: &[&str]| {
        FieldValue::text(values[(seed / divisor) as usize % values.len()])
    };
    let row = Fields::from([
        ("title".to_owned(), pick(1, &["", "Doe v. Roe", "DOE v. roe", "In re Poe"])),
        ("docket_number".to_owned(), pick(4, &["", "24-CV-1", "24-cv-1", "23-CV-9"])),
        ("opened_at".to_owned(), pick(16, &["", "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"])),
        ("status".to_owned(), pick(48, &["", "Active", "Closed"])),
        ("court".to_owned(), pick(144, &["", "Superior Court"])),
        ("priority".to_owned(), pick(288, &["High", "Low"])),
        ("is_closed".to_owned(), FieldValue::Bool(seed.is_multiple_of(2))),
        ("account_id".to_owned(), FieldValue::text(&reference(Entity::Account, seed % 3))),
    ]);
    sample_write(Entity::Case, number, row)
}

async fn every_order_takes_every_filter(fixture: Deployment) {
    let n_cases = 600;
    fill(&*fixture.store, (0..n_cases).map(|number| similar_case(number, number))).await;
    let account = EntityId::parse(reference(Entity::Account, 1)).unwrap();
    let none = CaseFilter { limit: 50, ..CaseFilter::default() };
    let day = |raw| Some(Timestamp::parse(raw).unwrap());
    let filters = [
        none.clone(),
        CaseFilter { status: Some("Active".into()), ..none.clone() },
        CaseFilter { court: Some("Superior Court".into()), ..none.clone() },
        CaseFilter { priority: Some("High".into()), ..none.clone() },
        CaseFilter { is_closed: Some(true), ..none.clone() },
        CaseFilter { account_id: Some(account), status: Some("Active".into()), ..none.clone() },
        CaseFilter {
            status: Some("Active".into()),
            priority: Some("Low".into()),
            is_closed: Some(false),
            ..none.clone()
        },
        CaseFilter { opened_from: day("2026-01-02T00:00:00Z"), ..none.clone() },
        CaseFilter { opened_until: day("2026-01-02T00:00:00Z"), ..none.clone() },
        CaseFilter { search: Some("doe r".into()), ..none.clone() },
        CaseFilter { search: Some("24-cv".into()), is_closed: Some(false), ..none.clone() },
    ];
    for filter in filters {
        let counts = futures_util::future::join_all(SORTS.map(|sort| {
            let filter = CaseFilter { sort, ..filter.clone() };
            let store = &*fixture.store;
            async move { pages(store, &filter).await.into_iter().collect::<BTreeSet<_>>() }
        }))
        .await;
        assert!(!counts[0].is_empty(), "{filter:?}");
        assert!(counts.iter().all(|it| *it == counts[0]), "{filter:?}");
        assert!(counts[0].len() < n_cases as usize || filter == none, "{filter:?}");
    }
}

async fn orders_are_what_they_say_and_gaps_come_last_by_name(fixture: Deployment) {
    let titles = ["b", "", "A", "c"];
    fill(
        &*fixture.store,
        (0..4).map(|number| {
            let opened = format!("2026-01-0{}T00:00:00Z", number + 1);
            let row = text_fields([("title", titles[number as usize]), ("opened_at", &opened)]);
            sample_write(Entity::Case, number, row)
        }),
    )
    .await;
    let listed = |sort| {
        let filter = CaseFilter { sort, limit: 9, ..CaseFilter::default() };
        let store = &*fixture.store;
        async move {
            let items = store.cases(&Sight::Everything, &filter).await.unwrap().items;
            items.into_iter().map(|it| it.title.unwrap_or_default()).collect::<Vec<_>>()
        }
    };

    assert_eq!(listed(CaseSort::TitleAsc).await, ["A", "b", "c", ""]);
    assert_eq!(listed(CaseSort::OpenedAsc).await, ["b", "", "A", "c"]);
    assert_eq!(listed(CaseSort::OpenedDesc).await, ["c", "A", "", "b"]);
}

async fn cursor_of_another_order_is_rejected(fixture: Deployment) {
    fill(&*fixture.store, (0..3).map(|number| similar_case(number, number))).await;
    let first = CaseFilter { limit: 1, ..CaseFilter::default() };
    let cursor = fixture.store.cases(&Sight::Everything, &first).await.unwrap().next_cursor;

    let second = CaseFilter { cursor, sort: CaseSort::TitleAsc, ..first };
    let error = fixture.store.cases(&Sight::Everything, &second).await.unwrap_err();

    assert_eq!(error.kind(), PortErrorKind::Rejected);
    assert!(error.to_string().contains("cursor"), "{error}");
}

async fn deleted_case_leaves_lists_and_search_and_comes_back_when_restored(fixture: Deployment) {
    let case = sample_write(Entity::Case, 1, text_fields([("title", "Doe v. Roe")]));
    fixture.store.apply(case.clone()).await.unwrap();

    fixture.store.apply(next_write(case.clone(), WriteKind::Deleted, 1)).await.unwrap();

    assert!(found(&*fixture.store, "doe").await.is_empty());
    let filter = CaseFilter { limit: 9, ..CaseFilter::default() };
    assert!(fixture.store.cases(&Sight::Everything, &filter).await.unwrap().items.is_empty());
    let detail =
        fixture.store.case(&Sight::Everything, case.entity_id.as_str()).await.unwrap().unwrap();
    assert!(detail.is_deleted);
    assert_eq!(detail.summary.title.as_deref(), Some("Doe v. Roe"));

    fixture.store.apply(next_write(case.clone(), WriteKind::Restored, 2)).await.unwrap();

    assert_eq!(found(&*fixture.store, "doe").await, ["Doe v. Roe"]);
}

async fn search_finds_beginnings_of_words_wherever_they_stand(fixture: Deployment) {
    let case = |number, title, docket, court| {
        let account = reference(Entity::Account, number);
        let contact = reference(Entity::Contact, number);
        let row = text_fields([
            ("title", title),
            ("docket_number", docket),
            ("court", court),
            ("account_id", &account),
            ("contact_id", &contact),
        ]);
        sample_write(Entity::Case, number, row)
    };
    // The cases arrive before those they name.
    fill(
        &*fixture.store,
        [
            case(1, "Doe v. Roe", "2024-CV-01234", "Superior Court"),
            case(2, "In re Müller", "2023-FL-00007", "Family Court"),
        ],
    )
    .await;
    let person = text_fields([("first_name", "Ada"), ("last_name", "Byron")]);
    fill(
        &*fixture.store,
        [
            sample_write(Entity::Account, 1, text_fields([("name", "Acme Holdings")])),
            sample_write(Entity::Contact, 2, person),
        ],
    )
    .await;

    for (search, titles) in [
        ("doe", vec!["Doe v. Roe"]),
        ("ro do", vec!["Doe v. Roe"]),
        ("2024-cv-012", vec!["Doe v. Roe"]),
        ("cv-01234", vec!["Doe v. Roe"]),
        ("mull", vec!["In re Müller"]),
        ("acme superior", vec!["Doe v. Roe"]),
        ("byr", vec!["In re Müller"]),
        ("cour", vec!["Doe v. Roe", "In re Müller"]),
        ("oe", vec![]),
        ("doe müller", vec![]),
        ("\"doe\" OR", vec![]),
        (" & ", vec!["Doe v. Roe", "In re Müller"]),
    ] {
        assert_eq!(found(&*fixture.store, search).await, titles, "{search}");
    }
}

async fn renamed_account_is_found_by_its_new_name_only(fixture: Deployment) {
    let account = sample_write(Entity::Account, 1, text_fields([("name", "Acme")]));
    let row = text_fields([("title", "Doe v. Roe"), ("account_id", account.entity_id.as_str())]);
    fill(&*fixture.store, [account.clone(), sample_write(Entity::Case, 1, row)]).await;

    let mut renamed = next_write(account, WriteKind::Updated, 1);
    renamed.row = text_fields([("name", "Zenith")]);
    fixture.store.apply(renamed).await.unwrap();

    assert!(found(&*fixture.store, "acme").await.is_empty());
    assert_eq!(found(&*fixture.store, "zen").await, ["Doe v. Roe"]);
    let filter = CaseFilter { limit: 1, ..CaseFilter::default() };
    let page = fixture.store.cases(&Sight::Everything, &filter).await.unwrap();
    assert_eq!(page.items[0].account_name.as_deref(), Some("Zenith"));
}

async fn case_is_read_by_its_own_id_and_by_both_forms_of_its_record_id(fixture: Deployment) {
    let write = sample_write(Entity::Case, 1, text_fields([("title", "Doe v. Roe")]));
    fixture.store.apply(write.clone()).await.unwrap();
    let long = write.shadow.key.record_id.as_str();

    let detail =
        fixture.store.case(&Sight::Everything, write.entity_id.as_str()).await.unwrap().unwrap();

    assert_eq!(fixture.store.case(&Sight::Everything, long).await.unwrap().unwrap(), detail);
    assert_eq!(fixture.store.case(&Sight::Everything, &long[..15]).await.unwrap().unwrap(), detail);
    assert_eq!(fixture.store.case(&Sight::Everything, "500999999999999").await.unwrap(), None);
    assert_eq!(fixture.store.case(&Sight::Everything, "'; --").await.unwrap(), None);
    assert_eq!(detail.timeline.len(), 1);
    let source = detail.source.unwrap();
    assert_eq!(
        (source.record_id, source.version),
        (write.shadow.key.record_id, write.shadow.version)
    );
}

async fn pages_show_every_case(
    engine: Engine,
    seeds: Vec<u32>,
    limit: u32,
) -> Result<(), TestCaseError> {
    let Some(fixture) = Deployment::new(engine).await else { return Ok(()) };
    let cases = seeds.iter().zip(0..).map(|(seed, number)| similar_case(number, *seed));
    fill(&*fixture.store, cases).await;
    for sort in SORTS {
        let filter = CaseFilter { sort, limit, ..CaseFilter::default() };
        let ids = pages(&*fixture.store, &filter).await;
        prop_assert_eq!(ids.len(), seeds.len());
        prop_assert_eq!(ids.into_iter().collect::<BTreeSet<_>>().len(), seeds.len());
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn pages_of_sqlite_show_every_case_exactly_once(
        seeds in proptest::collection::vec(0_u32..576, 1..60),
        limit in 1_u32..20,
    ) {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(pages_show_every_case(Engine::Sqlite, seeds, limit))?;
    }

    #[test]
    fn pages_of_postgres_show_every_case_exactly_once(
        seeds in proptest::collection::vec(0_u32..576, 1..60),
        limit in 1_u32..20,
    ) {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(pages_show_every_case(Engine::Postgres, seeds, limit))?;
    }
}

on_both_engines!(
    every_order_takes_every_filter,
    orders_are_what_they_say_and_gaps_come_last_by_name,
    cursor_of_another_order_is_rejected,
    deleted_case_leaves_lists_and_search_and_comes_back_when_restored,
    search_finds_beginnings_of_words_wherever_they_stand,
    renamed_account_is_found_by_its_new_name_only,
    case_is_read_by_its_own_id_and_by_both_forms_of_its_record_id,
);
