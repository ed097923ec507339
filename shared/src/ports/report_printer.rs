//! Reports as pages to print.

use bytes::Bytes;

use crate::error::PortError;
use crate::reports::ReportDocument;

/// Lays a report out as PDF.
///
/// # Contract
///
/// - Every text of the document stands in the pages as text, but for the end of a value that would fill a
///   page by itself; every chart stands there as lines and areas.
/// - Equal documents make equal bytes.
pub trait ReportPrinter: Send + Sync {
    /// Prints `document`.
    ///
    /// # Errors
    ///
    /// `Rejected` when it cannot be laid out.
    fn print(&self, document: &ReportDocument) -> Result<Bytes, PortError>;
}
