//! Walks through a file: to see what would come of it, or to take it in.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use futures_util::TryStreamExt;
use shared::PortError;
use shared::ids::{ConnectionId, CorrelationId, EntityId};
use shared::model::RecordKey;
use shared::ports::{CaseStore, ImportTallies, ImportTally, ItemBatch, MatterImport, MatterItem};
use shared::sync::DigestSum;
use shared::time::Timestamp;
use sqlx::sqlite::SqliteRow;
use sqlx::{AssertSqlSafe, Row};

use super::case::{CaseRow, Stamp};
use super::error::ImportError;
use super::exhibit;
use super::file::{MatterFile, quoted};
use super::items::{Owner, item, source};
use super::layout::Layout;
use super::report::{CaseOutcome, FileReport, ProblemKind, TableReport};
use super::row::SourceRow;

/// Items of one transaction at most: with their audit row they are all of a usual matter.
const N_ITEMS: usize = 1_000;
/// The length of their details after which a transaction takes no more, in bytes.
const MAX_BYTES: usize = 4 * 1024 * 1024;

/// Where a matter is imported to.
#[derive(Clone)]
pub struct ImportStores {
    /// The cases.
    pub store: Arc<dyn CaseStore>,
    /// What hangs on them.
    pub imports: Arc<dyn MatterImport>,
}

/// How a matter is imported.
#[derive(Clone, Debug)]
pub struct ImportOptions {
    /// The connection that its records are named by.
    pub connection: ConnectionId,
    /// Where the files of the exhibits are, to be compared.
    pub exhibits: Option<PathBuf>,
    /// When.
    pub at: Timestamp,
    /// Ties together what one command does.
    pub correlation_id: CorrelationId,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Pass {
    Check,
    Import,
}

/// Reads all of `file`, and tells what [`import_file`] would do; nothing is written. Calls
/// `progress` with the rows read so far.
///
/// # Errors
///
/// [`ImportError`] when the file or the store cannot be read.
pub async fn check_file(
    file: &mut MatterFile,
    stores: &ImportStores,
    options: &ImportOptions,
    progress: &(dyn Fn(u64) + Send + Sync),
) -> Result<FileReport, ImportError> {
    walk(file, stores, options, Pass::Check, progress).await
}

/// Takes `file` in: its matter, then every row that can be taken; then reads back what stands.
///
/// # Errors
///
/// [`ImportError`]; what was committed before stays, and doing it again goes on.
pub async fn import_file(
    file: &mut MatterFile,
    stores: &ImportStores,
    options: &ImportOptions,
    progress: &(dyn Fn(u64) + Send + Sync),
) -> Result<FileReport, ImportError> {
    walk(file, stores, options, Pass::Import, progress).await
}

async fn walk(
    file: &mut MatterFile,
    stores: &ImportStores,
    options: &ImportOptions,
    pass: Pass,
    progress: &(dyn Fn(u64) + Send + Sync),
) -> Result<FileReport, ImportError> {
    let path = file.path.clone();
    let failed = |source: PortError| ImportError::Store { path: path.clone(), source };
    let key = file.case.key(&options.connection).map_err(|error| ImportError::UnusableCase {
        path: path.clone(),
        row: 1,
        fault: error.to_string(),
    })?;
    let stamp = stamp(file, options);
    let case = match pass {
        Pass::Check => file.case.compare(&*stores.store, &key).await,
        Pass::Import => file.case.apply(&*stores.store, &key, &stamp).await,
    };
    let mut report = begin(file, &key, case.map_err(failed)?);
    let mut taker = Taker {
        stores,
        pass,
        case_id: key.entity_id(),
        stamp,
        items: Vec::new(),
        n_bytes: 0,
        tallies: ImportTallies::new(),
        n_read: 0,
    };
    let owner = Owner { connection: key.connection.clone(), record: key.record_id.clone() };
    for place in 1..file.columns.len() {
        let table =
            walk_table(file, place, &owner, options, &mut taker, &mut report, progress).await?;
        report.tables.push(table);
    }
    taker.flush().await.map_err(failed)?;
    progress(taker.n_read);
    for table in report.tables.iter_mut().skip(1) {
        table.tally = taker.tallies.get(&source(&table.table)).copied().unwrap_or_default();
    }
    if pass == Pass::Import {
        read_back(stores, &key, &mut report).await.map_err(failed)?;
    }
    report.is_unchanged = file.is_unchanged().await?;
    Ok(report)
}

fn stamp(file: &MatterFile, options: &ImportOptions) -> Stamp {
    let mark = file.sha256.get(..32).unwrap_or(&file.sha256);
    Stamp {
        at: options.at,
        actor: format!("import:{}", options.connection),
        event_id: format!("file:{mark}"),
        correlation_id: options.correlation_id.clone(),
    }
}

fn begin(file: &MatterFile, key: &RecordKey, case: CaseOutcome) -> FileReport {
    let one = |is: CaseOutcome| u64::from(case == is);
    let tally = ImportTally {
        n_new: one(CaseOutcome::New),
        n_changed: one(CaseOutcome::Changed),
        n_same: one(CaseOutcome::Same),
    };
    let read = file.case.digest(key);
    let case_info = TableReport {
        table: "case_info".to_owned(),
        n_read: 1,
        n_refused: 0,
        tally,
        read,
        stored: None,
    };
    let mut report = FileReport {
        file: file.path.clone(),
        sha256: file.sha256.clone(),
        docket_number: file.case.docket_number.clone(),
        case_id: key.entity_id(),
        case,
        tables: vec![case_info],
        left_out: file.left_out.clone(),
        unknown_columns: file.unknown_columns.clone(),
        problems: Vec::new(),
        n_problems: 0,
        is_unchanged: true,
    };
    for what in &file.case.findings {
        report.tell(ProblemKind::Finding, "case_info", None, what.clone());
    }
    report
}

/// Reads what stands in the store beside what was read.
async fn read_back(
    stores: &ImportStores,
    key: &RecordKey,
    report: &mut FileReport,
) -> Result<(), PortError> {
    let mut stored = stores.imports.imported(&key.entity_id()).await?;
    let case = CaseRow::stored(&*stores.store, key).await?;
    for table in &mut report.tables {
        table.stored = Some(if table.table == "case_info" {
            case.clone()
        } else {
            let nothing = || DigestSum::default().finish();
            stored.remove(&source(&table.table)).unwrap_or_else(nothing)
        });
    }
    Ok(())
}

/// Gathers items, and hands them on in bounded batches.
struct Taker<'a> {
    stores: &'a ImportStores,
    pass: Pass,
    case_id: EntityId,
    stamp: Stamp,
    items: Vec<MatterItem>,
    n_bytes: usize,
    tallies: ImportTallies,
    n_read: u64,
}

