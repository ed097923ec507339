//! Picks the adapter for an address. Memory is always there; a platform is there when its feature
//! is on.

mod address;
#[cfg(feature = "aws")]
mod aws;
#[cfg(feature = "objects")]
mod blobs;
#[cfg(feature = "aws-control")]
mod buckets;
mod calls;
#[cfg(feature = "salesforce")]
pub mod connecting;
#[cfg(feature = "salesforce")]
mod connection;
#[cfg(feature = "aws-control")]
mod control;
#[cfg(feature = "sqlite")]
mod copy;
mod error;
#[cfg(feature = "oidc")]
mod identity;
#[cfg(all(feature = "engine", feature = "sql"))]
mod lake;
#[cfg(feature = "sql")]
mod ledger;
mod metered;
#[cfg(feature = "sql")]
mod migrations;
#[cfg(feature = "nifi")]
mod nifi;
#[cfg(feature = "airflow")]
mod orchestrator;
#[cfg(all(feature = "salesforce", feature = "sql"))]
mod outside;
#[cfg(feature = "pipelines")]
mod pipelines;
#[cfg(feature = "salesforce")]
mod platforms;
#[cfg(feature = "sql")]
mod postgres;
#[cfg(feature = "sql")]
mod queries;
mod queue;
#[cfg(feature = "reports")]
mod reports;
mod secrets;
#[cfg(feature = "sql")]
mod store;
#[cfg(feature = "pubsub")]
mod streams;
#[cfg(feature = "sql")]
mod tables;
mod topic;
#[cfg(feature = "snowflake")]
mod warehouse;

#[cfg(feature = "objects")]
pub use adapter_objects::{BlobAddress, InvalidBlobAddress};
#[cfg(feature = "sql")]
pub use adapter_sql::import as importing;
#[cfg(feature = "objects")]
pub use blobs::{blob_store, blobs};
#[cfg(feature = "aws-control")]
pub use buckets::examine_bucket;
pub use calls::watch_cloud_calls;
#[cfg(feature = "salesforce")]
pub use connection::ConnectionSettings;
#[cfg(feature = "aws-control")]
pub use control::{deploy_target, log_search, usage_meter};
#[cfg(feature = "sqlite")]
pub use copy::{CopyLine, CopyReport, copy_case_store};
pub use error::WiringError;
#[cfg(feature = "oidc")]
pub use identity::{IdentitySettings, LocalIdentity, LocalToken, authenticator, read_issuer};
#[cfg(all(feature = "engine", feature = "sql"))]
pub use lake::lake_ports;
#[cfg(feature = "sql")]
pub use ledger::ledger;
#[cfg(feature = "sql")]
pub use migrations::{MigrationLine, MigrationReport, migrate, migrate_to, migration_report};
#[cfg(feature = "nifi")]
pub use nifi::{check_dataflow, check_flow_files, dataflow, flow_files};
#[cfg(feature = "airflow")]
pub use orchestrator::orchestrator;
#[cfg(all(feature = "salesforce", feature = "sql"))]
pub use outside::{Outside, OutsideSettings};
#[cfg(feature = "pipelines")]
pub use pipelines::{PipelinePorts, open_blobs, pipelines};
#[cfg(feature = "salesforce")]
pub use platforms::{
    load_named_platforms, load_platforms, manifest_schema, platform, platforms, read_platforms,
};
#[cfg(feature = "sql")]
pub use queries::queries;
pub use queue::queue;
#[cfg(feature = "reports")]
pub use reports::{report_printer, report_tables, webhook};
pub use secrets::PlatformSecrets;
#[cfg(feature = "salesforce")]
pub use shared::platform::OpenConnection;
#[cfg(feature = "sql")]
pub use store::{CaseStores, case_store};
#[cfg(feature = "sql")]
pub use tables::{check_database, read_databases, tables};
pub use topic::topic;
#[cfg(feature = "snowflake")]
pub use warehouse::{check_warehouse, warehouse, warehouse_spending};
