//! Tells receivers that a report is ready: its name and where it is, never what is in it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

use crate::error::{PortError, PortErrorKind};
use crate::ports::topic::{Publication, Published, Topic};
use crate::ports::{
    BlobStore, Clock, LinkPurpose, Report, ReportFormat, ReportKind, ReportReceiver, WebhookSender,
};
use crate::time::Timestamp;

/// What happened, in every message.
const EVENT: &str = "report.ready";

/// What a receiver gets.
#[derive(Debug, Serialize)]
pub struct ReportNews<'a> {
    /// The same at every try: that of the report.
    pub id: &'a str,
    /// `report.ready`.
    pub event: &'static str,
    /// The definition.
    pub report: &'a str,
    /// What people call it.
    pub title: &'a str,
    /// What it is of.
    pub kind: ReportKind,
    /// Our id of the case, or the name of the pipeline.
    pub subject: Option<&'a str>,
    /// The time it is about.
    pub period: &'a str,
    /// Its forms.
    pub formats: &'a [ReportFormat],
    /// Where it is asked for, by whoever may see it: a path of the API.
    pub place: String,
    /// Where its files are for a while. None for a report of a case, which asks for sight of the case
    /// each time, and none where the store has no links.
    pub links: Vec<NewsLink<'a>>,
}

/// Where a file is for a while.
#[derive(Debug, Serialize)]
pub struct NewsLink<'a> {
    /// Its form.
    pub format: ReportFormat,
    /// The table it holds.
    pub table: Option<&'a str>,
    /// The address. Whoever has it can read the file.
    pub url: String,
    /// Until when.
    pub expires_at: Timestamp,
}

/// Who hears of reports.
#[derive(Clone)]
pub struct Newsroom {
    /// The topic, where one is set up.
    pub topic: Option<Arc<dyn Topic>>,
    /// The webhook, where one is set up.
    pub webhook: Option<Arc<dyn WebhookSender>>,
    /// How long links are good.
    pub link_for: Duration,
}

impl Newsroom {
    /// Tells nobody.
    pub fn empty() -> Self {
        Self { topic: None, webhook: None, link_for: Duration::from_hours(6) }
    }

    /// Tells `to` of `report`, which people call `title`. It has arrived when this returns.
    ///
    /// # Errors
    ///
    /// `Rejected` when no such receiver is set up, or it does not take the message; else as it answers.
    pub(super) async fn tell(
        &self,
        to: ReportReceiver,
        report: &Report,
        title: &str,
        store: &dyn BlobStore,
        clock: &dyn Clock,
    ) -> Result<(), PortError> {
        let news = ReportNews {
            id: report.id.as_str(),
            event: EVENT,
            report: &report.report,
            title,
            kind: report.kind,
            subject: report.subject.as_deref(),
            period: &report.period,
            formats: &report.formats,
            place: format!("/v1/reports/{}", report.id),
            links: self.links(report, store, clock).await?,
        };
        let failed = |source: Box<dyn std::error::Error + Send + Sync>| {
            PortError::new(PortErrorKind::Rejected, "reports", "tell", to.as_str())
                .with_source(source)
        };
        let body = serde_json::to_string(&news).map_err(|error| failed(error.into()))?;
        match (to, &self.topic, &self.webhook) {
            (ReportReceiver::Topic, Some(topic), _) => publish(&**topic, report, body).await,
            (ReportReceiver::Webhook, _, Some(webhook)) => {
                webhook.send(report.id.as_str(), &body).await
            }
            (ReportReceiver::Topic, None, _) => {
                Err(failed("no topic of reports is set up: set `REPORTS_TOPIC`".into()))
            }
            (ReportReceiver::Webhook, _, None) => {
                Err(failed("no webhook of reports is set up: set `REPORTS_WEBHOOK`".into()))
            }
        }
    }

    async fn links<'a>(
        &self,
        report: &'a Report,
        store: &dyn BlobStore,
        clock: &dyn Clock,
    ) -> Result<Vec<NewsLink<'a>>, PortError> {
        let mut links = Vec::new();
        if report.kind == ReportKind::Case {
            return Ok(links);
        }
        for file in &report.files {
            let expires_at = clock.now().plus(self.link_for);
            let purpose = LinkPurpose::Read { key: file.key.clone() };
            let link = match store.link(&purpose, self.link_for).await {
                Ok(link) => link,
                // The store has none: the place is all there is.
                Err(error) if error.kind() == PortErrorKind::Rejected => return Ok(Vec::new()),
                Err(error) => return Err(error),
            };
            let table = file.table.as_deref();
            links.push(NewsLink { format: file.format, table, url: link.url.into(), expires_at });
        }
        Ok(links)
    }
}

async fn publish(topic: &dyn Topic, report: &Report, body: String) -> Result<(), PortError> {
    let attributes = [
        ("event", EVENT.to_owned()),
        ("report", report.report.clone()),
        ("kind", report.kind.as_str().to_owned()),
    ];
    let publication = Publication {
        body,
        attributes: attributes
            .into_iter()
            .map(|(name, it)| (name.to_owned(), it))
            .collect::<BTreeMap<_, _>>(),
        dedupe_key: Some(format!("report/{}", report.id)),
        ..Publication::default()
    };
    match topic.publish(vec![publication]).await?.into_iter().next() {
        Some(Published::Refused(error)) => Err(error),
        Some(Published::Taken) => Ok(()),
        None => Err(PortError::new(PortErrorKind::Unavailable, "reports", "publish", topic.name())),
    }
}
