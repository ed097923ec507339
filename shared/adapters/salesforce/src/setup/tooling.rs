//! The Tooling API, as far as set-up needs it. Source: Tooling API guide.

use http::{Method, StatusCode};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use shared::PortError;
use shared::ids::SalesforceId;

use super::OrgSetup;
use crate::client::{Place, RestCall};
use crate::error;

/// What came of making a thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Made {
    Created,
    /// A thing of that name is there.
    AlreadyThere,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Rows {
    done: bool,
    records: Vec<Map<String, Value>>,
    #[serde(default)]
    next_records_url: Option<String>,
}

#[derive(Deserialize)]
struct Thing {
    #[serde(rename = "Metadata")]
    metadata: Map<String, Value>,
}

impl OrgSetup {
    /// Answers a query about the org itself. Only names of ours stand in `soql`.
    pub(super) async fn tooling_rows(
        &self,
        subject: &str,
        soql: &str,
    ) -> Result<Vec<Map<String, Value>>, PortError> {
        let operation = "tooling query";
        let mut call = RestCall::get(operation, subject, &["tooling", "query"]).with("q", soql);
        let mut rows = Vec::new();
        loop {
            let page: Rows = self.client.call(&call).await?.json()?;
            rows.extend(page.records);
            call = match page.next_records_url {
                Some(mark) if !page.done => {
                    RestCall::at(operation, Method::GET, subject, Place::Given(mark))
                }
                _ => return Ok(rows),
            };
        }
    }

    /// Makes a thing, unless one of its name is there.
    pub(super) async fn make(
        &self,
        object: &str,
        full_name: &str,
        metadata: &Value,
    ) -> Result<Made, PortError> {
        // Its name makes it safe to repeat: the second one is "already there".
        let call =
            RestCall::data("set up", Method::POST, full_name, &["tooling", "sobjects", object])
                .repeatable()
                .with_json(&json!({"FullName": full_name, "Metadata": metadata}))?;
        let response = self.client.ask(&call).await?;
        if response.status() == StatusCode::CREATED {
            return Ok(Made::Created);
        }
        let is_there =
            error::entries(response.body()).iter().any(|it| it.code == "DUPLICATE_DEVELOPER_NAME");
        if is_there { Ok(Made::AlreadyThere) } else { Err(error::error_of(&response)) }
    }

    /// Reads how a thing is set up.
    pub(super) async fn metadata(
        &self,
        object: &str,
        id: &SalesforceId,
    ) -> Result<Map<String, Value>, PortError> {
        let segments = ["tooling", "sobjects", object, id.as_str()];
        let call = RestCall::get("read set-up", object, &segments);
        let thing: Thing = self.client.call(&call).await?.json()?;
        Ok(thing.metadata)
    }

    /// Sets a thing up anew, all of it.
    pub(super) async fn change(
        &self,
        object: &str,
        id: &SalesforceId,
        full_name: &str,
        metadata: &Value,
    ) -> Result<(), PortError> {
        let segments = ["tooling", "sobjects", object, id.as_str()];
        let call = RestCall::data("change set-up", Method::PATCH, full_name, &segments)
            .with_json(&json!({"FullName": full_name, "Metadata": metadata}))?;
        self.client.call(&call).await.map(drop)
    }
}

/// Returns the id of a row.
pub(super) fn id_of(row: &Map<String, Value>) -> Option<SalesforceId> {
    row.get("Id").and_then(Value::as_str).and_then(|it| SalesforceId::parse(it).ok())
}

/// Returns the text called `name`, empty when there is none.
pub(super) fn text_of<'a>(json: &'a Map<String, Value>, name: &str) -> &'a str {
    json.get(name).and_then(Value::as_str).unwrap_or_default()
}
