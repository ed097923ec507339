//! The messages of the Pub/Sub API, written by machine from `eventbus.proto`.

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
