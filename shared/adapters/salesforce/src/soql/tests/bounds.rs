//! Each bound, one step below it and one above.

use shared::ids::ObjectName;
use shared::time::Timestamp;

use crate::soql::{
    BoundFault, Condition, FieldPath, Literal, Query, SelectItem, Transport, encoded_bytes, parse,
};

fn path(raw: &str) -> FieldPath {
    FieldPath::parse(raw).unwrap()
}

fn object(raw: &str) -> ObjectName {
    ObjectName::parse(raw).unwrap()
}

fn ids() -> Query {
    Query::new(object("Case"), [path("Id")])
}

fn fault(query: &Query) -> String {
    query.to_soql().expect_err("the query was written").to_string()
}

/// What a statement, as it would be sent, breaks.
const BROKEN: &[(&str, &str)] = &[
    ("SELECT Id FROM Case OFFSET 2001", "OFFSET 2001 is more than 2000"),
    ("SELECT FIELDS(ALL) FROM Case", "FIELDS(ALL) needs LIMIT 200 or less"),
    ("SELECT FIELDS(CUSTOM) FROM Case LIMIT 201", "FIELDS(CUSTOM) needs LIMIT 200"),
    ("SELECT FIELDS(ALL), Name FROM Case LIMIT 1", "`name` is selected twice"),
    ("SELECT FIELDS(CUSTOM), A__c FROM Case LIMIT 1", "`a__c` is selected twice"),
    ("SELECT FIELDS(ALL), FIELDS(CUSTOM) FROM Case LIMIT 1", "cannot be used with another"),
    ("SELECT Id, c.id FROM Case c", "`id` is selected twice"),
    ("SELECT Status, toLabel(Status) FROM Case", "`status` is selected twice"),
    ("SELECT (SELECT Id FROM Cases), (SELECT Id FROM Cases) FROM Account", "selected twice"),
    ("SELECT COUNT(), Id FROM Case", "COUNT() cannot be used with another item"),
    ("SELECT COUNT() FROM Case ORDER BY Id", "COUNT() cannot be used with ORDER BY"),
    ("SELECT COUNT() FROM Case GROUP BY Id", "count a field instead"),
    ("SELECT COUNT(Id) FROM Case LIMIT 1", "LIMIT cannot be used with functions over all"),
    ("SELECT COUNT(Id) FROM Case HAVING COUNT(Id) > 1", "no GROUP BY"),
    ("SELECT Id FROM Case HAVING COUNT(Id) > 1", "records that are not grouped"),
    ("SELECT Status, COUNT(Id) FROM Case", "`Status` is neither grouped nor aggregated"),
    ("SELECT Type, COUNT(Id) FROM Case GROUP BY Status", "`Type` is neither grouped"),
    ("SELECT COUNT(Id) FROM Case GROUP BY Status ORDER BY Type", "`Type` is neither grouped"),
    ("SELECT COUNT(Id) FROM C GROUP BY S HAVING Type = 'x'", "`Type` is neither grouped"),
    ("SELECT COUNT(Id), FIELDS(STANDARD) FROM Case", "FIELDS() cannot be used with groups"),
    ("SELECT COUNT(Id), (SELECT Id FROM Cases) FROM Account", "a query for children cannot"),
    ("SELECT COUNT(Id) n, MAX(X) N FROM Case", "`n` is selected twice"),
    ("SELECT COUNT(Id) expr0, MAX(X) FROM Case", "`expr0` is selected twice"),
    ("SELECT A FROM X GROUP BY ROLLUP(A, B, C, D)", "4 fields in ROLLUP or CUBE, more than 3"),
    ("SELECT Id FROM Case WHERE COUNT(Id) > 1", "COUNT(`Id`) cannot stand in WHERE"),
    ("SELECT Id FROM Case ORDER BY MAX(Id)", "MAX(`Id`) cannot stand in the ORDER BY of records"),
    (
        "SELECT Id, (SELECT COUNT(Id) FROM Cases) FROM Account",
        "groups cannot be used with a query for children",
    ),
    ("SELECT Id FROM Contact c, c.Account C", "`C` is selected twice"),
    ("SELECT TYPEOF W WHEN A THEN B WHEN a THEN C END FROM X", "`a` is selected twice"),
    (
        "SELECT Id FROM A WHERE x IN (SELECT a FROM B) AND y IN (SELECT a FROM B) AND z IN (SELECT a FROM B)",
        "3 queries inside IN, more than 2",
    ),
    (
        "SELECT Id FROM A WHERE x IN (SELECT a FROM B WHERE y IN (SELECT a FROM C))",
        "must not hold another query",
    ),
    ("SELECT Id FROM A WHERE x IN (SELECT a FROM B) OR y = 1", "cannot stand under OR"),
    ("SELECT Id FROM A WHERE NOT x IN (SELECT a FROM B)", "under NOT: write NOT IN"),
    ("SELECT Id FROM A WHERE x IN (SELECT a FROM a)", "must not ask the same object"),
    ("SELECT Id FROM A WHERE x IN (SELECT a, b FROM B)", "must select one field"),
    ("SELECT Id FROM A WHERE x IN (SELECT COUNT() FROM B)", "must select one field"),
    ("SELECT Id FROM A WHERE x IN (SELECT a FROM B LIMIT 1)", "no ORDER BY, LIMIT or OFFSET"),
    ("SELECT Id FROM A WHERE x IN (SELECT a FROM B ORDER BY a)", "no ORDER BY, LIMIT"),
    ("SELECT Id FROM A WHERE x IN (SELECT a FROM B FOR VIEW)", "no clause but WHERE"),
    ("SELECT x FROM A GROUP BY x HAVING x IN (SELECT a FROM B)", "cannot stand in HAVING"),
];

