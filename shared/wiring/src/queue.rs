//! Queues by address.

use std::num::NonZeroU32;
use std::sync::Arc;

use shared::ports::{MemoryQueue, Queue, SystemClock};
use url::Url;

use crate::address::queue_name;
use crate::error::WiringError;
use crate::metered;

/// How often a message in memory is handed out before it becomes a dead letter.
const MEMORY_ATTEMPTS: NonZeroU32 = NonZeroU32::MIN.saturating_add(19);

/// Opens the queue at `address`, such as `sqlite:queue.db?queue=events`,
/// `postgres://user@host/database?queue=events`, `memory:?queue=events` or
/// `sqs://sqs.eu-west-1.amazonaws.com/123456789012/events?queue=events`.
///
/// # Errors
///
/// [`WiringError`] when no adapter takes the scheme, or what stands there cannot be used.
pub async fn queue(address: &Url) -> Result<Arc<dyn Queue>, WiringError> {
    open(address).await.map(metered::queue)
}

async fn open(address: &Url) -> Result<Arc<dyn Queue>, WiringError> {
    let name = queue_name(address)?;
    match address.scheme() {
        "memory" => Ok(Arc::new(MemoryQueue::new(&name, MEMORY_ATTEMPTS, Arc::new(SystemClock)))),
        #[cfg(feature = "aws")]
        "sqs" => Ok(Arc::new(crate::aws::queue(address, &name).await?)),
        #[cfg(feature = "sqlite")]
        "sqlite" => {
            let path = crate::address::file(address)?;
            let options = adapter_sql::queue::QueueOptions::default();
            let clock = Arc::new(SystemClock);
            let queue = adapter_sql::queue::SqliteQueue::open(&path, &name, options, clock)
                .await
                .map_err(|error| WiringError::unusable(address, error))?;
            Ok(Arc::new(queue))
        }
        #[cfg(feature = "sql")]
        "postgres" | "postgresql" => {
            let database = crate::postgres::postgres(address).await?;
            let options = adapter_sql::queue::QueueOptions::default();
            let queue = adapter_sql::queue::PostgresQueue::open(&database, &name, options)
                .await
                .map_err(|error| crate::postgres::unopened(&database, error))?;
            Ok(Arc::new(queue))
        }
        _ => Err(WiringError::UnknownPlatform { address: address.clone() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn unknown_scheme_says_what_this_build_takes() {
        let address = Url::parse("carrier-pigeon:loft?queue=events").unwrap();
        let error = queue(&address).await.map(|_| ()).unwrap_err();
        assert!(error.to_string().contains("built with: memory"), "{error}");
    }

    #[cfg(feature = "sql")]
    #[tokio::test]
    async fn queue_in_postgres_is_found_by_its_address() {
        let Some(database) = adapter_sql::testkit::FreshDatabase::create().await else { return };
        let mut address = database.address();
        address.query_pairs_mut().append_pair("queue", "events");
        assert_eq!(queue(&address).await.unwrap().name(), "events");
    }

    #[cfg(feature = "aws")]
    #[tokio::test]
    async fn store_of_large_bodies_is_named_in_the_address_of_the_queue() {
        let at = "sqs://sqs.eu-west-1.amazonaws.com/123456789012/events?queue=events&large=";
        let address = Url::parse(&format!("{at}documents")).unwrap();
        let error = queue(&address).await.map(|_| ()).unwrap_err();
        let text = shared::chain(&error).to_string();
        assert!(text.contains("`documents` is not where blobs are: write `s3://"), "{text}");

        let folder = std::env::temp_dir().join("moodbridge-large-bodies");
        let address = Url::parse(&format!("{at}file%3A{}", folder.display())).unwrap();
        let opened = queue(&address).await.unwrap();
        assert!(opened.max_body_bytes() > 1_048_576);
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[tokio::test]
    async fn memory_is_always_there() {
        let address = Url::parse("memory:?queue=events").unwrap();
        assert_eq!(queue(&address).await.unwrap().name(), "events");
    }
}
