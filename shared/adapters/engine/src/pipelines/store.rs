//! Rows of the case store as a source.

use async_trait::async_trait;
use shared::etl::{CaseRow, CaseRows, PipelineError, case_column};
use shared::ids::EntityId;
use shared::model::Entity;

use super::origins::Origins;
use super::source::{Portion, RowSource, Wanted};
use super::typed::TypedRows;

/// Rows that are read at once.
const PAGE: u32 = 1000;

/// Reads rows in the order of their ids, a page at a time. A page goes on behind the last id of the one
/// before, so that a row that is there all the while is read once.
pub(super) struct StoreSource {
    wanted: Wanted,
    entity: Entity,
    cases: CaseRows,
    after: Option<EntityId>,
    n_read: u64,
    rows: TypedRows,
    origins: Option<Origins>,
}

impl StoreSource {
    /// Begins with rows of `entity`. Nothing is read yet.
    ///
    /// # Errors
    ///
    /// [`PipelineError::Unfit`] when a column is missing.
    pub(super) fn open(
        cases: CaseRows,
        entity: Entity,
        wanted: Wanted,
    ) -> Result<Self, PipelineError> {
        for column in &wanted.columns {
            case_column(entity, &column.from).map_err(|text| wanted.unfit(text))?;
        }
        let rows = TypedRows::new(wanted.columns.clone(), wanted.key.clone());
        let rows = rows.map_err(|error| wanted.unfit(error.to_string()))?;
        Ok(Self { wanted, entity, cases, after: None, n_read: 0, rows, origins: None })
    }

    /// Takes a row. What is empty there is no value, as in files of text.
    fn take(&mut self, row: &CaseRow) {
        self.n_read += 1;
        let texts: Vec<Option<String>> =
            self.wanted.columns.iter().map(|it| row.text(&it.from)).collect();
        if let Some(origins) = &mut self.origins {
            origins.keep(self.n_read, texts.iter().map(Option::as_deref));
        }
        let value = |place: usize| texts.get(place)?.as_deref().filter(|it| !it.is_empty());
        self.rows.push(self.n_read, value);
    }
}

#[async_trait]
impl RowSource for StoreSource {
    async fn next(&mut self) -> Result<Option<Portion>, PipelineError> {
        let page = self.cases.after(self.entity, self.after.as_ref(), PAGE).await;
        let page = page.map_err(|error| self.wanted.failed(error))?;
        let Some(last) = page.last() else { return Ok(None) };
        self.after = Some(last.id.clone());
        page.iter().for_each(|it| self.take(it));
        self.wanted.portion(&mut self.rows, self.origins.as_mut()).map(Some)
    }

    fn keep_rows(&mut self) {
        self.origins = Some(Origins::of(self.wanted.names()));
    }

    fn unread_columns(&self) -> &[String] {
        &[]
    }
}
