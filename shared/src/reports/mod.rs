//! Reports: of the firm, of a case, of a pipeline.
//!
//! A [`ReportDefinition`] says what is told and in which forms, in YAML. [`compose`](compose::compose)
//! makes a [`ReportDocument`] of what the stores answer; [`html`], [`csv`] and the port
//! [`ReportPrinter`](crate::ports::ReportPrinter) write it down. [`ReportDesk`] takes orders,
//! [`ReportBuilder`] carries them out.

mod build;
mod case;
mod compose;
mod csv;
mod definition;
mod definitions;
mod desk;
mod document;
mod file;
mod files;
mod firm;
mod html;
mod message;
mod news;
mod period;
mod pipeline;
mod plot;
mod schedule;
#[cfg(test)]
mod testing;

pub use build::{BuildPorts, BuildSettings, NotBuilt, ReportBuilder};
pub use compose::{ComposeError, ReportSources, compose};
pub use csv::csv;
pub use definition::ReportDefinition;
pub use definitions::{ListedReport, ReportDefinitions, ReportDefinitionsError, built_in_reports};
pub use desk::{
    Asker, OrderedReport, ReportDesk, ReportDeskError, ReportDeskPorts, ReportLink, ReportOrder,
};
pub use document::{Chart, ChartKind, ChartSeries, Fact, MAX_ROWS, Part, ReportDocument, Table};
pub use document::{TableColumn, shown};
pub use file::read_report;
pub use html::html;
pub use message::ReportMessage;
pub use news::{Newsroom, ReportNews};
pub use period::ReportPeriod;
pub use plot::{Anchor, Ink, Mark, Plot, plot};
pub use schedule::open_due;
