//! The breakers, budgets and paces of every host that was called.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::breaker::Breaker;
use crate::pace::Pacer;
use crate::retry_budget::RetryBudget;
use crate::settings::HttpSettings;

/// What watches over the calls of one operation at one host.
#[derive(Clone)]
pub(crate) struct Guards {
    pub(crate) breaker: Arc<Breaker>,
    pub(crate) budget: Arc<RetryBudget>,
    pub(crate) pacer: Option<Arc<Pacer>>,
}

/// Finds the guards of a call, making them at the first one.
#[derive(Default)]
pub(crate) struct GuardBook {
    breakers: Mutex<HashMap<(String, &'static str), Arc<Breaker>>>,
    hosts: Mutex<HashMap<String, HostGuards>>,
}

type HostGuards = (Arc<RetryBudget>, Option<Arc<Pacer>>);

impl GuardBook {
    /// Returns the guards of `operation` at `host`: two orgs on two hosts never share a breaker.
    pub(crate) fn find(
        &self,
        settings: &HttpSettings,
        host: &str,
        operation: &'static str,
    ) -> Guards {
        let breaker = self
            .breakers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .entry((host.to_owned(), operation))
            .or_insert_with(|| Arc::new(Breaker::new(settings.breaker)))
            .clone();
        let (budget, pacer) = self
            .hosts
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .entry(host.to_owned())
            .or_insert_with(|| {
                let pacer = settings.pace.map(|pace| Arc::new(Pacer::new(pace)));
                (Arc::new(RetryBudget::new(settings.retry_percent)), pacer)
            })
            .clone();
        Guards { breaker, budget, pacer }
    }
}
