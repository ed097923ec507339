//! What answers questions about the lake.

use std::sync::Arc;

use shared::ids::ConnectionId;
use shared::lake::Hiding;
use shared::ports::{QueryEngine, QueryLimits};
use shared::queries::{AnswerCache, QueryError, QuerySettings};
use shared::sync::Mappings;
use tracing::info;

use super::Parts;
use crate::exit::CommandError;
use crate::settings::Settings;

impl Parts {
    /// Builds what answers questions about the lake. Rows of the case store are tables too, unless a mask
    /// of `mappings` hashes and `lake.mask_key` names no key.
    ///
    /// # Errors
    ///
    /// When the lake or the key cannot be opened, or the folder for what memory does not hold cannot be
    /// used.
    pub(crate) async fn query_engine(
        &self,
        settings: &Settings,
        mappings: &[(ConnectionId, Mappings)],
    ) -> Result<Arc<dyn QueryEngine>, CommandError> {
        let query = &settings.queries;
        let bounds = QuerySettings {
            memory_bytes: query.memory_bytes,
            spill_bytes: query.spill_bytes,
            spill_folder: query.spill_folder.clone(),
            ..QuerySettings::default()
        };
        let hiding = self.hiding(settings, mappings).await?;
        let engine = wiring::queries(&self.stores, settings.open_lake()?, hiding, &bounds);
        let failed = |error| CommandError::failed("prepare answers about the lake", error);
        engine.map_err(failed)?.ok_or_else(|| {
            failed(QueryError::Failed("this build was made without the feature `query`".to_owned()))
        })
    }

    /// Collects what `mappings` hide of rows of the case store. `None`, and a line in the log, when one of
    /// them hashes and `lake.mask_key` names no key: then nobody is shown any.
    ///
    /// # Errors
    ///
    /// When the key cannot be read.
    pub(super) async fn hiding(
        &self,
        settings: &Settings,
        mappings: &[(ConnectionId, Mappings)],
    ) -> Result<Option<Hiding>, CommandError> {
        let key = match &settings.lake.mask_key {
            Some(address) => Some(self.secrets.read(address).await.map_err(|error| {
                CommandError::failed("read the key of masks that `lake.mask_key` names", error)
            })?),
            None => None,
        };
        let hiding = Hiding::new(mappings.iter().map(|(_, it)| it), key);
        let hiding = hiding.inspect_err(|error| {
            info!(
                error = %shared::chain(error),
                "rows of the case store are neither tables of queries nor sources of pipelines"
            );
        });
        Ok(hiding.ok())
    }

    /// Builds what answers questions about the lake, and keeps the answers.
    ///
    /// # Errors
    ///
    /// As [`query_engine`](Self::query_engine).
    pub(crate) async fn queries(
        &self,
        settings: &Settings,
        mappings: &[(ConnectionId, Mappings)],
    ) -> Result<Arc<AnswerCache>, CommandError> {
        let engine = self.query_engine(settings, mappings).await?;
        Ok(Arc::new(AnswerCache::new(engine, settings.queries.kept_bytes)))
    }

    /// Collects the mappings of every connection.
    ///
    /// # Errors
    ///
    /// When a connection cannot be opened.
    pub(crate) fn mappings(
        &self,
        settings: &Settings,
    ) -> Result<Vec<(ConnectionId, Mappings)>, CommandError> {
        let opened = self.connections(settings)?;
        Ok(opened.into_iter().map(|it| (it.connection, it.mappings)).collect())
    }
}

impl Settings {
    /// Returns how much one answer of the command line may take.
    pub(crate) fn query_limits(&self, max_rows: usize) -> QueryLimits {
        QueryLimits { max_rows, within: self.queries.within.0 }
    }
}
