//! Orchestrators by address.

use std::sync::Arc;

use adapter_airflow::{AirflowOrchestrator, AirflowSettings};
use shared::platform::Surroundings;
use shared::ports::orchestrator::Orchestrator;
use url::Url;

use crate::error::WiringError;

/// Opens the orchestrator at `address`, such as
/// `airflow://airflow.firm.example/?username=moodbridge&password=env:AIRFLOW_PASSWORD`. It is not called
/// yet.
///
/// # Errors
///
/// [`WiringError`] when no adapter of this build takes the scheme, or the address has faults.
pub fn orchestrator(
    address: &Url,
    surroundings: &Surroundings,
) -> Result<Arc<dyn Orchestrator>, WiringError> {
    if !matches!(address.scheme(), "airflow" | "airflow+http") {
        return Err(WiringError::UnknownPlatform { address: address.clone() });
    }
    let settings = AirflowSettings::from_address(address)
        .map_err(|error| WiringError::unusable(&"airflow:", error))?;
    let opened = AirflowOrchestrator::open(settings, surroundings)
        .map_err(|error| WiringError::unusable(address, error))?;
    Ok(crate::metered::orchestrator(Arc::new(opened)))
}

#[cfg(test)]
mod tests {
    use shared::config::Env;
    use shared::ports::{LocalSecrets, SystemClock, SystemRandom};

    use super::*;

    #[test]
    fn address_opens_an_orchestrator_or_says_what_to_write() {
        let secrets = Arc::new(LocalSecrets::new(Env::default()));
        let surroundings =
            Surroundings::new(secrets, Arc::new(SystemClock), Arc::new(SystemRandom));
        let open = |raw: &str| orchestrator(&Url::parse(raw).unwrap(), &surroundings);
        assert!(open("airflow://flow.example/?username=u&password=env:P").is_ok());
        assert!(open("airflow+http://127.0.0.1:8080/?token=env:T").is_ok());

        let error = open("airflow://flow.example/?username=u").err().unwrap();
        let text = shared::chain(&error).to_string();
        assert!(text.contains("password"), "{text}");
        assert!(matches!(open("memory:"), Err(WiringError::UnknownPlatform { .. })));
    }
}
