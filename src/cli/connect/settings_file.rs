//! Edits `[[connections]]` in `moodbridge.toml`, leaving comments and order as they are.

use std::path::{Path, PathBuf};

use shared::ports::SecretAddress;
use toml_edit::{ArrayOfTables, DocumentMut, Item, Table, value};
use url::Url;

use crate::exit::CommandError;

/// What is written of a connection.
pub(super) struct Section<'a> {
    pub(super) name: &'a str,
    pub(super) login_url: &'a Url,
    pub(super) client_id: &'a str,
    pub(super) client_secret: Option<&'a SecretAddress>,
    pub(super) refresh_token: &'a SecretAddress,
}

/// What a connection holds that can be revoked.
pub(super) struct Kept {
    pub(super) login_url: Url,
    pub(super) client_id: String,
    pub(super) client_secret: Option<SecretAddress>,
    pub(super) refresh_token: SecretAddress,
}

/// A fault that leaves the file alone.
#[derive(Debug, thiserror::Error)]
enum Fault {
    #[error("`connections` is not a list of tables: write each as `[[connections]]`")]
    NotTables,
    #[error("no connection is named `{name}`; there are: {known}")]
    Unknown { name: String, known: String },
}

/// The settings file, before and after.
pub(super) struct SettingsFile {
    path: PathBuf,
    before: String,
    document: DocumentMut,
}

impl SettingsFile {
    /// Reads the file; one that is not there is empty.
    ///
    /// # Errors
    ///
    /// When it cannot be read or is not TOML.
    pub(super) fn read(path: &Path) -> Result<Self, CommandError> {
        let tried = || format!("read the settings file `{}`", path.display());
        let before = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(CommandError::failed(tried(), error)),
        };
        let document =
            before.parse::<DocumentMut>().map_err(|error| CommandError::failed(tried(), error))?;
        Ok(Self { path: path.to_path_buf(), before, document })
    }

    /// Adds the connection, or changes the one of that name; returns the lines that differ.
    ///
    /// # Errors
    ///
    /// When `connections` is something else than a list of tables.
    pub(super) fn put(&mut self, section: &Section<'_>) -> Result<String, CommandError> {
        let tables = self.connections()?;
        let at = position(tables, section.name);
        let mut auth = Table::new();
        auth.insert("flow", value("authorization_code"));
        auth.insert("client_id", value(section.client_id));
        if let Some(address) = section.client_secret {
            auth.insert("client_secret", value(address.as_str()));
        }
        auth.insert("refresh_token", value(section.refresh_token.as_str()));
        match at.and_then(|idx| tables.get_mut(idx)) {
            Some(table) => fill(table, section, auth),
            None => {
                let mut table = Table::new();
                table.insert("platform", value("salesforce"));
                table.insert("connection", value(section.name));
                fill(&mut table, section, auth);
                tables.push(table);
            }
        }
        Ok(self.diff())
    }

    /// Takes the connection out; returns the lines that differ and what can be revoked.
    ///
    /// # Errors
    ///
    /// When there is no such connection.
    pub(super) fn remove(&mut self, name: &str) -> Result<(String, Option<Kept>), CommandError> {
        let tables = self.connections()?;
        let Some(idx) = position(tables, name) else {
            let known: Vec<_> = tables
                .iter()
                .filter_map(|it| it.get("connection").and_then(Item::as_str))
                .map(|it| format!("`{it}`"))
                .collect();
            let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            let fault = Fault::Unknown { name: name.to_owned(), known };
            return Err(CommandError::failed("find the connection", fault));
        };
        let kept = tables.get(idx).and_then(kept_of);
        tables.remove(idx);
        Ok((self.diff(), kept))
    }

    /// Replaces the file.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub(super) fn write(&self) -> Result<(), CommandError> {
        let draft = self.path.with_extension("toml.new");
        std::fs::write(&draft, self.document.to_string())
            .and_then(|()| std::fs::rename(&draft, &self.path))
            .map_err(|error| {
                let tried = format!("write the settings file `{}`", self.path.display());
                CommandError::failed(tried, error)
            })
    }

    fn connections(&mut self) -> Result<&mut ArrayOfTables, CommandError> {
        self.document
            .entry("connections")
            .or_insert_with(|| Item::ArrayOfTables(ArrayOfTables::new()))
            .as_array_of_tables_mut()
            .ok_or_else(|| CommandError::failed("edit the settings", Fault::NotTables))
    }

    /// Shows the lines that differ, `-` before and `+` after.
    fn diff(&self) -> String {
        let after = self.document.to_string();
        let (old, new): (Vec<_>, Vec<_>) = (self.before.lines().collect(), after.lines().collect());
        let n_head = old.iter().zip(&new).take_while(|(a, b)| a == b).count();
        let (old, new) =
            (old.get(n_head..).unwrap_or_default(), new.get(n_head..).unwrap_or_default());
        let n_tail = old.iter().rev().zip(new.iter().rev()).take_while(|(a, b)| a == b).count();
        let gone = old.get(..old.len() - n_tail).unwrap_or_default();
        let come = new.get(..new.len() - n_tail).unwrap_or_default();
        let lines =
            gone.iter().map(|it| format!("- {it}")).chain(come.iter().map(|it| format!("+ {it}")));
        lines.collect::<Vec<_>>().join("\n")
    }
}

fn fill(table: &mut Table, section: &Section<'_>, auth: Table) {
    table.insert("login_url", value(section.login_url.as_str().trim_end_matches('/')));
    table.insert("auth", Item::Table(auth));
}

fn position(tables: &ArrayOfTables, name: &str) -> Option<usize> {
    tables.iter().position(|it| it.get("connection").and_then(Item::as_str) == Some(name))
}

fn kept_of(table: &Table) -> Option<Kept> {
    let auth = table.get("auth")?.as_table_like()?;
    let text = |name: &str| auth.get(name).and_then(Item::as_str);
    Some(Kept {
        login_url: Url::parse(table.get("login_url")?.as_str()?).ok()?,
        client_id: text("client_id")?.to_owned(),
        client_secret: text("client_secret").and_then(|it| SecretAddress::parse(it).ok()),
        refresh_token: SecretAddress::parse(text("refresh_token")?).ok()?,
    })
}
