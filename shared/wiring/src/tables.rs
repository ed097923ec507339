//! Databases whose tables pipelines read and write.

use std::collections::BTreeMap;
use std::sync::Arc;

use adapter_sql::postgres::PostgresOptions;
use adapter_sql::tables::PostgresTables;
use shared::config::Env;
use shared::etl::DatabaseTable;
use shared::ports::Tables;
use url::Url;

use crate::error::WiringError;
use crate::postgres::postgres;

/// Opens `databases`, each by its name in pipelines, such as
/// `postgres://loader@host/reporting?password=env:REPORTING_PASSWORD`. None is asked yet.
///
/// # Errors
///
/// [`WiringError::Unusable`], which shows an address without its query and without a password.
pub async fn tables(databases: &BTreeMap<String, Url>) -> Result<Arc<dyn Tables>, WiringError> {
    let mut opened = BTreeMap::new();
    for (name, address) in databases {
        opened.insert(name.clone(), postgres(address).await?);
    }
    Ok(Arc::new(PostgresTables::new(opened)))
}

/// Checks the name and the address of a database for pipelines; no secret is read.
///
/// # Errors
///
/// What is wrong, without anything secret.
pub fn check_database(name: &str, address: &Url) -> Result<(), String> {
    if !DatabaseTable::is_database_name(name) {
        return Err("is no name: 1 to 40 small letters, digits, `-` and `_`".to_owned());
    }
    if !matches!(address.scheme(), "postgres" | "postgresql") {
        let form = "postgres://USER@HOST/DATABASE?password=env:NAME";
        return Err(format!("is no database of PostgreSQL: write `{form}`"));
    }
    PostgresOptions::parse(address, None).map(drop).map_err(|it| shared::chain(&it).to_string())
}

/// Reads `PIPELINES_DATABASES`, a JSON object of names and addresses; every fault is noted in `env`.
pub fn read_databases(env: &mut Env) -> BTreeMap<String, Url> {
    let databases: BTreeMap<String, Url> = env.json("PIPELINES_DATABASES").unwrap_or_default();
    for (name, address) in &databases {
        if let Err(text) = check_database(name, address) {
            env.fault(format!("PIPELINES_DATABASES: `{name}` {text}"));
        }
    }
    databases
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn address_with_a_secret_or_of_another_kind_is_refused_by_name() {
        let check = |name: &str, address: &str| check_database(name, &Url::parse(address).unwrap());
        check("reporting", "postgres://loader@db.example/reporting?password=env:PASSWORD").unwrap();
        for (name, address, told) in [
            ("Reporting", "postgres://loader@db.example/reporting", "is no name"),
            ("reporting", "mysql://loader@db.example/reporting", "no database of PostgreSQL"),
            ("reporting", "postgres://loader:hunter2@db.example/reporting", "password"),
        ] {
            let error = check(name, address).unwrap_err();
            assert!(error.contains(told) && !error.contains("hunter2"), "{error}");
        }
        let mut env = Env::from_pairs([("PIPELINES_DATABASES", r#"{"a b": "postgres://x@y/z"}"#)]);
        read_databases(&mut env);
        let error = env.finish(None::<()>).unwrap_err().to_string();
        assert!(error.contains("PIPELINES_DATABASES: `a b` is no name"), "{error}");
    }
}
