//! What reports are written with, and told of.

use std::sync::Arc;

use adapter_engine::ParquetFiles;
use adapter_http::{HttpClient, HttpSettings, SignedWebhook};
use adapter_reports::PdfPrinter;
use shared::platform::Surroundings;
use shared::ports::{BlobStore, LakeFiles, ReportPrinter, SecretAddress, WebhookSender};
use url::Url;

use crate::error::WiringError;

/// Returns what prints reports.
pub fn report_printer() -> Arc<dyn ReportPrinter> {
    Arc::new(PdfPrinter)
}

/// Returns what writes tables of reports in columns into `store`.
pub fn report_tables(store: Arc<dyn BlobStore>) -> Arc<dyn LakeFiles> {
    Arc::new(ParquetFiles::new(store))
}

/// Opens the webhook at `url`, whose messages are signed with what lies at `secret`. It is not called
/// yet.
///
/// # Errors
///
/// [`WiringError`] when this machine's TLS set-up is not usable.
pub fn webhook(
    url: &Url,
    secret: &SecretAddress,
    surroundings: &Surroundings,
) -> Result<Arc<dyn WebhookSender>, WiringError> {
    let http = HttpClient::within(surroundings, HttpSettings::default());
    let http = http.map_err(|error| WiringError::unusable(&"webhook", error))?;
    let (secrets, clock) = (surroundings.secrets.clone(), surroundings.clock.clone());
    Ok(Arc::new(SignedWebhook::new(http, url.clone(), secret.clone(), secrets, clock)))
}
