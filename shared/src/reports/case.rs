//! One case as it stands, for somebody who sees it.

use std::collections::BTreeMap;

use super::compose::ComposeError;
use super::definition::ReportDefinition;
use super::document::{
    Chart, ChartKind, ChartSeries, Fact, Part, ReportDocument, Table, shown_instant,
};
use super::period::ReportPeriod;
use crate::analytics::Grain;
use crate::auth::Sight;
use crate::lake::{Cell, ColumnType};
use crate::ports::{CaseDetail, CaseView};
use crate::time::Timestamp;

/// Months that the chart shows, at most.
const N_MONTHS: u32 = 24;

/// Makes the report of the case `id`.
///
/// # Errors
///
/// [`ComposeError`]; the same when the case is not there and when it is hidden.
pub(super) async fn document(
    view: &dyn CaseView,
    sight: &Sight,
    definition: &ReportDefinition,
    id: &str,
    now: Timestamp,
) -> Result<ReportDocument, ComposeError> {
    let found = view.case(sight, id).await?;
    let case = found.ok_or_else(|| ComposeError::Never(format!("there is no case `{id}`")))?;
    let title = case.summary.title.clone().or_else(|| case.summary.docket_number.clone());
    let mut parts: Vec<_> = activity(&case).into_iter().map(Part::Chart).collect();
    parts.extend([timeline(&case), documents(&case), letters(&case)].map(Part::Table));
    Ok(ReportDocument {
        title: title.unwrap_or_else(|| definition.title.clone()),
        subtitle: definition.about.clone(),
        facts: facts(&case),
        parts,
        notes: vec![
            "Of events and of letters the latest 200 are told; times are UTC. What letters say is not \
             in this report."
                .to_owned(),
        ],
        made_at: now,
    })
}

fn facts(case: &CaseDetail) -> Vec<Fact> {
    let it = &case.summary;
    let day =
        |at: Option<Timestamp>| at.map(|it| shown_instant(it).chars().take(10).collect::<String>());
    let (opened, closed) = (day(it.opened_at), day(it.closed_at));
    let standing = if it.is_closed { "closed" } else { "open" };
    let facts = [
        Fact::of("Docket number", it.docket_number.as_deref()),
        Fact::of("Case number", it.case_number.as_deref()),
        Fact::of("Court", it.court.as_deref()),
        Fact::of("Status", it.status.as_deref()),
        Fact::of("Standing", Some(standing)),
        Fact::of("Priority", it.priority.as_deref()),
        Fact::of("Practice area", it.practice_area.as_deref()),
        Fact::of("Client", it.account_name.as_deref()),
        Fact::of("Contact", it.contact_name.as_deref()),
        Fact::of("Opened", opened.as_deref()),
        Fact::of("Closed", closed.as_deref()),
        Fact::of("Came in by", case.origin.as_deref()),
        Fact::of("Reason", case.reason.as_deref()),
        Fact::of("About", case.description.as_deref()),
        case.is_deleted.then(|| Fact::new("Deleted", "at its source")),
    ];
    facts.into_iter().flatten().collect()
}

/// Counts what happened, by month.
fn activity(case: &CaseDetail) -> Option<Chart> {
    let mut months: BTreeMap<i64, [f64; 2]> = BTreeMap::new();
    let events = case.timeline.iter().map(|it| (it.occurred_at, 0));
    let letters = case.communications.iter().map(|it| (it.occurred_at, 1));
    for (at, which) in events.chain(letters) {
        let month = ReportPeriod::at(Grain::Month, at).number;
        if let Some(count) = months.entry(month).or_default().get_mut(which) {
            *count += 1.0;
        }
    }
    let (earliest, last) = (*months.keys().next()?, *months.keys().next_back()?);
    let of = |number| ReportPeriod { grain: Grain::Month, number };
    let first = of(last).back(N_MONTHS).number.max(earliest);
    let series = ["Events", "Letters and calls"].into_iter().enumerate().map(|(which, name)| {
        let count = |it: i64| months.get(&it).and_then(|it| it.get(which)).copied().unwrap_or(0.0);
        ChartSeries {
            name: name.to_owned(),
            values: (first..=last).map(|it| Some(count(it))).collect(),
        }
    });
    Some(Chart {
        title: "What happened, by month".to_owned(),
        kind: ChartKind::Bar,
        labels: (first..=last).map(|it| of(it).to_string()).collect(),
        series: series.collect(),
    })
}

fn text(value: Option<&str>) -> Cell {
    value.map_or(Cell::Null, |it| Cell::Text(it.to_owned()))
}

fn timeline(case: &CaseDetail) -> Table {
    let mut table = Table::new(
        "timeline",
        "Timeline",
        &[
            ("occurred_at", "When", ColumnType::Instant),
            ("event_type", "Kind", ColumnType::Text),
            ("title", "What", ColumnType::Text),
            ("importance", "Importance", ColumnType::Long),
        ],
    );
    for it in &case.timeline {
        table.add(vec![
            Cell::Instant(it.occurred_at),
            Cell::Text(it.event_type.clone()),
            Cell::Text(it.title.clone()),
            Cell::Int(it.importance.into()),
        ]);
    }
    table
}

fn documents(case: &CaseDetail) -> Table {
    let mut table = Table::new(
        "documents",
        "Documents",
        &[
            ("exhibit_label", "Exhibit", ColumnType::Text),
            ("name", "Name", ColumnType::Text),
            ("media_type", "Type", ColumnType::Text),
            ("size_bytes", "Bytes", ColumnType::Long),
            ("created_at", "Filed", ColumnType::Instant),
        ],
    );
    for it in &case.documents {
        let size = it.size_bytes.and_then(|it| i64::try_from(it).ok());
        table.add(vec![
            text(it.exhibit_label.as_deref()),
            Cell::Text(it.name.clone()),
            text(it.media_type.as_deref()),
            size.map_or(Cell::Null, Cell::Int),
            Cell::Instant(it.created_at),
        ]);
    }
    table
}

fn letters(case: &CaseDetail) -> Table {
    let mut table = Table::new(
        "letters",
        "Letters and calls",
        &[
            ("occurred_at", "When", ColumnType::Instant),
            ("medium", "By", ColumnType::Text),
            ("sender", "From", ColumnType::Text),
            ("recipient", "To", ColumnType::Text),
            ("subject", "Subject", ColumnType::Text),
        ],
    );
    for it in &case.communications {
        table.add(vec![
            Cell::Instant(it.occurred_at),
            text(it.medium.as_deref()),
            text(it.sender.as_deref()),
            text(it.recipient.as_deref()),
            text(it.subject.as_deref()),
        ]);
    }
    table
}
