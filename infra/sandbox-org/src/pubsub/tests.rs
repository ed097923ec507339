//! The service, called without a network, so that time can be moved by hand.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use axum::body::Body;
use futures_util::StreamExt as _;
use futures_util::stream;
use http::uri::PathAndQuery;
use serde_json::{Map, Value as Json, json};
use tokio::sync::mpsc;
use tokio::time::timeout;
use tonic::client::Grpc;
use tonic::{Code, Request, Status, Streaming};
use tonic_prost::ProstCodec;
use tower::{Service as _, service_fn};

use super::messages::*;
use super::orders::PubSubFault;
use super::service::PubSub;
use super::settings::{EventChannel, ManagedSubscription, PlatformEvent, PubSubSettings};
use crate::org::{Author, Change};
use crate::sandbox::State;
use crate::{Clock, Sandbox, Seed, Settings};

const NOON: i64 = 1_781_956_800_000;
const HOUR_MS: i64 = 60 * 60 * 1000;
const SOON: Duration = Duration::from_secs(5);

struct Bench {
    state: Arc<State>,
    now: Arc<AtomicI64>,
}

/// An open stream of a caller.
struct Open {
    requests: mpsc::Sender<FetchRequest>,
    answers: Streaming<FetchResponse>,
}

impl Open {
    async fn ask(&self, num_requested: i32) {
        self.requests.send(FetchRequest { num_requested, ..Default::default() }).await.unwrap();
    }

    async fn next(&mut self) -> Result<FetchResponse, Status> {
        timeout(SOON, self.answers.message()).await.expect("nothing came").map(Option::unwrap)
    }

    /// Returns the transaction of each event that comes, until `n` came.
    async fn take(&mut self, n: usize) -> Vec<ConsumerEvent> {
        let mut events = Vec::new();
        while events.len() < n {
            events.extend(self.next().await.unwrap().events);
        }
        events
    }

    async fn is_quiet(&mut self) -> bool {
        timeout(SOON, self.answers.message()).await.is_err()
    }
}

impl Bench {
    fn new(pub_sub: PubSubSettings) -> Self {
        let now = Arc::new(AtomicI64::new(NOON));
        let ticking = Arc::clone(&now);
        let settings = Settings {
            seed: Seed::Empty,
            instance_url: Some("http://org.example".into()),
            clock: Clock::new(move || ticking.load(Ordering::Relaxed)),
            pub_sub,
            ..Settings::default()
        };
        let state = Sandbox::new(settings).unwrap().state();
        Self { state, now }
    }

    fn pass(&self, ms: i64) {
        self.now.fetch_add(ms, Ordering::Relaxed);
    }

    fn commit(&self, changes: Vec<Change>) -> Vec<String> {
        let author = Author::inside(self.state.user_id);
        let settled = self.state.commit(&author, changes, false);
        settled.into_iter().map(|it| it.unwrap().id.to_string()).collect()
    }

    fn account(&self, name: &str) -> String {
        self.commit(vec![create("Account", json!({"Name": name}))]).remove(0)
    }

    fn client(
        &self,
    ) -> Grpc<
        impl tonic::client::GrpcService<
            tonic::body::Body,
            ResponseBody = tonic::body::Body,
            Error = Infallible,
        >,
    > {
        let service = PubSub(Arc::clone(&self.state));
        Grpc::new(service_fn(move |request: http::Request<tonic::body::Body>| {
            service.clone().call(request.map(Body::new))
        }))
    }

