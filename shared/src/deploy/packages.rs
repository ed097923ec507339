//! The packages of a build, as `cargo xtask package` lists them.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::ports::Digest;

/// The largest archive that is sent. Source: AWS Lambda developer guide, "Lambda quotas", deployment
/// package, zipped, for direct upload.
const MAX_ARCHIVE_BYTES: u64 = 50 * 1024 * 1024;

/// The name of the list in its folder.
const LIST: &str = "packages.json";

/// A package whose digest was proved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Package {
    /// The function that it is for, such as `sync-worker`.
    pub function: String,
    /// The digest of its archive.
    pub digest: Digest,
    path: PathBuf,
}

/// The packages of one folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PackageList {
    /// The packages by name.
    pub packages: Vec<Package>,
}

/// Packages that cannot be deployed.
#[derive(Debug, thiserror::Error)]
pub enum PackageError {
    /// The list or an archive cannot be read.
    #[error("`{path}` cannot be read: make the packages by `scripts/package --cloud aws`")]
    Unreadable {
        /// The file.
        path: String,
        /// Why not.
        source: std::io::Error,
    },
    /// The list is not what `scripts/package` writes.
    #[error("`{path}` is no list of packages: make it anew by `scripts/package --cloud aws`")]
    Malformed {
        /// The file.
        path: String,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// An entry cannot be used.
    #[error("the entry of `{function}` cannot be used: {fault}")]
    BadEntry {
        /// The function.
        function: String,
        /// What is wrong, and what to do.
        fault: String,
    },
    /// An archive is not the one that was listed.
    #[error(
        "`{path}` has the digest {found}, and the list says {listed}: make the packages anew, \
         nothing was deployed from this folder"
    )]
    Altered {
        /// The archive.
        path: String,
        /// What its bytes say.
        found: Digest,
        /// What the list says.
        listed: Digest,
    },
    /// A function that was asked for is not in the list.
    #[error("no package is for `{function}`: the list has {known}")]
    Unknown {
        /// The function.
        function: String,
        /// Those that there are.
        known: String,
    },
}

#[derive(Deserialize)]
struct Entry {
    function: String,
    archive: String,
    sha256: String,
}

impl PackageList {
    /// Reads the list in `folder` and proves the digest of each archive; of those in `only`, when
    /// it names some.
    ///
    /// # Errors
    ///
    /// [`PackageError`], which says what to do.
    pub fn read(folder: &Path, only: &[String]) -> Result<Self, PackageError> {
        let path = folder.join(LIST);
        let shown = path.display().to_string();
        let text = std::fs::read_to_string(&path)
            .map_err(|source| PackageError::Unreadable { path: shown.clone(), source })?;
        let entries: Vec<Entry> = serde_json::from_str(&text)
            .map_err(|source| PackageError::Malformed { path: shown, source })?;
        if let Some(unknown) = only.iter().find(|it| !entries.iter().any(|e| e.function == **it)) {
            let known: Vec<_> = entries.iter().map(|it| format!("`{}`", it.function)).collect();
            let known = known.join(", ");
            return Err(PackageError::Unknown { function: unknown.clone(), known });
        }
        let mut packages = Vec::with_capacity(entries.len());
        for entry in entries {
            if only.is_empty() || only.contains(&entry.function) {
                let package = entry.package(folder)?;
                package.archive()?;
                packages.push(package);
            }
        }
        packages.sort_by(|one: &Package, other| one.function.cmp(&other.function));
        if let Some([one, _]) = packages.array_windows().find(|[a, b]| a.function == b.function) {
            let fault = "it stands in the list twice".to_owned();
            return Err(PackageError::BadEntry { function: one.function.clone(), fault });
        }
        Ok(Self { packages })
    }
}

