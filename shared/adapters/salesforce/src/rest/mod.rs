//! The REST API: one file a resource.

mod collections;
mod composite;
mod describe;
mod drift;
mod graph;
mod limits;
mod page;
mod query;
mod record_result;
mod records;
mod replication;
mod shape;
mod value;
mod versions;

pub use collections::{CollectionWrite, MAX_COLLECTION, NewRecord, OfObject, RecordUpdate, chunks};
pub use composite::{
    CompositePart, GuardedAnswer, GuardedUpdate, MAX_COMPOSITE, PartAnswer, WriteAndRead,
};
pub(crate) use describe::DescribeCache;
pub use describe::Described;
pub use drift::{FieldChange, FieldDrift, SchemaDrift};
pub use graph::{Graph, GraphAnswer};
pub use limits::{OrgLimit, OrgLimits};
pub use page::Page;
pub(crate) use page::{AnyFields, Wanted, read_page};
pub use query::{QueryRows, QueryScope};
pub use record_result::{RecordResult, Written};
pub use records::{ReadAnswer, UpdateAnswer, UpsertAnswer};
pub use replication::{DeletedAnswer, DeletedRecord, UpdatedAnswer};
pub use shape::{FieldShape, ObjectShape};
pub use versions::ApiVersion;
