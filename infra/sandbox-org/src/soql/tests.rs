//! Queries in a table, and what they give.

use std::sync::Arc;

use serde_json::{Value as Json, json};

use super::{Answer, Plan, SoqlError};
use crate::ids::RecordId;
use crate::org::{Author, Change, Org};
use crate::schema::Schema;

/// Noon of 2026-06-20.
const NOON: i64 = 1_781_956_800;

/// An org with two accounts, two contacts and five cases, opened an hour apart.
fn org() -> Org {
    let mut org = Org::new(Arc::new(Schema::parse(crate::OBJECTS).unwrap()));
    let (acme, roe) = (id(b"001", 1), id(b"001", 2));
    let (ann, bob) = (id(b"003", 1), id(b"003", 2));
    let case = |subject: &str, status: &str, more: Json| {
        let mut fields = json!({"Subject": subject, "Status": status});
        let map = fields.as_object_mut().unwrap();
        map.extend(more.as_object().unwrap().clone());
        ("Case", fields)
    };
    let rows = [
        (
            "Account",
            json!({"Name": "Acme 100% Legal", "NumberOfEmployees": 12, "AnnualRevenue": 1000.5}),
        ),
        ("Account", json!({"Name": "roe & sons", "ParentId": acme, "NumberOfEmployees": 3})),
        ("Contact", json!({"LastName": "Ames", "FirstName": "Ann", "AccountId": acme})),
        ("Contact", json!({"LastName": "Brown", "AccountId": roe})),
        case("Alpha v. Roe", "New", json!({"ContactId": ann, "Priority": "High"})),
        case("Beta v. Roe", "Active", json!({"ContactId": bob, "Court__c": "Cook"})),
        case("alpha's appeal", "Closed", json!({"AccountId": acme, "Priority": "Low"})),
        case("In re Gamma", "Settled", json!({"Type": "Mechanical;Other"})),
        case("Delta", "New", json!({"IsEscalated": true})),
    ];
    for (hour, (object, fields)) in (0_i64..).zip(rows) {
        let Json::Object(fields) = fields else { unreachable!() };
        write(&mut org, Change::Create { object: object.to_owned(), fields }, NOON + hour * 3600);
    }
    org
}

fn id(prefix: &[u8; 3], n: u64) -> String {
    RecordId::new(*prefix, n).to_string()
}

fn write(org: &mut Org, change: Change, at: i64) {
    let author = Author::inside(RecordId::new(*b"005", 1));
    let (settled, _) = org.write(&author, vec![change], false, at * 1000);
    settled.into_iter().next().unwrap().unwrap();
}

fn ask(org: &Org, soql: &str) -> Result<Vec<Json>, SoqlError> {
    let plan = Plan::new(org, soql, false, NOON + 10 * 3600)?;
    Ok(match plan.run(org) {
        Answer::Count(n) => vec![json!(n)],
        Answer::Groups(groups) => groups.iter().map(|g| serde_json::from_str(g).unwrap()).collect(),
        Answer::Rows(found) => found
            .ids
            .iter()
            .map(|id| {
                let mut text = String::new();
                plan.write_row(org, *id, "v66.0", &mut text);
                serde_json::from_str(&text).unwrap()
            })
            .collect(),
    })
}

/// Returns the numbers of the cases that fulfil a condition.
fn cases(org: &Org, rest: &str) -> Vec<u64> {
    let rows = ask(org, &format!("SELECT Id FROM Case {rest}"))
        .unwrap_or_else(|e| panic!("{rest}: {}", e.message));
    rows.iter().map(|row| RecordId::parse(row["Id"].as_str().unwrap()).unwrap().number()).collect()
}

