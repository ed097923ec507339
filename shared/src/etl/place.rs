//! Where the files of a pipeline are, and how they are written.

use std::fmt;

use serde::{Serialize, Serializer};

use super::database::{DatabaseTable, WriteMode};
use super::fault::no_such_name;
use super::kind::SourceColumn;
use crate::model::Entity;
use crate::ports::BlobKey;
use crate::ports::warehouse::Identifier;

/// The address of rows of the case store, before their entity.
const CASE_STORE: &str = "store:";
/// The address of tables of Snowflake, before their name.
const SNOWFLAKE: &str = "snowflake:";

/// A file in a blob store: `s3://BUCKET/PREFIX/NAME` or `file:FOLDER/NAME`; or rows of the case store:
/// `store:case`; or a table of Snowflake: `snowflake:DATABASE.SCHEMA.TABLE`; or a table of PostgreSQL:
/// `postgres:DATABASE/SCHEMA.TABLE`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The address of the store.
    pub store: String,
    /// The name of the file there.
    pub key: BlobKey,
}

impl Place {
    /// Reads an address: what stands behind the last `/` is the file, all before it the store.
    ///
    /// # Errors
    ///
    /// What to write instead.
    pub fn parse(raw: &str) -> Result<Self, String> {
        if let Some(name) = raw.strip_prefix(CASE_STORE) {
            return Self::of_entity(name);
        }
        if let Some(name) = raw.strip_prefix(SNOWFLAKE) {
            return Self::of_table(name);
        }
        if let Some(place) = DatabaseTable::place(raw) {
            return place;
        }
        let fault = || format!("`{raw}` names no file: write such as `file:data/cases.csv`");
        let (place, query) = match raw.split_once('?') {
            Some((place, query)) if raw.starts_with("s3://") => (place, format!("?{query}")),
            _ => (raw, String::new()),
        };
        let (store, name) = match place.rsplit_once('/') {
            Some((store, name)) => (store.to_owned(), name),
            None => ("file:.".to_owned(), place.strip_prefix("file:").ok_or_else(fault)?),
        };
        let is_store = store.len() > "s3://".len() && store.starts_with("s3://")
            || store.len() > "file:".len() && store.starts_with("file:");
        let key = BlobKey::parse(name).ok().filter(|_| is_store).ok_or_else(fault)?;
        Ok(Self { store: format!("{store}{query}"), key })
    }

    fn of_entity(name: &str) -> Result<Self, String> {
        let names = Entity::ALL.map(Entity::as_str);
        let key = BlobKey::parse(name).ok().filter(|_| names.contains(&name));
        let key = key.ok_or_else(|| no_such_name("kind of row in the case store", name, &names))?;
        Ok(Self { store: CASE_STORE.to_owned(), key })
    }

    fn of_table(name: &str) -> Result<Self, String> {
        let key = BlobKey::parse(name).ok().filter(|_| parts(name).is_some());
        let key = key.ok_or_else(|| {
            format!(
                "`{name}` names no table: write such as `snowflake:LEGAL.PUBLIC.CASES`, as Snowflake \
                 shows the names, which is mostly in upper case"
            )
        })?;
        Ok(Self { store: SNOWFLAKE.to_owned(), key })
    }

    /// Returns the table of Snowflake that it stands for, when it is no file.
    pub fn table(&self) -> Option<WarehouseTable> {
        parts(self.key.as_str()).filter(|_| self.store == SNOWFLAKE)
    }

    /// Returns what rows of the case store it stands for, when it is no file.
    pub fn entity(&self) -> Option<Entity> {
        let is_it = |it: &Entity| it.as_str() == self.key.as_str();
        Entity::ALL.into_iter().find(is_it).filter(|_| self.store == CASE_STORE)
    }
}

/// A table of a warehouse, by the names that it shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WarehouseTable {
    /// Its database.
    pub database: Identifier,
    /// Its schema.
    pub schema: Identifier,
    /// Its name.
    pub name: Identifier,
}

/// Parts a name into that of a database, a schema and a table.
fn parts(name: &str) -> Option<WarehouseTable> {
    let mut parts = name.split('.').map(Identifier::parse);
    let (database, schema, name) = (parts.next()?.ok()?, parts.next()?.ok()?, parts.next()?.ok()?);
    parts.next().is_none().then_some(WarehouseTable { database, schema, name })
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { store, key } = self;
        match store.split_once('?') {
            _ if store.ends_with(':') => write!(f, "{store}{key}"),
            Some((store, query)) => write!(f, "{store}/{key}?{query}"),
            None => write!(f, "{store}/{key}"),
        }
    }
}

