//! The field that holds our id of a record, by which upserts find it.

use serde::Serialize;
use serde_json::json;
use shared::PortError;
use shared::ids::ObjectName;

use super::OrgSetup;
use super::outcome::{Difference, Ensured};
use super::tooling::Made;
use crate::rest::FieldShape;

/// The field's name.
pub const EXTERNAL_ID: &str = "MoodBridge_Id__c";

/// The field's length: that of a UUID.
const LENGTH: u32 = 36;

/// What came of setting the field up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FieldSetup {
    /// What was found or done.
    #[serde(flatten)]
    pub ensured: Ensured,
    /// Whether the user sees the field. A new one is hidden until a permission set shows it.
    pub is_visible: bool,
}

impl OrgSetup {
    /// Makes sure that `object` has the field [`EXTERNAL_ID`]: text of 36 characters, an external id,
    /// unique whatever the case of letters.
    ///
    /// # Errors
    ///
    /// As the org answers.
    pub async fn ensure_external_id(&self, object: &ObjectName) -> Result<FieldSetup, PortError> {
        if let Some(field) = self.field_seen(object).await? {
            let ensured = Ensured::of(differences(&field));
            return Ok(FieldSetup { ensured, is_visible: true });
        }
        let metadata = json!({
            "label": "MoodBridge Id", "type": "Text", "length": LENGTH, "externalId": true,
            "unique": true, "caseSensitive": false, "required": false,
            "description": "The record's id in MoodBridge. Written by MoodBridge alone.",
        });
        let full_name = format!("{object}.{EXTERNAL_ID}");
        let made = self.make("CustomField", &full_name, &metadata).await?;
        let field = self.field_seen(object).await?;
        let ensured = match made {
            Made::Created => Ensured::Created,
            // It is there, and hidden unless another made it just now.
            Made::AlreadyThere => Ensured::of(field.as_ref().map(differences).unwrap_or_default()),
        };
        Ok(FieldSetup { ensured, is_visible: field.is_some() })
    }

    pub(super) async fn field_seen(
        &self,
        object: &ObjectName,
    ) -> Result<Option<FieldShape>, PortError> {
        let described = self.client.describe_anew(object).await?;
        Ok(described.shape().and_then(|it| it.field(EXTERNAL_ID)).cloned())
    }
}

pub(super) fn differences(field: &FieldShape) -> Vec<Difference> {
    let mut differences = Vec::new();
    if field.field_type != "string" {
        differences.push(Difference::new("type", &field.field_type));
    }
    // A longer one holds our ids as well.
    if field.length < LENGTH {
        differences.push(Difference::new("length", &field.length));
    }
    if !field.external_id {
        differences.push(Difference::new("externalId", &field.external_id));
    }
    if !field.unique {
        differences.push(Difference::new("unique", &field.unique));
    }
    if field.case_sensitive {
        differences.push(Difference::new("caseSensitive", &field.case_sensitive));
    }
    if !field.updateable || !field.createable {
        differences.push(Difference::new("editable", &false));
    }
    differences
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn field_in_another_form_names_what_differs() {
        let good = FieldShape {
            field_type: "string".into(),
            length: 36,
            external_id: true,
            unique: true,
            updateable: true,
            createable: true,
            ..FieldShape::default()
        };
        assert_eq!(Ensured::of(differences(&good)), Ensured::AlreadyThere);
        let bad = FieldShape {
            length: 18,
            unique: false,
            case_sensitive: true,
            updateable: false,
            ..good
        };
        let settings: Vec<_> = differences(&bad).iter().map(|it| it.setting).collect();
        assert_eq!(settings, ["length", "unique", "caseSensitive", "editable"]);
    }
}
