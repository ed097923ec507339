//! Reads or writes a whole object of an org by bulk jobs, for measuring from outside:
//! `bulk read URL 'SELECT …'`, `bulk upsert URL N_ROWS`, with the client id and secret of the sandbox.

use std::error::Error;
use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use adapter_http::{HttpClient, HttpSettings};
use adapter_salesforce::bulk::{
    CellValue, ColumnKind, IngestJobState, IngestOperation, IngestOutcomes, IngestPlan, IngestRow,
    PageReceipt, QueryJobState, ResultPage, RowOutcome, RowRefusal, RowStream, Unsaved,
};
use adapter_salesforce::rest::{FieldShape, QueryScope};
use adapter_salesforce::{SalesforceClient, SalesforceSettings};
use async_trait::async_trait;
use futures_util::{StreamExt as _, stream};
use serde_json::json;
use shared::PortError;
use shared::config::Env;
use shared::ids::ObjectName;
use shared::model::FieldValue;
use shared::ports::{LocalSecrets, SystemClock, SystemRandom};

const USAGE: &str = "usage: bulk read URL SOQL | bulk upsert URL N_ROWS";

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let began = Instant::now();
    let (n_records, n_bytes) = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["read", url, soql] => read(&client(url)?, soql).await?,
        ["upsert", url, n_rows] => upsert(&client(url)?, n_rows.parse()?).await?,
        _ => return Err(USAGE.into()),
    };
    let took = began.elapsed().as_secs_f64();
    writeln!(std::io::stdout(), "{n_records} records, {n_bytes} bytes in {took:.2} s")?;
    Ok(())
}

fn client(url: &str) -> Result<SalesforceClient, Box<dyn Error>> {
    let settings: SalesforceSettings = serde_json::from_value(json!({
        "connection": "main", "login_url": url,
        "auth": {
            "flow": "client_credentials", "client_id": "moodbridge-sandbox",
            "client_secret": "env:SF_SECRET",
        },
    }))?;
    let http =
        HttpClient::new(HttpSettings::default(), Arc::new(SystemClock), Arc::new(SystemRandom))?;
    let env = Env::from_pairs([("SF_SECRET", "sandbox-secret")]);
    let secrets = Arc::new(LocalSecrets::new(env));
    Ok(SalesforceClient::new(settings, http, secrets, Arc::new(SystemClock)))
}

/// Reads every cell as what its column holds.
async fn read(client: &SalesforceClient, soql: &str) -> Result<(u64, u64), Box<dyn Error>> {
    let object = soql.split_whitespace().skip_while(|it| *it != "FROM").nth(1).ok_or(USAGE)?;
    let described = client.describe(&ObjectName::parse(object)?).await?;
    let n_bytes = AtomicU64::new(0);
    let n_values = AtomicU64::new(0);
    let report = client
        .bulk_query()
        .run(&mut QueryJobState::new(soql, QueryScope::Live), &Unsaved, |page| async {
            let kind_of = |name: &str| {
                let field = described.shape().and_then(|it| it.field(name));
                field.map(FieldShape::column_kind).unwrap_or_default()
            };
            let receipt = read_page(page, kind_of, &n_values).await?;
            n_bytes.fetch_add(receipt.n_bytes, Ordering::Relaxed);
            Ok(receipt)
        })
        .await?;
    writeln!(std::io::stdout(), "{} values in {report:?}", n_values.into_inner())?;
    Ok((report.n_records, n_bytes.into_inner()))
}

async fn read_page(
    mut page: ResultPage,
    kind_of: impl Fn(&str) -> ColumnKind,
    n_values: &AtomicU64,
) -> Result<PageReceipt, PortError> {
    let mut kinds: Vec<ColumnKind> = Vec::new();
    let mut n = 0;
    while page.advance().await? {
        if kinds.is_empty() {
            kinds = page.columns().unwrap_or_default().iter().map(|it| kind_of(it)).collect();
        }
        for (cell, kind) in page.record()?.cells().zip(&kinds) {
            n += u64::from(!matches!(CellValue::read(cell, *kind), None | Some(CellValue::Null)));
        }
    }
    n_values.fetch_add(n, Ordering::Relaxed);
    page.finish()
}

/// Counts outcomes.
struct Counted;

#[async_trait]
impl IngestOutcomes for Counted {
    async fn settle(&self, _: &[RowOutcome]) -> Result<(), PortError> {
        Ok(())
    }

    async fn refuse(&self, _: &[(u64, RowRefusal)]) -> Result<(), PortError> {
        Ok(())
    }
}

async fn upsert(client: &SalesforceClient, n_rows: u64) -> Result<(u64, u64), Box<dyn Error>> {
    let columns = [
        "MoodBridge_Id__c",
        "LastName",
        "FirstName",
        "Email",
        "Phone",
        "MailingStreet",
        "MailingCity",
        "MailingPostalCode",
        "MailingCountry",
        "Title",
    ];
    let operation = IngestOperation::Upsert { external_id: "MoodBridge_Id__c".to_owned() };
    let columns = columns.map(str::to_owned).to_vec();
    let plan = IngestPlan::new(ObjectName::parse("Contact")?, operation, columns);
    let mut state = IngestJobState::new(plan);
    let rows = move |first: u64| -> RowStream {
        stream::iter((first..n_rows).map(|idx| Ok(contact(idx)))).boxed()
    };
    let totals =
        client.bulk_ingest().unpacked().run(&mut state, Arc::new(rows), &Counted, &Unsaved).await?;
    writeln!(std::io::stdout(), "{totals:?}")?;
    Ok((totals.n_succeeded, 0))
}

fn contact(idx: u64) -> IngestRow {
    let text = |text: String| Some(FieldValue::Text(text));
    vec![
        text(format!("key-{idx}")),
        text(format!("Sørensen {idx}")),
        text("Anna".to_owned()),
        text(format!("anna.{idx}@firm.example")),
        text(format!("+45 33 {idx:06}")),
        text(format!("{} Some Street", idx % 200)),
        text("København".to_owned()),
        text(format!("{:04}", idx % 9999)),
        text("Denmark".to_owned()),
        text("Partner, \"Litigation\"".to_owned()),
    ]
}
