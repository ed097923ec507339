//! Deploys a package of metadata. Source: Metadata API guide, "Deploy metadata with Apex testing using
//! REST".

use http::{HeaderValue, Method};
use serde::Deserialize;
use serde_json::json;
use sha2::{Digest, Sha256};
use shared::{PortError, PortErrorKind};
use tokio::time::sleep;

use super::OrgSetup;
use super::zip::archive;
use crate::client::{PLATFORM, RestCall};

/// Why a package was not deployed. What the org says may hold an address with a token: only names are
/// kept.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum DeployFault {
    #[error("the org refused {}", faults.join(", "))]
    Refused { faults: Vec<String> },
    #[error("the deployment ended as `{status}`")]
    Ended { status: String },
}

#[derive(Deserialize)]
struct Begun {
    id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    deploy_result: DeployResult,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct DeployResult {
    done: bool,
    success: bool,
    #[serde(default)]
    status: String,
    #[serde(default)]
    details: Option<Details>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Details {
    #[serde(default)]
    component_failures: Vec<Failure>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Failure {
    #[serde(default)]
    full_name: String,
    #[serde(default)]
    problem: String,
}

impl Failure {
    /// Names the component, and the field of it when the problem says.
    fn name(&self) -> String {
        let field = self.problem.strip_prefix("In field: ").and_then(|it| it.split(' ').next());
        match field {
            Some(field) => format!("`{}` for its `{field}`", self.full_name),
            None => format!("`{}`", self.full_name),
        }
    }
}

impl OrgSetup {
    /// Deploys `files`, `package.xml` among them: all of them or none.
    pub(super) async fn deploy(
        &self,
        subject: &str,
        files: &[(&str, &[u8])],
    ) -> Result<(), PortError> {
        let options = json!({"deployOptions": {
            "allowMissingFiles": false, "autoUpdatePackage": false, "checkOnly": false,
            "ignoreWarnings": false, "performRetrieve": false, "purgeOnDelete": false,
            "rollbackOnError": true, "runTests": null, "singlePackage": true,
            "testLevel": "NoTestRun",
        }});
        let (boundary, body) = multipart(options.to_string().as_bytes(), &archive(files));
        let segments = ["metadata", "deployRequest"];
        let call = RestCall::data("deploy", Method::POST, subject, &segments);
        let kind = HeaderValue::try_from(format!("multipart/form-data; boundary={boundary}"))
            .map_err(|error| call.rejected(error))?;
        let begun: Begun = self.client.call(&call.with_bytes(kind, body)).await?.json()?;
        let result = self.deployed(subject, &begun.id).await?;
        if result.success {
            return Ok(());
        }
        let failures = result.details.map(|it| it.component_failures).unwrap_or_default();
        let faults: Vec<String> = failures.iter().map(Failure::name).collect();
        let fault = match faults.is_empty() {
            true => DeployFault::Ended { status: result.status },
            false => DeployFault::Refused { faults },
        };
        Err(PortError::new(PortErrorKind::Rejected, PLATFORM, "deploy", subject).with_source(fault))
    }

    /// Waits for the end of a deployment.
    async fn deployed(&self, subject: &str, id: &str) -> Result<DeployResult, PortError> {
        let segments = ["metadata", "deployRequest", id];
        let call =
            RestCall::get("wait for deploy", subject, &segments).with("includeDetails", "true");
        let mut wait = None;
        loop {
            let answer: Answer = self.client.call(&call).await?.json()?;
            if answer.deploy_result.done {
                return Ok(answer.deploy_result);
            }
            let next = self.pace.next(wait);
            sleep(next).await;
            wait = Some(next);
        }
    }
}

/// Writes the two parts of a deployment; the boundary is a mark of them, so that it stands in neither.
fn multipart(options: &[u8], archive: &[u8]) -> (String, Vec<u8>) {
    let digest = Sha256::new().chain_update(options).chain_update(archive).finalize();
    let mark: String = digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    let boundary = format!("moodbridge-{mark}");
    let head = |name: &str, kind: &str| {
        format!(
            "--{boundary}\r\nContent-Disposition: form-data; {name}\r\nContent-Type: {kind}\r\n\r\n"
        )
    };
    let mut body = head("name=\"json\"", "application/json").into_bytes();
    body.extend_from_slice(options);
    body.extend_from_slice(b"\r\n");
    let file = head("name=\"file\"; filename=\"package.zip\"", "application/zip");
    body.extend_from_slice(file.as_bytes());
    body.extend_from_slice(archive);
    body.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
    (boundary, body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failure_names_its_component_and_field_and_no_address() {
        let failure = Failure {
            full_name: "Case.MoodBridge_Case".into(),
            problem: "In field: endpointUrl - not a valid URL: ftp://firm/hunter2".into(),
        };
        assert_eq!(failure.name(), "`Case.MoodBridge_Case` for its `endpointUrl`");
    }
}
