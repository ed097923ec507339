//! Where functions run in a cloud: their code, their versions, and which version is called.

use async_trait::async_trait;
use serde::Serialize;

use crate::error::PortError;
use crate::time::Timestamp;

/// The SHA-256 of a package, in 64 lower-case hex digits.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Digest(String);

/// A version of a function. It never changes once it is published.
pub type VersionNumber = u64;

/// A function as it stands in the cloud.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeployedFunction {
    /// Its name without the deployment's, such as `sync-worker`.
    pub name: String,
    /// The digest of its newest code, published or not.
    pub newest_code: Digest,
    /// Its published versions, the oldest first.
    pub versions: Vec<PublishedVersion>,
    /// Which version is called; none when nothing names one yet.
    pub route: Option<Route>,
}

/// A published version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublishedVersion {
    /// Its number.
    pub number: VersionNumber,
    /// The digest of its code.
    pub digest: Digest,
}

/// Which versions of a function are called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// The version that is called.
    pub live: VersionNumber,
    /// The version that takes a part of the calls, with its percentage between 1 and 99.
    pub next: Option<(VersionNumber, u8)>,
    /// What stands beside it for people and for the next deployment, at most
    /// [`MAX_NOTE_CHARS`] long.
    pub note: String,
    /// Changes with every change of the route, whoever makes it.
    pub revision: String,
}

/// The longest note of a route. Source: AWS Lambda API reference, `UpdateAlias`, "Description".
pub const MAX_NOTE_CHARS: usize = 256;

/// A route as it shall be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewRoute {
    /// The version that is called.
    pub live: VersionNumber,
    /// The version that takes a part of the calls, with its percentage between 1 and 99.
    pub next: Option<(VersionNumber, u8)>,
    /// What shall stand beside it.
    pub note: String,
}

/// An alarm that watches the deployment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alarm {
    /// Its name in the cloud.
    pub name: String,
    /// The function that it watches; none when it watches a queue, the API or the work itself.
    pub function: Option<String>,
    /// Whether it sounds.
    pub is_raised: bool,
    /// Why, as the cloud says it.
    pub reason: String,
}

/// How a version fared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct VersionRuns {
    /// How often it was called by its route.
    pub n_runs: u64,
    /// How often it failed.
    pub n_failed: u64,
}

/// What a version says when it is called to check itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CheckAnswer {
    /// It started, read its settings, and reached what it needs.
    Sound {
        /// The name that it gives itself.
        function: String,
    },
    /// It did not, for this reason.
    Broken(String),
}

/// The functions of one deployment in a cloud.
///
/// # Contract
///
/// - [`upload`](DeployTarget::upload) changes what [`functions`](DeployTarget::functions) tells as
///   the newest code, and no version: nothing that is called changes. It ends when the code can be
///   published.
/// - [`publish`](DeployTarget::publish) makes a version of the newest code, whose digest must be the
///   given one, else it answers `Conflict`. Asked twice, it may return one version or make two.
/// - [`route`](DeployTarget::route) changes live version, part and note at once, or nothing: when the
///   revision is not the given one it answers `Conflict`. It returns the new revision.
/// - [`check`](DeployTarget::check) calls exactly that version, past the route. A version that fails
///   or cannot start is an answer, not an error.
#[async_trait]
pub trait DeployTarget: Send + Sync {
    /// Lists the functions by name.
    ///
    /// # Errors
    ///
    /// As the platform answers.
    async fn functions(&self) -> Result<Vec<DeployedFunction>, PortError>;

    /// Makes `archive`, whose digest is `digest`, the newest code of `function`.
    ///
    /// # Errors
    ///
    /// `NotFound` without such a function; `Rejected` when the platform does not take the archive.
    async fn upload(
        &self,
        function: &str,
        digest: &Digest,
        archive: Vec<u8>,
    ) -> Result<(), PortError>;

    /// Publishes the newest code of `function` and returns the number of its version.
    ///
    /// # Errors
    ///
    /// `Conflict` when the newest code is not that of `digest`.
    async fn publish(&self, function: &str, digest: &Digest) -> Result<VersionNumber, PortError>;

    /// Has `function` called as `route` says, and returns the new revision.
    ///
    /// # Errors
    ///
    /// `Conflict` when the route's revision is not `revision`; `NotFound` without a route.
    async fn route(
        &self,
        function: &str,
        route: &NewRoute,
        revision: &str,
    ) -> Result<String, PortError>;

    /// Lists the alarms of the deployment.
    ///
    /// # Errors
    ///
    /// As the platform answers.
    async fn alarms(&self) -> Result<Vec<Alarm>, PortError>;

    /// Tells how `version` fared since an instant, as far as the platform has counted.
    ///
    /// # Errors
    ///
    /// As the platform answers.
    async fn runs(
        &self,
        function: &str,
        version: VersionNumber,
        since: Timestamp,
    ) -> Result<VersionRuns, PortError>;

    /// Calls `version` so that it starts, checks itself and does no work.
    ///
    /// # Errors
    ///
    /// As the platform answers, when the call did not reach the function.
    async fn check(&self, function: &str, version: VersionNumber)
    -> Result<CheckAnswer, PortError>;
}

/// Text that is no SHA-256.
#[derive(Debug, thiserror::Error)]
#[error("`{raw}` is not a SHA-256: write 64 hex digits")]
pub struct InvalidDigest {
    raw: String,
}

impl Digest {
    /// Reads 64 hex digits.
    ///
    /// # Errors
    ///
    /// [`InvalidDigest`] when they are not.
    pub fn parse(raw: &str) -> Result<Self, InvalidDigest> {
        let is_hex = raw.len() == 64 && raw.bytes().all(|it| it.is_ascii_hexdigit());
        if is_hex {
            Ok(Self(raw.to_ascii_lowercase()))
        } else {
            Err(InvalidDigest { raw: raw.to_owned() })
        }
    }

    /// Computes that of `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        use sha2::Digest as _;
        Self::of_hash(sha2::Sha256::digest(bytes).as_slice())
    }

    /// Writes a hash that was computed elsewhere.
    pub fn of_hash(hash: &[u8]) -> Self {
        use std::fmt::Write as _;
        let mut text = String::with_capacity(64);
        for byte in hash {
            let _ = write!(text, "{byte:02x}");
        }
        Self(text)
    }

    /// Returns the 64 digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the first twelve digits, enough for people.
    pub fn short(&self) -> &str {
        self.0.get(..12).unwrap_or(&self.0)
    }
}

impl std::fmt::Display for Digest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl DeployedFunction {
    /// Returns the digest of `version`.
    pub fn digest_of(&self, version: VersionNumber) -> Option<&Digest> {
        self.versions.iter().find(|it| it.number == version).map(|it| &it.digest)
    }

    /// Returns the newest published version.
    pub fn newest_version(&self) -> Option<VersionNumber> {
        self.versions.iter().map(|it| it.number).max()
    }
}
