//! The rows of a test in place of files.

use std::collections::BTreeMap;

use async_trait::async_trait;
use shared::etl::{Pipeline, PipelineError, PipelineTest, Place, Step, TestRow, no_such_name};

use super::source::{Portion, RowSource, Wanted};
use super::typed::TypedRows;

/// The rows of a test, by the file in whose place they stand.
#[derive(Debug, Default)]
pub(super) struct GivenFiles {
    test: String,
    rows: BTreeMap<String, Vec<TestRow>>,
}

/// Rows that are given at once.
struct GivenRows(Option<Portion>);

impl GivenFiles {
    /// Takes the rows of `test`.
    ///
    /// # Errors
    ///
    /// [`PipelineError::Unfit`] when it names a file that `pipeline` does not read beside its source.
    pub(super) fn of(pipeline: &Pipeline, test: &PipelineTest) -> Result<Self, PipelineError> {
        let read = pipeline.steps.iter().filter_map(|it| match &it.part {
            Step::Join(join) => Some(join.with.at.to_string()),
            Step::History(history) => Some(history.against.at.to_string()),
            _ => None,
        });
        let known: Vec<String> = read.collect();
        let mut rows = BTreeMap::new();
        for (name, given) in &test.files {
            let place = Place::parse(name).map_or_else(|_| name.clone(), |it| it.to_string());
            if !known.contains(&place) {
                let known: Vec<&str> = known.iter().map(String::as_str).collect();
                let text = no_such_name("file that a step reads", name, &known);
                return Err(PipelineError::Unfit { at: format!("test `{}`", test.name), text });
            }
            rows.insert(place, given.clone());
        }
        rows.insert(pipeline.source.part.at.to_string(), test.given.clone());
        Ok(Self { test: test.name.clone(), rows })
    }

    /// Returns the rows of the file that is wanted; `None` when the test names none.
    ///
    /// # Errors
    ///
    /// [`PipelineError::Unfit`] when they have a column that the file has not.
    pub(super) fn open(
        &self,
        wanted: &Wanted,
    ) -> Result<Option<Box<dyn RowSource>>, PipelineError> {
        let Some(rows) = self.rows.get(&wanted.at.to_string()) else { return Ok(None) };
        let portion = read(&self.test, rows, wanted)?;
        Ok(Some(Box::new(GivenRows(Some(portion)))))
    }

    /// Stands for a file without rows.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    pub(super) fn nothing(&self, wanted: &Wanted) -> Result<Box<dyn RowSource>, PipelineError> {
        Ok(Box::new(GivenRows(Some(read(&self.test, &[], wanted)?))))
    }
}

/// Reads rows as those of a text file are read.
fn read(test: &str, given: &[TestRow], wanted: &Wanted) -> Result<Portion, PipelineError> {
    let at = format!("test `{test}`");
    let fault = |text: String| PipelineError::Unfit { at: at.clone(), text };
    let rows = TypedRows::new(wanted.columns.clone(), wanted.key.clone());
    let mut rows = rows.map_err(|error| fault(error.to_string()))?;
    for (idx, row) in given.iter().enumerate() {
        let known: Vec<&str> = wanted.columns.iter().map(|it| it.from.as_str()).collect();
        if let Some(name) = row.keys().find(|it| !known.contains(&it.as_str())) {
            let text = no_such_name("column of the source", name, &known);
            return Err(fault(format!("given row {} of `{}`: {text}", idx + 1, wanted.at)));
        }
        let texts: Vec<Option<String>> = known
            .iter()
            .map(|it| row.get(*it).and_then(Option::as_ref).map(ToString::to_string))
            .collect();
        let value = |place: usize| texts.get(place)?.as_deref().filter(|it| !it.is_empty());
        rows.push(idx as u64 + 1, value);
    }
    rows.finish().map_err(|error| fault(error.to_string()))
}

#[async_trait]
impl RowSource for GivenRows {
    async fn next(&mut self) -> Result<Option<Portion>, PipelineError> {
        Ok(self.0.take())
    }

    fn unread_columns(&self) -> &[String] {
        &[]
    }
}
