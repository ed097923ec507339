//! Reads the query of a request, noting every fault before it answers.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::str::FromStr;

use percent_encoding::percent_decode;
use shared::config::nearest;
use shared::time::Timestamp;
use utoipa::IntoParams;
use utoipa::openapi::path::ParameterIn;

use crate::problem::{Fault, Problem};

/// The longest text a parameter may carry, in characters.
const MAX_TEXT_CHARS: usize = 200;

/// The longest cursor, in characters.
const MAX_CURSOR_CHARS: usize = 4000;

/// How many faults one answer names; a hostile query could hold thousands.
const MAX_FAULTS: usize = 20;

/// The query of one request. Each parameter is taken once; what is left at the end is unknown.
#[derive(Debug)]
pub(crate) struct Query {
    given: BTreeMap<String, String>,
    faults: Vec<Fault>,
}

impl Query {
    /// Decodes `raw`; text that is not UTF-8 and parameters that are given twice are faults.
    pub(crate) fn new(raw: Option<&str>) -> Self {
        let mut query = Self { given: BTreeMap::new(), faults: Vec::new() };
        for pair in raw.unwrap_or_default().split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            match (decode(name), decode(value)) {
                (Some(name), Some(value)) => {
                    if query.given.insert(name.clone(), value).is_some() {
                        query.fault(&name, "it is given twice: give it once");
                    }
                }
                (name, _) => {
                    let name = name.unwrap_or_else(|| name_lossy(pair));
                    query.given.remove(&name);
                    query.fault(&name, "it is not UTF-8: percent-encode its UTF-8 bytes");
                }
            }
        }
        query
    }

    /// Notes a fault of the parameter `field`.
    pub(crate) fn fault(&mut self, field: &str, message: impl Into<String>) {
        if self.faults.len() < MAX_FAULTS {
            self.faults.push(Fault::new(shorten(field), message));
        }
    }

    /// Takes a text; an empty one counts as not given.
    pub(crate) fn text(&mut self, name: &str) -> Option<String> {
        self.bounded(name, MAX_TEXT_CHARS)
    }

    fn bounded(&mut self, name: &str, n_chars: usize) -> Option<String> {
        let text = self.given.remove(name).filter(|text| !text.is_empty())?;
        if text.chars().count() > n_chars {
            self.fault(name, format!("it is longer than {n_chars} characters: shorten it"));
            return None;
        }
        Some(text)
    }

    /// Takes the cursor of a page, which holds what the list is ordered by: as long as a title is.
    pub(crate) fn cursor(&mut self, name: &str) -> Option<String> {
        self.bounded(name, MAX_CURSOR_CHARS)
    }

    /// Takes a whole number within `range`.
    pub(crate) fn number<T>(&mut self, name: &str, range: RangeInclusive<T>) -> Option<T>
    where
        T: FromStr + PartialOrd + std::fmt::Display,
    {
        let raw = self.given.remove(name)?;
        let is_plain = !raw.is_empty() && raw.bytes().all(|b| b.is_ascii_digit());
        let number = if is_plain { raw.parse().ok() } else { None };
        let number = number.filter(|number| range.contains(number));
        if number.is_none() {
            let (first, last) = (range.start(), range.end());
            let raw = shorten(&raw);
            self.fault(name, format!("`{raw}` is not a whole number from {first} to {last}"));
        }
        number
    }

    /// Takes one of `choices` by its name.
    pub(crate) fn choice<T: Copy>(&mut self, name: &str, choices: &[(&str, T)]) -> Option<T> {
        let raw = self.given.remove(name)?;
        let found = choices.iter().find(|(choice, _)| *choice == raw).map(|(_, value)| *value);
        if found.is_none() {
            let names: Vec<_> = choices.iter().map(|(choice, _)| *choice).collect();
            self.fault(name, unknown(&raw, &names));
        }
        found
    }

    /// Takes an instant, or a day that stands for its first moment in UTC.
    pub(crate) fn instant(&mut self, name: &str) -> Option<Timestamp> {
        let raw = self.given.remove(name)?;
        let parsed =
            Timestamp::parse(&raw).or_else(|_| Timestamp::parse(&format!("{raw}T00:00:00Z"))).ok();
        if parsed.is_none() {
            let hint = if raw.contains(' ') { " (write `+` as `%2B`)" } else { "" };
            let raw = shorten(&raw);
            let forms = "`2026-01-31T09:30:00Z` or `2026-01-31`";
            self.fault(name, format!("`{raw}` is not a date such as {forms}{hint}"));
        }
        parsed
    }

    /// Takes whatever `T` reads.
    pub(crate) fn parsed<T: FromStr>(&mut self, name: &str, wanted: &str) -> Option<T> {
        let raw = self.given.remove(name)?;
        let parsed = raw.parse().ok();
        if parsed.is_none() {
            self.fault(name, format!("`{}` is not {wanted}", shorten(&raw)));
        }
        parsed
    }

    /// Takes all that is left, for parameters that are not of the API.
    pub(crate) fn rest(&mut self) -> BTreeMap<String, String> {
        let given = std::mem::take(&mut self.given);
        given.into_iter().filter(|(name, value)| self.is_short(name, value)).collect()
    }

    fn is_short(&mut self, name: &str, value: &str) -> bool {
        let is_short = value.chars().count() <= MAX_TEXT_CHARS;
        if !is_short {
            self.fault(name, format!("it is longer than {MAX_TEXT_CHARS} characters: shorten it"));
        }
        is_short
    }

    /// Ends the reading: `found`, or every fault at once.
    ///
    /// `P` documents the parameters of the operation: any other is unknown.
    ///
    /// # Errors
    ///
    /// [`Problem`] naming each fault with its fix.
    pub(crate) fn finish<P: IntoParams, T>(mut self, found: T) -> Result<T, Problem> {
        if !self.given.is_empty() {
            let documented = P::into_params(|| Some(ParameterIn::Query));
            let known: Vec<_> = documented.iter().map(|it| it.name.as_str()).collect();
            for name in std::mem::take(&mut self.given).into_keys() {
                self.fault(&name, unknown_parameter(&name, &known));
            }
        }
        if self.faults.is_empty() { Ok(found) } else { Err(Problem::invalid(self.faults)) }
    }
}

