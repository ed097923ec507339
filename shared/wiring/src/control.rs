//! What people who run the platform ask of a cloud: deployments, what functions took, what they logged.

use std::sync::Arc;

use adapter_aws_control::{DeployPlace, LambdaLogs, LambdaTarget, LambdaUsage, LogPlace};
use shared::ports::{DeployTarget, LogSearch, SystemClock, UsageMeter};

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

/// What the functions on AWS of `deployment`, such as `moodbridge`, logged in `environment`. Nothing is
/// called yet.
pub async fn log_search(deployment: String, environment: String) -> Box<dyn LogSearch> {
    Box::new(LambdaLogs::open(LogPlace { deployment, environment }).await)
}