    fn signed<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        let headers = request.metadata_mut();
        let Bench { state, now } = self;
        let now = now.load(Ordering::Relaxed);
        let token = state.sessions.open(state.org_id, state.user_id, now);
        headers.insert("accesstoken", token.parse().unwrap());
        headers.insert("instanceurl", "http://org.example".parse().unwrap());
        headers.insert("tenantid", self.state.org_id.to_string().parse().unwrap());
        request
    }

    async fn subscribe(&self, first: FetchRequest) -> Open {
        let (requests, mut outbox) = mpsc::channel(8);
        requests.send(first).await.unwrap();
        let outbox = stream::poll_fn(move |context| outbox.poll_recv(context));
        let path = PathAndQuery::from_static("/eventbus.v1.PubSub/Subscribe");
        let answers = self
            .client()
            .streaming(self.signed(outbox), path, ProstCodec::default())
            .await
            .unwrap()
            .into_inner();
        // The stream is opened by a task of its own.
        tokio::time::sleep(Duration::from_millis(1)).await;
        Open { requests, answers }
    }

    async fn unary<In, Out>(&self, call: &'static str, request: Request<In>) -> Result<Out, Status>
    where
        In: prost::Message + 'static,
        Out: prost::Message + Default + 'static,
    {
        let path = format!("/eventbus.v1.PubSub/{call}").parse().unwrap();
        let answer = self.client().unary(request, path, ProstCodec::default()).await?;
        Ok(answer.into_inner())
    }

    async fn schema_id(&self, topic: &str) -> String {
        let request = self.signed(TopicRequest { topic_name: topic.into() });
        self.unary::<_, TopicInfo>("GetTopic", request).await.unwrap().schema_id
    }
}

fn create(object: &str, fields: Json) -> Change {
    let fields: Map<String, Json> = serde_json::from_value(fields).unwrap();
    Change::Create { object: object.into(), fields }
}

fn update(id: &str, fields: Json) -> Change {
    let fields = serde_json::from_value(fields).unwrap();
    Change::Update { object: None, id: id.into(), fields }
}

fn first(topic: &str, preset: ReplayPreset, num_requested: i32) -> FetchRequest {
    FetchRequest {
        topic_name: topic.into(),
        replay_preset: preset.into(),
        num_requested,
        ..Default::default()
    }
}

fn behind(topic: &str, replay_id: &[u8]) -> FetchRequest {
    FetchRequest { replay_id: replay_id.into(), ..first(topic, ReplayPreset::Custom, 100) }
}

fn error_code(status: &Status) -> String {
    let code = status.metadata().get("error-code").map(|it| it.to_str().unwrap().to_owned());
    code.unwrap_or_default().replace("sfdc.platform.eventbus.grpc.", "")
}

const ALL: &str = "/data/ChangeEvents";

#[tokio::test(start_paused = true)]
async fn stream_sends_what_was_asked_for_and_starves_without() {
    let bench = Bench::new(PubSubSettings::default());
    for n in 0..5 {
        bench.account(&format!("Doe {n}"));
    }
    let mut open = bench.subscribe(first(ALL, ReplayPreset::Earliest, 3)).await;

    let came = open.next().await.unwrap();
    assert_eq!((came.events.len(), came.pending_num_requested), (3, 0));
    assert!(open.is_quiet().await);
    open.ask(50).await;
    let came = open.next().await.unwrap();
    assert_eq!((came.events.len(), came.pending_num_requested), (2, 48));
    assert_eq!(came.latest_replay_id, came.events[1].replay_id);
}

#[tokio::test(start_paused = true)]
async fn silence_is_broken_by_a_sign_of_life_with_the_newest_place() {
    let bench = Bench::new(PubSubSettings::default());
    let mut open = bench.subscribe(first("/data/CaseChangeEvent", ReplayPreset::Latest, 1)).await;
    bench.account("not a case");

    let came = timeout(Duration::from_secs(271), open.answers.message()).await.unwrap();

    let came = came.unwrap().unwrap();
    assert!(came.events.is_empty());
    assert_eq!(came.latest_replay_id, bench.state.events.newest().to_be_bytes());
    assert_eq!(came.pending_num_requested, 1);
}

