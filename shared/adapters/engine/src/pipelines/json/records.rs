//! Bytes parted into objects of JSON: one a line, or the elements of one array.

use bytes::Bytes;
use futures_util::TryStreamExt as _;
use shared::etl::PipelineError;
use shared::ports::BlobBytes;

use crate::pipelines::source::Wanted;

/// The longest object, in bytes. One that nobody closed is all that follows.
const MAX_BYTES: usize = 16 * 1024 * 1024;
/// What some programs write before text in UTF-8.
const MARK: &[u8] = b"\xef\xbb\xbf";

/// Parts bytes into records, whatever they hold.
pub(super) struct Records {
    bytes: BlobBytes,
    chunk: Bytes,
    is_ended: bool,
    shape: Shape,
    record: Vec<u8>,
    /// The line of what comes next, from 1.
    line: u64,
    n_records: u64,
}

/// How the file is written, as far as is known.
enum Shape {
    Unknown,
    Lines,
    /// An array that begins in this line.
    Array(u64),
    /// An element was the last one.
    Closed,
}

/// Where a record stands.
#[derive(Clone, Copy)]
pub(super) struct Found {
    /// What names it: its line where each has one of its own, else which element it is, from 1.
    pub(super) number: u64,
    /// The line that an element begins in.
    pub(super) line: Option<u64>,
}

/// How far into a value bytes have come.
#[derive(Default)]
pub(super) struct Depth {
    depth: usize,
    is_text: bool,
    is_escaped: bool,
}

impl Depth {
    /// Takes a byte, and tells whether it stands outside of every list, object and text and ends an
    /// element.
    fn ends(&mut self, byte: u8) -> bool {
        if self.is_text {
            match byte {
                _ if self.is_escaped => self.is_escaped = false,
                b'\\' => self.is_escaped = true,
                // Text of JSON has no line end: a quote was forgotten, and what follows is looked at.
                b'"' | b'\n' => self.is_text = false,
                _ => {}
            }
            return false;
        }
        match byte {
            b'"' => self.is_text = true,
            b'{' | b'[' => self.depth += 1,
            b',' | b']' if self.depth == 0 => return true,
            b'}' | b']' => self.depth = self.depth.saturating_sub(1),
            _ => {}
        }
        false
    }

    /// Takes a byte of what is known to be JSON, and tells whether a list, an object or a text ends
    /// with it.
    pub(super) fn closes(&mut self, byte: u8) -> bool {
        self.ends(byte);
        self.depth == 0 && !self.is_text
    }
}

impl Records {
    /// Begins with what a store gives.
    pub(super) fn new(bytes: BlobBytes) -> Self {
        Self {
            bytes,
            chunk: Bytes::new(),
            is_ended: false,
            shape: Shape::Unknown,
            record: Vec::new(),
            line: 1,
            n_records: 0,
        }
    }

    /// Returns the record that was read last.
    pub(super) fn record(&self) -> &[u8] {
        &self.record
    }

    /// Reads the next record; `None` behind the last.
    ///
    /// # Errors
    ///
    /// [`PipelineError::Store`]; [`PipelineError::Unfit`] when one is too long, and when an array is not
    /// closed or something follows it.
    pub(super) async fn next(&mut self, wanted: &Wanted) -> Result<Option<Found>, PipelineError> {
        if matches!(self.shape, Shape::Unknown) {
            self.begin(wanted).await?;
        }
        if let Shape::Array(begin) = self.shape
            && let Some(found) = self.next_element(begin, wanted).await?
        {
            return Ok(Some(found));
        }
        if !matches!(self.shape, Shape::Closed) {
            return self.next_line(wanted).await;
        }
        self.skip_space(wanted).await?;
        if self.chunk.is_empty() {
            return Ok(None);
        }
        let line = self.line;
        Err(wanted.unfit(format!("line {line}: something follows the end of the array")))
    }

    async fn begin(&mut self, wanted: &Wanted) -> Result<(), PipelineError> {
        while self.chunk.len() < MARK.len() && !self.is_ended {
            let first = std::mem::take(&mut self.chunk);
            self.fill(wanted).await?;
            self.chunk = [first, std::mem::take(&mut self.chunk)].concat().into();
        }
        if self.chunk.starts_with(MARK) {
            let _ = self.chunk.split_to(MARK.len());
        }
        self.skip_space(wanted).await?;
        self.shape = Shape::Lines;
        if self.chunk.first() == Some(&b'[') {
            self.shape = Shape::Array(self.line);
            let _ = self.chunk.split_to(1);
        }
        Ok(())
    }

    async fn next_line(&mut self, wanted: &Wanted) -> Result<Option<Found>, PipelineError> {
        self.skip_space(wanted).await?;
        self.record.clear();
        let line = self.line;
        loop {
            let end = memchr::memchr(b'\n', &self.chunk);
            self.take(end.unwrap_or(self.chunk.len()), line, wanted)?;
            if end.is_some() {
                // The end of the line itself is skipped before the next one.
                break;
            }
            if self.is_ended {
                break;
            }
            self.fill(wanted).await?;
        }
        Ok((!self.record.is_empty()).then_some(Found { number: line, line: None }))
    }

    /// Reads the next element; `None` of an array that has none.
    async fn next_element(
        &mut self,
        begin: u64,
        wanted: &Wanted,
    ) -> Result<Option<Found>, PipelineError> {
        self.skip_space(wanted).await?;
        self.record.clear();
        let line = self.line;
        let mut depth = Depth::default();
        let last = loop {
            if let Some(end) = self.chunk.iter().position(|it| depth.ends(*it)) {
                let last = self.chunk.get(end).copied();
                self.take(end, line, wanted)?;
                let _ = self.chunk.split_to(1);
                break last;
            }
            self.take(self.chunk.len(), line, wanted)?;
            if self.is_ended {
                return Err(wanted.unfit(format!(
                    "ends within the array that begins in line {begin}: the element that begins in \
                     line {line} is not closed, or the file is cut off"
                )));
            }
            self.fill(wanted).await?;
        };
        if last == Some(b']') {
            self.shape = Shape::Closed;
            if self.n_records == 0 && self.record.is_empty() {
                return Ok(None);
            }
        }
        self.n_records += 1;
        Ok(Some(Found { number: self.n_records, line: Some(line) }))
    }

    /// Adds the next bytes to the record that begins in `line`.
    fn take(&mut self, n_bytes: usize, line: u64, wanted: &Wanted) -> Result<(), PipelineError> {
        let bytes = self.chunk.split_to(n_bytes);
        if self.record.len() + bytes.len() > MAX_BYTES {
            return Err(wanted.unfit(format!(
                "line {line}: the object is longer than {MAX_BYTES} bytes: it may not be closed"
            )));
        }
        self.line += memchr::memchr_iter(b'\n', &bytes).count() as u64;
        self.record.extend_from_slice(&bytes);
        Ok(())
    }

    /// A record begins at its own line, not at the blank ones before it.
    async fn skip_space(&mut self, wanted: &Wanted) -> Result<(), PipelineError> {
        loop {
            while let Some(first @ (b'\n' | b'\r' | b' ' | b'\t')) = self.chunk.first().copied() {
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
}
