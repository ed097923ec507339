//! The functions of one environment, as a target of deployments.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use aws_config::SdkConfig;
use aws_sdk_lambda::Client;
use aws_sdk_lambda::client::Waiters;
use aws_sdk_lambda::primitives::Blob;
use aws_sdk_lambda::types::AliasRoutingConfiguration;
use shared::error::{PortError, PortErrorKind, chain};
use shared::ports::{
    Alarm, CheckAnswer, Clock, DeployTarget, DeployedFunction, Digest, NewRoute, VersionNumber,
    VersionRuns,
};
use shared::time::Timestamp;

use super::advice::call;
use super::functions::{ALIAS, digest, in_base64};
use super::{account, alarms, artefacts, check, functions};
use crate::fault::Call;

/// How long Lambda may take until new code can be published, and a version called.
const READY: Duration = Duration::from_secs(180);

/// Which functions are meant, and where their packages go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeployPlace {
    /// What the names of its functions and alarms begin with, such as `moodbridge-dev-`.
    pub prefix: String,
    /// The bucket of artefacts; none sends packages straight to Lambda.
    pub bucket: Option<String>,
}

/// Functions on Lambda whose alias `live` is what everything calls.
pub struct LambdaTarget {
    place: DeployPlace,
    lambda: Client,
    cloudwatch: aws_sdk_cloudwatch::Client,
    s3: aws_sdk_s3::Client,
    clock: Arc<dyn Clock>,
}

impl LambdaTarget {
    /// Reads region and credentials from the environment, as every AWS tool does. Nothing is called
    /// yet.
    pub async fn open(place: DeployPlace, clock: Arc<dyn Clock>) -> Self {
        Self::of(&Box::pin(account::of_environment()).await, place, clock)
    }

    /// Uses what was configured elsewhere.
    pub fn of(config: &SdkConfig, place: DeployPlace, clock: Arc<dyn Clock>) -> Self {
        // A peer on this machine has no names of buckets.
        let has_peer = config.endpoint_url().is_some();
        let s3 = aws_sdk_s3::config::Builder::from(config).force_path_style(has_peer).build();
        Self {
            place,
            lambda: Client::new(config),
            cloudwatch: aws_sdk_cloudwatch::Client::new(config),
            s3: aws_sdk_s3::Client::from_conf(s3),
            clock,
        }
    }

    fn full_name(&self, function: &str) -> String {
        format!("{}{function}", self.place.prefix)
    }

    async fn wait_until_updated(&self, full_name: &str) -> Result<(), PortError> {
        let call = call("wait for new code", full_name);
        let wait = self.lambda.wait_until_function_updated_v2().function_name(full_name);
        let waited = Box::pin(wait.wait(READY)).await;
        waited.map(drop).map_err(|error| {
            let said = chain(&error).to_string();
            let advice = "look at the function's `LastUpdateStatusReason`, then deploy again";
            call.fault(PortErrorKind::Unavailable).with_source(format!("{said}; {advice}"))
        })
    }

    async fn newest_code(&self, full_name: &str) -> Result<Digest, PortError> {
        let call = call("read function", full_name);
        let read = self.lambda.get_function_configuration().function_name(full_name);
        let read = read.send().await.map_err(|error| call.failed(error))?;
        digest(read.code_sha256(), call)
    }
}

fn other_code(call: Call<'_>) -> PortError {
    call.fault(PortErrorKind::Conflict).with_source(
        "its newest code is another package: somebody else deploys; look at `moodbridge deploy \
         status`",
    )
}

#[async_trait]
impl DeployTarget for LambdaTarget {
    async fn functions(&self) -> Result<Vec<DeployedFunction>, PortError> {
        functions::list(&self.lambda, &self.place.prefix).await
    }

    async fn upload(
        &self,
        function: &str,
        digest: &Digest,
        archive: Vec<u8>,
    ) -> Result<(), PortError> {
        let name = self.full_name(function);
        let call = call("update code", &name);
        let update = self.lambda.update_function_code().function_name(&name);
        let update = match &self.place.bucket {
            None => update.zip_file(Blob::new(archive)),
            Some(bucket) => {
                let key = artefacts::keep(&self.s3, bucket, function, digest, archive).await?;
                update.s3_bucket(bucket).s3_key(key)
            }
        };
        let sent = update.send().await.map_err(|error| call.failed(error))?;
        if functions::digest(sent.code_sha256(), call)? != *digest {
            return Err(other_code(call));
        }
        self.wait_until_updated(&name).await
    }

    async fn publish(&self, function: &str, digest: &Digest) -> Result<VersionNumber, PortError> {
        let name = self.full_name(function);
        let call = call("publish version", &name);
        if self.newest_code(&name).await? != *digest {
            return Err(other_code(call));
        }
        // Lambda compares once more, at the instant of publishing.
        let publish = self.lambda.publish_version().function_name(&name);
        let publish = publish.code_sha256(in_base64(digest));
        let published = publish.send().await.map_err(|error| call.failed(error))?;
        let version = published.version().unwrap_or_default().to_owned();
        let number = version.parse().map_err(|_| {
            call.fault(PortErrorKind::Unavailable).with_source("AWS told no number of the version")
        })?;
        let wait = self.lambda.wait_until_published_version_active().function_name(&name);
        let waited = Box::pin(wait.qualifier(version).wait(READY)).await;
        waited.map_err(|error| {
            let said = chain(&error).to_string();
            call.fault(PortErrorKind::Unavailable).with_source(said)
        })?;
        Ok(number)
    }

    async fn route(
        &self,
        function: &str,
        route: &NewRoute,
        revision: &str,
    ) -> Result<String, PortError> {
        let name = self.full_name(function);
        let call = call("move alias", &name);
        let weights = route.next.iter();
        let weights = weights.map(|(it, percent)| (it.to_string(), f64::from(*percent) / 100.0));
        let weights: HashMap<String, f64> = weights.collect();
        // An empty table takes the weights away; without one they would stay.
        let routing = AliasRoutingConfiguration::builder();
        let routing = routing.set_additional_version_weights(Some(weights)).build();
        let moved = self
            .lambda
            .update_alias()
            .function_name(&name)
            .name(ALIAS)
            .function_version(route.live.to_string())
            .routing_config(routing)
            .description(&route.note)
            .revision_id(revision)
            .send()
            .await
            .map_err(|error| call.failed(error))?;
        Ok(moved.revision_id().unwrap_or_default().to_owned())
    }

    async fn alarms(&self) -> Result<Vec<Alarm>, PortError> {
        alarms::list(&self.cloudwatch, &self.place.prefix).await
    }

    async fn runs(
        &self,
        function: &str,
        version: VersionNumber,
        since: Timestamp,
    ) -> Result<VersionRuns, PortError> {
        let span = (since, self.clock.now());
        alarms::runs(&self.cloudwatch, &self.full_name(function), version, span).await
    }

    async fn check(
        &self,
        function: &str,
        version: VersionNumber,
    ) -> Result<CheckAnswer, PortError> {
        check::ask(&self.lambda, &self.full_name(function), version).await
    }
}
