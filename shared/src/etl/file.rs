//! A pipeline as it is written: YAML.

mod checks;
mod places;
mod schedule;
mod sets;
mod steps;
mod tests_of;

use super::fault::{Faults, Located, PipelineFault};
use super::pipeline::Pipeline;
use super::rule::Percent;
use super::step::Step;
use super::yaml::{At, Node};

/// The longest file taken, in bytes.
const MAX_BYTES: usize = 1_048_576;

const KEYS: &[&str] = &[
    "pipeline",
    "about",
    "schedule",
    "source",
    "key",
    "steps",
    "rules",
    "threshold",
    "sink",
    "quarantine",
    "baseline",
    "memory_mb",
    "tests",
];

/// Reads the pipeline that `text` holds; `file` names it in faults.
///
/// # Errors
///
/// Every fault that can be told without knowing expressions, each with its place and the way out.
pub fn read_pipeline(file: &str, text: &str) -> Result<Pipeline, Vec<PipelineFault>> {
    let mut faults = Faults::of(file);
    if text.len() > MAX_BYTES {
        faults.add(0, "", format!("is longer than {MAX_BYTES} bytes"));
        return Err(faults.into_list());
    }
    // `n`, `yes` and `off` are names of columns and words in files, not flags.
    let options = serde_saphyr::options! { strict_booleans: true };
    let tree: Node = match serde_saphyr::from_str_with_options(text, options) {
        Ok(tree) => tree,
        Err(error) => {
            let line = error.location().map_or(0, |it| it.line());
            faults.add(line, "", error.without_snippet().to_string());
            return Err(faults.into_list());
        }
    };
    let pipeline = read_tree(file, &At::root(&tree), &mut faults);
    match pipeline {
        Some(pipeline) if faults.is_empty() => pipeline.check().map(|()| pipeline),
        _ => Err(faults.into_list()),
    }
}

fn read_tree(file: &str, root: &At<'_>, faults: &mut Faults<'_>) -> Option<Pipeline> {
    root.keys(KEYS, faults);
    let name = root.need("pipeline", faults).and_then(|it| it.text(faults));
    let about = root.get("about").and_then(|it| it.text(faults));
    let schedule = root.get("schedule").map(|it| schedule::schedule(&it, faults));
    let source = root.need("source", faults).and_then(|it| {
        let part = places::source(&it, faults)?;
        Some(Located { line: it.line, path: it.path, part })
    });
    let key = root.get("key").and_then(|it| it.texts(faults)).unwrap_or_default();
    let mut all = Vec::new();
    for step in root.get("steps").iter().flat_map(At::items) {
        all.extend(steps::steps(&step, faults));
    }
    if let Some(rules) = root.get("rules") {
        let (line, path) = (rules.line, rules.path.clone());
        let part = Step::Check(steps::rules(&rules, faults));
        all.push(Located { line, path, part });
    }
    let threshold = root.get("threshold").map(|it| steps::percent(&it, faults));
    let sink = root.need("sink", faults).and_then(|it| {
        let part = places::sink(&it, faults)?;
        Some(Located { line: it.line, path: it.path, part })
    });
    let quarantine = root.get("quarantine").map(|it| places::sink(&it, faults));
    let baseline = root.get("baseline").map(|it| places::place(&it, faults));
    let memory_mb = root.get("memory_mb").map(|it| it.count(faults));
    let tests = tests_of::tests(root.get("tests").as_ref(), faults);
    Some(Pipeline {
        name: name?,
        about,
        schedule: schedule.unwrap_or_default(),
        file: file.to_owned(),
        source: source?,
        key,
        steps: all,
        threshold: threshold.unwrap_or(Some(Percent::DEFAULT_THRESHOLD))?,
        sink: sink?,
        quarantine: quarantine.unwrap_or_default(),
        baseline: baseline.unwrap_or_default(),
        memory_mb: memory_mb.unwrap_or(Some(Pipeline::DEFAULT_MEMORY_MB))?,
        tests,
    })
}

#[cfg(test)]
mod tests;
