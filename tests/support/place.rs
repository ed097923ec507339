//! Where a test keeps its data: in files of its folder, or in a PostgreSQL database of its own when
//! `MOODBRIDGE_TEST_STORE` is `postgres`. The same tests run on both.

use std::path::Path;

use adapter_sql::testkit::FreshDatabase;
use shared::config::Env;
use url::Url;

/// A folder, and perhaps a database, that go away with this value.
pub(crate) struct Place {
    folder: tempfile::TempDir,
    database: Option<FreshDatabase>,
}

impl Place {
    /// Makes an empty one.
    pub(crate) async fn new() -> Self {
        let database = match Env::of_process().get("MOODBRIDGE_TEST_STORE") {
            None | Some("" | "sqlite") => None,
            Some("postgres") => {
                let database = FreshDatabase::create().await;
                Some(database.expect("run this by `scripts/with-postgres`"))
            }
            Some(other) => panic!("`MOODBRIDGE_TEST_STORE` is `{other}`, not sqlite or postgres"),
        };
        Self { folder: tempfile::tempdir().unwrap(), database }
    }

    /// Returns the folder in which `moodbridge` runs.
    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Returns the addresses of the case store and of the queue; `None` when the data is in the
    /// folder, where it is by default.
    pub(crate) fn addresses(&self) -> Option<(Url, Url)> {
        let cases = self.database.as_ref()?.address();
        let mut queue = cases.clone();
        queue.query_pairs_mut().append_pair("queue", "events");
        Some((cases, queue))
    }
}
