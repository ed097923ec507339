//! Zero loss: whatever dies whenever, every acknowledged event is applied exactly once.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::moodbridge::{Moodbridge, command, free_port};
use crate::place::Place;
use crate::soak::{self, Dice};

/// Events that are posted, by this many senders.
const N_EVENTS: usize = 20_000;
const N_SENDERS: usize = 32;
/// How often the process is killed at least.
const N_KILLS: usize = 20;
/// How long everything may take on a busy machine.
const LIMIT: Duration = Duration::from_secs(600);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn acknowledged_events_survive_any_number_of_kills_and_are_applied_once() {
    let place = Place::new().await;
    let port = free_port();
    soak::write_settings(&place, "moodbridge.toml", port);
    assert!(command(place.path(), &["db", "migrate"]).status.success());
    let events = soak::events(N_EVENTS);
    let mut dice = Dice(42);
    let shares = soak::shares(&events, &mut dice, N_SENDERS);

    let begun = Instant::now();
    let mut moodbridge = Moodbridge::start(place.path(), port, &["serve"]).await;
    let url = soak::hook(&moodbridge.url);
    let n_acknowledged = Arc::new(AtomicUsize::new(0));
    let senders: Vec<_> = shares
        .into_iter()
        .map(|share| tokio::spawn(soak::send_all(url.clone(), share, Arc::clone(&n_acknowledged))))
        .collect();
    let mut n_kills = 0;
    while n_kills < N_KILLS || senders.iter().any(|it| !it.is_finished()) {
        assert!(begun.elapsed() < LIMIT, "{} acknowledged", n_acknowledged.load(Ordering::Relaxed));
        tokio::time::sleep(Duration::from_millis(dice.below(400) as u64)).await;
        if n_kills < N_KILLS {
            drop(moodbridge);
            n_kills += 1;
            moodbridge = Moodbridge::start(place.path(), port, &["serve"]).await;
        }
    }
    for sender in senders {
        sender.await.unwrap();
    }
    assert_eq!(n_acknowledged.load(Ordering::Relaxed), N_EVENTS);
    let (queues, _) = moodbridge.wait_for("/v1/queues", LIMIT, soak::is_empty).await;
    assert_eq!(queues["items"][0]["n_dead"], 0, "{queues}");
    assert_eq!(moodbridge.stop(), Some(0));

    soak::check_store(&place, &events).await;
}
