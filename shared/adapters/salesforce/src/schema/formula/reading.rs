//! What a formula reads: fields, and what is no field.

use std::collections::BTreeSet;

use shared::sync::OtherCause;

use super::lexer::{FormulaError, Word, words};

/// Functions whose value changes by itself. Source: Salesforce help, "Formula functions A–Z".
const RESTLESS: &[(&str, OtherCause)] = &[
    ("TODAY", OtherCause::Clock),
    ("NOW", OtherCause::Clock),
    ("TIMENOW", OtherCause::Clock),
    ("CURRENCYRATE", OtherCause::Settings),
    ("CONVERTCURRENCY", OtherCause::Settings),
    ("GETRECORDIDS", OtherCause::Reader),
    ("GETSESSIONID", OtherCause::Reader),
];

/// Names in front of a dot that stand for no record. Source: Salesforce help, "Global variables".
const GLOBALS: &[(&str, OtherCause)] = &[
    ("$User", OtherCause::Reader),
    ("$UserRole", OtherCause::Reader),
    ("$Profile", OtherCause::Reader),
    ("$Permission", OtherCause::Reader),
    ("$Api", OtherCause::Reader),
    ("$Client", OtherCause::Reader),
    ("$Network", OtherCause::Reader),
    ("$Site", OtherCause::Reader),
    ("$Organization", OtherCause::Settings),
    ("$Setup", OtherCause::Settings),
    ("$Label", OtherCause::Settings),
    ("$CustomMetadata", OtherCause::Settings),
    ("$ObjectType", OtherCause::Settings),
    ("$Resource", OtherCause::Settings),
    ("$System", OtherCause::Settings),
];

/// What a formula reads.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Reading {
    /// Fields, each as it is written.
    pub(super) paths: BTreeSet<String>,
    /// What else its value hangs on.
    pub(super) causes: BTreeSet<OtherCause>,
}

/// Lists what `formula` reads.
pub(super) fn read(formula: &str) -> Result<Reading, FormulaError> {
    let mut reading = Reading::default();
    for word in words(formula)? {
        match word {
            Word::Function(name) => {
                let restless = RESTLESS.iter().find(|(it, _)| it.eq_ignore_ascii_case(name));
                reading.causes.extend(restless.map(|(_, cause)| *cause));
            }
            Word::Path(path) => reading.add_path(path),
        }
    }
    Ok(reading)
}

impl Reading {
    fn add_path(&mut self, path: &str) {
        let (first, rest) = path.split_once('.').unwrap_or((path, ""));
        if !first.starts_with('$') {
            self.paths.insert(path.to_owned());
        } else if first.eq_ignore_ascii_case("$RecordType") {
            // The record's own type, whose names are settings.
            self.paths.insert(format!("RecordType.{rest}"));
        } else {
            let global = GLOBALS.iter().find(|(it, _)| it.eq_ignore_ascii_case(first));
            self.causes.insert(global.map_or(OtherCause::Unknown, |(_, cause)| *cause));
        }
    }
}
