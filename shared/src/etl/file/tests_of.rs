//! The tests of a pipeline as they are written.

use crate::etl::fault::Faults;
use crate::etl::unit_test::{ExpectedReject, PipelineTest, TestRow};
use crate::etl::yaml::{At, Content};
use crate::time::Timestamp;

/// Reads the list of tests.
pub(super) fn tests(at: Option<&At<'_>>, faults: &mut Faults<'_>) -> Vec<PipelineTest> {
    let items = at.map(At::items).unwrap_or_default();
    items.iter().filter_map(|it| test(it, faults)).collect()
}

fn test(at: &At<'_>, faults: &mut Faults<'_>) -> Option<PipelineTest> {
    at.keys(&["name", "now", "given", "files", "expect"], faults);
    let name = at.need("name", faults)?.text(faults)?;
    let now = match at.get("now") {
        Some(it) => {
            let raw = it.text(faults)?;
            let read = Timestamp::parse(&raw);
            Some(read.map_err(|error| it.fault(faults, error.to_string())).ok()?)
        }
        None => None,
    };
    let given = rows(&at.need("given", faults)?, faults);
    let files = at.get("files");
    if let Some(it) = &files
        && !matches!(it.node.content, Content::Map(_))
    {
        it.fault(faults, "write rows by the address of their file: `{\"file:a.csv\": [{id: 1}]}`");
    }
    let files = files.iter().flat_map(At::entries);
    let files = files.map(|(name, it)| (name.to_owned(), rows(&it, faults))).collect();
    let expect = at.need("expect", faults)?;
    expect.keys(&["rows", "rejects"], faults);
    let expected = expect.need("rows", faults)?;
    let rows = rows(&expected, faults);
    let rejects = expect
        .get("rejects")
        .map(|it| it.items().iter().filter_map(|it| reject(it, faults)).collect());
    Some(PipelineTest { name, line: at.line, now, given, files, rows, rejects })
}

fn rows(at: &At<'_>, faults: &mut Faults<'_>) -> Vec<TestRow> {
    at.items().iter().map(|it| row(it, faults)).collect()
}

fn row(at: &At<'_>, faults: &mut Faults<'_>) -> TestRow {
    if !matches!(at.node.content, Content::Map(_)) {
        at.fault(faults, "write a row as `{column: value}`");
    }
    let mut row = TestRow::new();
    for (column, value) in at.entries() {
        let is_null = matches!(value.node.content, Content::Null);
        let read = if is_null { None } else { value.scalar(faults) };
        row.insert(column.to_owned(), read);
    }
    row
}

fn reject(at: &At<'_>, faults: &mut Faults<'_>) -> Option<ExpectedReject> {
    at.keys(&["rule", "row", "value"], faults);
    let rule = at.need("rule", faults)?.text(faults)?;
    let row = at.get("row").map_or(Some(None), |it| it.count(faults).map(Some))?;
    let value = at
        .get("value")
        .map_or(Some(None), |it| it.scalar(faults).map(|it| Some(it.to_string())))?;
    Some(ExpectedReject { rule, row, value })
}
