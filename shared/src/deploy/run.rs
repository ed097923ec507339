//! Carries a plan out.

use std::time::Duration;

use super::note::{Note, NoteKind};
use super::pace::Pace;
use super::packages::{Package, PackageError};
use super::plan::{Plan, PlannedFunction, Task};
use super::progress::{Line, Outcome, Progress, Report};
use super::rollback::take_back;
use crate::error::{PortError, PortErrorKind, chain};
use crate::ports::{
    Alarm, CheckAnswer, Clock, DeployTarget, DeployedFunction, NewRoute, VersionNumber, VersionRuns,
};
use crate::time::Timestamp;

/// Failed calls of a new version, in percent of all its calls, beyond which it is taken back. A
/// platform's own trouble fails a call now and then.
const MAX_FAILED_PERCENT: u64 = 1;

/// Why a deployment ended before anything was moved.
#[derive(Debug, thiserror::Error)]
pub enum DeployError {
    /// Alarms sound already: nobody could tell whether the new code is to blame.
    #[error(
        "alarms sound already: {names}; put that right first, or name each by `--ignore-alarm`"
    )]
    AlarmsRaised {
        /// Their names.
        names: String,
    },
    /// A package cannot be read any more.
    #[error("the package of `{function}` cannot be used")]
    Package {
        /// The function.
        function: String,
        /// Why not.
        source: PackageError,
    },
    /// The cloud did not do what it was asked. Nothing was moved.
    #[error("`{function}` could not be made ready; nothing was moved")]
    Platform {
        /// The function.
        function: String,
        /// Why not.
        source: PortError,
    },
    /// The alarms could not be read. Nothing was moved.
    #[error("the alarms could not be read; nothing was moved")]
    Alarms(#[source] PortError),
}

/// What went wrong after it began.
#[derive(Debug, thiserror::Error)]
enum Trouble {
    #[error("alarm `{name}` sounds: {reason}")]
    Alarm { name: String, reason: String },
    #[error("version {version} of `{function}` is not sound: {reason}")]
    Broken { function: String, version: VersionNumber, reason: String },
    #[error(
        "version {version} of `{function}` failed {} of {} calls", .runs.n_failed, .runs.n_runs
    )]
    Failing { function: String, version: VersionNumber, runs: VersionRuns },
    #[error("{0}")]
    Platform(String),
    /// Somebody else moves the route: whoever that is decides.
    #[error("somebody else has moved `{function}` meanwhile")]
    Moved { function: String },
}

/// A function on its way.
struct OnTheWay {
    function: String,
    before: VersionNumber,
    version: VersionNumber,
    percent: u8,
}

/// Deploys to one target.
pub struct Deployer<'a> {
    target: &'a dyn DeployTarget,
    clock: &'a dyn Clock,
    pace: Pace,
    tell: &'a (dyn Fn(&Progress) + Send + Sync),
}

impl<'a> Deployer<'a> {
    /// Deploys to `target` at this pace, and tells what it does.
    pub fn new(
        target: &'a dyn DeployTarget,
        clock: &'a dyn Clock,
        pace: Pace,
        tell: &'a (dyn Fn(&Progress) + Send + Sync),
    ) -> Self {
        Self { target, clock, pace, tell }
    }

    /// Does what `plan` says with `packages`.
    ///
    /// When the future is dropped, or the process dies, everything stays as it is: the same packages
    /// go on from there, and a rollback takes it back.
    ///
    /// # Errors
    ///
    /// [`DeployError`] when it ended before anything was moved by this run. What goes wrong later is
    /// an outcome.
    pub async fn run(&self, plan: &Plan, packages: &[Package]) -> Result<Report, DeployError> {
        let changed: Vec<_> = plan.functions.iter().filter(|it| it.task != Task::Nothing).collect();
        if changed.is_empty() {
            return Ok(report(None, Outcome::NothingToDo, None, Vec::new()));
        }
        self.refuse_raised_alarms(&changed).await?;
        let mut on_the_way = Vec::with_capacity(changed.len());
        for planned in changed {
            on_the_way.push(self.make_ready(planned, packages).await?);
        }
        let lines = lines(plan, &on_the_way);
        let deployment = Some(plan.deployment.clone());
        let went = match self.check(&on_the_way).await {
            Ok(()) => self.shift(&plan.deployment, &mut on_the_way).await,
            Err(trouble) if plan.is_continued => Err(trouble),
            Err(trouble) => {
                let reason = Some(trouble.to_string());
                return Ok(report(deployment, Outcome::NotBegun, reason, lines));
            }
        };
        let Err(trouble) = went else {
            return Ok(report(deployment, Outcome::Deployed, None, lines));
        };
        let reason = trouble.to_string();
        if matches!(trouble, Trouble::Moved { .. }) {
            return Ok(report(deployment, Outcome::LeftHalfWay, Some(reason), lines));
        }
        (self.tell)(&Progress::GoingBack { reason: reason.clone() });
        let left = match take_back(self.target, &plan.deployment, None, self.tell).await {
            Ok(taken) => taken.left,
            Err(error) => vec![chain(&error).to_string()],
        };
        let outcome = if left.is_empty() { Outcome::TakenBack } else { Outcome::LeftHalfWay };
        Ok(Report { left, ..report(deployment, outcome, Some(reason), lines) })
    }

