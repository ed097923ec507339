//! Formulas of the shapes that orgs hold, and what each is made from.

use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::{Value, json};
use shared::ids::ObjectName;
use shared::sync::{Dependents, DependsOn, OtherCause};

use super::depends_on;
use crate::schema::{DescribeSet, ObjectDescribe};

fn plain(names: &[&str]) -> Vec<Value> {
    names.iter().map(|it| json!({"name": it, "type": "string"})).collect()
}

fn to(name: &str, relationship: &str, objects: &[&str]) -> Value {
    json!({"name": name, "type": "reference", "referenceTo": objects, "relationshipName": relationship})
}

fn formula(name: &str, text: &str) -> Value {
    json!({"name": name, "type": "string", "calculated": true, "calculatedFormula": text})
}

fn object(name: &str, fields: &[Value]) -> ObjectDescribe {
    serde_json::from_value(json!({"name": name, "fields": fields})).unwrap()
}

/// A case with one formula `F__c`, among the objects around it.
fn org(text: &str) -> DescribeSet {
    let mut case = plain(&[
        "Id",
        "Subject",
        "Status",
        "Priority",
        "Origin",
        "IsClosed",
        "CreatedDate",
        "ClosedDate",
        "Hours__c",
        "Rate__c",
        "Discount__c",
        "Opened__c",
        "Docket_Number__c",
        "Type",
        "Email__c",
    ]);
    case.extend([
        to("AccountId", "Account", &["Account"]),
        to("ContactId", "Contact", &["Contact"]),
        to("OwnerId", "Owner", &["Group", "User"]),
        to("ParentId", "Parent", &["Case"]),
        to("Court__c", "Court__r", &["Court__c"]),
        to("RecordTypeId", "RecordType", &["RecordType"]),
        to("Judge__c", "Judge__r", &["Judge__c"]),
        formula("Fee__c", "Hours__c * Rate__c"),
        formula("Net_Fee__c", "Fee__c * (1 - Discount__c)"),
        json!({"name": "Total_Time__c", "type": "double", "calculated": true}),
        formula("F__c", text),
    ]);
    let mut account = plain(&["Name", "Industry", "AnnualRevenue"]);
    account.extend([
        to("OwnerId", "Owner", &["User"]),
        json!({"name": "BillingAddress", "type": "address"}),
        json!({"name": "BillingCity", "type": "string", "compoundFieldName": "BillingAddress"}),
        json!({"name": "BillingCountry", "type": "string", "compoundFieldName": "BillingAddress"}),
        formula("Size__c", "IF(AnnualRevenue > 1000000, \"Large\", \"Small\")"),
        formula("Owner_Mail__c", "Owner.Email"),
    ]);
    let contact = vec![
        json!({"name": "Name", "type": "string", "compoundFieldName": "Name"}),
        json!({"name": "FirstName", "type": "string", "compoundFieldName": "Name"}),
        json!({"name": "LastName", "type": "string", "compoundFieldName": "Name"}),
        json!({"name": "Birthdate", "type": "date"}),
        to("AccountId", "Account", &["Account"]),
    ];
    [
        object("Case", &case),
        object("Account", &account),
        object("Contact", &contact),
        object("User", &plain(&["Name", "Email", "IsActive"])),
        object("Group", &plain(&["Name", "DeveloperName"])),
        object("Court__c", &plain(&["Name", "City__c", "Fee_Factor__c"])),
        object("RecordType", &plain(&["Name", "DeveloperName"])),
    ]
    .into_iter()
    .collect()
}

fn depends(text: &str) -> DependsOn {
    let org = org(text);
    let all = depends_on(org.get("Case").unwrap(), &org);
    all.into_iter().find(|it| it.field == "F__c").unwrap()
}

/// Writes the fields as `Account.Owner:User.Email`: the way, the object where it leads, the field.
fn shown(depends: &DependsOn) -> BTreeSet<String> {
    let paths = depends.paths.iter().map(|it| match it.via.as_slice() {
        [] => it.field.clone(),
        via => format!("{}:{}.{}", via.join("."), it.object, it.field),
    });
    paths.collect()
}

