//! Files of separated values as a source.

use async_trait::async_trait;
use bytes::Bytes;
use csv_core::{ReadRecordResult, Reader, ReaderBuilder};
use futures_util::TryStreamExt as _;
use shared::etl::{CsvForm, PipelineError};
use shared::ports::{BlobBytes, BlobStore};

use super::origins::Origins;
use super::source::{N_ROWS_AT_ONCE, Portion, RowSource, Wanted};
use super::typed::TypedRows;

/// The longest row, in bytes. A quote that nobody closed makes one row of all that follows.
const MAX_ROW_BYTES: usize = 16 * 1024 * 1024;
/// The most values of a row.
const MAX_VALUES: usize = 16_384;

/// Reads rows as they come.
pub(super) struct CsvSource {
    wanted: Wanted,
    records: Records,
    null_words: Vec<String>,
    /// Where each column stands in a row.
    places: Vec<usize>,
    n_values: usize,
    unread: Vec<String>,
    rows: TypedRows,
    origins: Option<Origins>,
}

/// Parts bytes into records.
struct Records {
    bytes: BlobBytes,
    chunk: Bytes,
    is_ended: bool,
    parser: Reader,
    text: Vec<u8>,
    ends: Vec<usize>,
    n_values: usize,
    /// The line that comes next, from 1.
    line: u64,
}

impl CsvSource {
    /// Begins to read, and reads the names of the columns.
    ///
    /// # Errors
    ///
    /// [`PipelineError::Store`], or [`PipelineError::Unfit`] when a column is missing.
    pub(super) async fn open(
        store: &dyn BlobStore,
        wanted: Wanted,
        form: CsvForm,
    ) -> Result<Self, PipelineError> {
        let read = store.read(&wanted.at.key, None).await.map_err(|error| wanted.failed(error))?;
        let mut records = Records {
            bytes: read.bytes,
            chunk: Bytes::new(),
            is_ended: false,
            parser: ReaderBuilder::new().delimiter(form.delimiter).build(),
            text: vec![0; 4096],
            ends: vec![0; 64],
            n_values: 0,
            line: 1,
        };
        if records.next(&wanted).await?.is_none() {
            return Err(wanted.unfit("is empty: its first line names the columns"));
        }
        let Some(names) = records.values() else {
            return Err(wanted.unfit("is not UTF-8: write it as UTF-8"));
        };
        let names: Vec<String> = names.map(|it| it.trim().to_owned()).collect();
        let places = wanted.places(&names)?;
        let unread = wanted.unread(&names);
        let rows = TypedRows::new(wanted.columns.clone(), wanted.key.clone());
        let rows = rows.map_err(|error| wanted.unfit(error.to_string()))?;
        let (null_words, n_values) = (form.null_words, names.len());
        let origins = None;
        Ok(Self { wanted, records, null_words, places, n_values, unread, rows, origins })
    }

    /// Takes the record that was read last.
    fn take(&mut self, line: u64) {
        let Self { records, null_words, places, n_values, rows, origins, .. } = self;
        let n_found = records.n_values;
        let Some(text) = records.text() else {
            let shown = String::from_utf8_lossy(records.raw()).into_owned();
            rows.lose(line, &shown, "is not UTF-8".to_owned());
            if let Some(origins) = origins {
                origins.keep_broken(line, std::iter::once(shown.as_str()));
            }
            return;
        };
        if n_found != *n_values {
            let (verb, all) = (if n_found == 1 { "value" } else { "values" }, *n_values);
            let reason = format!("has {n_found} {verb}, and the first line names {all} columns");
            let values = || records.values().into_iter().flatten();
            if let Some(origins) = origins {
                origins.keep_broken(line, values());
            }
            rows.lose(line, &values().collect::<Vec<_>>().join("|"), reason);
            return;
        }
        let ends = &records.ends;
        let value_of = |column: usize| {
            let place = *places.get(column)?;
            let begin = if place == 0 { 0 } else { *ends.get(place - 1)? };
            text.get(begin..*ends.get(place)?)
        };
        if let Some(origins) = origins {
            origins.keep(line, (0..places.len()).map(value_of));
        }
        rows.push(line, |column| {
            let value = value_of(column)?;
            let is_null = value.is_empty() || null_words.iter().any(|it| it == value);
            (!is_null).then_some(value)
        });
    }
}

