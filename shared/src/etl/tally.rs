//! The counting of rows, and the gate.

use std::collections::BTreeMap;

use super::pipeline::Pipeline;
use super::report::{RuleReport, Verdict, built_in};
use super::rule::{Action, Percent};

/// Counts rows, and decides at the end.
#[derive(Clone, Debug)]
pub struct Tally {
    /// Rows that were read.
    pub n_read: u64,
    /// Rows that a filter took out.
    pub n_filtered: u64,
    /// Rows that were taken out by rules.
    pub n_rejected: u64,
    rules: BTreeMap<String, usize>,
    reports: Vec<RuleReport>,
    thresholds: Vec<Option<Percent>>,
    stop: Option<String>,
    /// What became of the rows behind each step over many rows.
    later: Vec<Stretch>,
}

/// Rows between two steps over many rows.
#[derive(Clone, Copy, Debug, Default)]
struct Stretch {
    n_in: u64,
    n_rejected: u64,
}

impl Tally {
    /// Begins with the rules of `pipeline`.
    pub fn of(pipeline: &Pipeline) -> Self {
        let mut tally = Self {
            n_read: 0,
            n_filtered: 0,
            n_rejected: 0,
            rules: BTreeMap::new(),
            reports: Vec::new(),
            thresholds: Vec::new(),
            stop: None,
            later: Vec::new(),
        };
        let action = pipeline.reject_action();
        for name in built_in::ALL {
            tally.add(name.to_owned(), action, None);
        }
        for rule in pipeline.rules() {
            tally.add(rule.part.name.clone(), rule.part.action, rule.part.threshold);
        }
        tally
    }

    fn add(&mut self, rule: String, action: Action, threshold: Option<Percent>) {
        self.rules.insert(rule.clone(), self.reports.len());
        self.thresholds.push(threshold);
        self.reports.push(RuleReport { rule, action, n_checked: 0, n_failed: 0, found: None });
    }

    fn report(&mut self, rule: &str) -> Option<&mut RuleReport> {
        self.reports.get_mut(*self.rules.get(rule)?)
    }

    /// Counts `n_checked` rows of which `n_failed` broke `rule`. The first that breaks one with the
    /// action `stop` ends the run.
    pub fn count(&mut self, rule: &str, n_checked: u64, n_failed: u64) {
        let Some(report) = self.report(rule) else { return };
        report.n_checked += n_checked;
        report.n_failed += n_failed;
        if n_failed > 0 && report.action == Action::Stop && self.stop.is_none() {
            self.stop = Some(format!("rule `{rule}` was broken, and its action is `stop`"));
        }
    }

    /// Notes what a rule of all rows found; `None` of `holds` when it could not be asked.
    pub fn conclude(&mut self, rule: &str, holds: Option<bool>, found: &str) {
        let Some(report) = self.report(rule) else { return };
        report.found = Some(found.to_owned());
        if let Some(holds) = holds {
            report.n_checked = 1;
            report.n_failed = u64::from(!holds);
            if !holds && report.action == Action::Stop && self.stop.is_none() {
                self.stop = Some(format!("rule `{rule}` does not hold: {found}"));
            }
        }
    }

    /// Tells whether the run is to end now.
    pub fn is_stopped(&self) -> bool {
        self.stop.is_some()
    }

    /// Counts `n_in` rows that came out of the step over many rows with the number `set`, from 0, of which
    /// `n_rejected` were taken out by rules behind it. They are among [`n_rejected`](Self::n_rejected).
    pub fn count_behind(&mut self, set: usize, n_in: u64, n_rejected: u64) {
        if self.later.len() <= set {
            self.later.resize(set + 1, Stretch::default());
        }
        if let Some(stretch) = self.later.get_mut(set) {
            stretch.n_in += n_in;
            stretch.n_rejected += n_rejected;
        }
    }

    /// Lists the rows that came to each stretch, and those of them that were rejected there.
    fn stretches(&self) -> impl Iterator<Item = Stretch> {
        let later: u64 = self.later.iter().map(|it| it.n_rejected).sum();
        let n_rejected = self.n_rejected.saturating_sub(later);
        std::iter::once(Stretch { n_in: self.n_read, n_rejected }).chain(self.later.iter().copied())
    }

    /// Returns the share of rows that were not rejected, in percent: the least of all stretches.
    #[expect(clippy::cast_precision_loss, reason = "rows are far fewer than 2^53")]
    pub fn passed_percent(&self) -> f64 {
        let share = |it: Stretch| match it.n_in {
            0 => 100.0,
            n_in => (n_in.saturating_sub(it.n_rejected)) as f64 * 100.0 / n_in as f64,
        };
        self.stretches().map(share).fold(100.0, f64::min)
    }