const FORMULAS: &[(&str, &str, &[OtherCause])] = &[
    // Of the record's own fields.
    ("Hours__c * Rate__c", "Hours__c Rate__c", &[]),
    ("ROUND(hours__c*RATE__C*(1-Discount__c/100), 2)", "Discount__c Hours__c Rate__c", &[]),
    ("IF(ISPICKVAL(Status, 'New'), 'Intake', TEXT(Priority))", "Priority Status", &[]),
    ("CASE(Origin, \"Email\", 1, \"Web\", 2, \"Phone, or \\\"call\\\"\", 3, 0)", "Origin", &[]),
    ("IF(AND(NOT(IsClosed), ISBLANK(ClosedDate)), \"open\", \"done\")", "ClosedDate IsClosed", &[]),
    ("IsClosed && Priority = \"High\" || Hours__c >= 10", "Hours__c IsClosed Priority", &[]),
    ("ClosedDate - CreatedDate", "ClosedDate CreatedDate", &[]),
    ("YEAR(DATEVALUE(CreatedDate))", "CreatedDate", &[]),
    ("LEFT(Docket_Number__c, FIND(\"-\", Docket_Number__c) - 1)", "Docket_Number__c", &[]),
    (
        "HYPERLINK(\"/\" & Id, Subject & \" (\" & Status & \")\", \"_blank\")",
        "Id Status Subject",
        &[],
    ),
    (
        "IMAGE(CASE(Priority, \"High\", \"/img/red.gif\", \"/img/green.gif\"), \"flag\", 16, 16)",
        "Priority",
        &[],
    ),
    ("BLANKVALUE(Email__c, NULL) /* SuppliedEmail */", "Email__c", &[]),
    ("REGEX(Docket_Number__c, '[0-9]{4}-CV-[0-9]+')", "Docket_Number__c", &[]),
    ("\"constant of Subject\"", "", &[]),
    // Of formulas and roll-ups.
    ("Fee__c * 1.19", "Fee__c Hours__c Rate__c", &[]),
    ("Net_Fee__c + Fee__c", "Discount__c Fee__c Hours__c Net_Fee__c Rate__c", &[]),
    ("Total_Time__c / 8", "Total_Time__c", &[OtherCause::Children]),
    // Of parents.
    (
        "Account.Name & \" / \" & Contact.Name",
        "AccountId Account:Account.Name ContactId Contact:Contact.Name Contact:Contact.FirstName Contact:Contact.LastName",
        &[],
    ),
    ("Court__r.Fee_Factor__c * Hours__c", "Court__c Court__r:Court__c.Fee_Factor__c Hours__c", &[]),
    ("TEXT(Account.Industry)", "AccountId Account:Account.Industry", &[]),
    ("account.owner.email", "AccountId Account:Account.OwnerId Account.Owner:User.Email", &[]),
    ("Account.Size__c", "AccountId Account:Account.Size__c Account:Account.AnnualRevenue", &[]),
    (
        "Account.Owner_Mail__c",
        "AccountId Account:Account.Owner_Mail__c Account:Account.OwnerId Account.Owner:User.Email",
        &[],
    ),
    (
        "Contact.Account.BillingAddress",
        "ContactId Contact:Contact.AccountId Contact.Account:Account.BillingAddress \
         Contact.Account:Account.BillingCity Contact.Account:Account.BillingCountry",
        &[],
    ),
    ("Parent.Parent.Subject", "ParentId Parent:Case.ParentId Parent.Parent:Case.Subject", &[]),
    ("Owner:User.Email", "OwnerId Owner:User.Email", &[]),
    ("Owner:Queue.DeveloperName", "OwnerId Owner:Group.DeveloperName", &[]),
    ("Owner.Name", "OwnerId Owner:Group.Name Owner:User.Name", &[]),
    ("Owner.Email", "OwnerId Owner:User.Email", &[]),
    (
        "$RecordType.DeveloperName = \"Litigation\"",
        "RecordTypeId RecordType:RecordType.DeveloperName",
        &[],
    ),
    // Of what is no field.
    ("TODAY() - DATEVALUE(CreatedDate)", "CreatedDate", &[OtherCause::Clock]),
    ("IF(NOW() > Opened__c + 2, 'late', '')", "Opened__c", &[OtherCause::Clock]),
    (
        "FLOOR((TODAY() - Contact.Birthdate) / 365.2425)",
        "ContactId Contact:Contact.Birthdate",
        &[OtherCause::Clock],
    ),
    ("OwnerId = $User.Id", "OwnerId", &[OtherCause::Reader]),
    ("$Profile.Name = 'Partner' && $Permission.See_Fees", "", &[OtherCause::Reader]),
    ("$Label.Greeting & $Organization.Name & Subject", "Subject", &[OtherCause::Settings]),
    (
        "Hours__c * $Setup.Rates__c.Default__c * $CustomMetadata.Tax__mdt.DE.Rate__c",
        "Hours__c",
        &[OtherCause::Settings],
    ),
    ("$Unheard.Of", "", &[OtherCause::Unknown]),
    // Of what this user cannot see.
    ("Hidden__c + 1", "Hidden__c", &[OtherCause::Unseen]),
    ("Nowhere__r.Name", "", &[OtherCause::Unseen]),
    ("Judge__r.Name", "Judge__c Judge__r:Judge__c.Name", &[OtherCause::Unseen]),
    ("Subject & \"open", "", &[OtherCause::Unknown]),
];