/// The parameters of an operation that has none.
#[derive(IntoParams)]
pub(crate) struct NoParams {}

fn decode(raw: &str) -> Option<String> {
    let spaced = raw.replace('+', " ");
    percent_decode(spaced.as_bytes()).decode_utf8().ok().map(std::borrow::Cow::into_owned)
}

fn name_lossy(pair: &str) -> String {
    let (name, _) = pair.split_once('=').unwrap_or((pair, ""));
    percent_decode(name.as_bytes()).decode_utf8_lossy().into_owned()
}

/// Cuts text that is repeated in an answer.
pub(crate) fn shorten(text: &str) -> String {
    match text.char_indices().nth(64) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

fn unknown_parameter(name: &str, known: &[&str]) -> String {
    match (nearest(name, known), known) {
        (Some(meant), _) => format!("there is no such parameter: did you mean `{meant}`?"),
        (None, []) => "there is no such parameter: this path takes none".to_owned(),
        (None, known) => format!("there is no such parameter: there are {}", quoted(known)),
    }
}

fn unknown(raw: &str, known: &[&str]) -> String {
    let raw_short = shorten(raw);
    match nearest(raw, known) {
        Some(meant) => format!("`{raw_short}` is not known: did you mean `{meant}`?"),
        None => format!("`{raw_short}` is not known: write {}", quoted(known)),
    }
}

/// Lists names for a message.
pub(crate) fn quoted(names: &[&str]) -> String {
    let quoted: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
    quoted.join(", ")
}
