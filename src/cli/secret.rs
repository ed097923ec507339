//! `moodbridge secret`: seals secrets into files, and rotates the key they are sealed with.

use std::fmt;
use std::io::{IsTerminal as _, Read as _};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde::Serialize;
use shared::ports::{Clock, SystemClock};
use shared::sealed::{SealError, SealedFolder};
use shared::secret::Secret;

use crate::exit::{CommandError, SUCCESS};
use crate::output::Output;
use crate::settings::Settings;

/// What to do with sealed secrets, and where they are.
#[derive(Debug, Args)]
pub(crate) struct SecretArgs {
    /// The folder of the secrets; by default what `secrets.folder` says.
    #[arg(long, global = true, value_name = "DIR")]
    folder: Option<PathBuf>,
    #[command(subcommand)]
    command: SecretCommand,
}

#[derive(Debug, Subcommand)]
enum SecretCommand {
    /// Seals a secret: asks for it on a terminal, else reads it from standard input.
    Set {
        /// Its name.
        name: String,
    },
    /// Lists the secrets: name, age, key. Never a value.
    List,
    /// Seals every data key with a new key; ends a rotation that was interrupted.
    Rotate,
    /// Removes a secret.
    Rm {
        /// Its name.
        name: String,
    },
    /// Prints a secret. Asks on a terminal; elsewhere it needs `--yes`.
    Reveal {
        /// Its name.
        name: String,
        /// Does not ask.
        #[arg(long)]
        yes: bool,
    },
}

/// One line, and the same as a document.
#[derive(Serialize)]
struct Done {
    name: String,
    address: String,
    what: &'static str,
}

impl fmt::Display for Done {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} `{}`; its address is `{}`", self.what, self.name, self.address)
    }
}

#[derive(Serialize)]
struct Listed {
    name: String,
    age_s: i64,
    key_id: String,
}

#[derive(Serialize)]
struct List {
    secrets: Vec<Listed>,
}

impl fmt::Display for List {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.secrets.is_empty() {
            return f.write_str("no secrets");
        }
        for (idx, Listed { name, age_s, key_id }) in self.secrets.iter().enumerate() {
            let end = if idx == 0 { "" } else { "\n" };
            write!(f, "{end}{name:<32}  {:>6} days  key {key_id}", age_s / 86_400)?;
        }
        Ok(())
    }
}

#[derive(Serialize)]
struct Rotated {
    key_id: String,
    n_rewrapped: usize,
    is_resumed: bool,
}

impl fmt::Display for Rotated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { key_id, n_rewrapped, is_resumed } = self;
        let ended = if *is_resumed { ", ending a rotation that was interrupted" } else { "" };
        write!(f, "sealed {n_rewrapped} data keys with the new key {key_id}{ended}")
    }
}

#[derive(Serialize)]
struct Revealed<'a> {
    value: &'a str,
}

impl fmt::Display for Revealed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.value)
    }
}

/// Runs what `args` say.
///
/// # Errors
///
/// When the folder or its key cannot be used, or a secret is missing, altered or empty.
pub(crate) fn run(
    args: SecretArgs,
    settings: &Settings,
    output: Output,
) -> Result<ExitCode, CommandError> {
    let path = args.folder.unwrap_or_else(|| settings.secrets_folder());
    let folder = settings.sealed_folder(&path);
    let done = |what, name: String| Done {
        address: format!("file:{}", path.join(&name).display()),
        name,
        what,
    };
    let printed = match args.command {
        SecretCommand::Set { name } => {
            let secret = read_value(&name)?;
            folder.write(&name, &secret, SystemClock.now()).map_err(failed("seal", &name))?;
            output.answer(&done("sealed", name))
        }
        SecretCommand::List => output.answer(&list(&folder)?),
        SecretCommand::Rotate => {
            let rotation = folder.rotate().map_err(failed("rotate the key of", "the secrets"))?;
            output.answer(&Rotated {
                key_id: rotation.key_id,
                n_rewrapped: rotation.n_rewrapped,
                is_resumed: rotation.is_resumed,
            })
        }
        SecretCommand::Rm { name } => {
            folder.remove(&name).map_err(failed("remove", &name))?;
            output.answer(&done("removed", name))
        }
        SecretCommand::Reveal { name, yes } => {
            agree(&name, yes)?;
            let secret = folder.read(&name).map_err(failed("open", &name))?;
            output.answer(&Revealed { value: secret.expose() })
        }
    };
    printed.map_err(|error| CommandError::failed("print the answer", error))?;
    Ok(SUCCESS.into())
}

fn failed(what: &'static str, name: &str) -> impl FnOnce(SealError) -> CommandError {
    let tried = format!("{what} `{name}`");
    move |error| CommandError::failed(tried, error)
}

fn list(folder: &SealedFolder) -> Result<List, CommandError> {
    let now = SystemClock.now().as_millis();
    let secrets = folder.list().map_err(failed("list", "the secrets"))?;
    Ok(List {
        secrets: secrets
            .into_iter()
            .map(|it| Listed {
                age_s: (now - it.sealed_at.as_millis()).max(0) / 1000,
                name: it.name,
                key_id: it.key_id,
            })
            .collect(),
    })
}

/// Reads the value, which is never an argument: those can be seen by everybody on the machine.
fn read_value(name: &str) -> Result<Secret, CommandError> {
    let read = if std::io::stdin().is_terminal() {
        rpassword::prompt_password(format!("Value of `{name}` (not shown): ")).map(Secret::new)
    } else {
        let mut text = String::new();
        std::io::stdin().lock().read_to_string(&mut text).map(|_| Secret::new(text))
    };
    let secret = read.map_err(|error| CommandError::failed("read the value", error))?.trimmed();
    if secret.expose().is_empty() {
        return Err(CommandError::failed(format!("seal `{name}`"), "the value is empty"));
    }
    Ok(secret)
}

#[expect(clippy::print_stderr, reason = "a question to the person at the terminal")]
fn agree(name: &str, yes: bool) -> Result<(), CommandError> {
    if yes {
        return Ok(());
    }
    let refused = |why: &str| CommandError::failed(format!("show `{name}`"), why);
    if !std::io::stdin().is_terminal() {
        return Err(refused("nobody is at a terminal to agree: add `--yes`"));
    }
    eprintln!("This prints the secret `{name}` on the screen. Type `yes` to go on:");
    let mut answer = String::new();
    std::io::stdin()
        .read_line(&mut answer)
        .map_err(|error| CommandError::failed("read the answer", error))?;
    if answer.trim() == "yes" { Ok(()) } else { Err(refused("you did not agree")) }
}
