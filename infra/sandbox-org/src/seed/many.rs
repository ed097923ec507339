//! Rows by the million: accounts, contacts and wide cases, drawn fast and the same every time.

mod cases;
mod parties;
mod pools;

use std::sync::Arc;

use super::SeedError;
use crate::ids::RecordId;
use crate::org::{Org, Row, Value};
use crate::random::Dice;
use crate::schema::{ObjectType, position};

use pools::Pools;

/// How many rows of each object.
pub(super) struct Counts {
    pub(super) accounts: u64,
    pub(super) contacts: u64,
    pub(super) cases: u64,
}

/// How far back the oldest row reaches, in seconds.
const SPAN: i64 = 730 * 86_400;

/// Draws all rows and puts them into the org.
pub(super) fn load(
    org: &mut Org,
    counts: &Counts,
    random_seed: u64,
    anchor: i64,
) -> Result<(), SeedError> {
    let mut dice = Dice::new(random_seed);
    let pools = Pools::new();
    parties::accounts(org, counts, &pools, &mut dice, anchor)?;
    let people = parties::contacts(org, counts, &pools, &mut dice, anchor)?;
    cases::load(org, counts, &people, &pools, &mut dice, anchor)
}

/// Rows of one object under way: where its columns stand, and the row that all begin as.
struct Sheet<Column> {
    object: Arc<ObjectType>,
    blank: Vec<Value>,
    columns: Vec<(usize, Column)>,
}

impl<Column: Copy> Sheet<Column> {
    /// Finds the columns in the schema.
    fn new(org: &Org, object: &str, columns: &[(&str, Column)]) -> Result<Self, SeedError> {
        let object = super::object(org, object)?;
        let columns = columns
            .iter()
            .map(|(name, column)| {
                let place = object.place(name);
                Ok((place.ok_or_else(|| SeedError::Unknown { name: (*name).to_owned() })?, *column))
            })
            .collect::<Result<_, SeedError>>()?;
        let nobody = RecordId::new(object.prefix, 0);
        let row = org.blank(&object, nobody, super::lawyer(0));
        let blank = (0..object.fields.len()).map(|place| row.get(place).clone()).collect();
        Ok(Self { object, blank, columns })
    }

    /// Draws the row with this number, made and last changed at these seconds, by this user.
    fn row(
        &self,
        number: u64,
        (created, changed): (i64, i64),
        user: RecordId,
        mut draw: impl FnMut(Column) -> Value,
    ) -> Row {
        let id = RecordId::new(self.object.prefix, number);
        let mut values = self.blank.clone();
        let mut set = |place: usize, value| {
            if let Some(slot) = values.get_mut(place) {
                *slot = value;
            }
        };
        set(position::ID, Value::Id(id));
        set(position::CREATED_DATE, Value::Instant(created));
        set(position::CREATED_BY, Value::Id(user));
        set(position::MODIFIED_DATE, Value::Instant(changed));
        set(position::MODIFIED_BY, Value::Id(user));
        set(position::MODSTAMP, Value::Instant(changed));
        for (place, column) in &self.columns {
            set(*place, draw(*column));
        }
        Row::of(id, values)
    }
}

/// Returns when the `n`-th of `count` rows was made: the first long ago, the last just now.
fn created(n: u64, count: u64, anchor: i64) -> i64 {
    let left = i128::from(count.saturating_sub(n));
    let back = i128::from(SPAN) * left / i128::from(count.max(1));
    anchor - 300 - i64::try_from(back).unwrap_or(SPAN)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::sync::Arc;

    use super::*;
    use crate::org::Text;
    use crate::schema::Schema;

    const ANCHOR: i64 = 1_781_956_800;

    fn org(random_seed: u64) -> Org {
        let mut org = Org::new(Arc::new(Schema::parse(crate::OBJECTS).unwrap()));
        let counts = Counts { accounts: 20, contacts: 60, cases: 3_000 };
        load(&mut org, &counts, random_seed, ANCHOR).unwrap();
        org
    }

    #[test]
    fn cases_are_wide_and_hang_together() {
        let org = org(1);
        let (cases, contacts) = (org.table("Case").unwrap(), org.table("Contact").unwrap());
        let place = |name: &str| cases.object.place(name).unwrap();

        assert_eq!((org.table("Account").unwrap().n_live(), contacts.n_live()), (20, 60));
        assert_eq!(cases.n_live(), 3_000);
        for row in cases.rows() {
            let n_filled =
                (0..cases.object.fields.len()).filter(|p| !row.get(*p).is_null()).count();
            assert!(n_filled >= 40, "{n_filled} fields of {} are filled", row.id);
            let contact = contacts.row(row.get(place("ContactId")).as_id().unwrap()).unwrap();
            let of_contact = |name: &str| contact.get(contacts.object.place(name).unwrap());
            assert_eq!(row.get(place("AccountId")), of_contact("AccountId"));
            assert_eq!(row.get(place("ContactEmail")), of_contact("Email"));
            let is_closed = *row.get(place("IsClosed")) == Value::Bool(true);
            assert_eq!(is_closed, !row.get(place("ClosedDate")).is_null());
            let created = row.get(position::CREATED_DATE).as_instant().unwrap();
            assert!(created <= row.modstamp() && row.modstamp() <= ANCHOR);
        }
    }

    #[test]
    fn saved_again_a_row_stays_what_it_is() {
        let org = org(1);
        for object in ["Account", "Contact", "Case"] {
            let table = org.table(object).unwrap();
            for row in table.rows().take(500) {
                let mut saved = row.clone();
                org.complete(&table.object, &mut saved, ANCHOR);
                assert_eq!(saved, *row);
            }
        }
    }

    #[test]
    fn texts_fit_and_some_are_what_clients_stumble_over() {
        let org = org(1);
        let mut seen: HashSet<Text> = HashSet::new();
        for table in ["Account", "Contact", "Case"].map(|name| org.table(name).unwrap()) {
            for row in table.rows() {
                for (position, field) in table.object.fields.iter().enumerate() {
                    let Value::Text(text) = row.get(position) else { continue };
                    assert!(!text.is_empty() && text.trim() == text.as_str(), "{}", field.name);
                    let fits = field.length == 0 || text.chars().count() <= field.length;
                    assert!(fits, "{} is too long: {text}", field.name);
                    seen.insert(text.clone());
                }
            }
        }

        for odd in ["#N/A", "NA", "N/A", "null", "None", "NaN"] {
            assert!(seen.contains(odd), "`{odd}`");
        }
        for part in ["\r\n", "\"", ",", "⚖", "'", "\\", "案"] {
            assert!(seen.iter().any(|text| text.contains(part)), "{part:?}");
        }
    }

    #[test]
    fn same_seed_gives_the_same_rows() {
        let rows = |org: Org| org.table("Case").unwrap().rows().cloned().collect::<Vec<_>>();

        assert_eq!(rows(org(7)), rows(org(7)));
        assert_ne!(rows(org(7)), rows(org(8)));
    }
}
