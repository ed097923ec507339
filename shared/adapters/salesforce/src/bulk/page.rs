//! One page of results, read as a stream of records and counted.

use adapter_http::BodyStream;
use http::HeaderName;
use http::header::CONTENT_TYPE;
use shared::PortError;

use super::csv::{CsvReader, CsvRecord};
use super::fault::BulkFault;

const LOCATOR: HeaderName = HeaderName::from_static("sforce-locator");
const N_RECORDS: HeaderName = HeaderName::from_static("sforce-numberofrecords");

/// How many records a file must have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Announced {
    /// As many as the head of the answer says.
    InHead,
    /// So many.
    Count(u64),
}

/// A page of results that is being read. It ends only when every record that was announced came.
#[derive(Debug)]
pub struct ResultPage {
    body: BodyStream,
    csv: CsvReader,
    n_expected: u64,
    next: Option<String>,
    /// The columns of the pages before.
    columns: Option<Vec<String>>,
    is_ended: bool,
    n_bytes: u64,
}

/// Proof that a page was read to its end, with all its records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageReceipt {
    /// Its records.
    pub n_records: u64,
    /// Its length, unpacked.
    pub n_bytes: u64,
    pub(super) columns: Vec<String>,
    pub(super) next: Option<String>,
}

impl ResultPage {
    /// Begins to read an answer; `columns` are those that it must have.
    pub(super) fn begin(
        body: BodyStream,
        announced: Announced,
        columns: Option<Vec<String>>,
    ) -> Result<Self, PortError> {
        let head = body.head();
        let content_type = head.header(&CONTENT_TYPE).unwrap_or_default();
        // Salesforce names a character set that does not hold; the type itself does.
        if !content_type.starts_with("text/csv") {
            let content_type = content_type.split(';').next().unwrap_or_default().to_owned();
            return Err(BulkFault::NotCsv { content_type }.of_answer(head));
        }
        let n_expected = match announced {
            Announced::Count(n_records) => n_records,
            Announced::InHead => head
                .header(&N_RECORDS)
                .and_then(|it| it.trim().parse().ok())
                .ok_or_else(|| BulkFault::NoCount.of_answer(head))?,
        };
        let next = head.header(&LOCATOR).filter(|it| !it.is_empty() && *it != "null");
        let next = next.map(str::to_owned);
        let (csv, is_ended, n_bytes) = (CsvReader::new(), false, 0);
        Ok(Self { body, csv, n_expected, next, columns, is_ended, n_bytes })
    }

    /// Returns the names of the columns, once the first record was asked for.
    pub fn columns(&self) -> Option<&[String]> {
        self.csv.header()
    }

    /// Returns how many records the page must have.
    pub fn n_expected(&self) -> u64 {
        self.n_expected
    }

    /// Returns the next record; `None` at the end, when all that were announced have come.
    ///
    /// # Errors
    ///
    /// `Unavailable` when the page breaks or ends early, `Rejected` when it is not what was asked for:
    /// what was read of it is to be dropped, or taken again.
    pub async fn next_record(&mut self) -> Result<Option<CsvRecord<'_>>, PortError> {
        match self.advance().await? {
            true => self.record().map(Some),
            false => Ok(None),
        }
    }

    /// Goes on to the next record; `false` at the end.
    ///
    /// # Errors
    ///
    /// As [`next_record`](Self::next_record).
    pub async fn advance(&mut self) -> Result<bool, PortError> {
        loop {
            if self.csv.advance().map_err(|it| self.fault(it.into()))? {
                if self.csv.n_records() == 1 {
                    self.check_columns()?;
                }
                return Ok(true);
            }
            if self.is_ended {
                return self.check_end().map(|()| false);
            }
            match self.body.next_chunk().await? {
                Some(chunk) => {
                    self.n_bytes += u64::try_from(chunk.len()).unwrap_or(u64::MAX);
                    self.csv.feed(chunk);
                }
                None => {
                    self.csv.end();
                    self.is_ended = true;
                }
            }
        }
    }

    /// Returns the record that [`advance`](Self::advance) went to.
    ///
    /// # Errors
    ///
    /// `Rejected` when it is no UTF-8.
    pub fn record(&self) -> Result<CsvRecord<'_>, PortError> {
        self.csv.record().map_err(|it| self.fault(it.into()))
    }

    /// Ends the reading, with proof that all of it was read.
    ///
    /// # Errors
    ///
    /// `Rejected` when it was not read to its end.
    pub fn finish(self) -> Result<PageReceipt, PortError> {
        let is_read = self.is_ended && self.csv.n_records() == self.n_expected;
        match self.csv.header() {
            Some(columns) if is_read => Ok(PageReceipt {
                n_records: self.n_expected,
                n_bytes: self.n_bytes,
                columns: columns.to_vec(),
                next: self.next,
            }),
            _ => Err(self.fault(BulkFault::NotRead)),
        }
    }

    /// Makes the error of this page.
    pub(crate) fn fault(&self, fault: BulkFault) -> PortError {
        fault.of_answer(self.body.head())
    }

    fn check_columns(&self) -> Result<(), PortError> {
        match (&self.columns, self.csv.header()) {
            (Some(wanted), Some(columns)) if wanted != columns => {
                Err(self.fault(BulkFault::OtherColumns))
            }
            _ => Ok(()),
        }
    }

    fn check_end(&self) -> Result<(), PortError> {
        let (n_read, n_expected) = (self.csv.n_records(), self.n_expected);
        match n_read == n_expected {
            true => Ok(()),
            false => Err(self.fault(BulkFault::Short { n_read, n_expected })),
        }
    }
}
