//! Flow files in: both ways, as they should go.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use serde_json::json;
use shared::ids::CorrelationId;
use shared::ports::flow_files::{
    FlowContent, FlowFile, FlowFileSink as _, FlowFileSource, FlowFiles, Receipt,
};
use shared::ports::flow_files_contract::flow_files_contract;

use crate::nifi_peer::NifiPeer;
use crate::support::send;

const SIZE: u64 = 24 * 1024 * 1024;

#[tokio::test]
async fn peer_and_flow_stand_before_nifis_own_client() {
    let Some(peer) = NifiPeer::start() else { return };
    let judged = peer.judge();
    let said = String::from_utf8_lossy(&judged.stderr);
    assert!(judged.status.success(), "{said}");
}

#[tokio::test]
async fn both_ways_keep_the_contract() {
    let Some(peer) = NifiPeer::start() else { return };
    peer.run_entrances().await;
    flow_files_contract(&peer.site_to_site(), || peer.files()).await;
    flow_files_contract(&peer.listener(""), || peer.files()).await;
    flow_files_contract(&peer.listener("?gzip=off"), || peer.files()).await;
    assert_eq!(peer.seen().await["n_open"], 0, "no transaction is left");
}

#[tokio::test]
async fn transaction_is_what_the_protocol_says() {
    let Some(peer) = NifiPeer::start() else { return };
    peer.run_entrances().await;
    let sink = peer.site_to_site();
    send(&sink).await.unwrap();
    let transfer = "/data-transfer/input-ports/*/transactions";
    let transaction = [
        "GET /site-to-site/peers".to_owned(),
        format!("POST {transfer}"),
        format!("POST {transfer}/*/flow-files"),
        format!("DELETE {transfer}/* 12"),
    ];
    let first = peer.lines(0).await;
    assert_eq!(first[..2], ["POST /access/token", "GET /site-to-site"]);
    // The node has a token of its own.
    assert_eq!(
        first[2..],
        [&transaction[..1], &["POST /access/token".to_owned()], &transaction[1..]].concat()
    );
    send(&sink).await.unwrap();
    assert_eq!(peer.lines(first.len()).await, transaction, "what is known is not asked for again");
    let seen = peer.seen().await;
    let calls = seen["calls"].as_array().unwrap();
    let followed = calls.iter().filter(|it| it["correlation"] == "corr-1").count();
    assert_eq!(followed, 6, "{seen}");
}

/// Twelve megabytes twice, piece by piece.
fn long_files() -> Arc<dyn FlowFileSource> {
    Arc::new(|| -> FlowFiles {
        let file = |_| {
            let pieces = stream::iter((0..192).map(|_| Ok(Bytes::from(vec![b'x'; 65_536]))));
            Ok(FlowFile::new(FlowContent::streamed(SIZE / 2, pieces.boxed())))
        };
        stream::iter((0..2).map(file)).boxed()
    })
}

#[tokio::test]
async fn long_contents_arrive_whole() {
    let Some(peer) = NifiPeer::start() else { return };
    peer.run_entrances().await;
    let id = CorrelationId::parse("c").unwrap();
    let receipt = Receipt { n_files: 2, n_bytes: SIZE, pause: None };
    assert_eq!(peer.site_to_site().send(long_files(), &id).await.unwrap(), receipt);
    assert_eq!(peer.listener("").send(long_files(), &id).await.unwrap(), receipt);
    let taken = peer.taken().await;
    let sizes: Vec<_> = taken.iter().map(|it| it["n_bytes"].as_u64().unwrap()).collect();
    assert_eq!(sizes, [SIZE / 2; 4]);
    assert!(taken.iter().all(|it| it["sha256"] == taken[0]["sha256"]));
}

#[tokio::test]
async fn transaction_that_takes_longer_than_its_time_is_kept_alive() {
    let Some(peer) = NifiPeer::start() else { return };
    peer.run_entrances().await;
    peer.set(json!({"told_ttl": 1})).await;
    let peer = Arc::new(peer);
    // The content waits until the transaction was extended twice, however long that takes.
    let held = peer.clone();
    let source = move || -> FlowFiles {
        let held = held.clone();
        let chunk = async move {
            while held.seen().await["n_extended"].as_u64() < Some(2) {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            Ok(Bytes::from_static(b"late"))
        };
        let content = FlowContent::streamed(4, stream::once(chunk).boxed());
        stream::iter([Ok(FlowFile::new(content))]).boxed()
    };
    let id = CorrelationId::parse("c").unwrap();
    let receipt = peer.site_to_site().send(Arc::new(source), &id).await.unwrap();
    assert_eq!((receipt.n_files, peer.taken().await.len()), (1, 1));
}

#[tokio::test]
async fn node_with_the_least_to_do_is_asked_first_and_the_next_when_it_cannot() {
    let Some(peer) = NifiPeer::start() else { return };
    peer.run_entrances().await;
    // One that is not there, one that would be spoken to in the clear.
    peer.set(json!({"peers": [
        {"hostname": "localhost", "port": 9, "secure": true, "flowFileCount": 0},
        {"hostname": "localhost", "port": 10, "secure": false, "flowFileCount": 0},
    ]}))
    .await;
    let sink = peer.site_to_site();
    for _ in 0..3 {
        send(&sink).await.unwrap();
    }
    assert_eq!(peer.taken().await.len(), 3);
}
