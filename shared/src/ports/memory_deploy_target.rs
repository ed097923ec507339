//! Functions of a cloud in the memory of this process, for tests.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use crate::error::{PortError, PortErrorKind};
use crate::ports::{
    Alarm, CheckAnswer, DeployTarget, DeployedFunction, Digest, NewRoute, PublishedVersion, Route,
    VersionNumber, VersionRuns,
};
use crate::time::Timestamp;

/// Functions, alarms and what versions say, all in memory. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct MemoryDeployTarget {
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    functions: BTreeMap<String, DeployedFunction>,
    alarms: BTreeMap<String, Alarm>,
    broken: BTreeSet<Digest>,
    runs: BTreeMap<(String, VersionNumber), VersionRuns>,
    n_revisions: u64,
    /// After so many changes of routes, each further one fails.
    n_routes_left: Option<u32>,
}

impl MemoryDeployTarget {
    /// Makes a function whose version 1 has the code `archive` and is called.
    pub fn add_function(&self, name: &str, archive: &[u8]) {
        let digest = Digest::of(archive);
        let route = Route { live: 1, next: None, note: String::new(), revision: "0".to_owned() };
        let function = DeployedFunction {
            name: name.to_owned(),
            newest_code: digest.clone(),
            versions: vec![PublishedVersion { number: 1, digest }],
            route: Some(route),
        };
        self.state().functions.insert(name.to_owned(), function);
    }

    /// Sets an alarm, of `function` or of the whole deployment.
    pub fn set_alarm(&self, name: &str, function: Option<&str>, is_raised: bool) {
        let alarm = Alarm {
            name: name.to_owned(),
            function: function.map(str::to_owned),
            is_raised,
            reason: "set by a test".to_owned(),
        };
        self.state().alarms.insert(name.to_owned(), alarm);
    }

    /// Has every version of the code `archive` fail its check.
    pub fn break_code(&self, archive: &[u8]) {
        self.state().broken.insert(Digest::of(archive));
    }

    /// Sets how a version fared.
    pub fn set_runs(&self, function: &str, version: VersionNumber, runs: VersionRuns) {
        self.state().runs.insert((function.to_owned(), version), runs);
    }

    /// Lets only `n_left` more changes of routes succeed; all when it is none.
    pub fn limit_routes(&self, n_left: Option<u32>) {
        self.state().n_routes_left = n_left;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn fault(kind: PortErrorKind, operation: &'static str, function: &str) -> PortError {
    PortError::new(kind, "memory", operation, function)
}

impl State {
    fn function(
        &mut self,
        name: &str,
        operation: &'static str,
    ) -> Result<&mut DeployedFunction, PortError> {
        let found = self.functions.get_mut(name);
        found.ok_or_else(|| fault(PortErrorKind::NotFound, operation, name))
    }
}

#[async_trait]
impl DeployTarget for MemoryDeployTarget {
    async fn functions(&self) -> Result<Vec<DeployedFunction>, PortError> {
        Ok(self.state().functions.values().cloned().collect())
    }

    async fn upload(
        &self,
        function: &str,
        digest: &Digest,
        archive: Vec<u8>,
    ) -> Result<(), PortError> {
        if Digest::of(&archive) != *digest {
            return Err(fault(PortErrorKind::Rejected, "upload", function));
        }
        self.state().function(function, "upload")?.newest_code = digest.clone();
        Ok(())
    }

    async fn publish(&self, function: &str, digest: &Digest) -> Result<VersionNumber, PortError> {
        let mut state = self.state();
        let found = state.function(function, "publish")?;
        if found.newest_code != *digest {
            return Err(fault(PortErrorKind::Conflict, "publish", function));
        }
        let newest = found.versions.last();
        if let Some(newest) = newest.filter(|it| it.digest == *digest) {
            return Ok(newest.number);
        }
        let number = newest.map_or(1, |it| it.number + 1);
        found.versions.push(PublishedVersion { number, digest: digest.clone() });
        Ok(number)
    }

    async fn route(
        &self,
        function: &str,
        route: &NewRoute,
        revision: &str,
    ) -> Result<String, PortError> {
        let mut state = self.state();
        if state.n_routes_left == Some(0) {
            return Err(fault(PortErrorKind::Unavailable, "route", function));
        }
        state.n_revisions += 1;
        let next_revision = state.n_revisions.to_string();
        let found = state.function(function, "route")?;
        let known: Vec<_> = found.versions.iter().map(|it| it.number).collect();
        let mut wanted = std::iter::once(route.live).chain(route.next.map(|(version, _)| version));
        if !wanted.all(|it| known.contains(&it)) {
            return Err(fault(PortErrorKind::NotFound, "route", function));
        }
        let missing = || fault(PortErrorKind::NotFound, "route", function);
        let present = found.route.as_mut().ok_or_else(missing)?;
        if present.revision != revision {
            return Err(fault(PortErrorKind::Conflict, "route", function));
        }
        let NewRoute { live, next, note } = route.clone();
        *present = Route { live, next, note, revision: next_revision.clone() };
        state.n_routes_left = state.n_routes_left.map(|it| it - 1);
        Ok(next_revision)
    }

    async fn alarms(&self) -> Result<Vec<Alarm>, PortError> {
        Ok(self.state().alarms.values().cloned().collect())
    }

    async fn runs(
        &self,
        function: &str,
        version: VersionNumber,
        _since: Timestamp,
    ) -> Result<VersionRuns, PortError> {
        let key = (function.to_owned(), version);
        Ok(self.state().runs.get(&key).copied().unwrap_or_default())
    }

    async fn check(
        &self,
        function: &str,
        version: VersionNumber,
    ) -> Result<CheckAnswer, PortError> {
        let mut state = self.state();
        let found = state.function(function, "check")?;
        let missing = || fault(PortErrorKind::NotFound, "check", function);
        let digest = found.digest_of(version).cloned().ok_or_else(missing)?;
        Ok(match state.broken.contains(&digest) {
            true => CheckAnswer::Broken("it was broken by a test".to_owned()),
            false => CheckAnswer::Sound { function: function.to_owned() },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::deploy_target_contract::deploy_target_contract;

    #[tokio::test]
    async fn memory_keeps_the_contract() {
        let target = MemoryDeployTarget::default();
        target.add_function("worker", b"first");
        deploy_target_contract(&target, "worker", b"second".to_vec()).await;
    }
}
