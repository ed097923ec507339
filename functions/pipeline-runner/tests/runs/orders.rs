//! What people ask for: runs, parts of them again, rows that they put right.

use shared::etl::ReplayRow;
use shared::etl::runs::{ReplayRequest, RunRequest};
use shared::ports::{PipelineRunState, Queue as _};

use crate::rig::{Rig, request};

const CASES: &str = r#"
pipeline: cases
source:
  at: file:HERE/in/cases.csv
  columns: [{name: id, from: Case Id, required: true}, {name: opened, type: date}]
key: id
rules: [{not_null: opened}]
threshold: 0
sink: {at: "file:HERE/out/cases.csv"}
quarantine: {at: "file:HERE/out/rejects.csv"}
"#;

const PARTED: &str = r#"
pipeline: parted
source:
  at: file:HERE/in/*.csv
  columns: [{name: id, required: true}]
sink: {at: "file:HERE/out/{partition}.csv"}
"#;

#[tokio::test]
async fn retry_does_only_what_failed() {
    let rig = Rig::new("parted", PARTED);
    rig.write("in/a.csv", "id\na\n");
    rig.write("in/b.csv", "other\nb\n");
    let id = rig.start("parted").await;
    rig.drain().await;
    let shown = rig.shown(&id).await;
    let states: Vec<_> = shown.partitions.iter().map(|it| it.state).collect();
    assert_eq!(states, [PipelineRunState::Succeeded, PipelineRunState::Failed]);
    assert_eq!(shown.summary.run.state, PipelineRunState::Failed);
    let message = shown.summary.run.message.unwrap();
    assert!(message.starts_with("`b`: ") && message.contains("no column `id`"), "{message}");
    let dead = rig.queue.dead_letters(None, std::num::NonZeroU32::MIN).await.unwrap();
    assert!(dead[0].reason.contains("no column `id`"), "{dead:?}");

    // What succeeded must not be done again: it would fail now.
    rig.write("in/a.csv", "other\n");
    rig.write("in/b.csv", "id\nb\n");
    rig.desk.retry(&id).await.unwrap();
    rig.drain().await;

    let shown = rig.shown(&id).await;
    assert_eq!(
        (shown.summary.run.state, shown.summary.run.round),
        (PipelineRunState::Succeeded, 2)
    );
    assert_eq!(
        (rig.read("out/a.csv"), rig.read("out/b.csv")),
        ("id\na\n".into(), "id\nb\n".into())
    );
    assert_eq!((shown.summary.counts.n_out, rig.n_ends()), (2, 2));
}

#[tokio::test]
async fn named_partitions_alone_are_run_and_none_is_a_run_too() {
    let rig = Rig::new("parted", PARTED);
    for name in ["a", "b", "c"] {
        rig.write(&format!("in/{name}.csv"), &format!("id\n{name}\n"));
    }
    let only = vec!["b".to_owned(), "c".to_owned()];
    let run = rig.desk.start(RunRequest { only, ..request("parted") }).await.unwrap().run;
    rig.drain().await;
    assert_eq!(rig.written().into_keys().collect::<Vec<_>>(), ["b.csv", "c.csv"]);
    assert_eq!(rig.shown(&run.id).await.summary.run.n_partitions, Some(2));

    let only = vec!["d".to_owned()];
    let run = rig.desk.start(RunRequest { only, ..request("parted") }).await.unwrap().run;
    rig.drain().await;
    let shown = rig.shown(&run.id).await.summary.run;
    assert_eq!(shown.message.as_deref(), Some("the source has no partition `d`"));

    let empty = Rig::new("parted", PARTED);
    let id = empty.start("parted").await;
    empty.drain().await;
    let run = empty.shown(&id).await.summary.run;
    assert_eq!((run.state, run.n_partitions), (PipelineRunState::Succeeded, Some(0)));
}

#[tokio::test]
async fn poisonous_definition_ends_its_run_and_lies_among_the_dead_letters() {
    let rig = Rig::new("cases", &CASES.replace("rules:", "steps: [{filter: nothing > 1}]\nrules:"));
    rig.write("in/cases.csv", "Case Id,opened\na,2026-02-01\n");
    let id = rig.start("cases").await;
    rig.drain().await;

    let run = rig.shown(&id).await.summary.run;
    assert_eq!(run.state, PipelineRunState::Failed);
    assert!(run.message.unwrap().contains("`nothing`"));
    let dead = rig.queue.dead_letters(None, std::num::NonZeroU32::MIN).await.unwrap();
    assert!(dead[0].reason.contains("cases.yaml") && dead[0].reason.contains("`nothing`"));
    assert!(rig.written().is_empty());
    assert_eq!(rig.n_ends(), 1);
}

#[tokio::test]
async fn definition_that_changes_within_a_round_is_not_mixed_with_the_old_one() {
    let rig = Rig::new("cases", CASES);
    rig.write("in/cases.csv", "Case Id,opened\na,2026-02-01\n");
    let id = rig.start("cases").await;
    let runner = rig.runner(&crate::fragile::Life::endless());
    let begin = rig.next().await.unwrap();
    rig.deliver(&runner, &begin).await.unwrap();
    rig.define("cases", &CASES.replace("threshold: 0", "threshold: 1"));
    rig.drain().await;
    let run = rig.shown(&id).await.summary.run;
    assert!(run.message.unwrap().contains("the definition was changed"), "{:?}", run.state);

    rig.desk.retry(&id).await.unwrap();
    rig.drain().await;
    assert_eq!(rig.shown(&id).await.summary.run.state, PipelineRunState::Succeeded);
}

#[tokio::test]
async fn gate_that_is_shut_refuses_the_run_and_says_why() {
    let rig = Rig::new("cases", &CASES.replace("threshold: 0", "threshold: 90"));
    rig.write("in/cases.csv", "Case Id,opened\na,2026-02-01\nb,\n");
    let id = rig.start("cases").await;
    rig.drain().await;
    let shown = rig.shown(&id).await;
    assert_eq!(shown.summary.run.state, PipelineRunState::Refused);
    let message = "1 of 2 rows were rejected, and 90 % must pass";
    assert_eq!(shown.summary.run.message.as_deref(), Some(message));
    assert_eq!(shown.rules[0].n_failed, 1);
    assert_eq!(rig.written().into_keys().collect::<Vec<_>>(), ["rejects.csv"]);
}

#[tokio::test]
async fn replay_does_only_the_rows_that_were_put_right() {
    let rig = Rig::new("cases", CASES);
    rig.write("in/cases.csv", "Case Id,opened\na,2026-02-01\nb,\nc,soon\n");
    let id = rig.start("cases").await;
    rig.drain().await;
    assert_eq!(rig.shown(&id).await.summary.counts.n_rejected, 2);
    let (out, rejects) = (rig.read("out/cases.csv"), rig.read("out/rejects.csv"));
    assert!(rejects.contains(r#""{""Case Id"":""c"",""opened"":""soon""}""#), "{rejects}");

    let row = r#"{"Case Id": "c", "opened": "2026-02-03"}"#;
    let rows = vec![ReplayRow::of_json(4, row).unwrap()];
    let replay = ReplayRequest { run: request("cases"), rows };
    let replayed = rig.desk.replay(replay).await.unwrap().run.id;
    rig.drain().await;

    let shown = rig.shown(&replayed).await;
    assert_eq!(shown.summary.run.state, PipelineRunState::Succeeded, "{:?}", shown.summary.run);
    assert_eq!((shown.summary.counts.n_read, shown.summary.counts.n_out), (1, 1));
    assert_eq!(rig.read(&format!("out/cases-replay-{replayed}.csv")), "id,opened\nc,2026-02-03\n");
    assert_eq!((rig.read("out/cases.csv"), rig.read("out/rejects.csv")), (out, rejects));
}
