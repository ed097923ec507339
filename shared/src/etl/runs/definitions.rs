//! The folder of definitions: each `NAME.yaml` in it is the pipeline of that name.

use std::num::NonZeroU32;
use std::sync::Arc;

use crate::error::{PortError, PortErrorKind};
use crate::etl::{Pipeline, PipelineFault, read_pipeline};
use crate::ports::{BlobKey, BlobStore, RunningSha256, read_whole};

/// The longest definition, in bytes.
const MAX_BYTES: usize = 1_048_576;
/// The most definitions of a folder.
const MAX_DEFINITIONS: usize = 1_000;
/// How many names are listed at once.
const PAGE: NonZeroU32 = NonZeroU32::MIN.saturating_add(999);
/// What a file of a definition is called behind its name.
const ENDING: &str = ".yaml";

/// A pipeline, and the text that it was read from.
#[derive(Clone, Debug, PartialEq)]
pub struct Definition {
    /// The pipeline.
    pub pipeline: Pipeline,
    /// The SHA-256 of the text, in hex.
    pub sha256: String,
}

/// A file of the folder.
#[derive(Clone, Debug, PartialEq)]
pub struct ListedDefinition {
    /// The name of the pipeline: that of the file.
    pub name: String,
    /// The pipeline, or everything that is wrong with it.
    pub found: Result<Definition, Vec<PipelineFault>>,
}

/// Why there is no pipeline.
#[derive(Debug, thiserror::Error)]
pub enum DefinitionError {
    /// There is no file of that name.
    #[error("there is no pipeline `{name}`: put it as `{name}.yaml` where pipelines are kept")]
    Missing {
        /// The name.
        name: String,
    },
    /// The file cannot be used.
    #[error("the pipeline `{name}` has {} faults: {}", .faults.len(), first(.faults))]
    Faulty {
        /// The name.
        name: String,
        /// Everything that is wrong.
        faults: Vec<PipelineFault>,
    },
    /// The folder does not answer.
    #[error("the definition of `{name}` cannot be read")]
    Unread {
        /// The name.
        name: String,
        /// The cause.
        source: PortError,
    },
}

fn first(faults: &[PipelineFault]) -> String {
    faults.first().map(ToString::to_string).unwrap_or_default()
}

/// Reads definitions of pipelines.
#[derive(Clone)]
pub struct Definitions {
    store: Arc<dyn BlobStore>,
}

impl Definitions {
    /// Reads them from `store`; those in folders within it are not looked at.
    pub fn new(store: Arc<dyn BlobStore>) -> Self {
        Self { store }
    }

    /// Lists every definition, in the order of names. One that is broken hides no other.
    ///
    /// # Errors
    ///
    /// As the store answers.
    pub async fn list(&self) -> Result<Vec<ListedDefinition>, PortError> {
        let mut listed = Vec::new();
        for name in self.names().await? {
            let found = match self.read(&name).await {
                Ok(definition) => Ok(definition),
                Err(DefinitionError::Faulty { faults, .. }) => Err(faults),
                // It went away between.
                Err(DefinitionError::Missing { .. }) => continue,
                Err(DefinitionError::Unread { source, .. }) => return Err(source),
            };
            listed.push(ListedDefinition { name, found });
        }
        Ok(listed)
    }

    /// Lists the names alone, in order.
    ///
    /// # Errors
    ///
    /// As the store answers.
    pub async fn names(&self) -> Result<Vec<String>, PortError> {
        let mut names = Vec::new();
        let mut after: Option<BlobKey> = None;
        loop {
            let page = self.store.list("", after.as_ref(), PAGE).await?;
            let stems = page.iter().filter_map(|it| it.key.as_str().strip_suffix(ENDING));
            names.extend(stems.filter(|it| is_name(it)).map(str::to_owned));
            let is_last = page.len() < usize::try_from(PAGE.get()).unwrap_or(usize::MAX);
            after = page.into_iter().last().map(|it| it.key);
            if is_last || names.len() >= MAX_DEFINITIONS {
                names.truncate(MAX_DEFINITIONS);
                names.sort_unstable();
                return Ok(names);
            }
        }
    }

    /// Reads the definition of `name`.
    ///
    /// # Errors
    ///
    /// [`DefinitionError`].
    pub async fn read(&self, name: &str) -> Result<Definition, DefinitionError> {
        let missing = || DefinitionError::Missing { name: name.to_owned() };
        if !is_name(name) {
            return Err(missing());
        }
        let file = format!("{name}{ENDING}");
        let key = BlobKey::parse(file.clone()).map_err(|_| missing())?;
        let bytes = match read_whole(&*self.store, &key, MAX_BYTES).await {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == PortErrorKind::NotFound => return Err(missing()),
            Err(source) => return Err(DefinitionError::Unread { name: name.to_owned(), source }),
        };
        let faulty = |faults| DefinitionError::Faulty { name: name.to_owned(), faults };
        let fault = |path: &str, text: String| {
            faulty(vec![PipelineFault { file: file.clone(), line: 0, path: path.to_owned(), text }])
        };
        let text = std::str::from_utf8(&bytes);
        let text = text.map_err(|_| fault("", "is not UTF-8: write it as UTF-8".to_owned()))?;
        let pipeline = read_pipeline(&file, text).map_err(faulty)?;
        if pipeline.name != name {
            let text = format!("is `{}`: name the file `{0}{ENDING}`", pipeline.name);
            return Err(fault("pipeline", text));
        }
        let mut sum = RunningSha256::default();
        sum.update(&bytes);
        Ok(Definition { pipeline, sha256: sum.finish().to_string() })
    }
}

/// Tells whether `name` can be that of a pipeline.
fn is_name(name: &str) -> bool {
    (1..=80).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::{MemoryBlobStore, PutBlob, SystemClock};

    fn text(name: &str) -> String {
        format!(
            "pipeline: {name}\nsource: {{at: 'file:in/a.csv', columns: [{{name: id}}]}}\nsink: {{at: \
             'file:out/a.csv'}}\n"
        )
    }

    #[tokio::test]
    async fn broken_definition_is_listed_with_its_fault_and_hides_no_other() {
        let store = Arc::new(MemoryBlobStore::new(Arc::new(SystemClock)));
        for (key, text) in [
            ("good.yaml", text("good")),
            ("broken.yaml", "pipeline: [".to_owned()),
            ("renamed.yaml", text("other")),
            ("folder/hidden.yaml", text("hidden")),
            ("notes.txt", String::new()),
        ] {
            let key = BlobKey::parse(key).unwrap();
            store.put(&key, text.into(), &PutBlob::default()).await.unwrap();
        }
        let definitions = Definitions::new(store);

        let listed = definitions.list().await.unwrap();

        let names: Vec<_> = listed.iter().map(|it| (it.name.as_str(), it.found.is_ok())).collect();
        assert_eq!(names, [("broken", false), ("good", true), ("renamed", false)]);
        let faults = listed[2].found.as_ref().unwrap_err();
        assert_eq!(faults[0].text, "is `other`: name the file `other.yaml`");
        let good = definitions.read("good").await.unwrap();
        assert_eq!(good.sha256.len(), 64);
        for name in ["bad", "../good", "folder/hidden", ""] {
            let error = definitions.read(name).await.unwrap_err();
            assert!(matches!(error, DefinitionError::Missing { .. }), "{error}");
        }
    }
}
