//! A fresh PostgreSQL database for each test, and files of an existing MoodBridge.

#![expect(clippy::expect_used, reason = "a test's database fails by panicking")]
#![expect(clippy::panic, reason = "a test's database fails by panicking")]

mod matter;

use shared::config::Env;
use shared::ports::{Random, SystemRandom};
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection};
use url::Url;

use crate::postgres::PostgresOptions;

pub use matter::{MATTER, MATTER_LATER, MATTER_TABLES, sample_matter, write_matter};

/// An empty database of the PostgreSQL that `MOODBRIDGE_TEST_POSTGRES` names; gone when dropped.
#[derive(Debug)]
pub struct FreshDatabase {
    server: Url,
    name: String,
}

impl FreshDatabase {
    /// Makes a database, or says loudly that the test is skipped: no PostgreSQL is named.
    ///
    /// `scripts/with-postgres COMMAND` names one while it runs the command.
    ///
    /// # Panics
    ///
    /// When the PostgreSQL that is named does not make one, or when none is named and
    /// `MOODBRIDGE_REQUIRE` names `postgres`.
    pub async fn create() -> Option<Self> {
        let env = Env::of_process();
        let Some(server) = env.get("MOODBRIDGE_TEST_POSTGRES").filter(|it| !it.is_empty()) else {
            let required = env.get("MOODBRIDGE_REQUIRE").unwrap_or_default();
            let is_required = required.split(',').any(|it| it.trim() == "postgres");
            assert!(!is_required, "PostgreSQL is required: run this by `scripts/with-postgres`");
            eprintln!("SKIPPED: no PostgreSQL; `scripts/with-postgres COMMAND` starts one");
            return None;
        };
        let server = Url::parse(server).expect("`MOODBRIDGE_TEST_POSTGRES` is an address");
        let name = format!("test_{:032x}", SystemRandom.bits());
        run(&server, format!("CREATE DATABASE {name}")).await;
        Some(Self { server, name })
    }

    /// Returns the address of the database, to which a query such as `queue=events` may be added.
    pub fn address(&self) -> Url {
        let mut address = self.server.clone();
        address.set_path(&self.name);
        address
    }

    /// Returns the address as the adapters take it.
    ///
    /// # Panics
    ///
    /// When `MOODBRIDGE_TEST_POSTGRES` is not an address that they take.
    pub fn options(&self) -> PostgresOptions {
        PostgresOptions::parse(&self.address(), None)
            .unwrap_or_else(|error| panic!("`MOODBRIDGE_TEST_POSTGRES` is not usable: {error}"))
    }

    /// Runs one statement in the database, on a connection of its own.
    ///
    /// # Panics
    ///
    /// When the statement fails.
    pub async fn run(&self, sql: impl Into<String>) {
        run(&self.address(), sql.into()).await;
    }

    /// Makes a role that may log in, does `sql` with each `{role}` replaced by its name, and
    /// returns the name. It outlives the database, as roles belong to the server.
    ///
    /// # Panics
    ///
    /// When a statement fails.
    pub async fn role(&self, sql: &str) -> String {
        let role = format!("{}_role", self.name);
        self.run(format!("CREATE ROLE {role} LOGIN; {}", sql.replace("{role}", &role))).await;
        role
    }
}

impl Drop for FreshDatabase {
    fn drop(&mut self) {
        let (server, name) = (self.server.clone(), self.name.clone());
        // A test's runtime may be ending, or be busy with this very call.
        let dropped = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let sql = format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)");
            runtime.expect("runtime starts").block_on(run(&server, sql));
        });
        if dropped.join().is_err() {
            eprintln!("test database `{}` could not be dropped", self.name);
        }
    }
}

async fn run(address: &Url, sql: String) {
    let options = PgConnectOptions::from_url(address).expect("address of PostgreSQL");
    let mut connection = options.connect().await.expect("PostgreSQL answers");
    let ran = sqlx::raw_sql(AssertSqlSafe(sql.as_str())).execute(&mut connection).await;
    if let Err(error) = ran {
        panic!("`{sql}` failed: {error}");
    }
    let _ = connection.close().await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn database_is_empty_and_gone_afterwards() {
        let Some(database) = FreshDatabase::create().await else { return };
        let address = database.address();
        let server = database.server.clone();
        database.run("CREATE TABLE only_here (id int)").await;
        let held_open = PgConnectOptions::from_url(&address).unwrap().connect().await.unwrap();

        drop(database);

        drop(held_open);
        assert!(PgConnectOptions::from_url(&address).unwrap().connect().await.is_err());
        run(&server, "SELECT 1".to_owned()).await;
    }
}
