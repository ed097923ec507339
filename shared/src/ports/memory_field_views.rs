//! Columns of custom fields in the memory of this process, for tests.

use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;

use super::field_views::{FieldColumns, FieldViews};
use crate::error::PortError;

/// Remembers what was published; there is no SQL to show it by.
#[derive(Debug, Default)]
pub struct MemoryFieldViews(Mutex<Option<FieldColumns>>);

#[async_trait]
impl FieldViews for MemoryFieldViews {
    async fn publish(&self, columns: &FieldColumns) -> Result<bool, PortError> {
        let mut shown = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_new = shown.as_ref() != Some(columns);
        *shown = Some(columns.clone());
        Ok(is_new)
    }

    async fn published(&self) -> Result<FieldColumns, PortError> {
        let shown = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(shown.clone().unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::field_views_contract::field_views_contract;

    #[tokio::test]
    async fn views_in_memory_keep_the_contract() {
        field_views_contract(&MemoryFieldViews::default()).await;
    }
}
