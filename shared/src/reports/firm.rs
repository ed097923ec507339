//! The firm in figures: what the metrics say, over periods and by groups. No case is named.

use super::compose::ComposeError;
use super::definition::ReportDefinition;
use super::document::{
    Chart, ChartKind, ChartSeries, Fact, Part, ReportDocument, Table, shown_number,
};
use super::period::ReportPeriod;
use crate::analytics::{
    Formula, Group, Metric, MetricUnit, Series, SeriesQuery, built_in_metrics, series,
};
use crate::auth::Sight;
use crate::lake::{Cell, ColumnType};
use crate::ports::{CaseDimension, CaseTally};
use crate::time::Timestamp;

/// By what open cases are parted.
const DIMENSIONS: [(CaseDimension, &str); 4] = [
    (CaseDimension::PracticeArea, "Open cases by practice area"),
    (CaseDimension::Court, "Open cases by court"),
    (CaseDimension::Status, "Open cases by status"),
    (CaseDimension::Priority, "Open cases by priority"),
];

/// A metric with its values.
struct Measured {
    metric: Metric,
    series: Series,
}

impl Measured {
    fn values(&self) -> Vec<Option<f64>> {
        self.series.points.iter().map(|it| it.value).collect()
    }

    fn chart_series(&self) -> ChartSeries {
        ChartSeries { name: self.metric.title.clone(), values: self.values() }
    }

    fn fact(&self) -> Fact {
        let last = self.series.points.last();
        let value = last.and_then(|it| it.value).map_or_else(|| "–".to_owned(), shown_number);
        let changes = [
            (last.and_then(|it| it.previous_change), "against the period before"),
            (last.and_then(|it| it.year_change), "against a year before"),
        ];
        let changes: Vec<_> = changes
            .into_iter()
            .filter_map(|(change, what)| {
                let percent = change? * 100.0;
                let sign = if percent > 0.0 { "+" } else { "" };
                Some(format!("{sign}{}% {what}", shown_number(percent)))
            })
            .collect();
        let detail = (!changes.is_empty()).then(|| changes.join(", "));
        Fact { detail, ..Fact::new(self.metric.title.clone(), value) }
    }
}

/// Makes the report.
///
/// # Errors
///
/// [`ComposeError`].
pub(super) async fn document(
    tally: &dyn CaseTally,
    sight: &Sight,
    definition: &ReportDefinition,
    period: ReportPeriod,
    now: Timestamp,
) -> Result<ReportDocument, ComposeError> {
    let first = period.back(definition.look_back);
    let mut measured = Vec::new();
    for metric in built_in_metrics().map_err(ComposeError::Metrics)? {
        let found = {
            let (from, until) = (first.number, period.number);
            let query = SeriesQuery { metric: &metric, grain: period.grain, from, until, by: None };
            series(tally, sight, &query).await?
        };
        measured.extend(found.into_iter().next().map(|series| Measured { metric, series }));
    }
    let labels: Vec<String> = (first.number..=period.number)
        .map(|number| ReportPeriod { number, ..period }.to_string())
        .collect();
    let mut parts = charts(&measured, &labels);
    parts.push(Part::Table(by_period(&measured, &labels)));
    for (by, title) in DIMENSIONS {
        parts.extend(groups(tally, sight, &measured, period, by, title).await?);
    }
    let title = definition.title.clone();
    let subtitle = format!("{} {period}, {}", grain_name(period), definition.about);
    let mut notes: Vec<String> = measured
        .iter()
        .map(|it| format!("{}: {}", it.metric.title, it.metric.description))
        .collect();
    if *sight != Sight::Everything {
        notes.push("Counted are the cases that the one who asked for it may see.".to_owned());
    }
    let facts = measured.iter().map(Measured::fact).collect();
    Ok(ReportDocument { title, subtitle, facts, parts, notes, made_at: now })
}