#[async_trait]
impl RowSource for CsvSource {
    async fn next(&mut self) -> Result<Option<Portion>, PipelineError> {
        while self.rows.len() < N_ROWS_AT_ONCE {
            let Some(line) = self.records.next(&self.wanted).await? else { break };
            self.take(line);
        }
        if self.rows.len() == 0 {
            return Ok(None);
        }
        self.wanted.portion(&mut self.rows, self.origins.as_mut()).map(Some)
    }

    fn keep_rows(&mut self) {
        self.origins = Some(Origins::of(self.wanted.names()));
    }

    fn unread_columns(&self) -> &[String] {
        &self.unread
    }
}

impl Records {
    /// Reads the next record, and returns the line it begins in; `None` behind the last.
    async fn next(&mut self, wanted: &Wanted) -> Result<Option<u64>, PipelineError> {
        self.skip_blank_lines(wanted).await?;
        let begin = self.line;
        let (mut n_text, mut n_ends) = (0, 0);
        loop {
            if self.chunk.is_empty() && !self.is_ended {
                self.fill(wanted).await?;
            }
            let (text, ends) = (self.text.get_mut(n_text..), self.ends.get_mut(n_ends..));
            let (text, ends) = (text.unwrap_or_default(), ends.unwrap_or_default());
            let (result, n_read, n_written, n_ended) =
                self.parser.read_record(&self.chunk, text, ends);
            let read = self.chunk.split_to(n_read);
            self.line += memchr::memchr_iter(b'\n', &read).count() as u64;
            n_text += n_written;
            n_ends += n_ended;
            match result {
                ReadRecordResult::InputEmpty => {}
                ReadRecordResult::OutputFull => {
                    self.text.resize(self.text.len() * 2, 0);
                    if self.text.len() > MAX_ROW_BYTES {
                        return Err(wanted.unfit(format!(
                            "line {begin}: the row is longer than {MAX_ROW_BYTES} bytes: a quote \
                             that begins there may not be closed"
                        )));
                    }
                }
                ReadRecordResult::OutputEndsFull => {
                    self.ends.resize(self.ends.len() * 2, 0);
                    if self.ends.len() > MAX_VALUES {
                        let text =
                            format!("line {begin}: the row has more than {MAX_VALUES} values");
                        return Err(wanted.unfit(text));
                    }
                }
                ReadRecordResult::Record => {
                    self.n_values = n_ends;
                    return Ok(Some(begin));
                }
                ReadRecordResult::End => return Ok(None),
            }
        }
    }

    /// A record begins at its own line, not at the blank ones before it.
    async fn skip_blank_lines(&mut self, wanted: &Wanted) -> Result<(), PipelineError> {
        loop {
            while let Some(first @ (b'\n' | b'\r')) = self.chunk.first().copied() {
                self.line += u64::from(first == b'\n');
                let _ = self.chunk.split_to(1);
            }
            if !self.chunk.is_empty() || self.is_ended {
                return Ok(());
            }
            self.fill(wanted).await?;
        }
    }

    async fn fill(&mut self, wanted: &Wanted) -> Result<(), PipelineError> {
        match self.bytes.try_next().await.map_err(|error| wanted.failed(error))? {
            Some(chunk) => self.chunk = chunk,
            None => self.is_ended = true,
        }
        Ok(())
    }

    /// Returns the bytes of the record, without what parted them.
    fn raw(&self) -> &[u8] {
        let end = self.n_values.checked_sub(1).and_then(|it| self.ends.get(it)).copied();
        self.text.get(..end.unwrap_or(0)).unwrap_or_default()
    }

    /// Returns the same as text; `None` when a value is not UTF-8.
    fn text(&self) -> Option<&str> {
        let text = std::str::from_utf8(self.raw()).ok()?;
        let ends = self.ends.get(..self.n_values)?;
        ends.iter().all(|it| text.is_char_boundary(*it)).then_some(text)
    }

    /// Returns the values of the record; `None` when one is not UTF-8.
    fn values(&self) -> Option<impl Iterator<Item = &str>> {
        let text = self.text()?;
        let ends = self.ends.get(..self.n_values)?;
        let begins = std::iter::once(&0).chain(ends);
        Some(begins.zip(ends).map(|(begin, end)| text.get(*begin..*end).unwrap_or_default()))
    }
}
