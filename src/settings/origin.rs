//! Where the value of a setting came from.

use std::fmt;
use std::path::PathBuf;

/// Where the value of a setting came from, the weakest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// Nobody wrote it.
    Default,
    /// The settings file.
    File { path: PathBuf, line: usize },
    /// A change through the API or by `moodbridge config set`; 0 is one that is still to be made.
    Change { version: u64 },
    /// A variable of the environment.
    Environment { name: String },
    /// An argument of the command.
    Flag { text: String },
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File { path, line } => write!(f, "{}:{line}", path.display()),
            Self::Change { version: 0 } => f.write_str("the change"),
            Self::Change { version } => write!(f, "change {version}"),
            Self::Environment { name } => f.write_str(name),
            Self::Flag { text } => f.write_str(text),
        }
    }
}
