//! What describe says about objects and fields.

use serde_json::{Map, Value, json};

use super::field::{Field, FieldKind};
use super::object::ObjectType;

impl ObjectType {
    /// Returns the entry of the global describe.
    #[must_use]
    pub(crate) fn summary(&self, version: &str) -> Value {
        Value::Object(self.flags(version))
    }

    /// Returns the full describe.
    #[must_use]
    pub(crate) fn describe(&self, version: &str) -> Value {
        let mut all = self.flags(version);
        let children: Vec<Value> = self
            .children
            .iter()
            .map(|child| {
                json!({
                    "cascadeDelete": child.object == "Contact", "childSObject": child.object,
                    "deprecatedAndHidden": false, "field": child.field, "junctionIdListNames": [],
                    "junctionReferenceTo": [], "relationshipName": child.name,
                    "restrictedDelete": child.object == "Case",
                })
            })
            .collect();
        all.insert(
            "fields".into(),
            self.visible().map(|(_, field)| describe_field(field)).collect(),
        );
        all.insert("childRelationships".into(), Value::Array(children));
        all.insert("recordTypeInfos".into(), json!([]));
        all.insert("actionOverrides".into(), json!([]));
        all.insert("namedLayoutInfos".into(), json!([]));
        all.insert(
            "supportedScopes".into(),
            json!([{"label": format!("All {}", self.plural), "name": "everything"}]),
        );
        all.insert("listviewable".into(), Value::Null);
        all.insert("lookupLayoutable".into(), Value::Null);
        all.insert("compactLayoutable".into(), Value::Bool(true));
        all.insert("networkScopeFieldName".into(), Value::Null);
        all.insert("sobjectDescribeOption".into(), json!("FULL"));
        Value::Object(all)
    }

    fn flags(&self, version: &str) -> Map<String, Value> {
        let writable = self.is_writable();
        let base = format!("/services/data/{version}/sobjects/{}", self.name);
        let all = json!({
            "activateable": false, "associateEntityType": null, "associateParentEntity": null,
            "createable": writable, "custom": false, "customSetting": false,
            "deepCloneable": false, "deletable": writable, "deprecatedAndHidden": false,
            "feedEnabled": writable, "hasSubtypes": false, "isInterface": false,
            "isSubtype": false, "keyPrefix": String::from_utf8_lossy(&self.prefix),
            "label": self.label, "labelPlural": self.plural, "layoutable": writable,
            "mergeable": false, "mruEnabled": writable, "name": self.name, "queryable": true,
            "replicateable": writable, "retrieveable": true, "searchable": false,
            "triggerable": writable, "undeletable": writable, "updateable": writable,
            "urls": {
                "sobject": base, "describe": format!("{base}/describe"),
                "rowTemplate": format!("{base}/{{ID}}"),
            },
        });
        match all {
            Value::Object(map) => map,
            _ => Map::new(),
        }
    }
}

fn soap_type(kind: FieldKind) -> &'static str {
    match kind {
        FieldKind::Id | FieldKind::Reference => "tns:ID",
        FieldKind::Boolean => "xsd:boolean",
        FieldKind::Date => "xsd:date",
        FieldKind::DateTime => "xsd:dateTime",
        FieldKind::Double | FieldKind::Currency => "xsd:double",
        FieldKind::Int => "xsd:int",
        FieldKind::Address => "urn:address",
        _ => "xsd:string",
    }
}

/// Length, digits, precision and scale as describe reports them.
fn sizes(field: &Field) -> (usize, usize, usize, usize) {
    match field.kind {
        FieldKind::Id | FieldKind::Reference => (18, 0, 0, 0),
        FieldKind::Int => (0, 8, 0, 0),
        FieldKind::Currency => (0, 0, 18, 0),
        FieldKind::Double => (0, 0, 18, 15),
        _ => (field.length, 0, 0, 0),
    }
}

fn describe_field(field: &Field) -> Value {
    let (length, digits, precision, scale) = sizes(field);
    let long_text = field.kind == FieldKind::TextArea && field.length > 255;
    let compound = field.kind == FieldKind::Address;
    let picklist: Vec<Value> = field
        .values
        .iter()
        .map(|word| {
            json!({"active": true, "defaultValue": field.default.as_deref() == Some(word), "label": word,
                   "validFor": null, "value": word})
        })
        .collect();
    let default = match field.kind {
        FieldKind::Boolean => json!(field.default.as_deref() == Some("true")),
        _ => Value::Null,
    };
    // 57 keys, in two parts because the macro has a depth limit.
    let mut all = json!({
        "aggregatable": field.filterable && !long_text, "aiPredictionField": false,
        "autoNumber": field.auto_number, "byteLength": length * if matches!(field.kind, FieldKind::Id | FieldKind::Reference) { 1 } else { 3 },
        "calculated": false, "calculatedFormula": null, "cascadeDelete": false,
        "caseSensitive": false, "compoundFieldName": field.part_of, "controllerName": null,
        "createable": field.is_createable(), "custom": field.is_custom(), "defaultValue": default,
        "defaultValueFormula": null, "defaultedOnCreate": field.defaulted,
        "dependentPicklist": false, "deprecatedAndHidden": false, "digits": digits,
        "displayLocationInDecimal": false, "encrypted": false, "externalId": field.external_id,
        "extraTypeInfo": if long_text { json!("plaintextarea") } else { Value::Null },
        "filterable": field.filterable, "filteredLookupInfo": null,
        "formulaTreatNullNumberAsZero": false, "groupable": field.filterable && !long_text && !compound,
        "highScaleNumber": false, "htmlFormatted": false, "idLookup": field.id_lookup,
    });
    let rest = json!({
        "inlineHelpText": null, "label": field.label(), "length": length, "mask": null,
        "maskType": null, "name": field.name, "nameField": field.name_field,
        "namePointing": field.reference_to.len() > 1, "nillable": field.nillable,
        "permissionable": field.createable && field.nillable, "picklistValues": picklist,
        "polymorphicForeignKey": field.reference_to.len() > 1, "precision": precision,
        "queryByDistance": compound, "referenceTargetField": null,
        "referenceTo": field.reference_to, "relationshipName": field.relationship,
        "relationshipOrder": null, "restrictedDelete": false, "restrictedPicklist": field.restricted,
        "scale": scale, "searchPrefilterable": field.kind == FieldKind::Reference,
        "soapType": soap_type(field.kind), "sortable": !long_text && !compound,
        "type": field.kind.name(), "unique": field.unique, "updateable": field.is_updateable(),
        "writeRequiresMasterRead": false,
    });
    if let (Value::Object(map), Value::Object(more)) = (&mut all, rest) {
        map.extend(more);
    }
    all
}

#[cfg(test)]
mod tests {
    use crate::schema::Schema;

    #[test]
    fn field_is_described_with_all_57_keys() {
        let schema = Schema::parse(crate::OBJECTS).unwrap();
        let described = schema.object("Case").unwrap().describe("v66.0");
        let fields = described["fields"].as_array().unwrap();

        assert!(fields.iter().all(|field| field.as_object().unwrap().len() == 57));
        let docket = fields.iter().find(|f| f["name"] == "Docket_Number__c").unwrap();
        assert_eq!(docket["label"], "Docket Number");
        assert_eq!(docket["type"], "string");
        let status = fields.iter().find(|f| f["name"] == "Status").unwrap();
        assert_eq!(status["picklistValues"][0]["defaultValue"], true);
    }
}
