//! What every search in logs must keep.

#![expect(clippy::unwrap_used, reason = "a contract suite fails by panicking")]
#![expect(clippy::panic, reason = "a contract suite fails by panicking")]

use std::time::Duration;

use crate::error::PortErrorKind;
use crate::ids::CorrelationId;
use crate::ports::{
    FoundLogs, LineFilter, LogAnswer, LogLevel, LogLine, LogQuestion, LogSearch, LogText, LogWish,
};
use crate::time::Timestamp;

/// What must have been logged: by whom, how long after the instant that the suite is given, and what.
pub const LINES: [(&str, Duration, &str); 6] = [
    (
        "sync-worker",
        Duration::from_secs(1),
        r#"{"level":"INFO","message":"applied","correlation.id":"c-1","n_rows":3}"#,
    ),
    (
        "sync-worker",
        Duration::from_secs(2),
        r#"{"level":"WARN","message":"said \"no\" | /it.* \\ [1]","correlation.id":"c-2"}"#,
    ),
    (
        "webhook-intake",
        Duration::from_secs(3),
        r#"{"level":"ERROR","message":"queue `events` is away","correlation.id":"c-1"}"#,
    ),
    ("webhook-intake", Duration::from_secs(4), "thread 'main' panicked at src/main.rs"),
    (
        "webhook-intake",
        Duration::from_secs(5),
        r#"{"time":"x","type":"platform.report","record":{"status":"success"}}"#,
    ),
    ("webhook-intake", Duration::from_secs(900), r#"{"level":"INFO","message":"much later"}"#),
];

const PATIENCE: Duration = Duration::from_secs(30);

/// Checks a search over [`LINES`], which were logged after `at`, a whole second. `query` asks for at
/// least one row, in the platform's own language.
///
/// # Panics
///
/// When the contract is broken.
pub async fn log_search_contract(logs: &dyn LogSearch, at: Timestamp, query: &str) {
    let all = lines(logs, &question(at)).await;
    let told: Vec<_> = all.iter().map(|it| (it.at, it.function.as_str())).collect();
    let wanted: Vec<_> = LINES.iter().map(|it| (at.plus(it.1), it.0)).take(5).collect();
    assert_eq!(told, wanted, "lines of the time that was asked for, the oldest first");
    let first = all.first().unwrap();
    assert_eq!((first.level, first.message.as_str()), (Some(LogLevel::Info), "applied"));
    assert_eq!(first.correlation_id.as_deref(), Some("c-1"));
    assert_eq!(first.fields.get("n_rows"), Some(&3.into()));

    let two = answer(logs, &LogQuestion { limit: Some(2), ..question(at) }).await;
    assert_eq!(two.n_matched, 5, "what the limit cut off is counted");
    let two = lines_of(two);
    assert_eq!(two, all.get(3..).unwrap(), "the newest are told");

    let worker = LogQuestion { functions: vec!["sync-worker".to_owned()], ..question(at) };
    assert_eq!(lines(logs, &worker).await, all.get(..2).unwrap());

    let nobody = LogQuestion { functions: vec!["nobody".to_owned()], ..question(at) };
    let error = logs.begin(&nobody).await.unwrap_err();
    assert_eq!(error.kind(), PortErrorKind::NotFound);
    let said = crate::chain(&error).to_string();
    assert!(said.contains("sync-worker"), "what is there is told: {said}");

    let raw = LogQuestion { wish: LogWish::Query(query.to_owned()), ..question(at) };
    let FoundLogs::Rows(rows) = answer(logs, &raw).await.found else {
        panic!("a query is answered by rows")
    };
    assert!(!rows.first().unwrap().0.is_empty());
}

/// Checks the filters, with the lines of [`log_search_contract`].
///
/// # Panics
///
/// When the contract is broken.
pub async fn filters_contract(logs: &dyn LogSearch, at: Timestamp) {
    text_filters_contract(logs, at).await;
    for (level, wanted) in [
        (LogLevel::Trace, vec![1, 2, 3, 4]),
        (LogLevel::Warn, vec![2, 3, 4]),
        (LogLevel::Error, vec![3, 4]),
    ] {
        let filter = LineFilter { least_level: Some(level), ..LineFilter::default() };
        assert_eq!(seconds(logs, at, filter).await, wanted, "{level:?}");
    }
    let both = LineFilter {
        least_level: Some(LogLevel::Warn),
        correlation_id: Some(CorrelationId::parse("c-1").unwrap()),
        contains: None,
    };
    assert_eq!(seconds(logs, at, both).await, [3]);
}

/// Checks the filters by text and by correlation id alone.
///
/// # Panics
///
/// When the contract is broken.
pub async fn text_filters_contract(logs: &dyn LogSearch, at: Timestamp) {
    for (text, wanted) in [
        ("APPLIED", vec![1]),
        (r#"said "no" | /it.* \ [1]"#, vec![2]),
        ("queue `events`", vec![3]),
        ("thread 'main'", vec![4]),
        ("a.*d", vec![]),
        ("/ | limit 1", vec![]),
    ] {
        let contains = Some(LogText::parse(text).unwrap());
        let filter = LineFilter { contains, ..LineFilter::default() };
        assert_eq!(seconds(logs, at, filter).await, wanted, "{text}");
    }
    for (id, wanted) in [("c-1", vec![1, 3]), ("c-2", vec![2]), ("c-", vec![]), ("c.1", vec![])] {
        let correlation_id = Some(CorrelationId::parse(id).unwrap());
        let filter = LineFilter { correlation_id, ..LineFilter::default() };
        assert_eq!(seconds(logs, at, filter).await, wanted, "{id}");
    }
}

/// Checks that a search which still runs can be stopped.
///
/// # Panics
///
/// When the contract is broken.
pub async fn stopped_search_contract(logs: &dyn LogSearch, at: Timestamp) {
    let begun = logs.begin(&question(at)).await.unwrap();
    logs.stop(&begun).await.unwrap();
    let error = logs.answer(&begun).await.unwrap_err();
    assert_eq!(error.kind(), PortErrorKind::Rejected);
}

fn question(at: Timestamp) -> LogQuestion {
    LogQuestion {
        functions: Vec::new(),
        from: at,
        until: at.plus(Duration::from_secs(60)),
        limit: Some(100),
        wish: LogWish::Lines(LineFilter::default()),
    }
}

async fn answer(logs: &dyn LogSearch, question: &LogQuestion) -> LogAnswer {
    crate::logs::search(logs, question, PATIENCE, std::future::pending()).await.unwrap()
}

async fn lines(logs: &dyn LogSearch, question: &LogQuestion) -> Vec<LogLine> {
    lines_of(answer(logs, question).await)
}

fn lines_of(answer: LogAnswer) -> Vec<LogLine> {
    match answer.found {
        FoundLogs::Lines(lines) => lines,
        FoundLogs::Rows(_) => panic!("lines were asked for"),
    }
}

/// Tells the lines that pass by their seconds.
async fn seconds(logs: &dyn LogSearch, at: Timestamp, filter: LineFilter) -> Vec<u64> {
    let question = LogQuestion { wish: LogWish::Lines(filter), ..question(at) };
    lines(logs, &question).await.iter().map(|it| it.at.since(at).as_secs()).collect()
}
