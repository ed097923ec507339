//! Rows of the case store as pipelines read them.

use std::sync::Arc;

use super::fault::no_such_name;
use super::kind::{ColumnKind, SourceColumn};
use crate::auth::Sight;
use crate::error::PortError;
use crate::ids::EntityId;
use crate::lake::{ColumnType, Hiding, LakeTable};
use crate::model::{Entity, FieldValue};
use crate::ports::{CurrentRow, CurrentRows};
use crate::sync::CUSTOM_PREFIX;

/// What every row has, beside the columns of its entity.
const OF_RECORDS: &[&str] = &["id", "connection", "object", "record_id", "version"];

/// Lists the columns of rows of `entity`, each with what it holds. Custom fields are `custom.NAME`
/// beside them, and text.
pub fn case_columns(entity: Entity) -> Vec<SourceColumn> {
    let is_own = |name: &str| OF_RECORDS.contains(&name) || entity.columns().contains(&name);
    let columns = LakeTable::of(entity).columns().into_iter().filter(|it| is_own(&it.name));
    let kind = |it: ColumnType| match it {
        ColumnType::Bool => ColumnKind::Bool,
        ColumnType::Int | ColumnType::Long => ColumnKind::Long,
        ColumnType::Float => ColumnKind::Float,
        ColumnType::Instant => ColumnKind::Instant,
        ColumnType::Text | ColumnType::Json => ColumnKind::Text,
    };
    columns.map(|it| SourceColumn::new(it.name, kind(it.kind))).collect()
}

/// Returns what the column `name` of rows of `entity` holds.
///
/// # Errors
///
/// That there is none, and which was probably meant.
pub fn case_column(entity: Entity, name: &str) -> Result<ColumnKind, String> {
    if name.strip_prefix(CUSTOM_PREFIX).is_some_and(|it| !it.is_empty()) {
        return Ok(ColumnKind::Text);
    }
    let columns = case_columns(entity);
    match columns.iter().find(|it| it.name == name) {
        Some(column) => Ok(column.kind),
        None => {
            let known: Vec<&str> = columns.iter().map(|it| it.name.as_str()).collect();
            Err(no_such_name(&format!("column of a {entity} in the case store"), name, &known))
        }
    }
}

/// Where rows of the case store are read, and what of them may be seen: as much as in the lake.
#[derive(Clone)]
pub struct CaseRows {
    rows: Arc<dyn CurrentRows>,
    hiding: Hiding,
}

/// One row.
pub struct CaseRow {
    /// Its id.
    pub id: EntityId,
    row: CurrentRow,
}

impl CaseRows {
    /// Reads from `rows` what `hiding` leaves of them.
    pub fn new(rows: Arc<dyn CurrentRows>, hiding: Hiding) -> Self {
        Self { rows, hiding }
    }

    /// Reads the next rows of `entity` behind the id `after`, `limit` of them at most; none behind the
    /// last. Rows that are deleted or merged into others are left out.
    ///
    /// # Errors
    ///
    /// As the case store answers.
    pub async fn after(
        &self,
        entity: Entity,
        after: Option<&EntityId>,
        limit: u32,
    ) -> Result<Vec<CaseRow>, PortError> {
        let rows = self.rows.rows_after(&Sight::Everything, entity, after, limit).await?;
        let shown = |(id, row): (EntityId, CurrentRow)| {
            let fields = self.hiding.hide(entity, row.fields);
            CaseRow { id, row: CurrentRow { fields, ..row } }
        };
        Ok(rows.into_iter().map(shown).collect())
    }
}

impl CaseRow {
    /// Returns the value of a column as text; `None` when it has none.
    pub fn text(&self, column: &str) -> Option<String> {
        let CurrentRow { key, version, fields, .. } = &self.row;
        Some(match column {
            "id" => self.id.as_str().to_owned(),
            "connection" => key.connection.as_str().to_owned(),
            "object" => key.object.as_str().to_owned(),
            "record_id" => key.record_id.as_str().to_owned(),
            "version" => version.to_string(),
            name => match fields.get(name)? {
                FieldValue::Null => return None,
                value => value.to_string(),
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_those_of_the_model_and_custom_fields() {
        for (name, kind) in [
            ("id", ColumnKind::Text),
            ("opened_at", ColumnKind::Instant),
            ("is_closed", ColumnKind::Bool),
            ("version", ColumnKind::Instant),
            ("custom.shoe", ColumnKind::Text),
        ] {
            assert_eq!(case_column(Entity::Case, name), Ok(kind), "{name}");
        }
        let error = case_column(Entity::Case, "opened").unwrap_err();
        assert!(error.starts_with("there is no column of a case in the case store"), "{error}");
        for name in ["change_seq", "is_deleted", "custom", "custom.", "email"] {
            assert!(case_column(Entity::Case, name).is_err(), "{name}");
        }
    }
}
