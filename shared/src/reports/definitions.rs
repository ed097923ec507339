//! The reports that there are: those of this build, and those of the firm's own folder.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::definition::ReportDefinition;
use super::file::{MAX_BYTES, is_name, read_report};
use crate::config::nearest;
use crate::error::{PortError, PortErrorKind};
use crate::etl::PipelineFault;
use crate::etl::runs::Definitions;
use crate::ports::{BlobKey, BlobStore, read_whole};

/// The reports that every build knows, each with the name of its file.
const BUILT_IN: [(&str, &str); 3] = [
    ("case-file.yaml", include_str!("../../../analytics/reports/case-file.yaml")),
    ("firm-monthly.yaml", include_str!("../../../analytics/reports/firm-monthly.yaml")),
    ("pipeline-weekly.yaml", include_str!("../../../analytics/reports/pipeline-weekly.yaml")),
];

/// A report, or everything that is wrong with its definition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedReport {
    /// Its name.
    pub name: String,
    /// What it says.
    pub found: Result<ReportDefinition, Vec<PipelineFault>>,
}

/// Why there is no definition.
#[derive(Debug, thiserror::Error)]
pub enum ReportDefinitionsError {
    /// There is no report of that name.
    #[error("there is no report `{name}`{}", or_meant(.meant.as_deref()))]
    Missing {
        /// The name.
        name: String,
        /// The one that was probably meant.
        meant: Option<String>,
    },
    /// Its file cannot be used.
    #[error("the definition of `{name}` has {} faults: {}", .faults.len(), first(.faults))]
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

fn or_meant(name: Option<&str>) -> String {
    name.map_or_else(String::new, |it| format!(": did you mean `{it}`?"))
}

fn first(faults: &[PipelineFault]) -> String {
    faults.first().map(ToString::to_string).unwrap_or_default()
}

/// Returns the reports that this build carries.
///
/// # Errors
///
/// Every fault: a test keeps them from a build that has any.
pub fn built_in_reports() -> Result<Vec<ReportDefinition>, Vec<PipelineFault>> {
    BUILT_IN.iter().map(|(file, text)| read_report(file, text)).collect()
}

/// Reads definitions of reports. One of the firm's own folder takes the place of the built-in one of
/// its name.
#[derive(Clone, Default)]
pub struct ReportDefinitions {
    own: Option<Arc<dyn BlobStore>>,
}

impl ReportDefinitions {
    /// Reads those of this build, and each `NAME.yaml` in `own`.
    pub fn new(own: Option<Arc<dyn BlobStore>>) -> Self {
        Self { own }
    }

    /// Lists every report, in the order of names. One that is broken hides no other.
    ///
    /// # Errors
    ///
    /// As the folder answers.
    pub async fn list(&self) -> Result<Vec<ListedReport>, PortError> {
        let mut listed = BTreeMap::new();
        for name in self.names().await? {
            let found = match self.read(&name).await {
                Ok(definition) => Ok(definition),
                Err(ReportDefinitionsError::Faulty { faults, .. }) => Err(faults),
                // It went away between.
                Err(ReportDefinitionsError::Missing { .. }) => continue,
                Err(ReportDefinitionsError::Unread { source, .. }) => return Err(source),
            };
            listed.insert(name.clone(), ListedReport { name, found });
        }
        Ok(listed.into_values().collect())
    }

    async fn names(&self) -> Result<Vec<String>, PortError> {
        let built_in = BUILT_IN.iter().filter_map(|(file, _)| file.strip_suffix(".yaml"));
        let mut names: Vec<String> = built_in.map(str::to_owned).collect();
        if let Some(own) = &self.own {
            let own = Definitions::new(Arc::clone(own)).names().await?;
            names.extend(own.into_iter().filter(|it| is_name(it)));
        }
        names.sort_unstable();
        names.dedup();
        Ok(names)
    }

    /// Reads the definition of `name`.
    ///
    /// # Errors
    ///
    /// [`ReportDefinitionsError`].
    pub async fn read(&self, name: &str) -> Result<ReportDefinition, ReportDefinitionsError> {
        if !is_name(name) {
            return Err(self.missing(name).await);
        }
        let file = format!("{name}.yaml");
        let faulty = |faults| ReportDefinitionsError::Faulty { name: name.to_owned(), faults };
        let fault = |path: &str, text: String| {
            faulty(vec![PipelineFault { file: file.clone(), line: 0, path: path.to_owned(), text }])
        };
        let own = match self.own_bytes(&file).await {
            Ok(own) => own,
            Err(source) => {
                return Err(ReportDefinitionsError::Unread { name: name.to_owned(), source });
            }
        };
        let built_in = || BUILT_IN.iter().find(|(it, _)| *it == file).map(|(_, text)| *text);
        let text = match &own {
            Some(bytes) => std::str::from_utf8(bytes)
                .map_err(|_| fault("", "is not UTF-8: write it as UTF-8".to_owned()))?,
            None => match built_in() {
                Some(text) => text,
                None => return Err(self.missing(name).await),
            },
        };
        let report = read_report(&file, text).map_err(faulty)?;
        if report.name != name {
            let text = format!("is `{}`: name the file `{0}.yaml`", report.name);
            return Err(fault("report", text));
        }
        Ok(report)
    }

    async fn own_bytes(&self, file: &str) -> Result<Option<bytes::Bytes>, PortError> {
        let (Some(own), Ok(key)) = (&self.own, BlobKey::parse(file)) else { return Ok(None) };
        match read_whole(&**own, &key, MAX_BYTES).await {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == PortErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn missing(&self, name: &str) -> ReportDefinitionsError {
        let names = self.names().await.unwrap_or_default();
        let known: Vec<&str> = names.iter().map(String::as_str).collect();
        let meant = nearest(name, &known).map(str::to_owned);
        ReportDefinitionsError::Missing { name: name.to_owned(), meant }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::{MemoryBlobStore, PutBlob, SystemClock};

    #[test]
    fn built_in_reports_are_read() {
        let reports = built_in_reports().unwrap();
        let names: Vec<_> = reports.iter().map(|it| it.name.as_str()).collect();
        assert_eq!(names, ["case-file", "firm-monthly", "pipeline-weekly"]);
        for (report, (file, _)) in reports.iter().zip(BUILT_IN) {
            assert_eq!(format!("{}.yaml", report.name), file);
        }
    }

    #[tokio::test]
    async fn own_definition_takes_the_place_of_the_built_in_one() {
        let store = Arc::new(MemoryBlobStore::new(Arc::new(SystemClock)));
        let own = "report: firm-monthly\ntitle: Ours\nabout: Ours.\nkind: firm\nperiod: week\n\
                   formats: csv\n";
        for (key, text) in [("firm-monthly.yaml", own), ("broken.yaml", "report: [")] {
            let key = BlobKey::parse(key).unwrap();
            store.put(&key, text.into(), &PutBlob::default()).await.unwrap();
        }
        let definitions = ReportDefinitions::new(Some(store));
        let listed = definitions.list().await.unwrap();
        let names: Vec<_> = listed.iter().map(|it| it.name.as_str()).collect();
        assert_eq!(names, ["broken", "case-file", "firm-monthly", "pipeline-weekly"]);
        assert!(listed[0].found.is_err());
        assert_eq!(definitions.read("firm-monthly").await.unwrap().title, "Ours");
        let missing = definitions.read("firm-montly").await.unwrap_err().to_string();
        assert!(missing.contains("did you mean `firm-monthly`?"), "{missing}");
        assert!(matches!(
            definitions.read("../x").await,
            Err(ReportDefinitionsError::Missing { .. })
        ));
    }
}
