//! Reports as PDF: pages of A4 with text that can be searched, and charts as lines and areas.

mod fonts;
mod layout;
mod paint;
mod printer;
mod tables;

pub use printer::PdfPrinter;
