//! Bulk API 2.0: whole objects, both ways, as streams of CSV.

mod csv;
mod fault;
mod ingest;
mod ingest_finish;
mod ingest_plan;
mod ingest_state;
mod job;
mod journal;
mod keys;
mod outcome;
mod page;
mod poll;
mod query;
mod query_pages;
mod query_state;
mod results;
mod shape;
mod upload;

pub use csv::{
    BadColumns, CellValue, ColumnKind, CsvFault, CsvReader, CsvRecord, CsvWriter, RowRefusal,
};
pub use fault::BulkFault;
pub use ingest::BulkIngest;
pub use ingest_plan::{
    IngestOperation, IngestPlan, IngestRow, IngestRows, RowStream, RowsInMemory,
};
pub use ingest_state::{IngestJobState, IngestTotals, PartPhase, PartState};
pub use job::{JobAnswer, JobKind, JobState};
pub use journal::{JobJournal, Unsaved};
pub use keys::KeyDigest;
pub use outcome::{IngestOutcomes, RowOutcome, RowResult};
pub use page::{PageReceipt, ResultPage};
pub use poll::PollPace;
pub use query::{BulkQuery, QueryReport};
pub use query_state::{PagePlace, PageState, QueryJobState};
pub use shape::{RecordReader, RecordShape};
pub use upload::Sent;
