//! What is wrong with settings although each is well formed by itself.

use std::collections::BTreeSet;
use std::time::Duration;

use shared::config::Fault;
use shared::ports::SecretAddress;
use wiring::BlobAddress;

use super::Settings;

/// The shortest time between two comparisons.
const MIN_BETWEEN_COMPARISONS: Duration = Duration::from_mins(5);

/// The least memory for answers, in bytes: 16 MiB.
const MIN_QUERY_BYTES: usize = 16 * 1024 * 1024;

/// The longest link. Source: Amazon S3 user guide, "Expiration of a presigned URL".
const MAX_LINK_FOR: Duration = Duration::from_hours(24 * 7);

impl Settings {
    /// Returns every such fault, each with the path of a setting and the way out.
    pub(super) fn faults(&self) -> Vec<Fault> {
        let mut faults = Vec::new();
        self.check_names(&mut faults);
        self.check_identity(&mut faults);
        self.check_poll(&mut faults);
        self.check_reconcile(&mut faults);
        self.check_stores(&mut faults);
        self.check_warehouse(&mut faults);
        self.check_query(&mut faults);
        self.check_nifi(&mut faults);
        self.check_pipelines(&mut faults);
        self.check_reports(&mut faults);
        faults.extend(self.costs.faults().into_iter().map(|it| it.below("costs")));
        faults.extend(self.http.faults().into_iter().map(|it| it.below("http")));
        faults.extend(self.telemetry.faults().into_iter().map(|it| it.below("telemetry")));
        faults.extend(self.intake.faults().into_iter().map(|it| it.below("intake")));
        faults
    }

    fn check_names(&self, faults: &mut Vec<Fault>) {
        let mut names = BTreeSet::new();
        for (idx, connection) in self.connections.iter().enumerate() {
            let name = connection.name();
            if !names.insert(name) {
                let what =
                    format!("`{name}` names another connection already; choose another name");
                faults.push(Fault::new(format!("connections[{idx}].connection"), what));
            }
        }
        for (idx, sender) in self.intake.connections.iter().enumerate() {
            let is_known = names.is_empty() || names.contains(&sender.name);
            if !is_known {
                let what = format!(
                    "no connection is named `{}`, so its changes could not be read; add it to \
                     `connections`, or correct the name",
                    sender.name
                );
                faults.push(Fault::new(format!("intake.connections[{idx}].name"), what));
            }
        }
    }

    fn check_identity(&self, faults: &mut Vec<Fault>) {
        match &self.identity {
            Some(identity) => {
                faults.extend(identity.faults().into_iter().map(|it| it.below("identity")));
            }
            None if !self.server.address.ip().is_loopback() => {
                let what = format!(
                    "`{}` can be reached from other machines, so people must prove who they are; \
                     add `[identity]` with your `issuer` and `audience` (docs/identity.md), or \
                     write `127.0.0.1:{}`",
                    self.server.address,
                    self.server.address.port()
                );
                faults.push(Fault::new("server.address", what));
            }
            None => {}
        }
    }

    fn check_poll(&self, faults: &mut Vec<Fault>) {
        let poll = &self.poll;
        if poll.every.0.is_zero() {
            faults.push(Fault::new("poll.every", "is nothing: write `1s` or more"));
        }
        if poll.lag > poll.overlap {
            let what = format!(
                "`{}` is more than `poll.overlap` (`{}`), so changes could be passed over; write \
                 less",
                poll.lag, poll.overlap
            );
            faults.push(Fault::new("poll.lag", what));
        }
    }

    fn check_reconcile(&self, faults: &mut Vec<Fault>) {
        if self.reconcile.every.0 < MIN_BETWEEN_COMPARISONS {
            let what = format!(
                "`{}` is less than `5m`: every comparison reads all records, so write `1h` or more",
                self.reconcile.every
            );
            faults.push(Fault::new("reconcile.every", what));
        }
    }

    fn check_warehouse(&self, faults: &mut Vec<Fault>) {
        if self.warehouse.every.0.is_zero() {
            faults.push(Fault::new("warehouse.every", "is nothing: write `1m` or more"));
        }
        let address = self.warehouse.address.as_ref();
        if let Some(Err(error)) = address.map(wiring::check_warehouse) {
            faults.push(Fault::new("warehouse.address", shared::chain(&error).to_string()));
        }
    }

