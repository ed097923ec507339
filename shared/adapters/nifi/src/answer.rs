//! What NiFi answers, as far as it is read. Source: its API, 2.12.0.

use serde::Deserialize;
use serde_json::Value;
use shared::ports::dataflow::{Bulletin, FlowQueue, TraceEvent};

#[derive(Deserialize)]
pub(crate) struct About {
    pub(crate) about: Version,
}

#[derive(Deserialize)]
pub(crate) struct Version {
    pub(crate) version: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RootGroup {
    pub(crate) process_group_flow: Named,
}

#[derive(Deserialize)]
pub(crate) struct Named {
    pub(crate) id: String,
}

/// What site-to-site offers to this user.
#[derive(Deserialize)]
pub(crate) struct Site {
    pub(crate) controller: Controller,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Controller {
    #[serde(default)]
    pub(crate) input_ports: Vec<InputPort>,
}

#[derive(Deserialize)]
pub(crate) struct InputPort {
    pub(crate) id: String,
    pub(crate) name: String,
}

#[derive(Deserialize)]
pub(crate) struct Peers {
    #[serde(default)]
    pub(crate) peers: Vec<Peer>,
}

/// A node that takes flow files.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Peer {
    pub(crate) hostname: String,
    pub(crate) port: u16,
    pub(crate) secure: bool,
    #[serde(default)]
    pub(crate) flow_file_count: u64,
}

/// A component with its revision. What of it may not be read is not there.
#[derive(Deserialize)]
pub(crate) struct Entity {
    pub(crate) revision: Revision,
    #[serde(default)]
    pub(crate) component: Option<Component>,
}

#[derive(Deserialize)]
pub(crate) struct Revision {
    pub(crate) version: u64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Component {
    #[serde(default)]
    pub(crate) state: Option<String>,
    #[serde(default)]
    pub(crate) validation_errors: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct GroupStatusAnswer {
    pub(crate) process_group_status: GroupStatus,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct GroupStatus {
    #[serde(default)]
    pub(crate) name: Option<String>,
    pub(crate) aggregate_snapshot: GroupSnapshot,
}

/// Where a group stands, and the groups within it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[derive(Default)]
pub(crate) struct GroupSnapshot {
    pub(crate) flow_files_queued: u64,
    pub(crate) bytes_queued: u64,
    pub(crate) active_thread_count: u64,
    pub(crate) connection_status_snapshots: Vec<ConnectionStatus>,
    pub(crate) processor_status_snapshots: Vec<ProcessorStatus>,
    pub(crate) input_port_status_snapshots: Vec<PortStatus>,
    pub(crate) output_port_status_snapshots: Vec<PortStatus>,
    pub(crate) process_group_status_snapshots: Vec<InnerGroup>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct InnerGroup {
    #[serde(default)]
    pub(crate) process_group_status_snapshot: Option<GroupSnapshot>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ProcessorStatus {
    #[serde(default)]
    pub(crate) processor_status_snapshot: Option<RunStatus>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PortStatus {
    #[serde(default)]
    pub(crate) port_status_snapshot: Option<RunStatus>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RunStatus {
    pub(crate) id: String,
    #[serde(default)]
    pub(crate) name: Option<String>,
    #[serde(default)]
    pub(crate) run_status: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ConnectionStatus {
    #[serde(default)]
    pub(crate) connection_status_snapshot: Option<ConnectionSnapshot>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ConnectionSnapshot {
    id: String,
    #[serde(default)]
    source_name: Option<String>,
    #[serde(default)]
    destination_name: Option<String>,
    #[serde(default)]
    flow_files_queued: u64,
    #[serde(default)]
    bytes_queued: u64,
    #[serde(default)]
    percent_use_count: Option<u64>,
    #[serde(default)]
    percent_use_bytes: Option<u64>,
}

impl From<ConnectionSnapshot> for FlowQueue {
    fn from(it: ConnectionSnapshot) -> Self {
        Self {
            id: it.id,
            from: it.source_name.unwrap_or_default(),
            to: it.destination_name.unwrap_or_default(),
            n_files: it.flow_files_queued,
            n_bytes: it.bytes_queued,
            percent_full: it.percent_use_count.max(it.percent_use_bytes),
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct BulletinAnswer {
    pub(crate) bulletin_board: BulletinBoard,
}

#[derive(Deserialize)]
pub(crate) struct BulletinBoard {
    #[serde(default)]
    pub(crate) bulletins: Vec<BulletinEntity>,
}

#[derive(Deserialize)]
pub(crate) struct BulletinEntity {
    pub(crate) id: u64,
    /// Missing where this user may not read it.
    #[serde(default)]
    bulletin: Option<BulletinText>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct BulletinText {
    #[serde(default)]
    level: Option<String>,
    #[serde(default)]
    message: Option<String>,
    #[serde(default)]
    source_name: Option<String>,
    #[serde(default)]
    timestamp_iso: Option<String>,
    #[serde(default)]
    timestamp: Option<String>,
}

impl BulletinEntity {
    pub(crate) fn bulletin(self) -> Option<Bulletin> {
        let text = self.bulletin?;
        Some(Bulletin {
            id: self.id,
            at: text.timestamp_iso.or(text.timestamp).unwrap_or_default(),
            level: text.level.unwrap_or_default(),
            source: text.source_name.unwrap_or_default(),
            message: text.message.unwrap_or_default(),
        })
    }
}

#[derive(Deserialize)]
pub(crate) struct ProvenanceAnswer {
    pub(crate) provenance: Provenance,
}

#[derive(Deserialize)]
pub(crate) struct Provenance {
    pub(crate) id: String,
    #[serde(default)]
    pub(crate) finished: Option<bool>,
    #[serde(default)]
    pub(crate) results: Option<ProvenanceResults>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ProvenanceResults {
    #[serde(default)]
    pub(crate) errors: Option<Vec<String>>,
    #[serde(default)]
    pub(crate) provenance_events: Vec<ProvenanceEvent>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ProvenanceEvent {
    event_id: u64,
    event_type: String,
    #[serde(default)]
    event_timestamp: Option<String>,
    #[serde(default)]
    event_time: Option<String>,
    #[serde(default)]
    flow_file_uuid: Option<String>,
    #[serde(default)]
    component_name: Option<String>,
    #[serde(default)]
    component_id: Option<String>,
    #[serde(default)]
    details: Option<Value>,
}

impl From<ProvenanceEvent> for TraceEvent {
    fn from(it: ProvenanceEvent) -> Self {
        Self {
            id: it.event_id,
            kind: it.event_type,
            at: it.event_timestamp.or(it.event_time).unwrap_or_default(),
            flow_file: it.flow_file_uuid.unwrap_or_default(),
            part: it.component_name.or(it.component_id).unwrap_or_default(),
            details: it.details.and_then(|it| Some(it.as_str()?.to_owned())).unwrap_or_default(),
        }
    }
}
