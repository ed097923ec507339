//! Mappings for tests: those of Salesforce as this build carries them.

#![expect(clippy::panic, reason = "a broken mapping fails every test that asks for it")]

use super::mapping::{Mappings, read_mapping};

const FILES: [(&str, &str); 3] = [
    ("account.yaml", include_str!("../../../platforms/salesforce/account.yaml")),
    ("contact.yaml", include_str!("../../../platforms/salesforce/contact.yaml")),
    ("case.yaml", include_str!("../../../platforms/salesforce/case.yaml")),
];

/// Returns the mappings of Salesforce's standard objects.
///
/// # Panics
///
/// When one of them is broken.
pub fn salesforce_mappings() -> Mappings {
    let objects = FILES.map(|(file, text)| match read_mapping(file, text) {
        Ok(mapping) => mapping,
        Err(faults) => panic!("{}", faults.iter().map(ToString::to_string).collect::<String>()),
    });
    Mappings::new("salesforce", objects)
}
