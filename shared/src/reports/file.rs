//! A report as it is written: YAML, read like a pipeline's.

use super::definition::{LOOK_BACK, MAX_LOOK_BACK, ReportDefinition};
use crate::analytics::Grain;
use crate::etl::yaml::{At, Node};
use crate::etl::{Faults, PipelineFault};
use crate::ports::{ReportFormat, ReportKind, ReportReceiver};

/// The longest file taken, in bytes.
pub(super) const MAX_BYTES: usize = 65_536;

const KEYS: &[&str] = &[
    "report",
    "title",
    "about",
    "kind",
    "period",
    "look_back",
    "formats",
    "pipeline",
    "schedule",
    "deliver",
];

/// Reads the report that `text` holds; `file` names it in faults.
///
/// # Errors
///
/// Every fault, each with its file, its line and the way out.
pub fn read_report(file: &str, text: &str) -> Result<ReportDefinition, Vec<PipelineFault>> {
    let mut faults = Faults::of(file);
    if text.len() > MAX_BYTES {
        faults.add(0, "", format!("is longer than {MAX_BYTES} bytes"));
        return Err(faults.into_list());
    }
    let options = serde_saphyr::options! { strict_booleans: true };
    let tree: Node = match serde_saphyr::from_str_with_options(text, options) {
        Ok(tree) => tree,
        Err(error) => {
            let line = error.location().map_or(0, |it| it.line());
            faults.add(line, "", error.without_snippet().to_string());
            return Err(faults.into_list());
        }
    };
    let report = read_tree(&At::root(&tree), &mut faults);
    match report {
        Some(report) if faults.is_empty() => Ok(report),
        _ => Err(faults.into_list()),
    }
}

fn read_tree(root: &At<'_>, faults: &mut Faults<'_>) -> Option<ReportDefinition> {
    root.keys(KEYS, faults);
    let name = root.need("report", faults).and_then(|it| {
        let name = it.text(faults)?;
        if !is_name(&name) {
            it.fault(
                faults,
                "a name is 1 to 80 of `a` to `z`, `0` to `9`, `-` and `_`, and begins with a letter",
            );
        }
        Some(name)
    });
    let title = root.need("title", faults).and_then(|it| it.text(faults));
    let about = root.need("about", faults).and_then(|it| it.text(faults));
    let kinds = ReportKind::ALL.map(|it| (it.as_str(), it));
    let kind = root.need("kind", faults).and_then(|it| it.word(&kinds, faults));
    let grains = [("day", Grain::Day), ("week", Grain::Week), ("month", Grain::Month)];
    let grain = root.get("period").map(|it| it.word(&grains, faults));
    let look_back = root.get("look_back").map(|it| look_back(&it, faults));
    let formats = root
        .need("formats", faults)
        .and_then(|it| it.words(&ReportFormat::ALL.map(|it| (it.as_str(), it)), faults));
    let pipeline = root.get("pipeline").map(|it| it.text(faults));
    let schedule = root.get("schedule").map(|it| it.time_of_day(faults));
    let receivers = ReportReceiver::ALL.map(|it| (it.as_str(), it));
    let deliver = root.get("deliver").map(|it| it.words(&receivers, faults));
    if let Some(kind) = kind {
        check_kind(root, kind, faults);
    }
    Some(ReportDefinition {
        name: name?,
        title: title?,
        about: about?,
        kind: kind?,
        grain: grain.unwrap_or(Some(Grain::Month))?,
        look_back: look_back.unwrap_or(Some(LOOK_BACK))?,
        formats: formats?,
        pipeline: pipeline.unwrap_or_default(),
        schedule: schedule.unwrap_or_default(),
        deliver: deliver.unwrap_or(Some(Vec::new()))?,
    })
}

/// Notes what a report of this kind cannot have.
fn check_kind(root: &At<'_>, kind: ReportKind, faults: &mut Faults<'_>) {
    let of_case = [
        ("period", "a case is told whole: take this away"),
        ("look_back", "a case is told whole: take this away"),
        ("schedule", "which case? A report of one is asked for: take this away"),
    ];
    if kind == ReportKind::Case {
        for (key, text) in of_case {
            if let Some(it) = root.get(key) {
                it.fault(faults, text);
            }
        }
    } else if root.get("period").is_none() {
        root.fault(faults, "`period` is missing: write `day`, `week` or `month`");
    }
    match (kind, root.get("pipeline"), root.get("schedule")) {
        (ReportKind::Pipeline, None, Some(schedule)) => {
            schedule.fault(faults, "which pipeline? Add `pipeline: NAME`");
        }
        (ReportKind::Firm | ReportKind::Case, Some(pipeline), _) => {
            pipeline.fault(faults, "the report is of no pipeline: write `kind: pipeline`");
        }
        _ => {}
    }
}

fn look_back(at: &At<'_>, faults: &mut Faults<'_>) -> Option<u32> {
    let count: u32 = at.count(faults)?;
    if (1..=MAX_LOOK_BACK).contains(&count) {
        return Some(count);
    }
    at.fault(faults, format!("write a number of periods from 1 to {MAX_LOOK_BACK}"));
    None
}

/// Tells whether `name` can be that of a report.
pub(super) fn is_name(name: &str) -> bool {
    let rest = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'_');
    (1..=80).contains(&name.len())
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.bytes().all(rest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schedule::TimeOfDay;

    const FIRM: &str = "report: firm\ntitle: The firm\nabout: Figures.\nkind: firm\nperiod: month\n\
                        formats: [html, pdf]\nschedule: \"06:00\"\ndeliver: topic\n";

    fn told(text: &str) -> Vec<String> {
        let faults = read_report("firm.yaml", text).unwrap_err();
        faults.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn report_is_read() {
        let report = read_report("firm.yaml", FIRM).unwrap();
        assert_eq!(
            (report.kind, report.grain, report.look_back),
            (ReportKind::Firm, Grain::Month, 12)
        );
        assert_eq!(report.formats, [ReportFormat::Html, ReportFormat::Pdf]);
        assert_eq!(report.schedule, TimeOfDay::parse("06:00"));
        assert_eq!(report.deliver, [ReportReceiver::Topic]);
    }

    #[test]
    fn each_fault_names_file_line_and_fix() {
        assert_eq!(
            told(&FIRM.replace("html", "htmll")),
            ["firm.yaml:6: formats.0: there is no word `htmll`: did you mean `html`?"]
        );
        assert_eq!(
            told(&FIRM.replace("06:00", "6")),
            ["firm.yaml:7: schedule: is no time of the day: write `\"06:00\"`, which is UTC"]
        );
        assert_eq!(
            told(&FIRM.replace("period: month\n", "")),
            ["firm.yaml:1: `period` is missing: write `day`, `week` or `month`"]
        );
        let case = FIRM.replace("kind: firm", "kind: case");
        let told_of_case = told(&case);
        assert_eq!(told_of_case.len(), 2, "{told_of_case:?}");
        assert!(told_of_case[1].contains("schedule: which case?"), "{told_of_case:?}");
        let pipeline = FIRM.replace("kind: firm", "kind: pipeline");
        assert_eq!(
            told(&pipeline),
            ["firm.yaml:7: schedule: which pipeline? Add `pipeline: NAME`"]
        );
        assert_eq!(
            told(&FIRM.replace("[html, pdf]", "[html, html]")),
            ["firm.yaml:6: formats.1: is there twice: take one away"]
        );
        assert!(told(&FIRM.replace("title:", "titel:"))[1].contains("did you mean `title`?"));
        assert_eq!(told("report: [").len(), 1);
    }
}
