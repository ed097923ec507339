//! What a deployment tells while it goes on, and what it did.

use std::fmt;
use std::time::Duration;

use serde::Serialize;

use crate::ports::{Digest, VersionNumber};

/// Something that a deployment has done, for whoever looks on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Code was sent, or was there already.
    Uploaded {
        /// The function.
        function: String,
        /// The digest of its code.
        digest: Digest,
        /// Whether it was there already.
        was_there: bool,
    },
    /// A version was published.
    Published {
        /// The function.
        function: String,
        /// The version.
        version: VersionNumber,
    },
    /// A version was called and checked itself.
    Checked {
        /// The function.
        function: String,
        /// The version.
        version: VersionNumber,
    },
    /// New versions take this part of the calls.
    Shifted {
        /// The part.
        percent: u8,
        /// How many functions.
        n_functions: usize,
        /// How long it is watched.
        watch: Duration,
    },
    /// Nothing watches but the counts of failed calls.
    NoAlarms,
    /// Something went wrong, and everything goes back.
    GoingBack {
        /// What.
        reason: String,
    },
    /// A function is where it was.
    TakenBack {
        /// The function.
        function: String,
        /// The version that is called again.
        version: VersionNumber,
    },
}

impl fmt::Display for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Uploaded { function, digest, was_there } => {
                let was = if *was_there { "is there already" } else { "is uploaded" };
                write!(f, "{function}: {} {was}", digest.short())
            }
            Self::Published { function, version } => {
                write!(f, "{function}: version {version} is published")
            }
            Self::Checked { function, version } => {
                write!(f, "{function}: version {version} starts and is sound")
            }
            Self::Shifted { percent, n_functions, watch } => write!(
                f,
                "{percent} % of the calls go to the new version of {n_functions} function(s); \
                 alarms are watched for {} s",
                watch.as_secs()
            ),
            Self::NoAlarms => {
                f.write_str("no alarm watches this deployment: only failed calls are counted")
            }
            Self::GoingBack { reason } => write!(f, "going back: {reason}"),
            Self::TakenBack { function, version } => {
                write!(f, "{function}: version {version} is called again")
            }
        }
    }
}

/// How a deployment ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Everything was as it should be.
    NothingToDo,
    /// The new versions are called.
    Deployed,
    /// A version is not sound; nothing was moved.
    NotBegun,
    /// Something went wrong, and everything stands where it stood.
    TakenBack,
    /// Something went wrong, and not everything could be taken back.
    LeftHalfWay,
}

/// What a deployment did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Its name; none when there was nothing to do.
    pub deployment: Option<String>,
    /// How it ended.
    pub outcome: Outcome,
    /// Why it did not go through.
    pub reason: Option<String>,
    /// What it deployed.
    pub functions: Vec<Line>,
    /// What could not be taken back, each with its reason.
    pub left: Vec<String>,
}

/// One function of a deployment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Line {
    /// The function.
    pub function: String,
    /// The digest of the package.
    pub digest: Digest,
    /// The version that was called before.
    pub from: VersionNumber,
    /// The version that was deployed.
    pub to: VersionNumber,
}
