//! Rows of a source, a batch at a time.

use std::sync::Arc;

use async_trait::async_trait;
use shared::PortError;
use shared::etl::{CaseRows, FileForm, PipelineError, Place, Reject, SourceColumn, no_such_name};
use shared::ports::{BlobStore, Tables};

use super::csv::CsvSource;
use super::given::GivenFiles;
use super::json::JsonSource;
use super::origins::Origins;
use super::parquet::ParquetSource;
use super::rows::Rows;
use super::store::StoreSource;
use super::tables::TableSource;
use super::typed::TypedRows;

/// Rows that are worked on at once.
pub(super) const N_ROWS_AT_ONCE: usize = 8192;

/// Opens the blob store at an address.
pub type OpenStore = Arc<dyn Fn(&str) -> Result<Arc<dyn BlobStore>, PortError> + Send + Sync>;

/// What sources are read from.
#[derive(Clone)]
pub(super) struct Stores {
    /// Opens blob stores.
    pub(super) open: OpenStore,
    /// The rows of the case store, where this process may read them.
    pub(super) cases: Option<CaseRows>,
    /// Tables of databases, where the settings name some.
    pub(super) tables: Option<Arc<dyn Tables>>,
}

/// Some rows of a source, and those that could not be read.
pub(super) struct Portion {
    pub(super) rows: Rows,
    /// How many rows were read, with those that could not be.
    pub(super) n_read: u64,
    /// How many could not be.
    pub(super) n_unread: u64,
    /// Why; a row may have several faults.
    pub(super) rejects: Vec<Reject>,
    /// The rows as they were read, where they are kept.
    pub(super) origins: Origins,
}

/// Reads rows.
#[async_trait]
pub(super) trait RowSource: Send {
    /// Returns the next rows; `None` behind the last.
    ///
    /// # Errors
    ///
    /// [`PipelineError::Store`] or [`PipelineError::Unfit`].
    async fn next(&mut self) -> Result<Option<Portion>, PipelineError>;

    /// Keeps rows as they are read from now on: portions tell them. What reads no file keeps none.
    fn keep_rows(&mut self) {}

    /// Lists the columns of the file that are not read.
    fn unread_columns(&self) -> &[String];
}

/// What is read of a file.
#[derive(Clone)]
pub(super) struct Wanted {
    pub(super) at: Place,
    pub(super) form: FileForm,
    pub(super) columns: Vec<SourceColumn>,
    /// The places of the key columns among `columns`.
    pub(super) key: Vec<usize>,
}

impl Wanted {
    /// Returns its columns.
    #[cfg(feature = "sets")]
    pub(super) fn schema(&self) -> arrow_schema::SchemaRef {
        let planned =
            |it: &SourceColumn| shared::etl::PlannedColumn { name: it.name.clone(), kind: it.kind };
        super::kinds::schema_of(&self.columns.iter().map(planned).collect::<Vec<_>>())
    }

    /// The error when a store fails.
    pub(super) fn failed(&self, source: PortError) -> PipelineError {
        PipelineError::store("source", &self.at, source)
    }

    /// The error when the file is not what the pipeline says.
    pub(super) fn unfit(&self, text: impl Into<String>) -> PipelineError {
        PipelineError::Unfit { at: self.at.to_string(), text: text.into() }
    }

    /// Returns what was gathered in `rows`, with the rows as they were read.
    ///
    /// # Errors
    ///
    /// [`PipelineError::Unfit`] when the columns make no batch.
    pub(super) fn portion(
        &self,
        rows: &mut TypedRows,
        origins: Option<&mut Origins>,
    ) -> Result<Portion, PipelineError> {
        let portion = rows.finish().map_err(|error| self.unfit(error.to_string()))?;
        Ok(Portion { origins: origins.map(Origins::take).unwrap_or_default(), ..portion })
    }

