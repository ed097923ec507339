//! Deployments in memory: what goes through, what goes back, and what a dead process leaves behind.

use std::sync::Mutex;
use std::time::Duration;

use crate::deploy::packages::tests::folder_of;
use crate::deploy::{
    DeployError, Deployer, Outcome, Pace, PackageList, Plan, PlanError, Progress, Report,
    RollbackError, Task, Undo, roll_back, status,
};
use crate::ports::{DeployTarget, MemoryDeployTarget, NewRoute, Route, SystemClock, VersionRuns};

const WATCH: Duration = Duration::from_secs(120);

/// Two functions of which version 1 is called.
fn target() -> MemoryDeployTarget {
    let target = MemoryDeployTarget::default();
    target.add_function("intake", b"intake 1");
    target.add_function("worker", b"worker 1");
    target
}

fn packages(archives: &[(&str, &[u8])]) -> (tempfile::TempDir, PackageList) {
    let folder = folder_of(archives);
    let list = PackageList::read(folder.path(), &[]).unwrap();
    (folder, list)
}

fn pace() -> Pace {
    Pace::parse("10,50,100", WATCH).unwrap()
}

async fn plan(target: &dyn DeployTarget, list: &PackageList) -> Result<Plan, PlanError> {
    let functions = target.functions().await.unwrap();
    Plan::make(&list.packages, &functions, "new".to_owned())
}

async fn deploy_told(
    target: &MemoryDeployTarget,
    list: &PackageList,
    pace: Pace,
    tell: &(dyn Fn(&Progress) + Send + Sync),
) -> Result<Report, DeployError> {
    let plan = plan(target, list).await.unwrap();
    Deployer::new(target, &SystemClock, pace, tell).run(&plan, &list.packages).await
}

async fn deploy(target: &MemoryDeployTarget, list: &PackageList) -> Report {
    deploy_told(target, list, pace(), &|_| {}).await.unwrap()
}

async fn route(target: &MemoryDeployTarget, function: &str) -> Route {
    let functions = target.functions().await.unwrap();
    functions.into_iter().find(|it| it.name == function).unwrap().route.unwrap()
}

/// The version that is called, and the one that takes a part.
async fn stands(target: &MemoryDeployTarget, function: &str) -> (u64, Option<(u64, u8)>) {
    let route = route(target, function).await;
    (route.live, route.next)
}

const BOTH: [(&str, &[u8]); 2] = [("intake", b"intake 2"), ("worker", b"worker 2")];

#[tokio::test(start_paused = true)]
async fn only_what_changed_is_deployed_and_a_second_time_nothing() {
    let target = target();
    let (_folder, list) = packages(&[("intake", b"intake 1"), ("worker", b"worker 2")]);

    let report = deploy(&target, &list).await;

    assert_eq!(report.outcome, Outcome::Deployed, "{report:?}");
    let moved: Vec<_> = report.functions.iter().map(|it| (&*it.function, it.from, it.to)).collect();
    assert_eq!(moved, [("worker", 1, 2)]);
    assert_eq!(stands(&target, "worker").await, (2, None));
    assert_eq!(stands(&target, "intake").await, (1, None));
    let again = deploy(&target, &list).await;
    assert_eq!((again.outcome, again.deployment), (Outcome::NothingToDo, None));
}

#[tokio::test(start_paused = true)]
async fn every_version_is_published_and_checked_before_any_call_and_steps_are_watched() {
    let target = target();
    let (_folder, list) = packages(&BOTH);
    let told = Mutex::new(Vec::new());
    let began = tokio::time::Instant::now();

    let tell = |it: &Progress| told.lock().unwrap().push(it.clone());
    deploy_told(&target, &list, pace(), &tell).await.unwrap();

    let told = told.into_inner().unwrap();
    let kinds: String = told
        .iter()
        .map(|it| match it {
            Progress::Uploaded { .. } => 'u',
            Progress::Published { .. } => 'p',
            Progress::Checked { .. } => 'c',
            Progress::Shifted { .. } => 's',
            Progress::NoAlarms => 'n',
            Progress::GoingBack { .. } | Progress::TakenBack { .. } => 'x',
        })
        .collect();
    assert_eq!(kinds, "nupupccsss");
    assert_eq!(began.elapsed(), WATCH * 3);
}