impl Serialize for Place {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// How a file of separated values is written. It is UTF-8 and begins with the names of its columns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CsvForm {
    /// What stands between two values; one ASCII character.
    pub delimiter: u8,
    /// What stands for no value, beside nothing at all.
    pub null_words: Vec<String>,
}

impl Default for CsvForm {
    fn default() -> Self {
        Self { delimiter: b',', null_words: Vec::new() }
    }
}

/// How a file of objects of JSON is written: one a line, or one array of them. It is UTF-8.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JsonForm {
    /// What stands for no value, beside `null`, empty text and nothing at all.
    pub null_words: Vec<String>,
}

/// How a file is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileForm {
    /// Separated values.
    Csv(CsvForm),
    /// Objects of JSON.
    Json(JsonForm),
    /// Apache Parquet.
    Parquet,
    /// None: rows of the case store.
    Store,
    /// None: a table of a warehouse.
    Table,
    /// None: a table of a database.
    Database,
}

impl FileForm {
    /// Returns the name used in definitions and messages.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Csv(_) => "csv",
            Self::Json(_) => "json",
            Self::Parquet => "parquet",
            Self::Store => "store",
            Self::Table => "table",
            Self::Database => "database",
        }
    }

    /// Tells whether its values are text, which may be written in several ways.
    pub const fn is_text(&self) -> bool {
        matches!(self, Self::Csv(_) | Self::Json(_))
    }

    /// Lists the words that stand for no value.
    pub fn null_words(&self) -> &[String] {
        match self {
            Self::Csv(CsvForm { null_words, .. }) | Self::Json(JsonForm { null_words }) => {
                null_words
            }
            Self::Parquet | Self::Store | Self::Table | Self::Database => &[],
        }
    }
}

/// Where rows come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// The file.
    pub at: Place,
    /// How it is written.
    pub form: FileForm,
    /// The columns that are read, by name; others of the file are left out.
    pub columns: Vec<SourceColumn>,
}

/// Where rows go. A file that is there is replaced, when the new one is whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sink {
    /// The file.
    pub at: Place,
    /// How it is written.
    pub form: FileForm,
    /// What becomes of rows that are there. Only a table of a database has rows that may stay.
    pub write: WriteMode,
}

impl Sink {
    /// Replaces what is at `at`.
    pub fn new(at: Place, form: FileForm) -> Self {
        Self { at, form, write: WriteMode::Replace }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn address_is_parted_into_store_and_file() {
        for (raw, store, key) in [
            ("file:data/in/cases.csv", "file:data/in", "cases.csv"),
            ("file:/data/cases.csv", "file:/data", "cases.csv"),
            ("file:cases.csv", "file:.", "cases.csv"),
            ("store:case", "store:", "case"),
            ("snowflake:LEGAL.PUBLIC.CASES", "snowflake:", "LEGAL.PUBLIC.CASES"),
            ("s3://bucket/in/a.csv?kms=arn:x/1", "s3://bucket/in?kms=arn:x/1", "a.csv"),
        ] {
            let place = Place::parse(raw).unwrap();
            assert_eq!((place.store.as_str(), place.key.as_str()), (store, key));
            assert_eq!(Place::parse(&place.to_string()).unwrap(), place);
        }
        for raw in ["", "cases.csv", "file:", "file:data/", "s3://bucket", "ftp://a/b", "file:/a"] {
            assert!(Place::parse(raw).unwrap_err().contains("file:data/cases.csv"), "{raw}");
        }
        assert_eq!(Place::parse("store:contact").unwrap().entity(), Some(Entity::Contact));
        let table = Place::parse("snowflake:A.b.C").unwrap().table().unwrap();
        let names = [&table.database, &table.schema, &table.name].map(|it| it.as_str().to_owned());
        assert_eq!(names, ["A", "b", "C"]);
        for raw in ["snowflake:CASES", "snowflake:A..C", "snowflake:A.B.C.D", "snowflake:"] {
            assert!(Place::parse(raw).unwrap_err().contains("snowflake:LEGAL.PUBLIC.CASES"));
        }
        assert_eq!(Place::parse("file:store:/case").unwrap().entity(), None);
        let error = Place::parse("store:cases").unwrap_err();
        assert!(error.contains("did you mean `case`?"), "{error}");
    }
}
