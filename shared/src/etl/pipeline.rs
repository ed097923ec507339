//! A pipeline as data, and the builder that makes one.

use std::collections::BTreeSet;

use super::case_rows::case_column;
use super::check::Check;
use super::fault::{Faults, Located, PipelineFault};
use super::json_path::JsonPath;
use super::kind::{ColumnKind, SourceColumn, ValueFormat};
use super::place::{FileForm, Place, Sink, Source};
use super::rule::{Action, Percent, Rule};
use super::sets::{Aggregate, Deduplicate, History, Join, Keep, OrderBy};
use super::step::Step;
use super::unit_test::PipelineTest;
use crate::schedule::Schedule;

/// The most columns and steps of a pipeline.
const MAX_PARTS: usize = 2_000;
/// The least memory with which steps over many rows can work, in MiB.
const MIN_MEMORY_MB: u32 = 8;

/// A pipeline: from a source through steps into a sink. That it is one says nothing of its expressions:
/// the engine checks those.
#[derive(Clone, Debug, PartialEq)]
pub struct Pipeline {
    /// What reports call it.
    pub name: String,
    /// What it is for, for people.
    pub about: Option<String>,
    /// When it runs by itself; without one it is asked for.
    pub schedule: Option<Schedule>,
    /// The file it was read from; empty when it was built.
    pub file: String,
    /// Where rows come from.
    pub source: Located<Source>,
    /// The columns of the source whose values name a row in rejects.
    pub key: Vec<String>,
    /// What is done to rows. Rules are a step of checks, too.
    pub steps: Vec<Located<Step>>,
    /// The share of rows that must not be rejected.
    pub threshold: Percent,
    /// Where rows go.
    pub sink: Located<Sink>,
    /// Where rejects go.
    pub quarantine: Option<Sink>,
    /// The figures of the last run that passed, which rules of drift compare with; each run that passes
    /// writes its own there.
    pub baseline: Option<Place>,
    /// How much memory steps over many rows may take together, in MiB; what they need beyond it goes to
    /// disk.
    pub memory_mb: u32,
    /// Its tests.
    pub tests: Vec<PipelineTest>,
}

impl Pipeline {
    /// The memory of steps over many rows when nothing else is said, in MiB.
    pub const DEFAULT_MEMORY_MB: u32 = 256;

    /// Begins a pipeline that reads `source` and writes `sink`.
    ///
    /// ```
    /// use shared::etl::{
    ///     Action, Check, ColumnKind, ColumnTest, FileForm, Pipeline, Place, RowCheck, Rule, Sink,
    ///     Source, SourceColumn,
    /// };
    /// let source = Source {
    ///     at: Place::parse("file:data/cases.csv")?,
    ///     form: FileForm::Csv(Default::default()),
    ///     columns: vec![SourceColumn::new("id", ColumnKind::Text)],
    /// };
    /// let sink = Sink::new(Place::parse("file:data/cases.parquet")?, FileForm::Parquet);
    /// let there = Check::Row(RowCheck::Column(ColumnTest::NotNull, "id".to_owned()));
    /// let pipeline = Pipeline::builder("cases", source, sink)
    ///     .key(["id"])
    ///     .derive("short", "left(id, 3)")
    ///     .rule(Rule::new(there, Action::Stop))
    ///     .build()
    ///     .unwrap();
    /// assert_eq!(pipeline.steps.len(), 2);
    /// # Ok::<_, String>(())
    /// ```
    pub fn builder(name: impl Into<String>, source: Source, sink: Sink) -> PipelineBuilder {
        let whole = |path: &str| (0, path.to_owned());
        let ((line, path), (sink_line, sink_path)) = (whole("source"), whole("sink"));
        PipelineBuilder {
            pipeline: Self {
                name: name.into(),
                about: None,
                schedule: None,
                file: String::new(),
                source: Located { line, path, part: source },
                key: Vec::new(),
                steps: Vec::new(),
                threshold: Percent::DEFAULT_THRESHOLD,
                sink: Located { line: sink_line, path: sink_path, part: sink },
                quarantine: None,
                baseline: None,
                memory_mb: Self::DEFAULT_MEMORY_MB,
                tests: Vec::new(),
            },
            rules: Vec::new(),
        }
    }

    /// Lists its rules.
    pub fn rules(&self) -> impl Iterator<Item = &Located<Rule>> {
        self.steps.iter().flat_map(|step| match &step.part {
            Step::Check(rules) => rules.as_slice(),
            _ => &[],
        })
    }

    /// Checks all that can be told without knowing expressions.
    ///
    /// # Errors
    ///
    /// Every fault.
    pub fn check(&self) -> Result<(), Vec<PipelineFault>> {
        let mut faults = Faults::of(&self.file);
        self.check_parts(&mut faults);
        self.check_columns(&mut faults);
        self.check_sets(&mut faults);
        self.check_rules(&mut faults);
        self.check_partitions(&mut faults);
        self.check_places(&mut faults);
        if faults.is_empty() { Ok(()) } else { Err(faults.into_list()) }
    }

