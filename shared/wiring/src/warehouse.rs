//! Warehouses by address.

use std::sync::Arc;

use adapter_snowflake::{SnowflakeSettings, SnowflakeWarehouse};
use shared::platform::Surroundings;
use shared::ports::warehouse::{SpendingView, Warehouse};
use url::Url;

use crate::error::WiringError;

/// Opens the warehouse at `address`, such as
/// `snowflake://MYORG-FIRM/LEGAL/MOODBRIDGE?user=LOADER&private_key=env:KEY&stage=FILES`. It is not
/// called yet.
///
/// # Errors
///
/// [`WiringError`] when no adapter of this build takes the scheme, or the address has faults.
pub fn warehouse(
    address: &Url,
    surroundings: &Surroundings,
) -> Result<Arc<dyn Warehouse>, WiringError> {
    Ok(crate::metered::warehouse(Arc::new(open(address, surroundings)?)))
}

/// Opens what tells of the credits that statements used in the warehouse at `address`.
///
/// # Errors
///
/// As [`warehouse`].
pub fn warehouse_spending(
    address: &Url,
    surroundings: &Surroundings,
) -> Result<Arc<dyn SpendingView>, WiringError> {
    Ok(Arc::new(open(address, surroundings)?))
}

fn open(address: &Url, surroundings: &Surroundings) -> Result<SnowflakeWarehouse, WiringError> {
    SnowflakeWarehouse::open(settings(address)?, surroundings)
        .map_err(|error| WiringError::unusable(address, error))
}

/// Checks the address of a warehouse; nothing is opened.
///
/// # Errors
///
/// As [`warehouse`].
pub fn check_warehouse(address: &Url) -> Result<(), WiringError> {
    settings(address).map(drop)
}

fn settings(address: &Url) -> Result<SnowflakeSettings, WiringError> {
    if address.scheme() != "snowflake" {
        return Err(WiringError::UnknownPlatform { address: address.clone() });
    }
    SnowflakeSettings::from_address(address)
        .map_err(|error| WiringError::unusable(&"snowflake:", error))
}

#[cfg(test)]
mod tests {
    use shared::config::Env;
    use shared::ports::{LocalSecrets, SystemClock, SystemRandom};

    use super::*;

    #[test]
    fn address_opens_a_warehouse_or_says_what_to_write() {
        let secrets = Arc::new(LocalSecrets::new(Env::default()));
        let surroundings =
            Surroundings::new(secrets, Arc::new(SystemClock), Arc::new(SystemRandom));
        let open = |raw: &str| warehouse(&Url::parse(raw).unwrap(), &surroundings);
        assert!(open("snowflake://MYORG-FIRM/LEGAL/PUBLIC?user=U&private_key=env:KEY").is_ok());

        let error = open("snowflake:x").err().unwrap();
        let text = shared::chain(&error).to_string();
        assert!(text.contains("snowflake://ACCOUNT/DATABASE/SCHEMA"), "{text}");
        assert!(matches!(open("memory:"), Err(WiringError::UnknownPlatform { .. })));
    }
}