/// What must not be taken for a breach.
const KEPT: &[&str] = &[
    "SELECT Id FROM Case OFFSET 2000",
    "SELECT FIELDS(ALL), Account.Name FROM Case LIMIT 200",
    "SELECT FIELDS(CUSTOM), Name FROM Case WHERE Id = '5005f00002J9YYE'",
    "SELECT FIELDS(ALL) FROM Case WHERE a = 1 AND Id IN ('5005f00002J9YYE')",
    "SELECT FIELDS(STANDARD), FIELDS(CUSTOM) FROM Case LIMIT 1",
    "SELECT FIELDS(STANDARD), A__c FROM Case",
    "SELECT COUNT() FROM Case LIMIT 10",
    "SELECT c.Status, COUNT(Id) FROM Case c GROUP BY Status ORDER BY Case.Status",
    "SELECT Status FROM Case GROUP BY Status HAVING Status LIKE 'a%' LIMIT 5",
    "SELECT Id FROM A WHERE x IN (SELECT a FROM B) AND y NOT IN (SELECT a FROM B WHERE c = 1 OR d = 2)",
];

#[test]
fn broken_bounds_are_named() {
    for (soql, said) in BROKEN {
        let fault = fault(&parse(soql).unwrap());
        assert!(fault.contains(said), "{soql}: {fault}");
    }
}

#[test]
fn queries_within_the_bounds_are_written() {
    for soql in KEPT {
        assert_eq!(parse(soql).unwrap().to_soql().as_deref(), Ok(*soql));
    }
}

#[test]
fn statement_is_at_most_100_000_characters_long() {
    let list = |n_left: usize| {
        let n_first = 3_000;
        let mut values: Vec<Literal> = vec![Literal::text("é".repeat(n_first)); 33];
        values.push(Literal::text("é".repeat(n_left)));
        ids().with_condition(Condition::is_in(path("Subject"), values))
    };
    let n_beside = list(0).to_soql().unwrap().chars().count();
    let n_left = 100_000 - n_beside;
    assert_eq!(list(n_left).to_soql().unwrap().chars().count(), 100_000);
    let fault = list(n_left + 1).to_soql().unwrap_err();
    assert_eq!(fault, BoundFault::TooLong { n_characters: 100_001 });
}

#[test]
fn text_is_at_most_4_000_characters_as_it_is_written() {
    let with = |text: String| ids().with_condition(path("Subject").equals(text));
    assert!(with("é".repeat(4_000)).to_soql().is_ok());
    assert!(fault(&with("é".repeat(4_001))).contains("text of 4001 characters"));
    assert!(with("'".repeat(2_000)).to_soql().is_ok());
    assert!(fault(&with("'".repeat(2_001))).contains("text of 4002 characters"));
}

#[test]
fn address_holds_what_the_rest_of_the_head_leaves() {
    let query = ids().with_condition(path("Subject").equals("Ü&=+ %"));
    let n_bytes = encoded_bytes(&query.to_soql().unwrap());
    let address = |n_free: usize| Transport::Address { n_other_bytes: 16_384 - n_free };
    assert!(query.to_soql_for(address(n_bytes)).is_ok());
    let fault = query.to_soql_for(address(n_bytes - 1)).unwrap_err();
    assert_eq!(fault, BoundFault::AddressTooLong { n_bytes, max_bytes: n_bytes - 1 });
}

#[test]
fn instant_that_cannot_be_written_is_refused() {
    let query = ids().with_condition(path("CreatedDate").equals(Timestamp::from_millis(i64::MAX)));
    assert!(fault(&query).contains("outside the years 0 to 9999"));
}

