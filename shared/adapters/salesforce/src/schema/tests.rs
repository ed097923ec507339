//! Describes as orgs send them, and what becomes of them.

use serde_json::{Value, json};
use shared::ids::ObjectName;
use shared::sync::{MappedFields, RemoteKind, drift};

use super::*;

/// A field with all 57 keys, as recorded.
fn recorded() -> Value {
    let text = r#"{
        "aggregatable": true, "aiPredictionField": false, "autoNumber": false, "byteLength": 765,
        "calculated": false, "calculatedFormula": null, "cascadeDelete": false,
        "caseSensitive": false, "compoundFieldName": null, "controllerName": null,
        "createable": true, "custom": false, "defaultValue": null, "defaultValueFormula": null,
        "defaultedOnCreate": false, "dependentPicklist": false, "deprecatedAndHidden": false,
        "digits": 0, "displayLocationInDecimal": false, "encrypted": false, "externalId": false,
        "extraTypeInfo": null, "filterable": true, "filteredLookupInfo": null,
        "formulaTreatNullNumberAsZero": false, "groupable": true, "highScaleNumber": false,
        "htmlFormatted": false, "idLookup": false, "inlineHelpText": null, "label": "Status",
        "length": 255, "mask": null, "maskType": null, "name": "Status", "nameField": false,
        "namePointing": false, "nillable": true, "permissionable": false,
        "picklistValues": [
            {"active": true, "defaultValue": true, "label": "New", "validFor": null, "value": "New"},
            {"active": false, "defaultValue": false, "label": "Old", "validFor": null, "value": "Old"}
        ],
        "polymorphicForeignKey": false, "precision": 0, "queryByDistance": false,
        "referenceTargetField": null, "referenceTo": [], "relationshipName": null,
        "relationshipOrder": null, "restrictedDelete": false, "restrictedPicklist": true,
        "scale": 0, "searchPrefilterable": false, "soapType": "xsd:string", "sortable": true,
        "type": "picklist", "unique": false, "updateable": true, "writeRequiresMasterRead": false
    }"#;
    serde_json::from_str(text).unwrap()
}

fn kind(changes: &Value) -> RemoteKind {
    let mut field = recorded();
    field.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    serde_json::from_value::<FieldDescribe>(field).unwrap().to_remote().kind
}

#[test]
fn field_with_all_its_keys_is_read() {
    let field: FieldDescribe = serde_json::from_value(recorded()).unwrap();
    assert_eq!(field.field_type, FieldType::Picklist);
    assert_eq!(field.picklist_values.len(), 2);
    assert_eq!(field.aggregatable, Some(true));
    assert!(field.filterable && field.restricted_picklist && !field.is_polymorphic());
}

#[test]
fn every_type_becomes_its_neutral_kind() {
    let account = || vec![ObjectName::parse("Account").unwrap()];
    for (changes, wanted) in [
        (json!({}), RemoteKind::Picklist { values: vec!["New".into()], is_restricted: true }),
        (
            json!({"type": "combobox"}),
            RemoteKind::Picklist { values: vec!["New".into()], is_restricted: false },
        ),
        (
            json!({"type": "multipicklist", "restrictedPicklist": false}),
            RemoteKind::MultiPicklist { values: vec!["New".into()], is_restricted: false },
        ),
        (json!({"type": "id"}), RemoteKind::Id),
        (json!({"type": "string"}), RemoteKind::Text { length: 255 }),
        (json!({"type": "textarea"}), RemoteKind::Text { length: 255 }),
        (json!({"type": "textarea", "length": 32_000}), RemoteKind::LongText { length: 32_000 }),
        (json!({"type": "email", "length": 80}), RemoteKind::Email { length: 80 }),
        (json!({"type": "phone", "length": 40}), RemoteKind::Phone { length: 40 }),
        (json!({"type": "url"}), RemoteKind::Url { length: 255 }),
        (json!({"type": "boolean"}), RemoteKind::Bool),
        (json!({"type": "int", "digits": 8}), RemoteKind::Int),
        (json!({"type": "long"}), RemoteKind::Int),
        (
            json!({"type": "double", "precision": 18, "scale": 15}),
            RemoteKind::Decimal { precision: 18, scale: 15 },
        ),
        (
            json!({"type": "currency", "precision": 18, "scale": 2}),
            RemoteKind::Currency { precision: 18, scale: 2 },
        ),
        (
            json!({"type": "percent", "precision": 5, "scale": 2}),
            RemoteKind::Percent { precision: 5, scale: 2 },
        ),
        (json!({"type": "date"}), RemoteKind::Date),
        (json!({"type": "datetime"}), RemoteKind::DateTime),
        (json!({"type": "time"}), RemoteKind::Time),
        (
            json!({"type": "reference", "referenceTo": ["Account"]}),
            RemoteKind::Reference { to: account(), is_polymorphic: false },
        ),
        (
            json!({"type": "reference", "referenceTo": ["Account"], "polymorphicForeignKey": true}),
            RemoteKind::Reference { to: account(), is_polymorphic: true },
        ),
        (json!({"type": "address"}), RemoteKind::Compound),
        (json!({"type": "location"}), RemoteKind::Compound),
        (json!({"type": "base64"}), RemoteKind::Binary),
        (json!({"type": "encryptedstring", "length": 175}), RemoteKind::Encrypted { length: 175 }),
        (json!({"type": "anyType"}), RemoteKind::Other { name: "anyType".into() }),
    ] {
        assert_eq!(kind(&changes), wanted, "{changes}");
    }
}

