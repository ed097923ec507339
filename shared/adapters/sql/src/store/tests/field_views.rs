//! Custom fields as columns, on both engines.

use std::sync::Arc;

use shared::model::{Entity, FieldValue};
use shared::ports::case_store_contract::{sample_write, text_fields};
use shared::ports::field_views_contract::field_views_contract;
use shared::ports::{ColumnKind, CustomField, FieldColumns};

use super::deployment::{Deployment, on_both_engines};
use crate::field_views::postgres as field_views;

fn columns(fields: &[(&str, ColumnKind)]) -> FieldColumns {
    let fields = fields.iter().map(|(name, kind)| CustomField::new(Entity::Case, name, *kind));
    FieldColumns::of(fields.map(Option::unwrap))
}

/// Writes a case with these custom fields.
async fn write(deployment: &Deployment, number: u32, fields: &[(&str, FieldValue)]) {
    let mut write = sample_write(Entity::Case, number, text_fields([("title", "Doe v. Roe")]));
    let named = fields.iter().map(|(name, value)| (format!("custom.{name}"), value.clone()));
    write.row.extend(named);
    deployment.store.apply(write).await.unwrap();
}

const ALL_KINDS: [(&str, ColumnKind); 5] = [
    ("note", ColumnKind::Text),
    ("urgent", ColumnKind::Bool),
    ("fee", ColumnKind::Number),
    ("due", ColumnKind::Date),
    ("heard_at", ColumnKind::Datetime),
];

async fn views_keep_the_contract(deployment: Deployment) {
    field_views_contract(&*deployment.store).await;
}

async fn custom_fields_are_columns_of_their_kind(deployment: Deployment) {
    deployment.store.publish(&columns(&ALL_KINDS)).await.unwrap();
    write(
        &deployment,
        1,
        &[
            ("note", FieldValue::text("a \"b\" 'c' \\ d")),
            ("urgent", FieldValue::Bool(true)),
            ("fee", FieldValue::Float(19.5)),
            ("due", FieldValue::text("2026-02-28")),
            ("heard_at", FieldValue::text("2026-01-31T09:30:00.250Z")),
        ],
    )
    .await;
    write(&deployment, 2, &[("fee", FieldValue::Int(123_456_789_012_345_678))]).await;

    let sums: Vec<(String,)> = deployment
        .rows("SELECT CAST(max(fee) AS TEXT) FROM case_fields WHERE title IS NOT NULL")
        .await;
    assert_eq!(sums, [("123456789012345678".to_owned(),)]);
    let rows: Vec<(String, String, String, i64)> = deployment
        .rows(
            "SELECT note, CAST(due AS TEXT), CAST(fee * 2 AS TEXT), \
             (SELECT count(*) FROM case_fields WHERE urgent AND NOT is_deleted) \
             FROM case_fields WHERE fee < 20",
        )
        .await;
    let (note, due, fee) = ("a \"b\" 'c' \\ d", "2026-02-28", "39.0");
    assert_eq!(rows, [(note.to_owned(), due.to_owned(), fee.to_owned(), 1)]);
    let n_empty: Vec<(i64,)> =
        deployment.rows("SELECT count(*) FROM case_fields WHERE heard_at IS NULL").await;
    assert_eq!(n_empty, [(1,)]);
}

async fn value_that_does_not_fit_is_none_and_stops_no_query(deployment: Deployment) {
    deployment.store.publish(&columns(&ALL_KINDS)).await.unwrap();
    let misfits = [
        FieldValue::text("2026-02-31"),
        FieldValue::text("2026-13-01"),
        FieldValue::text("9999-99-99T99:99:99Z"),
        FieldValue::text("2026-02-29T09:30:00Z"),
        FieldValue::text("none"),
        FieldValue::Text("zero \0".to_owned()),
        FieldValue::text("1e999"),
        FieldValue::Null,
    ];
    for (misfit, number) in misfits.iter().zip(1..) {
        let fields = ALL_KINDS.map(|(name, _)| (name, misfit.clone()));
        write(&deployment, number, &fields).await;
    }
    let (flag, number) = (FieldValue::Bool(true), FieldValue::Int(7));
    write(&deployment, 20, &[("fee", flag.clone()), ("due", flag.clone()), ("note", flag)]).await;
    write(&deployment, 21, &[("urgent", number.clone()), ("heard_at", number.clone())]).await;
    write(&deployment, 22, &[("note", number)]).await;

    let rows: Vec<(i64, i64, i64, i64, i64)> = deployment
        .rows(
            "SELECT count(urgent), count(fee), count(due), count(heard_at), count(note) \
             FROM case_fields",
        )
        .await;
    assert_eq!(rows, [(0, 0, 0, 0, 9)]);
    let notes: Vec<(String,)> = deployment
        .rows("SELECT note FROM case_fields WHERE note IN ('true', '7') ORDER BY note")
        .await;
    assert_eq!(notes, [("7".to_owned(),), ("true".to_owned(),)]);
}

