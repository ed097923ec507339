//! Where data is kept, as the settings say or by default.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use shared::config::{ConfigError, Env};
use shared::cost::PriceList;
use shared::platform::OutboundTls;
use shared::ports::{BlobStore, LocalSecrets};
use shared::sealed::SealedFolder;
use url::Url;
use wiring::{BlobAddress, CaseStores, PlatformSecrets};

use super::Settings;
use crate::exit::CommandError;

impl Settings {
    /// Returns the address of the queue of events.
    ///
    /// # Errors
    ///
    /// When the data folder cannot be written as an address.
    pub(crate) fn events_queue(&self) -> Result<Url, ConfigError> {
        match &self.store.events_queue {
            Some(address) => Ok(address.clone()),
            None => self.in_data_dir("queue.db?queue=events"),
        }
    }

    /// Returns the address of the case store.
    ///
    /// # Errors
    ///
    /// When the data folder cannot be written as an address.
    pub(crate) fn case_store(&self) -> Result<Url, ConfigError> {
        match &self.store.cases {
            Some(address) => Ok(address.clone()),
            None => self.in_data_dir("cases.db"),
        }
    }

    /// Returns where the bytes of documents are.
    ///
    /// # Errors
    ///
    /// When the setting is no address, with what to write.
    pub(crate) fn documents(&self) -> Result<BlobAddress, ConfigError> {
        match &self.store.documents {
            Some(address) => BlobAddress::parse(address)
                .map_err(|error| ConfigError::new(vec![format!("store.documents: {error}")])),
            None => Ok(BlobAddress::Folder(self.data_dir.join("documents"))),
        }
    }

    /// Opens the store of the bytes of documents.
    ///
    /// # Errors
    ///
    /// When it cannot be opened.
    pub(crate) fn open_documents(&self) -> Result<Arc<dyn BlobStore>, CommandError> {
        let address = self.documents()?;
        wiring::blobs(&address, &Env::of_process()).map_err(|error| {
            CommandError::failed(format!("open the store of documents `{address}`"), error)
        })
    }

    /// Returns where the lake is.
    ///
    /// # Errors
    ///
    /// When the setting is no address, with what to write.
    pub(crate) fn lake_address(&self) -> Result<BlobAddress, ConfigError> {
        match &self.lake.place {
            Some(address) => BlobAddress::parse(address)
                .map_err(|error| ConfigError::new(vec![format!("lake.place: {error}")])),
            None => Ok(BlobAddress::Folder(self.data_dir.join("lake"))),
        }
    }

    /// Opens the store of the lake.
    ///
    /// # Errors
    ///
    /// When the setting is no address, or the store cannot be opened.
    pub(crate) fn open_lake(&self) -> Result<Arc<dyn BlobStore>, CommandError> {
        let address = self.lake_address()?;
        wiring::blobs(&address, &Env::of_process()).map_err(|error| {
            CommandError::failed(format!("open the store of the lake `{address}`"), error)
        })
    }

    /// Opens the folder of definitions of pipelines.
    ///
    /// # Errors
    ///
    /// When the setting is no address, or the folder cannot be opened.
    pub(crate) fn open_pipelines(&self) -> Result<Arc<dyn BlobStore>, CommandError> {
        let address = match &self.pipelines.at {
            Some(address) => BlobAddress::parse(address)
                .map_err(|error| ConfigError::new(vec![format!("pipelines.at: {error}")]))?,
            None => BlobAddress::Folder(self.data_dir.join("pipelines")),
        };
        wiring::blobs(&address, &Env::of_process()).map_err(|error| {
            CommandError::failed(format!("open the folder of pipelines `{address}`"), error)
        })
    }

    /// Opens the store of reports' files.
    ///
    /// # Errors
    ///
    /// When the setting is no address, or the store cannot be opened.
    pub(crate) fn open_reports(&self) -> Result<Arc<dyn BlobStore>, CommandError> {
        self.open_place("reports.at", self.reports.at.as_deref(), "reports")
    }

    /// Opens the folder of the firm's own definitions of reports.
    ///
    /// # Errors
    ///
    /// When the setting is no address, or the folder cannot be opened.
    pub(crate) fn open_report_definitions(&self) -> Result<Arc<dyn BlobStore>, CommandError> {
        let given = self.reports.definitions.as_deref();
        self.open_place("reports.definitions", given, "report-definitions")
    }

