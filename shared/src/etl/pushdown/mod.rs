//! Pipelines as statements of a warehouse: rows that are there already are worked on there.

mod run;

use std::fmt;

use serde::Serialize;

pub use run::InWarehouse;

/// What a statement is for. They run in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum StatementUse {
    /// Lists columns that are not there, or not of the type that the pipeline says. When it gives a row,
    /// nothing may be run.
    Types,
    /// Keeps the rows of a table as they are now, so that all that follows sees the same.
    Snapshot,
    /// Makes the rows of the sink, in a table that nobody looks at yet.
    Rows,
    /// Counts rows and rejects. They decide whether the gate is open.
    Counts,
    /// Puts rejects into the quarantine, whatever the verdict is.
    Quarantine,
    /// Puts the rows in place of those of the sink, when the gate is open.
    Publish,
    /// Leaves nothing behind, whatever happened.
    Clean,
}

impl StatementUse {
    /// Says what it is for.
    pub const fn about(self) -> &'static str {
        match self {
            Self::Types => {
                "columns that are missing or of another type; when there is one, stop here"
            }
            Self::Snapshot => "the rows as they are now, so that all that follows sees the same",
            Self::Rows => "the rows of the sink, which nobody looks at yet",
            Self::Counts => "rows and rejects, which decide whether the gate is open",
            Self::Quarantine => "rejects, whatever the verdict is",
            Self::Publish => "only when the gate is open: the rows are seen",
            Self::Clean => "nothing is left behind, whatever happened",
        }
    }
}

/// A statement of a warehouse.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PushedStatement {
    /// What it is for.
    #[serde(rename = "for")]
    pub used: StatementUse,
    /// Its text. It has no values to bind.
    pub sql: String,
}

/// A pipeline as statements.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PushedDown {
    /// Its name.
    pub pipeline: String,
    /// What works out as here but for rare values, each with its step.
    pub notes: Vec<String>,
    /// The statements, in order.
    pub statements: Vec<PushedStatement>,
    /// Every reject with its rule and action, beside the statements: it can be asked until
    /// [`Clean`](StatementUse::Clean).
    pub rejects: String,
}

impl PushedDown {
    /// Lists the statements of one use.
    pub fn of(&self, used: StatementUse) -> impl Iterator<Item = &str> {
        self.statements.iter().filter(move |it| it.used == used).map(|it| it.sql.as_str())
    }
}

impl fmt::Display for PushedDown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "-- The pipeline `{}`, made by `moodbridge pipelines compile`.", self.pipeline)?;
        for note in &self.notes {
            write!(f, "\n-- Mind: {note}")?;
        }
        let mut last = None;
        for PushedStatement { used, sql } in &self.statements {
            if last != Some(*used) {
                write!(f, "\n\n-- {}", used.about())?;
            }
            write!(f, "\n{sql};")?;
            last = Some(*used);
        }
        Ok(())
    }
}

/// What a row of [`Counts`](StatementUse::Counts) tells of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counted {
    /// Rows that were read.
    Read,
    /// Rows that a filter took out.
    Filtered,
    /// Rows that were taken out by rules.
    Rejected,
    /// Rows that came out of a step over many rows.
    Behind,
    /// Rows of the sink.
    Out,
    /// Rows that a rule of all rows counts.
    Figure,
    /// Rows that were checked by a rule, and those that broke it.
    Rule,
}

impl Counted {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Read,
        Self::Filtered,
        Self::Rejected,
        Self::Behind,
        Self::Out,
        Self::Figure,
        Self::Rule,
    ];

    /// Returns the word in the column `what`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Filtered => "filtered",
            Self::Rejected => "rejected",
            Self::Behind => "behind",
            Self::Out => "out",
            Self::Figure => "figure",
            Self::Rule => "rule",
        }
    }
}
