//! Where a value stands in an object of JSON.

/// The names that lead to a value, from the outside in. Never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JsonPath(Vec<String>);

impl JsonPath {
    /// Reads names with dots between them, such as `address.city`. A name that has a dot or a quote
    /// itself stands in quotes, as in expressions: `"a.b".c`.
    ///
    /// # Errors
    ///
    /// What to write instead.
    pub fn parse(raw: &str) -> Result<Self, String> {
        let fault = || {
            format!(
                "`{raw}` is no path: write names with dots between them, such as `address.city`, and \
                 quotes around a name that has a dot: `\"a.b\".c`"
            )
        };
        let mut names = Vec::new();
        let mut rest = raw;
        loop {
            let (name, behind) = match rest.strip_prefix('"') {
                Some(inner) => quoted(inner).ok_or_else(fault)?,
                None => {
                    let (name, _) = rest.split_once('.').unwrap_or((rest, ""));
                    if name.contains('"') {
                        return Err(fault());
                    }
                    (name.to_owned(), rest.get(name.len()..).unwrap_or_default())
                }
            };
            if name.is_empty() {
                return Err(fault());
            }
            names.push(name);
            match behind.strip_prefix('.') {
                Some(more) => rest = more,
                None if behind.is_empty() => return Ok(Self(names)),
                None => return Err(fault()),
            }
        }
    }

    /// Lists its names, from the outside in.
    pub fn names(&self) -> &[String] {
        &self.0
    }
}

/// Reads a name up to the quote that ends it, and returns what stands behind.
fn quoted(inner: &str) -> Option<(String, &str)> {
    let mut name = String::new();
    let mut rest = inner;
    loop {
        let (part, behind) = rest.split_once('"')?;
        name.push_str(part);
        match behind.strip_prefix('"') {
            Some(more) => {
                name.push('"');
                rest = more;
            }
            None => return Some((name, behind)),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn path_is_read_name_by_name() {
        for (raw, names) in [
            ("id", &["id"][..]),
            ("Case Id", &["Case Id"]),
            ("address.city", &["address", "city"]),
            ("\"a.b\".c", &["a.b", "c"]),
            ("a.\"say \"\"hi\"\"\"", &["a", "say \"hi\""]),
        ] {
            assert_eq!(JsonPath::parse(raw).unwrap().names(), names, "{raw}");
        }
        for raw in ["", ".", "a.", ".a", "a..b", "\"a", "\"a\"b", "a\"b", "\"\""] {
            assert!(JsonPath::parse(raw).unwrap_err().contains("address.city"), "{raw}");
        }
    }

    proptest! {
        #[test]
        fn name_in_quotes_is_read_as_it_is(names in prop::collection::vec(".{1,8}", 1..4)) {
            let quoted = names.iter().map(|it| format!("\"{}\"", it.replace('"', "\"\"")));
            let raw = quoted.collect::<Vec<_>>().join(".");
            let path = JsonPath::parse(&raw).unwrap();
            prop_assert_eq!(path.names(), names);
        }

        #[test]
        fn no_text_makes_reading_fail_hard(raw in "[ab.\"]{0,12}") {
            let _ = JsonPath::parse(&raw);
        }
    }
}
