//! The mappings of standard objects that this build carries.

use std::path::Path;
use std::{fs, io};

use shared::config::{ConfigError, Fault};
use shared::sync::{MappingFault, Mappings, read_mapping};

use crate::client::PLATFORM;

/// The mappings of this build, one file an object. They are also what a firm copies to begin with.
pub const STANDARD: [(&str, &str); 3] = [
    ("account.yaml", include_str!("../../../../platforms/salesforce/account.yaml")),
    ("contact.yaml", include_str!("../../../../platforms/salesforce/contact.yaml")),
    ("case.yaml", include_str!("../../../../platforms/salesforce/case.yaml")),
];

/// Fields that the org moves by itself, at every touch or look: they say nothing of the record.
/// Source: object reference, "System fields".
pub const PASSING_FIELDS: [&str; 7] = [
    "IsDeleted",
    "LastActivityDate",
    "LastModifiedById",
    "LastModifiedDate",
    "LastReferencedDate",
    "LastViewedDate",
    "SystemModstamp",
];

/// Mappings that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{}", list(faults))]
pub struct UnusableMappings {
    faults: Vec<MappingFault>,
}

fn list(faults: &[MappingFault]) -> String {
    faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

/// Reads mappings from pairs of a file's name and its text.
///
/// # Errors
///
/// [`UnusableMappings`] with every fault of every file.
pub fn read_mappings<'a>(
    files: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> Result<Mappings, UnusableMappings> {
    let (mut objects, mut faults) = (Vec::new(), Vec::new());
    for (file, text) in files {
        match read_mapping(file, text) {
            Ok(mapping) => objects.push(mapping),
            Err(found) => faults.extend(found),
        }
    }
    if faults.is_empty() {
        Ok(Mappings::new(PLATFORM, objects))
    } else {
        Err(UnusableMappings { faults })
    }
}

/// Returns the mappings of this build.
///
/// # Errors
///
/// [`UnusableMappings`] never, in fact: a test holds the files to the rules.
pub fn standard_mappings() -> Result<Mappings, UnusableMappings> {
    read_mappings(STANDARD)
}

/// Returns the mappings of a connection: those in `folder`, or those of this build.
///
/// # Errors
///
/// Every fault, each with its file, its place there, and the way out.
pub(crate) fn mappings_of(folder: Option<&Path>) -> Result<Mappings, ConfigError> {
    let Some(folder) = folder else {
        return standard_mappings().map_err(|error| faults("mappings", &error.faults));
    };
    let files = read_folder(folder).map_err(|error| {
        let what = format!("`{}` cannot be read: {error}", folder.display());
        ConfigError::from(Fault::new("mappings_folder", what))
    })?;
    if files.is_empty() {
        let what = format!(
            "`{}` holds no file that ends in `.yaml`: write one an object, or leave the setting out",
            folder.display()
        );
        return Err(Fault::new("mappings_folder", what).into());
    }
    read_mappings(files.iter().map(|(file, text)| (file.as_str(), text.as_str())))
        .map_err(|error| faults("mappings_folder", &error.faults))
}

fn faults(path: &str, found: &[MappingFault]) -> ConfigError {
    ConfigError::new(found.iter().map(|it| format!("{path}: {it}")).collect())
}

/// Returns name and text of every mapping file, by name.
fn read_folder(folder: &Path) -> io::Result<Vec<(String, String)>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_none_or(|it| it != "yaml") {
            continue;
        }
        let name = path.file_name().map(|it| it.to_string_lossy().into_owned());
        files.push((name.unwrap_or_default(), fs::read_to_string(&path)?));
    }
    files.sort();
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn standard_mappings_keep_the_rules() {
        assert_eq!(standard_mappings().unwrap().objects().len(), STANDARD.len());
    }

    #[test]
    fn every_fault_of_every_file_is_told() {
        let error = read_mappings([("a.yaml", "object: 1"), ("b.yaml", "{")]).unwrap_err();
        let text = error.to_string();
        assert!(text.contains("a.yaml") && text.contains("b.yaml"), "{text}");
    }

    #[test]
    fn folder_replaces_the_mappings_of_this_build_and_faults_name_file_and_line() {
        let folder = tempfile::tempdir().unwrap();
        let empty = mappings_of(Some(folder.path())).unwrap_err().to_string();
        assert!(empty.contains("holds no file that ends in `.yaml`"), "{empty}");
        fs::write(folder.path().join("case.yaml"), STANDARD[2].1).unwrap();
        fs::write(folder.path().join("notes.txt"), "no mapping").unwrap();
        let mappings = mappings_of(Some(folder.path())).unwrap();
        assert_eq!(mappings.objects().len(), 1);
        fs::write(folder.path().join("odd.yaml"), "object: Case\nentity: case\nfield: []\n")
            .unwrap();
        let odd = mappings_of(Some(folder.path())).unwrap_err().to_string();
        assert!(odd.contains("mappings_folder: odd.yaml:3"), "{odd}");
        let missing = mappings_of(Some(&folder.path().join("none"))).unwrap_err().to_string();
        assert!(missing.contains("cannot be read"), "{missing}");
    }
}
