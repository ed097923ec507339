//! Names that the org would refuse, and what is said of them.

use serde_json::{Value, json};

use crate::schema::{DescribeSet, ObjectDescribe};
use crate::soql::{check, check_for_bulk, parse};

fn field(name: &str, field_type: &str, more: &Value) -> Value {
    let is_long = more["length"].as_u64().unwrap_or(0) > 255;
    let mut field = json!({
        "name": name, "type": field_type, "filterable": !is_long, "sortable": !is_long,
        "groupable": !is_long, "aggregatable": !is_long, "custom": name.ends_with("__c"),
    });
    let fields = field.as_object_mut().unwrap();
    fields.extend(more.as_object().unwrap().clone());
    field
}

fn plain(name: &str, field_type: &str) -> Value {
    field(name, field_type, &json!({}))
}

fn to(name: &str, relationship: &str, objects: &[&str]) -> Value {
    let more = json!({"referenceTo": objects, "relationshipName": relationship});
    field(name, "reference", &more)
}

fn object(name: &str, fields: &[Value], children: &Value) -> ObjectDescribe {
    let described = json!({"name": name, "fields": fields, "childRelationships": children});
    serde_json::from_value(described).unwrap()
}

fn org() -> DescribeSet {
    let none = json!([]);
    let children = json!([
        {"childSObject": "Case", "field": "AccountId", "relationshipName": "Cases"},
        {"childSObject": "Asset", "field": "AccountId", "relationshipName": "Assets"},
        {"childSObject": "Note", "field": "ParentId", "relationshipName": null},
    ]);
    let case = [
        plain("Id", "id"),
        plain("Subject", "string"),
        plain("Status", "picklist"),
        plain("Topics__c", "multipicklist"),
        plain("IsClosed", "boolean"),
        plain("CreatedDate", "datetime"),
        plain("Due__c", "date"),
        plain("Amount__c", "currency"),
        plain("Hours__c", "double"),
        field("Description", "textarea", &json!({"length": 32_000})),
        field("Body__c", "base64", &json!({"filterable": false})),
        to("AccountId", "Account", &["Account"]),
        to("OwnerId", "Owner", &["Group", "User"]),
        to("AssetId", "Asset", &["Asset"]),
        to("CourtId__c", "Court__r", &["Account"]),
    ];
    let account = [
        plain("Id", "id"),
        plain("Name", "string"),
        plain("BillingAddress", "address"),
        to("OwnerId", "Owner", &["User"]),
    ];
    let user =
        [plain("Id", "id"), plain("Email", "email"), to("ProfileId", "Profile", &["Profile"])];
    [
        object("Case", &case, &none),
        object("Account", &account, &children),
        object("User", &user, &none),
        object("Profile", &[plain("Name", "string")], &none),
    ]
    .into_iter()
    .collect()
}

const TAKEN: &[&str] = &[
    "SELECT id, account.owner.profile.name, Owner.Name, Owner.Profile.Name, Court__r.Name FROM case",
    "SELECT c.Id, a.Name FROM Case c, c.Account a WHERE a.Owner.Email LIKE 'x%' AND Case.Id != null",
    "SELECT COUNT(Id), SUM(Amount__c), MAX(CreatedDate), Status FROM Case GROUP BY Status",
    "SELECT TYPEOF Owner WHEN User THEN Email ELSE Name END FROM Case",
    "SELECT Name, (SELECT Subject FROM Cases WHERE IsClosed = FALSE) FROM Account",
    "SELECT FIELDS(STANDARD) FROM Case WHERE Topics__c INCLUDES ('a;b')",
    "SELECT Id FROM Case WHERE AccountId IN (SELECT Id FROM Account WHERE Name = 'x')",
    "SELECT Id FROM Case WHERE Amount__c > USD5 AND Hours__c < 1.5 AND Due__c = TODAY AND CreatedDate < 2026-01-01T00:00:00Z AND AccountId = '0015f00002J9YYE'",
];

