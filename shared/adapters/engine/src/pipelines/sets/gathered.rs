//! Rows of a step in batches of one length: how a file is parted into pages hangs on the rows, not on how
//! much memory operators had.

use arrow_schema::ArrowError;
use shared::etl::Reject;

use crate::pipelines::origins::Origins;
use crate::pipelines::rows::Rows;
use crate::pipelines::source::{N_ROWS_AT_ONCE, Portion};

/// Rows that wait until they are enough.
#[derive(Default)]
pub(super) struct Gathered {
    rows: Vec<Rows>,
    n_rows: usize,
    n_rejected: u64,
    rejects: Vec<Reject>,
    /// No rows, with the columns that rows have.
    none: Option<Rows>,
}

impl Gathered {
    /// Adds rows.
    pub(super) fn add(&mut self, portion: Portion) {
        self.n_rejected += portion.n_unread;
        self.rejects.extend(portion.rejects);
        self.none.get_or_insert_with(|| portion.rows.slice(0, 0));
        if portion.rows.len() > 0 {
            self.n_rows += portion.rows.len();
            self.rows.push(portion.rows);
        }
    }

    /// Gives rows when they are enough, and rejects when they are many.
    ///
    /// # Errors
    ///
    /// None that this program can cause.
    pub(super) fn enough(&mut self) -> Result<Option<Portion>, ArrowError> {
        if self.n_rows >= N_ROWS_AT_ONCE {
            return self.rest();
        }
        Ok(if self.rejects.len() >= N_ROWS_AT_ONCE { self.alone() } else { None })
    }

    /// Gives rows, however few; `None` when there is nothing left to tell.
    ///
    /// # Errors
    ///
    /// None that this program can cause.
    pub(super) fn rest(&mut self) -> Result<Option<Portion>, ArrowError> {
        let Some(all) = Rows::concat(&std::mem::take(&mut self.rows))? else {
            return Ok(if self.n_rejected > 0 { self.alone() } else { None });
        };
        let n_given = all.len().min(N_ROWS_AT_ONCE);
        let rest = all.slice(n_given, all.len() - n_given);
        self.n_rows = rest.len();
        if rest.len() > 0 {
            self.rows.push(rest);
        }
        Ok(Some(self.with(all.slice(0, n_given))))
    }

    /// Gives rejects without rows.
    fn alone(&mut self) -> Option<Portion> {
        let none = self.none.clone();
        none.map(|it| self.with(it))
    }

    fn with(&mut self, rows: Rows) -> Portion {
        let n_unread = std::mem::take(&mut self.n_rejected);
        let rejects = std::mem::take(&mut self.rejects);
        Portion {
            n_read: rows.len() as u64 + n_unread,
            n_unread,
            rejects,
            rows,
            origins: Origins::default(),
        }
    }
}
