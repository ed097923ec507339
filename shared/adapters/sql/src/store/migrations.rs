//! How far the tables of a case store have come.

use sqlx::migrate::Migrator;

/// Where one migration stands in one file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MigrationState {
    /// It was applied as this build knows it.
    Applied,
    /// It is yet to be applied.
    Pending,
    /// It was applied with other text: another build made these tables.
    Altered,
    /// It was applied by a newer build; this one does not know it.
    Unknown,
}

impl MigrationState {
    /// Returns the name used in lists.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Applied => "applied",
            Self::Pending => "pending",
            Self::Altered => "altered",
            Self::Unknown => "unknown",
        }
    }
}

/// One migration and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MigrationStatus {
    /// Its number.
    pub version: i64,
    /// What it is about.
    pub description: String,
    /// The SHA-384 of its text, in lower-case hex: the applied one's, else that of this build.
    pub checksum: String,
    /// Where it stands.
    pub state: MigrationState,
}

impl MigrationStatus {
    /// Reads a row of the table of applied migrations: version, description, checksum.
    pub(super) fn applied((version, description, checksum): (i64, String, Vec<u8>)) -> Self {
        let state = MigrationState::Unknown;
        Self { version, description, checksum: hex(&checksum), state }
    }
}

/// Lists every migration of `migrator` and of `applied`, and where it stands.
pub(super) fn compare(migrator: &Migrator, applied: Vec<MigrationStatus>) -> Vec<MigrationStatus> {
    let mut list: Vec<_> = migrator
        .iter()
        .filter(|it| !it.migration_type.is_down_migration())
        .map(|known| {
            let stored = applied.iter().find(|it| it.version == known.version);
            let checksum = hex(&known.checksum);
            let state = match stored {
                None => MigrationState::Pending,
                Some(stored) if stored.checksum == checksum => MigrationState::Applied,
                Some(_) => MigrationState::Altered,
            };
            MigrationStatus {
                version: known.version,
                description: known.description.to_string(),
                checksum: stored.map_or(checksum, |it| it.checksum.clone()),
                state,
            }
        })
        .collect();
    list.extend(applied.into_iter().filter(|it| !migrator.version_exists(it.version)));
    list.sort_by_key(|it| it.version);
    list
}

/// Writes `bytes` in lower-case hex.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
