//! Everything that an org needs before its records travel both ways, found or made in one go.

use serde::Serialize;
use shared::PortError;
use shared::ids::{ObjectName, TopicName};

use super::OrgSetup;
use super::channel::{ChannelMember, STANDARD_CHANNEL, change_event_of};
use super::external_id::{EXTERNAL_ID, FieldSetup, differences};
use super::outcome::{Difference, Ensured, OnDifference};

/// What was found or done about one thing of the org.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "outcome")]
pub enum Prepared {
    /// It was there as it is wanted.
    AlreadyThere,
    /// It was not there and is now.
    Created,
    /// It is not there; nothing was to be made.
    Missing,
    /// It is there in another form, and stays so.
    Differs {
        /// What differs.
        differences: Vec<Difference>,
    },
    /// The org did not let us look, or make it.
    Failed {
        /// Why.
        reason: String,
    },
}

/// One thing of the org.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PreparedThing {
    /// What it is, such as "field `MoodBridge_Id__c` of `Case`".
    pub thing: String,
    /// What was found or done.
    #[serde(flatten)]
    pub prepared: Prepared,
    /// What a person has to do about it; `None` when nothing is.
    pub by_hand: Option<String>,
}

/// What an org is prepared for.
#[derive(Clone, Debug)]
pub struct Preparation {
    /// The mapped objects.
    pub objects: Vec<ObjectName>,
    /// The topics whose changes are followed; none where there is no event stream.
    pub topics: Vec<TopicName>,
}

impl From<Ensured> for Prepared {
    fn from(ensured: Ensured) -> Self {
        match ensured {
            Ensured::Created => Self::Created,
            Ensured::AlreadyThere | Ensured::Replaced => Self::AlreadyThere,
            Ensured::Differs { differences } => Self::Differs { differences },
        }
    }
}

impl From<PortError> for Prepared {
    fn from(error: PortError) -> Self {
        Self::Failed { reason: shared::chain(&error).to_string() }
    }
}

impl OrgSetup {
    /// Makes what is missing, or only looks for it. A thing that fails keeps no other from being made,
    /// and one that is there in another form stays as it is.
    pub async fn prepare(&self, wanted: &Preparation, only_looks: bool) -> Vec<PreparedThing> {
        let mut things = Vec::new();
        for object in &wanted.objects {
            things.push(self.prepare_field(object, only_looks).await);
        }
        let mut done: Vec<ChannelMember> = Vec::new();
        for topic in &wanted.topics {
            let Some(name) = topic.as_str().strip_prefix("/data/") else { continue };
            if name.ends_with("__chn") {
                things.push(self.prepare_channel(name, only_looks).await);
            }
            for member in members_of(name, &wanted.objects) {
                if !done.contains(&member) {
                    things.push(self.prepare_member(&member, only_looks).await);
                    done.push(member);
                }
            }
        }
        things
    }

    async fn prepare_field(&self, object: &ObjectName, only_looks: bool) -> PreparedThing {
        let thing = format!("field `{EXTERNAL_ID}` of `{object}`");
        let found = match only_looks {
            true => self.look_for_field(object).await,
            false => self
                .ensure_external_id(object)
                .await
                .map(|FieldSetup { ensured, is_visible }| (Prepared::from(ensured), is_visible)),
        };
        let (prepared, is_visible) = found.unwrap_or_else(|error| (error.into(), true));
        let by_hand = match &prepared {
            Prepared::Differs { differences } => Some(format!(
                "in Setup, Object Manager, `{object}`, Fields, make it text of 36 characters, an \
                 external id, unique and editable: {} differs",
                settings_of(differences)
            )),
            Prepared::Failed { .. } => Some(
                "give our user the permission `Customize Application`, or make the field by hand: \
                 text of 36 characters, an external id, unique"
                    .to_owned(),
            ),
            _ if !is_visible => Some(format!(
                "in Setup, Object Manager, `{object}`, Fields, `MoodBridge Id`, Set Field-Level \
                 Security: make it visible and editable for our user, by its profile or a permission set"
            )),
            _ => None,
        };
        PreparedThing { thing, prepared, by_hand }
    }

    /// Tells how the field stands, and whether our user sees it.
    async fn look_for_field(&self, object: &ObjectName) -> Result<(Prepared, bool), PortError> {
        if let Some(field) = self.field_seen(object).await? {
            return Ok((Ensured::of(differences(&field)).into(), true));
        }
        // A hidden field is not described; the set-up knows it.
        let soql = format!(
            "SELECT QualifiedApiName FROM FieldDefinition WHERE EntityDefinition.QualifiedApiName = \
             '{object}' AND QualifiedApiName = '{EXTERNAL_ID}'"
        );
        let rows = self.tooling_rows("FieldDefinition", &soql).await?;
        Ok(match rows.is_empty() {
            true => (Prepared::Missing, true),
            false => (Prepared::AlreadyThere, false),
        })
    }