#[test]
fn conditions_choose_the_rows_that_the_platform_would() {
    let org = org();
    for (rest, wanted) in [
        ("", vec![1, 2, 3, 4, 5]),
        ("WHERE Status = 'new'", vec![1, 5]),
        ("where status != 'New' and isclosed = false", vec![2]),
        ("WHERE Status IN ('New', 'Active')", vec![1, 2, 5]),
        ("WHERE Status NOT IN ('New', 'Active')", vec![3, 4]),
        ("WHERE (Status = 'New' OR Status = 'Active') AND Priority = 'High'", vec![1]),
        ("WHERE NOT (Status = 'New' OR Status = 'Active')", vec![3, 4]),
        ("WHERE (NOT Subject LIKE 'a%')", vec![2, 4, 5]),
        ("WHERE Subject LIKE 'ALPHA%'", vec![1, 3]),
        ("WHERE Subject LIKE '_elta'", vec![5]),
        ("WHERE Subject = 'alpha\\'s appeal'", vec![3]),
        ("WHERE Account.Name LIKE '%100\\%%'", vec![1, 3]),
        ("WHERE Account.Name LIKE '%100\\_%'", vec![]),
        ("WHERE Court__c = null", vec![1, 3, 4, 5]),
        ("WHERE Court__c != null", vec![2]),
        ("WHERE Court__c != 'Cook'", vec![1, 3, 4, 5]),
        ("WHERE Account.Name = null", vec![4, 5]),
        ("WHERE Account.Parent.Name = 'Acme 100% legal'", vec![2]),
        ("WHERE Owner.Name != 'x' AND IsEscalated = true", vec![5]),
        ("WHERE Type INCLUDES ('Other;Mechanical', 'x')", vec![4]),
        ("WHERE Type EXCLUDES ('Other')", vec![1, 2, 3, 5]),
        ("WHERE CreatedDate > 2026-06-20T18:00:00Z", vec![4, 5]),
        ("WHERE CreatedDate >= 2026-06-20T20:00:00.000+02:00", vec![3, 4, 5]),
        ("WHERE CreatedDate = TODAY", vec![1, 2, 3, 4, 5]),
        ("WHERE CreatedDate < TODAY", vec![]),
        ("WHERE CreatedDate = LAST_N_DAYS:3 AND CreatedDate != YESTERDAY", vec![1, 2, 3, 4, 5]),
        ("WHERE CreatedDate >= THIS_MONTH AND CreatedDate < NEXT_MONTH LIMIT 1", vec![1]),
        (
            "WHERE SystemModstamp >= 2026-06-20T17:00:00Z AND SystemModstamp < 2026-06-20T19:00:00Z ORDER BY SystemModstamp, Id",
            vec![2, 3],
        ),
        (
            "WHERE (SystemModstamp = 2026-06-20T17:00:00Z AND Id > '500Mb0000000001') OR SystemModstamp > 2026-06-20T18:00:00Z",
            vec![2, 4, 5],
        ),
        ("WHERE AccountId IN (SELECT Id FROM Account WHERE NumberOfEmployees < 10)", vec![2]),
        ("WHERE ContactId IN (SELECT Id FROM Contact WHERE LastName = 'Ames')", vec![1]),
        ("ORDER BY Subject DESC", vec![4, 5, 2, 3, 1]),
        ("ORDER BY Account.Name ASC NULLS LAST, Id DESC", vec![3, 1, 2, 5, 4]),
        ("ORDER BY Court__c, CreatedDate DESC", vec![5, 4, 3, 1, 2]),
        ("ORDER BY Court__c DESC, CreatedDate DESC", vec![5, 4, 3, 1, 2]),
        ("ORDER BY Court__c DESC NULLS LAST, Id LIMIT 2 OFFSET 1", vec![1, 3]),
        ("c WHERE c.Status = 'Active'", vec![2]),
        ("WHERE Case.Status = 'Active' FOR VIEW", vec![2]),
    ] {
        assert_eq!(cases(&org, rest), wanted, "{rest}");
    }
}

