//! What writes the lake, and loads it into the warehouse.

use std::sync::Arc;

use shared::ids::ConnectionId;
use shared::lake::{Exporter, LakeSettings};
use shared::loader::{CreditPorts, Credits, LoadSettings, Loader};
use shared::ports::warehouse::{SpendingView, Warehouse};
use shared::sync::Mappings;
use tracing::info;
use warehouse_loader::LakeRuns;

use super::Parts;
use crate::exit::CommandError;
use crate::settings::Settings;

impl Parts {
    /// Builds what loads the lake; `None` when the settings name no warehouse.
    ///
    /// # Errors
    ///
    /// When the lake or the warehouse cannot be opened.
    pub(crate) fn loader(
        &self,
        settings: &Settings,
        change: impl FnOnce(LoadSettings) -> LoadSettings,
    ) -> Result<Option<Loader>, CommandError> {
        let Some(address) = &settings.warehouse.address else { return Ok(None) };
        let Some(warehouse) = self.warehouse(settings)? else { return Ok(None) };
        let lake = settings.lake_address()?;
        let load = LoadSettings::between(&lake.to_string(), address.as_str());
        let load = change(LoadSettings { max_rejects: settings.warehouse.max_rejects, ..load });
        let ports = wiring::lake_ports(&self.stores, settings.open_lake()?);
        Ok(Some(warehouse_loader::loader(&ports, self.stores.ledger.clone(), warehouse, load)))
    }

    /// Opens what tells of the credits that were used; `None` when the settings name no warehouse.
    ///
    /// # Errors
    ///
    /// When the warehouse cannot be opened.
    pub(crate) fn spending(
        &self,
        settings: &Settings,
    ) -> Result<Option<Arc<dyn SpendingView>>, CommandError> {
        let Some(address) = &settings.warehouse.address else { return Ok(None) };
        let view = wiring::warehouse_spending(address, &self.surroundings(settings)?);
        view.map(Some).map_err(|error| {
            CommandError::failed("open the warehouse that `warehouse.address` names", error)
        })
    }

    /// Opens the warehouse; `None` when the settings name none.
    ///
    /// # Errors
    ///
    /// When it cannot be opened.
    pub(crate) fn warehouse(
        &self,
        settings: &Settings,
    ) -> Result<Option<Arc<dyn Warehouse>>, CommandError> {
        let Some(address) = &settings.warehouse.address else { return Ok(None) };
        let warehouse = wiring::warehouse(address, &self.surroundings(settings)?);
        warehouse.map(Some).map_err(|error| {
            CommandError::failed("open the warehouse that `warehouse.address` names", error)
        })
    }

    fn credits(&self, settings: &Settings) -> Result<Option<Credits>, CommandError> {
        let (Some(address), Some(view)) = (&settings.warehouse.address, self.spending(settings)?)
        else {
            return Ok(None);
        };
        let lake = settings.lake_address()?;
        let ports = CreditPorts {
            view,
            ledger: self.stores.ledger.clone(),
            costs: self.stores.costs.clone(),
            prices: self.meter.prices().clone(),
            clock: self.clock.clone(),
            random: self.random.clone(),
        };
        let name = LoadSettings::between(&lake.to_string(), address.as_str()).name;
        Ok(Some(Credits::new(ports, &name)))
    }

    /// Builds what writes and loads the lake; `None` when the settings name no lake.
    pub(super) async fn lake_runs(
        &self,
        settings: &Settings,
        mappings: &[(ConnectionId, Mappings)],
    ) -> Result<Option<LakeRuns>, CommandError> {
        if settings.lake.place.is_none() {
            info!("`lake.place` is not set: no lake is written by itself, and nothing is loaded");
            return Ok(None);
        }
        let mappings = mappings.iter().map(|(_, it)| it);
        let key = settings.lake.mask_key.as_ref();
        let hiding = warehouse_loader::hiding(mappings, key, &*self.secrets).await;
        let hiding = hiding.map_err(|error| {
            CommandError::failed("read the key of masks that `lake.mask_key` names", error)
        })?;
        let Some(hiding) = hiding else { return Ok(None) };
        let ports = wiring::lake_ports(&self.stores, settings.open_lake()?);
        let loader = self.loader(settings, |it| it)?;
        if loader.is_none() {
            info!("`warehouse.address` is not set: the lake is written, and not loaded");
        }
        let credits = self.credits(settings)?;
        let exporter = Exporter::new(ports, hiding, LakeSettings::default());
        let runs = LakeRuns::new(exporter, loader, self.clock.clone());
        Ok(Some(match credits {
            Some(credits) => runs.counting(credits),
            None => runs,
        }))
    }
}
