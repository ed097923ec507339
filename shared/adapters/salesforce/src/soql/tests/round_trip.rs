//! What is built is read as it was built, and what is read is written so that it reads the same.

use proptest::prelude::*;
use shared::ids::ObjectName;

use super::arbitrary;
use crate::soql::{Condition, FieldPath, Inclusion, Literal, Pattern, PicklistSet, Query, parse};

/// Queries as people write them; the second is what is written of it.
const WRITTEN: &[(&str, &str)] = &[
    ("select id from case", "SELECT id FROM case"),
    (
        "SELECT Id\n,\tName FROM Account WHERE Name<>'a'AND(x=1)",
        "SELECT Id, Name FROM Account WHERE Name != 'a' AND x = 1",
    ),
    ("SELECT Id FROM A WHERE NOT a = 1 AND b = 2", "SELECT Id FROM A WHERE (NOT a = 1) AND b = 2"),
    (
        "SELECT Id FROM A WHERE not (a = 1 or b in ('x' , null))",
        "SELECT Id FROM A WHERE (NOT (a = 1 OR b IN ('x', null)))",
    ),
    (
        "SELECT Id FROM A WHERE (((a = 1)) AND (b = true)) AND c = FALSE",
        "SELECT Id FROM A WHERE (a = 1 AND b = TRUE) AND c = FALSE",
    ),
    (
        "SELECT Id FROM A WHERE a > 2020-01-01T00:00:00+01:00 AND b = 2020-01-01 AND c = +01.50",
        "SELECT Id FROM A WHERE a > 2019-12-31T23:00:00.000Z AND b = 2020-01-01 AND c = 1.50",
    ),
    (
        "SELECT Id FROM A WHERE a = last_n_days:30 AND b = this_fiscal_quarter AND c >= USD5000.5",
        "SELECT Id FROM A WHERE a = LAST_N_DAYS:30 AND b = THIS_FISCAL_QUARTER AND c >= USD5000.5",
    ),
    (
        r"SELECT Id FROM A WHERE n LIKE 'a\%\_%\\_' AND m = '\u00e9\N\'' AND k NOT IN (1)",
        r"SELECT Id FROM A WHERE n LIKE 'a\%\_%\\_' AND m = 'é\n\'' AND k NOT IN (1)",
    ),
    (
        "SELECT Id FROM A WHERE p INCLUDES ('a;b','c') OR q EXCLUDES ('d')",
        "SELECT Id FROM A WHERE p INCLUDES ('a;b', 'c') OR q EXCLUDES ('d')",
    ),
    (
        "SELECT COUNT() FROM Case WHERE Id IN (SELECT ParentId FROM CaseComment) LIMIT 5",
        "SELECT COUNT() FROM Case WHERE Id IN (SELECT ParentId FROM CaseComment) LIMIT 5",
    ),
    (
        "SELECT Status, count(Id) n, max(X) FROM Case GROUP BY Status having count(Id)>1 ORDER BY count(Id) desc nulls last",
        "SELECT Status, COUNT(Id) n, MAX(X) FROM Case GROUP BY Status HAVING COUNT(Id) > 1 ORDER BY COUNT(Id) DESC NULLS LAST",
    ),
    ("SELECT a FROM X GROUP BY rollup ( a , b )", "SELECT a FROM X GROUP BY ROLLUP(a, b)"),
    ("SELECT Rollup FROM X GROUP BY Rollup, Cube", "SELECT Rollup FROM X GROUP BY Rollup, Cube"),
    (
        "SELECT tolabel(S__c), format(A__c), fields(standard) FROM Case USING SCOPE Mine",
        "SELECT toLabel(S__c), FORMAT(A__c), FIELDS(STANDARD) FROM Case USING SCOPE mine",
    ),
    (
        "SELECT TYPEOF What WHEN Account THEN Phone, Name WHEN Lead THEN Id ELSE Name END, Id FROM Event",
        "SELECT TYPEOF What WHEN Account THEN Phone, Name WHEN Lead THEN Id ELSE Name END, Id FROM Event",
    ),
    (
        "SELECT c.Id, a.Name FROM Contact c, c.Account a WHERE a.Name='x' WITH security_enforced",
        "SELECT c.Id, a.Name FROM Contact c, c.Account a WHERE a.Name = 'x' WITH SECURITY_ENFORCED",
    ),
    (
        "SELECT Name, (SELECT Id, (SELECT Id FROM Notes) FROM Cases ORDER BY Id ASC LIMIT 1) FROM Account",
        "SELECT Name, (SELECT Id, (SELECT Id FROM Notes) FROM Cases ORDER BY Id LIMIT 1) FROM Account",
    ),
    (
        "SELECT Id FROM Group GROUP BY Id ORDER BY Id NULLS FIRST LIMIT 1 OFFSET 0 UPDATE VIEWSTAT FOR VIEW",
        "SELECT Id FROM Group GROUP BY Id ORDER BY Id NULLS FIRST LIMIT 1 OFFSET 0 FOR VIEW UPDATE VIEWSTAT",
    ),
    (
        "SELECT Id FROM Case FOR REFERENCE UPDATE TRACKING FOR UPDATE",
        "SELECT Id FROM Case FOR REFERENCE UPDATE TRACKING FOR UPDATE",
    ),
];

