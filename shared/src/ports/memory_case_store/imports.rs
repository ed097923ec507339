//! What was imported with a matter, in memory.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use async_trait::async_trait;

use super::{MemoryCaseStore, State};
use crate::auth::Sight;
use crate::error::{PortError, PortErrorKind};
use crate::ids::EntityId;
use crate::model::Entity;
use crate::ports::case_view::StoreDigest;
use crate::ports::incident_view::{INCIDENT_SOURCE, Incident, IncidentFigures, IncidentView};
use crate::ports::matter_import::{
    ImportTallies, ImportedEvent, ItemBatch, ItemBody, MatterImport, MatterItem, import_audit,
};
use crate::ports::{ImportTally, WriteKind};
use crate::sync::DigestSum;

impl State {
    fn tallies(&self, batch: &ItemBatch) -> ImportTallies {
        let mut tallies = ImportTallies::new();
        for item in &batch.items {
            let tally = tallies.entry(item.source.clone()).or_default();
            tally.add(match self.items.get(&item.id) {
                None => ImportTally { n_new: 1, ..ImportTally::default() },
                Some(known) if *known == (batch.case_id.clone(), item.clone()) => {
                    ImportTally { n_same: 1, ..ImportTally::default() }
                }
                Some(_) => ImportTally { n_changed: 1, ..ImportTally::default() },
            });
        }
        tallies
    }

    fn incidents(&self, sight: &Sight) -> Vec<(&MatterItem, &ImportedEvent)> {
        let events = self.items.values().filter_map(|(case_id, item)| match &item.body {
            ItemBody::Event(event)
                if item.source == INCIDENT_SOURCE && self.shows(sight, case_id) =>
            {
                Some((item, event))
            }
            _ => None,
        });
        let mut events: Vec<_> = events.collect();
        events.sort_by_key(|(item, event)| Reverse((event.occurred_at, item.id.clone())));
        events
    }
}

#[async_trait]
impl MatterImport for MemoryCaseStore {
    async fn import_items(&self, batch: &ItemBatch) -> Result<ImportTallies, PortError> {
        let mut state = self.state();
        if !state.rows.contains_key(&(Entity::Case, batch.case_id.clone())) {
            let case_id = batch.case_id.as_str();
            return Err(PortError::new(PortErrorKind::NotFound, "memory", "import into", case_id));
        }
        let tallies = state.tallies(batch);
        for item in &batch.items {
            state.items.insert(item.id.clone(), (batch.case_id.clone(), item.clone()));
        }
        if let Some(draft) = import_audit(batch, &tallies) {
            let at = batch.received_at;
            state.add_audit(Entity::Case, &batch.case_id, WriteKind::Updated, draft, at);
        }
        Ok(tallies)
    }

    async fn compare_items(&self, batch: &ItemBatch) -> Result<ImportTallies, PortError> {
        Ok(self.state().tallies(batch))
    }

    async fn imported(
        &self,
        case_id: &EntityId,
    ) -> Result<BTreeMap<String, StoreDigest>, PortError> {
        let mut sums: BTreeMap<String, DigestSum> = BTreeMap::new();
        for (_, item) in self.state().items.values().filter(|(id, _)| id == case_id) {
            let sum = sums.entry(item.source.clone()).or_default();
            sum.add_item(&item.source, &item.id, item.details.as_str());
        }
        Ok(sums.into_iter().map(|(source, sum)| (source, sum.finish())).collect())
    }
}

#[async_trait]
impl IncidentView for MemoryCaseStore {
    async fn incidents(&self, sight: &Sight, n_latest: u32) -> Result<IncidentFigures, PortError> {
        let state = self.state();
        let incidents = state.incidents(sight);
        let mut figures = IncidentFigures::default();
        let mut months: BTreeMap<String, u64> = BTreeMap::new();
        let mut categories: BTreeMap<(bool, Option<String>), u64> = BTreeMap::new();
        let mut n_timed = 0.0;
        for (item, event) in incidents {
            figures.n_incidents += 1;
            figures.hours += event.hours.unwrap_or_default();
            n_timed += if event.hours.is_some() { 1.0 } else { 0.0 };
            *months.entry(event.occurred_at.to_string().chars().take(7).collect()).or_default() +=
                1;
            let category = (event.category.is_none(), event.category.clone());
            *categories.entry(category).or_default() += 1;
            if figures.latest.len() < n_latest.try_into().unwrap_or(usize::MAX) {
                figures.latest.push(Incident::of(item.details.as_str(), event.hours));
            }
        }
        figures.mean_hours = if n_timed > 0.0 { figures.hours / n_timed } else { 0.0 };
        figures.by_month = months.into_iter().collect();
        let mut by_category: Vec<_> = categories.into_iter().collect();
        by_category
            .sort_by_key(|((is_none, category), n)| (Reverse(*n), *is_none, category.clone()));
        figures.by_category =
            by_category.into_iter().map(|((_, category), n)| (category, n)).collect();
        Ok(figures)
    }
}