#[test]
fn rows_are_written_in_select_order_with_their_parents() {
    let org = org();

    let plan = Plan::new(&org, "SELECT Subject, Account.Name, Id, Contact.Account.Owner.Id FROM Case WHERE Status = 'Active'", false, NOON).unwrap();
    let mut text = String::new();
    plan.write_row(&org, RecordId::new(*b"500", 2), "v66.0", &mut text);

    let (case, account, contact) = (id(b"500", 2), id(b"001", 2), id(b"003", 2));
    assert_eq!(
        text,
        format!(
            "{{\"attributes\":{{\"type\":\"Case\",\"url\":\"/services/data/v66.0/sobjects/Case/{case}\"}},\
             \"Subject\":\"Beta v. Roe\",\"Account\":{{\"attributes\":{{\"type\":\"Account\",\
             \"url\":\"/services/data/v66.0/sobjects/Account/{account}\"}},\"Name\":\"roe & sons\"}},\
             \"Id\":\"{case}\",\"Contact\":{{\"attributes\":{{\"type\":\"Contact\",\
             \"url\":\"/services/data/v66.0/sobjects/Contact/{contact}\"}},\"Account\":{{\"attributes\":\
             {{\"type\":\"Account\",\"url\":\"/services/data/v66.0/sobjects/Account/{account}\"}},\"Owner\":null}}}}}}"
        )
    );
}

#[test]
fn groups_are_counted_and_summed() {
    let org = org();

    let groups = ask(&org, "SELECT Status, COUNT(Id) n, MAX(CreatedDate) FROM Case GROUP BY Status HAVING COUNT(Id) > 0 ORDER BY COUNT(Id) DESC, Status").unwrap();
    assert_eq!(
        groups[0],
        json!({"attributes": {"type": "AggregateResult"}, "Status": "New", "n": 2, "expr0": "2026-06-20T20:00:00.000+0000"})
    );
    assert_eq!(groups.len(), 4);
    let sums = ask(&org, "SELECT SUM(NumberOfEmployees), AVG(NumberOfEmployees), MIN(Name), COUNT_DISTINCT(ParentId) FROM Account").unwrap();
    assert_eq!(
        sums,
        [
            json!({"attributes": {"type": "AggregateResult"}, "expr0": 15, "expr1": 7.5, "expr2": "Acme 100% Legal", "expr3": 1})
        ]
    );
    assert_eq!(ask(&org, "SELECT COUNT() FROM Case WHERE IsClosed = true").unwrap(), [json!(2)]);
}

#[test]
fn children_and_all_fields_are_selected() {
    let org = org();

    let accounts = ask(&org, "SELECT Name, (SELECT Subject FROM Cases ORDER BY Subject LIMIT 1) FROM Account ORDER BY Name").unwrap();
    assert_eq!(accounts[0]["Cases"]["totalSize"], 1);
    assert_eq!(accounts[0]["Cases"]["records"][0]["Subject"], "Alpha v. Roe");
    let contact =
        ask(&org, "SELECT Id, (SELECT Id FROM Cases) FROM Contact WHERE LastName = 'nobody'")
            .unwrap();
    assert!(contact.is_empty());
    let all = ask(&org, "SELECT FIELDS(ALL) FROM Case LIMIT 1").unwrap();
    assert_eq!(all[0]["Docket_Number__c"], Json::Null);
    assert!(ask(&org, "SELECT FIELDS(STANDARD) FROM Case").is_ok());
}

