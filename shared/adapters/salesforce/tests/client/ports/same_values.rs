//! A value is the same whichever way it is written and read.

use std::collections::BTreeMap;
use std::sync::Mutex;

use adapter_salesforce::SalesforceCrm;
use async_trait::async_trait;
use http::Method;
use sandbox_org::{BulkPace, BulkSettings, Seed, Settings};
use serde_json::{Value, json};
use shared::PortError;
use shared::ids::{EntityId, RecordId};
use shared::model::{FieldValue, Fields};
use shared::ports::{
    BulkAction, BulkJournal, BulkRead, BulkReadTotals, BulkReader, BulkResults, BulkWriter, Crm,
    CrmWriter, DeltaQuery, RecordSink, RemoteRecord, RemoteWrite, Target, WriteResult,
};
use shared::time::Timestamp;

use crate::support::{PACE, Peer, fields, object};

/// What clients stumble over. `#N/A` is what bulk files say for "nothing".
const TEXTS: [&str; 16] = [
    "NA",
    "N/A",
    "null",
    "NULL",
    "None",
    "nan",
    "true",
    "1e5",
    "00123",
    "a,b;c|d",
    "\"quoted\" and \"\"twice\"\"",
    "line 1\r\nline 2\r\n\r\nline 4",
    "tab\tand\nline",
    "日本語 العربية עברית",
    "👩‍⚖️ é e\u{301} \u{a0}x",
    "=cmd()|' /C calc'!A0",
];

const NOTHING_IN_FILES: &str = "#N/A";

struct Ignored;

#[async_trait]
impl BulkJournal for Ignored {
    async fn save(&self, _: &str) -> Result<(), PortError> {
        Ok(())
    }
}

#[derive(Default)]
struct Taken {
    results: Mutex<Vec<(Target, WriteResult)>>,
    records: Mutex<BTreeMap<RecordId, RemoteRecord>>,
}

#[async_trait]
impl BulkResults for Taken {
    async fn take(&self, results: Vec<(Target, WriteResult)>) -> Result<(), PortError> {
        self.results.lock().unwrap().extend(results);
        Ok(())
    }
}

#[async_trait]
impl RecordSink for Taken {
    async fn take(&self, records: Vec<RemoteRecord>) -> Result<(), PortError> {
        let records = records.into_iter().map(|it| (it.record_id.clone(), it));
        self.records.lock().unwrap().extend(records);
        Ok(())
    }

    fn progress(&self, _: BulkReadTotals) {}
}

fn settings(seed: Seed) -> Settings {
    let bulk = BulkSettings { pace: BulkPace::Polls, ..BulkSettings::default() };
    Settings { seed, bulk, ..Settings::default() }
}

fn write(number: usize, text: &str) -> RemoteWrite {
    let id = EntityId::from_random(u128::try_from(number).unwrap());
    let values = [
        ("Name", FieldValue::Text(format!("Account {number}"))),
        ("Description", FieldValue::Text(text.to_owned())),
    ];
    RemoteWrite { target: Target::New(id), fields: fields(&values), unmodified_since: None }
}

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|it| (*it).to_owned()).collect()
}

async fn read_by(
    crm: &SalesforceCrm,
    name: &str,
    fields: &[String],
) -> BTreeMap<RecordId, RemoteRecord> {
    let query = BulkRead {
        object: object(name),
        fields: fields.to_vec(),
        from: None,
        after: None,
        until: None,
        reads_deleted: true,
    };
    let taken = Taken::default();
    crm.read_all(&query, None, &taken, &Ignored).await.unwrap();
    taken.records.into_inner().unwrap()
}

