//! Why a host stopped.

use std::error::Error as StdError;
use std::io;
use std::net::SocketAddr;

/// Why a host could not start, or stopped.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    /// The address is taken, or not ours to listen on.
    #[error("address `{address}` cannot be listened on")]
    Bind {
        /// The address asked for.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// A queue has a handler but the app names no local queue, or the other way round.
    #[error("app `{app}` has {wanted} for queue `{queue}`, but {missing}")]
    Unpaired {
        /// The app.
        app: &'static str,
        /// The queue.
        queue: String,
        /// What there is.
        wanted: &'static str,
        /// What there is not.
        missing: &'static str,
    },
    /// The host that the environment names is not part of this build.
    #[error("host `{platform}` is left out of this build")]
    LeftOut {
        /// The host.
        platform: String,
    },
    /// The runtime loop of the platform ended.
    #[error("the {platform} runtime loop ended")]
    Runtime {
        /// The platform.
        platform: &'static str,
        /// What it said.
        source: Box<dyn StdError + Send + Sync>,
    },
}
