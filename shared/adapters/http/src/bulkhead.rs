//! Bounds how many calls to one host are under way: a slow platform takes up no more than its share.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The room for calls to one host.
#[derive(Clone, Debug)]
pub(crate) struct Bulkhead {
    places: Arc<Semaphore>,
}

/// A place in the room, free again when dropped.
#[derive(Debug)]
pub(crate) struct Place {
    _permit: Option<OwnedSemaphorePermit>,
}

impl Bulkhead {
    pub(crate) fn new(n_places: usize) -> Self {
        Self { places: Arc::new(Semaphore::new(n_places.clamp(1, Semaphore::MAX_PERMITS))) }
    }

    /// Waits for a place, at most `longest`; the first to wait is the first to enter.
    pub(crate) async fn enter(&self, longest: Duration) -> Option<Place> {
        let place =
            tokio::time::timeout(longest, self.places.clone().acquire_owned()).await.ok()?;
        // It is never closed; if it were, calls would go on unbounded rather than stop.
        Some(Place { _permit: place.ok() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn call_beyond_the_places_waits_for_one_but_not_for_ever() {
        let bulkhead = Bulkhead::new(1);
        let place = bulkhead.enter(Duration::ZERO).await.unwrap();
        assert!(bulkhead.enter(Duration::from_secs(1)).await.is_none());

        let waiting = tokio::spawn({
            let bulkhead = bulkhead.clone();
            async move { bulkhead.enter(Duration::from_secs(1)).await.is_some() }
        });
        tokio::task::yield_now().await;
        drop(place);
        assert!(waiting.await.unwrap());
    }
}
