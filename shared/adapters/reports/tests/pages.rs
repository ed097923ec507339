//! Printed reports, as a reader of PDF finds them.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use lopdf::Document;
use shared::lake::{Cell, ColumnType};
use shared::ports::ReportPrinter as _;
use shared::reports::{Chart, ChartKind, ChartSeries, Fact, Part, ReportDocument, Table};
use shared::time::Timestamp;

use adapter_reports::PdfPrinter;

fn document(n_rows: i64) -> ReportDocument {
    let mut table = Table::new(
        "by_period",
        "By period",
        &[("period", "Period", ColumnType::Text), ("n", "Cases", ColumnType::Long)],
    );
    for n in 0..n_rows {
        table.add(vec![Cell::Text(format!("row-{n}")), Cell::Int(n * 1_000)]);
    }
    let values = vec![Some(3.0), None, Some(12.5)];
    let chart = Chart {
        title: "Opened and closed".to_owned(),
        kind: ChartKind::Bar,
        labels: ["2026-09", "2026-10", "2026-11"].map(str::to_owned).to_vec(),
        series: vec![
            ChartSeries { name: "Opened".to_owned(), values: values.clone() },
            ChartSeries { name: "Closed".to_owned(), values },
        ],
    };
    let lines = Chart { kind: ChartKind::Line, title: "Days".to_owned(), ..chart.clone() };
    ReportDocument {
        title: "Kanzlei Müller, Łódź".to_owned(),
        subtitle: "Month 2026-11".to_owned(),
        facts: vec![
            Fact::new("Клиент", "Жанна Ωμέγα"),
            Fact {
                detail: Some("+10% against a year before".to_owned()),
                ..Fact::new("Open", "1,234")
            },
        ],
        parts: vec![Part::Chart(chart), Part::Chart(lines), Part::Table(table)],
        notes: vec!["Counted in UTC.".to_owned()],
        made_at: Timestamp::parse("2026-12-01T06:00:00Z").unwrap(),
    }
}

/// Reads the text of all pages, without spaces: how a reader parts words is its own affair.
fn text_of(bytes: &[u8]) -> (usize, String) {
    let read = Document::load_mem(bytes).unwrap();
    let pages: Vec<u32> = read.get_pages().into_keys().collect();
    let text = read.extract_text(&pages).unwrap();
    (pages.len(), text.split_whitespace().collect())
}

#[test]
fn every_word_of_a_report_stands_in_its_pages() {
    let bytes = PdfPrinter.print(&document(3)).unwrap();
    let (n_pages, text) = text_of(&bytes);
    assert_eq!(n_pages, 1);
    for word in [
        "KanzleiMüller,Łódź",
        "Month2026-11",
        "Клиент",
        "ЖаннаΩμέγα",
        "1,234",
        "+10%againstayearbefore",
        "Openedandclosed",
        "2026-10",
        "Closed",
        "Byperiod",
        "row-2",
        "2,000",
        "CountedinUTC.",
        "Madeat2026-12-0106:00UTCbyMoodBridge",
        "1/1",
    ] {
        assert!(text.contains(word), "`{word}` is not in: {text}");
    }
}

#[test]
fn long_table_goes_on_over_pages_under_its_names() {
    let bytes = PdfPrinter.print(&document(300)).unwrap();
    let (n_pages, text) = text_of(&bytes);
    assert!((7..=12).contains(&n_pages), "{n_pages}");
    assert!(text.contains("row-0") && text.contains("row-299"));
    assert_eq!(text.matches("PeriodCases").count(), n_pages, "{text}");
}

#[test]
fn equal_reports_are_equal_bytes_and_charts_are_drawn() {
    let bytes = PdfPrinter.print(&document(3)).unwrap();
    assert_eq!(bytes, PdfPrinter.print(&document(3)).unwrap());
    let read = Document::load_mem(&bytes).unwrap();
    let first = *read.get_pages().values().next().unwrap();
    let content = read.get_and_decode_page_content(first).unwrap();
    let n_of =
        |operator: &str| content.operations.iter().filter(|it| it.operator == operator).count();
    // Two series of two values as bars, and the lines of the scale.
    assert!(n_of("f") >= 4 || n_of("f*") >= 4, "{:?}", content.operations.len());
    assert!(n_of("S") >= 6, "{}", n_of("S"));
}

#[test]
fn worst_report_is_printed_too() {
    let mut worst = document(1);
    worst.title = "x".repeat(5_000);
    worst.facts = vec![Fact::new("字\u{0}\u{7}", "y ".repeat(20_000))];
    let mut table = Table::new("t", "", &[("a", "", ColumnType::Text)]);
    table.add(vec![Cell::Text("z".repeat(100_000))]);
    worst.parts = vec![
        Part::Table(table),
        Part::Chart(Chart {
            title: String::new(),
            kind: ChartKind::Line,
            labels: Vec::new(),
            series: Vec::new(),
        }),
    ];
    let (n_pages, _) = text_of(&PdfPrinter.print(&worst).unwrap());
    assert!(n_pages > 1);
}
