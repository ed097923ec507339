//! The queries that the CRM port asks: one record, and a window of changes.

use shared::ids::{ObjectName, SalesforceId};
use shared::time::Timestamp;

use super::bounds::BoundFault;
use super::condition::Condition;
use super::name::{FieldPath, InvalidName};
use super::query::{Direction, OrderKey, Query, SelectItem};

/// The fields that come along unasked.
const OWN_FIELDS: [&str; 3] = ["Id", "SystemModstamp", "IsDeleted"];

/// A query that cannot be written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SelectError {
    /// A name that is no field.
    #[error(transparent)]
    Name(#[from] InvalidName),
    /// A bound that the mapped fields break.
    #[error(transparent)]
    Bound(#[from] BoundFault),
}

/// Writes the query of one record by its id.
pub(crate) fn select_by_id(
    object: &ObjectName,
    fields: &[String],
    id: &SalesforceId,
) -> Result<String, SelectError> {
    let query = select(object, fields)?.with_condition(path("Id")?.equals(id));
    Ok(query.to_soql()?)
}

/// Writes the query of all records that `condition` holds for, in no order.
pub(crate) fn select_where(
    object: &ObjectName,
    fields: &[String],
    condition: Option<Condition>,
) -> Result<String, SelectError> {
    let query = select(object, fields)?;
    Ok(condition.map_or(query.clone(), |it| query.with_condition(it)).to_soql()?)
}

/// Writes the same query in the order of the ids.
pub(crate) fn select_by_ids(
    object: &ObjectName,
    fields: &[String],
    condition: Option<Condition>,
) -> Result<String, SelectError> {
    let query = select(object, fields)?.with_order(OrderKey::ascending(path("Id")?));
    Ok(condition.map_or(query.clone(), |it| query.with_condition(it)).to_soql()?)
}

/// Writes the query that counts the records that `condition` holds for.
pub(crate) fn count_where(
    object: &ObjectName,
    condition: Option<Condition>,
) -> Result<String, SelectError> {
    let query = Query::new(object.clone(), [SelectItem::CountRecords]);
    Ok(condition.map_or(query.clone(), |it| query.with_condition(it)).to_soql()?)
}

/// Writes the query of the id that comes first in `direction` among the records that `condition`
/// holds for.
pub(crate) fn select_first_id(
    object: &ObjectName,
    condition: Option<Condition>,
    direction: Direction,
) -> Result<String, SelectError> {
    let key = match direction {
        Direction::Ascending => OrderKey::ascending(path("Id")?),
        Direction::Descending => OrderKey::descending(path("Id")?),
    };
    let query = Query::new(object.clone(), [path("Id")?]).with_order(key).with_limit(1);
    Ok(condition.map_or(query.clone(), |it| query.with_condition(it)).to_soql()?)
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
) -> Result<String, SelectError> {
    let (id, stamp) = (path("Id")?, path("SystemModstamp")?);
    let from = from.to_second();
    let begins = match after {
        None => stamp.clone().is_at_least(from),
        Some(last) => {
            let in_same_second = stamp.clone().equals(from).and(id.clone().is_above(last));
            in_same_second.or(stamp.clone().is_above(from))
        }
    };
    let query = select(object, fields)?
        .with_condition(begins.and(stamp.clone().is_below(until.to_second())))
        .with_order(OrderKey::ascending(stamp))
        .with_order(OrderKey::ascending(id));
    Ok(query.to_soql()?)
}

fn path(name: &str) -> Result<FieldPath, InvalidName> {
    FieldPath::parse(name)
}

fn select(object: &ObjectName, fields: &[String]) -> Result<Query, InvalidName> {
    let names = OWN_FIELDS.into_iter().chain(fields.iter().map(String::as_str));
    let mut paths: Vec<FieldPath> = Vec::with_capacity(OWN_FIELDS.len() + fields.len());
    for name in names {
        let path = FieldPath::parse(name)?;
        if !paths.iter().any(|it| it.is_same(&path)) {
            paths.push(path);
        }
    }
    Ok(Query::new(object.clone(), paths))
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

    #[test]
    fn one_record_is_asked_for_by_its_id() {
        let id = SalesforceId::parse("5005f00002J9YYE").unwrap();
        let soql = select_by_id(&case(), &["Subject".into()], &id).unwrap();
        let wanted =
            format!("SELECT Id, SystemModstamp, IsDeleted, Subject FROM Case WHERE Id = '{id}'");
        assert_eq!(soql, wanted);
    }

    proptest! {
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