const REFUSED: &[(&str, &str)] = &[
    ("SELECT Id FROM Cas", "`Cas` is no object that the user sees; did you mean `Case`?"),
    (
        "SELECT Stauts FROM Case",
        "`Stauts` is no field of `Case` that the user sees; did you mean `Status`?",
    ),
    (
        "SELECT Id FROM Case WHERE Account.Nmae = 'x'",
        "`Account.Nmae` is no field of `Account` that the user sees; did you mean `Name`?",
    ),
    (
        "SELECT Acount.Name FROM Case",
        "`Acount.Name` leads from `Case` to no parent; did you mean `Account`?",
    ),
    ("SELECT CourtId__c.Name FROM Case", "leads from `Case` to no parent"),
    (
        "SELECT Owner.Emial FROM Case",
        "no field of `Name` that the user sees; did you mean `Email`?",
    ),
    ("SELECT Owner.Manager.Name FROM Case", "leads from `Name` to no parent"),
    ("SELECT Asset.Name FROM Case", "`Asset.Name` leads to `Asset`, which was not described"),
    (
        "SELECT Id, (SELECT Id FROM Csaes) FROM Account",
        "`Csaes` lists no records that point to `Account`; did you mean `Cases`?",
    ),
    (
        "SELECT Id, (SELECT Id FROM Assets) FROM Account",
        "leads to `Asset`, which was not described",
    ),
    ("SELECT Id, (SELECT Nope FROM Cases) FROM Account", "`Nope` is no field of `Case`"),
    ("SELECT TYPEOF Account WHEN User THEN Id END FROM Case", "leads to one object"),
    ("SELECT TYPEOF Ownr WHEN User THEN Id END FROM Case", "did you mean `Owner`?"),
    ("SELECT TYPEOF Owner WHEN User THEN Nope END FROM Case", "`Nope` is no field of `User`"),
    ("SELECT Id FROM Case WHERE Description = 'x'", "cannot be asked for in WHERE"),
    ("SELECT Id FROM Case ORDER BY Description", "cannot order records"),
    ("SELECT Description FROM Case GROUP BY Description", "cannot group records"),
    ("SELECT MAX(Description) FROM Case", "is not taken by this function"),
    ("SELECT SUM(Subject) FROM Case", "is not taken by this function"),
    ("SELECT COUNT(Id) FROM Case GROUP BY Status HAVING AVG(Status) > 1", "is not taken by this"),
    ("SELECT FIELDS(CUSTOM) FROM User LIMIT 1", "FIELDS(CUSTOM) stands for no field of `User`"),
    ("SELECT Id FROM Case WHERE Subject = 1", "compared with text in single quotes"),
    ("SELECT Id FROM Case WHERE CreatedDate > '2026-01-01'", "compared with an instant without"),
    ("SELECT Id FROM Case WHERE CreatedDate > 2026-01-01", "compared with an instant without"),
    ("SELECT Id FROM Case WHERE Due__c > 2026-01-01T00:00:00Z", "compared with a day without"),
    ("SELECT Id FROM Case WHERE IsClosed = 'true'", "compared with TRUE or FALSE"),
    ("SELECT Id FROM Case WHERE IsClosed > FALSE", "is for values that have an order"),
    ("SELECT Id FROM Case WHERE Hours__c = USD5", "compared with a number"),
    ("SELECT Id FROM Case WHERE AccountId = 'x'", "a record id of 15 or 18 characters"),
    ("SELECT Id FROM Case WHERE AccountId IN ('0015f00002J9YYE', 5)", "a record id of 15 or 18"),
    ("SELECT Id FROM Case WHERE AccountId LIKE '001%'", "operator beside `AccountId` of `Case`"),
    ("SELECT Id FROM Case WHERE IsClosed LIKE 'a'", "is for text"),
    ("SELECT Id FROM Case WHERE Status INCLUDES ('a')", "is for picklists of several values"),
    ("SELECT Id FROM Case WHERE Subject IN (SELECT Id FROM Account)", "is for ids and references"),
    (
        "SELECT Id FROM Case WHERE AccountId IN (SELECT Name FROM Account)",
        "is for ids and references",
    ),
    ("SELECT Id FROM Case c, c.Acount a", "`c.Acount` leads from `Case` to no parent"),
];

#[test]
fn names_that_the_org_knows_are_taken() {
    for soql in TAKEN {
        if let Err(faults) = check(&parse(soql).unwrap(), &org()) {
            panic!("{soql}: {faults}");
        }
    }
}

#[test]
fn name_that_the_org_would_refuse_is_named_with_the_nearest_one() {
    for (soql, said) in REFUSED {
        let faults = check(&parse(soql).unwrap(), &org()).expect_err(soql);
        assert_eq!(faults.faults().len(), 1, "{soql}: {faults}");
        assert!(faults.to_string().contains(said), "{soql}: {faults}");
    }
}

#[test]
fn every_fault_is_told_at_once() {
    let soql = "SELECT Stauts, Id FROM Case WHERE Nope = 1 ORDER BY Description";
    let faults = check(&parse(soql).unwrap(), &org()).unwrap_err();
    let names: Vec<&str> = faults.faults().iter().map(|it| it.name.as_str()).collect();
    assert_eq!(names, ["Stauts", "Nope", "Description"]);
}

#[test]
fn bulk_carries_neither_addresses_nor_bytes() {
    for soql in ["SELECT Id, BillingAddress FROM Account", "SELECT Body__c FROM Case"] {
        let query = parse(soql).unwrap();
        check(&query, &org()).unwrap();
        let faults = check_for_bulk(&query, &org()).unwrap_err();
        assert!(faults.to_string().contains("is not carried by Bulk"), "{faults}");
    }
}