    fn check_parts(&self, faults: &mut Faults<'_>) {
        let is_name = |it: &str| {
            (1..=80).contains(&it.len())
                && it.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
        };
        if !is_name(&self.name) {
            faults.add(0, "pipeline", "is no name: 1 to 80 letters, digits, `-` and `_`");
        }
        if self.steps.len() > MAX_PARTS || self.source.part.columns.len() > MAX_PARTS {
            faults.add(0, "", format!("has more than {MAX_PARTS} columns or steps: part it"));
        }
        let (source, sink) = (&self.source.part.at, &self.sink);
        let mut places = vec![source, &sink.part.at];
        places.extend(self.quarantine.as_ref().map(|it| &it.at));
        places.extend(&self.baseline);
        for (idx, place) in places.iter().enumerate() {
            if places.iter().take(idx).any(|it| it == place) {
                let text = format!("`{place}` is another file of this pipeline already");
                faults.add(sink.line, &sink.path, text);
            }
        }
    }

    /// Steps over many rows.
    fn check_sets(&self, faults: &mut Faults<'_>) {
        if self.memory_mb < MIN_MEMORY_MB {
            faults.add(0, "memory_mb", format!("is too little: write {MIN_MEMORY_MB} or more"));
        }
        let written: Vec<&Place> =
            self.quarantine.iter().map(|it| &it.at).chain(&self.baseline).collect();
        for Located { line, path, part } in &self.steps {
            let read = match part {
                Step::Join(join) => {
                    check_source(*line, &format!("{path}.with"), &join.with, faults);
                    Some(&join.with.at)
                }
                Step::History(history) => Some(&history.against.at),
                _ => None,
            };
            if let Some(place) = read.filter(|it| written.contains(it)) {
                faults.add(*line, path, format!("`{place}` is written by this pipeline"));
            }
            for fault in part.faults() {
                faults.add(*line, path, fault);
            }
        }
    }

    fn check_columns(&self, faults: &mut Faults<'_>) {
        let Located { line, path, part } = &self.source;
        check_source(*line, path, part, faults);
        let known: Vec<&str> = part.columns.iter().map(|it| it.name.as_str()).collect();
        for name in &self.key {
            if !known.contains(&name.as_str()) {
                let text = super::fault::no_such_name("column of the source", name, &known);
                faults.add(0, "key", text);
            }
        }
    }

    fn check_rules(&self, faults: &mut Faults<'_>) {
        let mut names = BTreeSet::new();
        for Located { line, path, part: rule } in self.rules() {
            if !names.insert(rule.name.as_str()) {
                let text = format!("another rule is named `{}`: give one a `name`", rule.name);
                faults.add(*line, path, text);
            }
            let is_taken = matches!(rule.action, Action::Warn | Action::Stop);
            if rule.check.is_of_all_rows() && !is_taken {
                let text = "is of all rows together: its action is `warn` or `stop`";
                faults.add(*line, path, text);
            }
            if rule.check.is_of_all_rows() && rule.threshold.is_some() {
                faults.add(*line, path, "is of all rows together, and takes no `threshold`");
            }
            if rule.action == Action::Quarantine && self.quarantine.is_none() {
                let text = "sends rows into the quarantine: say where by `quarantine`, or write \
                            `action: drop`";
                faults.add(*line, path, text);
            }
            if let Check::Reference { to, .. } = &rule.check
                && let Some(entity) = to.at.entity()
                && let Err(text) = case_column(entity, &to.column.from)
            {
                faults.add(*line, path, text);
            }
            if rule.check.needs_baseline() && self.baseline.is_none() {
                faults.add(*line, path, "compares with an earlier run: say where by `baseline`");
            }
        }
    }
}

/// Checks the columns of a file that is read.
fn check_source(line: u64, path: &str, part: &Source, faults: &mut Faults<'_>) {
    if part.columns.is_empty() {
        faults.add(line, path, "names no columns: say which are read, each with its type");
    }
    let mut names = BTreeSet::new();
    for column in &part.columns {
        if column.name.is_empty() || column.name.chars().any(char::is_control) {
            faults.add(line, format!("{path}.columns"), "a column without a name");
        }
        if !names.insert(column.name.as_str()) {
            let text = format!("`{}` is there twice: keep one", column.name);
            faults.add(line, format!("{path}.columns"), text);
        }
        let named = match (&part.form, part.at.entity()) {
            (FileForm::Json(_), _) => JsonPath::parse(&column.from).map(drop),
            (_, Some(entity)) => case_column(entity, &column.from).map(drop),
            _ => Ok(()),
        };
        if let Err(text) = named {
            faults.add(line, format!("{path}.columns"), text);
        }
        if !part.form.is_text() && column.format != ValueFormat::Usual {
            let text = format!("`{}`: only text files have formats", column.name);
            faults.add(line, format!("{path}.columns"), text);
        }
    }
}

