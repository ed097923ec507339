//! What an index finds, and what it does not.

use crate::schema::ObjectDescribe;
use crate::soql::{ScanReason, Selectivity, parse, selectivity};

fn case() -> ObjectDescribe {
    serde_json::from_str(
        r#"{"name": "Case", "fields": [
            {"name": "Id", "type": "id"},
            {"name": "CaseNumber", "type": "string", "nameField": true},
            {"name": "AccountId", "type": "reference", "referenceTo": ["Account"]},
            {"name": "MoodBridge_Id__c", "type": "string", "externalId": true},
            {"name": "LastModifiedDate", "type": "datetime"},
            {"name": "Status", "type": "picklist"}]}"#,
    )
    .unwrap()
}

#[test]
fn reason_why_no_index_helps_is_told() {
    let indexed = |field: &str| Selectivity::Indexed(field.to_owned());
    let scan =
        |reason: fn(String) -> ScanReason, field: &str| Selectivity::Scan(reason(field.to_owned()));
    for (condition, wanted) in [
        ("Id = 'x'", indexed("Id")),
        ("c.SystemModstamp >= 2026-01-01T00:00:00Z", indexed("SystemModstamp")),
        ("CaseNumber LIKE '0000%'", indexed("CaseNumber")),
        ("AccountId IN (SELECT Id FROM Account)", indexed("AccountId")),
        ("Status = 'New' AND MoodBridge_Id__c IN ('a', 'b')", indexed("MoodBridge_Id__c")),
        ("Id = 'x' OR AccountId = 'y'", indexed("AccountId")),
        (
            "LastModifiedDate > 2026-01-01T00:00:00Z",
            scan(ScanReason::NotIndexed, "LastModifiedDate"),
        ),
        ("Id = 'x' OR Status = 'y'", scan(ScanReason::NotIndexed, "Status")),
        ("Id != 'x'", scan(ScanReason::Negative, "Id")),
        ("NOT Id = 'x'", scan(ScanReason::Negative, "Id")),
        ("AccountId = null", scan(ScanReason::Negative, "AccountId")),
        ("AccountId IN ('x', null)", scan(ScanReason::Negative, "AccountId")),
        ("Id NOT IN ('x')", scan(ScanReason::Negative, "Id")),
        ("CaseNumber LIKE '%1'", scan(ScanReason::LeadingWildcard, "CaseNumber")),
        ("Account.Name = 'x'", scan(ScanReason::Parent, "Account.Name")),
        ("Status INCLUDES ('x')", scan(ScanReason::NotIndexed, "Status")),
    ] {
        let query = parse(&format!("SELECT Id FROM Case c WHERE {condition}")).unwrap();
        assert_eq!(selectivity(&query, &case()), wanted, "{condition}");
    }
    let all = parse("SELECT Id FROM Case").unwrap();
    assert_eq!(selectivity(&all, &case()), Selectivity::Scan(ScanReason::NoCondition));
}