impl Taker<'_> {
    async fn take(&mut self, item: MatterItem) -> Result<(), PortError> {
        self.n_bytes += item.details.as_str().len();
        self.items.push(item);
        if self.items.len() >= N_ITEMS || self.n_bytes > MAX_BYTES {
            self.flush().await?;
        }
        Ok(())
    }

    async fn flush(&mut self) -> Result<(), PortError> {
        if self.items.is_empty() {
            return Ok(());
        }
        self.n_bytes = 0;
        let batch = ItemBatch {
            case_id: self.case_id.clone(),
            items: std::mem::take(&mut self.items),
            actor: self.stamp.actor.clone(),
            event_id: self.stamp.event_id.clone(),
            correlation_id: self.stamp.correlation_id.clone(),
            received_at: self.stamp.at,
        };
        let tallies: BTreeMap<_, _> = match self.pass {
            Pass::Check => self.stores.imports.compare_items(&batch).await?,
            Pass::Import => self.stores.imports.import_items(&batch).await?,
        };
        for (source, tally) in tallies {
            self.tallies.entry(source).or_default().add(tally);
        }
        Ok(())
    }
}

async fn walk_table(
    file: &mut MatterFile,
    place: usize,
    owner: &Owner,
    options: &ImportOptions,
    taker: &mut Taker<'_>,
    report: &mut FileReport,
    progress: &(dyn Fn(u64) + Send + Sync),
) -> Result<TableReport, ImportError> {
    let MatterFile { path, connection, columns, .. } = file;
    let has_denials = columns.iter().any(|(layout, _)| layout.table == "placement_denials");
    let Some((layout, columns)) = columns.get(place) else {
        return Ok(empty("case_info"));
    };
    let mut table = empty(layout.table);
    let mut sum = DigestSum::default();
    let lacking = layout.needed.iter().find(|it| !columns.iter().any(|column| column == *it));
    if let Some(column) = lacking {
        let what = format!("the table has no column `{column}`: its rows cannot be taken");
        report.tell(ProblemKind::Refused, layout.table, None, what);
        table.n_refused = 1;
        return Ok(table);
    }
    let sql = select(layout, columns, has_denials);
    let mut rows = sqlx::query(AssertSqlSafe(sql)).fetch(connection);
    let mut last_id = None;
    loop {
        let next = rows.try_next().await;
        let next = next.map_err(|source| ImportError::Unreadable {
            path: path.clone(),
            table: layout.table.to_owned(),
            source,
        })?;
        let Some(row) = next else { break };
        taker.n_read += 1;
        if taker.n_read.is_multiple_of(1_000) {
            progress(taker.n_read);
        }
        let (id, taken) = take(&row, layout, columns, owner, last_id);
        last_id = id.or(last_id);
        let (item, mut row) = match taken {
            Ok(taken) => taken,
            Err(what) => {
                table.n_refused += 1;
                report.tell(ProblemKind::Refused, layout.table, id, what);
                continue;
            }
        };
        if let (Pass::Check, "exhibits", Some(folder)) =
            (taker.pass, layout.table, &options.exhibits)
        {
            row.findings.extend(exhibit::compare(folder, &row).await);
        }
        for what in row.findings {
            report.tell(ProblemKind::Finding, layout.table, id, what);
        }
        table.n_read += 1;
        sum.add_item(&item.source, &item.id, item.details.as_str());
        let taken = taker.take(item).await;
        taken.map_err(|source| ImportError::Store { path: path.clone(), source })?;
    }
    table.read = sum.finish();
    Ok(table)
}

