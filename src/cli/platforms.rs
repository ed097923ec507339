//! `moodbridge platforms`: what records can be kept in step with.

use std::fmt;
use std::process::ExitCode;

use clap::Subcommand;
use serde::Serialize;
use shared::platform::{PlatformDescription, description_of};

use crate::exit::{CommandError, SUCCESS};
use crate::output::Output;

/// What to do with the platforms.
#[derive(Debug, Subcommand)]
pub(crate) enum PlatformsCommand {
    /// Lists every platform: compiled, built in as a manifest, and loaded from `platforms/`.
    List,
    /// Tells the streams, fields and settings of one platform.
    Describe {
        /// Its name, such as `clio`.
        name: String,
    },
    /// Prints the JSON Schema of connector manifests, for editors.
    Schema,
}

#[derive(Serialize)]
struct Listed {
    platforms: Vec<PlatformDescription>,
}

impl fmt::Display for Listed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (idx, it) in self.platforms.iter().enumerate() {
            let end = if idx + 1 < self.platforms.len() { "\n" } else { "" };
            let can: Vec<_> = it.capabilities.iter().map(ToString::to_string).collect();
            let source = it.source.to_string();
            write!(f, "{:<16} {:<20} {source:<18} {}{end}", it.id, it.title, can.join(", "))?;
        }
        Ok(())
    }
}

#[derive(Serialize)]
#[serde(transparent)]
struct Described(PlatformDescription);

impl fmt::Display for Described {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let PlatformDescription { id, title, source, streams, settings_schema, .. } = &self.0;
        write!(f, "{title} (`{id}`, {source})\n\nsettings:")?;
        let is_required = |name: &str| {
            let required = settings_schema.get("required").and_then(|it| it.as_array());
            required.is_some_and(|it| it.iter().any(|it| it == name))
        };
        let properties = settings_schema.get("properties").and_then(|it| it.as_object());
        for (name, property) in properties.into_iter().flatten() {
            let about = property.get("description").and_then(|it| it.as_str()).unwrap_or_default();
            let mark = if is_required(name) { "*" } else { " " };
            write!(f, "\n  {mark} {name:<14} {about}")?;
        }
        for stream in streams {
            let entity = stream.entity.map(|it| format!(" -> {it}")).unwrap_or_default();
            let deletes = if stream.tells_deletes { ", tells deletes" } else { "" };
            write!(f, "\n\n{}{entity}{deletes}:", stream.object)?;
            for field in &stream.fields {
                let column = field.column.as_deref().unwrap_or("-");
                let kind = field.kind.to_string();
                write!(f, "\n    {:<24} {kind:<10} {column}", field.name)?;
            }
        }
        write!(f, "\n\n* must be set")
    }
}

#[derive(Serialize)]
#[serde(transparent)]
struct Schema(serde_json::Value);

impl fmt::Display for Schema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#}", self.0)
    }
}

/// Runs `command`.
///
/// # Errors
///
/// When there is no such platform.
pub(crate) fn run(command: PlatformsCommand, output: Output) -> Result<ExitCode, CommandError> {
    let printed = match command {
        PlatformsCommand::List => {
            let all = wiring::platforms();
            let platforms = all.iter().map(|it| description_of(&**it)).collect();
            output.answer(&Listed { platforms })
        }
        PlatformsCommand::Describe { name } => {
            let platform = wiring::platform(&name).ok_or_else(|| unknown(&name))?;
            output.answer(&Described(description_of(&*platform)))
        }
        PlatformsCommand::Schema => output.answer(&Schema(wiring::manifest_schema())),
    };
    printed.map_err(|error| CommandError::failed("print the answer", error))?;
    Ok(SUCCESS.into())
}

fn unknown(name: &str) -> CommandError {
    let all = wiring::platforms();
    let known: Vec<_> = all.iter().map(|it| it.id()).collect();
    let hint = match shared::config::nearest(name, &known) {
        Some(nearest) => format!("did you mean `{nearest}`?"),
        None => format!("there are {}", known.join(", ")),
    };
    CommandError::failed(format!("find the platform `{name}`"), hint)
}
