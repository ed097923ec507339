//! Snowflake as a warehouse.

use std::sync::Arc;
use std::time::Duration;

use adapter_http::{HttpClient, HttpSettings};
use async_trait::async_trait;
use futures_util::stream::{self, StreamExt, TryStreamExt};
use shared::platform::{OpenError, Surroundings};
use shared::ports::warehouse::{
    Column, FileFault, Load, LoadReport, Merge, MergeReport, Patience, Progress, Rows, Sending,
    Statement, StatementHandle, Step, Warehouse, WarehouseValue, query,
};
use shared::ports::{Clock, Secrets};
use shared::worker::breaker::BreakerBoard;
use shared::{PortError, PortErrorKind};

use crate::PLATFORM;
use crate::answer::{Ended, RawRow};
use crate::cell::read_row;
use crate::client::{Look, SnowflakeClient};
use crate::merge::{Bound, Bounds, RowsWithoutKey};
use crate::settings::SnowflakeSettings;
use crate::{copy, merge};

/// How long a merge waits for the look at its rows, which reads two columns of one batch.
const LOOK_PATIENCE: Patience = Patience(Duration::from_secs(20));

/// How soon a merge whose look was not done is begun again.
const LOOK_RETRY: Duration = Duration::from_secs(5);

/// One account of Snowflake.
#[derive(Clone, Debug)]
pub struct SnowflakeWarehouse {
    client: Arc<SnowflakeClient>,
}

impl SnowflakeWarehouse {
    /// Speaks to the account of `settings` through `http`; nothing is called yet.
    pub fn new(
        settings: SnowflakeSettings,
        http: HttpClient,
        secrets: Arc<dyn Secrets>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { client: Arc::new(SnowflakeClient::new(settings, http, secrets, clock)) }
    }

    /// Opens the connection that `settings` describe: its breakers are shared with every process, and
    /// its calls told on, as its surroundings say. Nothing is called yet.
    ///
    /// # Errors
    ///
    /// [`OpenError`] when this machine's TLS set-up is not usable.
    pub fn open(
        settings: SnowflakeSettings,
        surroundings: &Surroundings,
    ) -> Result<Self, OpenError> {
        let connection = settings.connection.clone();
        let http = HttpClient::within(surroundings, HttpSettings::default())
            .map_err(|source| OpenError::Unusable { connection, source })?;
        let Surroundings { secrets, clock, random, ledger, .. } = surroundings.clone();
        let http = match ledger {
            Some(ledger) => {
                let board = BreakerBoard::new(ledger, clock.clone(), &*random);
                http.with_shared_breakers(Arc::new(board))
            }
            None => http,
        };
        Ok(Self::new(settings, http, secrets, clock))
    }

    /// Counts the rows to merge and finds their bounds.
    async fn look_at(&self, merge: &Merge) -> Result<Bounds, PortError> {
        let Bound { text, binds } = merge::look(merge);
        let id = merge.id().part("look");
        let statement = Statement { binds, ..Statement::new(id, text) }
            .sent(merge.sending)
            .with_timeout(merge.timeout);
        let error = |kind| {
            PortError::new(kind, PLATFORM, "look at rows to merge", merge.staging().to_string())
        };
        let Step::Done(rows) = query(self, &statement, LOOK_PATIENCE).await? else {
            return Err(error(PortErrorKind::Unavailable)
                .with_source("the warehouse has not answered yet: begin the merge again")
                .with_retry_after(LOOK_RETRY));
        };
        let Rows { columns, mut rows, .. } = rows;
        let row = rows.try_next().await?.unwrap_or_default();
        merge::bounds(&columns, &row).ok_or_else(|| {
            error(PortErrorKind::Rejected).with_source("the answer is not four values")
        })
    }