/// Texts that are no SOQL, the place where they stop being it, and what is said.
const REFUSED: &[(&str, usize, usize, &str)] = &[
    ("", 1, 1, "met the end of the statement, wanted `SELECT`"),
    ("SELECT FROM Case", 1, 8, "met `FROM`, wanted a field"),
    ("SELECT Id FROM Case WHERE", 1, 26, "wanted a field"),
    ("SELECT Id FROM Case WHERE Status = \"New\"", 1, 36, "text stands in single quotes"),
    ("SELECT Id FROM Case WHERE Status = 'x\\q'", 1, 36, "an escape that SOQL knows"),
    ("SELECT Id FROM Case WHERE Status = 'x\\%'", 1, 36, "an escape that SOQL knows"),
    ("SELECT Id FROM Case WHERE Status = 'x", 1, 36, "a quote that nothing closes"),
    (
        "SELECT Id\nFROM Case\nWHERE a = 'x' AND b = 'y' OR c = 'z'",
        3,
        27,
        "wanted parentheses where AND and OR meet",
    ),
    ("SELECT Id FROM Case WHERE Status NOT LIKE 'a'", 1, 38, "met `LIKE`, wanted `IN`"),
    ("SELECT Id FROM Case LIMIT many", 1, 27, "wanted a whole number"),
    ("SELECT Id FROM Case LIMIT -1", 1, 27, "wanted a whole number"),
    ("SELECT Id FROM Case LIMIT 4294967296", 1, 27, "wanted a whole number"),
    ("SELECT Id FROM Case WHERE a = 2026-02-30", 1, 31, "a day or an instant"),
    ("SELECT Id FROM Case WHERE a = 1e5", 1, 31, "a number"),
    ("SELECT Id FROM Case WHERE a = LAST_N_DAYS", 1, 42, "wanted `:`"),
    ("SELECT Id FROM Case WHERE a = b", 1, 31, "met `b`, wanted a value"),
    ("SELECT Id FROM Case WHERE é = 1", 1, 27, "met `é`, wanted a field"),
    ("SELECT Id FROM Case WHERE a IN ()", 1, 33, "met `)`, wanted a value"),
    ("SELECT Id FROM Case WHERE a INCLUDES (1)", 1, 39, "wanted picklist values in quotes"),
    ("SELECT Id FROM Case; DELETE", 1, 20, "met `;`, wanted the end of the statement"),
    ("SELECT NOPE(Id) FROM Case", 1, 13, "`NOPE` is no function of SOQL"),
    ("SELECT a.b.c.d.e.f.g FROM Case", 1, 8, "wanted a field"),
    ("SELECT Id FROM Where WHERE a = 1", 1, 16, "wanted an object"),
    ("SELECT Id FROM Case FOR VIEW FOR VIEW", 1, 34, "each once"),
    ("SELECT TYPEOF What END FROM Case", 1, 20, "wanted `WHEN`"),
    ("SELECT Id FROM C GROUP BY CUBE(a", 1, 33, "wanted `)`"),
];

