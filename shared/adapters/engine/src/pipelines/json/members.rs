//! The values that are wanted of an object of JSON, as text.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::de::IgnoredAny;
use shared::etl::JsonPath;

use super::records::Depth;

/// The members that are wanted, by name.
#[derive(Default)]
pub(super) struct Members {
    /// The columns that have a value itself.
    places: Vec<usize>,
    /// What is wanted within it.
    within: BTreeMap<String, Members>,
}

/// A value of each column of a row.
pub(super) type Values<'a> = Vec<Option<Cow<'a, str>>>;

impl Members {
    /// Adds the value at `path` for the column at `place`.
    pub(super) fn add(&mut self, path: &JsonPath, place: usize) {
        let mut at = self;
        for name in path.names() {
            at = at.within.entry(name.clone()).or_default();
        }
        at.places.push(place);
    }

    /// Finds the values of `n_columns` columns in `record`.
    ///
    /// # Errors
    ///
    /// Why it is no row.
    pub(super) fn values<'a>(
        &self,
        record: &'a str,
        n_columns: usize,
    ) -> Result<Values<'a>, String> {
        check(record)?;
        let mut values = vec![None; n_columns];
        self.gather(record, &mut values)?;
        Ok(values)
    }

    /// Lists the names in `record` of which nothing is wanted; none when it is no object.
    pub(super) fn others(&self, record: &str) -> Vec<String> {
        let names = check(record).is_ok().then(|| members(record).map(|it| text(it.0)));
        let names = names.into_iter().flatten().filter_map(Result::ok).flatten();
        names.filter(|it| !self.within.contains_key(&**it)).map(Cow::into_owned).collect()
    }

    fn gather<'a>(&self, object: &'a str, values: &mut Values<'a>) -> Result<(), String> {
        let mut seen: Vec<&str> = Vec::with_capacity(self.within.len());
        for (name, raw) in members(object) {
            let Some(name) = text(name)? else { continue };
            let Some((name, wanted)) = self.within.get_key_value(&*name) else { continue };
            if seen.contains(&name.as_str()) {
                return Err(format!("has `{name}` twice"));
            }
            seen.push(name);
            let value = text(raw)?;
            match (&value, wanted.within.is_empty()) {
                (Some(_), false) if raw.starts_with('{') => wanted.gather(raw, values)?,
                (Some(_), false) => return Err(format!("`{name}` is no object")),
                _ => {}
            }
            for place in &wanted.places {
                if let Some(found) = values.get_mut(*place) {
                    found.clone_from(&value);
                }
            }
        }
        Ok(())
    }
}

/// Checks that `record` is an object of JSON.
fn check(record: &str) -> Result<(), String> {
    if record.is_empty() {
        return Err("has nothing between two commas".to_owned());
    }
    if let Err(error) = serde_json::from_str::<IgnoredAny>(record) {
        let text = error.to_string();
        let text = text.split(" at line ").next().unwrap_or_default();
        let within = match error.line() {
            1 => String::new(),
            line => format!(" of its line {line}"),
        };
        return Err(format!("is no JSON: {text} at character {}{within}", error.column()));
    }
    match record.starts_with('{') {
        true => Ok(()),
        false => Err("is no object: write such as `{\"id\": 1}`".to_owned()),
    }
}

/// Lists names and values of an object, as they are written. It is known to be JSON.
fn members(object: &str) -> impl Iterator<Item = (&str, &str)> {
    let mut rest = object.strip_prefix('{').unwrap_or_default();
    std::iter::from_fn(move || {
        let (name, behind) = value(rest.trim_start_matches([',', ' ', '\t', '\n', '\r']))?;
        let behind = behind.trim_start().strip_prefix(':')?.trim_start();
        let (member, behind) = value(behind)?;
        rest = behind.trim_start();
        Some((name, member))
    })
}

/// Takes a value off what begins with one.
fn value(text: &str) -> Option<(&str, &str)> {
    let end = match text.bytes().next()? {
        b'"' | b'{' | b'[' => {
            let mut depth = Depth::default();
            text.bytes().position(|it| depth.closes(it))? + 1
        }
        b'}' => return None,
        _ => text.find([',', '}', ']', ' ', '\t', '\n', '\r']).unwrap_or(text.len()),
    };
    text.split_at_checked(end)
}

/// Returns the text of a value: that between its quotes, or the value as it is written; `None` for
/// `null`.
fn text(raw: &str) -> Result<Option<Cow<'_, str>>, String> {
    let Some(inner) = raw.strip_prefix('"').and_then(|it| it.strip_suffix('"')) else {
        return Ok((raw != "null").then_some(Cow::Borrowed(raw)));
    };
    if !inner.contains('\\') {
        return Ok(Some(Cow::Borrowed(inner)));
    }
    let read = serde_json::from_str::<String>(raw);
    read.map(|it| Some(Cow::Owned(it))).map_err(|_| "has text that is not Unicode".to_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn wanted(paths: &[&str]) -> Members {
        let mut wanted = Members::default();
        for (place, path) in paths.iter().enumerate() {
            wanted.add(&JsonPath::parse(path).unwrap(), place);
        }
        wanted
    }

    #[test]
    fn values_are_the_text_that_stands_there() {
        let paths = [
            "id",
            "fee",
            "address.city",
            "address",
            "tags",
            "\"a.b\"",
            "open",
            "none",
            "absent",
            "n",
        ];
        let record = "{ \"id\" : \"a\\u00fc\\n\", \"fee\":0.10,\"address\" : {\"city\": \"X, \
                      {Y}\", \"zip\":[1]}, \"tags\": [\"a]\", 1 ] ,\"a.b\":1e3, \"open\": true, \
                      \"none\": null, \"n\":12345678901234567890}";
        let values = wanted(&paths).values(record, paths.len()).unwrap();
        let values: Vec<_> = values.iter().map(Option::as_deref).collect();
        assert_eq!(
            values,
            [
                Some("aü\n"),
                Some("0.10"),
                Some("X, {Y}"),
                Some("{\"city\": \"X, {Y}\", \"zip\":[1]}"),
                Some("[\"a]\", 1 ]"),
                Some("1e3"),
                Some("true"),
                None,
                None,
                Some("12345678901234567890"),
            ]
        );
    }

    #[test]
    fn record_that_is_no_row_says_why() {
        for (record, fault) in [
            ("", "has nothing between two commas"),
            ("7", "is no object"),
            ("[1]", "is no object"),
            ("{\"id\": 1", "is no JSON: EOF while parsing an object at character 8"),
            ("{\"id\": 1}}", "is no JSON: trailing characters"),
            ("{\"id\": 1, \"id\": 2}", "has `id` twice"),
            ("{\"address\": \"X\"}", "`address` is no object"),
            ("{\"id\": \"\\ud800\"}", "has text that is not Unicode"),
        ] {
            let error = wanted(&["id", "address.city"]).values(record, 2).unwrap_err();
            assert!(error.starts_with(fault), "{record}: {error}");
        }
        let others = wanted(&["id"]).others("{\"id\": 1, \"n\": {\"id\": 2}, \"m\": 3}");
        assert_eq!(others, ["n", "m"]);
    }

    proptest! {
        #[test]
        fn no_text_makes_reading_fail_hard(record in ".{0,40}|[{}\\[\\]\",:a1\\\\ ]{0,24}") {
            let _ = wanted(&["a", "a.a", "1"]).values(&record, 3);
        }
    }
}
