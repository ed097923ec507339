//! Setting an org up, against the sandbox org.

use super::*;
use crate::cli::org_fixture::Org;

fn args(dry_run: bool) -> SetupArgs {
    SetupArgs { connection: ConnectionId::parse("main").unwrap(), dry_run }
}

fn outcomes(answer: &Answer) -> Vec<(&str, &Prepared)> {
    answer.things.iter().map(|it| (it.thing.as_str(), &it.prepared)).collect()
}

#[tokio::test]
async fn org_that_lacks_everything_is_told_then_prepared_once() {
    let org = Org::start(false).await;
    let settings = org.settings("events = { topics = [\"/data/MoodBridge__chn\"] }").await;

    let look = prepare(&args(true), &settings).await.unwrap();
    assert_eq!(look.things.len(), 7, "{look}");
    assert!(look.things.iter().all(|it| it.prepared == Prepared::Missing), "{look}");
    assert!(
        look.to_string().contains("would be made field `MoodBridge_Id__c` of `Case`"),
        "{look}"
    );

    let made = prepare(&args(false), &settings).await.unwrap();
    assert!(made.things.iter().all(|it| it.prepared == Prepared::Created), "{made}");
    assert_eq!(made.exit_code(), SUCCESS);
    for dry_run in [true, false] {
        let again = prepare(&args(dry_run), &settings).await.unwrap();
        assert!(again.things.iter().all(|it| it.prepared == Prepared::AlreadyThere), "{again}");
    }
}

#[tokio::test]
async fn channel_is_left_alone_where_no_events_are_followed() {
    let org = Org::start(true).await;
    let settings = org.settings("").await;
    let answer = prepare(&args(false), &settings).await.unwrap();
    let fields =
        ["Account", "Contact", "Case"].map(|it| format!("field `MoodBridge_Id__c` of `{it}`"));
    let expected: Vec<_> = fields.iter().map(|it| (it.as_str(), &Prepared::AlreadyThere)).collect();
    assert_eq!(outcomes(&answer), expected);
    assert!(answer.to_string().contains("field-level security"), "{answer}");
}

#[tokio::test]
async fn connection_that_is_not_there_is_named_with_those_that_are() {
    let org = Org::start(true).await;
    let settings = org.settings("").await;
    let other = SetupArgs { connection: ConnectionId::parse("other").unwrap(), dry_run: true };
    let error = prepare(&other, &settings).await.unwrap_err();
    assert!(shared::chain(&error).to_string().contains("write one of `main`"));
}
