//! Settings, read once at start.
//!
//! A struct of settings derives `Deserialize` and `JsonSchema`; the [`Form`] made of it walks any
//! document and reports every fault at once, each with its path and what to write instead.

mod editor;
mod env;
mod fault;
mod form;
mod nearest;
mod path;
mod shape;
mod span;
mod text;
mod walk;

pub use editor::{ChangeError, SettingsEditor, SettingsInForce, SettingsReader, ShownSetting};
pub use env::Env;
pub use fault::{ConfigError, Fault};
pub use form::{Form, Reading};
pub use nearest::{nearest, nearest_in_any_case};
pub use path::{Step, steps};
pub use span::{InvalidDuration, Span, parse_duration};
pub use text::TextSetting;
