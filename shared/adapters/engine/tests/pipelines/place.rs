//! A folder with files, and pipelines over it.

use std::path::Path;
use std::sync::Arc;

use adapter_engine::Pipelines;
use adapter_objects::FolderBlobStore;
use shared::etl::{Pipeline, PipelineError, RunReport, read_pipeline};
use shared::ports::{BlobStore, Clock, PipelineEngine as _, RunOptions, SystemClock, SystemRandom};
use shared::time::Timestamp;

/// 2026-06-01T12:00:00Z.
pub(crate) const NOW: Timestamp = Timestamp::from_millis(1_780_315_200_000);

struct Fixed;

impl Clock for Fixed {
    fn now(&self) -> Timestamp {
        NOW
    }
}

/// A folder.
pub(crate) struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        std::fs::write(self.path().join(name), text).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path().join(name)).unwrap()
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.path().join(name).exists()
    }

    /// Reads a pipeline whose places are `file:HERE/NAME`.
    pub(crate) fn pipeline(&self, text: &str) -> Pipeline {
        let here = self.path().display().to_string();
        read_pipeline("p.yaml", &text.replace("file:HERE", &format!("file:{here}")))
            .unwrap_or_else(|it| panic!("{it:#?}"))
    }

    pub(crate) fn engine() -> Pipelines {
        let open = |address: &str| {
            let folder = address.strip_prefix("file:").unwrap();
            let store =
                FolderBlobStore::open(Path::new(folder), &SystemClock, Arc::new(SystemRandom));
            Ok(Arc::new(store?) as Arc<dyn BlobStore>)
        };
        Pipelines::new(Arc::new(open), Arc::new(Fixed))
    }

    pub(crate) async fn run(&self, text: &str) -> Result<RunReport, PipelineError> {
        let options = RunOptions { n_samples: 20, ..RunOptions::default() };
        Self::engine().run(&self.pipeline(text), options, &()).await
    }

    /// Runs a pipeline that comes to a verdict.
    pub(crate) async fn verdict(&self, text: &str) -> RunReport {
        self.run(text).await.unwrap_or_else(|it| match it {
            PipelineError::Invalid(faults) => panic!("{faults:#?}"),
            it => panic!("{}", shared::chain(&it)),
        })
    }
}
