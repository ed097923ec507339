//! A warehouse and a ledger between which the process can be killed.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use shared::ports::warehouse::{
    FileFault, Load, LoadReport, Merge, MergeReport, Progress, Rows, Statement, StatementHandle,
    Step, Warehouse,
};
use shared::ports::{Ledger, LedgerEntry};
use shared::{PortError, PortErrorKind};

/// When the process ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Blow {
    /// Before that call.
    Before,
    /// After it: it was done, and nobody heard.
    After,
}

/// Which loads a process does not live to hear of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Deaf {
    /// None but those behind its end.
    Never,
    /// Those that it waits for.
    ToAnswers,
    /// All of them: none is begun.
    ToLoads,
}

/// The life of a process: it ends at one call, and from then on there is none.
pub(crate) struct Life {
    blow: (u64, Blow),
    deaf: Deaf,
    n_calls: AtomicU64,
}

fn dead() -> PortError {
    PortError::new(PortErrorKind::Unavailable, "life", "live", "on")
}

impl Life {
    pub(crate) fn until(number: u64, blow: Blow) -> Arc<Self> {
        Arc::new(Self { blow: (number, blow), deaf: Deaf::Never, n_calls: AtomicU64::new(0) })
    }

    /// Ends at the first load that it is deaf to.
    pub(crate) fn deaf(deaf: Deaf) -> Arc<Self> {
        let blow = (u64::MAX, Blow::Before);
        Arc::new(Self { blow, deaf, n_calls: AtomicU64::new(0) })
    }

    pub(crate) fn is_over(&self) -> bool {
        self.n_calls.load(Ordering::SeqCst) >= self.blow.0
    }

    async fn call<T>(
        &self,
        act: impl Future<Output = Result<T, PortError>> + Send,
    ) -> Result<T, PortError> {
        let number = self.n_calls.fetch_add(1, Ordering::SeqCst) + 1;
        match self.blow {
            (last, _) if number > last => Err(dead()),
            (last, Blow::Before) if number == last => Err(dead()),
            (last, Blow::After) if number == last => {
                let _ = act.await;
                Err(dead())
            }
            _ => act.await,
        }
    }
}

pub(crate) struct Fragile<T: ?Sized>(pub(crate) Arc<Life>, pub(crate) Arc<T>);

#[async_trait]
impl Ledger for Fragile<dyn Ledger> {
    async fn get(&self, name: &str) -> Result<Option<LedgerEntry>, PortError> {
        self.0.call(self.1.get(name)).await
    }

    async fn put(&self, name: &str, value: &str, revision: u64) -> Result<u64, PortError> {
        self.0.call(self.1.put(name, value, revision)).await
    }

    async fn list(&self, prefix: &str) -> Result<Vec<(String, LedgerEntry)>, PortError> {
        self.0.call(self.1.list(prefix)).await
    }
}

#[async_trait]
impl Warehouse for Fragile<dyn Warehouse> {
    async fn submit(&self, statement: &Statement) -> Result<StatementHandle, PortError> {
        self.0.call(self.1.submit(statement)).await
    }

    async fn poll(&self, handle: &StatementHandle) -> Result<Progress, PortError> {
        self.0.call(self.1.poll(handle)).await
    }

    async fn rows(&self, handle: &StatementHandle) -> Result<Rows, PortError> {
        self.0.call(self.1.rows(handle)).await
    }

    async fn cancel(&self, handle: &StatementHandle) -> Result<(), PortError> {
        self.0.call(self.1.cancel(handle)).await
    }

    async fn load(
        &self,
        load: &Load,
        begun: Option<&StatementHandle>,
    ) -> Result<Step<LoadReport>, PortError> {
        match self.0.deaf {
            Deaf::ToLoads => return Err(dead()),
            Deaf::ToAnswers if begun.is_some() => return Err(dead()),
            _ => {}
        }
        self.0.call(self.1.load(load, begun)).await
    }

    async fn rejected_rows(
        &self,
        load: &Load,
        begun: &StatementHandle,
        limit: u32,
    ) -> Result<Vec<FileFault>, PortError> {
        self.0.call(self.1.rejected_rows(load, begun, limit)).await
    }

    async fn merge(
        &self,
        merge: &Merge,
        begun: Option<&StatementHandle>,
    ) -> Result<Step<MergeReport>, PortError> {
        self.0.call(self.1.merge(merge, begun)).await
    }
}
