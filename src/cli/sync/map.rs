//! A mapping file, proposed out of what the platform tells about an object.

use std::fmt;

use serde::Serialize;
use shared::ids::{ConnectionId, ObjectName};
use shared::model::Entity;
use shared::sync::{Suggestion, read_mapping};
use wiring::connecting::{EXTERNAL_ID, PASSING_FIELDS, standard_mappings};

use crate::exit::CommandError;
use crate::process::Parts;
use crate::settings::Settings;

/// The proposal.
#[derive(Serialize)]
pub(super) struct Proposal {
    file: String,
    text: String,
}

impl fmt::Display for Proposal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text.trim_end())
    }
}

/// Proposes a mapping of `object` at `connection` to our table `entity`, or to the one that it is
/// mapped to already.
///
/// # Errors
///
/// When there is no such connection, it does not tell what its objects look like, or nothing of the
/// object can be mapped.
pub(super) async fn suggest(
    settings: &Settings,
    connection: &ConnectionId,
    object: &ObjectName,
    entity: Option<Entity>,
) -> Result<Proposal, CommandError> {
    let tried = format!("propose a mapping of `{object}`");
    let failed = |why: String| CommandError::failed(tried.clone(), why);
    let parts = Parts::open(settings).await?;
    let opened = parts.connections(settings)?;
    let names: Vec<_> = opened.iter().map(|it| format!("`{}`", it.connection)).collect();
    let found = opened.iter().find(|it| it.connection == *connection);
    let opened = found.ok_or_else(|| {
        failed(format!("there is no connection `{connection}`: write one of {}", names.join(", ")))
    })?;
    let schema = opened.schema.as_ref().ok_or_else(|| {
        failed(format!("`{connection}` does not tell what its objects look like"))
    })?;
    let standard = standard_mappings().map_err(|error| CommandError::failed(&*tried, error))?;
    let known = opened.mappings.get(object).or_else(|| standard.get(object));
    let entity = entity.or_else(|| known.map(|it| it.entity)).ok_or_else(|| {
        let all = Entity::ALL.map(Entity::as_str).join("`, `");
        failed(format!("it is not known what it is here: add `--entity` with one of `{all}`"))
    })?;
    let described = schema.describe(object).await;
    let described = described.map_err(|error| CommandError::failed(&*tried, error))?;
    let suggestion = Suggestion {
        object: &described,
        entity,
        standard: standard.get(object).filter(|it| it.entity == entity),
        mapped: &opened.mappings,
        external_id: EXTERNAL_ID,
        left_out: &PASSING_FIELDS,
    };
    let file = format!("{}.yaml", object.as_str().to_ascii_lowercase());
    let text = suggestion.to_yaml();
    match read_mapping(&file, &text) {
        Ok(_) => Ok(Proposal { file, text }),
        Err(faults) => {
            let faults: Vec<_> = faults.iter().map(ToString::to_string).collect();
            Err(failed(faults.join("; ")))
        }
    }
}
