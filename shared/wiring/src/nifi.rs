//! Dataflows, and what takes flow files, by address.

use std::sync::Arc;

use adapter_nifi::{ListenSettings, ListenSink, NifiDataflow, NifiSettings, SiteToSiteSink};
use shared::platform::Surroundings;
use shared::ports::dataflow::Dataflow;
use shared::ports::flow_files::FlowFileSink;
use url::Url;

use crate::error::WiringError;

/// What stands behind an address.
enum Place {
    Site(NifiSettings),
    Listener(ListenSettings),
}

/// Opens the process group at `address`, such as
/// `nifi://nifi.firm.example:8443/?username=moodbridge&password=env:NIFI_PASSWORD&group=ID`. It is not
/// called yet.
///
/// # Errors
///
/// [`WiringError`] when no adapter of this build takes the scheme, or the address has faults.
pub fn dataflow(
    address: &Url,
    surroundings: &Surroundings,
) -> Result<Arc<dyn Dataflow>, WiringError> {
    let Place::Site(settings) = place(address)? else {
        return Err(WiringError::UnknownPlatform { address: address.clone() });
    };
    let opened = NifiDataflow::open(settings, surroundings)
        .map_err(|error| WiringError::unusable(&"nifi:", error))?;
    Ok(crate::metered::dataflow(Arc::new(opened)))
}

/// Opens what takes flow files at `address`: an input port, such as `nifi://HOST:8443/?…&port=changes`,
/// or a `ListenHTTP`, such as `nifi-listen://HOST:9443/contentListener`. It is not called yet.
///
/// # Errors
///
/// As [`dataflow`].
pub fn flow_files(
    address: &Url,
    surroundings: &Surroundings,
) -> Result<Arc<dyn FlowFileSink>, WiringError> {
    let unusable = |error| WiringError::unusable(&"nifi:", error);
    let opened: Arc<dyn FlowFileSink> = match place(address)? {
        Place::Site(settings) => {
            Arc::new(SiteToSiteSink::open(settings, surroundings).map_err(unusable)?)
        }
        Place::Listener(settings) => {
            Arc::new(ListenSink::open(settings, surroundings).map_err(unusable)?)
        }
    };
    Ok(crate::metered::flow_files(opened))
}

/// Checks the address of a process group; nothing is opened.
///
/// # Errors
///
/// As [`dataflow`].
pub fn check_dataflow(address: &Url) -> Result<(), WiringError> {
    match place(address)? {
        Place::Site(_) => Ok(()),
        Place::Listener(_) => Err(WiringError::UnknownPlatform { address: address.clone() }),
    }
}

/// Checks the address of what takes flow files; nothing is opened.
///
/// # Errors
///
/// [`WiringError`] also when an input port is not named.
pub fn check_flow_files(address: &Url) -> Result<(), WiringError> {
    match place(address)? {
        Place::Site(settings) if settings.port.is_none() => {
            Err(WiringError::unusable(&"nifi:", "it names no input port: add `port=NAME`"))
        }
        Place::Site(_) | Place::Listener(_) => Ok(()),
    }
}

fn place(address: &Url) -> Result<Place, WiringError> {
    let scheme = address.scheme();
    match scheme {
        "nifi" | "nifi+http" => NifiSettings::from_address(address).map(Place::Site),
        "nifi-listen" | "nifi-listen+http" => {
            ListenSettings::from_address(address).map(Place::Listener)
        }
        _ => return Err(WiringError::UnknownPlatform { address: address.clone() }),
    }
    .map_err(|error| WiringError::unusable(&format!("{scheme}:"), error))
}

#[cfg(test)]
mod tests {
    use shared::config::Env;
    use shared::ports::{LocalSecrets, SystemClock, SystemRandom};

    use super::*;

    #[test]
    fn address_opens_what_it_names_or_says_what_to_write() {
        let secrets = Arc::new(LocalSecrets::new(Env::default()));
        let surroundings =
            Surroundings::new(secrets, Arc::new(SystemClock), Arc::new(SystemRandom));
        let url = |raw: &str| Url::parse(raw).unwrap();
        let site = url("nifi://nifi.example:8443/?username=u&password=env:P&port=changes");
        let listener = url("nifi-listen+http://127.0.0.1:9443/contentListener");
        assert!(dataflow(&site, &surroundings).is_ok());
        assert!(flow_files(&site, &surroundings).is_ok());
        assert!(flow_files(&listener, &surroundings).is_ok());
        assert!(check_dataflow(&site).is_ok() && check_flow_files(&listener).is_ok());

        for refused in [dataflow(&listener, &surroundings).err(), check_dataflow(&listener).err()] {
            assert!(matches!(refused, Some(WiringError::UnknownPlatform { .. })));
        }
        assert!(matches!(
            flow_files(&url("memory:"), &surroundings),
            Err(WiringError::UnknownPlatform { .. })
        ));
        for (raw, part) in [
            ("nifi://nifi.example/?username=u", "password"),
            ("nifi://nifi.example/?token=env:T", "port=NAME"),
        ] {
            let error = check_flow_files(&url(raw)).unwrap_err();
            let text = shared::chain(&error).to_string();
            assert!(text.contains(part), "{text}");
        }
    }
}
