//! The message that the org sends for every change of an object, and the rule that sends it.
//!
//! Source: Metadata API guide, "Workflow"; SOAP API guide, "Outbound messaging".

use std::fmt::Write as _;

use quick_xml::escape::escape;
use shared::PortError;
use shared::ids::ObjectName;
use url::Url;

use super::OrgSetup;
use super::outcome::{Difference, Ensured, OnDifference};
use super::tooling::text_of;

/// Fields that every message holds: without the stamps, old news cannot be told from new.
const STAMPS: [&str; 4] = ["Id", "CreatedDate", "LastModifiedDate", "SystemModstamp"];

/// A message for every change of an object.
#[derive(Clone, Debug)]
pub struct OutboundMessage {
    /// The object.
    pub object: ObjectName,
    /// The fields that the message holds; the stamps come along unasked.
    pub fields: Vec<String>,
    /// Where it is sent, over `https`; the path holds a token, so it is never shown.
    pub endpoint: Url,
    /// The user name that the fields are read as.
    pub user: String,
}

impl OutboundMessage {
    fn name(&self) -> String {
        format!("MoodBridge_{}", self.object.as_str().trim_end_matches("__c"))
    }

    /// Writes the workflow of the object: the message, and the rule that sends it for every change.
    fn workflow(&self, version: &str) -> String {
        let (name, object) = (self.name(), &self.object);
        let mut fields: Vec<&str> = STAMPS.to_vec();
        for field in &self.fields {
            if !fields.iter().any(|it| it.eq_ignore_ascii_case(field)) {
                fields.push(field);
            }
        }
        let mut xml = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
             <Workflow xmlns=\"http://soap.sforce.com/2006/04/metadata\"><outboundMessages>\
             <fullName>{name}</fullName><apiVersion>{version}</apiVersion>\
             <description>Tells MoodBridge of every change of {object}.</description>\
             <endpointUrl>{}</endpointUrl>",
            escape(self.endpoint.as_str())
        );
        for field in fields {
            // Writing to a string cannot fail.
            let _ = write!(xml, "<fields>{}</fields>", escape(field));
        }
        let _ = write!(
            xml,
            "<includeSessionId>false</includeSessionId><integrationUser>{}</integrationUser>\
             <name>{name}</name><protected>false</protected>\
             <useDeadLetterQueue>false</useDeadLetterQueue></outboundMessages>\
             <rules><fullName>{name}_Changed</fullName>\
             <actions><name>{name}</name><type>OutboundMessage</type></actions>\
             <active>true</active><description>Tells MoodBridge of every change.</description>\
             <formula>true</formula><triggerType>onAllChanges</triggerType></rules></Workflow>",
            escape(self.user.as_str())
        );
        xml
    }

    /// Writes the manifest: these two parts of the workflow and no others.
    fn manifest(&self, version: &str) -> String {
        let (name, object) = (self.name(), &self.object);
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
             <Package xmlns=\"http://soap.sforce.com/2006/04/metadata\">\
             <types><members>{object}.{name}</members><name>WorkflowOutboundMessage</name></types>\
             <types><members>{object}.{name}_Changed</members><name>WorkflowRule</name></types>\
             <version>{version}</version></Package>"
        )
    }
}

impl OrgSetup {
    /// Makes sure that the org sends `message` for every change of its object. One that is there and
    /// goes to another address is told; `Replace` writes it anew in any case.
    ///
    /// # Errors
    ///
    /// `Rejected`, with the names of what does not fit, when the org refuses the message; else as it
    /// answers.
    pub async fn ensure_outbound_message(
        &self,
        message: &OutboundMessage,
        on_difference: OnDifference,
    ) -> Result<Ensured, PortError> {
        let (name, object) = (message.name(), &message.object);
        let soql = format!(
            "SELECT Id, EndpointUrl FROM WorkflowOutboundMessage WHERE Name = '{name}' \
             AND EntityDefinition.QualifiedApiName = '{object}'"
        );
        let found = self.tooling_rows(&name, &soql).await?.into_iter().next();
        let is_there = found.is_some();
        if let Some(row) = found
            && on_difference == OnDifference::Report
        {
            let is_same = text_of(&row, "EndpointUrl") == message.endpoint.as_str();
            let differences = match is_same {
                true => Vec::new(),
                false => vec![Difference::hidden("endpointUrl")],
            };
            return Ok(Ensured::of(differences));
        }
        let version = self.client.api_version();
        let (manifest, workflow) = (message.manifest(version), message.workflow(version));
        let path = format!("workflows/{object}.workflow");
        let files = [("package.xml", manifest.as_bytes()), (path.as_str(), workflow.as_bytes())];
        self.deploy(&name, &files).await?;
        Ok(if is_there { Ensured::Replaced } else { Ensured::Created })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn message_holds_the_stamps_once_and_everything_is_escaped() {
        let message = OutboundMessage {
            object: ObjectName::parse("Court__c").unwrap(),
            fields: vec!["Name".into(), "systemmodstamp".into()],
            endpoint: Url::parse("https://firm.test/hooks/main/t0k3n?a=1&b=2").unwrap(),
            user: "sync&co@firm.test".into(),
        };
        let xml = message.workflow("66.0");
        assert!(
            xml.contains(
                "<endpointUrl>https://firm.test/hooks/main/t0k3n?a=1&amp;b=2</endpointUrl>"
            )
        );
        assert!(xml.contains("<integrationUser>sync&amp;co@firm.test</integrationUser>"));
        assert_eq!(xml.matches("<fields>").count(), 5);
        assert!(
            message
                .manifest("66.0")
                .contains("<members>Court__c.MoodBridge_Court_Changed</members>")
        );
    }
}
