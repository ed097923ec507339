//! The breakers, budgets, paces and rooms of every host that was called.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use shared::worker::breaker::{Breaker, BreakerName};

use crate::bulkhead::Bulkhead;
use crate::latency::Latency;
use crate::pace::Pacer;
use crate::request::Request;
use crate::retry_budget::RetryBudget;
use crate::settings::HttpSettings;

/// What watches over the calls of one operation at one host.
#[derive(Clone)]
pub(crate) struct Guards {
    pub(crate) operation: Arc<OperationGuards>,
    pub(crate) host: Arc<HostGuards>,
}

/// What one operation at one host has for itself.
pub(crate) struct OperationGuards {
    pub(crate) breaker: Arc<Breaker>,
    pub(crate) latency: Latency,
}

/// What all operations at one host share.
pub(crate) struct HostGuards {
    pub(crate) budget: RetryBudget,
    pub(crate) pacer: Option<Pacer>,
    pub(crate) bulkhead: Bulkhead,
}

/// Finds the guards of a call, making them at the first one.
#[derive(Default)]
pub(crate) struct GuardBook {
    operations: Mutex<HashMap<(String, &'static str), Arc<OperationGuards>>>,
    hosts: Mutex<HashMap<String, Arc<HostGuards>>>,
}

impl GuardBook {
    /// Returns the guards of `request` at `host`: two orgs on two hosts never share a breaker.
    pub(crate) fn find(&self, settings: &HttpSettings, host: &str, request: &Request) -> Guards {
        let Request { platform, operation, .. } = *request;
        let operation = self
            .operations
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .entry((host.to_owned(), operation))
            .or_insert_with(|| {
                let name = BreakerName {
                    platform: platform.to_owned(),
                    host: host.to_owned(),
                    operation: operation.to_owned(),
                };
                let breaker = Arc::new(Breaker::new(name, settings.breaker));
                Arc::new(OperationGuards { breaker, latency: Latency::default() })
            })
            .clone();
        let host = self
            .hosts
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .entry(host.to_owned())
            .or_insert_with(|| {
                Arc::new(HostGuards {
                    budget: RetryBudget::new(settings.retry_percent),
                    pacer: settings.pace.map(Pacer::new),
                    bulkhead: Bulkhead::new(settings.max_concurrent),
                })
            })
            .clone();
        Guards { operation, host }
    }
}