fn grain_name(period: ReportPeriod) -> &'static str {
    use crate::analytics::Grain;
    match period.grain {
        Grain::Day => "Day",
        Grain::Week => "Week",
        Grain::Month => "Month",
    }
}

/// What is counted over a period is a bar, what stands at its end a line.
fn charts(measured: &[Measured], labels: &[String]) -> Vec<Part> {
    let is_flow =
        |it: &&Measured| matches!(it.metric.formula, Formula::CountOpened | Formula::CountClosed);
    let flows: Vec<_> = measured.iter().filter(is_flow).collect();
    let mut parts = Vec::new();
    if !flows.is_empty() {
        let titles: Vec<_> = flows.iter().map(|it| it.metric.title.clone()).collect();
        let series = flows.iter().map(|it| it.chart_series()).collect();
        let (title, labels) = (titles.join(", "), labels.to_vec());
        parts.push(Part::Chart(Chart { title, kind: ChartKind::Bar, labels, series }));
    }
    for it in measured.iter().filter(|it| !is_flow(it)) {
        let (title, labels) = (it.metric.title.clone(), labels.to_vec());
        let series = vec![it.chart_series()];
        parts.push(Part::Chart(Chart { title, kind: ChartKind::Line, labels, series }));
    }
    parts
}

fn by_period(measured: &[Measured], labels: &[String]) -> Table {
    let mut table = Table::new(
        "by_period",
        "By period",
        &[
            ("period", "Period", ColumnType::Text),
            ("cases_opened", "Opened", ColumnType::Long),
            ("cases_closed", "Closed", ColumnType::Long),
            ("cases_open", "Open at the end", ColumnType::Long),
            ("days_to_close", "Days to close", ColumnType::Float),
        ],
    );
    for (place, label) in labels.iter().enumerate() {
        let of = |name: &str| {
            let found = measured.iter().find(|it| it.metric.name == name)?;
            let value = found.series.points.get(place)?.value?;
            Some(cell(found.metric.unit, value))
        };
        let mut row = vec![Cell::Text(label.clone())];
        let names = table.columns.iter().skip(1);
        row.extend(names.map(|it| of(it.name).unwrap_or_default()));
        table.add(row);
    }
    table
}

fn cell(unit: MetricUnit, value: f64) -> Cell {
    match unit {
        #[expect(clippy::cast_possible_truncation, reason = "cases are counted by the whole")]
        MetricUnit::Cases => Cell::Int(value.round() as i64),
        MetricUnit::Days => Cell::Float(value),
    }
}

/// Parts the cases that were open at the end of `period`.
async fn groups(
    tally: &dyn CaseTally,
    sight: &Sight,
    measured: &[Measured],
    period: ReportPeriod,
    by: CaseDimension,
    title: &str,
) -> Result<Vec<Part>, ComposeError> {
    let open = measured.iter().find(|it| it.metric.formula == Formula::OpenAtEnd);
    let Some(Measured { metric, .. }) = open else { return Ok(Vec::new()) };
    let (from, until) = (period.number, period.number);
    let query = SeriesQuery { metric, grain: period.grain, from, until, by: Some(by) };
    let found = series(tally, sight, &query).await?;
    let mut counts: Vec<(String, f64)> = found
        .iter()
        .filter_map(|it| Some((group_name(&it.group), it.points.last()?.value?)))
        .filter(|(_, n)| *n > 0.0)
        .collect();
    counts.sort_by(|(a, n_of_a), (b, n_of_b)| n_of_b.total_cmp(n_of_a).then_with(|| a.cmp(b)));
    let name = match by {
        CaseDimension::PracticeArea => "by_practice_area",
        CaseDimension::Court => "by_court",
        CaseDimension::Status => "by_status",
        CaseDimension::Priority => "by_priority",
        CaseDimension::Origin => "by_origin",
    };
    let columns =
        [("group", "Group", ColumnType::Text), ("n_cases", "Open cases", ColumnType::Long)];
    let mut table = Table::new(name, title, &columns);
    for (group, n) in &counts {
        table.add(vec![Cell::Text(group.clone()), cell(MetricUnit::Cases, *n)]);
    }
    if counts.is_empty() {
        return Ok(vec![Part::Table(table)]);
    }
    let (labels, values) = counts.into_iter().map(|(group, n)| (group, Some(n))).unzip();
    let series = vec![ChartSeries { name: metric.title.clone(), values }];
    let chart = Chart { title: title.to_owned(), kind: ChartKind::Bar, labels, series };
    Ok(vec![Part::Chart(chart), Part::Table(table)])
}

