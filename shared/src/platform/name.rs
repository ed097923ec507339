//! Names of platforms: few, and needed for as long as the process lives.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

/// Text that names no platform.
#[derive(Debug, thiserror::Error)]
#[error(
    "`{raw}` is not a platform's name: write 1 to 40 lower-case letters, digits and dashes, \
     starting with a letter"
)]
pub struct InvalidPlatformId {
    raw: String,
}

static NAMES: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());

/// Keeps `raw` for the life of the process, once: errors, metrics and logs name platforms without
/// copying. Only for names of platforms, of which there are as many as manifests.
///
/// # Errors
///
/// [`InvalidPlatformId`] when it is not a name.
pub fn intern(raw: &str) -> Result<&'static str, InvalidPlatformId> {
    let is_name = raw.len() <= 40
        && raw.starts_with(|c: char| c.is_ascii_lowercase())
        && raw.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    if !is_name {
        return Err(InvalidPlatformId { raw: raw.to_owned() });
    }
    let mut names = NAMES.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = names.get(raw) {
        return Ok(known);
    }
    let name: &'static str = Box::leak(raw.to_owned().into_boxed_str());
    names.insert(name);
    Ok(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_is_kept_once() {
        let first = intern("my-platform").unwrap();
        assert!(std::ptr::eq(first, intern(&String::from("my-platform")).unwrap()));
    }

    #[test]
    fn name_with_other_letters_is_refused() {
        for raw in ["", "Clio", "1st", "a b", "a_b", &"x".repeat(41)] {
            assert!(intern(raw).is_err(), "`{raw}` was taken");
        }
    }
}