/// Makes a [`Pipeline`] part by part.
#[must_use]
pub struct PipelineBuilder {
    pipeline: Pipeline,
    rules: Vec<Located<Rule>>,
}

impl PipelineBuilder {
    /// Runs it by itself.
    pub fn schedule(mut self, schedule: Schedule) -> Self {
        self.pipeline.schedule = Some(schedule);
        self
    }

    /// Names rows in rejects by these columns of the source.
    pub fn key<T: Into<String>>(mut self, columns: impl IntoIterator<Item = T>) -> Self {
        self.pipeline.key = columns.into_iter().map(Into::into).collect();
        self
    }

    /// Adds a step.
    pub fn step(mut self, step: Step) -> Self {
        let path = format!("steps.{}", self.pipeline.steps.len());
        self.pipeline.steps.push(Located { line: 0, path, part: step });
        self
    }

    /// Keeps only rows for which `expression` is true.
    pub fn filter(self, expression: impl Into<String>) -> Self {
        self.step(Step::Filter(expression.into()))
    }

    /// Adds a column.
    pub fn derive(self, column: impl Into<String>, expression: impl Into<String>) -> Self {
        self.step(Step::Derive { column: column.into(), expression: expression.into() })
    }

    /// Turns a column into one of another kind.
    pub fn convert(self, column: impl Into<String>, kind: ColumnKind, format: ValueFormat) -> Self {
        self.step(Step::Convert { column: column.into(), kind, format })
    }

    /// Gives a column another name.
    pub fn rename(self, from: impl Into<String>, to: impl Into<String>) -> Self {
        self.step(Step::Rename { from: from.into(), to: to.into() })
    }

    /// Keeps only these columns.
    pub fn select<T: Into<String>>(self, columns: impl IntoIterator<Item = T>) -> Self {
        self.step(Step::Select(columns.into_iter().map(Into::into).collect()))
    }

    /// Matches rows with those of another file.
    pub fn join(self, join: Join) -> Self {
        self.step(Step::Join(join))
    }

    /// Makes one row of each group of them, with these columns by their expressions.
    pub fn aggregate<T: Into<String>, U: Into<String>>(
        self,
        by: impl IntoIterator<Item = T>,
        make: impl IntoIterator<Item = (U, U)>,
    ) -> Self {
        let by = by.into_iter().map(Into::into).collect();
        let make = make.into_iter().map(|(name, text)| (name.into(), text.into())).collect();
        self.step(Step::Aggregate(Aggregate { by, make }))
    }

    /// Keeps one row of each key.
    pub fn deduplicate<T: Into<String>>(
        self,
        by: impl IntoIterator<Item = T>,
        keep: Keep,
        order: impl IntoIterator<Item = OrderBy>,
    ) -> Self {
        let (by, order) = (by.into_iter().map(Into::into).collect(), order.into_iter().collect());
        self.step(Step::Deduplicate(Deduplicate { by, keep, order }))
    }

    /// Brings rows into an order.
    pub fn sort(self, order: impl IntoIterator<Item = OrderBy>) -> Self {
        self.step(Step::Sort(order.into_iter().collect()))
    }

    /// Makes versions of rows, with the time in which they held.
    pub fn history(self, history: History) -> Self {
        self.step(Step::History(history))
    }

    /// Lets steps over many rows take so much memory, in MiB.
    pub fn memory_mb(mut self, memory_mb: u32) -> Self {
        self.pipeline.memory_mb = memory_mb;
        self
    }

    /// Adds a rule that is checked after all steps.
    pub fn rule(mut self, rule: Rule) -> Self {
        let path = format!("rules.{}", self.rules.len());
        self.rules.push(Located { line: 0, path, part: rule });
        self
    }

    /// Stops the run when a greater share of rows is rejected.
    pub fn threshold(mut self, threshold: Percent) -> Self {
        self.pipeline.threshold = threshold;
        self
    }

    /// Writes rejects into `sink`.
    pub fn quarantine(mut self, sink: Sink) -> Self {
        self.pipeline.quarantine = Some(sink);
        self
    }

    /// Compares with the figures at `place`, and writes new ones there.
    pub fn baseline(mut self, place: Place) -> Self {
        self.pipeline.baseline = Some(place);
        self
    }

    /// Ends it.
    ///
    /// # Errors
    ///
    /// Every fault that can be told without knowing expressions.
    pub fn build(self) -> Result<Pipeline, Vec<PipelineFault>> {
        let Self { mut pipeline, rules } = self;
        if !rules.is_empty() {
            let path = "rules".to_owned();
            pipeline.steps.push(Located { line: 0, path, part: Step::Check(rules) });
        }
        pipeline.check().map(|()| pipeline)
    }
}

impl Source {
    /// Returns the column `name`.
    pub fn column(&self, name: &str) -> Option<&SourceColumn> {
        self.columns.iter().find(|it| it.name == name)
    }
}