fn group_name(group: &Group) -> String {
    match group {
        Group::All => "all".to_owned(),
        Group::Of(Some(value)) => value.clone(),
        Group::Of(None) => "without".to_owned(),
        Group::Rest => "all others".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use async_trait::async_trait;

    use super::*;
    use crate::error::PortError;
    use crate::ports::{CaseMeasure, DayTally, TallyQuery};
    use crate::reports::built_in_reports;

    /// Ten cases opened on each first of a month, four closed on each second, after three days.
    struct Steady;

    #[async_trait]
    impl CaseTally for Steady {
        async fn tally(
            &self,
            sight: &Sight,
            query: &TallyQuery,
        ) -> Result<Vec<DayTally>, PortError> {
            let n = if *sight == Sight::Everything { 10 } else { 9 };
            let (until, n_cases) = (
                query.until_day,
                match query.measure {
                    CaseMeasure::Opened => n,
                    CaseMeasure::Closed | CaseMeasure::TimeToClose => 4,
                },
            );
            let of_month = |month: i64| {
                let day = crate::analytics::Grain::Month.first_day(month);
                let total_ms = 4.0 * 3.0 * 86_400_000.0;
                let group = query.by.map(|_| "<Family>".to_owned());
                DayTally { group, day, n_cases, total_ms }
            };
            let last = crate::analytics::Grain::Month.period_of(until);
            Ok((last - 30..=last).map(of_month).collect())
        }
    }

    async fn made(sight: &Sight) -> ReportDocument {
        let definition =
            built_in_reports().unwrap().into_iter().find(|it| it.name == "firm-monthly").unwrap();
        let now = Timestamp::parse("2026-12-01T06:00:00Z").unwrap();
        let period = ReportPeriod::last_over(definition.grain, now);
        document(&Steady, sight, &definition, period, now).await.unwrap()
    }

    #[tokio::test]
    async fn report_of_the_firm_tells_the_metrics_of_its_period() {
        let made = made(&Sight::Everything).await;
        let facts: Vec<_> =
            made.facts.iter().map(|it| (it.name.as_str(), it.value.as_str())).collect();
        assert_eq!(facts[..2], [("Cases opened", "10"), ("Cases closed", "4")]);
        assert_eq!(facts[3], ("Days to close", "3"));
        let table = made.tables().find(|it| it.name == "by_period").unwrap();
        assert_eq!(table.rows.len(), 12);
        assert_eq!(
            table.rows[11][..3],
            [Cell::Text("2026-11".into()), Cell::Int(10), Cell::Int(4)]
        );
        let names: Vec<_> = made.tables().map(|it| it.name).collect();
        assert_eq!(
            names,
            ["by_period", "by_practice_area", "by_court", "by_status", "by_priority"]
        );
        let page = super::super::html(&made);
        assert!(page.contains("&lt;Family&gt;") && page.contains("Month 2026-11"), "{page}");
    }

    #[tokio::test]
    async fn figures_are_those_of_whom_it_is_made_for() {
        let ann = crate::ids::PersonId::parse("ann").unwrap();
        let made = made(&Sight::AllBut(ann)).await;
        assert_eq!(made.facts[0].value, "9");
        assert!(made.notes.last().unwrap().contains("may see"));
    }
}
