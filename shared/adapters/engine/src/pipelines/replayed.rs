//! Rows that a person put right, as a source.

use async_trait::async_trait;
use shared::etl::{PipelineError, ReplayRow};

use super::origins::Origins;
use super::source::{N_ROWS_AT_ONCE, Portion, RowSource, Wanted};
use super::typed::TypedRows;

/// Gives rows as text of their source would be read.
pub(super) struct ReplayedRows {
    wanted: Wanted,
    null_words: Vec<String>,
    waiting: std::vec::IntoIter<ReplayRow>,
    rows: TypedRows,
    origins: Option<Origins>,
}

impl ReplayedRows {
    /// Begins with `rows`, which are in the order of lines.
    ///
    /// # Errors
    ///
    /// [`PipelineError::Unfit`] when a column has more digits than there can be.
    pub(super) fn new(wanted: Wanted, rows: Vec<ReplayRow>) -> Result<Self, PipelineError> {
        let typed = TypedRows::new(wanted.columns.clone(), wanted.key.clone());
        let typed = typed.map_err(|error| wanted.unfit(error.to_string()))?;
        let null_words = wanted.form.null_words().to_vec();
        Ok(Self { wanted, null_words, waiting: rows.into_iter(), rows: typed, origins: None })
    }
}

#[async_trait]
impl RowSource for ReplayedRows {
    async fn next(&mut self) -> Result<Option<Portion>, PipelineError> {
        while self.rows.len() < N_ROWS_AT_ONCE {
            let Some(ReplayRow { line, row }) = self.waiting.next() else { break };
            let (columns, null_words) = (&self.wanted.columns, &self.null_words);
            let given = |place: usize| row.get(&columns.get(place)?.from)?.as_deref();
            if let Some(origins) = &mut self.origins {
                origins.keep(line, (0..columns.len()).map(given));
            }
            let is_null = |text: &str| text.is_empty() || null_words.iter().any(|it| it == text);
            self.rows.push(line, |place| given(place).filter(|it| !is_null(it)));
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
        &[]
    }
}
