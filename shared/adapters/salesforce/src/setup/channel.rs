//! The channel that the org publishes changes on, and which objects it carries.
//!
//! Source: Change Data Capture guide, "Channels", "Enrichment", "Filters".

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};
use shared::PortError;
use shared::ids::{ObjectName, SalesforceId};

use super::OrgSetup;
use super::outcome::{Difference, Ensured, OnDifference};
use super::tooling::{Made, id_of, text_of};

/// The channel that every org has.
pub const STANDARD_CHANNEL: &str = "ChangeEvents";

const CHANNEL: &str = "PlatformEventChannel";
const MEMBER: &str = "PlatformEventChannelMember";

/// One object on a channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChannelMember {
    /// The channel, such as `MoodBridge__chn`, or [`STANDARD_CHANNEL`].
    pub channel: String,
    /// The object whose changes it carries.
    pub object: ObjectName,
    /// Fields that come with every change although they did not change, such as our own id of the
    /// record; at most ten, no long text and no formula.
    pub enriched_fields: Vec<String>,
    /// Which changes come, such as `ChangeEventHeader.commitUser != '005…'`; all without.
    pub filter: Option<String>,
}

/// Returns the name of the change event of `object`: `CaseChangeEvent`, `Court__ChangeEvent`.
pub fn change_event_of(object: &ObjectName) -> String {
    match object.as_str().strip_suffix("__c") {
        Some(custom) => format!("{custom}__ChangeEvent"),
        None => format!("{object}ChangeEvent"),
    }
}

impl ChannelMember {
    fn full_name(&self) -> String {
        let channel = self.channel.replace("__chn", "_chn");
        format!("{channel}_{}", change_event_of(&self.object))
    }

    fn metadata(&self) -> Value {
        let enriched: Vec<Value> =
            self.enriched_fields.iter().map(|name| json!({"name": name})).collect();
        json!({
            "eventChannel": self.channel, "selectedEntity": change_event_of(&self.object),
            "enrichedFields": enriched, "filterExpression": self.filter,
        })
    }

    /// Compares with what stands in the org.
    pub(super) fn differences(&self, found: &Map<String, Value>) -> Vec<Difference> {
        let mut differences = Vec::new();
        let names = found.get("enrichedFields").and_then(Value::as_array).into_iter().flatten();
        let enriched: BTreeSet<&str> =
            names.filter_map(|it| it.get("name").and_then(Value::as_str)).collect();
        let wanted: BTreeSet<&str> = self.enriched_fields.iter().map(String::as_str).collect();
        if enriched != wanted {
            let found: Vec<&str> = enriched.into_iter().collect();
            differences.push(Difference::new("enrichedFields", &found.join(", ")));
        }
        let filter = text_of(found, "filterExpression");
        if filter != self.filter.as_deref().unwrap_or_default() {
            differences.push(Difference::new("filterExpression", &filter));
        }
        differences
    }
}

impl OrgSetup {
    /// Makes sure that there is a channel called `full_name`, such as `MoodBridge__chn`.
    ///
    /// # Errors
    ///
    /// As the org answers.
    pub async fn ensure_channel(&self, full_name: &str, label: &str) -> Result<Ensured, PortError> {
        let metadata = json!({"channelType": "data", "label": label});
        match self.make(CHANNEL, full_name, &metadata).await? {
            Made::Created => Ok(Ensured::Created),
            Made::AlreadyThere => Ok(Ensured::AlreadyThere),
        }
    }

    /// Makes sure that `member` is on its channel. Of one that is there, only the filter and the
    /// enriched fields can be changed.
    ///
    /// # Errors
    ///
    /// `Rejected` when the filter or a field does not fit, else as the org answers.
    pub async fn ensure_channel_member(
        &self,
        member: &ChannelMember,
        on_difference: OnDifference,
    ) -> Result<Ensured, PortError> {
        let (full_name, metadata) = (member.full_name(), member.metadata());
        if self.make(MEMBER, &full_name, &metadata).await? == Made::Created {
            return Ok(Ensured::Created);
        }
        let Some((id, found)) = self.find_member(member).await? else {
            // The name is taken, and not by this object on this channel.
            return Ok(Ensured::of(vec![Difference::new("fullName", &full_name)]));
        };
        let differences = member.differences(&found);
        if differences.is_empty() || on_difference == OnDifference::Report {
            return Ok(Ensured::of(differences));
        }
        self.change(MEMBER, &id, &full_name, &metadata).await?;
        Ok(Ensured::Replaced)
    }

    /// Finds the member in the org. Which channel one is on, only its set-up says by name.
    pub(super) async fn find_member(
        &self,
        member: &ChannelMember,
    ) -> Result<Option<(SalesforceId, Map<String, Value>)>, PortError> {
        let entity = change_event_of(&member.object);
        let soql = format!("SELECT Id FROM {MEMBER} WHERE SelectedEntity = '{entity}'");
        for row in self.tooling_rows(MEMBER, &soql).await? {
            let Some(id) = id_of(&row) else { continue };
            let found = self.metadata(MEMBER, &id).await?;
            if text_of(&found, "eventChannel").eq_ignore_ascii_case(&member.channel) {
                return Ok(Some((id, found)));
            }
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(object: &str) -> ChannelMember {
        ChannelMember {
            channel: "MoodBridge__chn".into(),
            object: ObjectName::parse(object).unwrap(),
            enriched_fields: vec!["MoodBridge_Id__c".into()],
            filter: None,
        }
    }

    #[test]
    fn members_are_named_as_the_guide_names_them() {
        assert_eq!(member("Case").full_name(), "MoodBridge_chn_CaseChangeEvent");
        assert_eq!(change_event_of(&member("Court__c").object), "Court__ChangeEvent");
    }

    #[test]
    fn order_of_fields_and_an_empty_filter_are_no_difference() {
        let found = json!({
            "enrichedFields": [{"name": "MoodBridge_Id__c"}], "filterExpression": null,
        });
        assert_eq!(member("Case").differences(found.as_object().unwrap()), []);
        let found = json!({"filterExpression": "ChangeEventHeader.commitUser != '005'"});
        let settings: Vec<_> = member("Case")
            .differences(found.as_object().unwrap())
            .iter()
            .map(|it| it.setting)
            .collect();
        assert_eq!(settings, ["enrichedFields", "filterExpression"]);
    }
}
