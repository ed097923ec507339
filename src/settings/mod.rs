//! The settings of the single-process host: `moodbridge.toml`.

mod load;
mod places;
mod sections;

pub(crate) use load::FILE_NAME;
pub(crate) use sections::Settings;
