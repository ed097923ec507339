//! Why nothing stands behind an address.

use std::error::Error;

use url::Url;

/// Why nothing stands behind an address.
#[derive(Debug, thiserror::Error)]
pub enum WiringError {
    /// No adapter of this build takes the scheme.
    #[error("no adapter in this build takes `{address}`; built with: {}", built_with())]
    UnknownPlatform {
        /// The address.
        address: Url,
    },
    /// The address lacks a part.
    #[error("address `{address}` {fault}")]
    Malformed {
        /// The address.
        address: Url,
        /// What is missing, and what to write.
        fault: &'static str,
    },
    /// What stands behind the address cannot be used.
    #[error("`{address}` cannot be opened")]
    Unusable {
        /// The address.
        address: String,
        /// Why not.
        source: Box<dyn Error + Send + Sync>,
    },
}

#[cfg(any(
    feature = "airflow",
    feature = "nifi",
    feature = "objects",
    feature = "oidc",
    feature = "salesforce",
    feature = "snowflake",
    feature = "sql"
))]
impl WiringError {
    /// Reports that what stands behind `address` cannot be used because of `source`.
    pub(crate) fn unusable(
        address: &impl ToString,
        source: impl Into<Box<dyn Error + Send + Sync>>,
    ) -> Self {
        Self::Unusable { address: address.to_string(), source: source.into() }
    }
}

/// The platforms of this build.
fn built_with() -> String {
    let platforms = [
        (true, "memory"),
        (cfg!(feature = "sqlite"), "sqlite"),
        (cfg!(feature = "sql"), "postgres"),
        (cfg!(feature = "salesforce"), "salesforce"),
        (cfg!(feature = "aws"), "sqs, dynamodb"),
        (cfg!(feature = "objects"), "s3, file"),
        (cfg!(feature = "snowflake"), "snowflake"),
        (cfg!(feature = "airflow"), "airflow"),
        (cfg!(feature = "nifi"), "nifi"),
    ];
    let built = platforms.iter().filter(|(is_built, _)| *is_built).map(|(_, name)| *name);
    built.collect::<Vec<_>>().join(", ")
}
