//! The desk that commands hand their changes to.

use shared::sync::Desk;

use crate::exit::CommandError;
use crate::process::Parts;
use crate::settings::Settings;

/// Builds the desk that takes changes for rows of every connection.
///
/// # Errors
///
/// When a connection cannot be opened.
pub(in crate::cli) fn desk_of(parts: &Parts, settings: &Settings) -> Result<Desk, CommandError> {
    let mappings = parts.connections(settings)?.into_iter();
    Ok(Desk::new(
        parts.stores.store.clone(),
        parts.stores.conflicts.clone(),
        parts.clock.clone(),
        parts.random.clone(),
        mappings.map(|it| (it.connection, it.mappings)),
    ))
}
