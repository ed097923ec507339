//! The file: opened so that it is never written, and looked over.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sha2::{Digest, Sha256};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, SqliteConnection};

use super::case::CaseRow;
use super::error::ImportError;
use super::layout::{CASE_INFO, DEMO_DOCKET, ITEMS, LEFT_OUT, Layout, UNKNOWN};
use super::report::LeftOut;
use super::row::SourceRow;
use crate::store::hex;

/// How long a write of another process is waited for.
const PATIENCE: Duration = Duration::from_secs(5);

/// The database of an existing MoodBridge, in one snapshot.
pub struct MatterFile {
    pub(super) path: PathBuf,
    pub(super) sha256: String,
    pub(super) connection: SqliteConnection,
    /// The columns of each table that is imported, for those that are there.
    pub(super) columns: Vec<(&'static Layout, Vec<String>)>,
    /// The matter that the rows belong to.
    pub(super) case: CaseRow,
    pub(super) left_out: Vec<LeftOut>,
    pub(super) unknown_columns: Vec<String>,
}

impl MatterFile {
    /// Opens the file at `path` for reading alone, and finds its matter: the one with the docket
    /// number `docket`, else the only one beside the one that every new database comes with.
    ///
    /// # Errors
    ///
    /// [`ImportError`] when it cannot be read, or does not say which matter it is.
    pub async fn open(path: &Path, docket: Option<&str>) -> Result<Self, ImportError> {
        let sha256 = digest(path).await?;
        let options = options(path)?;
        let unreadable = |table: &str, source: sqlx::Error| {
            let journal = sidecar(path, "-journal");
            if std::fs::metadata(journal).is_ok_and(|it| it.len() > 0) {
                return ImportError::Unfinished { path: path.to_owned() };
            }
            ImportError::Unreadable { path: path.to_owned(), table: table.to_owned(), source }
        };
        let opened = options.connect().await;
        let mut connection = opened.map_err(|error| unreadable("sqlite_master", error))?;
        // Everything below is read from one state of the file.
        sqlx::raw_sql("BEGIN")
            .execute(&mut connection)
            .await
            .map_err(|error| unreadable("sqlite_master", error))?;
        let tables: Vec<String> = sqlx::query_scalar(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' \
             ESCAPE '\\' ORDER BY name",
        )
        .fetch_all(&mut connection)
        .await
        .map_err(|error| unreadable("sqlite_master", error))?;
        let (mut columns, mut left_out, mut unknown) = (Vec::new(), Vec::new(), Vec::new());
        static KNOWN: [&[Layout]; 2] = [&[CASE_INFO], &ITEMS];
        for layout in KNOWN.into_iter().flatten() {
            if tables.iter().any(|it| it == layout.table) {
                let names = column_names(&mut connection, layout.table).await;
                let names = names.map_err(|error| unreadable(layout.table, error))?;
                let odd = names.iter().filter(|it| !layout.knows(it));
                unknown.extend(odd.map(|it| format!("{}.{it}", layout.table)));
                columns.push((layout, names));
            }
        }
        for table in tables {
            if columns.iter().any(|(layout, _)| layout.table == table) {
                continue;
            }
            let why = LEFT_OUT.iter().find(|it| it.0 == table).map_or(UNKNOWN, |it| it.1);
            let n_rows = n_rows(&mut connection, &table).await;
            let n_rows = n_rows.map_err(|error| unreadable(&table, error))?;
            left_out.push(LeftOut { table, n_rows, why });
        }
        let case = find_case(path, &mut connection, &columns, docket).await?;
        let path = path.to_owned();
        let (case, others) = case;
        if others > 0 {
            let why = "another matter: the rows of the file belong to one alone";
            left_out.push(LeftOut { table: "case_info".to_owned(), n_rows: others, why });
        }
        Ok(Self { path, sha256, connection, columns, case, left_out, unknown_columns: unknown })
    }

    /// Returns the docket number of its matter.
    pub fn docket_number(&self) -> &str {
        &self.case.docket_number
    }

