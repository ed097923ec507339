//! The messages of the Pub/Sub API, written by machine from `eventbus.proto`.

/// What can be known of a topic.
#[derive(Clone, PartialEq, Eq, Hash, ::prost::Message)]
pub struct TopicInfo {
    /// Its name, such as `/data/CaseChangeEvent`.
    #[prost(string, tag = "1")]
    pub topic_name: ::prost::alloc::string::String,
    /// The organisation it belongs to.
    #[prost(string, tag = "2")]
    pub tenant_guid: ::prost::alloc::string::String,
    /// Whether the caller may publish to it.
    #[prost(bool, tag = "3")]
    pub can_publish: bool,
    /// Whether the caller may subscribe to it.
    #[prost(bool, tag = "4")]
    pub can_subscribe: bool,
    /// The schema that its events are written by now; it changes with the fields of the object.
    #[prost(string, tag = "5")]
    pub schema_id: ::prost::alloc::string::String,
    /// Names this call in the platform's log.
    #[prost(string, tag = "6")]
    pub rpc_id: ::prost::alloc::string::String,
}
/// Asks for a topic.
#[derive(Clone, PartialEq, Eq, Hash, ::prost::Message)]
pub struct TopicRequest {
    /// Its name.
    #[prost(string, tag = "1")]
    pub topic_name: ::prost::alloc::string::String,
}
/// Something said beside the payload.
#[derive(Clone, PartialEq, Eq, Hash, ::prost::Message)]
pub struct EventHeader {
    /// Its name.
    #[prost(string, tag = "1")]
    pub key: ::prost::alloc::string::String,
    /// Its value.
    #[prost(bytes = "vec", tag = "2")]
    pub value: ::prost::alloc::vec::Vec<u8>,
}
/// An event as it is published.
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct ProducerEvent {
    /// Its own id.
    #[prost(string, tag = "1")]
    pub id: ::prost::alloc::string::String,
    /// The schema that the payload is written by.
    #[prost(string, tag = "2")]
    pub schema_id: ::prost::alloc::string::String,
    /// The event in the binary encoding of Avro.
    #[prost(bytes = "vec", tag = "3")]
    pub payload: ::prost::alloc::vec::Vec<u8>,
    /// What is said beside it.
    #[prost(message, repeated, tag = "4")]
    pub headers: ::prost::alloc::vec::Vec<EventHeader>,
}
/// An event as it is delivered.
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct ConsumerEvent {
    /// The event.
    #[prost(message, optional, tag = "1")]
    pub event: ::core::option::Option<ProducerEvent>,
    /// Its place in the topic: a subscription can begin behind it. Opaque.
    #[prost(bytes = "vec", tag = "2")]
    pub replay_id: ::prost::alloc::vec::Vec<u8>,
}
/// Asks for further events. Topic and beginning count in the first request of a stream only.
#[derive(Clone, PartialEq, Eq, Hash, ::prost::Message)]
pub struct FetchRequest {
    /// The topic.
    #[prost(string, tag = "1")]
    pub topic_name: ::prost::alloc::string::String,
    /// Where to begin.
    #[prost(enumeration = "ReplayPreset", tag = "2")]
    pub replay_preset: i32,
    /// The event to begin behind, for `CUSTOM`.
    #[prost(bytes = "vec", tag = "3")]
    pub replay_id: ::prost::alloc::vec::Vec<u8>,
    /// How many events may be sent beyond those asked for before; at most 100 may be open.
    #[prost(int32, tag = "4")]
    pub num_requested: i32,
    /// Of the platform's own use.
    #[prost(string, tag = "5")]
    pub auth_refresh: ::prost::alloc::string::String,
}
/// Events that were asked for, or none: a sign of life.
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct FetchResponse {
    /// The events, in their order.
    #[prost(message, repeated, tag = "1")]
    pub events: ::prost::alloc::vec::Vec<ConsumerEvent>,
    /// Everything up to here has been sent.
    #[prost(bytes = "vec", tag = "2")]
    pub latest_replay_id: ::prost::alloc::vec::Vec<u8>,
    /// Names this call in the platform's log.
    #[prost(string, tag = "3")]
    pub rpc_id: ::prost::alloc::string::String,
    /// How many events were asked for and not yet sent.
    #[prost(int32, tag = "4")]
    pub pending_num_requested: i32,
}
/// Asks for a schema.
#[derive(Clone, PartialEq, Eq, Hash, ::prost::Message)]
pub struct SchemaRequest {
    /// Its id.
    #[prost(string, tag = "1")]
    pub schema_id: ::prost::alloc::string::String,
}
/// A schema: it never changes under one id.
#[derive(Clone, PartialEq, Eq, Hash, ::prost::Message)]
pub struct SchemaInfo {
    /// The Avro schema, as JSON.
    #[prost(string, tag = "1")]
    pub schema_json: ::prost::alloc::string::String,
    /// Its id.
    #[prost(string, tag = "2")]
    pub schema_id: ::prost::alloc::string::String,
    /// Names this call in the platform's log.
    #[prost(string, tag = "3")]
    pub rpc_id: ::prost::alloc::string::String,
}
/// Events to publish.
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct PublishRequest {
    /// The topic.
    #[prost(string, tag = "1")]
    pub topic_name: ::prost::alloc::string::String,
    /// The events.
    #[prost(message, repeated, tag = "2")]
    pub events: ::prost::alloc::vec::Vec<ProducerEvent>,
    /// Of the platform's own use.
    #[prost(string, tag = "3")]
    pub auth_refresh: ::prost::alloc::string::String,
}
/// What went wrong with one event.
#[derive(Clone, PartialEq, Eq, Hash, ::prost::Message)]
pub struct Error {
    /// Why.
    #[prost(enumeration = "ErrorCode", tag = "1")]
    pub code: i32,
    /// In words.
    #[prost(string, tag = "2")]
    pub msg: ::prost::alloc::string::String,
}
/// What became of one event.
#[derive(Clone, PartialEq, Eq, Hash, ::prost::Message)]
pub struct PublishResult {
    /// Its place in the topic, when it was taken.
    #[prost(bytes = "vec", tag = "1")]
    pub replay_id: ::prost::alloc::vec::Vec<u8>,
    /// Why it was not.
    #[prost(message, optional, tag = "2")]
    pub error: ::core::option::Option<Error>,
    /// The id that it was published with.
    #[prost(string, tag = "3")]
    pub correlation_key: ::prost::alloc::string::String,
}
/// What became of events.
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct PublishResponse {
    /// One result an event, in the order of the request.
    #[prost(message, repeated, tag = "1")]
    pub results: ::prost::alloc::vec::Vec<PublishResult>,
    /// The schema that is current now.
    #[prost(string, tag = "2")]
    pub schema_id: ::prost::alloc::string::String,
    /// Names this call in the platform's log.
    #[prost(string, tag = "3")]
    pub rpc_id: ::prost::alloc::string::String,
}
/// Asks for further events of a subscription whose place the platform keeps.
#[derive(Clone, PartialEq, Eq, Hash, ::prost::Message)]
pub struct ManagedFetchRequest {
    /// The subscription; this or the name, in the first request of a stream only.
    #[prost(string, tag = "1")]
    pub subscription_id: ::prost::alloc::string::String,
    /// The name of the subscription.
    #[prost(string, tag = "2")]
    pub developer_name: ::prost::alloc::string::String,
    /// How many events may be sent beyond those asked for before.
    #[prost(int32, tag = "3")]
    pub num_requested: i32,
    /// Of the platform's own use.
    #[prost(string, tag = "4")]
    pub auth_refresh: ::prost::alloc::string::String,
    /// Keeps a place.
    #[prost(message, optional, tag = "5")]
    pub commit_replay_id_request: ::core::option::Option<CommitReplayRequest>,
}
/// Events of a managed subscription.
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct ManagedFetchResponse {
    /// The events, in their order.
    #[prost(message, repeated, tag = "1")]
    pub events: ::prost::alloc::vec::Vec<ConsumerEvent>,
    /// Everything up to here has been sent.
    #[prost(bytes = "vec", tag = "2")]
    pub latest_replay_id: ::prost::alloc::vec::Vec<u8>,
    /// Names this call in the platform's log.
    #[prost(string, tag = "3")]
    pub rpc_id: ::prost::alloc::string::String,
    /// How many events were asked for and not yet sent.
    #[prost(int32, tag = "4")]
    pub pending_num_requested: i32,
    /// What became of a place that was to be kept.
    #[prost(message, optional, tag = "5")]
    pub commit_response: ::core::option::Option<CommitReplayResponse>,
}
/// Asks the platform to keep a place: all events up to it are done with.
#[derive(Clone, PartialEq, Eq, Hash, ::prost::Message)]
pub struct CommitReplayRequest {
    /// Comes back with the answer.
    #[prost(string, tag = "1")]
    pub commit_request_id: ::prost::alloc::string::String,
    /// The place.
    #[prost(bytes = "vec", tag = "2")]
    pub replay_id: ::prost::alloc::vec::Vec<u8>,
}
/// Whether a place was kept.
#[derive(Clone, PartialEq, Eq, Hash, ::prost::Message)]
pub struct CommitReplayResponse {
    /// The id of the request.
    #[prost(string, tag = "1")]
    pub commit_request_id: ::prost::alloc::string::String,
    /// The place that is kept.
    #[prost(bytes = "vec", tag = "2")]
    pub replay_id: ::prost::alloc::vec::Vec<u8>,
    /// Why it was not kept.
    #[prost(message, optional, tag = "3")]
    pub error: ::core::option::Option<Error>,
    /// When, in milliseconds since 1970.
    #[prost(int64, tag = "4")]
    pub process_time: i64,
}
/// Where a subscription begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, ::prost::Enumeration)]
#[repr(i32)]
pub enum ReplayPreset {
    /// With the next event.
    Latest = 0,
    /// With the oldest event that is kept.
    Earliest = 1,
    /// Behind a given event.
    Custom = 2,
}
impl ReplayPreset {
    /// String value of the enum field names used in the ProtoBuf definition.
    ///
    /// The values are not transformed in any way and thus are considered stable
    /// (if the ProtoBuf definition does not change) and safe for programmatic use.
    pub fn as_str_name(&self) -> &'static str {
        match self {
            Self::Latest => "LATEST",
            Self::Earliest => "EARLIEST",
            Self::Custom => "CUSTOM",
        }
    }
    /// Creates an enum from field names used in the ProtoBuf definition.
    pub fn from_str_name(value: &str) -> ::core::option::Option<Self> {
        match value {
            "LATEST" => Some(Self::Latest),
            "EARLIEST" => Some(Self::Earliest),
            "CUSTOM" => Some(Self::Custom),
            _ => None,
        }
    }
}
/// Why an event was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, ::prost::Enumeration)]
#[repr(i32)]
pub enum ErrorCode {
    /// Not said.
    Unknown = 0,
    /// It could not be published.
    Publish = 1,
    /// It could not be committed.
    Commit = 2,
}
impl ErrorCode {
    /// String value of the enum field names used in the ProtoBuf definition.
    ///
    /// The values are not transformed in any way and thus are considered stable
    /// (if the ProtoBuf definition does not change) and safe for programmatic use.
    pub fn as_str_name(&self) -> &'static str {
        match self {
            Self::Unknown => "UNKNOWN",
            Self::Publish => "PUBLISH",
            Self::Commit => "COMMIT",
        }
    }
    /// Creates an enum from field names used in the ProtoBuf definition.
    pub fn from_str_name(value: &str) -> ::core::option::Option<Self> {
        match value {
            "UNKNOWN" => Some(Self::Unknown),
            "PUBLISH" => Some(Self::Publish),
            "COMMIT" => Some(Self::Commit),
            _ => None,
        }
    }
}
