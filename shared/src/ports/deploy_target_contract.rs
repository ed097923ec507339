//! What every target of deployments must keep.

#![expect(clippy::unwrap_used, reason = "a test suite for other packages' tests")]

use crate::error::PortErrorKind;
use crate::ports::{CheckAnswer, DeployTarget, DeployedFunction, Digest, NewRoute};
use crate::time::Timestamp;

/// Checks a target with `function`, of which one version is called. `archive` is other code of it
/// that is sound.
///
/// # Panics
///
/// When the contract is broken.
pub async fn deploy_target_contract(target: &dyn DeployTarget, function: &str, archive: Vec<u8>) {
    let digest = Digest::of(&archive);
    let before = find(target, function).await;
    let route = before.route.clone().unwrap();
    assert_ne!(before.newest_code, digest, "the archive must be new");

    let too_early = target.publish(function, &digest).await.unwrap_err();
    assert_eq!(
        too_early.kind(),
        PortErrorKind::Conflict,
        "code of another digest is not published"
    );

    target.upload(function, &digest, archive.clone()).await.unwrap();
    let uploaded = find(target, function).await;
    assert_eq!(uploaded.newest_code, digest);
    assert_eq!(uploaded.versions, before.versions, "an upload publishes nothing");
    assert_eq!(uploaded.route, before.route, "an upload calls nothing new");

    let version = target.publish(function, &digest).await.unwrap();
    let published = find(target, function).await;
    assert_eq!(published.digest_of(version), Some(&digest));
    assert_eq!(published.newest_version(), Some(version));
    assert_eq!(published.route, before.route, "a version that is published is not called yet");
    let again = target.publish(function, &digest).await.unwrap();
    assert!(again >= version);

    let answer = target.check(function, version).await.unwrap();
    assert_eq!(answer, CheckAnswer::Sound { function: function.to_owned() });

    routes_change_at_once_and_under_a_revision(target, function, route.live, version).await;
    target.alarms().await.unwrap();
    target.runs(function, version, Timestamp::from_millis(0)).await.unwrap();

    let nobody = target.upload("nobody", &digest, archive).await.unwrap_err();
    assert_eq!(nobody.kind(), PortErrorKind::NotFound);
}

async fn find(target: &dyn DeployTarget, name: &str) -> DeployedFunction {
    let functions = target.functions().await.unwrap();
    functions.into_iter().find(|it| it.name == name).unwrap()
}

async fn routes_change_at_once_and_under_a_revision(
    target: &dyn DeployTarget,
    function: &str,
    live: u64,
    version: u64,
) {
    let present = find(target, function).await.route.unwrap();
    let part = NewRoute { live, next: Some((version, 10)), note: "ten of a hundred".to_owned() };
    let revision = target.route(function, &part, &present.revision).await.unwrap();
    let read = find(target, function).await.route.unwrap();
    assert_eq!((read.live, read.next, read.note.as_str()), (live, part.next, part.note.as_str()));
    assert_eq!(read.revision, revision);

    let whole = NewRoute { live: version, next: None, note: String::from("all") };
    let stale = target.route(function, &whole, &present.revision).await.unwrap_err();
    assert_eq!(stale.kind(), PortErrorKind::Conflict, "a revision that is over changes nothing");
    assert_eq!(find(target, function).await.route.unwrap(), read);

    target.route(function, &whole, &revision).await.unwrap();
    let read = find(target, function).await.route.unwrap();
    assert_eq!((read.live, read.next, read.note.as_str()), (version, None, "all"));
}
