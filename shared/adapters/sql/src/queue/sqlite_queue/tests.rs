//! The contract, and what only a file can prove.

use shared::ports::SystemClock;
use shared::ports::queue_contract::{Platform, contract};
use tempfile::TempDir;

use super::*;

async fn open(folder: &TempDir, max_attempts: u32) -> SqliteQueue {
    let options = QueueOptions {
        max_attempts: NonZeroU32::new(max_attempts).unwrap(),
        ..QueueOptions::default()
    };
    let path = folder.path().join("data").join("queue.db");
    SqliteQueue::open(&path, "events", options, Arc::new(SystemClock)).await.unwrap()
}

#[tokio::test]
async fn sqlite_queue_keeps_the_contract() {
    let platform = Platform {
        max_attempts: NonZeroU32::new(3).unwrap(),
        visibility: Duration::from_millis(150),
    };
    let folders = std::sync::Mutex::new(Vec::new());
    contract(platform, || async {
        let folder = tempfile::tempdir().unwrap();
        let queue = open(&folder, platform.max_attempts.get()).await;
        folders.lock().unwrap().push(folder);
        Arc::new(queue) as Arc<dyn Queue>
    })
    .await;
}
