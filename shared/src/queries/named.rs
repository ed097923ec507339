//! Named queries: definitions with stable names, in YAML.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::answer::QueryColumn;
use super::error::QueryError;
use super::parameter::Parameter;
use crate::etl::{ColumnKind, no_such_name};
use crate::time::Timestamp;

/// The queries that every build knows.
const BUILT_IN: &str = include_str!("../../../analytics/queries.yaml");

/// The longest name, in characters.
const MAX_NAME_CHARS: usize = 64;

/// What the API calls the number of rows that are asked for.
const LIMIT: &str = "limit";

/// One named query.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct NamedQuery {
    /// Its name, such as `open_cases_by_court`; it never changes its meaning.
    pub name: String,
    /// Raised when it answers something else, or in other columns.
    pub version: u32,
    /// What people call it.
    pub title: String,
    /// What exactly it tells.
    pub about: String,
    /// What may be given.
    pub parameters: Vec<Parameter>,
    /// The columns of its answer, in order.
    pub columns: Vec<QueryColumn>,
    /// The statement.
    #[serde(skip)]
    pub sql: String,
}

impl NamedQuery {
    /// Says how `found`, the columns that the statement has, differ from those that are listed.
    pub fn unlike(&self, found: &[QueryColumn]) -> Option<String> {
        let shown = |columns: &[QueryColumn]| {
            let each = columns.iter().map(|it| format!("{{name: {}, type: {}}}", it.name, it.kind));
            each.collect::<Vec<_>>().join(", ")
        };
        (self.columns != found).then(|| {
            let (found, listed) = (shown(found), shown(&self.columns));
            format!("its statement has the columns [{found}], and `columns` lists [{listed}]")
        })
    }
}

/// What is wrong with a definition.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum QueryFault {
    /// They cannot be read; the text names the place.
    #[error("the queries cannot be read: {0}")]
    Unreadable(String),
    /// A part of a query is wrong.
    #[error("query `{query}`: {text}")]
    Wrong {
        /// The query.
        query: String,
        /// What is wrong, and what to write instead.
        text: String,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    name: String,
    version: u32,
    title: String,
    about: String,
    #[serde(default)]
    parameters: Vec<WrittenParameter>,
    columns: Vec<WrittenColumn>,
    sql: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenParameter {
    name: String,
    #[serde(rename = "type")]
    kind: String,
    about: String,
    default: Option<Word>,
    #[serde(default)]
    values: Vec<Word>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenColumn {
    name: String,
    #[serde(rename = "type")]
    kind: String,
}

/// A value that need not stand in quotes.
#[derive(Deserialize)]
#[serde(untagged)]
enum Word {
    Bool(bool),
    Long(i64),
    Float(f64),
    Text(String),
}

impl Word {
    fn text(self) -> String {
        match self {
            Self::Bool(it) => it.to_string(),
            Self::Long(it) => it.to_string(),
            Self::Float(it) => it.to_string(),
            Self::Text(it) => it,
        }
    }
}

/// Gathers what is wrong with one query.
struct Reading<'a> {
    query: String,
    faults: &'a mut Vec<QueryFault>,
}

impl Reading<'_> {
    fn fault(&mut self, text: impl Into<String>) {
        self.faults.push(QueryFault::Wrong { query: self.query.clone(), text: text.into() });
    }

    fn name(&mut self, what: &str, name: &str, seen: &mut BTreeSet<String>) {
        if !is_name(name) {
            self.fault(format!(
                "{what} `{name}`: a name is 1 to {MAX_NAME_CHARS} of `a` to `z`, `0` to `9` and `_`, and begins with a letter"
            ));
        }
        if !seen.insert(name.to_owned()) {
            self.fault(format!("{what} `{name}` is there twice: rename one of them"));
        }
    }

    fn kind(&mut self, of: &str, raw: &str) -> ColumnKind {
        ColumnKind::parse(raw).unwrap_or_else(|| {
            self.fault(format!("type `{raw}` of `{of}` is none: write {}", ColumnKind::FORMS));
            ColumnKind::Text
        })
    }

    fn words(&mut self, of: &str, text: &str) {
        if text.trim().is_empty() {
            self.fault(format!("`{of}` is empty: say it in words"));
        }
    }

    fn parameter(&mut self, written: WrittenParameter) -> Parameter {
        let WrittenParameter { name, kind, about, default, values } = written;
        self.words(&format!("about of the parameter {name}"), &about);
        let kind = self.kind(&name, &kind);
        let (default, values) = (default.map(Word::text), values.into_iter().map(Word::text));
        let read = Parameter { name, kind, about, default, values: values.collect() };
        let written = read.values.iter().chain(&read.default);
        for raw in written {
            if let Err(text) = read.read(raw, Timestamp::EPOCH) {
                self.fault(format!("parameter `{}`: {text}", read.name));
            }
        }
        read
    }
}

