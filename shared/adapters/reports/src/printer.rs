//! Prints reports.

use bytes::Bytes;
use shared::ports::ReportPrinter;
use shared::reports::{Part, ReportDocument, shown};
use shared::{PortError, PortErrorKind};

use crate::fonts::{BadFont, Fonts};
use crate::layout::{Hand, Pages};
use crate::paint::{NotPainted, paint};

/// Prints reports as PDF.
#[derive(Clone, Copy, Debug, Default)]
pub struct PdfPrinter;

/// Why a report cannot be printed.
#[derive(Debug, thiserror::Error)]
enum NotPrinted {
    #[error(transparent)]
    Font(#[from] BadFont),
    #[error(transparent)]
    Page(#[from] NotPainted),
}

fn print(document: &ReportDocument) -> Result<Bytes, NotPrinted> {
    let fonts = Fonts::read()?;
    let mut pages = Pages::new(&fonts);
    pages.paragraph(&document.title, Hand::TITLE);
    pages.paragraph(&document.subtitle, Hand::TEXT);
    pages.y += 12.0;
    pages.facts(&document.facts);
    for part in &document.parts {
        match part {
            Part::Chart(chart) => pages.chart(chart),
            Part::Table(table) => pages.table(table),
        }
    }
    pages.y += 12.0;
    for note in &document.notes {
        pages.paragraph(note, Hand::QUIET);
    }
    let made_at = shown(&shared::lake::Cell::Instant(document.made_at));
    pages.number(&format!("Made at {made_at} UTC by MoodBridge"));
    let filled = pages.pages;
    Ok(paint(&document.title, &fonts, filled)?)
}

impl ReportPrinter for PdfPrinter {
    fn print(&self, document: &ReportDocument) -> Result<Bytes, PortError> {
        print(document).map_err(|error| {
            PortError::new(PortErrorKind::Rejected, "pdf", "print", "report").with_source(error)
        })
    }
}