#[test]
fn formulas_of_real_shape_are_followed_to_the_fields_they_are_made_from() {
    assert!(FORMULAS.len() >= 30);
    for (text, paths, causes) in FORMULAS {
        let depends = depends(text);
        let wanted: BTreeSet<String> = paths.split_whitespace().map(str::to_owned).collect();
        assert_eq!(shown(&depends), wanted, "{text}");
        assert_eq!(depends.causes, causes.iter().copied().collect(), "{text}");
        assert_eq!(depends.is_tracked(), causes.is_empty());
    }
}

#[test]
fn only_formulas_that_can_have_changed_are_read_again() {
    let org = org("Account.Owner_Mail__c");
    let case = org.get("Case").unwrap();
    let dependents = Dependents::new(depends_on(case, &org));
    let of = |object: &str, fields: &[&str]| {
        let object = ObjectName::parse(object).unwrap();
        let found = dependents.of_changed(&object, fields.iter().copied());
        found.into_iter().map(|it| format!("{} {}", it.field, it.via.join("."))).collect::<Vec<_>>()
    };

    assert_eq!(of("Case", &["Rate__c"]), ["Fee__c ", "Net_Fee__c "]);
    assert_eq!(of("Case", &["Discount__c"]), ["Net_Fee__c "]);
    assert_eq!(of("Case", &["AccountId"]), ["F__c "]);
    assert_eq!(of("Account", &["OwnerId", "Name"]), ["F__c Account"]);
    assert_eq!(of("User", &["email"]), ["F__c Account.Owner"]);
    assert!(of("Case", &["Subject"]).is_empty());
    let untracked: Vec<&str> = dependents.untracked().iter().map(|it| it.field.as_str()).collect();
    assert_eq!(untracked, ["Total_Time__c"]);
}

#[test]
fn formulas_that_read_each_other_come_to_an_end() {
    let fields = vec![
        to("ParentId", "Parent", &["Case"]),
        to("OtherId", "Other", &["Case"]),
        formula("A__c", "B__c + A__c + Parent.A__c + Other.B__c"),
        formula("B__c", "A__c + Parent.B__c + Other.A__c"),
    ];
    let set: DescribeSet = [object("Case", &fields)].into_iter().collect();
    for depends in depends_on(set.get("Case").unwrap(), &set) {
        assert!(depends.causes.contains(&OtherCause::Unknown));
        assert!(depends.paths.len() < 20_000, "{}", depends.paths.len());
    }
}

proptest! {
    #[test]
    fn any_formula_is_followed_or_left_to_a_schedule(text in r#"[A-Za-z_$.:("'\\/*+, 0-9]{0,40}"#) {
        let _ = depends(&text);
    }

    #[test]
    fn every_field_that_stands_in_a_formula_is_found(
        names in prop::collection::btree_set(
            prop::sample::select(vec!["Subject", "Status", "Hours__c", "Rate__c", "Origin"]), 1..5
        ),
        joint in prop::sample::select(vec![" + ", "&", " , ", "<>", "\n/* x */ = "]),
    ) {
        let terms: Vec<&str> = names.iter().copied().collect();
        let wanted: BTreeSet<String> = names.iter().map(|it| (*it).to_owned()).collect();
        prop_assert_eq!(shown(&depends(&format!("IF({})", terms.join(joint)))), wanted);
    }
}
