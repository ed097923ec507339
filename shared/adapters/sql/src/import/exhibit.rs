//! Looks whether the file of an exhibit is there, and is the one that was filed.

use std::path::{Component, Path};

use super::file::digest;
use super::row::SourceRow;

/// Compares the file of `row` below `folder` with its `hash_sha256`; returns what is wrong.
pub(super) async fn compare(folder: &Path, row: &SourceRow) -> Option<String> {
    let named = row.text("file_path").ok().flatten();
    let Some(named) = named else {
        return Some("`file_path` is empty: there is no file to compare".to_owned());
    };
    let below = Path::new(&named);
    let mut parts: Vec<_> = below.components().collect();
    parts.retain(|it| !matches!(it, Component::RootDir | Component::CurDir));
    if parts.iter().any(|it| !matches!(it, Component::Normal(_))) {
        return Some("`file_path` leads out of the folder: correct it".to_owned());
    }
    let whole = folder.join(parts.iter().collect::<std::path::PathBuf>());
    let by_name = below.file_name().map(|it| folder.join(it));
    let file = [Some(whole), by_name].into_iter().flatten().find(|it| it.is_file());
    let Some(file) = file else {
        return Some(format!("the file `{named}` is missing below `{}`", folder.display()));
    };
    let Ok(found) = digest(&file).await else {
        return Some(format!("the file `{named}` cannot be read"));
    };
    match row.text("hash_sha256").ok().flatten() {
        None => Some(format!("`hash_sha256` is empty: the file `{named}` has {found}")),
        Some(filed) if filed.eq_ignore_ascii_case(&found) => None,
        Some(_) => Some(format!(
            "the file `{named}` is not the one that was filed: its SHA-256 is {found}"
        )),
    }
}
