//! Where a pipeline reads and writes: files, rows of the case store, tables of a warehouse.

use std::collections::BTreeSet;

use super::check::Check;
use super::database::WriteMode;
use super::fault::{Faults, no_such_name};
use super::pipeline::Pipeline;
use super::place::Place;
use super::step::Step;

impl Pipeline {
    /// Lists what it reads, each with the setting and its line.
    fn read(&self) -> impl Iterator<Item = (u64, String, &Place)> {
        let source = (self.source.line, format!("{}.at", self.source.path), &self.source.part.at);
        let steps = self.steps.iter().filter_map(|it| match &it.part {
            Step::Join(join) => Some((it.line, format!("{}.with", it.path), &join.with.at)),
            Step::History(history) => {
                Some((it.line, format!("{}.against", it.path), &history.against.at))
            }
            _ => None,
        });
        let rules = self.rules().filter_map(|it| match &it.part.check {
            Check::Reference { to, .. } => Some((it.line, it.path.clone(), &to.at)),
            _ => None,
        });
        std::iter::once(source).chain(steps).chain(rules)
    }

    /// Tells whether it reads rows of the case store.
    pub fn reads_case_store(&self) -> bool {
        self.read().any(|it| it.2.entity().is_some())
    }

    /// Tells whether it goes from tables of a warehouse into one.
    pub fn is_in_warehouse(&self) -> bool {
        self.source.part.at.table().is_some() && self.sink.part.at.table().is_some()
    }

    /// Lists the databases that it reads or writes, by their names in the settings.
    pub fn databases(&self) -> BTreeSet<String> {
        let places = self.read().map(|it| it.2).chain(self.written().map(|it| it.1));
        places.filter_map(Place::database_table).map(|it| it.database).collect()
    }

    /// What of a database a pipeline can write: its sink, in a way that needs no more columns than it has.
    fn check_databases(&self, faults: &mut Faults<'_>) {
        let sink = &self.sink.part.at;
        for (name, place) in self.written() {
            if name != "sink" && place.database_table().is_some() {
                let text = format!("`{place}` is a table, and this is a file: write it beside");
                faults.add(0, name, text);
            }
        }
        for step in &self.steps {
            if let Step::History(history) = &step.part
                && history.against.at.database_table().is_some()
            {
                let text = "`against` is a file of Parquet, which a table is not";
                faults.add(step.line, &step.path, text);
            }
        }
        if let WriteMode::Merge { by } = &self.sink.part.write
            && faults.is_empty()
        {
            let columns = self.outline().columns;
            let known: Vec<&str> = columns.iter().map(|it| it.column.as_str()).collect();
            for name in by.iter().filter(|it| !known.contains(&it.as_str())) {
                let text = no_such_name("column behind the steps", name, &known);
                faults.add(self.sink.line, format!("{}.by", self.sink.path), text);
            }
        }
        if self.is_partitioned()
            && sink.database_table().is_some()
            && self.sink.part.write == WriteMode::Replace
        {
            let text = format!(
                "each file of `{}` would take the place of the one before in `{sink}`: write \
                 `write: append` or `write: merge`",
                self.source.part.at
            );
            faults.add(self.sink.line, &self.sink.path, text);
        }
    }

    /// Rows of the case store are read alone, and a warehouse has all of a pipeline or none of it.
    pub(super) fn check_places(&self, faults: &mut Faults<'_>) {
        self.check_databases(faults);
        let is_pushed = self.is_in_warehouse();
        let written = self.written().map(|(name, place)| {
            let line = if name == "sink" { self.sink.line } else { 0 };
            (line, name.to_owned(), place)
        });
        let written: Vec<_> = written.collect();
        for (line, path, place) in written.iter().filter(|it| it.2.entity().is_some()) {
            let text = format!("`{place}`: rows of the case store are read; sync writes them");
            faults.add(*line, path, text);
        }
        for (line, path, place) in self.read().chain(written) {
            let text = match (is_pushed, place.table()) {
                (true, None) => format!(
                    "`{place}` is no table of Snowflake, and the source and the sink are: all of a \
                     pipeline is there, or none of it"
                ),
                (false, Some(_)) => format!(
                    "`{place}` is a table of Snowflake: all of a pipeline is there, or none of it"
                ),
                _ => continue,
            };
            faults.add(line, path, text);
        }
    }
}
