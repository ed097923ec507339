//! Both sides change at once while the org fails, webhooks are lost and the process is killed: in the
//! end both hold the same, and every accepted change is there or explained.

mod explained;
mod here;
mod judge;
mod kinds;
mod plan;
mod rest;
mod there;
mod world;

use std::fs::File;
use std::io::BufReader;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};
use shared::config::Env;

use crate::moodbridge::{Moodbridge, command};
use crate::soak::Dice;
use explained::Lives;
use here::{Accepted, Here};
use judge::Judge;
use kinds::KINDS;
use there::There;
use world::World;

/// How much is done; more with `MOODBRIDGE_TORTURE_CASES`, `…_CHANGES` and `…_KILLS`.
struct Extent {
    n_cases: usize,
    /// Accepted changes on each side; a tenth of the changed records is changed on both.
    n_changes: usize,
    n_kills: usize,
}

impl Extent {
    fn of_environment() -> Self {
        let env = Env::of_process();
        let number = |name: &str, otherwise| {
            let text = env.get(&format!("MOODBRIDGE_TORTURE_{name}")).map(ToOwned::to_owned);
            text.map_or(otherwise, |it: String| it.parse().unwrap())
        };
        Self {
            n_cases: number("CASES", 2500),
            n_changes: number("CHANGES", 300),
            n_kills: number("KILLS", 6),
        }
    }

    /// How long everything may take on a busy machine.
    fn limit(&self) -> Duration {
        let n_thousand = self.n_changes.max(self.n_cases / 10) as f64 / 1000.0;
        Duration::from_secs(300).mul_f64(n_thousand.max(1.0))
    }

    /// How many people work on each side.
    fn n_workers(&self) -> usize {
        (self.n_changes / 2000).clamp(2, 8)
    }

    /// How long each of them waits between two changes: a small run takes long enough to be killed in.
    fn pause(&self) -> Duration {
        let whole = Duration::from_millis(1200) * u32::try_from(self.n_kills).unwrap_or(u32::MAX);
        let n_each = (self.n_changes / self.n_workers()).max(1);
        (whole / u32::try_from(n_each).unwrap_or(u32::MAX)).min(Duration::from_millis(25))
    }
}

/// What the processes that were killed had in memory at most, in bytes.
#[derive(Default)]
struct Peak(u64);

impl Peak {
    fn look(&mut self, pid: &str) {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        let line = status.lines().find_map(|it| it.strip_prefix("VmHWM:"));
        let kib = line.and_then(|it| it.split_whitespace().next()?.parse::<u64>().ok());
        self.0 = self.0.max(kib.unwrap_or_default() * 1024);
    }
}

/// Changes both sides at once, and kills the process meanwhile; returns it as it runs then.
async fn torture(
    world: &Arc<World>,
    extent: &Extent,
    mut moodbridge: Moodbridge,
    peak: &mut Peak,
) -> (Moodbridge, Accepted) {
    let (begun, limit) = (Instant::now(), extent.limit());
    let token = moodbridge.token_of("anna", &["admin"]).await;
    let n_done = Arc::new(AtomicUsize::new(0));
    let (n_workers, pause) = (extent.n_workers(), extent.pause());
    let (mut there, mut here) = (Vec::new(), Vec::new());
    for number in 0..n_workers {
        let n_changes = (extent.n_changes + number) / n_workers;
        let worker = There::new(Arc::clone(world), number, pause);
        there.push(tokio::spawn(worker.work(n_changes, Arc::clone(&n_done))));
        let worker = Here::new(Arc::clone(world), number, pause, token.clone());
        here.push(tokio::spawn(worker.work(n_changes, Arc::clone(&n_done))));
    }
    let mut dice = Dice(42);
    let mut n_kills = 0;
    let is_over = || {
        there.iter().all(tokio::task::JoinHandle::is_finished)
            && here.iter().all(tokio::task::JoinHandle::is_finished)
    };
    while n_kills < extent.n_kills || !is_over() {
        assert!(begun.elapsed() < limit, "{} changes", n_done.load(Ordering::Relaxed));
        tokio::time::sleep(Duration::from_millis(500 + dice.below(1500) as u64)).await;
        peak.look(&moodbridge.pid());
        if n_kills < extent.n_kills {
            drop(moodbridge);
            n_kills += 1;
            if n_kills == extent.n_kills {
                // Nobody has to wait two minutes for what the last one had in hand.
                judge::end_leases(&world.place).await;
            }
            moodbridge = world.serve().await;
        }
    }
    for worker in there {
        worker.await.unwrap();
    }
    let mut accepted = Accepted::default();
    for worker in here {
        accepted.add(worker.await.unwrap());
    }
    (moodbridge, accepted)
}

