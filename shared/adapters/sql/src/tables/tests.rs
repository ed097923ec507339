//! Tables at a real PostgreSQL.

use shared::PortErrorKind;
use shared::etl::{ColumnKind, DatabaseTable, PlannedColumn, WriteMode};
use shared::ports::{LoadId, Loaded, TableError, TableLoad, Tables as _, TextRow};
use shared::time::Timestamp;
use sqlx::{Connection as _, Row as _};

use super::*;
use crate::testkit::FreshDatabase;

/// A database with tables, and what reads and writes them.
struct Desk {
    database: FreshDatabase,
    tables: PostgresTables,
}

impl Desk {
    async fn open(sql: &str) -> Option<Self> {
        let database = FreshDatabase::create().await?;
        for statement in sql.split(';').filter(|it| !it.trim().is_empty()) {
            database.run(statement).await;
        }
        let named = [("reporting".to_owned(), database.options())];
        Some(Self { database, tables: PostgresTables::new(named.into()) })
    }

    async fn load(
        &self,
        name: &str,
        columns: &[(&str, &str)],
        mode: WriteMode,
        run_at: i64,
        rows: &[&[Option<&str>]],
    ) -> Result<Loaded, TableError> {
        let planned = |(name, kind): &(&str, &str)| PlannedColumn {
            name: (*name).to_owned(),
            kind: ColumnKind::parse(kind).unwrap(),
        };
        let id = LoadId {
            pipeline: "cases".to_owned(),
            source: "file:in/cases.csv".to_owned(),
            run_at: Timestamp::from_millis(run_at),
        };
        let columns = columns.iter().map(planned).collect();
        let load = TableLoad { table: table(name), columns, mode, id };
        let mut loading = self.tables.load(load).await?;
        let rows: Vec<TextRow> =
            rows.iter().map(|row| row.iter().map(|it| it.map(str::to_owned)).collect()).collect();
        for some in rows.chunks(2) {
            loading.write(some).await?;
        }
        loading.finish().await
    }

    async fn asked(&self, sql: &str) -> Vec<String> {
        let mut connection = self.database.options().connection().connect().await.unwrap();
        let rows = statement(sql.to_owned()).fetch_all(&mut connection).await.unwrap();
        connection.close().await.unwrap();
        rows.iter().map(|it| it.get(0)).collect()
    }

    async fn read(&self, name: &str, columns: &[&str]) -> Result<Vec<TextRow>, TableError> {
        let columns: Vec<String> = columns.iter().map(|it| (*it).to_owned()).collect();
        let mut rows = self.tables.read(&table(name), &columns).await?;
        let mut all = Vec::new();
        loop {
            let page = rows.next().await?;
            if page.is_empty() {
                return Ok(all);
            }
            all.extend(page);
        }
    }
}

fn table(name: &str) -> DatabaseTable {
    let (database, schema) = ("reporting".to_owned(), "public".to_owned());
    DatabaseTable { database, schema, name: name.to_owned() }
}

fn merge() -> WriteMode {
    WriteMode::Merge { by: vec!["id".to_owned()] }
}

const CASES: &str = "CREATE TABLE cases (id text PRIMARY KEY, fee numeric(12,2), \"Opened On\" date, \
                     note text DEFAULT 'none', at timestamptz, extra json)";
const COLUMNS: &[(&str, &str)] = &[("id", "text"), ("fee", "decimal(10,2)"), ("Opened On", "date")];

#[tokio::test]
async fn merge_changes_what_differs_and_leaves_what_others_wrote() {
    let Some(desk) = Desk::open(CASES).await else { return };
    desk.database
        .run("INSERT INTO cases VALUES ('a', 1, NULL, 'ours'), ('z', 9, NULL, 'theirs')")
        .await;
    let rows: &[&[Option<&str>]] = &[
        &[Some("a"), Some("1.50"), None],
        &[Some("b\t\\N \"x\""), Some("2"), Some("2026-01-31")],
        &[Some("c\nd"), None, None],
    ];
    let first = desk.load("cases", COLUMNS, merge(), 1, rows).await.unwrap();
    assert_eq!(first, Loaded { n_new: 2, n_changed: 1, was_there: false });
    for run in 2..5 {
        let again = desk.load("cases", COLUMNS, merge(), run, rows).await.unwrap();
        assert_eq!(again, Loaded { n_new: 0, n_changed: 0, was_there: false });
    }
    let found = desk
        .asked("SELECT concat_ws('|', id, fee, \"Opened On\", note) FROM cases ORDER BY id")
        .await;
    let expected =
        ["a|1.50|ours", "b\t\\N \"x\"|2.00|2026-01-31|none", "c\nd|none", "z|9.00|theirs"];
    assert_eq!(found, expected);
}

