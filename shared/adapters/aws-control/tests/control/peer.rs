//! An account with functions that answer as ours do.

use std::io::{Cursor, Write as _};
use std::sync::Arc;

use adapter_aws_control::{DeployPlace, LambdaTarget};
use aws_config::SdkConfig;
use aws_sdk_lambda::primitives::Blob;
use aws_sdk_lambda::types::{FunctionCode, Runtime};
use shared::ports::SystemClock;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use crate::account;

/// What the names of functions begin with.
pub(crate) const PREFIX: &str = "moodbridge-test-";

/// An account at the peer.
pub(crate) struct Peer {
    pub(crate) config: SdkConfig,
    pub(crate) lambda: aws_sdk_lambda::Client,
    pub(crate) cloudwatch: aws_sdk_cloudwatch::Client,
}

impl Peer {
    /// Opens an empty account, or says loudly that the test is skipped: no peer is there.
    pub(crate) async fn open() -> Option<Self> {
        let config = account::open_ministack().await?;
        let lambda = aws_sdk_lambda::Client::new(&config);
        let cloudwatch = aws_sdk_cloudwatch::Client::new(&config);
        Some(Self { config, lambda, cloudwatch })
    }

    /// Deploys to this account.
    pub(crate) fn target(&self, bucket: Option<&str>) -> LambdaTarget {
        let place = DeployPlace { prefix: PREFIX.into(), bucket: bucket.map(str::to_owned) };
        LambdaTarget::of(&self.config, place, Arc::new(SystemClock))
    }

    /// Makes `function` of `archive`, publishes it, and has `live` call it.
    pub(crate) async fn function(&self, function: &str, archive: Vec<u8>) {
        let name = format!("{PREFIX}{function}");
        let code = FunctionCode::builder().zip_file(Blob::new(archive)).build();
        let create = self.lambda.create_function().function_name(&name).code(code);
        let create = create.runtime(Runtime::Providedal2023).handler("bootstrap").publish(true);
        let create = create.role("arn:aws:iam::000000000000:role/test").timeout(20);
        create.send().await.unwrap();
        let alias = self.lambda.create_alias().function_name(&name).name("live");
        alias.function_version("1").description("What is called.").send().await.unwrap();
    }

    /// Sets an alarm, of a function or of the deployment.
    pub(crate) async fn alarm(&self, name: &str, function: Option<&str>, is_raised: bool) {
        use aws_sdk_cloudwatch::types::{ComparisonOperator, Dimension, StateValue, Statistic};
        let name = format!("{PREFIX}{name}");
        let mut put = self
            .cloudwatch
            .put_metric_alarm()
            .alarm_name(&name)
            .namespace("AWS/Lambda")
            .metric_name("Errors")
            .statistic(Statistic::Sum)
            .period(300)
            .evaluation_periods(1)
            .threshold(0.0)
            .comparison_operator(ComparisonOperator::GreaterThanThreshold);
        if let Some(function) = function {
            let full_name = format!("{PREFIX}{function}");
            put =
                put.dimensions(Dimension::builder().name("FunctionName").value(full_name).build());
        }
        put.send().await.unwrap();
        let state = if is_raised { StateValue::Alarm } else { StateValue::Ok };
        let set = self.cloudwatch.set_alarm_state().alarm_name(&name).state_value(state);
        set.state_reason("set by a test").send().await.unwrap();
    }
}

/// Packs a function that answers a deployment's question as ours do; `build` makes it another one.
pub(crate) fn sound(function: &str, build: u32) -> Vec<u8> {
    let answer =
        format!(r#"{{"function":"{function}","version":"{build}","is_ready":true,"checks":[]}}"#);
    archive(&format!(
        r#"#!/bin/sh
api="http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime/invocation"
while :; do
  heads=$(mktemp)
  curl -sf -D "$heads" -o /dev/null "$api/next" || exit 1
  id=$(tr -d '\r' <"$heads" | sed -n 's/^[Ll]ambda-[Rr]untime-[Aa]ws-[Rr]equest-[Ii]d: //p')
  rm "$heads"
  curl -sf -X POST -d '{answer}' "$api/$id/response" >/dev/null || exit 1
done
"#
    ))
}

/// Packs a function that ends when it starts.
pub(crate) fn broken() -> Vec<u8> {
    archive("#!/bin/sh\nexit 78\n")
}

fn archive(script: &str) -> Vec<u8> {
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default();
    let options = options.compression_method(CompressionMethod::Stored).unix_permissions(0o755);
    archive.start_file("bootstrap", options).unwrap();
    archive.write_all(script.as_bytes()).unwrap();
    archive.finish().unwrap().into_inner()
}