    async fn begin_merge(&self, merge: &Merge) -> Result<Option<StatementHandle>, PortError> {
        let bounds = self.look_at(merge).await?;
        if bounds.n_without_key > 0 {
            let (staging, n_rows) = (merge.staging().to_string(), bounds.n_without_key);
            let names = merge.key().iter().map(ToString::to_string).collect::<Vec<_>>();
            let columns = names.join(", ");
            let table = staging.clone();
            return Err(PortError::new(PortErrorKind::Rejected, PLATFORM, "merge", staging)
                .with_source(RowsWithoutKey { n_rows, table, columns }));
        }
        if bounds.n_rows == 0 {
            return Ok(None);
        }
        let Bound { text, binds } = merge::statement(merge, &bounds);
        let statement = Statement { binds, ..Statement::new(merge.id().clone(), text) }
            .sent(merge.sending)
            .with_timeout(merge.timeout);
        let purpose = format!("op=merge;table={}", merge.target());
        self.client.submit(&statement, &purpose).await.map(Some)
    }

    async fn begin_load(&self, load: &Load) -> Result<StatementHandle, PortError> {
        let text = copy::statement(load, self.client.settings()).map_err(|error| {
            let table = load.target().to_string();
            PortError::new(PortErrorKind::Rejected, PLATFORM, "load", table).with_source(error)
        })?;
        let statement =
            Statement::new(load.id().clone(), text).sent(load.sending).with_timeout(load.timeout);
        self.client.submit(&statement, &format!("op=load;table={}", load.target())).await
    }
}

#[async_trait]
impl Warehouse for SnowflakeWarehouse {
    async fn submit(&self, statement: &Statement) -> Result<StatementHandle, PortError> {
        self.client.submit(statement, "op=statement").await
    }

    async fn poll(&self, handle: &StatementHandle) -> Result<Progress, PortError> {
        Ok(match self.client.look(handle).await? {
            Look::Running => Progress::Running,
            Look::Ended(ended) => Progress::Done(ended.summary()),
        })
    }

    async fn rows(&self, handle: &StatementHandle) -> Result<Rows, PortError> {
        match self.client.look(handle).await? {
            Look::Ended(ended) => Ok(rows_of(self.client.clone(), handle.clone(), ended)),
            Look::Running => {
                let handle = handle.as_str();
                Err(PortError::new(PortErrorKind::Conflict, PLATFORM, "read rows", handle)
                    .with_source("the statement runs still"))
            }
        }
    }

    async fn cancel(&self, handle: &StatementHandle) -> Result<(), PortError> {
        self.client.cancel(handle).await
    }

    async fn load(
        &self,
        load: &Load,
        begun: Option<&StatementHandle>,
    ) -> Result<Step<LoadReport>, PortError> {
        if load.files().is_empty() {
            return Ok(Step::Done(LoadReport::default()));
        }
        let Some(handle) = begun else {
            return self.begin_load(load).await.map(Step::Running);
        };
        match self.client.look_or_refusal(handle).await? {
            Ok(Look::Running) => Ok(Step::Running(handle.clone())),
            Ok(Look::Ended(ended)) => copy::report(load, &ended).map(Step::Done).map_err(|error| {
                let table = load.target().to_string();
                PortError::new(PortErrorKind::Rejected, PLATFORM, "load", table).with_source(error)
            }),
            Err((error, refused)) => Err(match copy::fault_in(&refused.message) {
                Some(fault) => {
                    let table = load.target().to_string();
                    PortError::new(error.kind(), PLATFORM, "load", table).with_source(fault)
                }
                None => error,
            }),
        }
    }

    async fn rejected_rows(
        &self,
        load: &Load,
        begun: &StatementHandle,
        limit: u32,
    ) -> Result<Vec<FileFault>, PortError> {
        let error =
            |kind| PortError::new(kind, PLATFORM, "list rejected rows", load.target().to_string());
        let id = load.id().part(&format!("rejected of {begun}"));
        let statement = Statement::new(id, copy::rejected(load, begun, limit)).sent(Sending::Again);
        let Step::Done(Rows { mut rows, .. }) = query(self, &statement, LOOK_PATIENCE).await?
        else {
            return Err(error(PortErrorKind::Unavailable)
                .with_source("the warehouse has not answered yet: ask again")
                .with_retry_after(LOOK_RETRY));
        };
        let mut rejected = Vec::new();
        while let Some(row) = rows.try_next().await? {
            rejected.push(copy::rejected_row(&row).ok_or_else(|| {
                error(PortErrorKind::Rejected).with_source("the answer is not rows of errors")
            })?);
        }
        Ok(rejected)
    }

