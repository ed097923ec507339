//! The calls of the service, each by its path.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::Body;
use futures_util::StreamExt as _;
use futures_util::stream::{self, BoxStream};
use tokio::sync::mpsc;
use tonic::server::Grpc;
use tonic::{Request, Response, Status, Streaming};
use tonic_prost::ProstCodec;
use tower::{Service, service_fn};

use super::channel::Channel;
use super::messages::{
    FetchRequest, FetchResponse, ManagedFetchRequest, ManagedFetchResponse, PublishRequest,
    PublishResponse, SchemaInfo, SchemaRequest, TopicInfo, TopicRequest,
};
use super::refusal::not_found;
use super::subscription::{Sent, Subscription, Wish, run};
use super::{caller, managed, publish};
use crate::auth::random_text;
use crate::sandbox::State;

/// What the service sends over a stream.
type Answers<T> = BoxStream<'static, Result<T, Status>>;

/// Answers that wait for a slow caller.
const N_WAITING: usize = 4;

/// Names a call in the platform's log.
pub(super) fn rpc_id() -> String {
    random_text().chars().filter(char::is_ascii_alphanumeric).take(20).collect()
}

/// The service of one org.
#[derive(Clone)]
pub(super) struct PubSub(pub(super) Arc<State>);

type Answering =
    Pin<Box<dyn Future<Output = Result<http::Response<tonic::body::Body>, Infallible>> + Send>>;

impl Service<http::Request<Body>> for PubSub {
    type Response = http::Response<tonic::body::Body>;
    type Error = Infallible;
    type Future = Answering;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let state = Arc::clone(&self.0);
        Box::pin(async move { Ok(answer(state, request).await) })
    }
}

/// Answers a call.
async fn answer(
    state: Arc<State>,
    request: http::Request<Body>,
) -> http::Response<tonic::body::Body> {
    let call = request.uri().path().strip_prefix("/eventbus.v1.PubSub/").map(str::to_owned);
    macro_rules! answered_by {
        ($kind:ident, $call:expr) => {{
            let by = service_fn(|request| {
                let state = Arc::clone(&state);
                async move { $call(state, request).await }
            });
            Grpc::new(ProstCodec::default()).$kind(by, request).await
        }};
    }
    match call.as_deref() {
        Some("Subscribe") => answered_by!(streaming, subscribe),
        Some("GetSchema") => answered_by!(unary, get_schema),
        Some("GetTopic") => answered_by!(unary, get_topic),
        Some("Publish") => answered_by!(unary, publish_once),
        Some("PublishStream") => answered_by!(streaming, publish_stream),
        Some("ManagedSubscribe") => answered_by!(streaming, managed_subscribe),
        _ => Status::unimplemented("no such call").into_http(),
    }
}

fn streamed<T: Send + 'static>(mut answers: mpsc::Receiver<Result<T, Status>>) -> Answers<T> {
    stream::poll_fn(move |context| answers.poll_recv(context)).boxed()
}

async fn subscribe(
    state: Arc<State>,
    request: Request<Streaming<FetchRequest>>,
) -> Result<Response<Answers<FetchResponse>>, Status> {
    caller::check(&state, request.metadata())?;
    let mut wishes = request.into_inner();
    let (sender, answers) = mpsc::channel(N_WAITING);
    // The headers of the answer are sent before the first request has come.
    tokio::spawn(async move {
        let first = match wishes.next().await {
            Some(Ok(first)) => wish(first),
            _ => return,
        };
        match Subscription::open(&state, &first) {
            Ok(subscription) => {
                let take = |open: &mut Subscription, it| open.ask(&wish(it)).map(|()| None);
                run(subscription, wishes, sender, take, wrap).await;
            }
            Err(status) => drop(sender.send(Err(status)).await),
        }
    });
    Ok(Response::new(streamed(answers)))
}

fn wish(request: FetchRequest) -> Wish {
    let preset = request.replay_preset();
    let FetchRequest { topic_name, replay_id, num_requested, .. } = request;
    Wish { topic: topic_name, preset, replay_id, num_requested }
}

fn wrap(sent: Sent) -> FetchResponse {
    let Sent { events, latest, n_open } = sent;
    FetchResponse {
        events,
        latest_replay_id: latest,
        rpc_id: rpc_id(),
        pending_num_requested: n_open,
    }
}

async fn managed_subscribe(
    state: Arc<State>,
    request: Request<Streaming<ManagedFetchRequest>>,
) -> Result<Response<Answers<ManagedFetchResponse>>, Status> {
    caller::check(&state, request.metadata())?;
    let mut wishes = request.into_inner();
    let (sender, answers) = mpsc::channel(N_WAITING);
    tokio::spawn(async move {
        let Some(Ok(first)) = wishes.next().await else { return };
        let opened = managed::find(&state, &first).and_then(|found| {
            let open = managed::open(&state, &found, first.num_requested)?;
            Ok((found, open))
        });
        match opened {
            Ok((found, subscription)) => {
                let take = |open: &mut Subscription, it| managed::take(&state, &found, open, it);
                run(subscription, wishes, sender, take, managed::wrap).await;
            }
            Err(status) => drop(sender.send(Err(status)).await),
        }
    });
    Ok(Response::new(streamed(answers)))
}

async fn get_schema(
    state: Arc<State>,
    request: Request<SchemaRequest>,
) -> Result<Response<SchemaInfo>, Status> {
    caller::check(&state, request.metadata())?;
    state.pub_sub.orders.refusal()?;
    let SchemaRequest { schema_id } = request.into_inner();
    match state.pub_sub.schema(&schema_id) {
        Some(schema_json) => {
            Ok(Response::new(SchemaInfo { schema_json, schema_id, rpc_id: rpc_id() }))
        }
        None => Err(not_found("schema.not.found", "The schema does not exist.")),
    }
}

async fn get_topic(
    state: Arc<State>,
    request: Request<TopicRequest>,
) -> Result<Response<TopicInfo>, Status> {
    caller::check(&state, request.metadata())?;
    let TopicRequest { topic_name } = request.into_inner();
    let channel = Channel::find(&state, &topic_name)
        .ok_or_else(|| not_found("topic.not.found", "The topic does not exist."))?;
    let mut can_publish = false;
    let schema_id = if let Channel::Platform(name) = &channel {
        can_publish = true;
        let events = &state.settings.pub_sub.platform_events;
        events.iter().find(|it| it.name == *name).map(|it| {
            let (id, json) = publish::schema(it);
            state.pub_sub.keep_schema(&id, &json);
            id
        })
    } else {
        channel.object(&state).map(|object| state.pub_sub.schema_of(&object).id.clone())
    };
    Ok(Response::new(TopicInfo {
        topic_name,
        tenant_guid: state.org_id.to_string(),
        can_publish,
        can_subscribe: true,
        schema_id: schema_id.unwrap_or_default(),
        rpc_id: rpc_id(),
    }))
}

async fn publish_once(
    state: Arc<State>,
    request: Request<PublishRequest>,
) -> Result<Response<PublishResponse>, Status> {
    caller::check(&state, request.metadata())?;
    publish::publish(&state, request.into_inner()).map(Response::new)
}

async fn publish_stream(
    state: Arc<State>,
    request: Request<Streaming<PublishRequest>>,
) -> Result<Response<Answers<PublishResponse>>, Status> {
    caller::check(&state, request.metadata())?;
    let answers = request.into_inner().map(move |it| publish::publish(&state, it?));
    Ok(Response::new(answers.boxed()))
}