#[test]
fn required_field_is_one_that_nothing_fills() {
    let required = |changes: &Value| {
        let mut field = recorded();
        field.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        serde_json::from_value::<FieldDescribe>(field).unwrap().to_remote().is_required_on_create
    };
    assert!(!required(&json!({})));
    assert!(required(&json!({"nillable": false})));
    assert!(!required(&json!({"nillable": false, "defaultedOnCreate": true})));
    assert!(!required(&json!({"nillable": false, "createable": false})));
    assert!(!required(&json!({"nillable": false, "type": "boolean"})));
}

#[test]
fn object_is_read_with_its_children_and_found_by_any_case() {
    let described: ObjectDescribe = serde_json::from_value(json!({
        "name": "Account", "label": "Account", "keyPrefix": "001", "custom": false,
        "queryable": true, "createable": true, "updateable": true, "deletable": true,
        "undeletable": true, "replicateable": true, "urls": {}, "supportedScopes": [],
        "fields": [recorded(), {"name": "Hidden", "type": "string", "deprecatedAndHidden": true}],
        "recordTypeInfos": [{"recordTypeId": "012000000000000AAA", "name": "Master",
            "developerName": "Master", "available": true, "active": true, "urls": {}}],
        "childRelationships": [
            {"cascadeDelete": false, "childSObject": "Case", "deprecatedAndHidden": false,
             "field": "AccountId", "junctionIdListNames": [], "relationshipName": "Cases",
             "restrictedDelete": true},
            {"cascadeDelete": true, "childSObject": "AccountHistory", "field": "AccountId",
             "relationshipName": null, "restrictedDelete": false},
        ],
    }))
    .unwrap();
    assert!(described.summary.replicateable);
    assert!(described.children("cases").unwrap().restricted_delete);
    assert_eq!(described.record_type_infos[0].name, "Master");
    assert_eq!(described.to_remote().fields.len(), 1);
    let set: DescribeSet = [described].into_iter().collect();
    assert!(set.get("ACCOUNT").unwrap().field("status").is_some());
    assert!(set.get("Nope").is_none());
}

#[test]
fn global_describe_names_the_objects() {
    let global: GlobalDescribe = serde_json::from_value(json!({
        "encoding": "UTF-8", "maxBatchSize": 200,
        "sobjects": [{"name": "Case", "label": "Case", "keyPrefix": "500", "queryable": true,
            "createable": true, "updateable": true, "deletable": true, "replicateable": true}],
    }))
    .unwrap();
    assert_eq!((global.max_batch_size, global.sobjects.len()), (200, 1));
    assert_eq!(global.sobjects[0].key_prefix.as_deref(), Some("500"));
}

#[test]
fn describe_of_another_user_drifts_by_the_fields_that_user_does_not_see() {
    let with = |fields: Vec<Value>| -> ObjectDescribe {
        serde_json::from_value(json!({"name": "Case", "fields": fields})).unwrap()
    };
    let subject = json!({"name": "Subject", "type": "string", "length": 255});
    let (before, after) = (with(vec![recorded(), subject.clone()]), with(vec![subject]));
    let drifts = drift(&before.to_remote(), &after.to_remote(), &MappedFields::default());
    assert_eq!(drifts.len(), 1);
    assert_eq!(drifts[0].to_string(), "note: `Status` of `Case` is gone");
}
