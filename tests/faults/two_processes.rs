//! Two processes on one data folder: either may die, and the other goes on.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::moodbridge::{Moodbridge, command, free_port};
use crate::place::Place;
use crate::soak::{self, Dice};

/// Events that are posted to both processes.
const N_EVENTS: usize = 5_000;
const N_SENDERS: usize = 16;
/// How long everything may take on a busy machine.
const LIMIT: Duration = Duration::from_secs(240);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_processes_share_one_folder_and_one_may_die_at_any_moment() {
    let place = Place::new().await;
    let events = soak::events(N_EVENTS);
    let ports = [free_port(), free_port()];
    soak::write_settings(&place, "moodbridge.toml", ports[0]);
    assert!(command(place.path(), &["db", "migrate"]).status.success());
    let mut running = Vec::new();
    for port in ports {
        let name = format!("serve-{port}.toml");
        soak::write_settings(&place, &name, port);
        let arguments = ["--config", &name, "serve"];
        running.push(Moodbridge::start(place.path(), port, &arguments).await);
    }

    // Every event goes to both, so that each is sent twice, at about the same time.
    let counts = [Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0))];
    let mut senders = [Vec::new(), Vec::new()];
    for (idx, process) in running.iter().enumerate() {
        let mut dice = Dice(idx as u64);
        for share in soak::shares(&events, &mut dice, N_SENDERS) {
            let url = soak::hook(&process.url);
            let sending = soak::send_all(url, share, Arc::clone(&counts[idx]));
            senders[idx].push(tokio::spawn(sending));
        }
    }
    while counts.iter().any(|it| it.load(Ordering::Relaxed) < N_EVENTS / 4) {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    drop(running.remove(0));
    let [of_the_dead, of_the_survivor] = senders;
    // Nobody is there to answer them.
    of_the_dead.into_iter().for_each(|it| it.abort());
    for sender in of_the_survivor {
        sender.await.unwrap();
    }
    let mut survivor = running.remove(0);
    let (queues, _) = survivor.wait_for("/v1/queues", LIMIT, soak::is_empty).await;
    assert_eq!(queues["items"][0]["n_dead"], 0, "{queues}");
    assert_eq!(survivor.stop(), Some(0));

    soak::check_store(&place, &events).await;
}
