//! Tables of databases that pipelines read and write.

use std::fmt;

use super::fault::no_such_name;
use super::place::Place;
use crate::ports::BlobKey;

/// The address of tables of PostgreSQL, before the name of the database.
const POSTGRES: &str = "postgres:";
/// The longest name of a table or a schema, in bytes. Source: PostgreSQL manual, "Identifiers and Key
/// Words" (`NAMEDATALEN`).
const MAX_NAME: usize = 63;

/// A table of a database that the settings name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DatabaseTable {
    /// What the settings call the database.
    pub database: String,
    /// The schema, as the database shows it.
    pub schema: String,
    /// The name, as the database shows it.
    pub name: String,
}

/// What becomes of the rows that a table has already.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum WriteMode {
    /// They go: the table is what the run gave.
    #[default]
    Replace,
    /// They stay, and those of the run come in beside them, once.
    Append,
    /// One that has the same values in these columns as a row of the run becomes that row; the others
    /// stay.
    Merge {
        /// The columns.
        by: Vec<String>,
    },
}

impl WriteMode {
    /// The names of all of them.
    pub const NAMES: [&str; 3] = ["append", "merge", "replace"];

    /// Returns the name used in definitions and messages.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Replace => "replace",
            Self::Append => "append",
            Self::Merge { .. } => "merge",
        }
    }

    /// Reads a mode by its name, with the columns that name a row.
    ///
    /// # Errors
    ///
    /// What to write instead.
    pub fn parse(name: &str, by: Option<Vec<String>>) -> Result<Self, String> {
        let is_merge = name == "merge";
        match (name, by) {
            ("merge", Some(by)) if !by.is_empty() => Ok(Self::Merge { by }),
            ("append", None) => Ok(Self::Append),
            ("replace", None) => Ok(Self::Replace),
            ("merge", _) => {
                Err("`merge` needs the columns that name a row: write `by: [id]`".to_owned())
            }
            (_, Some(_)) if Self::NAMES.contains(&name) && !is_merge => {
                Err(format!("`{name}` compares no rows: remove `by`, or write `write: merge`"))
            }
            _ => Err(no_such_name("way to write", name, &Self::NAMES)),
        }
    }
}

impl DatabaseTable {
    /// Reads what stands behind `postgres:`.
    pub(super) fn place(rest: &str) -> Option<Result<Place, String>> {
        let rest = rest.strip_prefix(POSTGRES)?;
        let fault = || {
            format!(
                "`{POSTGRES}{rest}` names no table: write such as `postgres:reporting/public.cases`, \
                 with the name that the settings give the database (`pipelines.databases`)"
            )
        };
        let place = rest.split_once('/').and_then(|(database, name)| {
            let place =
                Place { store: format!("{POSTGRES}{database}"), key: BlobKey::parse(name).ok()? };
            place.database_table().is_some().then_some(place)
        });
        Some(place.ok_or_else(fault))
    }

    /// Tells whether `name` may name a database in the settings: small letters, digits, `-` and `_`.
    pub fn is_database_name(name: &str) -> bool {
        (1..=40).contains(&name.len())
            && name
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'_'))
    }
}

impl Place {
    /// Returns the table of a database that it stands for, when it is no file.
    pub fn database_table(&self) -> Option<DatabaseTable> {
        let database = self.store.strip_prefix(POSTGRES)?;
        let (schema, name) = self.key.as_str().split_once('.')?;
        let is_it = DatabaseTable::is_database_name(database) && is_name(schema) && is_name(name);
        is_it.then(|| DatabaseTable {
            database: database.to_owned(),
            schema: schema.to_owned(),
            name: name.to_owned(),
        })
    }
}

fn is_name(name: &str) -> bool {
    let is_first = |it: char| it.is_alphabetic() || it == '_';
    (1..=MAX_NAME).contains(&name.len())
        && name.starts_with(is_first)
        && name.chars().all(|it| is_first(it) || it.is_numeric() || it == '$')
}

impl fmt::Display for DatabaseTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{POSTGRES}{}/{}.{}", self.database, self.schema, self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn address_names_a_database_of_the_settings_a_schema_and_a_table() {
        let place = Place::parse("postgres:reporting/public.Cases_2026").unwrap();
        let table = place.database_table().unwrap();
        assert_eq!((table.schema.as_str(), table.name.as_str()), ("public", "Cases_2026"));
        assert_eq!(place.to_string(), table.to_string());
        assert_eq!(Place::parse(&place.to_string()).unwrap(), place);
        for raw in [
            "postgres:cases",
            "postgres:reporting/cases",
            "postgres:reporting/a.b.c",
            "postgres:Reporting/public.cases",
            "postgres:reporting/public.1cases",
            "postgres:reporting/public.ca ses",
            "postgres:reporting/public.\"cases\"",
            "postgres://ann:secret@host/firm",
        ] {
            let error = Place::parse(raw).unwrap_err();
            assert!(error.contains("`postgres:reporting/public.cases`"), "{error}");
        }
        assert_eq!(
            Place::parse("file:postgres:x/public.cases.csv").unwrap().database_table(),
            None
        );
    }

    #[test]
    fn only_a_merge_has_columns_that_name_rows() {
        let by = || Some(vec!["id".to_owned()]);
        assert_eq!(WriteMode::parse("append", None), Ok(WriteMode::Append));
        assert_eq!(WriteMode::parse("merge", by()), Ok(WriteMode::Merge { by: by().unwrap() }));
        for (name, by, told) in [
            ("merge", None, "write `by: [id]`"),
            ("merge", Some(Vec::new()), "write `by: [id]`"),
            ("append", by(), "remove `by`"),
            ("upsert", by(), "there is no way to write"),
            ("mergr", by(), "did you mean `merge`?"),
        ] {
            let error = WriteMode::parse(name, by).unwrap_err();
            assert!(error.contains(told), "{error}");
        }
    }
}
