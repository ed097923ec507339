//! The parts of Salesforce's compound fields: nested in change events, fields of their own elsewhere.

/// Names the field that holds `part` of the compound field `compound`.
///
/// Source: Object Reference, "Compound Fields": `MailingStreet`, `FirstName`, `Site__Latitude__s`.
pub fn part_of_compound(compound: &str, part: &str) -> String {
    if compound == "Name" {
        part.to_owned()
    } else if let Some(custom) = compound.strip_suffix("__c") {
        format!("{custom}__{part}__s")
    } else {
        let prefix = compound.strip_suffix("Address").unwrap_or(compound);
        format!("{prefix}{part}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn part_has_the_name_of_its_field() {
        for (compound, part, field) in [
            ("MailingAddress", "Street", "MailingStreet"),
            ("Address", "City", "City"),
            ("Name", "FirstName", "FirstName"),
            ("Site__c", "Latitude", "Site__Latitude__s"),
        ] {
            assert_eq!(part_of_compound(compound, part), field);
        }
    }
}