#[test]
fn refusals_say_what_the_platform_says() {
    let org = org();
    for (soql, code, said) in [
        ("SELECT FROM Case", "MALFORMED_QUERY", "unexpected token: 'FROM'"),
        ("SELECT Id FROM Case WHERE", "MALFORMED_QUERY", "unexpected token: '<EOF>'"),
        (
            "SELECT Id FROM Case WHERE Status = \"New\"",
            "MALFORMED_QUERY",
            "ERROR at Row:1:Column:36",
        ),
        (
            "SELECT Id FROM Case WHERE Status = 'x\\q'",
            "MALFORMED_QUERY",
            "Illegal character sequence",
        ),
        ("SELECT Id FROM Case WHERE Status = 'x", "MALFORMED_QUERY", "unexpected token: '<EOF>'"),
        (
            "SELECT Id FROM Case WHERE a = 'x' AND b = 'y' OR c = 'z'",
            "MALFORMED_QUERY",
            "unexpected token: 'OR'",
        ),
        (
            "SELECT Id FROM Case WHERE Status NOT LIKE 'a'",
            "MALFORMED_QUERY",
            "unexpected token: 'LIKE'",
        ),
        ("SELECT Id FROM Case LIMIT many", "MALFORMED_QUERY", "unexpected token: 'many'"),
        ("SELECT FIELDS(ALL) FROM Case", "MALFORMED_QUERY", "LIMIT of at most 200"),
        (
            "SELECT FIELDS(CUSTOM) FROM User LIMIT 1",
            "MALFORMED_QUERY",
            "must result in at least one field",
        ),
        (
            "SELECT Status, COUNT(Id) FROM Case",
            "MALFORMED_QUERY",
            "Field must be grouped or aggregated: Status",
        ),
        (
            "SELECT Id FROM Accout",
            "INVALID_TYPE",
            "\nERROR at Row:1:Column:16\nsObject type 'Accout' is not supported.",
        ),
        (
            "SELECT Id, Nope FROM Case",
            "INVALID_FIELD",
            "\nERROR at Row:1:Column:12\nNo such column 'Nope' on entity 'Case'.",
        ),
        ("SELECT Id\nFROM Case\nWHERE Nope = 1", "INVALID_FIELD", "ERROR at Row:3:Column:7"),
        (
            "SELECT Nope.Name FROM Case",
            "INVALID_FIELD",
            "Didn't understand relationship 'Nope' in field path.",
        ),
        ("SELECT Id, Id FROM Case", "INVALID_FIELD", "duplicate field selected: Id"),
        (
            "SELECT Id FROM Case WHERE Description = 'x'",
            "INVALID_FIELD",
            "can not be filtered in a query call",
        ),
        (
            "SELECT Id FROM Case WHERE CreatedDate > '2026-01-01'",
            "INVALID_FIELD",
            "value of filter criterion for field 'CreatedDate' must be of type dateTime and should not be enclosed in quotes",
        ),
        ("SELECT Id FROM Case WHERE Subject = 1", "INVALID_FIELD", "should be enclosed in quotes"),
        (
            "SELECT Id FROM Case WHERE AccountId = 'x'",
            "INVALID_QUERY_FILTER_OPERATOR",
            "invalid ID field: x",
        ),
        (
            "SELECT Id FROM Case OFFSET 2001",
            "NUMBER_OUTSIDE_VALID_RANGE",
            "Maximum SOQL offset allowed is 2000",
        ),
        (
            "SELECT (SELECT Id FROM Nope) FROM Account",
            "INVALID_TYPE",
            "Didn't understand relationship 'Nope' in FROM part",
        ),
    ] {
        let refused = ask(&org, soql).unwrap_err();
        assert_eq!(refused.code, code, "{soql}: {}", refused.message);
        assert!(refused.message.contains(said), "{soql}: {}", refused.message);
    }
}

#[test]
fn excerpt_points_at_the_place() {
    let refused = ask(&org(), "SELECT Name,BillingCity,IsDeleted FROM Accout").unwrap_err();

    assert!(refused.message.starts_with("\nName,BillingCity,IsDeleted FROM Accout\n                                ^\nERROR at Row:1:Column:40\n"), "{}", refused.message);
}

#[test]
fn deleted_rows_are_seen_by_query_all_only() {
    let mut org = org();
    write(&mut org, Change::Delete { id: id(b"500", 1) }, NOON + 9 * 3600);

    assert_eq!(cases(&org, "WHERE Status = 'New'"), [5]);
    let plan = Plan::new(&org, "SELECT Id FROM Case WHERE IsDeleted = true", true, NOON).unwrap();
    let Answer::Rows(found) = plan.run(&org) else { panic!("rows") };
    assert_eq!(found.ids.len(), 1);
}

#[test]
fn lists_of_many_ids_are_read_in_order() {
    let org = org();
    let ids: Vec<String> = (1..=5).rev().map(|n| format!("'{}'", id(b"500", n))).collect();

    assert_eq!(cases(&org, &format!("WHERE Id IN ({})", ids.join(","))), [1, 2, 3, 4, 5]);
}