    async fn refuse_raised_alarms(&self, changed: &[&PlannedFunction]) -> Result<(), DeployError> {
        let alarms = self.target.alarms().await.map_err(DeployError::Alarms)?;
        if alarms.is_empty() {
            (self.tell)(&Progress::NoAlarms);
        }
        let concerns = |function: &str| changed.iter().any(|it| it.function == function);
        let raised = alarms.iter().filter(|it| it.is_raised && self.counts(it, &concerns));
        let names: Vec<_> = raised.map(|it| format!("`{}`", it.name)).collect();
        if names.is_empty() {
            return Ok(());
        }
        Err(DeployError::AlarmsRaised { names: names.join(", ") })
    }

    /// Whether an alarm says something about what is deployed: those of other functions do not.
    fn counts(&self, alarm: &Alarm, concerns: &dyn Fn(&str) -> bool) -> bool {
        !self.pace.ignored_alarms.contains(&alarm.name)
            && alarm.function.as_deref().is_none_or(concerns)
    }

    /// Uploads and publishes.
    async fn make_ready(
        &self,
        planned: &PlannedFunction,
        packages: &[Package],
    ) -> Result<OnTheWay, DeployError> {
        let function = planned.function.clone();
        let (version, percent) = match planned.task {
            Task::Continue { version, percent } => (version, percent),
            Task::Nothing => (planned.live, 100),
            Task::Deploy { is_uploaded } => {
                let failed = |source| DeployError::Platform { function: function.clone(), source };
                if !is_uploaded {
                    self.upload(planned, packages).await?;
                }
                (self.tell)(&Progress::Uploaded {
                    function: function.clone(),
                    digest: planned.digest.clone(),
                    was_there: is_uploaded,
                });
                let version =
                    self.target.publish(&function, &planned.digest).await.map_err(failed)?;
                (self.tell)(&Progress::Published { function: function.clone(), version });
                (version, 0)
            }
        };
        Ok(OnTheWay { function, before: planned.live, version, percent })
    }

    async fn upload(
        &self,
        planned: &PlannedFunction,
        packages: &[Package],
    ) -> Result<(), DeployError> {
        let function = planned.function.clone();
        let package = packages.iter().find(|it| it.function == function);
        let Some(package) = package else { return Ok(()) };
        let archive = package
            .archive()
            .map_err(|source| DeployError::Package { function: function.clone(), source })?;
        let sent = self.target.upload(&function, &planned.digest, archive).await;
        sent.map_err(|source| DeployError::Platform { function, source })
    }

    /// Calls each new version itself, before anybody else does.
    async fn check(&self, on_the_way: &[OnTheWay]) -> Result<(), Trouble> {
        for OnTheWay { function, version, .. } in on_the_way {
            let answer = self.target.check(function, *version).await;
            let reason = match answer.map_err(|error| platform(&error))? {
                CheckAnswer::Sound { function: said } if said == *function => {
                    let (function, version) = (function.clone(), *version);
                    (self.tell)(&Progress::Checked { function, version });
                    continue;
                }
                CheckAnswer::Sound { function } => format!("it is the package of `{function}`"),
                CheckAnswer::Broken(reason) => reason,
            };
            let (function, version) = (function.clone(), *version);
            return Err(Trouble::Broken { function, version, reason });
        }
        Ok(())
    }

