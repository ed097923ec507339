//! Rollups against a recount.

use proptest::prelude::*;
use shared::auth::Sight;
use shared::model::{Entity, FieldValue, Fields};
use shared::ports::case_store_contract::{sample_write, text_fields};
use shared::ports::{Overview, StatusCount, Write, WriteKind};

use super::deployment::{Deployment, Engine, on_both_engines};

/// One write of one of a few cases.
#[derive(Clone, Debug)]
struct Step {
    number: u32,
    status: usize,
    is_closed: bool,
    opened_day: i64,
    closed_day: Option<i64>,
    is_deleted: bool,
}

fn step() -> impl Strategy<Value = Step> {
    (0_u32..6, 0_usize..4, any::<bool>(), -2_i64..3, prop::option::of(-2_i64..3), any::<bool>())
        .prop_map(|(number, status, is_closed, opened_day, closed_day, is_deleted)| Step {
            number,
            status,
            is_closed,
            opened_day,
            closed_day,
            is_deleted,
        })
}

fn day(day: i64) -> FieldValue {
    // One millisecond before midnight: rounding towards 1970 would count it on the wrong day.
    let at = shared::time::Timestamp::from_millis((day + 1) * 86_400_000 - 1);
    FieldValue::Text(at.to_string())
}

type Figures = (Vec<(String, i64)>, Vec<(i64, i64, i64)>);

async fn recount(fixture: &Deployment) -> Figures {
    let by_status = fixture.rows(
        "SELECT coalesce(status, ''), count(*) FROM cases WHERE NOT is_deleted GROUP BY 1 ORDER BY 1",
    );
    let by_day = fixture.rows(
        "SELECT day, sum(opened), sum(closed) FROM (\
         SELECT (opened_at + 864000000) / 86400000 - 10 AS day, 1 AS opened, 0 AS closed \
         FROM cases WHERE NOT is_deleted AND opened_at IS NOT NULL UNION ALL \
         SELECT (closed_at + 864000000) / 86400000 - 10, 0, 1 \
         FROM cases WHERE NOT is_deleted AND closed_at IS NOT NULL) AS days GROUP BY 1 ORDER BY 1",
    );
    (by_status.await, by_day.await)
}

async fn rollups(fixture: &Deployment) -> Figures {
    let by_status = fixture
        .rows("SELECT status, n_cases FROM case_status_counts WHERE n_cases <> 0 ORDER BY 1");
    let by_day = fixture.rows(
        "SELECT day, n_opened, n_closed FROM case_day_counts \
         WHERE n_opened <> 0 OR n_closed <> 0 ORDER BY 1",
    );
    (by_status.await, by_day.await)
}

async fn rollups_equal_a_recount(engine: Engine, steps: &[Step]) -> Result<(), TestCaseError> {
    let Some(fixture) = Deployment::new(engine).await else { return Ok(()) };
    for step in steps {
        let row = Fields::from([
            ("status".to_owned(), FieldValue::text(["", "New", "Trial", "Closed"][step.status])),
            ("is_closed".to_owned(), FieldValue::Bool(step.is_closed)),
            ("opened_at".to_owned(), day(step.opened_day)),
            ("closed_at".to_owned(), step.closed_day.map_or(FieldValue::Null, day)),
        ]);
        let mut write = sample_write(Entity::Case, step.number, row);
        let stored = fixture.store.shadow(&write.shadow.key).await.unwrap();
        write.shadow.revision = stored.map_or(0, |it| it.revision);
        write.shadow.is_deleted = step.is_deleted;
        write.kind = WriteKind::Updated;
        fixture.store.apply(write).await.unwrap();
    }
    prop_assert_eq!(rollups(&fixture).await, recount(&fixture).await);
    let open: Vec<(i64,)> =
        fixture.rows("SELECT count(*) FROM cases WHERE NOT is_deleted AND NOT is_closed").await;
    let overview = fixture.store.overview(&Sight::Everything, 30).await.unwrap();
    prop_assert_eq!(overview.n_open_cases, u64::try_from(open[0].0).unwrap());
    let total: u64 = overview.by_status.iter().map(|it| it.n_cases).sum();
    prop_assert_eq!(overview.n_cases, total);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn rollups_of_sqlite_equal_a_recount_after_any_writes(
        steps in proptest::collection::vec(step(), 1..40)
    ) {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(rollups_equal_a_recount(Engine::Sqlite, &steps))?;
    }

    #[test]
    fn rollups_of_postgres_equal_a_recount_after_any_writes(
        steps in proptest::collection::vec(step(), 1..40)
    ) {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(rollups_equal_a_recount(Engine::Postgres, &steps))?;
    }
}

async fn overview_of_an_empty_store_has_all_its_days(fixture: Deployment) {
    let overview = fixture.store.overview(&Sight::Everything, 30).await.unwrap();

    assert_eq!(overview.by_day.len(), 30);
    assert_eq!(overview.by_day[29].day, overview.as_of.to_string()[..10]);
    let empty =
        Overview { as_of: overview.as_of, by_day: overview.by_day.clone(), ..Overview::default() };
    assert_eq!(overview, empty);
}

fn backfilled(mut write: Write) -> Write {
    write.audit.as_mut().unwrap().is_backfill = true;
    write
}

async fn overview_counts_rows_statuses_changes_and_lag(fixture: Deployment) {
    let status =
        |number, status| sample_write(Entity::Case, number, text_fields([("status", status)]));
    for write in [
        sample_write(Entity::Account, 1, text_fields([("name", "Acme")])),
        sample_write(Entity::Contact, 1, text_fields([("last_name", "Byron")])),
        status(1, "New"),
        status(2, "Trial"),
        status(3, "Trial"),
        backfilled(status(4, "")),
    ] {
        fixture.store.apply(write).await.unwrap();
    }

    let overview = fixture.store.overview(&Sight::Everything, 7).await.unwrap();

    assert_eq!((overview.n_accounts, overview.n_contacts, overview.n_cases), (1, 1, 4));
    let count =
        |status: Option<&str>, n_cases| StatusCount { status: status.map(Into::into), n_cases };
    assert_eq!(
        overview.by_status,
        [count(Some("Trial"), 2), count(None, 1), count(Some("New"), 1)]
    );
    assert_eq!(overview.n_changes_last_minute, 6);
    assert_eq!(overview.sync_lag.n_samples, 5, "one came with the first full read");
    assert!(overview.last_change_at.is_some());
}

on_both_engines!(
    overview_of_an_empty_store_has_all_its_days,
    overview_counts_rows_statuses_changes_and_lag,
);
