//! What can be wrong with a CSV file. A cell may name a person: faults tell where, never what.

/// A file that is not what was expected; rows count from 1, the header is row 0.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CsvFault {
    /// There is nothing, not even a header.
    #[error("the file is empty: it has no header")]
    NoHeader,
    /// It begins as a web page does.
    #[error("the file is a web page, not CSV")]
    WebPage,
    /// It ends inside quotes.
    #[error("row {row} ends inside the quotes of column {column}")]
    UnclosedQuote {
        /// The row.
        row: u64,
        /// The column.
        column: String,
    },
    /// A quote stands where none may, or something follows a closing one.
    #[error("row {row} has a stray quote in column {column}")]
    StrayQuote {
        /// The row.
        row: u64,
        /// The column.
        column: String,
    },
    /// A row has another number of cells than the header.
    #[error("row {row} has {n_cells} cells, the header has {n_columns}")]
    WrongWidth {
        /// The row.
        row: u64,
        /// Its cells.
        n_cells: usize,
        /// The cells of the header.
        n_columns: usize,
    },
    /// The bytes are no UTF-8.
    #[error("row {row} is not UTF-8 in column {column}")]
    NotUtf8 {
        /// The row.
        row: u64,
        /// The column.
        column: String,
    },
    /// A row is longer than any that Salesforce makes.
    #[error("row {row} is longer than {max_bytes} bytes")]
    TooLong {
        /// The row.
        row: u64,
        /// The longest row taken.
        max_bytes: usize,
    },
    /// A cell is not of the kind that its column has.
    #[error("row {row} holds no {wanted} in column {column}")]
    NotOfKind {
        /// The row.
        row: u64,
        /// The column.
        column: String,
        /// What the column holds, such as `number`.
        wanted: &'static str,
    },
    /// A column that was asked for did not come.
    #[error("the file has no column `{column}`")]
    NoColumn {
        /// The column.
        column: String,
    },
}

impl CsvFault {
    /// Tells whether the file may have been cut off or broken on its way, so that reading it again
    /// may help.
    pub fn is_passing(&self) -> bool {
        matches!(self, Self::NoHeader | Self::WebPage | Self::UnclosedQuote { .. })
            || matches!(self, Self::StrayQuote { .. } | Self::WrongWidth { .. })
    }
}
