//! Paths of settings, such as `connections[1].auth.flow`.

/// One step of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step<'a> {
    /// Into a table, by name.
    Key(&'a str),
    /// Into a list, by place.
    Idx(usize),
}

/// Splits `path` into its steps; `None` when it is not a path.
pub fn steps(path: &str) -> Option<Vec<Step<'_>>> {
    let mut found = Vec::new();
    for part in path.split('.') {
        let (key, places) = part.split_at(part.find('[').unwrap_or(part.len()));
        if key.is_empty() {
            return None;
        }
        found.push(Step::Key(key));
        let mut rest = places;
        while let Some(inner) = rest.strip_prefix('[') {
            let (idx, after) = inner.split_once(']')?;
            found.push(Step::Idx(idx.parse().ok()?));
            rest = after;
        }
        if !rest.is_empty() {
            return None;
        }
    }
    Some(found)
}

/// Returns the path of `inner` within `outer`.
pub(super) fn joined(outer: &str, inner: &str) -> String {
    match (outer, inner) {
        ("", _) => inner.to_owned(),
        (_, "") => outer.to_owned(),
        _ if inner.starts_with('[') => format!("{outer}{inner}"),
        _ => format!("{outer}.{inner}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn path_is_split_into_keys_and_places() {
        let wanted = [Step::Key("connections"), Step::Idx(1), Step::Key("auth"), Step::Key("flow")];
        assert_eq!(steps("connections[1].auth.flow").unwrap(), wanted);
        for wrong in ["", "a..b", "[1]", "a[x]", "a[1", "a[1]b"] {
            assert_eq!(steps(wrong), None, "{wrong}");
        }
    }
}