#[tokio::test(start_paused = true)]
async fn each_bad_request_has_the_code_of_the_platform() {
    let bench = Bench::new(PubSubSettings::default());
    bench.account("Doe");
    for (request, code, status) in [
        (first("/data/NoSuchEvent", ReplayPreset::Latest, 1), "topic.not.found", Code::NotFound),
        (
            first("/data/caseChangeEvent", ReplayPreset::Latest, 1),
            "topic.not.found",
            Code::NotFound,
        ),
        (
            first(ALL, ReplayPreset::Latest, 0),
            "subscription.fetch.requested.events.invalid",
            Code::InvalidArgument,
        ),
        (
            first(ALL, ReplayPreset::Latest, 101),
            "subscription.fetch.requested.events.invalid",
            Code::InvalidArgument,
        ),
        (behind(ALL, b"short"), "subscription.fetch.replayid.corrupted", Code::InvalidArgument),
        (
            behind(ALL, &u64::MAX.to_be_bytes()),
            "subscription.fetch.replayid.validation.failed",
            Code::InvalidArgument,
        ),
    ] {
        let refusal = bench.subscribe(request).await.next().await.unwrap_err();
        assert_eq!((error_code(&refusal).as_str(), refusal.code()), (code, status));
    }
    let mut open = bench.subscribe(first(ALL, ReplayPreset::Latest, 60)).await;
    open.ask(41).await;
    let refusal = open.next().await.unwrap_err();
    assert_eq!(error_code(&refusal), "subscription.fetch.overflow");
    let mut open = bench.subscribe(first(ALL, ReplayPreset::Latest, 1)).await;
    open.requests.send(first("/data/CaseChangeEvent", ReplayPreset::Latest, 1)).await.unwrap();
    let refusal = open.next().await.unwrap_err();
    assert_eq!(error_code(&refusal), "subscription.fetch.topic.mismatch");
}

