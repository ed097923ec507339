//! The memory and the disk that steps over many rows may take.

use std::path::Path;
use std::sync::Arc;

use datafusion_common::DataFusionError;
use datafusion_execution::TaskContext;
use datafusion_execution::config::SessionConfig;
use datafusion_execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion_execution::runtime_env::RuntimeEnvBuilder;
use shared::etl::PipelineError;
use tempfile::TempDir;

use super::pool::SharedMemory;
use crate::pipelines::source::N_ROWS_AT_ONCE;

const MEBIBYTE: usize = 1024 * 1024;
/// The most memory that is set aside for merging what was put on disk.
const MAX_MERGE_BYTES: usize = 10 * MEBIBYTE;

/// Rows that operators work on at once with so little memory that they have a MiB of it.
const N_ROWS_A_MEBIBYTE: usize = 64;

/// Memory up to a limit, and a folder for what is beyond it.
pub(super) struct Space {
    pub(super) context: Arc<TaskContext>,
    memory_mb: u32,
    /// It goes with the last step that may use it, whatever became of the run.
    _folder: TempDir,
}

impl Space {
    /// Makes room: a folder within `scratch`.
    ///
    /// # Errors
    ///
    /// [`PipelineError::Unfit`] when there can be no folder.
    pub(super) fn open(memory_mb: u32, scratch: &Path) -> Result<Self, PipelineError> {
        let unfit = |text: String| PipelineError::Unfit {
            at: scratch.display().to_string(),
            text: format!("takes no folder for what memory cannot hold ({text}): set `TMPDIR`"),
        };
        let mut folder = tempfile::Builder::new();
        folder.prefix("moodbridge-pipeline-");
        // What is put there are values of rows.
        #[cfg(unix)]
        folder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o700));
        let folder = folder.tempdir_in(scratch).map_err(|error| unfit(error.to_string()))?;
        let n_bytes = usize::try_from(memory_mb).unwrap_or(usize::MAX).saturating_mul(MEBIBYTE);
        let disk = DiskManagerBuilder::default()
            .with_mode(DiskManagerMode::Directories(vec![folder.path().to_owned()]));
        let runtime = RuntimeEnvBuilder::new()
            .with_disk_manager_builder(disk)
            .with_memory_pool(Arc::new(SharedMemory::new(n_bytes)))
            .build_arc()
            .map_err(|error| unfit(error.strip_backtrace()))?;
        let config = SessionConfig::new()
            .with_batch_size(N_ROWS_AT_ONCE.min(n_bytes / MEBIBYTE * N_ROWS_A_MEBIBYTE).max(1))
            .with_target_partitions(1)
            .with_sort_spill_reservation_bytes(MAX_MERGE_BYTES.min(n_bytes / 32));
        let context = TaskContext::default().with_session_config(config).with_runtime(runtime);
        Ok(Self { context: Arc::new(context), memory_mb, _folder: folder })
    }

    /// Returns how many bytes of another file are held in memory for a join; beyond it both sides are
    /// sorted.
    pub(super) fn held_bytes(&self) -> usize {
        usize::try_from(self.memory_mb).unwrap_or(usize::MAX).saturating_mul(MEBIBYTE) / 4
    }

    /// Returns how long a batch may be: it must be held several times while it is sorted and merged.
    pub(super) fn batch_bytes(&self) -> usize {
        self.held_bytes() / 16
    }

    /// Says why the step at `path` failed.
    pub(super) fn unfit(&self, path: &str, error: &DataFusionError) -> PipelineError {
        let root = error.find_root();
        let text = root.strip_backtrace();
        let text = text.lines().next().unwrap_or_default();
        let text = match root {
            DataFusionError::ResourcesExhausted(_) => format!(
                "needs more than `memory_mb: {}` or the disk has: raise `memory_mb`, take fewer \
                 columns, or make groups and keys smaller ({text})",
                self.memory_mb
            ),
            _ => text.to_owned(),
        };
        PipelineError::Unfit { at: path.to_owned(), text }
    }
}
