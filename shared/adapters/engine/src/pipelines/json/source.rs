//! Files of objects of JSON as a source.

use std::borrow::Cow;

use async_trait::async_trait;
use shared::etl::{JsonForm, JsonPath, PipelineError};
use shared::ports::BlobStore;

use super::members::Members;
use super::records::{Found, Records};
use crate::pipelines::origins::Origins;
use crate::pipelines::source::{N_ROWS_AT_ONCE, Portion, RowSource, Wanted};
use crate::pipelines::typed::TypedRows;

/// Reads rows as they come.
pub(in crate::pipelines) struct JsonSource {
    wanted: Wanted,
    records: Records,
    /// The first record, which was looked at already.
    first: Option<Found>,
    null_words: Vec<String>,
    members: Members,
    unread: Vec<String>,
    rows: TypedRows,
    origins: Option<Origins>,
}

impl JsonSource {
    /// Begins to read, and looks at the first object.
    ///
    /// # Errors
    ///
    /// [`PipelineError::Store`], or [`PipelineError::Unfit`] when a path cannot be read.
    pub(in crate::pipelines) async fn open(
        store: &dyn BlobStore,
        wanted: Wanted,
        form: JsonForm,
    ) -> Result<Self, PipelineError> {
        let mut members = Members::default();
        for (place, column) in wanted.columns.iter().enumerate() {
            let path = JsonPath::parse(&column.from).map_err(|text| wanted.unfit(text))?;
            members.add(&path, place);
        }
        let read = store.read(&wanted.at.key, None).await.map_err(|error| wanted.failed(error))?;
        let mut records = Records::new(read.bytes);
        let first = records.next(&wanted).await?;
        let found = std::str::from_utf8(records.record()).unwrap_or_default();
        let unread = members.others(found.trim_end());
        let rows = TypedRows::new(wanted.columns.clone(), wanted.key.clone());
        let rows = rows.map_err(|error| wanted.unfit(error.to_string()))?;
        let (null_words, origins) = (form.null_words, None);
        Ok(Self { wanted, records, first, null_words, members, unread, rows, origins })
    }

    /// Takes the record that was read last.
    fn take(&mut self, found: Found) {
        let Self { wanted, records, null_words, members, rows, origins, .. } = self;
        let Found { number, line } = found;
        let record = String::from_utf8_lossy(records.record());
        let values = match &record {
            Cow::Borrowed(text) => members.values(text.trim_end(), wanted.columns.len()),
            Cow::Owned(_) => Err("is not UTF-8".to_owned()),
        };
        let values = match values {
            Ok(values) => values,
            Err(reason) => {
                // An element is named by its number, so that its line is told beside it.
                let reason = match line {
                    None => reason,
                    Some(line) => format!("{reason}; it begins in line {line}"),
                };
                rows.lose(number, &record, reason);
                if let Some(origins) = origins {
                    origins.keep_broken(number, std::iter::once(&*record));
                }
                return;
            }
        };
        if let Some(origins) = origins {
            origins.keep(number, values.iter().map(Option::as_deref));
        }
        rows.push(number, |column| {
            let value = values.get(column)?.as_deref()?;
            let is_null = value.is_empty() || null_words.iter().any(|it| it == value);
            (!is_null).then_some(value)
        });
    }
}

#[async_trait]
impl RowSource for JsonSource {
    async fn next(&mut self) -> Result<Option<Portion>, PipelineError> {
        while self.rows.len() < N_ROWS_AT_ONCE {
            let found = match self.first.take() {
                Some(first) => Some(first),
                None => self.records.next(&self.wanted).await?,
            };
            let Some(found) = found else { break };
            self.take(found);
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
