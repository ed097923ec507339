//! The mappings of standard objects that this build carries.

use shared::ids::ConnectionId;
use shared::platform::OpenError;
use shared::sync::{MappingFault, Mappings, read_mapping};
use shared::{PortError, PortErrorKind};

use crate::client::PLATFORM;

/// The mappings of this build, one file an object. They are also what a firm copies to begin with.
pub const STANDARD: [(&str, &str); 3] = [
    ("account.yaml", include_str!("../../../../platforms/salesforce/account.yaml")),
    ("contact.yaml", include_str!("../../../../platforms/salesforce/contact.yaml")),
    ("case.yaml", include_str!("../../../../platforms/salesforce/case.yaml")),
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

/// Says that `connection` cannot be opened with its mappings.
pub(crate) fn unusable(connection: &ConnectionId, error: UnusableMappings) -> OpenError {
    OpenError::Unusable {
        connection: connection.clone(),
        source: PortError::new(PortErrorKind::Rejected, PLATFORM, "map", "mappings")
            .with_source(error),
    }
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
}
