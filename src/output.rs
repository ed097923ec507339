//! What a command prints: text for people, or one JSON document for scripts.

use std::fmt::Display;
use std::io::{self, Write};

use serde::Serialize;

/// Where and how a command answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Output {
    /// Lines for a person.
    Text,
    /// One JSON document.
    Json,
}

impl Output {
    /// Prints `answer` on standard output.
    ///
    /// # Errors
    ///
    /// When standard output is gone, such as a pipe that was closed.
    pub(crate) fn answer<T: Display + Serialize>(self, answer: &T) -> io::Result<()> {
        let mut stdout = io::stdout().lock();
        match self {
            Self::Text => writeln!(stdout, "{answer}"),
            Self::Json => {
                serde_json::to_writer_pretty(&mut stdout, answer)?;
                writeln!(stdout)
            }
        }
    }
}