    async fn shift(&self, deployment: &str, on_the_way: &mut [OnTheWay]) -> Result<(), Trouble> {
        let since = self.clock.now();
        let least = on_the_way.iter().map(|it| it.percent).min().unwrap_or(0);
        for percent in self.pace.steps().iter().copied().filter(|it| *it >= least) {
            let functions = self.target.functions().await.map_err(|error| platform(&error))?;
            for it in on_the_way.iter_mut().filter(|it| it.percent < percent) {
                self.move_route(deployment, it, percent, &functions).await?;
            }
            let (n_functions, watch) = (on_the_way.len(), self.pace.watch);
            (self.tell)(&Progress::Shifted { percent, n_functions, watch });
            self.watch(on_the_way, since).await?;
        }
        Ok(())
    }

    /// Moves the route as it stands in `functions`, if it is still ours to move.
    async fn move_route(
        &self,
        deployment: &str,
        moving: &mut OnTheWay,
        percent: u8,
        functions: &[DeployedFunction],
    ) -> Result<(), Trouble> {
        let found = functions.iter().find(|it| it.name == moving.function);
        let moved = || Trouble::Moved { function: moving.function.clone() };
        let route = found.and_then(|it| it.route.as_ref()).ok_or_else(moved)?;
        let is_ours = route.live == moving.before
            && route.next.is_none_or(|(version, _)| version == moving.version);
        if !is_ours {
            return Err(moved());
        }
        let is_whole = percent >= 100;
        let kind = NoteKind::Moved { before: moving.before };
        let wanted = NewRoute {
            live: if is_whole { moving.version } else { moving.before },
            next: (!is_whole).then_some((moving.version, percent)),
            note: Note { deployment: deployment.to_owned(), kind }.to_string(),
        };
        match self.target.route(&moving.function, &wanted, &route.revision).await {
            Ok(_) => {
                moving.percent = percent;
                Ok(())
            }
            Err(error) if error.kind() == PortErrorKind::Conflict => Err(moved()),
            Err(error) => Err(platform(&error)),
        }
    }

    async fn watch(&self, on_the_way: &[OnTheWay], since: Timestamp) -> Result<(), Trouble> {
        let mut left = self.pace.watch;
        loop {
            self.look(on_the_way, since).await?;
            if left.is_zero() {
                return Ok(());
            }
            let nap = self.pace.look_every.clamp(Duration::from_millis(1), left);
            tokio::time::sleep(nap).await;
            left = left.saturating_sub(nap);
        }
    }

    async fn look(&self, on_the_way: &[OnTheWay], since: Timestamp) -> Result<(), Trouble> {
        let concerns = |function: &str| on_the_way.iter().any(|it| it.function == function);
        // Who cannot see must not go on.
        let alarms = self.target.alarms().await.map_err(|error| platform(&error))?;
        if let Some(alarm) =
            alarms.into_iter().find(|it| it.is_raised && self.counts(it, &concerns))
        {
            return Err(Trouble::Alarm { name: alarm.name, reason: alarm.reason });
        }
        for OnTheWay { function, version, .. } in on_the_way {
            let runs = self.target.runs(function, *version, since).await;
            let runs = runs.map_err(|error| platform(&error))?;
            if runs.n_failed * 100 > runs.n_runs * MAX_FAILED_PERCENT {
                let (function, version) = (function.clone(), *version);
                return Err(Trouble::Failing { function, version, runs });
            }
        }
        Ok(())
    }
}

fn platform(error: &PortError) -> Trouble {
    Trouble::Platform(chain(error).to_string())
}

fn lines(plan: &Plan, on_the_way: &[OnTheWay]) -> Vec<Line> {
    let digest = |function: &str| plan.functions.iter().find(|it| it.function == function);
    let line = |it: &OnTheWay| {
        let digest = digest(&it.function)?.digest.clone();
        Some(Line { function: it.function.clone(), digest, from: it.before, to: it.version })
    };
    on_the_way.iter().filter_map(line).collect()
}

fn report(
    deployment: Option<String>,
    outcome: Outcome,
    reason: Option<String>,
    functions: Vec<Line>,
) -> Report {
    Report { deployment, outcome, reason, functions, left: Vec::new() }
}
