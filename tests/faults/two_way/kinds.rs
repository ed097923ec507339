//! The kinds of record that are changed, and which fields of each.

use shared::ids::{ConnectionId, ObjectName, RecordId};
use shared::model::RecordKey;

/// The connection that everything travels by.
pub(super) const CONNECTION: &str = "main";

/// One kind of record.
#[derive(Debug)]
pub(super) struct Kind {
    /// The object over there.
    pub(super) object: &'static str,
    /// The collection of the API here.
    pub(super) collection: &'static str,
    /// What policy holds when one side deletes what the other changed.
    pub(super) deletes: &'static str,
    /// The fields that are changed: here, there, and who wins when both sides do it.
    pub(super) fields: [(&'static str, &'static str, &'static str); 3],
    /// The field that tells who made a record, here and there: it is never changed.
    pub(super) mark: (&'static str, &'static str),
}

pub(super) const ACCOUNT: &Kind = &Kind {
    object: "Account",
    collection: "accounts",
    deletes: "local_wins",
    fields: [
        ("name", "Name", "newest_wins"),
        ("website", "Website", "remote_wins"),
        ("billing_city", "BillingCity", "manual"),
    ],
    mark: ("description", "Description"),
};

pub(super) const CONTACT: &Kind = &Kind {
    object: "Contact",
    collection: "contacts",
    deletes: "newest_wins",
    fields: [
        ("title", "Title", "newest_wins"),
        ("department", "Department", "local_wins"),
        ("mailing_city", "MailingCity", "remote_wins"),
    ],
    mark: ("last_name", "LastName"),
};

pub(super) const CASE: &Kind = &Kind {
    object: "Case",
    collection: "cases",
    deletes: "manual",
    fields: [
        ("title", "Subject", "newest_wins"),
        ("court", "Court__c", "manual"),
        ("docket_number", "Docket_Number__c", "local_wins"),
    ],
    mark: ("description", "Description"),
};

/// All kinds, parents first.
pub(super) const KINDS: [&Kind; 3] = [ACCOUNT, CONTACT, CASE];

impl Kind {
    /// Finds the kind of an object.
    pub(super) fn of_object(object: &str) -> Option<&'static Self> {
        KINDS.into_iter().find(|it| it.object == object)
    }

    /// Returns the id of the row here that stands for a record which was made over there.
    pub(super) fn row_id(&self, record_id: &str) -> String {
        let key = RecordKey {
            connection: ConnectionId::parse(CONNECTION).unwrap(),
            object: ObjectName::parse(self.object).unwrap(),
            record_id: RecordId::parse(record_id).unwrap(),
        };
        key.entity_id().to_string()
    }

    /// Returns the standard mapping of the object with the policies of this kind.
    pub(super) fn mapping(&self, standard: &str) -> String {
        let plain = "deletes: { direction: both, conflicts: manual }";
        assert!(standard.contains(plain));
        let deletes = format!("deletes: {{ direction: both, conflicts: {} }}", self.deletes);
        let mut mapping = standard.replace(plain, &deletes);
        for (local, remote, policy) in self.fields {
            let plain = format!("remote: {remote}, local: {local},");
            assert!(mapping.contains(&plain), "{plain}");
            mapping = mapping.replace(&plain, &format!("{plain} conflicts: {policy},"));
        }
        mapping
    }
}