    async fn merge(
        &self,
        merge: &Merge,
        begun: Option<&StatementHandle>,
    ) -> Result<Step<MergeReport>, PortError> {
        let Some(handle) = begun else {
            return Ok(match self.begin_merge(merge).await? {
                Some(handle) => Step::Running(handle),
                None => Step::Done(MergeReport::default()),
            });
        };
        Ok(match self.client.look(handle).await? {
            Look::Running => Step::Running(handle.clone()),
            Look::Ended(ended) => Step::Done(merge_report(&ended)),
        })
    }
}

/// Reads the counts of a merge: its row has them, and the statistics where anything changed.
fn merge_report(ended: &Ended) -> MergeReport {
    let count = |column: &str| {
        let cell = ended.place(column).and_then(|idx| ended.data.first()?.get(idx)?.as_deref());
        cell.and_then(|it| it.parse::<u64>().ok())
    };
    let summary = ended.summary();
    MergeReport {
        n_inserted: count("number of rows inserted").unwrap_or(summary.n_inserted),
        n_updated: count("number of rows updated").unwrap_or(summary.n_updated),
    }
}

/// Reads one part of the rows after the other, each when the one before is used up.
fn rows_of(client: Arc<SnowflakeClient>, handle: StatementHandle, ended: Ended) -> Rows {
    let meta = &ended.result_set_meta_data;
    let (columns, n_rows, parts) = (meta.columns(), meta.num_rows, meta.parts());
    let first = stream::iter([Ok::<_, PortError>((0, ended.data))]);
    let further = stream::iter(1..parts.len().max(1)).then({
        let handle = handle.clone();
        move |number| {
            let (client, handle) = (client.clone(), handle.clone());
            async move { client.partition(&handle, number).await.map(|it| (number, it.data)) }
        }
    });
    let read = {
        let columns = columns.clone();
        move |(number, data): (usize, Vec<RawRow>)| {
            let expected = parts.get(number).copied();
            rows_of_part(&handle, (number, expected), data, columns.clone())
        }
    };
    let rows = first.chain(further).map_ok(read).try_flatten();
    Rows { columns, n_rows, rows: Box::pin(until_error(rows)) }
}

/// Types the rows of one part, which must be as many as were announced.
fn rows_of_part(
    handle: &StatementHandle,
    (number, expected): (usize, Option<u64>),
    data: Vec<RawRow>,
    columns: Arc<[Column]>,
) -> impl futures_util::Stream<Item = Result<Vec<WarehouseValue>, PortError>> + Send + use<> {
    let handle = handle.clone();
    let n_found = u64::try_from(data.len()).unwrap_or(u64::MAX);
    let short = expected.filter(|it| *it != n_found).map(|expected| {
        let cause = format!("part {number} has {n_found} rows instead of {expected}");
        Err(PortError::new(PortErrorKind::Unavailable, PLATFORM, "read rows", handle.as_str())
            .with_source(cause))
    });
    let data = if short.is_some() { Vec::new() } else { data };
    let rows = data.into_iter().enumerate().map(move |(row_idx, raw)| {
        read_row(row_idx, raw, &columns).map_err(|error| {
            PortError::new(PortErrorKind::Rejected, PLATFORM, "read rows", handle.as_str())
                .with_source(error)
        })
    });
    stream::iter(short.into_iter().chain(rows))
}

/// Ends a stream with its first error.
fn until_error<T: Send>(
    rows: impl futures_util::Stream<Item = Result<T, PortError>> + Send,
) -> impl futures_util::Stream<Item = Result<T, PortError>> + Send {
    rows.scan(false, |is_over, row| {
        let next = (!*is_over).then_some(());
        *is_over |= row.is_err();
        std::future::ready(next.map(|()| row))
    })
}
