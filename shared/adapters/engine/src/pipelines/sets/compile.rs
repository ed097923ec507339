//! Steps over many rows, worked out.

use std::collections::BTreeSet;

use shared::etl::report::built_in;
use shared::etl::{
    Aggregate, Check, ColumnKind, ColumnTest, Deduplicate, FileForm, History, Join, JoinKind, Keep,
    Located, OrderBy, PlannedColumn, PlannedStep, RowCheck, Rule, SourceColumn, Step,
};

use super::grouped::{Argument, Around, FoundCall, Grouped};
use super::work::{Call, HistoryWork, JoinWork, SetKind, SetWork, Sorting};
use crate::pipelines::compiled::{Compiler, RuleWork, Work};
use crate::pipelines::kinds::schema_of;
use crate::pipelines::language::Worked;
use crate::pipelines::source::Wanted;

/// What a step does, in order, and in words.
struct Parts {
    work: Vec<Work>,
    does: String,
    worked_out: Option<String>,
}

impl Compiler<'_> {
    /// Works out a step over many rows, with what is done to each row before and behind it.
    pub(in crate::pipelines) fn set(&mut self, step: &Located<Step>) -> Option<Vec<Work>> {
        let Parts { work, does, worked_out } = match &step.part {
            Step::Sort(order) => self.sort(step, order),
            Step::Deduplicate(it) => self.deduplicate(step, it),
            Step::Aggregate(it) => self.aggregate(step, it),
            Step::Join(it) => self.join(step, it),
            Step::History(it) => self.history(step, it),
            _ => None,
        }?;
        let (path, columns) = (step.path.clone(), self.columns.clone());
        self.steps.push(PlannedStep { path, does, worked_out, columns });
        Some(work)
    }

    fn set_work(&self, step: &Located<Step>, before: &[PlannedColumn], kind: SetKind) -> Work {
        let (before, behind) = (schema_of(before), schema_of(&self.columns));
        Work::Set(Box::new(SetWork { path: step.path.clone(), before, behind, kind }))
    }

    /// Finds all columns that are named; of those that are not there each is told.
    fn places<'n>(
        &mut self,
        step: &Located<Step>,
        names: impl IntoIterator<Item = &'n String>,
    ) -> Option<Vec<usize>> {
        let found: Vec<_> = names.into_iter().map(|it| self.place(step, it)).collect();
        found.into_iter().collect()
    }

    fn order(&mut self, step: &Located<Step>, order: &[OrderBy]) -> Option<Vec<Sorting>> {
        let places = self.places(step, order.iter().map(|it| &it.column))?;
        let sorting =
            |(place, it): (usize, &OrderBy)| Sorting { place, is_descending: it.is_descending };
        Some(places.into_iter().zip(order).map(sorting).collect())
    }

    fn sort(&mut self, step: &Located<Step>, order: &[OrderBy]) -> Option<Parts> {
        let kind = SetKind::Sort(self.order(step, order)?);
        let work = vec![self.set_work(step, &self.columns, kind)];
        Some(Parts { work, does: format!("sorts by {}", listed(order)), worked_out: None })
    }

    fn deduplicate(&mut self, step: &Located<Step>, it: &Deduplicate) -> Option<Parts> {
        let Deduplicate { by, keep, order } = it;
        let does = match order.as_slice() {
            [] => format!("keeps the {} row of each {}", keep.as_str(), by.join(", ")),
            order => format!(
                "keeps the {} row of each {} by {}",
                keep.as_str(),
                by.join(", "),
                listed(order)
            ),
        };
        let names = by.iter().chain(order.iter().map(|it| &it.column));
        self.lineage.filter(&names.cloned().collect());
        let keeps_last = *keep == Keep::Last;
        let by = self.places(step, by)?;
        let kind = SetKind::Deduplicate { by, order: self.order(step, order)?, keeps_last };
        let work = vec![self.set_work(step, &self.columns, kind)];
        Some(Parts { work, does, worked_out: None })
    }

    fn aggregate(&mut self, step: &Located<Step>, it: &Aggregate) -> Option<Parts> {
        let places = self.places(step, &it.by)?;
        let by: Vec<PlannedColumn> =
            places.iter().filter_map(|place| self.columns.get(*place).cloned()).collect();
        let grouped = Grouped::new(self.language);
        let columns = self.columns.clone();
        let mut calls: Vec<FoundCall> = Vec::new();
        let mut made: Vec<(PlannedColumn, Worked)> = Vec::new();
        let (mut used, mut shown) = (Vec::new(), Vec::new());
        let mut is_whole = true;
        for (name, text) in &it.make {
            let earlier: Vec<PlannedColumn> = calls.iter().map(|it| it.column.clone()).collect();
            let around = Around { columns: &columns, by: &by, calls: &earlier };
            let kind = match grouped.make(text, around) {
                Ok(found) => {
                    let kind = found.worked.kind;
                    used.push((name.clone(), found.used));
                    shown.push(format!("{name}: {}", found.shown));
                    made.push((PlannedColumn { name: name.clone(), kind }, found.worked));
                    calls.extend(found.calls);
                    continue;
                }
                Err(fault) => {
                    self.fault_of(step, text, &fault);
                    ColumnKind::Text
                }
            };
            self.unknown.push(name.clone());
            made.extend(self.stand_in(name, kind));
            is_whole = false;
        }
        self.lineage.filter(&it.by.iter().cloned().collect());
        self.lineage.regroup(&it.by, &used, &step.path);
        self.columns = by.iter().cloned().chain(made.iter().map(|it| it.0.clone())).collect();
        if !is_whole {
            return None;
        }
        let work = self.grouping(step, &columns, &places, calls, made);
        let texts = it.make.iter().map(|(name, text)| format!("{name} = {text}"));
        let texts = texts.collect::<Vec<_>>().join(", ");
        let does = match it.by.as_slice() {
            [] => format!("one row of all: {texts}"),
            by => format!("one row for each {}: {texts}", by.join(", ")),
        };
        Some(Parts { work, does, worked_out: Some(shown.join("; ")) })
    }

    /// Stands for a column whose expression is wrong, so that later steps are looked at.
    fn stand_in(&self, name: &str, kind: ColumnKind) -> Option<(PlannedColumn, Worked)> {
        let nothing = self.language.value("CAST(NULL AS VARCHAR)", &[]).ok()?;
        Some((PlannedColumn { name: name.to_owned(), kind }, nothing))
    }

    /// What functions of many rows work on is worked out of each row first, and what they give is put
    /// together behind them.
    fn grouping(
        &self,
        step: &Located<Step>,
        columns: &[PlannedColumn],
        places: &[usize],
        calls: Vec<FoundCall>,
        made: Vec<(PlannedColumn, Worked)>,
    ) -> Vec<Work> {
        let mut before = Needed::new(columns, places);
        let mut planned = Vec::with_capacity(calls.len());
        for call in calls {
            let FoundCall { function, argument, filter, is_distinct, column } = call;
            let place = match argument {
                Argument::Rows => None,
                Argument::Value(worked) => Some(before.add(worked)),
            };
            let filter = filter.map(|it| before.add(it));
            planned.push(Call { function, place, filter, is_distinct, column });
        }
        let Needed { columns: extended, places: needed, mut work } = before;
        let at = |place: &usize| extended.get(*place).cloned();
        let kept: Vec<PlannedColumn> = needed.iter().filter_map(at).collect();
        work.push(Work::Arrange { places: needed, schema: schema_of(&kept) });
        let n_by = places.len();
        let mut behind: Vec<PlannedColumn> = kept.iter().take(n_by).cloned().collect();
        behind.extend(planned.iter().map(|it| it.column.clone()));
        let kind = SetKind::Aggregate { by: (0..n_by).collect(), calls: planned };
        let (path, before) = (step.path.clone(), schema_of(&kept));
        work.push(Work::Set(Box::new(SetWork { path, before, behind: schema_of(&behind), kind })));
        let mut wanted: Vec<usize> = (0..n_by).collect();
        for (column, worked) in made {
            wanted.push(behind.len());
            behind.push(column);
            work.push(Work::Derive { place: None, worked, schema: schema_of(&behind) });
        }
        work.push(Work::Arrange { places: wanted, schema: schema_of(&self.columns) });
        work
    }

    fn join(&mut self, step: &Located<Step>, join: &Join) -> Option<Parts> {
        let before = self.columns.clone();
        let ours = self.places(step, join.on.iter().map(|it| &it.0))?;
        let taken = join.taken();
        let mut needed: Vec<usize> = Vec::new();
        let mut at = |name: &str| {
            let place = join.with.columns.iter().position(|it| it.name == name)?;
            Some(needed.iter().position(|it| *it == place).unwrap_or_else(|| {
                needed.push(place);
                needed.len() - 1
            }))
        };
        let theirs: Option<Vec<usize>> = join.on.iter().map(|it| at(&it.1)).collect();
        let got: Option<Vec<usize>> = taken.iter().map(|it| at(&it.0)).collect();
        let (theirs, got) = (theirs?, got?);
        self.same_kinds(step, join)?;
        let from = |name: &str| format!("{}#{name}", join.with.at);
        let hangs_on: BTreeSet<String> = join.on.iter().map(|it| it.0.clone()).collect();
        if join.kind != JoinKind::Left || !join.is_lookup {
            self.lineage.filter(&hangs_on);
            self.lineage.filtered_by.extend(join.on.iter().map(|it| from(&it.1)));
        }
        for (theirs, name) in &taken {
            if self.columns.iter().any(|it| it.name == *name) {
                let text = format!(
                    "there is a column `{name}` already: write `take: {{other: {theirs}}}`"
                );
                self.fault(step, text);
                return None;
            }
            let kind = join.with.column(theirs)?.kind;
            self.columns.push(PlannedColumn { name: name.clone(), kind });
            self.lineage.bring(name, from(theirs), &step.path);
            join.on.iter().for_each(|(_, key)| {
                self.lineage.add_source(name, from(key), &step.path);
            });
        }
        let with = &join.with;
        let work = JoinWork {
            with: Wanted {
                at: with.at.clone(),
                form: with.form.clone(),
                columns: with.columns.clone(),
                key: Vec::new(),
            },
            kind: join.kind,
            ours,
            our_names: join.on.iter().map(|it| it.0.clone()).collect(),
            needed,
            theirs,
            taken: got,
            is_lookup: join.is_lookup,
        };
        let work = vec![self.set_work(step, &before, SetKind::Join(work))];
        Some(Parts { work, does: matches(join, &taken), worked_out: None })
    }

    /// What is compared must be of one kind: nothing is turned into another without a word.
    fn same_kinds(&mut self, step: &Located<Step>, join: &Join) -> Option<()> {
        for (ours, theirs) in &join.on {
            let (one, two) = (self.kind(ours)?, join.with.column(theirs)?.kind);
            if one != two {
                let text = format!(
                    "`{ours}` holds {one}, and `{theirs}` of `with` holds {two}: read it as {one}, or \
                     `convert` `{ours}` before"
                );
                self.fault(step, text);
                return None;
            }
        }
        Some(())
    }

    fn history(&mut self, step: &Located<Step>, history: &History) -> Option<Parts> {
        let History { key, compare, valid_from, against } = history;
        for name in [History::VALID_FROM, History::VALID_TO, History::IS_CURRENT] {
            if self.columns.iter().any(|it| it.name == name) {
                let text = format!("makes the column `{name}`, which is there: `rename` it before");
                self.fault(step, text);
                return None;
            }
        }
        if against.form != FileForm::Parquet {
            let text = "`against` is kept in Parquet: text files do not keep every value as it was";
            self.fault(step, text);
            return None;
        }
        let places = self.places(step, key);
        let compared = self.places(step, compare);
        let derived = self.derive(step, History::VALID_FROM, valid_from)?;
        let (key_places, compare_places) = (places?, compared?);
        let kind = self.kind(History::VALID_FROM)?;
        if !matches!(kind, ColumnKind::Date | ColumnKind::Instant) {
            let text = format!("`{valid_from}` gives {kind}, and a date or an instant is wanted");
            self.fault(step, text);
            return None;
        }
        let before = self.columns.clone();
        let from = before.len() - 1;
        self.columns.push(PlannedColumn { name: History::VALID_TO.to_owned(), kind });
        let kind = ColumnKind::Bool;
        self.columns.push(PlannedColumn { name: History::IS_CURRENT.to_owned(), kind });
        self.history_lineage(step, history);
        let needed: Vec<String> =
            key.iter().cloned().chain([History::VALID_FROM.to_owned()]).collect();
        let there = needed.iter().filter_map(|it| self.must_be_there(it, &before)).collect();
        let column = |it: &PlannedColumn| SourceColumn::new(it.name.clone(), it.kind);
        let against = Wanted {
            at: against.at.clone(),
            form: against.form.clone(),
            columns: self.columns.iter().map(column).collect(),
            key: Vec::new(),
        };
        let does = format!(
            "versions of {} by {} from {valid_from}, with those of {}",
            key.join(", "),
            compare.join(", "),
            against.at
        );
        let work = HistoryWork { key: key_places, compare: compare_places, from, against };
        let set = self.set_work(step, &before, SetKind::History(work));
        Some(Parts { work: vec![derived, Work::Check(there), set], does, worked_out: None })
    }

    fn history_lineage(&mut self, step: &Located<Step>, history: &History) {
        let History { key, compare, .. } = history;
        let mut names: BTreeSet<String> = key.iter().chain(compare).cloned().collect();
        names.insert(History::VALID_FROM.to_owned());
        self.lineage.filter(&names);
        self.lineage.derive(History::VALID_TO, &names, &step.path);
        self.lineage.derive(History::IS_CURRENT, &names, &step.path);
        for column in &self.columns {
            let from = format!("{}#{}", history.against.at, column.name);
            self.lineage.add_source(&column.name, from, &step.path);
        }
    }

    /// Makes the rule that rejects rows without a value in `column`.
    fn must_be_there(&self, column: &str, columns: &[PlannedColumn]) -> Option<RuleWork> {
        let check = RowCheck::Column(ColumnTest::NotNull, column.to_owned());
        let kinds = |name: &str| columns.iter().find(|it| it.name == name).map(|it| it.kind);
        let text = check.expression(&kinds).ok()?;
        let worked = self.language.condition(&text, columns).ok()?;
        let place = columns.iter().position(|it| it.name == column)?;
        let rule = Rule::new(Check::Row(check), self.reject_action).with_name(built_in::HISTORY);
        Some(RuleWork {
            rule,
            worked: Some(worked),
            places: vec![place],
            columns: vec![column.to_owned()],
            reference: None,
        })
    }
}

