//! What is known of each operation, and who is told of calls.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use shared::ports::{CallObserver, Clock, SystemClock};
use shared::time::Timestamp;
use shared::worker::breaker::{Breaker, BreakerBoard, BreakerName, BreakerSettings};

use super::name::{CallName, DYNAMODB};

/// Watches over the calls of an account. Clones watch together: make one a process.
#[derive(Clone)]
pub struct CallGuard {
    inner: Arc<Inner>,
}

struct Inner {
    settings: BreakerSettings,
    clock: Arc<dyn Clock>,
    operations: Mutex<HashMap<CallName, Arc<Operation>>>,
    hooks: RwLock<Hooks>,
}

/// What is told of calls, and to whom.
#[derive(Clone, Default)]
pub(super) struct Hooks {
    pub(super) observer: Option<Arc<dyn CallObserver>>,
    board: Option<Arc<BreakerBoard>>,
}

/// One operation of one service at one host.
pub(super) struct Operation {
    pub(super) breaker: Arc<Breaker>,
    /// AWS asked not to be called before.
    not_before: Mutex<Option<Timestamp>>,
}

impl Default for CallGuard {
    fn default() -> Self {
        Self::new(BreakerSettings::default(), Arc::new(SystemClock))
    }
}

impl CallGuard {
    /// Opens breakers as `settings` say. They are known to this process alone at first.
    pub fn new(settings: BreakerSettings, clock: Arc<dyn Clock>) -> Self {
        let (operations, hooks) = (Mutex::default(), RwLock::default());
        Self { inner: Arc::new(Inner { settings, clock, operations, hooks }) }
    }

    /// Tells `observer` of every attempt from now on.
    pub fn observe(&self, observer: Arc<dyn CallObserver>) {
        self.inner.hooks.write().unwrap_or_else(PoisonError::into_inner).observer = Some(observer);
    }

    /// Shares breakers with the other processes from now on.
    ///
    /// Those of `DynamoDB` stay with this process: the board's own ledger may lie there, and a breaker
    /// must not wait for what it stands before.
    pub fn share_breakers(&self, board: Arc<BreakerBoard>) {
        self.inner.hooks.write().unwrap_or_else(PoisonError::into_inner).board = Some(board);
    }

    pub(super) fn clock(&self) -> &Arc<dyn Clock> {
        &self.inner.clock
    }

    pub(super) fn hooks(&self) -> Hooks {
        self.inner.hooks.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Returns what is known of `name`; at the first call, nothing.
    pub(super) fn operation(&self, name: &CallName) -> Arc<Operation> {
        let mut operations = self.inner.operations.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = operations.get(name) {
            return Arc::clone(known);
        }
        let breaker = BreakerName {
            platform: name.platform.to_owned(),
            host: name.host.clone(),
            operation: name.operation.to_owned(),
        };
        let breaker = Arc::new(Breaker::new(breaker, self.inner.settings));
        let operation = Arc::new(Operation { breaker, not_before: Mutex::default() });
        operations.insert(name.clone(), Arc::clone(&operation));
        operation
    }
}

impl Hooks {
    /// The board of shared breakers, where calls of `name` may use it.
    pub(super) fn board(&self, name: &CallName) -> Option<&BreakerBoard> {
        self.board.as_deref().filter(|_| name.platform != DYNAMODB)
    }
}

impl Operation {
    /// Notes that AWS asked to wait.
    pub(super) fn wait_until(&self, then: Timestamp) {
        *self.not_before() = Some(then);
    }

    /// How long AWS asked to wait from `now` on.
    pub(super) fn asked_to_wait(&self, now: Timestamp) -> Option<Duration> {
        let mut not_before = self.not_before();
        let left = not_before.map(|it| it.since(now)).filter(|it| !it.is_zero());
        if left.is_none() {
            *not_before = None;
        }
        left
    }

    fn not_before(&self) -> MutexGuard<'_, Option<Timestamp>> {
        self.not_before.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for CallGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallGuard").field("settings", &self.inner.settings).finish_non_exhaustive()
    }
}