#[test]
fn queries_as_people_write_them_are_read_and_written_again() {
    for (soql, wanted) in WRITTEN {
        let query = parse(soql).unwrap_or_else(|error| panic!("{soql}: {error}"));
        let written = query.to_soql().unwrap_or_else(|error| panic!("{soql}: {error}"));
        assert_eq!(written, *wanted);
        assert_eq!(parse(&written).unwrap(), query, "{soql}");
    }
}

#[test]
fn text_that_is_no_soql_is_refused_where_it_stops_being_it() {
    for (soql, row, column, said) in REFUSED {
        let error = parse(soql).unwrap_err();
        assert_eq!((error.row, error.column), (*row, *column), "{soql}: {error}");
        assert!(error.to_string().contains(said), "{soql}: {error}");
    }
}

#[test]
fn deep_nesting_is_refused_before_the_stack_ends() {
    let open = "(".repeat(50_000);
    let error = parse(&format!("SELECT Id FROM Case WHERE {open}")).unwrap_err();
    assert!(error.to_string().contains("nested deeper"), "{error}");
    let not = "NOT ".repeat(20_000);
    assert!(parse(&format!("SELECT Id FROM Case WHERE {not} a = 1")).is_err());
    let children = "SELECT (".repeat(10_000);
    assert!(parse(&children).is_err());
    let too_long = format!("SELECT Id FROM Case WHERE a = '{}'", "x".repeat(100_000));
    assert!(parse(&too_long).unwrap_err().to_string().contains("longer than 100000"));
}

/// Writes other and more spaces, wherever no quotes are.
fn spread(soql: &str, space: &str) -> String {
    let mut spread = String::new();
    let (mut is_quoted, mut is_escaped) = (false, false);
    for character in soql.chars() {
        match character {
            ' ' if !is_quoted => spread.push_str(space),
            ',' | '(' | ')' if !is_quoted => {
                spread.push_str(space);
                spread.push(character);
                spread.push_str(space);
            }
            other => spread.push(other),
        }
        is_quoted ^= character == '\'' && !is_escaped;
        is_escaped = character == '\\' && !is_escaped;
    }
    spread
}

fn with(condition: Condition) -> Query {
    let id = FieldPath::parse("Id").unwrap();
    Query::new(ObjectName::parse("Case").unwrap(), [id])
        .with_condition(FieldPath::parse("a").unwrap().equals(1).or(condition))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn what_is_built_is_read_as_it_was_built(query in arbitrary::query()) {
        let soql = query.to_soql().unwrap();
        let read = parse(&soql);
        prop_assert_eq!(read.as_ref(), Ok(&query), "{}", soql);
    }

    #[test]
    fn spaces_between_words_say_nothing(
        query in arbitrary::query(),
        space in "[ \t\r\n]{1,3}",
    ) {
        let soql = query.to_soql().unwrap();
        let spread = spread(&soql, &space);
        prop_assert_eq!(parse(&spread), Ok(query.clone()), "{}", spread);
        prop_assert_eq!(parse(&spread).unwrap().to_soql().unwrap(), soql);
    }

    #[test]
    fn no_value_breaks_out_wherever_it_stands(
        text in prop_oneof![any::<String>(), r#"[\\'"%_;() \nORID=]{0,20}"#]
    ) {
        let field = || FieldPath::parse("Subject").unwrap();
        let mut conditions = vec![
            field().equals(text.as_str()),
            Condition::is_in(field(), [text.as_str(), "x"]),
            Condition::is_not_in(field(), [Literal::text(text.as_str()), Literal::Null]),
            Condition::like(field(), Pattern::holding(&text)),
            !Condition::like(field(), Pattern::starting_with(&text)),
        ];
        if let Ok(set) = PicklistSet::new([text.as_str(), "b"]) {
            conditions.push(Condition::Picklist(field(), Inclusion::Includes, vec![set]));
        }
        for condition in conditions {
            let query = with(condition);
            let soql = query.to_soql().unwrap();
            prop_assert_eq!(parse(&soql), Ok(query), "{}", soql);
        }
    }
}
