//! The parts of an address.

use url::Url;

use crate::error::WiringError;

/// Returns the file that a `sqlite:` address names.
#[cfg(feature = "sqlite")]
pub(crate) fn file(address: &Url) -> Result<std::path::PathBuf, WiringError> {
    let fault = || WiringError::Malformed {
        address: address.clone(),
        fault: "names no file: write such as `sqlite:cases.db`",
    };
    let path =
        percent_encoding::percent_decode_str(address.path()).decode_utf8().map_err(|_| fault())?;
    if path.is_empty() || path == "/" { Err(fault()) } else { Ok(std::path::PathBuf::from(&*path)) }
}

/// Returns the queue that an address names.
pub(crate) fn queue_name(address: &Url) -> Result<String, WiringError> {
    address
        .query_pairs()
        .find(|(name, value)| name == "queue" && !value.is_empty())
        .map(|(_, value)| value.into_owned())
        .ok_or_else(|| WiringError::Malformed {
            address: address.clone(),
            fault: "names no queue: add such as `?queue=events`",
        })
}

#[cfg(all(test, feature = "sqlite"))]
mod tests {
    use std::path::PathBuf;

    use super::*;

    #[test]
    fn relative_absolute_and_escaped_paths_are_files() {
        for (address, path) in [
            ("sqlite:data/queue.db?queue=events", "data/queue.db"),
            ("sqlite:/var/lib/queue.db?queue=events", "/var/lib/queue.db"),
            ("sqlite:a%3Fb/queue.db?queue=events", "a?b/queue.db"),
        ] {
            let address = Url::parse(address).unwrap();
            assert_eq!(file(&address).unwrap(), PathBuf::from(path));
            assert_eq!(queue_name(&address).unwrap(), "events");
        }
    }

    #[test]
    fn address_without_a_file_or_queue_says_what_to_add() {
        let address = Url::parse("sqlite:").unwrap();
        assert!(file(&address).unwrap_err().to_string().contains("sqlite:cases.db"));
        assert!(queue_name(&address).unwrap_err().to_string().contains("?queue=events"));
    }
}