    fn check_query(&self, faults: &mut Vec<Fault>) {
        if self.queries.memory_bytes < MIN_QUERY_BYTES {
            let what = format!("is too little for any answer: write {MIN_QUERY_BYTES} or more");
            faults.push(Fault::new("queries.memory_bytes", what));
        }
        if self.queries.within.0.is_zero() {
            faults.push(Fault::new("queries.within", "is nothing: write `1s` or more"));
        }
    }

    fn check_nifi(&self, faults: &mut Vec<Fault>) {
        let nifi = &self.nifi;
        if let Some(Err(error)) = nifi.address.as_ref().map(wiring::check_dataflow) {
            faults.push(Fault::new("nifi.address", shared::chain(&error).to_string()));
        }
        if let Some(Err(error)) = nifi.send_to.as_ref().map(wiring::check_flow_files) {
            faults.push(Fault::new("nifi.send_to", shared::chain(&error).to_string()));
        }
    }

    fn check_pipelines(&self, faults: &mut Vec<Fault>) {
        if let Some(Err(fault)) = self.pipelines.at.as_deref().map(BlobAddress::parse) {
            faults.push(Fault::new("pipelines.at", fault.to_string()));
        }
        if self.pipelines.within.as_ref().is_some_and(|it| it.0.is_zero()) {
            faults.push(Fault::new("pipelines.within", "is nothing: write `14m`, or leave it out"));
        }
        for (name, address) in &self.pipelines.databases {
            if let Err(text) = wiring::check_database(name, address) {
                faults.push(Fault::new(format!("pipelines.databases.{name}"), text));
            }
        }
    }

    fn check_reports(&self, faults: &mut Vec<Fault>) {
        let reports = &self.reports;
        let places = [("reports.at", &reports.at), ("reports.definitions", &reports.definitions)];
        for (name, place) in places {
            if let Some(Err(fault)) = place.as_deref().map(BlobAddress::parse) {
                faults.push(Fault::new(name, fault.to_string()));
            }
        }
        if reports.webhook.is_some() && reports.webhook_secret.is_none() {
            let what = "has no secret: name where it lies as `webhook_secret`, such as \
                        `env:REPORTS_WEBHOOK_SECRET`";
            faults.push(Fault::new("reports.webhook", what));
        }
        if reports.link_for.as_ref().is_some_and(|it| it.0.is_zero() || it.0 > MAX_LINK_FOR) {
            let what = "is no time up to `7d`: write such as `6h`, or leave it out";
            faults.push(Fault::new("reports.link_for", what));
        }
    }

    fn check_stores(&self, faults: &mut Vec<Fault>) {
        if let Some(Err(fault)) = self.store.documents.as_deref().map(BlobAddress::parse) {
            faults.push(Fault::new("store.documents", fault.to_string()));
        }
        if let Some(Err(fault)) = self.lake.place.as_deref().map(BlobAddress::parse) {
            faults.push(Fault::new("lake.place", fault.to_string()));
        }
        let queue = self.store.events_queue.as_ref();
        if queue.is_some_and(|it| !it.query_pairs().any(|(name, _)| name == "queue")) {
            let what = "names no queue: add `?queue=events`";
            faults.push(Fault::new("store.events_queue", what));
        }
        let addresses =
            [("store.cases", &self.store.cases), ("store.events_queue", &self.store.events_queue)];
        for (path, address) in addresses {
            let Some(address) = address else { continue };
            let is_secret =
                |(name, value): (std::borrow::Cow<'_, str>, std::borrow::Cow<'_, str>)| {
                    name == "password" && SecretAddress::parse(value).is_err()
                };
            if address.password().is_some() || address.query_pairs().any(is_secret) {
                let what = "holds a password: take it out, and say where it lies by \
                            `?password=env:NAME`";
                faults.push(Fault::new(path, what));
            }
        }
        let (Some(cases), Some(queue)) = (&self.store.cases, queue) else { return };
        if cases.scheme() == "sqlite" && queue.scheme() == "sqlite" && cases.path() == queue.path()
        {
            let what = "is the file of `store.cases`; write another, as each has one writer";
            faults.push(Fault::new("store.events_queue", what));
        }
    }
}