async fn columns_follow_the_mapping_and_never_hide_those_of_the_table(deployment: Deployment) {
    let text = ColumnKind::Text;
    deployment.store.publish(&columns(&[("status", text), ("judge", text)])).await.unwrap();
    write(&deployment, 1, &[("status", FieldValue::text("theirs"))]).await;
    let rows: Vec<(Option<String>, String)> =
        deployment.rows("SELECT status, custom_status FROM case_fields WHERE judge IS NULL").await;
    assert_eq!(rows, [(None, "theirs".to_owned())]);

    deployment.store.publish(&columns(&[("status", text)])).await.unwrap();

    let failed = deployment.try_to_tamper("SELECT judge FROM case_fields").await;
    assert!(failed.is_err(), "a field that left the mapping leaves the view");
    let n_rows: Vec<(i64,)> = deployment
        .rows("SELECT (SELECT count(*) FROM account_fields) + count(full_name) FROM contact_fields")
        .await;
    assert_eq!(n_rows, [(0,)]);
}

async fn many_starts_at_once_make_the_views_once(deployment: Deployment) {
    let mut stores = vec![Arc::clone(&deployment.store)];
    for _ in 0..3 {
        stores.push(deployment.other().await);
    }
    let columns = columns(&ALL_KINDS);

    let publishing = stores.iter().map(|it| it.publish(&columns));
    let published = futures_util::future::join_all(publishing).await;

    let n_made = published.into_iter().filter(|it| *it.as_ref().unwrap()).count();
    assert_eq!(n_made, 1);
}

async fn views_that_somebody_removed_come_back(deployment: Deployment) {
    let columns = columns(&ALL_KINDS);
    deployment.store.publish(&columns).await.unwrap();
    deployment.tamper("DROP VIEW case_fields").await;

    assert!(deployment.store.publish(&columns).await.unwrap());

    let rows: Vec<(i64,)> = deployment.rows("SELECT count(fee) FROM case_fields").await;
    assert_eq!(rows, [(0,)]);
}

async fn tables_go_down_and_up_below_the_views(deployment: Deployment) {
    deployment.store.publish(&columns(&ALL_KINDS)).await.unwrap();
    let newest = deployment.newest_version().await;

    deployment.move_to(newest - 1).await;
    assert!(deployment.try_to_tamper("SELECT fee FROM case_fields").await.is_err());
    deployment.move_to(newest).await;
    deployment.try_to_tamper("SELECT fee FROM case_fields").await.unwrap();
    // Below the ledger, where nothing is known of views.
    deployment.move_to(0).await;
    deployment.move_to(newest).await;

    assert_eq!(deployment.other().await.published().await.unwrap(), FieldColumns::default());
}

on_both_engines!(
    views_keep_the_contract,
    custom_fields_are_columns_of_their_kind,
    value_that_does_not_fit_is_none_and_stops_no_query,
    columns_follow_the_mapping_and_never_hide_those_of_the_table,
    many_starts_at_once_make_the_views_once,
    views_that_somebody_removed_come_back,
    tables_go_down_and_up_below_the_views,
);

#[tokio::test]
async fn whoever_may_read_the_views_still_may_when_they_are_made_anew() {
    let engine = super::deployment::Engine::Postgres;
    let Some(deployment) = Deployment::new(engine).await else { return };
    deployment.store.publish(&columns(&ALL_KINDS)).await.unwrap();
    let analyst = deployment
        .role("GRANT USAGE ON SCHEMA moodbridge TO {role}; GRANT SELECT ON moodbridge.case_fields TO {role}")
        .await;
    deployment.store.publish(&columns(&ALL_KINDS[..3])).await.unwrap();
    // As around a migration.
    let mut connection = deployment.server().await;
    let taken_down = field_views::take_down(&mut connection).await.unwrap();
    assert!(deployment.try_to_tamper("SELECT fee FROM case_fields").await.is_err());
    field_views::put_up(&mut connection, taken_down).await.unwrap();

    deployment.tamper(&format!("SET ROLE {analyst}; SELECT fee FROM case_fields")).await;
}

#[tokio::test]
async fn views_that_others_are_built_on_stop_no_migration() {
    let engine = super::deployment::Engine::Postgres;
    let Some(deployment) = Deployment::new(engine).await else { return };
    deployment.store.publish(&columns(&ALL_KINDS)).await.unwrap();
    deployment
        .tamper("CREATE VIEW public.fees AS SELECT id, fee FROM moodbridge.case_fields")
        .await;
    let newest = deployment.newest_version().await;

    deployment.store.publish(&columns(&ALL_KINDS[..2])).await.unwrap_err();
    deployment.move_to(newest - 1).await;
    deployment.move_to(newest).await;

    deployment.tamper("SELECT fee FROM public.fees").await;
}