#[test]
fn conditions_are_nested_at_most_twenty_deep() {
    let nested =
        |n_levels: usize| (1..n_levels).fold(path("a").equals(1), |condition, _| !condition);
    assert!(ids().with_condition(nested(20)).to_soql().is_ok());
    assert!(fault(&ids().with_condition(nested(21))).contains("deeper than 20 levels"));
    assert!(fault(&ids().with_condition(nested(3_000))).contains("deeper than 20 levels"));
}

#[test]
fn statement_climbs_to_at_most_55_parents() {
    let parents = |n: usize| {
        let paths = (0..n).map(|at| path(&format!("P{at}__r.Name")));
        Query::new(object("Case"), paths).with_condition(path("P0__r.Id").equals("x"))
    };
    assert!(parents(55).to_soql().is_ok());
    assert!(fault(&parents(56)).contains("56 parents, more than 55"));
    // Each step of a way is a parent, and the object's own name is none.
    let ways = Query::new(object("Case"), (0..19).map(|at| path(&format!("A{at}.B.C.Name"))));
    assert!(fault(&ways).contains("57 parents"));
    let own = Query::new(object("Case"), (0..60).map(|at| path(&format!("Case.F{at}"))));
    assert!(own.to_soql().is_ok());
}

#[test]
fn statement_asks_for_at_most_20_lists_of_children_five_levels_deep() {
    let child = |name: &str| SelectItem::Children(Box::new(Query::new(object(name), [path("Id")])));
    let many = |n: usize| Query::new(object("Account"), (0..n).map(|at| child(&format!("C{at}"))));
    assert!(many(20).to_soql().is_ok());
    assert!(fault(&many(21)).contains("21 queries for children, more than 20"));

    let deep = |n_levels: usize| {
        let innermost = Query::new(object("C0"), [path("Id")]);
        (1..n_levels).fold(innermost, |inner, at| {
            Query::new(object(&format!("C{at}")), [SelectItem::Children(Box::new(inner))])
        })
    };
    assert!(deep(5).to_soql().is_ok());
    assert!(fault(&deep(6)).contains("deeper than 5 levels"));
    assert!(fault(&deep(2_000)).contains("deeper than 5 levels"));
}

#[test]
fn empty_lists_and_reserved_objects_are_refused() {
    let none: [FieldPath; 0] = [];
    assert!(fault(&Query::new(object("Case"), none)).contains("the SELECT list is empty"));
    let no_values: [Literal; 0] = [];
    let empty = ids().with_condition(Condition::is_in(path("Id"), no_values));
    assert!(fault(&empty).contains("an IN list is empty"));
    assert!(
        fault(&Query::new(object("Where"), [path("Id")])).contains("`Where` is a word of SOQL")
    );
}

#[test]
fn bulk_refuses_what_it_cannot_read() {
    for (soql, said) in [
        ("SELECT COUNT() FROM Case", "COUNT()"),
        ("SELECT COUNT(Id) FROM Case", "groups"),
        ("SELECT Status FROM Case GROUP BY Status", "groups"),
        ("SELECT Id FROM Case OFFSET 1", "OFFSET"),
        ("SELECT TYPEOF Owner WHEN User THEN Id END FROM Case", "TYPEOF"),
        ("SELECT Id, (SELECT Id FROM Cases) FROM Account", "a query for children"),
        ("SELECT FIELDS(ALL) FROM Case LIMIT 1", "FIELDS(ALL)"),
    ] {
        let query = parse(soql).unwrap();
        assert!(query.to_soql().is_ok(), "{soql}");
        let fault = query.to_soql_for(Transport::Bulk).unwrap_err().to_string();
        assert!(fault.contains(said) && fault.contains("read it by REST"), "{soql}: {fault}");
    }
    let plain = parse("SELECT FIELDS(STANDARD), Account.Name FROM Case WHERE a = 1").unwrap();
    assert!(plain.to_soql_for(Transport::Bulk).is_ok());
    assert!(plain.allows_id_ranges());
    let ordered = parse("SELECT Id FROM Case ORDER BY Id").unwrap();
    assert!(ordered.to_soql_for(Transport::Bulk).is_ok());
    assert!(!ordered.allows_id_ranges());
    assert!(!parse("SELECT Id FROM Case LIMIT 1").unwrap().allows_id_ranges());
}

#[test]
fn stable_order_ends_with_the_id_once() {
    let ordered = |soql: &str| parse(soql).unwrap().with_stable_order().to_soql().unwrap();
    let wanted = "SELECT Id FROM Case ORDER BY Status, Id";
    assert_eq!(ordered("SELECT Id FROM Case ORDER BY Status"), wanted);
    let aliased = "SELECT Id FROM Case c ORDER BY c.ID DESC, Status";
    assert_eq!(ordered(aliased), aliased);
}