#[tokio::test]
async fn every_text_goes_byte_for_byte_through_every_path() {
    let peer = Peer::start(settings(Seed::Empty)).await;
    let crm = SalesforceCrm::over(peer.client()).with_pace(PACE);
    let account = object("Account");
    let by_call: Vec<_> = TEXTS
        .iter()
        .chain([&NOTHING_IN_FILES])
        .enumerate()
        .map(|(no, text)| write(no, text))
        .collect();
    let by_job: Vec<_> = TEXTS.iter().enumerate().map(|(no, text)| write(100 + no, text)).collect();
    let told = Taken::default();

    for result in crm.save(&account, &by_call, &[]).await.unwrap() {
        assert!(matches!(result, WriteResult::Done { .. }), "{result:?}");
    }
    crm.run(&account, BulkAction::Create, &by_job, &told, &Ignored).await.unwrap();
    for (_, result) in told.results.lock().unwrap().iter() {
        assert!(matches!(result, WriteResult::Done { .. }), "{result:?}");
    }

    // As the org keeps it.
    let rows = peer.rows("SELECT Id, Name, Description FROM Account").await;
    let kept: BTreeMap<&str, &str> = rows
        .iter()
        .map(|it| (it["Name"].as_str().unwrap(), it["Description"].as_str().unwrap()))
        .collect();
    assert_eq!(kept.len(), 2 * TEXTS.len() + 1);
    for (no, text) in TEXTS.iter().enumerate() {
        assert_eq!(kept[format!("Account {no}").as_str()], *text);
        assert_eq!(kept[format!("Account {}", 100 + no).as_str()], *text);
    }
    assert_eq!(kept[format!("Account {}", TEXTS.len()).as_str()], NOTHING_IN_FILES);

    // As it is read.
    let wanted: Fields = rows
        .iter()
        .map(|it| {
            (
                it["Name"].as_str().unwrap().to_owned(),
                FieldValue::text(it["Description"].as_str().unwrap()),
            )
        })
        .collect();
    let fields = names(&["Name", "Description"]);
    let by_job = read_by(&crm.clone().with_bulk_from(0), "Account", &fields).await;
    let by_query = read_by(&crm.clone().with_bulk_from(u64::MAX), "Account", &fields).await;
    let ids: Vec<_> = by_job.keys().cloned().collect();
    let by_ids = crm.read_many(&account, &ids, &fields).await.unwrap().records;
    for (id, record) in ids.iter().zip(by_ids) {
        let record = record.unwrap();
        let name = record.fields["Name"].as_text().unwrap();
        assert_eq!(record.fields["Description"], wanted[name]);
        assert_eq!(crm.read(&account, id, &fields).await.unwrap().unwrap(), record);
        assert_eq!((&by_job[id], &by_query[id]), (&record, &record));
    }
}

#[tokio::test]
async fn every_kind_of_field_is_the_same_by_query_by_ids_and_by_job() {
    let peer = Peer::start(settings(Seed::Many { accounts: 5, contacts: 10, cases: 300 })).await;
    let crm = SalesforceCrm::over(peer.client()).with_pace(PACE);
    let case = object("Case");
    let described = crm.client().describe(&case).await.unwrap();
    let mut fields: Vec<String> = described.shape().unwrap().fields.keys().cloned().collect();
    fields.extend(names(&[
        "Account.Name",
        "Contact.Birthdate",
        "Account.AnnualRevenue",
        "Owner.Name",
    ]));
    let first = peer.rows("SELECT Id FROM Case LIMIT 1").await[0]["Id"].clone();
    let path = format!("sobjects/Case/{}", first.as_str().unwrap());
    let numbers = json!({"Claim_Amount__c": 1_234_567_890_123.45, "Hours_Billed__c": 5.0e7});
    peer.call(Method::PATCH, &path, &numbers).await;
    peer.call(Method::DELETE, &path, &Value::Null).await;

    let by_job = read_by(&crm.clone().with_bulk_from(0), "Case", &fields).await;
    let by_query = read_by(&crm.clone().with_bulk_from(u64::MAX), "Case", &fields).await;

    assert_eq!((by_job.len(), by_query.len()), (300, 300));
    assert!(by_job.values().any(|it| it.is_deleted));
    let ids: Vec<_> = by_job.keys().cloned().collect();
    let by_ids = crm.read_many(&case, &ids, &fields).await.unwrap().records;
    let query = DeltaQuery {
        object: case,
        fields,
        from: Timestamp::EPOCH,
        after_id: None,
        until: Timestamp::parse("2100-01-01T00:00:00Z").unwrap(),
    };
    let mut by_changes = BTreeMap::new();
    let mut page = crm.changes(&query).await.unwrap();
    loop {
        by_changes.extend(page.records.into_iter().map(|it| (it.record_id.clone(), it)));
        let Some(next) = page.next else { break };
        page = crm.more_changes(&query, &next).await.unwrap();
    }
    for (id, record) in ids.iter().zip(by_ids) {
        let record = record.unwrap();
        assert_eq!(by_job[id], record);
        assert_eq!(by_query[id], record);
        assert_eq!(by_changes[id], record);
    }
}
