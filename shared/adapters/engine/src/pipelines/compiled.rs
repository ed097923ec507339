//! A pipeline with every name and type worked out, ready to run.

use std::collections::BTreeSet;

use arrow_schema::SchemaRef;
use shared::etl::{
    Check, ColumnKind, Faults, Lineage, Located, Pipeline, PipelineFault, PipelinePlan,
    PlannedColumn, PlannedRule, PlannedStep, Rule, SourceColumn, Step, ValueFormat, no_such_name,
};

use super::kinds::schema_of;
use super::language::{Language, Worked};
use super::sets::SetWork;
use super::source::Wanted;

/// What is done to batches.
pub(super) enum Work {
    Filter(Worked),
    /// The column at `place`, or a new last one, becomes what is worked out.
    Derive {
        place: Option<usize>,
        worked: Worked,
        schema: SchemaRef,
    },
    Convert {
        place: usize,
        kind: ColumnKind,
        format: ValueFormat,
        schema: SchemaRef,
    },
    /// The columns at these places go on, in this order.
    Arrange {
        places: Vec<usize>,
        schema: SchemaRef,
    },
    Check(Vec<RuleWork>),
    /// Rows are looked at together. It parts the steps before it from those behind.
    #[cfg_attr(not(feature = "sets"), expect(dead_code, reason = "there is none in this build"))]
    Set(Box<SetWork>),
}

/// A rule with its columns.
pub(super) struct RuleWork {
    pub(super) rule: Rule,
    /// The expression of a check of each row.
    pub(super) worked: Option<Worked>,
    /// The places of its columns.
    pub(super) places: Vec<usize>,
    /// Their names, for rejects.
    pub(super) columns: Vec<String>,
    /// What to read for a reference.
    pub(super) reference: Option<Wanted>,
}

/// A pipeline that can run.
pub(super) struct Compiled {
    pub(super) source: Wanted,
    /// What is done to batches: before, between and behind the steps over many rows.
    pub(super) stretches: Vec<Vec<Work>>,
    /// The steps over many rows.
    pub(super) sets: Vec<SetWork>,
    pub(super) schema: SchemaRef,
    pub(super) plan: PipelinePlan,
}

/// Works out `pipeline`.
///
/// # Errors
///
/// Every fault, each with its place.
pub(super) fn compile(
    pipeline: &Pipeline,
    language: &Language,
) -> Result<Compiled, Vec<PipelineFault>> {
    pipeline.check()?;
    let mut compiler = Compiler::new(pipeline, language);
    let mut work = Vec::with_capacity(pipeline.steps.len());
    for step in &pipeline.steps {
        match step.part.is_set_wise() {
            true => work.extend(compiler.set(step).unwrap_or_default()),
            false => work.extend(compiler.step(step)),
        }
    }
    let Compiler { faults, columns, lineage, steps, rules, .. } = compiler;
    if !faults.is_empty() {
        return Err(faults.into_list());
    }
    let (mut stretches, mut sets) = (vec![Vec::new()], Vec::new());
    for work in work {
        match (work, stretches.last_mut()) {
            (Work::Set(set), _) => {
                sets.push(*set);
                stretches.push(Vec::new());
            }
            (work, Some(stretch)) => stretch.push(work),
            (_, None) => {}
        }
    }
    let source = &pipeline.source.part;
    let key = pipeline.key.iter();
    let key =
        key.filter_map(|name| source.columns.iter().position(|it| it.name == *name)).collect();
    Ok(Compiled {
        source: Wanted {
            at: source.at.clone(),
            form: source.form.clone(),
            columns: source.columns.clone(),
            key,
        },
        stretches,
        sets,
        schema: schema_of(&columns),
        plan: PipelinePlan {
            pipeline: pipeline.name.clone(),
            source: source.at.clone(),
            source_columns: of_source(&source.columns),
            steps,
            rules,
            threshold: pipeline.threshold,
            sink: pipeline.sink.part.at.clone(),
            lineage: columns.iter().map(|it| lineage.of(&it.name, it.kind)).collect(),
            filtered_by: lineage.filtered_by,
        },
    })
}

fn of_source(columns: &[SourceColumn]) -> Vec<PlannedColumn> {
    let planned = |it: &SourceColumn| PlannedColumn { name: it.name.clone(), kind: it.kind };
    columns.iter().map(planned).collect()
}

/// Works out steps, one after the other.
pub(super) struct Compiler<'a> {
    pub(super) language: &'a Language,
    faults: Faults<'a>,
    pub(super) columns: Vec<PlannedColumn>,
    /// Columns whose expression is wrong: what looks at them is not told to be wrong, too.
    pub(super) unknown: Vec<String>,
    pub(super) lineage: Lineage,
    pub(super) steps: Vec<PlannedStep>,
    rules: Vec<PlannedRule>,
    #[cfg(feature = "sets")]
    pub(super) reject_action: shared::etl::Action,
}

