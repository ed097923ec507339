//! The settings of the single-process host: `moodbridge.toml`, the environment and the arguments.

mod changes;
mod document;
mod file;
mod load;
mod origin;
mod overrides;
mod places;
mod rules;
mod sections;
mod show;

pub(crate) use load::{FILE_NAME, Loaded, Places, form};
pub(crate) use overrides::typed;
pub(crate) use sections::{RelaySettings, Settings};
pub(crate) use show::{ShownSettings, schema_text};

#[cfg(test)]
mod broken;
