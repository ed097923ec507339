//! What is wrong with a pipeline: where, what, and what to write instead.

use std::fmt;

use serde::Serialize;

use crate::config::nearest;

/// One fault of a pipeline.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PipelineFault {
    /// The file; empty for a pipeline that was built.
    pub file: String,
    /// The line, from 1; 0 when it is about the whole.
    pub line: u64,
    /// The setting, such as `steps.2.derive.days_open`.
    pub path: String,
    /// What is wrong, and the way out.
    pub text: String,
}

impl fmt::Display for PipelineFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, line, path, text } = self;
        if !file.is_empty() {
            f.write_str(file)?;
            if *line > 0 {
                write!(f, ":{line}")?;
            }
            f.write_str(": ")?;
        }
        if !path.is_empty() {
            write!(f, "{path}: ")?;
        }
        f.write_str(text)
    }
}

/// A part of a definition, and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Located<T> {
    /// The line, from 1; 0 for a pipeline that was built.
    pub line: u64,
    /// The setting, such as `steps.2`.
    pub path: String,
    /// The part.
    pub part: T,
}

/// Says that `name` is none of `known`, and which was probably meant.
pub fn no_such_name(what: &str, name: &str, known: &[&str]) -> String {
    match nearest(name, known) {
        Some(meant) => format!("there is no {what} `{name}`: did you mean `{meant}`?"),
        None if known.is_empty() => format!("there is no {what} `{name}`"),
        None => format!("there is no {what} `{name}`: write one of `{}`", known.join("`, `")),
    }
}

/// Gathers the faults of one pipeline.
pub struct Faults<'a> {
    file: &'a str,
    list: Vec<PipelineFault>,
}

impl<'a> Faults<'a> {
    /// Gathers the faults of `file`.
    pub fn of(file: &'a str) -> Self {
        Self { file, list: Vec::new() }
    }

    /// Adds a fault.
    pub fn add(&mut self, line: u64, path: impl Into<String>, text: impl Into<String>) {
        let (file, path, text) = (self.file.to_owned(), path.into(), text.into());
        self.list.push(PipelineFault { file, line, path, text });
    }

    /// Tells whether there is none.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Returns all of them, in the order of lines.
    pub fn into_list(mut self) -> Vec<PipelineFault> {
        self.list.sort_by_key(|it| it.line);
        self.list
    }
}