impl<'a> Compiler<'a> {
    fn new(pipeline: &'a Pipeline, language: &'a Language) -> Self {
        let columns = of_source(&pipeline.source.part.columns);
        Self {
            language,
            faults: Faults::of(&pipeline.file),
            lineage: Lineage::of_source(columns.iter().map(|it| it.name.as_str())),
            columns,
            unknown: Vec::new(),
            steps: Vec::new(),
            rules: Vec::new(),
            #[cfg(feature = "sets")]
            reject_action: pipeline.reject_action(),
        }
    }

    /// Works out one step; after a fault the next ones are still looked at.
    fn step(&mut self, step: &Located<Step>) -> Option<Work> {
        let mut worked_out = None;
        let (work, does) = match &step.part {
            Step::Filter(text) => {
                let worked = self.filter(step, text)?;
                worked_out = Some(worked.shown.clone());
                (Work::Filter(worked), format!("keeps rows with {text}"))
            }
            Step::Derive { column, expression } => {
                let work = self.derive(step, column, expression)?;
                if let Work::Derive { worked, .. } = &work {
                    worked_out = Some(worked.shown.clone());
                }
                (work, format!("{column} = {expression}"))
            }
            Step::Convert { column, kind, format } => {
                (self.convert(step, column, *kind, format)?, format!("{column} becomes {kind}"))
            }
            Step::Rename { from, to } => {
                (self.rename(step, from, to)?, format!("{from} is called {to}"))
            }
            Step::Select(names) => {
                (self.select(step, names)?, format!("keeps {}", names.join(", ")))
            }
            Step::Drop(names) => {
                for name in names {
                    self.place(step, name)?;
                }
                let left = self.columns.iter().map(|it| it.name.clone());
                let left: Vec<_> = left.filter(|it| !names.contains(it)).collect();
                (self.select(step, &left)?, format!("drops {}", names.join(", ")))
            }
            Step::Check(rules) => {
                let work = rules.iter().filter_map(|it| self.rule(it)).collect::<Vec<_>>();
                (Work::Check(work), format!("checks {} rules", rules.len()))
            }
            // They are worked out by `set`.
            Step::Join(_)
            | Step::Aggregate(_)
            | Step::Deduplicate(_)
            | Step::Sort(_)
            | Step::History(_) => return None,
        };
        let (path, columns) = (step.path.clone(), self.columns.clone());
        self.steps.push(PlannedStep { path, does, worked_out, columns });
        Some(work)
    }

    pub(super) fn fault<T>(&mut self, at: &Located<T>, text: impl Into<String>) {
        self.faults.add(at.line, &at.path, text);
    }

    pub(super) fn place<T>(&mut self, at: &Located<T>, name: &str) -> Option<usize> {
        let place = self.columns.iter().position(|it| it.name == name);
        if place.is_none() {
            let known: Vec<&str> = self.columns.iter().map(|it| it.name.as_str()).collect();
            let text = no_such_name("column", name, &known);
            self.fault(at, text);
        }
        place
    }

    fn filter(&mut self, step: &Located<Step>, text: &str) -> Option<Worked> {
        match self.language.condition(text, &self.columns) {
            Ok(worked) => {
                self.lineage.filter(&worked.columns);
                Some(worked)
            }
            Err(fault) => {
                self.fault_of(step, text, &fault);
                None
            }
        }
    }

    /// Notes what is wrong with an expression, unless it looks at a column that is wrong itself.
    pub(super) fn fault_of<T>(&mut self, at: &Located<T>, text: &str, fault: &str) {
        if !self.unknown.iter().any(|it| text.contains(it.as_str())) {
            self.fault(at, format!("`{text}`: {fault}"));
        }
    }

    pub(super) fn derive(
        &mut self,
        step: &Located<Step>,
        column: &str,
        text: &str,
    ) -> Option<Work> {
        let worked = self.language.value(text, &self.columns);
        let place = self.columns.iter().position(|it| it.name == column);
        let kind = match &worked {
            Ok(worked) => worked.kind,
            Err(fault) => {
                self.fault_of(step, text, fault);
                self.unknown.push(column.to_owned());
                ColumnKind::Text
            }
        };
        let planned = PlannedColumn { name: column.to_owned(), kind };
        match place.and_then(|it| self.columns.get_mut(it)) {
            Some(there) => *there = planned,
            None => self.columns.push(planned),
        }
        let worked = worked.ok()?;
        self.lineage.derive(column, &worked.columns, &step.path);
        Some(Work::Derive { place, worked, schema: schema_of(&self.columns) })
    }

