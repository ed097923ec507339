//! The answer to `{"moodbridge":"check"}`: a deployment asks a new version whether it is sound
//! before anybody else calls it.
//!
//! That there is an answer proves that the package starts on this machine and takes its settings;
//! what it needs is asked as `/readyz` does it. No message is taken, no schedule runs.

use std::sync::Arc;

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::app::ReadyCheck;
use crate::health;

/// Asks what the function `name` needs.
pub(crate) async fn answer(name: &'static str, ready_checks: &[Arc<dyn ReadyCheck>]) -> Value {
    let asked = ready_checks.iter().map(|it| health::ask(name, it.as_ref()));
    let checks = join_all(asked).await;
    let is_ready = checks.iter().all(|it| it.reason.is_none());
    json!({
        "function": name,
        "version": env!("CARGO_PKG_VERSION"),
        "is_ready": is_ready,
        "checks": checks,
    })
}
