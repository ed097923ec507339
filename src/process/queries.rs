//! What answers questions about the lake.

use std::sync::Arc;

use shared::ports::{QueryEngine, QueryLimits};
use shared::queries::{AnswerCache, QueryError, QuerySettings};

use super::Parts;
use crate::exit::CommandError;
use crate::settings::Settings;

impl Parts {
    /// Builds what answers questions about the lake.
    ///
    /// # Errors
    ///
    /// When the lake cannot be opened, or the folder for what memory does not hold cannot be used.
    pub(crate) fn query_engine(
        &self,
        settings: &Settings,
    ) -> Result<Arc<dyn QueryEngine>, CommandError> {
        let query = &settings.query;
        let bounds = QuerySettings {
            memory_bytes: query.memory_bytes,
            spill_bytes: query.spill_bytes,
            spill_folder: query.spill_folder.clone(),
            ..QuerySettings::default()
        };
        let engine = wiring::queries(&self.stores, settings.open_lake()?, &bounds);
        let failed = |error| CommandError::failed("prepare answers about the lake", error);
        engine.map_err(failed)?.ok_or_else(|| {
            failed(QueryError::Failed("this build was made without the feature `query`".to_owned()))
        })
    }

    /// Builds what answers questions about the lake, and keeps the answers.
    ///
    /// # Errors
    ///
    /// As [`query_engine`](Self::query_engine).
    pub(crate) fn queries(&self, settings: &Settings) -> Result<Arc<AnswerCache>, CommandError> {
        let engine = self.query_engine(settings)?;
        Ok(Arc::new(AnswerCache::new(engine, settings.query.kept_bytes)))
    }
}

impl Settings {
    /// Returns how much one answer of the command line may take.
    pub(crate) fn query_limits(&self, max_rows: usize) -> QueryLimits {
        QueryLimits { max_rows, within: self.query.within.0 }
    }
}
