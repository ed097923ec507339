//! The calls of the Pub/Sub API that a subscriber makes.

use std::pin::Pin;
use std::str::FromStr as _;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::stream::{self, BoxStream, StreamExt as _};
use http::uri::PathAndQuery;
use hyper::body::Incoming;
use hyper::client::conn::http2::SendRequest;
use metrics::counter;
use shared::ports::RemoteSession;
use tokio::sync::{Mutex, mpsc};
use tokio::time::timeout;
use tonic::body::Body;
use tonic::client::Grpc;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::{Request, Status};
use tonic_prost::ProstCodec;

use crate::connect::{Connection, Dialer};
use crate::fault::{Fault, PLATFORM};
use crate::messages::{FetchRequest, FetchResponse, SchemaInfo, SchemaRequest};

/// The longest answer taken. Source: an event is 1 MB at most; the service sends several at once.
const MAX_MESSAGE_BYTES: usize = 16 * 1_048_576;

/// The longest until a call is answered, or a stream begins.
const CALL_TIMEOUT: Duration = Duration::from_secs(30);

const SUBSCRIBE: &str = "/eventbus.v1.PubSub/Subscribe";
const GET_SCHEMA: &str = "/eventbus.v1.PubSub/GetSchema";

/// What a stream brings.
pub(crate) type Responses = BoxStream<'static, Result<FetchResponse, Fault>>;

/// Speaks with the service. In tests the answers are made up.
#[async_trait]
pub(crate) trait Wire: Send + Sync {
    /// Opens a stream that is fed by `requests`.
    async fn subscribe(
        &self,
        session: &RemoteSession,
        requests: mpsc::Receiver<FetchRequest>,
    ) -> Result<Responses, Fault>;

    /// Fetches a schema.
    async fn schema(&self, session: &RemoteSession, id: &str) -> Result<SchemaInfo, Fault>;

    /// Ends the connection that all streams share: it is suspected to be dead.
    async fn hang_up(&self);
}

/// The network.
pub(crate) struct Network {
    dialer: Dialer,
    connection: Mutex<Option<Arc<Connection>>>,
}

impl Network {
    pub(crate) fn new(dialer: Dialer) -> Self {
        Self { dialer, connection: Mutex::default() }
    }

    /// Returns the connection in use, or a new one: many that find it ended wait for one.
    async fn connection(&self) -> Result<Arc<Connection>, Fault> {
        let mut current = self.connection.lock().await;
        if let Some(connection) = current.as_ref().filter(|it| !it.requests.is_closed()) {
            return Ok(Arc::clone(connection));
        }
        let fresh = Arc::new(self.dialer.connect().await?);
        *current = Some(Arc::clone(&fresh));
        Ok(fresh)
    }

    async fn client(&self) -> Result<(Grpc<Caller>, Arc<Connection>), Fault> {
        let connection = self.connection().await?;
        let caller = Caller(connection.requests.clone());
        let mut client = Grpc::with_origin(caller, self.dialer.origin().clone())
            .max_decoding_message_size(MAX_MESSAGE_BYTES);
        client.ready().await.map_err(|error| {
            Fault::broken("unreachable", "the connection of the event streams ended", error)
        })?;
        Ok((client, connection))
    }
}

#[async_trait]
impl Wire for Network {
    async fn subscribe(
        &self,
        session: &RemoteSession,
        mut requests: mpsc::Receiver<FetchRequest>,
    ) -> Result<Responses, Fault> {
        let requests = stream::poll_fn(move |context| requests.poll_recv(context));
        let begun = within_limit("pubsub.subscribe", async {
            let (mut client, connection) = self.client().await?;
            let request = signed(requests, session)?;
            let answer =
                client.streaming(request, PathAndQuery::from_static(SUBSCRIBE), codec()).await;
            answer.map(|it| (it.into_inner(), connection)).map_err(|it| Fault::of(&it))
        });
        let (responses, connection) = begun.await?;
        // The stream holds the connection: it lasts as long as somebody reads.
        let responses = responses.map(move |it| {
            let _ = &connection;
            it.map_err(|it| Fault::of(&it))
        });
        Ok(responses.boxed())
    }

    async fn schema(&self, session: &RemoteSession, id: &str) -> Result<SchemaInfo, Fault> {
        within_limit("pubsub.get_schema", async {
            let (mut client, _connection) = self.client().await?;
            let request = signed(SchemaRequest { schema_id: id.to_owned() }, session)?;
            let path = PathAndQuery::from_static(GET_SCHEMA);
            let answer = client.unary(request, path, codec()).await.map_err(|it| Fault::of(&it))?;
            Ok(answer.into_inner())
        })
        .await
    }

    async fn hang_up(&self) {
        self.connection.lock().await.take();
    }
}

/// Waits for the answer to a call, and counts it as calls to platforms are counted.
async fn within_limit<T>(
    operation: &'static str,
    call: impl Future<Output = Result<T, Fault>>,
) -> Result<T, Fault> {
    let answer = timeout(CALL_TIMEOUT, call).await.unwrap_or_else(|_| {
        let n_seconds = CALL_TIMEOUT.as_secs();
        Err(Fault::silent("timeout", format!("no answer to `{operation}` within {n_seconds} s")))
    });
    let outcome = match &answer {
        Ok(_) => "ok",
        Err(fault) => match fault.label {
            "unreachable" => "connection",
            "unavailable" => "platform_fault",
            "allocation_spent" => "rate_limited",
            "timeout" => "timeout",
            _ => "refused",
        },
    };
    counter!("platform_calls_total", "platform" => PLATFORM, "operation" => operation,
        "outcome" => outcome)
    .increment(1);
    answer
}

fn codec<Sent, Got>() -> ProstCodec<Sent, Got>
where
    Sent: prost::Message + Send + 'static,
    Got: prost::Message + Default + Send + 'static,
{
    ProstCodec::default()
}

/// Shows who calls. Source: Pub/Sub API guide, "Authentication".
fn signed<T>(message: T, session: &RemoteSession) -> Result<Request<T>, Fault> {
    let value = |raw: &str| {
        MetadataValue::<Ascii>::from_str(raw).map_err(|_| {
            Fault::of(&Status::unauthenticated("what the session holds fits no header"))
        })
    };
    let mut token = value(session.token.expose())?;
    token.set_sensitive(true);
    let mut request = Request::new(message);
    let metadata = request.metadata_mut();
    metadata.insert("accesstoken", token);
    metadata.insert("instanceurl", value(session.instance_url.as_str().trim_end_matches('/'))?);
    metadata.insert("tenantid", value(session.organization_id.as_str())?);
    Ok(request)
}

/// Sends requests over the connection.
struct Caller(SendRequest<Body>);

type Answering =
    Pin<Box<dyn Future<Output = Result<http::Response<Incoming>, hyper::Error>> + Send>>;

impl tower::Service<http::Request<Body>> for Caller {
    type Response = http::Response<Incoming>;
    type Error = hyper::Error;
    type Future = Answering;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        Box::pin(self.0.send_request(request))
    }
}
