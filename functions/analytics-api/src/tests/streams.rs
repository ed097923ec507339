//! What is told of event streams together with their connections.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use shared::ids::TopicName;
use shared::ports::StreamStatus;
use shared::sync::ConnectionStatus;
use shared::time::Timestamp;

use super::{get, ports};
use crate::testing::{NOON, StoppedClock, connection};
use crate::{Api, router};

/// Returns the connection as it is shown so long after its streams were looked at.
async fn shown(
    detail: Option<&str>,
    replayable_until: Option<Timestamp>,
    later: Duration,
) -> Value {
    let mut ports = ports(&Arc::default()).await;
    let topic = TopicName::parse("/data/ChangeEvents").unwrap();
    let status = StreamStatus {
        connection: connection(),
        topic: topic.clone(),
        status: detail.map_or(ConnectionStatus::Healthy, |_| ConnectionStatus::Down),
        detail: detail.map(str::to_owned),
        checked_at: NOON.minus(later),
        last_event_at: None,
        replayable_until,
    };
    let name = StreamStatus::ledger_name(&connection(), &topic);
    ports.ledger.put(&name, &serde_json::to_string(&status).unwrap(), 0).await.unwrap();
    ports.clock = Arc::new(StoppedClock(NOON));
    let answer = get(&router(Arc::new(Api::new(ports))), "/v1/integrations").await;
    answer.body["items"][0].clone()
}

#[tokio::test]
async fn stream_that_is_down_shows_at_its_connection() {
    let item = shown(Some("events of `x`: nothing came"), None, Duration::ZERO).await;
    assert_eq!(item["status"], "degraded");
    assert_eq!(item["detail"], "events of `x`: nothing came");
    let item = shown(None, None, Duration::ZERO).await;
    assert_eq!((&item["status"], &item["detail"]), (&"healthy".into(), &Value::Null));
}

#[tokio::test]
async fn stream_that_nobody_follows_shows_until_it_is_forgotten() {
    let hour = Duration::from_hours(1);
    let item = shown(None, Some(NOON.plus(hour)), hour).await;
    assert_eq!(item["status"], "degraded");
    assert!(item["detail"].as_str().unwrap().contains("not followed for 60 minutes"), "{item}");
    let item = shown(Some("old"), Some(NOON.minus(hour)), hour).await;
    assert_eq!(item["status"], "healthy", "taken out of the settings long ago");
}