/// Reads the org's history and our audit log, whose chain must be whole.
async fn read_lives(world: &World) -> Lives {
    let mut lives = Lives::default();
    let mut last = i64::MIN;
    loop {
        let path = format!("history?after={last}&limit=5000");
        let page = world.switch(Method::GET, &path, &json!({})).await;
        match lives.take_history(&page) {
            Some(number) => last = number,
            None => break,
        }
    }
    let folder = world.place.path();
    let export = folder.join("audit.jsonl");
    let path = export.to_str().unwrap();
    assert!(command(folder, &["audit", "export", "--out", path]).status.success());
    assert!(command(folder, &["audit", "verify", "--file", path]).status.success());
    lives.take_audit(|| BufReader::new(File::open(&export).unwrap()));
    lives
}

fn assert_reconciled(world: &World) {
    let compared = command(world.place.path(), &["--json", "sync", "reconcile"]);
    let text = String::from_utf8_lossy(&compared.stdout);
    assert!(compared.status.success(), "{text}{}", String::from_utf8_lossy(&compared.stderr));
    let compared: Value = serde_json::from_str(&text).unwrap();
    for object in compared["objects"].as_array().unwrap() {
        assert_eq!(object["outcome"], "equal", "{object}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_sides_end_equal_and_every_change_is_there_or_explained() {
    let extent = Extent::of_environment();
    let begun = Instant::now();
    let world = Arc::new(World::start(&extent).await);
    let moodbridge = world.serve().await;
    // Everything is loaded before the changes begin, through the faults.
    let faults = json!({"preset": "all", "probability": 0.05, "seed": 7});
    world.switch(Method::POST, "faults", &faults).await;
    let is_loaded = |it: &Value| {
        let runs = it["items"].as_array().map(Vec::as_slice).unwrap_or_default();
        let is_done = |object: &str| {
            runs.iter().any(|run| run["object"] == object && run["outcome"] == "succeeded")
        };
        KINDS.iter().all(|kind| is_done(kind.object))
    };
    moodbridge.wait_for("/v1/sync-runs?limit=200", extent.limit(), is_loaded).await;
    moodbridge.wait_for("/v1/queues", extent.limit(), crate::soak::is_empty).await;
    let loaded = begun.elapsed();
    eprintln!("loaded after {loaded:.0?}");

    let mut peak = Peak::default();
    let (moodbridge, accepted) = torture(&world, &extent, moodbridge, &mut peak).await;
    let changed = begun.elapsed();
    eprintln!("changed after {changed:.0?}");
    let faults = world.switch(Method::GET, "faults", &json!({})).await;
    world.switch(Method::DELETE, "faults", &json!({})).await;
    rest::come_to_rest(&world, &extent, moodbridge, &mut peak).await;
    let rested = begun.elapsed();
    eprintln!("at rest after {rested:.0?}");

    let lives = read_lives(&world).await;
    explained::check(&lives, &accepted);
    assert_reconciled(&world);
    let judge = Judge::of(&world).await;
    judge.assert_equal(&world).await;
    let (n_changed, n_both) = explained::shared_share(&lives);
    assert!(n_both * 10 >= n_changed, "{n_both} of {n_changed} records were changed on both sides");
    let faults: Value = serde_json::from_str(&faults).unwrap();
    let n_mib = peak.0 >> 20;
    eprintln!(
        "{} cases, {} changes a side, {} kills: loaded after {loaded:.0?}, changed after \
         {changed:.0?}, at rest after {rested:.0?}, judged after {:.0?}; {n_both} of {n_changed} \
         records changed on both sides, {} conflicts decided meanwhile; process at most {n_mib} MiB; \
         faults {}",
        extent.n_cases,
        accepted.n_changes(),
        extent.n_kills,
        begun.elapsed(),
        accepted.n_decided,
        faults["fired"],
    );
}
