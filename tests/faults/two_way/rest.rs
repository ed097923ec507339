//! What is still under way comes to its end, and people decide what waits for them.

use std::time::Duration;

use serde_json::{Value, json};

use super::world::World;
use super::{Extent, Peak};
use crate::moodbridge::{Moodbridge, command};
use crate::soak::is_empty;

/// How often everything is sent, decided and read again.
const MAX_ROUNDS: usize = 6;

/// Waits until nothing is under way any more; the process has ended then.
pub(super) async fn come_to_rest(
    world: &World,
    extent: &Extent,
    moodbridge: Moodbridge,
    peak: &mut Peak,
) {
    let (folder, limit) = (world.place.path(), extent.limit());
    let mut moodbridge = moodbridge;
    for _ in 0..MAX_ROUNDS {
        assert!(command(folder, &["sync", "resend", "main"]).status.success());
        settle(&moodbridge, limit).await;
        let n_decided = decide_all(&moodbridge).await;
        settle(&moodbridge, limit).await;
        peak.look(&moodbridge.pid());
        assert_eq!(moodbridge.stop(), Some(0));
        // One more pass of the poller, over all that was written last.
        for _ in 0..2 {
            let pass = command(folder, &["sync", "run"]);
            assert!(pass.status.success(), "{}", String::from_utf8_lossy(&pass.stderr));
        }
        if n_decided == 0 && n_open(world) == 0 {
            return;
        }
        moodbridge = world.serve().await;
    }
    panic!("conflicts open again and again");
}

/// Waits until everything is sent and taken in; nothing may be refused.
async fn settle(moodbridge: &Moodbridge, limit: Duration) {
    let is_all_sent = |it: &Value| it["items"].as_array().is_some_and(Vec::is_empty);
    moodbridge.wait_for("/v1/outbox?status=waiting", limit, is_all_sent).await;
    moodbridge.wait_for("/v1/queues", limit, is_empty).await;
    moodbridge.wait_for("/v1/outbox?status=waiting", limit, is_all_sent).await;
    let failed = moodbridge.get("/v1/outbox?status=failed").await;
    assert!(is_all_sent(&failed), "{failed:#}");
}

/// Decides every open conflict, in turn for either side; returns how many there were.
async fn decide_all(moodbridge: &Moodbridge) -> usize {
    let mut n_decided = 0;
    loop {
        let open = moodbridge.get("/v1/conflicts?state=open&limit=200").await;
        let open = open["items"].as_array().unwrap_or_else(|| panic!("{open}"));
        if open.is_empty() {
            return n_decided;
        }
        for conflict in open {
            let choice = ["local", "remote"][n_decided % 2];
            let path = format!("/v1/conflicts/{}/resolve", conflict["id"]);
            let body = json!({conflict["local_field"].as_str().unwrap(): choice});
            let request = moodbridge.request(reqwest::Method::POST, &path).json(&body);
            let answer = request.send().await.unwrap();
            // It may have ended by itself, or with another one of its record.
            let (status, text) = (answer.status(), answer.text().await.unwrap());
            assert!(status.is_success() || status == 404, "{conflict}: {status} {text}");
            n_decided += 1;
        }
    }
}

fn n_open(world: &World) -> usize {
    let listed = command(world.place.path(), &["--json", "conflicts", "list"]);
    let listed: Value = serde_json::from_slice(&listed.stdout).unwrap();
    listed["items"].as_array().unwrap_or_else(|| panic!("{listed}")).len()
}