/// Reads definitions in YAML: a list of queries. That their statements can be worked out is what
/// [`QueryEngine::check`](crate::ports::QueryEngine::check) tells.
///
/// # Errors
///
/// Every fault.
pub fn read_queries(text: &str) -> Result<Vec<NamedQuery>, Vec<QueryFault>> {
    let written: Vec<Written> =
        serde_saphyr::from_str(text).map_err(|it| vec![QueryFault::Unreadable(it.to_string())])?;
    let (mut faults, mut names) = (Vec::new(), BTreeSet::new());
    let mut queries = Vec::with_capacity(written.len());
    for one in written {
        let mut reading = Reading { query: one.name.clone(), faults: &mut faults };
        reading.name("the name", &one.name, &mut names);
        if one.version == 0 {
            reading.fault("`version` is 0: begin with 1");
        }
        for (of, text) in [("title", &one.title), ("about", &one.about), ("sql", &one.sql)] {
            reading.words(of, text);
        }
        let mut seen = BTreeSet::new();
        one.parameters.iter().for_each(|it| reading.name("parameter", &it.name, &mut seen));
        if seen.contains(LIMIT) {
            reading.fault("parameter `limit`: this is how many rows are asked for; rename it");
        }
        let parameters = one.parameters.into_iter().map(|it| reading.parameter(it)).collect();
        seen.clear();
        one.columns.iter().for_each(|it| reading.name("column", &it.name, &mut seen));
        let column = |it: WrittenColumn| QueryColumn {
            kind: reading.kind(&it.name, &it.kind),
            name: it.name,
        };
        let columns: Vec<QueryColumn> = one.columns.into_iter().map(column).collect();
        if columns.is_empty() {
            reading.fault("`columns` is empty: list the columns of the answer");
        }
        let Written { name, version, title, about, sql, .. } =
            Written { parameters: Vec::new(), columns: Vec::new(), ..one };
        queries.push(NamedQuery { name, version, title, about, parameters, columns, sql });
    }
    if faults.is_empty() { Ok(queries) } else { Err(faults) }
}

fn is_name(name: &str) -> bool {
    let rest = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(rest)
        && name.len() <= MAX_NAME_CHARS
}

/// Returns the queries that this build carries.
///
/// # Errors
///
/// Every fault: a test keeps them from a build that has any.
pub fn built_in_queries() -> Result<Vec<NamedQuery>, Vec<QueryFault>> {
    read_queries(BUILT_IN)
}

/// Finds the query `name`.
///
/// # Errors
///
/// [`QueryError::Invalid`] with the name that was probably meant.
pub fn find_query<'a>(queries: &'a [NamedQuery], name: &str) -> Result<&'a NamedQuery, QueryError> {
    queries.iter().find(|it| it.name == name).ok_or_else(|| {
        let names: Vec<&str> = queries.iter().map(|it| it.name.as_str()).collect();
        let short: String = name.chars().take(MAX_NAME_CHARS).collect();
        QueryError::Invalid(no_such_name("query", &short, &names))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = "
- name: by_court
  version: 1
  title: Cases by court
  about: How many cases each court has.
  parameters:
    - { name: days, type: long, about: How many days back., default: 90, values: [30, 90] }
  columns: [{ name: court, type: text }, { name: n_cases, type: long }]
  sql: SELECT court, count(*) AS n_cases FROM cases GROUP BY court
";

    #[test]
    fn built_in_queries_are_read() {
        let queries = built_in_queries().unwrap();
        assert_eq!(queries.len(), 20);
        assert!(find_query(&queries, "open_cases_by_cuort").unwrap_err().to_string().contains(
            "there is no query `open_cases_by_cuort`: did you mean `open_cases_by_court`?"
        ));
    }

    #[test]
    fn each_fault_names_the_query_and_the_way_out() {
        let told = |text: &str| {
            let faults = read_queries(text).unwrap_err();
            faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
        };
        let read = read_queries(ONE).unwrap();
        assert_eq!(read[0].parameters[0].default.as_deref(), Some("90"));

        assert!(told(&ONE.replace("sql:", "sqll:")).contains("sqll"));
        assert!(told(&ONE.replace("name: by_court", "name: By")).contains("query `By`: the name"));
        assert!(told(&format!("{ONE}{ONE}")).contains("the name `by_court` is there twice"));
        assert!(told(&ONE.replace("version: 1", "version: 0")).contains("begin with 1"));
        assert!(told(&ONE.replace("name: days", "name: limit")).contains("rename it"));
        let wrong = ONE.replace("default: 90", "default: 31").replace("type: text", "type: string");
        let told = told(&wrong);
        assert!(told.contains("parameter `days`: there is no value `31`"), "{told}");
        assert!(told.contains("type `string` of `court` is none: write `text`"), "{told}");
    }
}