/// The columns that functions of many rows need.
struct Needed {
    columns: Vec<PlannedColumn>,
    /// Those that go on, of `columns`.
    places: Vec<usize>,
    work: Vec<Work>,
}

impl Needed {
    fn new(columns: &[PlannedColumn], by: &[usize]) -> Self {
        Self { columns: columns.to_vec(), places: by.to_vec(), work: Vec::new() }
    }

    /// Adds what is worked out, and returns its place among those that go on.
    fn add(&mut self, worked: Worked) -> usize {
        let plain = worked.plain_column(&self.columns);
        let place = plain.unwrap_or_else(|| {
            let name = format!("\0value{}", self.columns.len());
            self.columns.push(PlannedColumn { name, kind: worked.kind });
            let schema = schema_of(&self.columns);
            self.work.push(Work::Derive { place: None, worked, schema });
            self.columns.len() - 1
        });
        self.places.iter().position(|it| *it == place).unwrap_or_else(|| {
            self.places.push(place);
            self.places.len() - 1
        })
    }
}

fn listed(order: &[OrderBy]) -> String {
    let one = |it: &OrderBy| match it.is_descending {
        true => format!("{} descending", it.column),
        false => it.column.clone(),
    };
    order.iter().map(one).collect::<Vec<_>>().join(", ")
}

fn matches(join: &Join, taken: &[(String, String)]) -> String {
    let on = join.on.iter().map(|(ours, theirs)| format!("{ours} = {theirs}"));
    let on = on.collect::<Vec<_>>().join(", ");
    let names = taken.iter().map(|it| it.1.as_str()).collect::<Vec<_>>().join(", ");
    let at = &join.with.at;
    match join.kind {
        JoinKind::Semi => format!("keeps rows with a match in {at} by {on}"),
        JoinKind::Anti => format!("keeps rows without a match in {at} by {on}"),
        kind => {
            let once = if join.is_lookup { ", at most one" } else { "" };
            format!("{} join with {at} by {on}{once}, takes {names}", kind.as_str())
        }
    }
}