    /// Opens the store that `given`, the setting `name`, addresses; else `folder` in the data folder.
    fn open_place(
        &self,
        name: &str,
        given: Option<&str>,
        folder: &str,
    ) -> Result<Arc<dyn BlobStore>, CommandError> {
        let address = match given {
            Some(address) => BlobAddress::parse(address)
                .map_err(|error| ConfigError::new(vec![format!("{name}: {error}")]))?,
            None => BlobAddress::Folder(self.data_dir.join(folder)),
        };
        wiring::blobs(&address, &Env::of_process())
            .map_err(|error| CommandError::failed(format!("open `{name}`, `{address}`"), error))
    }

    /// Returns the address of the queue of runs of pipelines.
    ///
    /// # Errors
    ///
    /// When the data folder cannot be written as an address.
    pub(crate) fn pipelines_queue(&self) -> Result<Url, ConfigError> {
        self.queue_beside(self.pipelines.queue.as_ref(), "pipelines")
    }

    /// Returns the address of the queue of reports.
    ///
    /// # Errors
    ///
    /// When the data folder cannot be written as an address.
    pub(crate) fn reports_queue(&self) -> Result<Url, ConfigError> {
        self.queue_beside(self.reports.queue.as_ref(), "reports")
    }

    /// Returns `given`, else the queue `name` where the queue of events is, where that can hold several.
    fn queue_beside(&self, given: Option<&Url>, name: &str) -> Result<Url, ConfigError> {
        if let Some(address) = given {
            return Ok(address.clone());
        }
        match &self.store.events_queue {
            Some(events) if events.scheme() != "sqs" => {
                let mut address = events.clone();
                let others: Vec<(String, String)> = events
                    .query_pairs()
                    .filter(|(key, _)| key != "queue")
                    .map(|(key, value)| (key.into_owned(), value.into_owned()))
                    .collect();
                address.query_pairs_mut().clear().extend_pairs(others);
                address.query_pairs_mut().append_pair("queue", name);
                Ok(address)
            }
            _ => self.in_data_dir(&format!("queue.db?queue={name}")),
        }
    }

    /// Opens the case store.
    ///
    /// # Errors
    ///
    /// When it cannot be opened, or its schema is not the one this version needs.
    pub(crate) async fn open_stores(&self) -> Result<CaseStores, CommandError> {
        let address = self.case_store()?;
        wiring::case_store(&address).await.map_err(|error| {
            CommandError::failed(format!("open the case store `{address}`"), error)
        })
    }

    /// Returns the folder of the sealed secrets.
    pub(crate) fn secrets_folder(&self) -> PathBuf {
        self.secrets.folder.clone().unwrap_or_else(|| self.data_dir.join("secrets"))
    }

    /// Describes the sealed secrets of `folder`.
    pub(crate) fn sealed_folder(&self, folder: &Path) -> SealedFolder {
        SealedFolder::new(folder, self.secrets.key.clone(), Env::of_process())
    }

    /// Returns what reads, and writes, the secrets that these settings address.
    pub(crate) fn secret_store(&self) -> PlatformSecrets {
        PlatformSecrets::new(
            LocalSecrets::new(Env::of_process()).with_key(self.secrets.key.clone()),
        )
    }

    /// Loads how calls are encrypted.
    ///
    /// # Errors
    ///
    /// When the root certificates cannot be used, with the file and the fix.
    pub(crate) fn outbound_tls(&self) -> Result<OutboundTls, ConfigError> {
        self.http.load().map_err(|fault| fault.below("http").into())
    }

    /// Loads the price list.
    ///
    /// # Errors
    ///
    /// When it cannot be used, with the file and the fix.
    pub(crate) fn price_list(&self) -> Result<PriceList, ConfigError> {
        self.costs.prices().map_err(|fault| fault.below("costs").into())
    }

    fn in_data_dir(&self, file: &str) -> Result<Url, ConfigError> {
        let folder = self.data_dir.display().to_string();
        let folder = folder.replace('%', "%25").replace('?', "%3F").replace('#', "%23");
        Url::parse(&format!("sqlite:{folder}/{file}")).map_err(|error| {
            ConfigError::new(vec![format!(
                "data folder `{}` is not part of an address ({error}); choose another with \
                 `--data-dir`",
                self.data_dir.display()
            )])
        })
    }
}