impl Entry {
    fn package(self, folder: &Path) -> Result<Package, PackageError> {
        let Self { function, archive, sha256 } = self;
        let bad = |fault: String| PackageError::BadEntry { function: function.clone(), fault };
        let is_plain = Path::new(&archive).file_name().is_some_and(|it| it == archive.as_str());
        if !is_plain {
            return Err(bad(format!("`{archive}` is not the name of a file beside the list")));
        }
        let digest = Digest::parse(&sha256).map_err(|error| bad(error.to_string()))?;
        Ok(Package { digest, path: folder.join(&archive), function })
    }
}

impl Package {
    /// Reads the archive, and proves that it is the one that was listed.
    ///
    /// # Errors
    ///
    /// `Unreadable`, `Altered`, or `BadEntry` when it is too large.
    pub fn archive(&self) -> Result<Vec<u8>, PackageError> {
        let shown = || self.path.display().to_string();
        let unreadable = |source| PackageError::Unreadable { path: shown(), source };
        let size = std::fs::metadata(&self.path).map_err(unreadable)?.len();
        if size > MAX_ARCHIVE_BYTES {
            let function = self.function.clone();
            let fault = format!("its archive has {size} bytes, more than {MAX_ARCHIVE_BYTES}");
            return Err(PackageError::BadEntry { function, fault });
        }
        let archive = std::fs::read(&self.path).map_err(unreadable)?;
        let found = Digest::of(&archive);
        if found == self.digest {
            return Ok(archive);
        }
        Err(PackageError::Altered { path: shown(), found, listed: self.digest.clone() })
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Writes archives and their list, as the chore does.
    pub(crate) fn folder_of(archives: &[(&str, &[u8])]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let mut entries = Vec::new();
        for (function, archive) in archives {
            let name = format!("{function}.zip");
            std::fs::write(folder.path().join(&name), archive).unwrap();
            let sha256 = Digest::of(archive);
            let (archive_bytes, binary_bytes) = (archive.len(), 1);
            entries.push(serde_json::json!({
                "function": function, "archive": name, "sha256": sha256,
                "archive_bytes": archive_bytes, "binary_bytes": binary_bytes,
            }));
        }
        let list = serde_json::to_string(&entries).unwrap();
        std::fs::write(folder.path().join(LIST), list).unwrap();
        folder
    }

    #[test]
    fn list_is_read_and_narrowed() {
        let folder = folder_of(&[("b", b"2"), ("a", b"1")]);
        let all = PackageList::read(folder.path(), &[]).unwrap();
        let names: Vec<_> = all.packages.iter().map(|it| it.function.as_str()).collect();
        assert_eq!(names, ["a", "b"]);
        assert_eq!(all.packages[0].archive().unwrap(), b"1");
        let some = PackageList::read(folder.path(), &["b".to_owned()]).unwrap();
        assert_eq!(some.packages.len(), 1);
        let error = PackageList::read(folder.path(), &["c".to_owned()]).unwrap_err();
        assert!(error.to_string().contains("the list has `b`, `a`"), "{error}");
    }

    #[test]
    fn archive_of_another_digest_is_refused() {
        let folder = folder_of(&[("a", b"1")]);
        std::fs::write(folder.path().join("a.zip"), b"other").unwrap();
        let error = PackageList::read(folder.path(), &[]).unwrap_err();
        assert!(matches!(error, PackageError::Altered { .. }), "{error}");
    }

    #[test]
    fn list_that_leads_out_of_its_folder_or_names_one_twice_is_refused() {
        let folder = folder_of(&[("a", b"1"), ("a", b"1")]);
        let error = PackageList::read(folder.path(), &[]).unwrap_err();
        assert!(error.to_string().contains("twice"), "{error}");
        let digest = Digest::of(b"1");
        let list = format!(r#"[{{"function":"a","archive":"../a.zip","sha256":"{digest}"}}]"#);
        std::fs::write(folder.path().join(LIST), list).unwrap();
        let error = PackageList::read(folder.path(), &[]).unwrap_err();
        assert!(error.to_string().contains("not the name of a file"), "{error}");
        std::fs::write(folder.path().join(LIST), "{}").unwrap();
        assert!(matches!(
            PackageList::read(folder.path(), &[]),
            Err(PackageError::Malformed { .. })
        ));
    }
}