    /// Decides, when all rows are counted.
    pub fn verdict(&self, threshold: Percent) -> Verdict {
        if let Some(reason) = &self.stop {
            return Verdict::Stopped { reason: reason.clone() };
        }
        for (report, threshold) in self.reports.iter().zip(&self.thresholds) {
            let RuleReport { rule, n_checked, n_failed, .. } = report;
            let n_good = n_checked.saturating_sub(*n_failed);
            if let Some(threshold) = threshold
                && !threshold.is_reached(n_good, *n_checked)
            {
                let reason = format!(
                    "{n_failed} of {n_checked} rows broke rule `{rule}`, and {threshold} must keep it"
                );
                return Verdict::Stopped { reason };
            }
        }
        for (idx, Stretch { n_in, n_rejected }) in self.stretches().enumerate() {
            if threshold.is_reached(n_in.saturating_sub(n_rejected), n_in) {
                continue;
            }
            let place = match idx {
                0 => String::new(),
                number => format!(" behind the set-wise step {number}"),
            };
            let reason = format!(
                "{n_rejected} of {n_in} rows were rejected{place}, and {threshold} must pass"
            );
            return Verdict::Stopped { reason };
        }
        let is_warning = |it: &RuleReport| it.action == Action::Warn && it.n_failed > 0;
        match self.reports.iter().any(is_warning) {
            true => Verdict::Warned,
            false => Verdict::Passed,
        }
    }

    /// Returns what became of the rules; of what is checked without one, only what was broken.
    pub fn reports(&self) -> Vec<RuleReport> {
        let is_shown =
            |it: &&RuleReport| it.n_failed > 0 || !built_in::ALL.contains(&it.rule.as_str());
        self.reports.iter().filter(is_shown).cloned().collect()
    }
}

impl Pipeline {
    /// Returns what happens to rows that cannot be read or worked out.
    pub fn reject_action(&self) -> Action {
        match self.quarantine {
            Some(_) => Action::Quarantine,
            None => Action::Drop,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::etl::{
        Check, ColumnKind, ColumnTest, FileForm, Place, RowCheck, Rule, Sink, Source, SourceColumn,
    };

    fn pipeline(action: Action, threshold: Option<f64>) -> Pipeline {
        let at = |raw| Place::parse(raw).unwrap();
        let columns = vec![SourceColumn::new("id", ColumnKind::Text)];
        let source = Source { at: at("file:in/a.parquet"), form: FileForm::Parquet, columns };
        let sink = Sink::new(at("file:out/a.parquet"), FileForm::Parquet);
        let check = Check::Row(RowCheck::Column(ColumnTest::NotNull, "id".to_owned()));
        let mut rule = Rule::new(check, action).with_name("there");
        rule.threshold = threshold.and_then(Percent::new);
        Pipeline::builder("a", source, sink).rule(rule).build().unwrap()
    }

    #[test]
    fn gate_is_shut_below_the_threshold_and_open_at_it() {
        let mut tally = Tally::of(&pipeline(Action::Drop, None));
        (tally.n_read, tally.n_rejected) = (200, 1);
        assert_eq!(tally.verdict(Percent::DEFAULT_THRESHOLD), Verdict::Passed);
        tally.n_rejected = 2;
        let Verdict::Stopped { reason } = tally.verdict(Percent::DEFAULT_THRESHOLD) else {
            panic!("not stopped")
        };
        assert_eq!(reason, "2 of 200 rows were rejected, and 99.5 % must pass");
    }

    #[test]
    fn action_decides_what_a_broken_rule_means() {
        let verdict = |action, threshold, n_failed| {
            let mut tally = Tally::of(&pipeline(action, threshold));
            tally.n_read = 100;
            tally.count("there", 100, n_failed);
            (tally.is_stopped(), tally.verdict(Percent::DEFAULT_THRESHOLD))
        };
        assert_eq!(verdict(Action::Warn, None, 0), (false, Verdict::Passed));
        assert_eq!(verdict(Action::Warn, None, 50), (false, Verdict::Warned));
        assert_eq!(verdict(Action::Drop, None, 50), (false, Verdict::Passed));
        assert!(matches!(verdict(Action::Stop, None, 1), (true, Verdict::Stopped { .. })));
        assert!(matches!(verdict(Action::Warn, Some(60.0), 50), (false, Verdict::Stopped { .. })));
    }

    #[test]
    fn gate_is_asked_behind_each_step_over_many_rows() {
        let mut tally = Tally::of(&pipeline(Action::Drop, None));
        // One of a million rows, and then half of ten groups.
        (tally.n_read, tally.n_rejected) = (1_000_000, 6);
        tally.count_behind(0, 10, 5);
        assert!((tally.passed_percent() - 50.0).abs() < 1e-9);
        let Verdict::Stopped { reason } = tally.verdict(Percent::DEFAULT_THRESHOLD) else {
            panic!("not stopped")
        };
        assert!(reason.starts_with("5 of 10 rows were rejected behind the set-wise step 1,"));
        assert_eq!(tally.verdict(Percent::new(50.0).unwrap()), Verdict::Passed);
    }

    proptest! {
        #[test]
        fn more_rejects_never_open_the_gate(n_read in 0_u64..10_000, n in 0_u64..10_000, share in 0.0..=100.0) {
            let threshold = Percent::new(share).unwrap();
            let is_open = |n_rejected: u64| {
                let mut tally = Tally::of(&pipeline(Action::Drop, None));
                (tally.n_read, tally.n_rejected) = (n_read, n_rejected.min(n_read));
                tally.verdict(threshold) == Verdict::Passed
            };
            prop_assert!(is_open(0));
            prop_assert!(is_open(n) || !is_open(n + 1));
        }
    }
}
