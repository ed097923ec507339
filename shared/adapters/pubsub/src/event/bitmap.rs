//! Sets of fields, written as bits over the schema of the event.
//!
//! An element such as `0x400000` names fields of the event: the lowest bit is the first one. An
//! element such as `4-0x01` names parts of the field with that number. Leading zeros may be there
//! or not. Source: Pub/Sub API guide, "Event Deserialization Considerations".

use std::collections::BTreeSet;

use crate::avro::Schema;

/// Digits of one element; a set of all fields that a schema may have takes 1,250.
const MAX_DIGITS: usize = 4096;

/// A field of an event, or a part of a compound one, by their numbers in the schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Leaf {
    pub(crate) field: usize,
    /// The part; `None` for the field as a whole.
    pub(crate) part: Option<usize>,
}

/// Why a set of fields cannot be read: the schema is not the one it was written over.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BitmapError {
    #[error("a set of fields is not written as bits")]
    NotBits,
    #[error("a set of fields names field {field}, which the schema does not have")]
    NoField { field: usize },
    #[error("a set of fields names part {part} of field {field}, which the schema does not have")]
    NoPart { field: usize, part: usize },
}

/// Returns the fields that `elements` name.
///
/// # Errors
///
/// [`BitmapError`] when `schema` has no such field.
pub(crate) fn leaves(schema: &Schema, elements: &[String]) -> Result<BTreeSet<Leaf>, BitmapError> {
    let mut leaves = BTreeSet::new();
    for element in elements {
        match element.split_once('-') {
            Some((field, bits)) => {
                let field: usize = field.parse().map_err(|_| BitmapError::NotBits)?;
                for part in ones(bits)? {
                    check_part(schema, field, part)?;
                    leaves.insert(Leaf { field, part: Some(part) });
                }
            }
            None => {
                for field in ones(element)? {
                    if field >= schema.fields().len() {
                        return Err(BitmapError::NoField { field });
                    }
                    leaves.insert(Leaf { field, part: None });
                }
            }
        }
    }
    Ok(leaves)
}

fn check_part(schema: &Schema, field: usize, part: usize) -> Result<(), BitmapError> {
    let described = schema.fields().get(field).ok_or(BitmapError::NoField { field })?;
    let n_parts = schema.parts(&described.kind).map_or(0, |it| it.fields.len());
    if part < n_parts { Ok(()) } else { Err(BitmapError::NoPart { field, part }) }
}

/// Returns the numbers of the bits that are set, the lowest first.
fn ones(bits: &str) -> Result<Vec<usize>, BitmapError> {
    let digits = bits.strip_prefix("0x").ok_or(BitmapError::NotBits)?;
    if !(1..=MAX_DIGITS).contains(&digits.len()) {
        return Err(BitmapError::NotBits);
    }
    let mut ones = Vec::new();
    for (idx, digit) in digits.chars().rev().enumerate() {
        let digit = digit.to_digit(16).ok_or(BitmapError::NotBits)?;
        ones.extend((0..4).filter(|bit| digit & (1 << bit) != 0).map(|bit| idx * 4 + bit));
    }
    Ok(ones)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The first fields of an Account's events. Source: Change Data Capture guide, v66.
    const ACCOUNT: &[&str] = &[
        "ChangeEventHeader",
        "Name",
        "Type",
        "ParentId",
        "BillingAddress",
        "ShippingAddress",
        "Phone",
        "Fax",
        "AccountNumber",
        "Website",
        "Sic",
        "Industry",
        "AnnualRevenue",
        "NumberOfEmployees",
        "Ownership",
        "TickerSymbol",
        "Description",
        "Rating",
        "Site",
        "OwnerId",
        "CreatedDate",
        "CreatedById",
        "LastModifiedDate",
        "LastModifiedById",
    ];
    const ADDRESS: &[&str] = &[
        "Street",
        "City",
        "State",
        "PostalCode",
        "Country",
        "Latitude",
        "Longitude",
        "GeocodeAccuracy",
    ];

    fn account() -> Schema {
        let text = |name: &&str| format!(r#"{{"name":"{name}","type":["null","string"]}}"#);
        let parts: Vec<_> = ADDRESS.iter().map(text).collect();
        let address = format!(
            r#"["null",{{"type":"record","name":"Address","fields":[{}]}}]"#,
            parts.join(",")
        );
        let fields: Vec<_> = ACCOUNT
            .iter()
            .map(|name| match *name {
                "BillingAddress" => format!(r#"{{"name":"{name}","type":{address}}}"#),
                "ShippingAddress" => format!(r#"{{"name":"{name}","type":["null","Address"]}}"#),
                _ => text(name),
            })
            .collect();
        let json = format!(
            r#"{{"type":"record","name":"AccountChangeEvent","fields":[{}]}}"#,
            fields.join(",")
        );
        Schema::parse(&json).unwrap()
    }

    fn named(elements: &[&str]) -> Result<Vec<String>, BitmapError> {
        let schema = account();
        let elements: Vec<_> = elements.iter().map(|it| (*it).to_owned()).collect();
        let leaves = leaves(&schema, &elements)?;
        Ok(leaves
            .into_iter()
            .map(|leaf| {
                let field = &schema.fields()[leaf.field];
                match leaf.part {
                    Some(part) => {
                        let parts = schema.parts(&field.kind).unwrap();
                        format!("{}.{}", field.name, parts.fields[part].name)
                    }
                    None => field.name.clone(),
                }
            })
            .collect())
    }

    #[test]
    fn sets_of_the_guide_name_the_fields_that_it_says() {
        for (elements, names) in [
            (&["0x400800"][..], &["Industry", "LastModifiedDate"][..]),
            (&["0x400000", "4-0x01"], &["BillingAddress.Street", "LastModifiedDate"]),
            (&["0x400080"], &["Fax", "LastModifiedDate"]),
            (&["0x410000"], &["Description", "LastModifiedDate"]),
            (&["0x010000"], &["Description"]),
            (&["0x00000000410000"], &["Description", "LastModifiedDate"]),
            (&["5-0x82"], &["ShippingAddress.City", "ShippingAddress.GeocodeAccuracy"]),
            (&[], &[]),
        ] {
            assert_eq!(named(elements).unwrap(), names, "{elements:?}");
        }
    }

    #[test]
    fn set_that_was_written_over_another_schema_is_an_error() {
        for elements in [
            ["0x1000000"],
            ["4-0x100"],
            ["1-0x01"],
            ["99-0x1"],
            ["Phone"],
            ["0x"],
            ["-0x1"],
            ["0xg"],
        ] {
            assert!(named(&elements).is_err(), "{elements:?}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_the_reader_panic(text in ".*") {
            let _ = leaves(&account(), &[text]);
        }

        #[test]
        fn bits_and_numbers_say_the_same(bits in 0_u32..1 << 24, n_zeros in 0_usize..9) {
            let element = format!("0x{}{bits:x}", "0".repeat(n_zeros));
            let wanted: Vec<_> = (0..24).filter(|bit| bits & (1 << bit) != 0).collect();
            prop_assert_eq!(ones(&element).unwrap(), wanted);
        }
    }
}
