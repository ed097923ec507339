//! The contract, and what only several processes at one database can prove.

use shared::ports::queue_contract::{Platform, contract};

use super::*;
use crate::testkit::FreshDatabase;

/// Opens a queue as a process of its own would: it shares nothing but the database.
async fn open(database: &FreshDatabase, max_attempts: u32) -> PostgresQueue {
    let max_attempts = NonZeroU32::new(max_attempts).unwrap();
    let options = QueueOptions { max_attempts, ..QueueOptions::default() };
    let address = database.options();
    let signals = Arc::new(Signals::start(&address));
    PostgresQueue::open_with(&address, "events", options, None, signals).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_queue_keeps_the_contract() {
    let Some(_) = FreshDatabase::create().await else { return };
    let platform = Platform {
        max_attempts: NonZeroU32::new(3).unwrap(),
        visibility: Duration::from_millis(300),
    };
    let databases = Mutex::new(Vec::new());
    contract(platform, || async {
        let database = FreshDatabase::create().await.unwrap();
        let queue = open(&database, platform.max_attempts.get()).await;
        databases.lock().unwrap().push(database);
        Arc::new(queue) as Arc<dyn Queue>
    })
    .await;
}