    /// Returns where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Tells whether the file still is what it was when it was opened.
    pub(super) async fn is_unchanged(&self) -> Result<bool, ImportError> {
        Ok(digest(&self.path).await? == self.sha256)
    }
}

/// Returns what to name a file beside `path`.
fn sidecar(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}

/// Reads the header, and chooses how to open the file without writing to it.
///
/// A file in WAL mode that has no log is opened by nobody: reading it as one that cannot change
/// keeps SQLite from making a log beside it. Source: SQLite, "Write-Ahead Logging", read-only
/// databases.
fn options(path: &Path) -> Result<SqliteConnectOptions, ImportError> {
    let mut header = [0_u8; 20];
    let read = std::fs::File::open(path).and_then(|mut file| file.read_exact(&mut header));
    match read {
        Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {}
        read => {
            read.map_err(|source| ImportError::File { path: path.to_owned(), source })?;
        }
    }
    let [magic @ .., _, _, writes_by, reads_by] = &header;
    if magic != b"SQLite format 3\0" {
        return Err(ImportError::NotDatabase { path: path.to_owned() });
    }
    let has_log = std::fs::metadata(sidecar(path, "-wal")).is_ok_and(|it| it.len() > 0);
    let is_alone = (*writes_by, *reads_by) == (2, 2) && !has_log;
    Ok(SqliteConnectOptions::new()
        .filename(path)
        .read_only(true)
        .immutable(is_alone)
        .busy_timeout(PATIENCE)
        .disable_statement_logging())
}

/// Returns the SHA-256 of the file at `path`.
pub(super) async fn digest(path: &Path) -> Result<String, ImportError> {
    let owned = path.to_owned();
    let digested = tokio::task::spawn_blocking(move || {
        let mut file = std::fs::File::open(owned)?;
        let mut hash = Sha256::new();
        let mut piece = vec![0; 64 * 1024];
        loop {
            match file.read(&mut piece)? {
                0 => return Ok(hex(&hash.finalize())),
                n => hash.update(piece.get(..n).unwrap_or_default()),
            }
        }
    });
    let digested = digested.await.unwrap_or_else(|error| Err(std::io::Error::other(error)));
    digested.map_err(|source| ImportError::File { path: path.to_owned(), source })
}

/// Writes a name so that it is one, whatever it holds.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

async fn column_names(
    connection: &mut SqliteConnection,
    table: &str,
) -> Result<Vec<String>, sqlx::Error> {
    sqlx::query_scalar("SELECT name FROM pragma_table_info(?1) ORDER BY cid")
        .bind(table)
        .fetch_all(connection)
        .await
}

async fn n_rows(connection: &mut SqliteConnection, table: &str) -> Result<u64, sqlx::Error> {
    let sql = AssertSqlSafe(format!("SELECT count(*) FROM {}", quoted(table)));
    let n_rows: i64 = sqlx::query_scalar(sql).fetch_one(connection).await?;
    Ok(n_rows.try_into().unwrap_or(0))
}

/// Matters of one file that are looked at.
const N_CASES: usize = 1_000;

/// Finds the matter of the file; returns it and how many other ones there are.
async fn find_case(
    path: &Path,
    connection: &mut SqliteConnection,
    columns: &[(&'static Layout, Vec<String>)],
    docket: Option<&str>,
) -> Result<(CaseRow, u64), ImportError> {
    let no_matter = || ImportError::NoMatter { path: path.to_owned() };
    let (_, columns) =
        columns.iter().find(|it| it.0.table == CASE_INFO.table).ok_or_else(no_matter)?;
    if CASE_INFO.needed.iter().any(|it| !columns.iter().any(|column| column == it)) {
        return Err(no_matter());
    }
    let names: Vec<String> = columns.iter().map(|it| quoted(it)).collect();
    let sql = format!("SELECT {} FROM case_info ORDER BY id LIMIT {N_CASES}", names.join(", "));
    let rows = sqlx::query(AssertSqlSafe(sql)).fetch_all(connection).await;
    let rows = rows.map_err(|source| ImportError::Unreadable {
        path: path.to_owned(),
        table: CASE_INFO.table.to_owned(),
        source,
    })?;
    let mut cases = Vec::new();
    for (row, number) in rows.iter().zip(1..) {
        let unusable =
            |fault| ImportError::UnusableCase { path: path.to_owned(), row: number, fault };
        let row = SourceRow::read(row, columns).map_err(unusable)?;
        cases.push(CaseRow::read(&row).map_err(unusable)?);
    }
    if cases.is_empty() {
        return Err(no_matter());
    }
    let n_all = cases.len();
    let wanted = |it: &CaseRow| match docket {
        Some(docket) => it.docket_number == docket,
        None => n_all == 1 || it.docket_number != DEMO_DOCKET,
    };
    let dockets: Vec<String> = cases.iter().map(|it| format!("`{}`", it.docket_number)).collect();
    let mut found = cases.into_iter().filter(wanted);
    match (found.next(), found.next()) {
        (Some(case), None) => Ok((case, n_all.saturating_sub(1).try_into().unwrap_or(0))),
        _ => {
            let dockets = dockets.join(", ");
            Err(ImportError::ManyMatters { path: path.to_owned(), dockets })
        }
    }
}