    fn convert(
        &mut self,
        step: &Located<Step>,
        column: &str,
        kind: ColumnKind,
        format: &ValueFormat,
    ) -> Option<Work> {
        let place = self.place(step, column)?;
        let there = self.columns.get_mut(place)?;
        let before = std::mem::replace(&mut there.kind, kind);
        let is_dated = |it| matches!(it, ColumnKind::Date | ColumnKind::Instant);
        if *format != ValueFormat::Usual && before != ColumnKind::Text {
            self.fault(step, format!("`{column}` holds {before}: only text has a format"));
        } else if is_dated(before) != is_dated(kind)
            && before != ColumnKind::Text
            && kind != ColumnKind::Text
        {
            self.fault(step, format!("`{column}` holds {before}, which never is {kind}"));
        }
        self.lineage.derive(column, &BTreeSet::from([column.to_owned()]), &step.path);
        let format = format.clone();
        Some(Work::Convert { place, kind, format, schema: schema_of(&self.columns) })
    }

    fn rename(&mut self, step: &Located<Step>, from: &str, to: &str) -> Option<Work> {
        let place = self.place(step, from)?;
        if self.columns.iter().any(|it| it.name == to) {
            self.fault(step, format!("there is a column `{to}` already: drop it first"));
            return None;
        }
        to.clone_into(&mut self.columns.get_mut(place)?.name);
        self.lineage.rename(from, to, &step.path);
        let places = (0..self.columns.len()).collect();
        Some(Work::Arrange { places, schema: schema_of(&self.columns) })
    }

    fn select(&mut self, step: &Located<Step>, names: &[String]) -> Option<Work> {
        let mut places = Vec::with_capacity(names.len());
        for name in names {
            let place = self.place(step, name)?;
            if places.contains(&place) {
                self.fault(step, format!("`{name}` is there twice: keep one"));
                return None;
            }
            places.push(place);
        }
        self.columns = places.iter().filter_map(|it| self.columns.get(*it).cloned()).collect();
        if self.columns.is_empty() {
            self.fault(step, "leaves no column");
        }
        Some(Work::Arrange { places, schema: schema_of(&self.columns) })
    }

    fn rule(&mut self, at: &Located<Rule>) -> Option<RuleWork> {
        let rule = &at.part;
        let mut places = Vec::new();
        for name in rule.check.columns() {
            places.push(self.place(at, name)?);
        }
        let (mut worked, mut expression) = (None, None);
        let mut columns: Vec<String> =
            rule.check.columns().into_iter().map(str::to_owned).collect();
        if let Check::Row(check) = &rule.check {
            let found = &self.columns;
            let kinds = |name: &str| found.iter().find(|it| it.name == name).map(|it| it.kind);
            let read = check.expression(&kinds).and_then(|text| {
                let condition = self.language.condition(&text, found);
                let condition = condition.map_err(|fault| format!("`{text}`: {fault}"))?;
                Ok::<_, String>((condition, text))
            });
            match read {
                Ok((condition, text)) => {
                    if columns.is_empty() {
                        columns = condition.columns.iter().cloned().collect();
                    }
                    (worked, expression) = (Some(condition), Some(text));
                }
                Err(fault) => {
                    self.fault(at, fault);
                    return None;
                }
            }
        }
        if let Some(fault) = self.unfit(&rule.check) {
            self.fault(at, fault);
            return None;
        }
        let reference = self.reference(&rule.check);
        self.rules.push(PlannedRule {
            rule: rule.name.clone(),
            check: rule.check.as_str().to_owned(),
            expression,
            action: rule.action,
            threshold: rule.threshold,
        });
        Some(RuleWork { rule: rule.clone(), worked, places, columns, reference })
    }

    pub(super) fn kind(&self, name: &str) -> Option<ColumnKind> {
        self.columns.iter().find(|it| it.name == name).map(|it| it.kind)
    }

    /// Says why the columns of `check` hold what it cannot work with.
    fn unfit(&self, check: &Check) -> Option<String> {
        use shared::etl::Figure::{Mean, Sum};
        let (column, is_fit, wanted): (_, fn(ColumnKind) -> bool, _) = match check {
            Check::Freshness { column, .. } => {
                let is_dated = |it| matches!(it, ColumnKind::Date | ColumnKind::Instant);
                (column, is_dated, "a date or an instant")
            }
            Check::Figure { column, figure: Mean | Sum, .. } | Check::MeanDrift { column, .. } => {
                (column, ColumnKind::is_number, "a number")
            }
            _ => return None,
        };
        let kind = self.kind(column)?;
        (!is_fit(kind)).then(|| format!("column `{column}` holds {kind}, and {wanted} is wanted"))
    }

    fn reference(&self, check: &Check) -> Option<Wanted> {
        let Check::Reference { column, to, .. } = check else { return None };
        let kind = self.kind(column)?;
        let there = SourceColumn { kind, ..to.column.clone() };
        let (at, form) = (to.at.clone(), to.form.clone());
        Some(Wanted { at, form, columns: vec![there], key: Vec::new() })
    }
}
