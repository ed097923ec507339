//! All orders, and how often each kind of fault happened.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::{Value as Json, json};

use super::kind::{BusFault, DeliveryFault, FaultKind};
use super::order::{Asked, Hit, Order, OrderError, Standing};
use crate::random::Dice;

/// Addresses this long are what edges call too long, in bytes.
const LONG_ADDRESS: usize = 4_000;

#[derive(Debug, Default)]
struct Kept {
    orders: Vec<Standing>,
    fired: BTreeMap<FaultKind, u64>,
}

/// All orders.
#[derive(Debug, Default)]
pub(crate) struct Faults(Mutex<Kept>);

impl Faults {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes an order.
    ///
    /// # Errors
    /// It does not say all it must.
    pub(crate) fn add(&self, order: Order) -> Result<(), OrderError> {
        order.check()?;
        self.kept().orders.push(Standing::new(order));
        Ok(())
    }

    /// Calls all orders off and forgets what happened.
    pub(crate) fn clear(&self) {
        *self.kept() = Kept::default();
    }

    /// Tells about all orders.
    #[must_use]
    pub(crate) fn stats(&self) -> Json {
        let kept = self.kept();
        let orders: Vec<Json> = kept
            .orders
            .iter()
            .map(|standing| {
                let mut order = serde_json::to_value(&standing.order).unwrap_or_default();
                if let Some(map) = order.as_object_mut() {
                    map.insert("fired".to_owned(), json!(standing.n_fired));
                }
                order
            })
            .collect();
        let fired: serde_json::Map<String, Json> = kept
            .fired
            .iter()
            .filter_map(|(kind, n)| {
                let name = serde_json::to_value(kind).ok()?;
                Some((name.as_str()?.to_owned(), json!(n)))
            })
            .collect();
        json!({"orders": orders, "fired": fired})
    }

    /// Tells whether any order looks at bodies.
    #[must_use]
    pub(super) fn need_bodies(&self) -> bool {
        self.kept().orders.iter().any(|standing| standing.order.needs_body())
    }

    /// Returns what goes wrong with a request; the first order that fits decides.
    pub(super) fn meet_request(&self, asked: &Asked<'_>) -> Option<Hit> {
        let mut kept = self.kept();
        let hit = kept.orders.iter_mut().find_map(|standing| standing.meet_request(asked))?;
        *kept.fired.entry(hit.kind).or_default() += 1;
        Some(hit)
    }

    fn meet_object<T>(&self, object: &str, of: impl Fn(FaultKind) -> Option<T>) -> Option<T> {
        let mut kept = self.kept();
        let kind = kept
            .orders
            .iter_mut()
            .filter(|standing| of(standing.order.kind()).is_some())
            .find_map(|standing| standing.meets_object(object).then(|| standing.order.kind()))?;
        *kept.fired.entry(kind).or_default() += 1;
        of(kind)
    }

    /// Returns what goes wrong with a delivery of a change of `object`.
    pub(crate) fn meet_delivery(&self, object: &str) -> Option<DeliveryFault> {
        self.meet_object(object, FaultKind::of_delivery)
    }

    /// Returns what goes wrong with an event of `object`.
    pub(crate) fn meet_event(&self, object: &str) -> Option<BusFault> {
        self.meet_object(object, FaultKind::of_bus)
    }
}

/// Chooses one of the kinds that fit a request, and what it needs.
pub(super) fn choose(dice: &mut Dice, asked: &Asked<'_>, order: &mut Order) -> FaultKind {
    let is_read = matches!(asked.method, "GET" | "HEAD");
    let is_rows = asked.path.contains("/sobjects") || asked.path.contains("/composite");
    let has_answer = is_read || asked.path.contains("/composite") || asked.path.contains("/jobs");
    let fitting: Vec<FaultKind> = [
        (FaultKind::Latency, true),
        (FaultKind::Html503, true),
        (FaultKind::Html200, true),
        (FaultKind::Empty200, true),
        (FaultKind::Empty420, true),
        (FaultKind::Empty406, true),
        (FaultKind::Html414, asked.address.len() > LONG_ADDRESS),
        (FaultKind::Reset, true),
        (FaultKind::ResetMidBody, has_answer),
        (FaultKind::EarlyEnd, has_answer),
        (FaultKind::TruncatedGzip, has_answer && asked.takes_gzip),
        (FaultKind::LoseAnswer, !is_read),
        (FaultKind::LockRows, !is_read && is_rows),
        (FaultKind::RequestLimit, true),
        (FaultKind::InvalidSession, true),
    ]
    .into_iter()
    .filter_map(|(kind, fits)| fits.then_some(kind))
    .collect();
    let n = u64::try_from(fitting.len()).unwrap_or(1);
    let idx = usize::try_from(dice.below(n)).unwrap_or(0);
    order.latency_ms = if order.latency_ms == 0 { 20 + dice.below(180) } else { order.latency_ms };
    // Anywhere but at the ends, so that something comes and something is missing.
    order.fraction = [0.1, 0.3, 0.5, 0.7, 0.9]
        .get(usize::try_from(dice.below(5)).unwrap_or(0))
        .copied()
        .unwrap_or(0.5);
    // The limit that passes soon: the one of a day would end everything.
    let message = "ConcurrentRequests (Concurrent API Requests) Limit exceeded.";
    order.message.get_or_insert_with(|| message.to_owned());
    fitting.get(idx).copied().unwrap_or(FaultKind::Html503)
}
