//! PostgreSQL databases by address.

use adapter_sql::postgres::{PostgresOpenError, PostgresOptions};
use shared::config::Env;
use shared::ports::{LocalSecrets, SecretAddress, Secrets};
use url::Url;

use crate::error::WiringError;
use crate::secrets::PlatformSecrets;

/// Reads an address such as `postgres://user@host/database?password=env:PGPASSWORD`, and the
/// secret that it names.
///
/// # Errors
///
/// [`WiringError::Unusable`], which shows the address without its query and without a password.
pub(crate) async fn postgres(address: &Url) -> Result<PostgresOptions, WiringError> {
    let named = address.query_pairs().find(|(key, _)| key == "password");
    let password = match named {
        None => None,
        Some((_, named)) => {
            let named = SecretAddress::parse(named).map_err(|it| unusable(address, it))?;
            let secrets = PlatformSecrets::new(LocalSecrets::new(Env::of_process()));
            Some(secrets.read(&named).await.map_err(|it| unusable(address, it))?)
        }
    };
    PostgresOptions::parse(address, password.as_ref()).map_err(|it| unusable(address, it))
}

fn unusable(
    address: &Url,
    source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> WiringError {
    WiringError::unusable(&PostgresOptions::shown(address), source)
}

/// Reports that a database cannot be opened.
pub(crate) fn unopened(options: &PostgresOptions, source: PostgresOpenError) -> WiringError {
    WiringError::unusable(&options.address(), source)
}

#[cfg(test)]
mod tests {
    use shared::chain;

    use super::*;

    async fn refusal(address: &str) -> String {
        let error = postgres(&Url::parse(address).unwrap()).await.unwrap_err();
        format!("{} {error:?}", chain(&error))
    }

    #[tokio::test]
    async fn password_in_an_address_is_refused_and_not_repeated() {
        for address in [
            "postgres://ann:hunter2@db/firm?queue=events",
            "postgres://ann@db/firm?queue=events&password=hunter2",
            "postgres://ann@db/firm?queue=events&pasword=hunter2",
        ] {
            let refusal = refusal(address).await;
            assert!(!refusal.contains("hunter2"), "{refusal}");
        }
    }

    #[tokio::test]
    async fn missing_secret_is_named() {
        let refusal = refusal("postgres://ann@db/firm?password=env:MOODBRIDGE_NO_SUCH").await;
        assert!(refusal.contains("env:MOODBRIDGE_NO_SUCH"), "{refusal}");
    }
}
