//! Group commit, on a small table.

use std::sync::{Arc, Mutex};

use futures_util::FutureExt;
use futures_util::future::join_all;
use sqlx::migrate::Migrator;

use super::*;
use crate::database::MigrationPolicy;

/// Inserts each job's number; notes how many jobs each commit had.
struct Numbers(Arc<Mutex<Vec<usize>>>);

#[async_trait]
impl WriteGroup for Numbers {
    type Job = i64;
    type Answer = i64;

    async fn run(
        &mut self,
        connection: &mut SqliteConnection,
        jobs: &[i64],
    ) -> Result<Vec<i64>, sqlx::Error> {
        for job in jobs {
            sqlx::query("INSERT INTO number VALUES (?1)")
                .bind(job)
                .execute(&mut *connection)
                .await?;
        }
        self.0.lock().unwrap().push(jobs.len());
        Ok(jobs.iter().map(|it| it * 10).collect())
    }
}

struct Fixture {
    _folder: tempfile::TempDir,
    database: Database,
    writer: Writer<Numbers>,
    commits: Arc<Mutex<Vec<usize>>>,
}

impl Fixture {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("numbers.db");
        let none = Migrator::with_migrations(Vec::new());
        let database = Database::open(&path, &none, MigrationPolicy::Apply).await.unwrap();
        let mut connection = database.write_connection().await.unwrap();
        sqlx::query("CREATE TABLE number (value INTEGER PRIMARY KEY CHECK (value < 1000)) STRICT")
            .execute(&mut connection)
            .await
            .unwrap();
        let commits = Arc::default();
        let writer = Writer::start(&database, Numbers(Arc::clone(&commits))).await.unwrap();
        Self { _folder: folder, database, writer, commits }
    }

    async fn stored(&self) -> Vec<i64> {
        sqlx::query_scalar("SELECT value FROM number ORDER BY value")
            .fetch_all(self.database.readers())
            .await
            .unwrap()
    }
}

#[tokio::test]
async fn callers_at_the_same_time_share_commits_and_each_gets_its_own_answer() {
    let fixture = Fixture::new().await;

    let answers = join_all((0..500).map(|it| fixture.writer.write(it))).await;

    let answers: Vec<i64> = answers.into_iter().map(Result::unwrap).collect();
    assert_eq!(answers, (0..500).map(|it| it * 10).collect::<Vec<_>>());
    assert_eq!(fixture.stored().await.len(), 500);
    let n_commits = fixture.commits.lock().unwrap().len();
    assert!(n_commits < 50, "{n_commits} commits");
}

#[tokio::test]
async fn job_that_breaks_a_constraint_fails_alone() {
    let fixture = Fixture::new().await;

    let answers = join_all([1, 2, 5000, 3].map(|it| fixture.writer.write(it))).await;

    let failed: Vec<bool> = answers.iter().map(Result::is_err).collect();
    assert_eq!(failed, [false, false, true, false]);
    assert_eq!(fixture.stored().await, [1, 2, 3]);
}

#[tokio::test]
async fn refused_job_is_rejected_with_its_cause() {
    let fixture = Fixture::new().await;
    fixture.writer.write(7).await.unwrap();

    let error = fixture.writer.write(7).await.unwrap_err().into_port("put", "number 7");

    assert_eq!(error.kind(), PortErrorKind::Rejected);
    assert!(shared::chain(&error).to_string().contains("UNIQUE"), "{}", shared::chain(&error));
}

#[tokio::test]
async fn every_caller_of_a_commit_that_fails_gets_the_error_and_the_next_commit_works() {
    let fixture = Fixture::new().await;
    let mut other = fixture.database.write_connection().await.unwrap();
    sqlx::query("ALTER TABLE number RENAME TO hidden").execute(&mut other).await.unwrap();

    let answers = join_all([1, 2, 3].map(|it| fixture.writer.write(it))).await;
    sqlx::query("ALTER TABLE hidden RENAME TO number").execute(&mut other).await.unwrap();

    for answer in answers {
        let error = answer.unwrap_err().into_port("put", "number");
        assert_eq!(error.kind(), PortErrorKind::Unavailable);
    }
    fixture.writer.write(4).await.unwrap();
    assert_eq!(fixture.stored().await, [4]);
}

#[tokio::test]
async fn job_whose_caller_has_gone_is_not_run() {
    let fixture = Fixture::new().await;

    assert!(fixture.writer.write(1).now_or_never().is_none());
    fixture.writer.write(2).await.unwrap();

    assert_eq!(fixture.stored().await, [2]);
}