#[tokio::test(start_paused = true)]
async fn place_that_is_three_days_old_is_refused_and_the_oldest_event_is_there() {
    let bench = Bench::new(PubSubSettings::default());
    bench.account("Doe");
    let old = bench.subscribe(first(ALL, ReplayPreset::Earliest, 1)).await.take(1).await;
    bench.account("Roe");
    bench.pass(72 * HOUR_MS);
    bench.account("Poe");

    let mut open = bench.subscribe(behind(ALL, &old[0].replay_id)).await;

    let refusal = open.next().await.unwrap_err();
    assert_eq!(error_code(&refusal), "subscription.fetch.replayid.validation.failed");
    let kept = bench.subscribe(first(ALL, ReplayPreset::Earliest, 9)).await.take(1).await;
    assert_eq!(kept.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn caller_must_show_a_good_token_of_this_org() {
    let bench = Bench::new(PubSubSettings::default());
    let ask = || bench.signed(TopicRequest { topic_name: ALL.into() });
    let spoilt = |name: &'static str, value: &'static str| {
        let mut request = ask();
        request.metadata_mut().insert(name, value.parse().unwrap());
        request
    };
    assert!(bench.unary::<_, TopicInfo>("GetTopic", ask()).await.unwrap().can_subscribe);
    for (request, code) in [
        (Request::new(TopicRequest { topic_name: ALL.into() }), "service.auth.headers.invalid"),
        (spoilt("tenantid", "00D5f000000ABCDEA4"), "service.auth.headers.invalid"),
        (spoilt("instanceurl", "https://elsewhere.example"), "service.auth.headers.invalid"),
        (spoilt("accesstoken", "00D!none"), "service.auth.error"),
    ] {
        let refusal = bench.unary::<_, TopicInfo>("GetTopic", request).await.unwrap_err();
        assert_eq!((error_code(&refusal).as_str(), refusal.code()), (code, Code::Unauthenticated));
    }
    // A stream that is open survives its session.
    let mut open = bench.subscribe(first(ALL, ReplayPreset::Latest, 1)).await;
    bench.state.sessions.close_all();
    bench.account("Doe");
    assert_eq!(open.take(1).await.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn schema_changes_with_a_field_and_events_keep_theirs() {
    let bench = Bench::new(PubSubSettings::default());
    let topic = "/data/AccountChangeEvent";
    let before = bench.schema_id(topic).await;
    let id = bench.account("Doe");
    let order =
        json!({"add": {"object": "Account", "name": "Judge__c", "type": "string", "length": 80}});
    bench.state.alter(&serde_json::from_value(order).unwrap()).unwrap();
    bench.commit(vec![update(&id, json!({"Judge__c": "Roe"}))]);

    let events = bench.subscribe(first(topic, ReplayPreset::Earliest, 9)).await.take(2).await;

    let after = bench.schema_id(topic).await;
    let ids: Vec<_> = events.iter().map(|it| it.event.clone().unwrap().schema_id).collect();
    assert_eq!(ids, [before.clone(), after.clone()]);
    assert_ne!(before, after);
    for (id, has_it) in [(before, false), (after, true)] {
        let request = bench.signed(SchemaRequest { schema_id: id });
        let schema: SchemaInfo = bench.unary("GetSchema", request).await.unwrap();
        assert_eq!(schema.schema_json.contains("Judge__c"), has_it);
    }
    let request = bench.signed(SchemaRequest { schema_id: "none".into() });
    let refusal = bench.unary::<_, SchemaInfo>("GetSchema", request).await.unwrap_err();
    assert_eq!(error_code(&refusal), "schema.not.found");
}

#[tokio::test(start_paused = true)]
async fn enriched_events_come_one_by_one_under_one_place() {
    let channel = EventChannel {
        name: "MbrSync__chn".into(),
        objects: vec!["Account".into()],
        enriched_fields: vec!["Name".into()],
    };
    let bench = Bench::new(PubSubSettings { channels: vec![channel], ..PubSubSettings::default() });
    let (one, two) = (bench.account("Doe"), bench.account("Roe"));
    let from = bench.state.events.newest();
    let alike = json!({"Site": "Oakland"});
    bench.commit(vec![update(&one, alike.clone()), update(&two, alike)]);

    let request = behind("/data/MbrSync__chn", &from.to_be_bytes());
    let mut open = bench.subscribe(FetchRequest { num_requested: 1, ..request }).await;
    let mut events = open.take(1).await;
    open.ask(1).await;
    events.extend(open.take(1).await);

    assert_eq!(events[0].replay_id, events[1].replay_id);
    let payload = |idx: usize| events[idx].event.clone().unwrap().payload;
    let holds =
        |idx: usize, text: &str| payload(idx).windows(text.len()).any(|it| it == text.as_bytes());
    assert!(holds(0, &one) && holds(0, "Doe") && !holds(0, &two));
    assert!(holds(1, &two) && holds(1, "Roe") && !holds(1, &one));
    // Without enrichment both rows are told in one event.
    let merged = bench.subscribe(behind(ALL, &from.to_be_bytes())).await.take(1).await;
    assert_eq!(merged.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn ordered_faults_drop_cut_silence_and_refuse() {
    let bench = Bench::new(PubSubSettings::default());
    let order = |fault| bench.state.pub_sub.orders.order(fault);
    order(PubSubFault { drop: 1, cut_after: Some(2), ..PubSubFault::default() });
    let mut open = bench.subscribe(first(ALL, ReplayPreset::Latest, 100)).await;
    for n in 0..4 {
        bench.account(&format!("Doe {n}"));
    }
    assert_eq!(open.take(2).await.len(), 2);
    assert_eq!(open.next().await.unwrap_err().code(), Code::Unavailable);
    let kept = bench.subscribe(first(ALL, ReplayPreset::Earliest, 100)).await.take(2).await;
    assert_eq!(kept[0].replay_id.len(), 8);

    bench.state.pub_sub.orders.clear();
    let mut open = bench.subscribe(first(ALL, ReplayPreset::Latest, 100)).await;
    order(PubSubFault { silent: Some(true), ..PubSubFault::default() });
    bench.account("Roe");
    let silent = timeout(Duration::from_secs(900), open.answers.message()).await;
    assert!(silent.is_err(), "{silent:?}");
    order(PubSubFault { silent: Some(false), ..PubSubFault::default() });
    assert_eq!(open.take(1).await.len(), 1);
    order(PubSubFault { cut: true, ..PubSubFault::default() });
    assert_eq!(error_code(&open.next().await.unwrap_err()), "service.unavailable");

    let code = "subscription.limit.exceeded";
    order(PubSubFault { refuse: Some(code.into()), ..PubSubFault::default() });
    let refusal = bench.subscribe(first(ALL, ReplayPreset::Latest, 1)).await.next().await;
    assert_eq!(error_code(&refusal.unwrap_err()), code);
}

#[tokio::test(start_paused = true)]
async fn allowance_of_a_day_is_shared_by_all_streams() {
    let pub_sub = PubSubSettings { daily_deliveries: Some(2), ..PubSubSettings::default() };
    let bench = Bench::new(pub_sub);
    bench.account("Doe");
    let all = first(ALL, ReplayPreset::Earliest, 9);
    for _ in 0..2 {
        bench.subscribe(all.clone()).await.take(1).await;
    }
    let refusal = bench.subscribe(all.clone()).await.next().await.unwrap_err();
    assert_eq!(error_code(&refusal), "subscription.limit.exceeded");
    bench.pass(24 * HOUR_MS);
    assert_eq!(bench.subscribe(all).await.take(1).await.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn platform_events_are_published_and_delivered() {
    let ink = PlatformEvent { name: "Low_Ink__e".into(), fields: vec!["Printer__c".into()] };
    let bench =
        Bench::new(PubSubSettings { platform_events: vec![ink], ..PubSubSettings::default() });
    let topic = "/event/Low_Ink__e";
    let schema_id = bench.schema_id(topic).await;
    let event = |schema_id: &str| ProducerEvent {
        id: "k".into(),
        schema_id: schema_id.into(),
        payload: vec![0, 0, 0],
        headers: Vec::new(),
    };
    let mut open = bench.subscribe(first(topic, ReplayPreset::Latest, 9)).await;
    let request = bench.signed(PublishRequest {
        topic_name: topic.into(),
        events: vec![event(&schema_id), event("stale")],
        auth_refresh: String::new(),
    });

    let answer: PublishResponse = bench.unary("Publish", request).await.unwrap();

    assert!(answer.results[0].error.is_none() && answer.results[1].error.is_some());
    assert_eq!(answer.results[0].correlation_key, "k");
    let came = open.take(1).await;
    assert_eq!(came[0].replay_id, answer.results[0].replay_id);
    assert_eq!(came[0].event, Some(event(&schema_id)));
    let request = bench.signed(PublishRequest { topic_name: ALL.into(), ..Default::default() });
    let refusal = bench.unary::<_, PublishResponse>("Publish", request).await.unwrap_err();
    assert_eq!(refusal.code(), Code::PermissionDenied);
}

#[tokio::test(start_paused = true)]
async fn managed_subscription_goes_on_where_it_was_committed() {
    let managed = ManagedSubscription {
        id: "18x000000000001".into(),
        developer_name: "Sync".into(),
        topic: ALL.into(),
    };
    let pub_sub = PubSubSettings { managed_subscriptions: vec![managed], ..Default::default() };
    let bench = Bench::new(pub_sub);
    bench.account("Doe");
    bench.account("Roe");
    let open = async |commit: Option<Vec<u8>>| {
        let first = ManagedFetchRequest {
            developer_name: "Sync".into(),
            num_requested: 9,
            ..Default::default()
        };
        let commit = commit.map(|replay_id| ManagedFetchRequest {
            commit_replay_id_request: Some(CommitReplayRequest {
                commit_request_id: "1".into(),
                replay_id,
            }),
            ..Default::default()
        });
        let requests = stream::iter([Some(first), commit].into_iter().flatten());
        let requests = requests.chain(stream::pending());
        let path = PathAndQuery::from_static("/eventbus.v1.PubSub/ManagedSubscribe");
        let request = bench.signed(requests);
        let mut client = bench.client();
        let answers = client.streaming(request, path, ProstCodec::default()).await.unwrap();
        let mut answers: Streaming<ManagedFetchResponse> = answers.into_inner();
        let mut events = Vec::new();
        let mut committed = None;
        while let Ok(Ok(Some(answer))) = timeout(SOON, answers.message()).await {
            events.extend(answer.events);
            committed = answer.commit_response.or(committed);
        }
        (events, committed)
    };

    let (events, _) = open(None).await;
    assert_eq!(events.len(), 2);
    let (_, committed) = open(Some(events[0].replay_id.clone())).await;
    assert_eq!(committed.unwrap().replay_id, events[0].replay_id);
    let (rest, _) = open(None).await;
    assert_eq!(rest, events[1..]);
}
