//! Reports: their definitions, their queue, and what builds them.

use std::sync::Arc;

use report_builder::ReportPorts;
use shared::ports::Queue;
use shared::reports::{
    BuildPorts, BuildSettings, Newsroom, ReportDefinitions, ReportDesk, ReportDeskPorts,
    ReportSources,
};

use super::Parts;
use crate::exit::CommandError;
use crate::settings::Settings;

impl Parts {
    /// Opens the queue of reports.
    ///
    /// # Errors
    ///
    /// When it cannot be opened.
    pub(super) async fn open_reports_queue(
        settings: &Settings,
    ) -> Result<Arc<dyn Queue>, CommandError> {
        let address = settings.reports_queue()?;
        wiring::queue(&address)
            .await
            .map_err(|error| CommandError::failed(format!("open the queue `{address}`"), error))
    }

    /// Returns every queue.
    pub(super) fn queues(&self) -> Vec<Arc<dyn Queue>> {
        vec![self.queue.clone(), self.pipelines_queue.clone(), self.reports_queue.clone()]
    }

    /// Opens the desk at which reports are asked for.
    ///
    /// # Errors
    ///
    /// When a store of reports cannot be opened.
    pub(crate) fn report_desk(&self, settings: &Settings) -> Result<ReportDesk, CommandError> {
        Ok(ReportDesk::new(ReportDeskPorts {
            definitions: ReportDefinitions::new(Some(settings.open_report_definitions()?)),
            journal: self.stores.reports.clone(),
            queue: self.reports_queue.clone(),
            store: settings.open_reports()?,
            view: self.stores.view.clone(),
            pipelines: self.stores.pipelines.clone(),
            clock: self.clock.clone(),
            random: self.random.clone(),
        }))
    }

    /// Lists what reports are built with.
    ///
    /// # Errors
    ///
    /// When a store of reports, or a receiver of their news, cannot be opened.
    pub(crate) async fn report_ports(
        &self,
        settings: &Settings,
    ) -> Result<BuildPorts, CommandError> {
        let store = settings.open_reports()?;
        Ok(BuildPorts {
            sources: ReportSources {
                tally: self.stores.tally.clone(),
                view: self.stores.view.clone(),
                pipelines: self.stores.pipelines.clone(),
            },
            definitions: ReportDefinitions::new(Some(settings.open_report_definitions()?)),
            journal: self.stores.reports.clone(),
            printer: Some(wiring::report_printer()),
            tables: Some(wiring::report_tables(store.clone())),
            store,
            news: self.newsroom(settings).await?,
            clock: self.clock.clone(),
        })
    }

    async fn newsroom(&self, settings: &Settings) -> Result<Newsroom, CommandError> {
        let mut news = Newsroom::empty();
        if let Some(address) = &settings.reports.topic {
            let failed = |error| CommandError::failed(format!("open the topic `{address}`"), error);
            news.topic = Some(wiring::topic(address).await.map_err(failed)?);
        }
        if let (Some(url), Some(secret)) =
            (&settings.reports.webhook, &settings.reports.webhook_secret)
        {
            let failed = |error| CommandError::failed("open the webhook of reports", error);
            let surroundings = self.surroundings(settings)?;
            news.webhook = Some(wiring::webhook(url, secret, &surroundings).map_err(failed)?);
        }
        if let Some(link_for) = &settings.reports.link_for {
            news.link_for = link_for.0;
        }
        Ok(news)
    }

    /// Builds what builds reports.
    ///
    /// # Errors
    ///
    /// As [`report_ports`](Self::report_ports).
    pub(super) async fn report_builder(
        &self,
        settings: &Settings,
    ) -> Result<host::App, CommandError> {
        let build = self.report_ports(settings).await?;
        let (queue, random) = (self.reports_queue.clone(), self.random.clone());
        let ports = ReportPorts { build, queue, random };
        let ledger = self.stores.ledger.clone();
        Ok(report_builder::assemble(ports, ledger, BuildSettings::default()))
    }
}
