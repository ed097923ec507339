//! Listings.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::Path;

use shared::ports::{BlobKey, ListedBlob};

use super::files::{HIDDEN, Places, Stat};

/// What is listed.
pub(super) struct Listing<'a> {
    pub(super) prefix: &'a str,
    pub(super) after: Option<&'a str>,
    pub(super) limit: usize,
}

impl Listing<'_> {
    /// Lists blobs in the order of their keys. Names of one folder at a time are held in memory, of it and
    /// those above it.
    pub(super) fn read(&self, places: &Places) -> io::Result<Vec<ListedBlob>> {
        let mut listed = Vec::new();
        self.walk(&places.root, "", &mut listed)?;
        Ok(listed)
    }

    fn walk(&self, folder: &Path, base: &str, listed: &mut Vec<ListedBlob>) -> io::Result<()> {
        let entries = match fs::read_dir(folder) {
            Ok(entries) => entries,
            // Somebody removed it meanwhile.
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error),
        };
        let mut names = Vec::new();
        for entry in entries {
            let entry = entry?;
            let Ok(name) = entry.file_name().into_string() else { continue };
            if base.is_empty() && name == HIDDEN {
                continue;
            }
            // A folder stands where the `/` behind its name puts it.
            let slash = if entry.path().is_dir() { "/" } else { "" };
            let name = format!("{base}{name}{slash}");
            if self.may_have(&name) {
                names.push(name);
            }
        }
        names.sort_unstable();
        for name in names {
            if listed.len() >= self.limit {
                break;
            }
            let path = folder.join(name.strip_prefix(base).unwrap_or(&name));
            if name.ends_with('/') {
                self.walk(&path, &name, listed)?;
                continue;
            }
            // Gone meanwhile, or put there by somebody under a name that is no key.
            let (Ok(key), Ok(stat)) = (BlobKey::parse(name), Stat::at(&path)) else { continue };
            let Stat { n_bytes, version, stored_at } = stat;
            listed.push(ListedBlob { key, n_bytes, version, stored_at });
        }
        Ok(())
    }

    /// Whether a file of this name is listed, or a folder may hold one that is.
    fn may_have(&self, name: &str) -> bool {
        let is_folder = name.ends_with('/');
        let has_prefix =
            name.starts_with(self.prefix) || (is_folder && self.prefix.starts_with(name));
        let is_behind =
            self.after.is_none_or(|after| name > after || (is_folder && after.starts_with(name)));
        has_prefix && is_behind
    }
}
