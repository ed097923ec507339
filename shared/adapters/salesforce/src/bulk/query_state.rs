//! How far a bulk query has come, in a form that outlives the process.

use serde::{Deserialize, Serialize};
use shared::ids::SalesforceId;
use shared::time::Timestamp;

use crate::rest::QueryScope;

/// How far a bulk query has come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueryJobState {
    /// The query.
    pub soql: String,
    /// Whether deleted records are read as well.
    pub reads_deleted: bool,
    /// The version that the job was created in: its results can be fetched in no other.
    pub api_version: Option<String>,
    /// When the job was asked for, before the answer came.
    pub asked_at: Option<Timestamp>,
    /// The job, once the org told its id.
    pub job_id: Option<SalesforceId>,
    /// The records of the job, once it has ended.
    pub n_processed: Option<u64>,
    /// The columns, once a page was read.
    pub columns: Option<Vec<String>>,
    /// The pages that are known, in order.
    pub pages: Vec<PageState>,
    /// Where the org lists more of them.
    pub(super) listing: Listing,
}

/// One page of results.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PageState {
    /// Where it is.
    pub place: PagePlace,
    /// Its records, once it was read whole and what it held is durable.
    pub n_records: Option<u64>,
}

/// Where a page of results is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PagePlace {
    /// It is the first one.
    First,
    /// Behind this locator, which the page before it told.
    After(String),
    /// At this address, which the org's list of pages told. How long it is, is the org's choice.
    Listed(String),
}

impl PageState {
    pub(super) fn new(place: PagePlace) -> Self {
        Self { place, n_records: None }
    }
}

/// Where the org lists the pages.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Listing {
    /// Nothing was listed yet.
    #[default]
    Begin,
    /// The next part of the list is there.
    At(String),
    /// Each page tells the next one.
    Chained,
    /// All are known.
    Done,
}

impl QueryJobState {
    /// Begins the query `soql`, which must not page, group or order (ADR 0021 tells what a job takes).
    pub fn new(soql: impl Into<String>, scope: QueryScope) -> Self {
        Self {
            soql: soql.into(),
            reads_deleted: scope == QueryScope::All,
            api_version: None,
            asked_at: None,
            job_id: None,
            n_processed: None,
            columns: None,
            pages: Vec::new(),
            listing: Listing::Begin,
        }
    }

    /// Returns how many records were read and are durable.
    pub fn n_read(&self) -> u64 {
        self.pages.iter().filter_map(|it| it.n_records).sum()
    }

    /// Tells whether every record was read.
    pub fn is_done(&self) -> bool {
        self.listing == Listing::Done
            && self.pages.iter().all(|it| it.n_records.is_some())
            && self.n_processed == Some(self.n_read())
    }

    /// Forgets the job and all its pages, to ask for it anew.
    pub fn begin_anew(&mut self) {
        let scope = if self.reads_deleted { QueryScope::All } else { QueryScope::Live };
        *self = Self::new(std::mem::take(&mut self.soql), scope);
    }

    /// Forgets which pages were read, to read them all again.
    pub(super) fn forget_pages(&mut self) {
        self.pages.clear();
        self.listing = Listing::Begin;
    }
}
