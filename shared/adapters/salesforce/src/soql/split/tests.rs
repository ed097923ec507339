//! Parts that together ask exactly what the whole asks.

use proptest::prelude::*;
use shared::ids::ObjectName;

use super::*;
use crate::soql::{Membership, OrderKey, parse};

fn path(raw: &str) -> FieldPath {
    FieldPath::parse(raw).unwrap()
}

fn cases() -> Query {
    Query::new(ObjectName::parse("Case").unwrap(), [path("Id"), path("Subject")])
}

/// Takes the values of the list that was added to the base, and holds the part to its bounds.
fn values_of(part: &Query, transport: Transport) -> Vec<Literal> {
    let soql = part.to_soql_for(transport).unwrap();
    assert_eq!(parse(&soql).as_ref(), Ok(part));
    let last = match part.condition.as_ref().unwrap() {
        Condition::All(group) => group.conditions().last().unwrap(),
        single => single,
    };
    match last {
        Condition::Member(_, Membership::In, values) => values.clone(),
        other => panic!("{other:?}"),
    }
}

fn ids(n: usize) -> impl Iterator<Item = Literal> {
    (0..n).map(|at| Literal::text(format!("500{at:012}AAA")))
}

#[test]
fn ids_that_fit_into_one_address_are_asked_for_at_once() {
    let transport = Transport::Address { n_other_bytes: 1_384 };
    let parts: Vec<Query> =
        cases().split_by_values(path("Id"), ids(700), transport).unwrap().collect();
    let n_values: Vec<usize> = parts.iter().map(|it| values_of(it, transport).len()).collect();
    assert_eq!(n_values, [534, 166]);
    // One more would not have fitted.
    let full = parts[0].to_soql_for(transport).unwrap();
    assert!(encoded_bytes(&full) + encoded_bytes(", '500000000000001AAA'") > 15_000);
}

#[test]
fn values_are_taken_only_as_they_are_needed() {
    let endless = (0..).map(|at: i64| Literal::from(at));
    let mut parts = cases().split_by_values(path("Number__c"), endless, Transport::Body).unwrap();
    let first = values_of(&parts.next().unwrap(), Transport::Body);
    let second = values_of(&parts.next().unwrap(), Transport::Body);
    assert_eq!(first[0], Literal::from(0));
    assert_eq!(second[0], Literal::from(i64::try_from(first.len()).unwrap()));
    assert!(first.len() > 14_000, "{}", first.len());
}

#[test]
fn all_fields_are_asked_of_200_records_at_a_time() {
    let base = parse("SELECT FIELDS(ALL) FROM Case WHERE Id = '5005f00002J9YYE'").unwrap();
    let base = Query { condition: None, ..base };
    let parts = base.split_by_values(path("Id"), ids(450), Transport::Body).unwrap();
    let n_values: Vec<usize> = parts.map(|it| values_of(&it, Transport::Body).len()).collect();
    assert_eq!(n_values, [200, 200, 50]);
}

#[test]
fn query_whose_parts_would_mean_something_else_is_not_cut() {
    for (soql, what) in [
        ("SELECT Id FROM Case LIMIT 5", "LIMIT"),
        ("SELECT Id FROM Case OFFSET 5", "OFFSET"),
        ("SELECT COUNT() FROM Case", "groups or counts"),
        ("SELECT COUNT(Id) FROM Case", "groups or counts"),
        ("SELECT Status FROM Case GROUP BY Status", "groups or counts"),
    ] {
        let query = parse(soql).unwrap();
        let fault = query.split_by_values(path("Id"), ids(1), Transport::Body).err().unwrap();
        assert!(fault.to_string().contains(&format!("query with {what}")), "{soql}: {fault}");
    }
    let long = parse("SELECT Id, Subject, Status FROM Case ORDER BY Id LIMIT 5").unwrap();
    let tight = Transport::Address { n_other_bytes: 16_384 - 40 };
    let fault = long.split_by_fields(&[path("Id")], tight).unwrap_err();
    assert!(fault.to_string().contains("read it by Bulk query"), "{fault}");
}

#[test]
fn value_that_fits_into_no_query_is_left_to_the_check() {
    let huge = [Literal::from(1), Literal::text("x".repeat(5_000)), Literal::from(2)];
    let parts: Vec<Query> =
        cases().split_by_values(path("Subject"), huge, Transport::Body).unwrap().collect();
    assert_eq!(parts.len(), 1);
    assert!(parts[0].to_soql().unwrap_err().to_string().contains("text of 5000 characters"));
    let tight = Transport::Address { n_other_bytes: 16_384 - 100 };
    let long = [Literal::from(1), Literal::text("x".repeat(100)), Literal::from(2)];
    let parts: Vec<Query> =
        cases().split_by_values(path("Subject"), long, tight).unwrap().collect();
    assert_eq!(parts.len(), 3);
    assert!(parts[1].to_soql_for(tight).is_err());
    assert!(
        cases()
            .split_by_values(path("S"), [], Transport::Address { n_other_bytes: 16_380 })
            .is_err()
    );
}

