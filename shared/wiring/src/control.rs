//! What people who run the platform ask of a cloud: deployments, and what functions took.

use std::sync::Arc;

use adapter_aws_control::{DeployPlace, LambdaTarget, LambdaUsage};
use shared::ports::{DeployTarget, SystemClock, UsageMeter};

/// The functions on AWS whose names begin with `prefix`, such as `moodbridge-dev-`. Packages go to
/// `bucket`, or straight to Lambda. Nothing is called yet.
pub async fn deploy_target(prefix: String, bucket: Option<String>) -> Box<dyn DeployTarget> {
    let place = DeployPlace { prefix, bucket };
    Box::new(LambdaTarget::open(place, Arc::new(SystemClock)).await)
}

/// What the functions on AWS whose names begin with `prefix` took. Nothing is called yet.
pub async fn usage_meter(prefix: String) -> Box<dyn UsageMeter> {
    let place = DeployPlace { prefix, bucket: None };
    Box::new(LambdaUsage::open(place, Arc::new(SystemClock)).await)
}