#[tokio::test]
async fn same_run_is_appended_once_and_another_one_again() {
    let Some(desk) = Desk::open("CREATE TABLE visits (id text)").await else { return };
    let rows: &[&[Option<&str>]] = &[&[Some("a")], &[Some("a")], &[None]];
    for (run, n_new, was_there, n_rows) in
        [(1, 3, false, "3"), (1, 0, true, "3"), (2, 3, false, "6"), (1, 0, true, "6")]
    {
        let loaded = desk.load("visits", &[("id", "text")], WriteMode::Append, run, rows).await;
        assert_eq!(loaded.unwrap(), Loaded { n_new, n_changed: 0, was_there });
        assert_eq!(desk.asked("SELECT count(*)::text FROM visits").await, [n_rows]);
    }
}

#[tokio::test]
async fn same_run_twice_at_once_is_appended_once() {
    let Some(desk) = Desk::open("CREATE TABLE visits (id text)").await else { return };
    let rows: &[&[Option<&str>]] = &[&[Some("a")]];
    let one = || desk.load("visits", &[("id", "text")], WriteMode::Append, 1, rows);
    let (a, b, c, d) = tokio::join!(one(), one(), one(), one());
    let loaded = [a, b, c, d].map(Result::unwrap);
    assert_eq!(loaded.iter().filter(|it| !it.was_there).count(), 1);
    assert_eq!(desk.asked("SELECT count(*)::text FROM visits").await, ["1"]);
}

#[tokio::test]
async fn replaced_table_has_what_the_run_gave_and_a_failed_one_what_it_had() {
    let Some(desk) = Desk::open("CREATE TABLE t (id text, n smallint CHECK (n < 9))").await else {
        return;
    };
    let columns: &[(&str, &str)] = &[("id", "text"), ("n", "long")];
    desk.load("t", columns, WriteMode::Replace, 1, &[&[Some("a"), Some("1")]]).await.unwrap();
    desk.load("t", columns, WriteMode::Replace, 2, &[&[Some("b"), Some("2")]]).await.unwrap();
    for (n, told) in [("10", "the constraint `t_n_check`"), ("70000", "the column `n`")] {
        let rows: &[&[Option<&str>]] = &[&[Some("c"), Some("3")], &[Some("secret"), Some(n)]];
        let error = desk.load("t", columns, WriteMode::Replace, 3, rows).await.unwrap_err();
        let TableError::Unfit(text) = error else { panic!("{error}") };
        assert!(text.contains(told) && !text.contains("secret"), "{text}");
        assert!(!text.contains(n), "{text}");
    }
    assert_eq!(desk.asked("SELECT concat(id, n) FROM t").await, ["b2"]);
    let nothing = desk.load("t", columns, WriteMode::Replace, 4, &[]).await.unwrap();
    assert_eq!(nothing.n_new, 0);
    assert!(desk.asked("SELECT id FROM t").await.is_empty());
}

#[tokio::test]
async fn table_that_is_not_there_is_made_when_the_run_is_good() {
    let Some(desk) = Desk::open("").await else { return };
    let columns: &[(&str, &str)] = &[
        ("id", "text"),
        ("n", "long"),
        ("x", "float"),
        ("fee", "decimal(9,3)"),
        ("ok", "bool"),
        ("day", "date"),
        ("at", "instant"),
    ];
    let row: &[Option<&str>] = &[
        Some("a"),
        Some("9223372036854775807"),
        Some("0.1"),
        Some("1.125"),
        Some("true"),
        Some("2026-01-31"),
        Some("2026-01-31T23:59:59.123Z"),
    ];
    let loaded = desk.load("made", columns, merge(), 1, &[row]).await.unwrap();
    assert_eq!(loaded.n_new, 1);
    let names: Vec<&str> = columns.iter().map(|it| it.0).collect();
    let read = desk.read("made", &names).await.unwrap();
    let mut expected: TextRow = row.iter().map(|it| it.map(str::to_owned)).collect();
    expected[6] = Some("2026-01-31T23:59:59.123000Z".to_owned());
    assert_eq!(read, [expected]);
    let two: &[&[Option<&str>]] = &[&[Some("b")], &[Some("b")]];
    let error = desk.load("never", &[("id", "text")], merge(), 1, two).await.unwrap_err();
    assert!(error.to_string().contains("two rows have the same `id`"), "{error}");
    let there = "SELECT coalesce(to_regclass('public.never')::text, 'none')";
    assert_eq!(desk.asked(there).await, ["none"]);
}

