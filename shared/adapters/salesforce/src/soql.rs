//! Writes SOQL that no value can break out of.
//!
//! Names cannot be quoted in SOQL, so only names of the right form are ever written; values are
//! written by type. Source: SOQL and SOSL reference, "Quoted string escape sequences".

use std::fmt::Write as _;

use shared::ids::{ObjectName, SalesforceId};
use shared::time::Timestamp;

/// Text that names no field.
#[derive(Debug, thiserror::Error)]
#[error("`{name}` is not the name of a field")]
pub(crate) struct InvalidFieldName {
    name: String,
}

/// The fields that come along unasked.
const OWN_FIELDS: [&str; 3] = ["Id", "SystemModstamp", "IsDeleted"];

/// Writes the query of one record by its id.
pub(crate) fn select_by_id(
    object: &ObjectName,
    fields: &[String],
    id: &SalesforceId,
) -> Result<String, InvalidFieldName> {
    let mut soql = select(object, fields)?;
    soql.push_str(" WHERE Id = ");
    push_text(&mut soql, id.as_str());
    Ok(soql)
}

/// Writes the query of a window `[from, until)` in the order `(SystemModstamp, Id)`; of the records
/// stamped exactly `from`, only those after `after` when it is given.
///
/// Stamps have no parts of a second, so both ends are cut to the second.
pub(crate) fn select_window(
    object: &ObjectName,
    fields: &[String],
    from: Timestamp,
    after: Option<&SalesforceId>,
    until: Timestamp,
) -> Result<String, InvalidFieldName> {
    let mut soql = select(object, fields)?;
    let from = from.to_second();
    soql.push_str(" WHERE ");
    match after {
        None => {
            soql.push_str("SystemModstamp >= ");
            push_instant(&mut soql, from);
        }
        Some(id) => {
            soql.push_str("((SystemModstamp = ");
            push_instant(&mut soql, from);
            soql.push_str(" AND Id > ");
            push_text(&mut soql, id.as_str());
            soql.push_str(") OR SystemModstamp > ");
            push_instant(&mut soql, from);
            soql.push(')');
        }
    }
    soql.push_str(" AND SystemModstamp < ");
    push_instant(&mut soql, until.to_second());
    soql.push_str(" ORDER BY SystemModstamp, Id");
    Ok(soql)
}

fn select(object: &ObjectName, fields: &[String]) -> Result<String, InvalidFieldName> {
    let mut soql = format!("SELECT {}", OWN_FIELDS.join(", "));
    let mut seen: Vec<&str> = OWN_FIELDS.to_vec();
    for name in fields {
        if !is_field_path(name) {
            return Err(InvalidFieldName { name: name.clone() });
        }
        if !seen.iter().any(|it| it.eq_ignore_ascii_case(name)) {
            soql.push_str(", ");
            soql.push_str(name);
            seen.push(name);
        }
    }
    let _ = write!(soql, " FROM {object}");
    Ok(soql)
}

/// Tells whether `name` is a field or a path of up to five parents and a field.
fn is_field_path(name: &str) -> bool {
    name.split('.').count() <= 6
        && name.split('.').all(|segment| {
            segment.len() <= 80
                && segment.starts_with(|c: char| c.is_ascii_alphabetic())
                && segment.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
        })
}

/// Appends `value` as a quoted string: first the backslash, so that no other escape is doubled.
fn push_text(soql: &mut String, value: &str) {
    soql.push('\'');
    for character in value.chars() {
        match character {
            '\\' => soql.push_str("\\\\"),
            '\'' => soql.push_str("\\'"),
            '"' => soql.push_str("\\\""),
            '\n' => soql.push_str("\\n"),
            '\r' => soql.push_str("\\r"),
            '\t' => soql.push_str("\\t"),
            '\u{8}' | '\u{7}' => soql.push_str("\\b"),
            '\u{c}' => soql.push_str("\\f"),
            other => soql.push(other),
        }
    }
    soql.push('\'');
}

/// Appends an instant, which is never quoted.
fn push_instant(soql: &mut String, at: Timestamp) {
    let _ = write!(soql, "{at}");
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn case() -> ObjectName {
        ObjectName::parse("Case").unwrap()
    }

    fn at(raw: &str) -> Timestamp {
        Timestamp::parse(raw).unwrap()
    }

    #[test]
    fn window_without_a_last_id_begins_at_its_first_second() {
        let soql = select_window(
            &case(),
            &["Subject".into(), "id".into(), "Account.Name".into(), "Subject".into()],
            at("2026-01-01T10:00:00.900Z"),
            None,
            at("2026-01-01T11:00:00.100Z"),
        )
        .unwrap();
        assert_eq!(
            soql,
            "SELECT Id, SystemModstamp, IsDeleted, Subject, Account.Name FROM Case \
             WHERE SystemModstamp >= 2026-01-01T10:00:00.000Z \
             AND SystemModstamp < 2026-01-01T11:00:00.000Z ORDER BY SystemModstamp, Id"
        );
    }

    #[test]
    fn window_with_a_last_id_goes_on_inside_equal_stamps() {
        let id = SalesforceId::parse("5005f00002J9YYE").unwrap();
        let soql = select_window(
            &case(),
            &[],
            at("2026-01-01T10:00:00Z"),
            Some(&id),
            at("2026-01-01T11:00:00Z"),
        )
        .unwrap();
        let wanted = format!(
            "WHERE ((SystemModstamp = 2026-01-01T10:00:00.000Z AND Id > '{id}') \
             OR SystemModstamp > 2026-01-01T10:00:00.000Z) \
             AND SystemModstamp < 2026-01-01T11:00:00.000Z"
        );
        assert!(soql.contains(&wanted), "{soql}");
    }

    /// Reads a quoted string as Salesforce does; `None` when it ends early or has a bad escape.
    fn unquote(quoted: &str) -> Option<String> {
        let inner = quoted.strip_prefix('\'')?;
        let mut characters = inner.chars();
        let mut value = String::new();
        loop {
            match characters.next()? {
                '\'' => return characters.next().is_none().then_some(value),
                '\\' => value.push(match characters.next()? {
                    '\\' => '\\',
                    '\'' => '\'',
                    '"' => '"',
                    'n' => '\n',
                    'r' => '\r',
                    't' => '\t',
                    'b' => '\u{8}',
                    'f' => '\u{c}',
                    _ => return None,
                }),
                other => value.push(other),
            }
        }
    }

    proptest! {
        #[test]
        fn no_text_breaks_out_of_its_quotes(value in any::<String>()) {
            let mut soql = String::new();
            push_text(&mut soql, &value);
            prop_assert_eq!(unquote(&soql), Some(value.replace('\u{7}', "\u{8}")));
        }

        #[test]
        fn text_made_of_quotes_and_backslashes_stays_inside(value in r#"[\\'" \n]{0,20}"#) {
            let mut soql = String::new();
            push_text(&mut soql, &value);
            prop_assert_eq!(unquote(&soql), Some(value));
        }

        #[test]
        fn only_names_reach_the_field_list(name in any::<String>()) {
            let written = select(&case(), std::slice::from_ref(&name));
            let is_name = name.bytes().all(|b| b.is_ascii_alphanumeric() || b"_.".contains(&b));
            prop_assert!(written.is_err() || is_name);
        }

        #[test]
        fn field_list_with_an_attack_is_refused(
            attack in "[A-Za-z]{1,8}[ ,'()\\-;\n]{1,3}[A-Za-z]{1,8}"
        ) {
            prop_assert!(select(&case(), &[attack]).is_err());
        }
    }
}