#[tokio::test(start_paused = true)]
async fn version_that_is_not_sound_gets_no_call_and_holds_the_others_back() {
    let target = target();
    target.break_code(b"worker 2");
    let (_folder, list) = packages(&BOTH);

    let report = deploy(&target, &list).await;

    assert_eq!(report.outcome, Outcome::NotBegun);
    let reason = report.reason.unwrap();
    assert!(reason.contains("version 2 of `worker` is not sound: it was broken"), "{reason}");
    for function in ["intake", "worker"] {
        let route = route(&target, function).await;
        assert_eq!((route.live, route.next, route.note.as_str()), (1, None, ""));
    }
}

#[tokio::test(start_paused = true)]
async fn alarm_of_the_deployment_takes_everything_back_and_that_of_another_function_does_not() {
    for (of, wanted) in [
        (Some("worker"), Outcome::TakenBack),
        (None, Outcome::TakenBack),
        (Some("stranger"), Outcome::Deployed),
    ] {
        let target = target();
        target.set_alarm("errors", of, false);
        let (_folder, list) = packages(&BOTH);
        let ringing = target.clone();
        let tell = move |it: &Progress| {
            if matches!(it, Progress::Shifted { percent: 50, .. }) {
                ringing.set_alarm("errors", of, true);
            }
        };

        let report = deploy_told(&target, &list, pace(), &tell).await.unwrap();

        assert_eq!(report.outcome, wanted, "{of:?} {report:?}");
        if wanted == Outcome::TakenBack {
            assert!(report.reason.unwrap().contains("alarm `errors` sounds"));
            for function in ["intake", "worker"] {
                assert_eq!(stands(&target, function).await, (1, None));
            }
            let status = status(&target).await.unwrap();
            assert_eq!(status.functions[0].taken_back, Some(2));
            assert_eq!(status.half_way, None);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn alarm_that_sounds_before_is_named_and_may_be_ignored() {
    let target = target();
    target.set_alarm("queue-behind", None, true);
    let (_folder, list) = packages(&BOTH);

    let error = deploy_told(&target, &list, pace(), &|_| {}).await.unwrap_err();

    assert!(error.to_string().contains("`queue-behind`"), "{error}");
    let functions = target.functions().await.unwrap();
    assert!(functions.iter().all(|it| it.versions.len() == 1), "nothing was published");
    let ignoring = pace().ignoring(vec!["queue-behind".to_owned()]);
    let report = deploy_told(&target, &list, ignoring, &|_| {}).await.unwrap();
    assert_eq!(report.outcome, Outcome::Deployed);
}

#[tokio::test(start_paused = true)]
async fn new_version_that_fails_more_than_one_call_in_a_hundred_is_taken_back() {
    for (n_failed, wanted) in [(1, Outcome::Deployed), (2, Outcome::TakenBack)] {
        let target = target();
        target.set_runs("worker", 2, VersionRuns { n_runs: 100, n_failed });
        let (_folder, list) = packages(&BOTH);
        let report = deploy(&target, &list).await;
        assert_eq!(report.outcome, wanted, "{n_failed} {report:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn killed_deployment_is_told_and_gone_on_with_under_its_name() {
    let target = target();
    let (_folder, list) = packages(&BOTH);
    let first = plan(&target, &list).await.unwrap();
    {
        let deployer = Deployer::new(&target, &SystemClock, pace(), &|_| {});
        let run = deployer.run(&first, &list.packages);
        // Dies within the first watch.
        assert!(tokio::time::timeout(WATCH / 2, run).await.is_err());
    }
    assert_eq!(stands(&target, "worker").await, (1, Some((2, 10))));
    let half = status(&target).await.unwrap();
    assert_eq!(half.half_way.as_deref(), Some("new"));

    let functions = target.functions().await.unwrap();
    let second = Plan::make(&list.packages, &functions, "other".to_owned()).unwrap();
    assert_eq!((second.deployment.as_str(), second.is_continued), ("new", true));
    assert_eq!(second.functions[0].task, Task::Continue { version: 2, percent: 10 });
    let deployer = Deployer::new(&target, &SystemClock, pace(), &|_| {});
    let report = deployer.run(&second, &list.packages).await.unwrap();

    assert_eq!(report.outcome, Outcome::Deployed);
    assert_eq!(stands(&target, "worker").await, (2, None));
}

#[tokio::test(start_paused = true)]
async fn deployment_that_died_between_two_routes_goes_back_whole() {
    let target = target();
    let (_folder, list) = packages(&BOTH);
    target.limit_routes(Some(5));
    let plan = plan(&target, &list).await.unwrap();
    let deployer = Deployer::new(&target, &SystemClock, pace(), &|_| {});
    let report = deployer.run(&plan, &list.packages).await.unwrap();
    // The sixth change is the last one of the last step, and going back fails too.
    assert_eq!(report.outcome, Outcome::LeftHalfWay, "{report:?}");
    assert_eq!(report.left.len(), 2);
    assert_eq!(stands(&target, "intake").await, (2, None));
    assert_eq!(stands(&target, "worker").await, (1, Some((2, 50))));

    target.limit_routes(None);
    let taken = roll_back(&target, &Undo::Newest, "x", &|_| {}).await.unwrap();

    assert_eq!(taken.functions, [("intake".to_owned(), 1), ("worker".to_owned(), 1)]);
    for function in ["intake", "worker"] {
        assert_eq!(stands(&target, function).await, (1, None));
    }
    let twice = roll_back(&target, &Undo::Newest, "x", &|_| {}).await.unwrap_err();
    assert!(matches!(twice, RollbackError::Nothing), "{twice}");
}

#[tokio::test(start_paused = true)]
async fn other_packages_are_refused_while_a_deployment_is_half_way() {
    let target = target();
    let (_folder, list) = packages(&BOTH);
    let first = plan(&target, &list).await.unwrap();
    {
        let deployer = Deployer::new(&target, &SystemClock, pace(), &|_| {});
        let run = deployer.run(&first, &list.packages);
        assert!(tokio::time::timeout(WATCH / 2, run).await.is_err());
    }
    let (_other, list) = packages(&[("worker", b"worker 3")]);
    let error = plan(&target, &list).await.unwrap_err();
    assert_eq!(error, PlanError::HalfWay { function: "worker".to_owned() });
    let (_stranger, list) = packages(&[("stranger", b"1")]);
    let error = plan(&target, &list).await.unwrap_err();
    assert!(error.to_string().contains("terraform apply"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn route_that_somebody_else_moves_is_left_to_them() {
    let target = target();
    let (_folder, list) = packages(&BOTH);
    let plan = plan(&target, &list).await.unwrap();
    let deployer = Deployer::new(&target, &SystemClock, pace(), &|_| {});
    let run = deployer.run(&plan, &list.packages);
    let meddle = async {
        tokio::time::sleep(WATCH / 2).await;
        let revision = route(&target, "intake").await.revision;
        let by_hand = NewRoute { live: 2, next: None, note: "by hand".to_owned() };
        target.route("intake", &by_hand, &revision).await.unwrap();
    };
    let (report, ()) = tokio::join!(run, meddle);

    let report = report.unwrap();
    assert_eq!(report.outcome, Outcome::LeftHalfWay);
    assert!(report.reason.unwrap().contains("somebody else has moved `intake`"));
    assert_eq!(route(&target, "intake").await.note, "by hand");
}

#[tokio::test(start_paused = true)]
async fn one_function_goes_back_alone_or_to_a_version_of_choice() {
    let target = target();
    let back = async |to| {
        let undo = Undo::Function { function: "worker".to_owned(), to };
        roll_back(&target, &undo, "x", &|_| {}).await
    };
    let error = back(None).await.unwrap_err();
    assert!(error.to_string().contains("name one by `--to`; it has 1"), "{error}");
    let (_folder, list) = packages(&BOTH);
    deploy(&target, &list).await;

    back(None).await.unwrap();
    assert_eq!(stands(&target, "worker").await, (1, None));
    assert_eq!(stands(&target, "intake").await, (2, None));
    back(Some(2)).await.unwrap();
    assert_eq!(stands(&target, "worker").await, (2, None));
    let error = back(Some(9)).await.unwrap_err();
    assert!(error.to_string().contains("no version 9; it has 1, 2"), "{error}");
}
