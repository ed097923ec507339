//! Archives whose bytes depend on what is in them alone.

use std::io::{Cursor, Write as _};

use sha2::{Digest as _, Sha256};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

use crate::workspace::ChoreError;

/// Packs `binary` as the one file that the runtime `provided.al2023` starts.
/// Source: AWS Lambda developer guide, "Building a custom runtime".
pub(super) fn of_bootstrap(binary: &[u8]) -> Result<Vec<u8>, ChoreError> {
    let fault = |error: &dyn std::fmt::Display| ChoreError::new("pack `bootstrap`", error);
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .compression_level(Some(9))
        // The time of a build is not what is built.
        .last_modified_time(DateTime::default())
        .unix_permissions(0o755);
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    archive.start_file("bootstrap", options).map_err(|error| fault(&error))?;
    archive.write_all(binary).map_err(|error| fault(&error))?;
    Ok(archive.finish().map_err(|error| fault(&error))?.into_inner())
}

/// Returns the digest in hex.
pub(super) fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn same_binary_gives_the_same_archive_whenever_it_is_packed() {
        let binary = b"\x7fELF and more".repeat(1_000);
        let first = of_bootstrap(&binary).unwrap();
        std::thread::sleep(std::time::Duration::from_millis(2_100));
        assert_eq!(sha256(&of_bootstrap(&binary).unwrap()), sha256(&first));
        assert!(first.len() < binary.len() / 10);

        let mut archive = zip::ZipArchive::new(Cursor::new(first)).unwrap();
        let file = archive.by_index(0).unwrap();
        assert_eq!(file.name().unwrap(), "bootstrap");
        assert_eq!(file.unix_mode().map(|it| it & 0o777), Some(0o755));
    }
}
