//! Drift and proposals, against the sandbox org.

use shared::sync::{Direction, RemoteObject, Severity, read_mapping};

use super::*;
use crate::cli::org_fixture::Org;

fn object(name: &str) -> ObjectName {
    ObjectName::parse(name).unwrap()
}

#[tokio::test]
async fn proposal_for_every_standard_object_is_a_mapping() {
    let org = Org::start(true).await;
    let settings = org.settings("").await;
    let main = ConnectionId::parse("main").unwrap();
    for (name, remote, local) in [
        ("Case", "Court__c", "court"),
        ("Contact", "MailingCity", "mailing_city"),
        ("Account", "BillingStreet", "billing_street"),
    ] {
        let proposal = map::suggest(&settings, &main, &object(name), None).await.unwrap();
        let yaml = proposal.to_string();
        let mapping = read_mapping("proposed.yaml", &yaml).unwrap();
        assert_eq!(mapping.field(remote).unwrap().local, local, "{yaml}");
        assert_eq!(mapping.rules.external_id.as_deref(), Some("MoodBridge_Id__c"), "{yaml}");
        assert!(mapping.fields.iter().any(|it| it.local.starts_with("custom.")), "{yaml}");
        assert!(mapping.field("CreatedDate").unwrap().direction == Direction::In, "{yaml}");
        assert!(mapping.field("MailingAddress").is_none(), "{yaml}");
    }
    let unknown = map::suggest(&settings, &main, &object("User"), None).await.err().unwrap();
    assert!(shared::chain(&unknown).to_string().contains("add `--entity`"));
}

#[tokio::test]
async fn drift_is_told_against_the_last_look_and_a_broken_field_ends_with_three() {
    let org = Org::start(true).await;
    let settings = org.settings("").await;
    let first = drift::drift(&settings, false).await.unwrap();
    assert_eq!(first.exit_code(), SUCCESS, "{first}");

    // As if `Court__c` of a case had not been there at the last look.
    let ledger = settings.open_stores().await.unwrap().ledger;
    let kept = ledger.get("schema/main/Case").await.unwrap().unwrap();
    let mut before: RemoteObject = serde_json::from_str(&kept.value).unwrap();
    before.fields.retain(|it| it.name != "Court__c");
    let value = serde_json::to_string(&before).unwrap();
    ledger.put("schema/main/Case", &value, kept.revision).await.unwrap();
    let told = drift::drift(&settings, false).await.unwrap();
    assert!(told.to_string().contains("`Court__c` of `Case`"), "{told}");
    let accepted = drift::drift(&settings, true).await.unwrap();
    assert!(!accepted.to_string().contains("`Court__c`"), "{accepted}");

    let folder = org.folder.path().join("mappings");
    std::fs::create_dir(&folder).unwrap();
    let yaml =
        "object: Case\nentity: case\nfields:\n  - { remote: Judge__c, local: custom.judge }\n";
    std::fs::write(folder.join("case.yaml"), yaml).unwrap();
    let settings = org.settings(&format!("mappings_folder = \"{}\"", folder.display())).await;
    let broken = drift::drift(&settings, false).await.unwrap();
    assert_eq!(broken.exit_code(), FOUND_WRONG, "{broken}");
    assert!(broken.to_string().contains(&Severity::BreaksMappedField.to_string()), "{broken}");
}