fn empty(table: &str) -> TableReport {
    TableReport {
        table: table.to_owned(),
        n_read: 0,
        n_refused: 0,
        tally: ImportTally::default(),
        read: DigestSum::default().finish(),
        stored: None,
    }
}

/// Spells the query of a table: its columns, then whether the denial that a row names is there.
fn select(layout: &Layout, columns: &[String], has_denials: bool) -> String {
    let names: Vec<String> = columns.iter().map(|it| format!("t.{}", quoted(it))).collect();
    let names_denial = columns.iter().any(|it| it == "placement_denial_id");
    let is_linked = if has_denials && names_denial {
        "EXISTS (SELECT 1 FROM placement_denials AS d WHERE d.id = t.placement_denial_id)"
    } else {
        "0"
    };
    let (names, table) = (names.join(", "), layout.table);
    format!("SELECT {names}, {is_linked} FROM {table} AS t ORDER BY t.id")
}

/// Makes an item of a row; returns the `id` of the row where it has one.
fn take(
    row: &SqliteRow,
    layout: &Layout,
    columns: &[String],
    owner: &Owner,
    last_id: Option<i64>,
) -> (Option<i64>, Result<(MatterItem, SourceRow), String>) {
    // The number is read first, so that a row that cannot be read is named.
    let place = columns.iter().position(|it| it == "id");
    let id = place.and_then(|place| row.try_get::<Option<i64>, _>(place).ok().flatten());
    let Some(id) = id else {
        return (None, Err("`id` is not a whole number: give the row one".to_owned()));
    };
    if last_id == Some(id) {
        return (Some(id), Err("`id` stands twice: give the row another".to_owned()));
    }
    let is_linked = row.try_get_unchecked::<i64, _>(columns.len()).is_ok_and(|it| it == 1);
    let taken = SourceRow::read(row, columns).and_then(|mut row| {
        let item = item(owner, layout.table, id, &mut row, is_linked)?;
        Ok((item, row))
    });
    (Some(id), taken)
}
