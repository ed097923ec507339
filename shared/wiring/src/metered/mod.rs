//! Every port with a count and a time for each of its methods, and a span within a trace.
//!
//! Handles are looked up once, when a port is opened: the host begins to record before that.

#[cfg(feature = "sql")]
mod audit;
mod method;
#[cfg(feature = "salesforce")]
mod platforms;
mod port;
mod ports;

#[cfg(feature = "sql")]
pub(crate) use audit::watched;
#[cfg(feature = "salesforce")]
pub(crate) use platforms::connection;
#[cfg(feature = "objects")]
pub(crate) use ports::blob_store;
#[cfg(feature = "airflow")]
pub(crate) use ports::orchestrator;
#[cfg(feature = "snowflake")]
pub(crate) use ports::warehouse;
#[cfg(feature = "sql")]
pub(crate) use ports::{
    audit_chain, audit_log, case_store, case_tally, case_view, change_feed, conflicts, cost_ledger,
    current_rows, documents, field_views, history, incident_view, ledger, matter_import, outbox,
    pipeline_journal, reconcile_journal, record_scan, report_journal, sync_journal, walls,
};
#[cfg(feature = "nifi")]
pub(crate) use ports::{dataflow, flow_files};
pub(crate) use ports::{queue, topic};