    /// Finds the place of each column among the names that the file has.
    ///
    /// # Errors
    ///
    /// [`PipelineError::Unfit`], which names the column and the name that was probably meant.
    pub(super) fn places(&self, names: &[String]) -> Result<Vec<usize>, PipelineError> {
        let mut places = Vec::with_capacity(self.columns.len());
        for column in &self.columns {
            let mut found = names.iter().enumerate().filter(|(_, it)| **it == column.from);
            match (found.next(), found.next()) {
                (Some((place, _)), None) => places.push(place),
                (Some(_), Some(_)) => {
                    return Err(self.unfit(format!("has two columns `{}`", column.from)));
                }
                (None, _) => {
                    let known: Vec<&str> = names.iter().map(String::as_str).collect();
                    let text = no_such_name("column", &column.from, &known);
                    return Err(self.unfit(text));
                }
            }
        }
        Ok(places)
    }

    /// Lists what its columns are called in the file.
    pub(super) fn names(&self) -> Vec<String> {
        self.columns.iter().map(|it| it.from.clone()).collect()
    }

    /// Lists those of `names` that are not read.
    pub(super) fn unread(&self, names: &[String]) -> Vec<String> {
        let is_read = |name: &String| self.columns.iter().any(|it| it.from == *name);
        names.iter().filter(|it| !is_read(it)).cloned().collect()
    }
}

/// Where files are read.
#[derive(Clone)]
pub(super) enum Files {
    /// In stores.
    Stores(Stores),
    /// Among the rows of a test.
    Given(Arc<GivenFiles>),
}

impl Files {
    /// Begins to read what is `wanted`.
    ///
    /// # Errors
    ///
    /// [`PipelineError::Store`], or [`PipelineError::Unfit`] when a column is missing.
    pub(super) async fn open(&self, wanted: Wanted) -> Result<Box<dyn RowSource>, PipelineError> {
        match self {
            Self::Stores(stores) => open(stores, wanted).await,
            Self::Given(files) => match files.open(&wanted)? {
                Some(source) => Ok(source),
                None => files.nothing(&wanted),
            },
        }
    }

    /// As [`open`](Self::open); `None` when there is no such file.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    #[cfg(feature = "sets")]
    pub(super) async fn open_if_there(
        &self,
        wanted: Wanted,
    ) -> Result<Option<Box<dyn RowSource>>, PipelineError> {
        match self {
            Self::Stores(stores) => match open(stores, wanted).await {
                Ok(source) => Ok(Some(source)),
                Err(PipelineError::Store { source, .. })
                    if source.kind() == shared::PortErrorKind::NotFound =>
                {
                    Ok(None)
                }
                Err(error) => Err(error),
            },
            Self::Given(files) => files.open(&wanted),
        }
    }
}

async fn open(stores: &Stores, wanted: Wanted) -> Result<Box<dyn RowSource>, PipelineError> {
    if let Some(entity) = wanted.at.entity() {
        let cases = stores.cases.clone().ok_or_else(|| {
            wanted.unfit(
                "cannot be read here: the case store must be named in the settings, and the key of \
                 its masks where one hashes (`lake.mask_key`)",
            )
        })?;
        return Ok(Box::new(StoreSource::open(cases, entity, wanted)?));
    }
    if wanted.at.database_table().is_some() {
        return Ok(Box::new(TableSource::open(stores.tables.as_ref(), wanted).await?));
    }
    let store = (stores.open)(&wanted.at.store).map_err(|error| wanted.failed(error))?;
    Ok(match wanted.form.clone() {
        FileForm::Csv(form) => Box::new(CsvSource::open(&*store, wanted, form).await?),
        FileForm::Json(form) => Box::new(JsonSource::open(&*store, wanted, form).await?),
        FileForm::Parquet => Box::new(ParquetSource::open(store, wanted).await?),
        FileForm::Store | FileForm::Table | FileForm::Database => {
            return Err(wanted.unfit("is no file: a table of Snowflake is worked on there"));
        }
    })
}
