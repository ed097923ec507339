//! Copies of the audit log: whole, and damaged in every way.

use proptest::prelude::*;

use super::*;
use crate::model::{Entity, FieldValue};
use crate::ports::case_store_contract::{sample_write, text_fields};
use crate::ports::{CaseStore as _, MemoryCaseStore};

const N_ROWS: u32 = 1_203;

/// A copy of a log of `n_rows` rows.
async fn copy_of(n_rows: u32) -> (String, AuditExportEnd) {
    let store = MemoryCaseStore::default();
    for number in 1..=n_rows {
        let mut row = text_fields([("title", "Doe \"v\". Roe\nline two"), ("status", "New")]);
        row.insert("custom.fee".to_owned(), FieldValue::Float(19.99));
        store.apply(sample_write(Entity::Case, number, row)).await.unwrap();
    }
    let mut out = Vec::new();
    let end = export_audit(&store, &mut out, &|_| {}).await.unwrap();
    (String::from_utf8(out).unwrap(), end)
}

fn verify(copy: &[u8]) -> AuditVerification {
    verify_audit_export(&mut io::BufReader::with_capacity(7, copy), &|_| {}).unwrap()
}

/// The row at which `lines` break, and how.
fn fault<S: AsRef<str>>(lines: &[S]) -> (u64, String) {
    let copy: String = lines.iter().map(|it| format!("{}\n", it.as_ref())).collect();
    let found = verify(copy.as_bytes()).fault.unwrap();
    (found.seq, found.problem)
}

#[tokio::test]
async fn copy_is_whole_and_ends_with_its_count_and_head() {
    let (copy, end) = copy_of(N_ROWS).await;

    let found = verify(copy.as_bytes());

    assert_eq!((found.n_rows, found.fault), (u64::from(N_ROWS), None));
    assert_eq!((end.n_rows, &end.head), (found.n_rows, &found.head));
    assert_eq!(copy.lines().count(), N_ROWS as usize + 1);
    let last: serde_json::Value = serde_json::from_str(copy.lines().last().unwrap()).unwrap();
    assert_eq!(last, serde_json::json!({"end": {"n_rows": N_ROWS, "head": end.head}}));
}

#[tokio::test]
async fn copy_of_an_empty_log_is_one_closing_line() {
    let (copy, _) = copy_of(0).await;

    assert_eq!(copy, "{\"end\":{\"n_rows\":0,\"head\":\"\"}}\n");
    assert_eq!(verify(copy.as_bytes()).fault, None);
    assert!(verify(b"").fault.unwrap().problem.contains("closing line is missing"));
}

#[tokio::test]
async fn swapped_rows_are_found_where_they_begin() {
    let (copy, _) = copy_of(5).await;
    let mut lines: Vec<&str> = copy.lines().collect();
    lines.swap(2, 3);

    let (seq, problem) = fault(&lines);

    assert_eq!((seq, problem.as_str()), (4, "row 3 is missing: the next one is 4"));
}

#[tokio::test]
async fn altered_value_is_found_in_its_row() {
    let (copy, _) = copy_of(5).await;
    for (old, new) in [("\\\"New\\\"", "\\\"Old\\\""), ("salesforce:main", "salesforce:mine")] {
        let mut lines: Vec<String> = copy.lines().map(str::to_owned).collect();
        lines[1] = lines[1].replacen(old, new, 1);
        assert_ne!(lines[1], copy.lines().nth(1).unwrap());

        let (seq, problem) = fault(&lines);

        assert_eq!(seq, 2);
        assert!(problem.contains("do not have the hash"), "{problem}");
    }
}

#[tokio::test]
async fn missing_rows_are_found_wherever_they_stood() {
    let (copy, _) = copy_of(5).await;
    let lines: Vec<&str> = copy.lines().collect();

    let first = fault(&lines[1..]);
    let middle = fault(&[&lines[..2], &lines[3..]].concat());
    let last = fault(&[&lines[..4], &lines[5..]].concat());

    assert_eq!((first.0, first.1.as_str()), (2, "row 1 is missing: the next one is 2"));
    assert_eq!(middle.0, 4);
    assert_eq!(last, (5, "the closing line counts 5 rows, and 4 stand before it".to_owned()));
}

#[tokio::test]
async fn closing_line_must_stand_and_fit_and_be_the_last() {
    let (copy, end) = copy_of(5).await;
    let lines: Vec<&str> = copy.lines().collect();

    let (seq, problem) = fault(&lines[..5]);
    assert_eq!(seq, 6);
    assert!(problem.contains("closing line is missing"), "{problem}");
    let other = lines[5].replace(&end.head[..8], "00000000");
    let (_, problem) = fault(&[&lines[..5], &[other.as_str()]].concat());
    assert!(problem.contains("another hash"), "{problem}");
    let (_, problem) = fault(&[&lines[..], &lines[..1]].concat());
    assert!(problem.contains("behind the closing line"), "{problem}");
}

#[tokio::test]
async fn fault_quotes_nothing_of_the_row() {
    let (copy, _) = copy_of(2).await;
    let altered = copy.replacen("\"seq\":2", "\"seq\":\"secret\"", 1);

    let found = verify(altered.as_bytes()).fault.unwrap();

    assert_eq!(found.seq, 2);
    assert!(!found.problem.contains("secret"), "{}", found.problem);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn copy_that_was_cut_anywhere_is_not_whole(share in 0.0..1.0_f64) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let (copy, _) = runtime.block_on(copy_of(3));
        // Without its last line end it is still whole.
        let n_bytes = ((copy.len() - 2) as f64 * share) as usize;

        prop_assert!(verify(&copy.as_bytes()[..n_bytes]).fault.is_some());
    }

    #[test]
    fn copy_with_any_byte_altered_is_not_whole(share in 0.0..1.0_f64, flip in 1_u8..128) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let (copy, _) = runtime.block_on(copy_of(3));
        let mut bytes = copy.into_bytes();
        let place = ((bytes.len() - 1) as f64 * share) as usize;
        bytes[place] ^= flip;

        let found = verify(&bytes);

        // White space between words of JSON means nothing, but there is none.
        prop_assert!(found.fault.is_some(), "byte {place}");
    }
}
