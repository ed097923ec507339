//! Outbound messages: SOAP out, an acknowledgement back.

use std::fmt::Write;

use quick_xml::escape::escape;

use crate::auth::soap::element;
use crate::ids::RecordId;
use crate::org::{Org, Row};
use crate::schema::{FieldKind, ObjectType};

/// Most notifications of one message. Source: outbound messaging, notifications WSDL.
pub(super) const MAX_NOTIFICATIONS: usize = 100;

/// One record in a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Notification {
    pub(super) id: RecordId,
    pub(super) record: RecordId,
}

/// Writes a message with the current values of its records.
pub(super) fn message(
    org: &Org,
    org_id: RecordId,
    action: RecordId,
    base_url: &str,
    fields: &[String],
    notifications: &[Notification],
) -> String {
    let mut xml = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<soapenv:Envelope \
         xmlns:soapenv=\"http://schemas.xmlsoap.org/soap/envelope/\" \
         xmlns:xsd=\"http://www.w3.org/2001/XMLSchema\" \
         xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\">\n <soapenv:Body>\n  \
         <notifications xmlns=\"http://soap.sforce.com/2005/09/outbound\">\n   \
         <OrganizationId>{org_id}</OrganizationId>\n   <ActionId>{action}</ActionId>\n   \
         <SessionId xsi:nil=\"true\"/>\n   \
         <EnterpriseUrl>{base_url}/services/Soap/c/66.0/{short}</EnterpriseUrl>\n   \
         <PartnerUrl>{base_url}/services/Soap/u/66.0/{short}</PartnerUrl>\n",
        short = org_id.short()
    );
    for notification in notifications {
        if let Some((object, row)) = org.row(notification.record) {
            write_notification(&mut xml, notification.id, object, row, fields);
        }
    }
    xml.push_str("  </notifications>\n </soapenv:Body>\n</soapenv:Envelope>");
    xml
}

fn write_notification(
    xml: &mut String,
    id: RecordId,
    object: &ObjectType,
    row: &Row,
    fields: &[String],
) {
    let _ = write!(
        xml,
        "   <Notification>\n    <Id>{id}</Id>\n    <sObject xsi:type=\"sf:{}\" \
         xmlns:sf=\"urn:sobject.enterprise.soap.sforce.com\">\n     <sf:Id>{}</sf:Id>",
        object.name, row.id
    );
    for (position, field) in object.visible().skip(1) {
        let wanted =
            fields.is_empty() || fields.iter().any(|name| name.eq_ignore_ascii_case(&field.name));
        if !wanted || field.kind == FieldKind::Address {
            continue;
        }
        if let Some(text) = row.get(position).to_xml_text(field.kind) {
            let _ = write!(xml, "<sf:{0}>{1}</sf:{0}>", field.name, escape(text.as_str()));
        }
    }
    xml.push_str("\n    </sObject>\n   </Notification>\n");
}

/// Tells whether an answer acknowledges the message: a SOAP envelope that says so, nothing else.
pub(super) fn is_acknowledged(body: &str) -> bool {
    body.contains("Envelope") && element(body, "Ack").is_some_and(|ack| ack.trim() == "true")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_envelope_that_says_true_acknowledges() {
        let envelope = |ack: &str| {
            format!(
                "<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"><s:Body>\
                 <notificationsResponse xmlns=\"http://soap.sforce.com/2005/09/outbound\">\
                 <Ack>{ack}</Ack></notificationsResponse></s:Body></s:Envelope>"
            )
        };

        assert!(is_acknowledged(&envelope("true")));
        assert!(!is_acknowledged(&envelope("false")));
        assert!(!is_acknowledged("OK"));
        assert!(!is_acknowledged(""));
        assert!(!is_acknowledged("<Ack>true</Ack>"));
    }
}
