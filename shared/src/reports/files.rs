//! The files of a report: written once, under names that nothing else ever has.

use bytes::Bytes;

use super::build::{BuildPorts, NotBuilt};
use super::csv::csv;
use super::document::{ReportDocument, Table};
use super::html::html;
use crate::error::{PortError, PortErrorKind};
use crate::lake::{Column, TableSchema};
use crate::ports::{BlobKey, MediaType, PutBlob, PutCondition, Report, ReportFile, ReportFormat};

/// What the keys of files begin with.
const PREFIX: &str = "files";

/// Writes `document` in every format of `report`. `attempt` is one that no other try has, so nobody
/// else writes under these names.
///
/// # Errors
///
/// [`NotBuilt`] when the store fails, or this build does not write a format.
pub(super) async fn write(
    ports: &BuildPorts,
    report: &Report,
    document: &ReportDocument,
    attempt: u64,
) -> Result<Vec<ReportFile>, NotBuilt> {
    let mut files = Vec::new();
    for format in &report.formats {
        let name = |table: Option<&str>| key(report, attempt, *format, table);
        match format {
            ReportFormat::Html => {
                let bytes = html(document).into_bytes().into();
                files.push(put(ports, name(None)?, bytes, *format, None).await?);
            }
            ReportFormat::Pdf => {
                let printer = ports.printer.as_ref().ok_or_else(|| not_in_build(*format))?;
                let bytes = printer.print(document)?;
                files.push(put(ports, name(None)?, bytes, *format, None).await?);
            }
            ReportFormat::Csv => {
                for table in document.tables() {
                    let bytes = csv(table).into_bytes().into();
                    let key = name(Some(table.name))?;
                    files.push(put(ports, key, bytes, *format, Some(table)).await?);
                }
            }
            ReportFormat::Parquet => {
                for table in document.tables() {
                    let key = name(Some(table.name))?;
                    files.push(put_parquet(ports, key, table).await?);
                }
            }
        }
    }
    Ok(files)
}

fn not_in_build(format: ReportFormat) -> NotBuilt {
    let format = format.as_str();
    NotBuilt::Never(format!("this build does not write `{format}`: leave it out of `formats`"))
}

/// Names a file, such as `files/firm-monthly/2026-11/ID/2/by_period.csv`.
fn key(
    report: &Report,
    attempt: u64,
    format: ReportFormat,
    table: Option<&str>,
) -> Result<BlobKey, NotBuilt> {
    let Report { report: name, period, id, .. } = report;
    let (stem, ending) = (table.unwrap_or("report"), format.as_str());
    BlobKey::parse(format!("{PREFIX}/{name}/{period}/{id}/{attempt}/{stem}.{ending}"))
        .map_err(|error| NotBuilt::Never(error.to_string()))
}

async fn put(
    ports: &BuildPorts,
    key: BlobKey,
    bytes: Bytes,
    format: ReportFormat,
    table: Option<&Table>,
) -> Result<ReportFile, PortError> {
    let options = PutBlob {
        media_type: MediaType::parse(format.media_type()).unwrap_or_default(),
        condition: PutCondition::IfAbsent,
        ..PutBlob::default()
    };
    let n_bytes = bytes.len().try_into().unwrap_or(u64::MAX);
    match ports.store.put(&key, bytes, &options).await {
        Ok(_) => {}
        // A call that was repeated on its way: the first one arrived.
        Err(error) if error.kind() == PortErrorKind::Conflict => {
            let found = ports.store.head(&key).await?;
            if found.n_bytes != n_bytes {
                return Err(error);
            }
        }
        Err(error) => return Err(error),
    }
    Ok(ReportFile { format, table: table.map(|it| it.name.to_owned()), key, n_bytes })
}

async fn put_parquet(
    ports: &BuildPorts,
    key: BlobKey,
    table: &Table,
) -> Result<ReportFile, NotBuilt> {
    let format = ReportFormat::Parquet;
    let tables = ports.tables.as_ref().ok_or_else(|| not_in_build(format))?;
    let columns = table.columns.iter().map(|it| Column::new(it.name, it.kind)).collect();
    let mut writer = tables.create(&key, &TableSchema::first(columns)).await?;
    if let Err(error) = writer.write(table.rows.clone()).await {
        writer.abandon().await?;
        return Err(error.into());
    }
    let n_bytes = writer.finish().await?.n_bytes;
    Ok(ReportFile { format, table: Some(table.name.to_owned()), key, n_bytes })
}

/// Takes files away that nobody will read; one that stays does no harm.
pub(super) async fn sweep(ports: &BuildPorts, files: &[ReportFile]) {
    for file in files {
        if let Err(error) = ports.store.delete(&file.key).await {
            tracing::debug!(error = %crate::chain(&error), "a file of a report stays");
        }
    }
}
