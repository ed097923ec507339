//! Files that cannot grow: what is not on disk is not acknowledged, and nothing is lost.

use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::moodbridge::{BINARY, Moodbridge, command, free_port};
use crate::place::Place;
use crate::soak::{self, Dice};

const N_EVENTS: usize = 4_000;
const N_SENDERS: usize = 8;
/// Runs a command whose files cannot grow beyond one or two mebibytes: a write beyond fails, as on a full
/// disk, and kills nobody. The logs of both databases get there after some hundred commits.
const SMALL_DISK: &str = "trap '' XFSZ; ulimit -S -f 2048; exec \"$0\" \"$@\"";
/// How long everything may take on a busy machine.
const LIMIT: Duration = Duration::from_secs(240);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn full_disk_is_answered_503_and_nothing_is_lost_once_there_is_room() {
    let place = Place::new().await;
    if place.addresses().is_some() {
        eprintln!("SKIPPED: without files there is no disk to fill");
        return;
    }
    let port = free_port();
    soak::write_settings(&place, "moodbridge.toml", port);
    assert!(command(place.path(), &["db", "migrate"]).status.success());
    let events = soak::events(N_EVENTS);
    let mut on_small_disk = Command::new("sh");
    on_small_disk.args(["-c", SMALL_DISK, BINARY]);
    let mut moodbridge = Moodbridge::start_by(on_small_disk, place.path(), port, &["serve"]).await;

    let n_acknowledged = Arc::new(AtomicUsize::new(0));
    let senders: Vec<_> = soak::shares(&events, &mut Dice(7), N_SENDERS)
        .into_iter()
        .map(|share| {
            // It tries again after 503 and a broken connection, and panics at any other refusal.
            let url = soak::hook(&moodbridge.url);
            tokio::spawn(soak::send_all(url, share, Arc::clone(&n_acknowledged)))
        })
        .collect();
    let begun = Instant::now();
    while !moodbridge.log().contains("could not queue a webhook") {
        assert!(begun.elapsed() < LIMIT, "{}", n_acknowledged.load(Ordering::Relaxed));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(n_acknowledged.load(Ordering::Relaxed) < N_EVENTS);
    let roomy = ["--pid", &moodbridge.pid(), "--fsize=unlimited"];
    assert!(Command::new("prlimit").args(roomy).status().unwrap().success());
    for sender in senders {
        sender.await.unwrap();
    }

    let (queues, _) = moodbridge.wait_for("/v1/queues", LIMIT, soak::is_empty).await;
    assert_eq!(queues["items"][0]["n_dead"], 0, "{queues}");
    assert_eq!(moodbridge.stop(), Some(0));
    soak::check_store(&place, &events).await;
}
