//! `{name}` in addresses and paths.

use std::collections::BTreeMap;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// What may stand in one segment of a path as it is. Source: RFC 3986, section 2.3.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A value that would lead out of its segment.
#[derive(Debug, thiserror::Error)]
#[error("`{name}` cannot be part of an address")]
pub(crate) struct UnfitValue {
    name: String,
}

/// Lists the names in braces.
pub(crate) fn names(text: &str) -> Vec<&str> {
    text.split('{').skip(1).filter_map(|it| it.split_once('}')).map(|it| it.0).collect()
}

/// Puts `values` into a path, each kept inside its own segment.
pub(crate) fn fill_path(
    text: &str,
    values: &BTreeMap<String, String>,
) -> Result<String, UnfitValue> {
    fill(text, values, |value| match value {
        "" | "." | ".." => None,
        value => Some(utf8_percent_encode(value, SEGMENT).to_string()),
    })
}

/// Puts `values` into an address; they may be no more than names of hosts and paths.
pub(crate) fn fill_address(
    text: &str,
    values: &BTreeMap<String, String>,
) -> Result<String, UnfitValue> {
    let is_plain =
        |value: &str| value.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b));
    fill(text, values, |value| {
        (!value.is_empty() && !value.contains("..") && is_plain(value)).then(|| value.to_owned())
    })
}

fn fill(
    text: &str,
    values: &BTreeMap<String, String>,
    write: impl Fn(&str) -> Option<String>,
) -> Result<String, UnfitValue> {
    let mut filled = text.to_owned();
    for name in names(text) {
        let unfit = || UnfitValue { name: name.to_owned() };
        let value = values.get(name).and_then(|it| write(it)).ok_or_else(unfit)?;
        filled = filled.replace(&format!("{{{name}}}"), &value);
    }
    Ok(filled)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(value: &str) -> BTreeMap<String, String> {
        BTreeMap::from([("id".to_owned(), value.to_owned())])
    }

    #[test]
    fn value_stays_inside_its_segment() {
        assert_eq!(fill_path("matters/{id}.json", &with("7")).unwrap(), "matters/7.json");
        assert_eq!(fill_path("m/{id}", &with("a/../b?c")).unwrap(), "m/a%2F..%2Fb%3Fc");
        for value in ["", ".", ".."] {
            assert!(fill_path("m/{id}", &with(value)).is_err());
        }
    }

    #[test]
    fn value_never_moves_an_address_to_another_host() {
        assert_eq!(
            fill_address("https://{id}/v4", &with("eu.app.clio.com")).unwrap(),
            "https://eu.app.clio.com/v4"
        );
        for value in ["evil.test/", "a@b", "a:1", "", "..", "a b", "a?b", "a#b"] {
            assert!(fill_address("https://{id}/v4", &with(value)).is_err(), "`{value}` was taken");
        }
    }

    #[test]
    fn names_in_braces_are_found() {
        assert_eq!(names("repos/{owner}/{repo}/issues"), ["owner", "repo"]);
        assert!(names("plain").is_empty());
    }
}