#[tokio::test]
async fn what_a_table_cannot_take_is_refused_before_any_row() {
    let made = format!("{CASES}; CREATE TABLE bare (id text, n bigint NOT NULL, whole bigint)");
    let Some(desk) = Desk::open(&made).await else { return };
    for (name, columns, mode, told) in [
        ("cases", &[("id", "text"), ("fees", "long")], merge(), "did you mean `fee`?"),
        (
            "cases",
            &[("id", "text"), ("fee", "decimal(9,3)")],
            merge(),
            "make the column numeric(9,3)",
        ),
        ("cases", &[("id", "text"), ("at", "text")], merge(), "`timestamp with time zone` there"),
        (
            "bare",
            &[("id", "text"), ("n", "long")],
            merge(),
            "CREATE UNIQUE INDEX ON \"public\".\"bare\"",
        ),
        (
            "bare",
            &[("id", "text"), ("whole", "long")],
            WriteMode::Append,
            "the column `n` takes no row",
        ),
    ] {
        let rows: &[&[Option<&str>]] = &[&[Some("a"), Some("1")]];
        let error = desk.load(name, columns, mode, 1, rows).await.unwrap_err();
        let TableError::Unfit(text) = error else { panic!("{error}") };
        assert!(text.contains(told), "{text}");
    }
    let rows: &[&[Option<&str>]] = &[&[None], &[Some("a")]];
    let error = desk.load("cases", &[("id", "text")], merge(), 1, rows).await.unwrap_err();
    assert!(error.to_string().contains("1 rows have no value in `id`"), "{error}");
    let error = desk.read("nowhere", &["id"]).await.unwrap_err();
    assert!(error.to_string().contains("no such table"), "{error}");
    let other = DatabaseTable { database: "reportin".to_owned(), ..table("cases") };
    let error = desk.tables.read(&other, &[]).await.map(drop).unwrap_err();
    assert!(error.to_string().contains("did you mean `reporting`?"), "{error}");
}

#[tokio::test]
async fn rows_are_read_from_one_moment_with_values_in_one_form() {
    let made =
        "CREATE TABLE t (id int, at timestamptz, local timestamp, x float8, ok bool, b bytea)";
    let Some(desk) = Desk::open(made).await else { return };
    desk.database
        .run(
            "INSERT INTO t SELECT i, '2026-03-29 02:30:00+02', '2026-03-29 02:30:00', 0.1, i % 2 = 0, \
             '\\x01' FROM generate_series(1, 10000) i",
        )
        .await;
    desk.database
        .run(
            "ALTER DATABASE \"DB\" SET timezone = 'Asia/Tokyo'"
                .replace("DB", desk.database.address().path().trim_start_matches('/')),
        )
        .await;
    let columns = ["at", "local", "x", "ok", "b", "id"].map(str::to_owned);
    let mut rows = desk.tables.read(&table("t"), &columns).await.unwrap();
    assert!(rows.unread_columns().is_empty());
    let mut all = rows.next().await.unwrap();
    desk.database.run("DELETE FROM t").await;
    loop {
        let page = rows.next().await.unwrap();
        if page.is_empty() {
            break;
        }
        all.extend(page);
    }
    assert_eq!(all.len(), 10_000);
    let first: Vec<&str> = all[0].iter().map(|it| it.as_deref().unwrap()).collect();
    let (at, local) = ("2026-03-29T00:30:00.000000Z", "2026-03-29T02:30:00.000000Z");
    assert_eq!(first, [at, local, "0.1", "false", "\\x01", "1"]);
}

#[tokio::test]
async fn load_that_is_dropped_leaves_nothing_and_rights_are_named() {
    let Some(desk) = Desk::open(CASES).await else { return };
    let load = TableLoad {
        table: table("cases"),
        columns: vec![PlannedColumn { name: "id".to_owned(), kind: ColumnKind::Text }],
        mode: WriteMode::Append,
        id: LoadId {
            pipeline: String::new(),
            source: String::new(),
            run_at: Timestamp::from_millis(1),
        },
    };
    let mut loading = desk.tables.load(load).await.unwrap();
    loading.write(&[vec![Some("a".to_owned())]]).await.unwrap();
    drop(loading);
    assert!(desk.asked("SELECT id FROM cases").await.is_empty());

    let role = desk.database.role("GRANT SELECT ON cases TO {role}").await;
    let mut address = desk.database.address();
    address.set_username(&role).unwrap();
    let options = PostgresOptions::parse(&address, None).unwrap();
    let guest = Desk {
        tables: PostgresTables::new([("reporting".to_owned(), options)].into()),
        database: desk.database,
    };
    assert!(guest.read("cases", &["id"]).await.unwrap().is_empty());
    let rows: &[&[Option<&str>]] = &[&[Some("a")]];
    let error = guest.load("cases", &[("id", "text")], merge(), 1, rows).await.unwrap_err();
    assert!(error.to_string().contains("no right"), "{error}");
}

#[tokio::test]
async fn database_that_is_away_is_worth_another_try() {
    let address = url::Url::parse("postgres://nobody@127.0.0.1:9/none").unwrap();
    let options = PostgresOptions::parse(&address, None).unwrap();
    let tables = PostgresTables::new([("reporting".to_owned(), options)].into());
    let error = tables.read(&table("cases"), &[]).await.map(drop).unwrap_err();
    let TableError::Port(error) = error else { panic!("{error}") };
    assert_eq!(error.kind(), PortErrorKind::Unavailable);
}