#[test]
fn no_values_make_no_query() {
    let mut parts = cases().split_by_values(path("Id"), [], Transport::Body).unwrap();
    assert_eq!(parts.next(), None);
}

#[test]
fn wide_select_list_is_read_in_parts_that_share_their_keys() {
    let keys = [path("Id"), path("SystemModstamp")];
    let fields: Vec<FieldPath> =
        (0..600).map(|at| path(&format!("Custom_Field_{at}__c"))).collect();
    let whole = Query::new(ObjectName::parse("Case").unwrap(), fields.clone())
        .with_condition(path("Id").is_above("500000000000001AAA"))
        .with_order(OrderKey::ascending(path("Id")));
    let transport = Transport::Address { n_other_bytes: 10_000 };
    let parts = whole.split_by_fields(&keys, transport).unwrap();

    assert_eq!(parts.len(), 3);
    let mut found = Vec::new();
    for part in &parts {
        part.to_soql_for(transport).unwrap();
        assert_eq!((&part.condition, &part.order), (&whole.condition, &whole.order));
        let (own, rest) = part.items.split_at(2);
        assert_eq!(own, [keys[0].clone().into(), keys[1].clone().into()]);
        found.extend(rest.iter().cloned());
    }
    let wanted: Vec<SelectItem> = fields.into_iter().map(Into::into).collect();
    assert_eq!(found, wanted);
    assert_eq!(whole.split_by_fields(&keys, Transport::Body).unwrap(), [whole]);
}

#[test]
fn condition_that_leaves_no_room_for_fields_says_so() {
    let whole = cases().with_condition(path("Subject").equals("x".repeat(200)));
    let transport = Transport::Address { n_other_bytes: 16_384 - 100 };
    let fault = whole.split_by_fields(&[path("Id")], transport).unwrap_err();
    assert!(matches!(fault, SplitFault::Bound(BoundFault::AddressTooLong { .. })), "{fault:?}");
}

proptest! {
    #[test]
    fn every_value_stands_in_exactly_one_query(
        texts in prop::collection::vec(any::<String>(), 0..60),
        n_free in 400_usize..4_000,
    ) {
        let transport = Transport::Address { n_other_bytes: 16_384 - n_free };
        let values: Vec<Literal> = texts.into_iter().map(Literal::Text).collect();
        let base = cases().with_condition(path("a").equals(1).or(path("b").equals(2)));
        let fits = |value: &Literal| {
            let alone = Condition::is_in(path("Subject"), [value.clone()]);
            base.clone().with_condition(alone).to_soql_for(transport).is_ok()
        };
        let values: Vec<Literal> = values.into_iter().filter(fits).collect();
        let parts = base.clone().split_by_values(path("Subject"), values.clone(), transport);
        let parts: Vec<Query> = parts.unwrap().collect();
        let lists: Vec<Vec<Literal>> = parts.iter().map(|it| values_of(it, transport)).collect();
        prop_assert_eq!(lists.concat(), values);
        // No query has room for the first value of the next one.
        for (list, next) in lists.iter().zip(lists.iter().skip(1)) {
            let longer = list.iter().chain(next.first()).cloned();
            let query = base.clone().with_condition(Condition::is_in(path("Subject"), longer));
            prop_assert!(query.to_soql_for(transport).is_err());
        }
    }

    #[test]
    fn every_field_stands_in_exactly_one_part(
        names in prop::collection::btree_set("[a-z]{3,30}__c", 1..40),
        n_free in 120_usize..600,
    ) {
        let transport = Transport::Address { n_other_bytes: 16_384 - n_free };
        let fields: Vec<FieldPath> = names.iter().map(|it| path(it)).collect();
        let whole = Query::new(ObjectName::parse("Case").unwrap(), fields.clone());
        let keys = [path("Id")];
        let mut found = Vec::new();
        for part in whole.split_by_fields(&keys, transport).unwrap() {
            prop_assert!(part.to_soql_for(transport).is_ok());
            found.extend(part.items.into_iter().filter(|it| *it != keys[0].clone().into()));
        }
        let wanted: Vec<SelectItem> = fields.into_iter().map(Into::into).collect();
        prop_assert_eq!(found, wanted);
    }
}
