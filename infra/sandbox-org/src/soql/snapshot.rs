//! The rows of a query as they were when it ran, for an export that is fetched later.

use std::collections::HashMap;

use super::error::SoqlError;
use super::path::Path;
use super::plan::{Output, Plan};
use super::render::Leaf;
use crate::ids::RecordId;
use crate::org::{Org, Row, Value};
use crate::schema::FieldKind;

/// The rows of a query as they were when it ran, and the parents that their columns lead to.
#[derive(Debug)]
pub(crate) struct Snapshot {
    columns: Vec<Path>,
    rows: Vec<Row>,
    parents: HashMap<RecordId, Row>,
}

impl Plan {
    /// Refuses what exports cannot do. Source: Bulk API 2.0 guide, query: considerations.
    ///
    /// # Errors
    /// The platform's code and words for what is not supported.
    pub(crate) fn check_export(&self) -> Result<(), SoqlError> {
        let refuse = |reason: &str| Err(SoqlError::whole("API_ERROR", reason));
        let Output::Rows(shape) = &self.output else {
            return refuse("Aggregate functions and GROUP BY not supported in Bulk Query");
        };
        if shape.leaves.iter().any(|leaf| matches!(leaf, Leaf::Children { .. })) {
            return refuse("Aggregate Relationships not supported in Bulk Query");
        }
        if shape.columns.iter().any(|path| path.kind == FieldKind::Address) {
            return refuse("Selecting compound data not supported in Bulk Query");
        }
        if self.offset > 0 {
            return refuse("OFFSET clause not supported in Bulk Query");
        }
        Ok(())
    }

    /// Tells whether the platform could cut the query into ranges of ids.
    pub(crate) fn can_be_chunked(&self) -> bool {
        self.order.is_empty() && self.limit.is_none()
    }

    /// Returns the object that is queried.
    pub(crate) fn object_name(&self) -> &str {
        &self.object.name
    }

    /// Runs the query and keeps what it found.
    pub(crate) fn snapshot(&self, org: &Org) -> Snapshot {
        let columns = match &self.output {
            Output::Rows(shape) => shape.columns.clone(),
            Output::Count | Output::Groups { .. } => Vec::new(),
        };
        let rows: Vec<Row> = self.rows(org).into_iter().cloned().collect();
        let mut parents = HashMap::new();
        for path in columns.iter().filter(|path| !path.steps.is_empty()) {
            for row in &rows {
                keep_parents(org, path, row, &mut parents);
            }
        }
        Snapshot { columns, rows, parents }
    }
}

fn keep_parents(org: &Org, path: &Path, row: &Row, parents: &mut HashMap<RecordId, Row>) {
    let mut here = row;
    for step in &path.steps {
        let id = here.get(step.field).as_id();
        let parent = id.and_then(|id| org.table(&step.target.name)?.row(id));
        let Some(parent) = parent else { return };
        parents.entry(parent.id).or_insert_with(|| parent.clone());
        here = parent;
    }
}

impl Snapshot {
    /// Returns the names of the columns, in the order of the SELECT list.
    pub(crate) fn names(&self) -> impl Iterator<Item = String> {
        self.columns.iter().map(|path| {
            let steps = path.steps.iter().map(|step| format!("{}.", step.name));
            steps.chain([path.name.clone()]).collect()
        })
    }

    /// Returns the number of rows.
    pub(crate) fn n_rows(&self) -> usize {
        self.rows.len()
    }

    /// Returns the values of a row with their kinds, in the order of the SELECT list.
    pub(crate) fn values(&self, row_idx: usize) -> impl Iterator<Item = (&Value, FieldKind)> {
        self.rows.get(row_idx).into_iter().flat_map(move |row| {
            self.columns.iter().map(move |path| (self.value(row, path), path.kind))
        })
    }

    fn value<'a>(&'a self, row: &'a Row, path: &Path) -> &'a Value {
        const NULL: &Value = &Value::Null;
        let mut here = row;
        for step in &path.steps {
            let parent = here.get(step.field).as_id().and_then(|id| self.parents.get(&id));
            match parent {
                Some(parent) => here = parent,
                None => return NULL,
            }
        }
        here.get(path.position)
    }
}