    async fn prepare_channel(&self, name: &str, only_looks: bool) -> PreparedThing {
        let thing = format!("channel `{name}`");
        let found = match only_looks {
            true => self.look_for_channel(name).await,
            false => self.ensure_channel(name, "MoodBridge").await.map(Prepared::from),
        };
        let prepared = found.unwrap_or_else(Prepared::from);
        let by_hand = matches!(prepared, Prepared::Failed { .. }).then(|| {
            "give our user the permission `Customize Application`, or name another topic in `events`"
                .to_owned()
        });
        PreparedThing { thing, prepared, by_hand }
    }

    async fn look_for_channel(&self, name: &str) -> Result<Prepared, PortError> {
        let stem = name.strip_suffix("__chn").unwrap_or(name);
        // A topic holds letters, digits and underscores alone behind its folder.
        let soql = format!("SELECT Id FROM PlatformEventChannel WHERE DeveloperName = '{stem}'");
        let rows = self.tooling_rows("PlatformEventChannel", &soql).await?;
        Ok(if rows.is_empty() { Prepared::Missing } else { Prepared::AlreadyThere })
    }

    async fn prepare_member(&self, member: &ChannelMember, only_looks: bool) -> PreparedThing {
        let ChannelMember { channel, object, .. } = member;
        let thing = format!("changes of `{object}` on the channel `{channel}`");
        let found = match only_looks {
            true => self.find_member(member).await.map(|found| match found {
                Some((_, found)) => Ensured::of(member.differences(&found)).into(),
                None => Prepared::Missing,
            }),
            false => {
                self.ensure_channel_member(member, OnDifference::Report).await.map(Prepared::from)
            }
        };
        let prepared = found.unwrap_or_else(Prepared::from);
        let by_hand = match &prepared {
            Prepared::Differs { differences } => Some(format!(
                "see that `{}` of the member lets every change of a mapped field through",
                settings_of(differences)
            )),
            Prepared::Failed { .. } => Some(format!(
                "in Setup, Change Data Capture, select `{object}`; without it the poller reads its \
                 changes"
            )),
            _ => None,
        };
        PreparedThing { thing, prepared, by_hand }
    }
}

/// Lists what must be on the channel of a topic, such as `ChangeEvents` or `CaseChangeEvent`. That of
/// one object carries what is selected on the standard channel.
fn members_of(topic: &str, objects: &[ObjectName]) -> Vec<ChannelMember> {
    let channel = if topic.ends_with("__chn") { topic } else { STANDARD_CHANNEL };
    let is_meant = |object: &&ObjectName| {
        channel == topic || change_event_of(object).eq_ignore_ascii_case(topic)
    };
    let member = |object: &ObjectName| ChannelMember {
        channel: channel.to_owned(),
        object: object.clone(),
        enriched_fields: Vec::new(),
        filter: None,
    };
    objects.iter().filter(is_meant).map(member).collect()
}

fn settings_of(differences: &[Difference]) -> String {
    differences.iter().map(|it| it.setting).collect::<Vec<_>>().join("`, `")
}

/// What no call can do, whatever the org: for people to read once.
pub const BY_HAND: [&str; 3] = [
    "let our user read and edit every mapped field: Setup, Permission Sets (field-level security)",
    "look through the flows, triggers and assignment rules of the mapped objects: they run on what \
     MoodBridge writes too, and must neither send mail for it nor overwrite mapped fields",
    "leave duplicate and validation rules as they are: a record that they refuse waits in \
     `moodbridge sync failed` with the reason",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn objects() -> Vec<ObjectName> {
        ["Case", "Account"].iter().map(|it| ObjectName::parse(*it).unwrap()).collect()
    }

    #[test]
    fn topic_of_one_object_needs_that_object_on_the_standard_channel() {
        let members = members_of("CaseChangeEvent", &objects());
        assert_eq!(members.len(), 1);
        assert_eq!(
            (members[0].channel.as_str(), members[0].object.as_str()),
            ("ChangeEvents", "Case")
        );
        assert_eq!(members_of("ChangeEvents", &objects()).len(), 2);
        let own = members_of("Sync__chn", &objects());
        assert!(own.len() == 2 && own.iter().all(|it| it.channel == "Sync__chn"));
        assert!(members_of("LeadChangeEvent", &objects()).is_empty());
    }
}
