//! An order: which requests go wrong, how often, and how.

use serde::{Deserialize, Serialize};

use super::kind::FaultKind;
use crate::random::Dice;
use crate::schema::Alteration;

/// An order of faults.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Order {
    /// `all` for a preset: any kind that fits the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    preset: Option<String>,
    /// What goes wrong; without it a status, or only latency.
    #[serde(default)]
    kind: Option<FaultKind>,
    /// Beginning of the paths it is for.
    #[serde(default)]
    path: String,
    /// Method it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    method: Option<String>,
    /// Record it is for: its id stands in the address or in the body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    record: Option<String>,
    /// Object it is for, with deliveries and events.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    object: Option<String>,
    /// How likely it is, from 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    probability: Option<f64>,
    /// What the likelihood is drawn from.
    #[serde(default = "one")]
    seed: u64,
    /// The first fitting request that goes wrong, from 1.
    #[serde(default = "one")]
    nth: u64,
    /// How many requests go wrong: one, or all when a probability is given.
    #[serde(default)]
    n: Option<u64>,
    /// Status to answer with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) status: Option<u16>,
    /// Body to answer with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) body: Option<String>,
    /// Message of a refusal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) message: Option<String>,
    /// How long the answer takes, in milliseconds.
    #[serde(default)]
    pub(super) latency_ms: u64,
    /// How long a commit is late, in milliseconds.
    #[serde(default)]
    pub(super) late_ms: u64,
    /// How wrong the clock is, in milliseconds.
    #[serde(default)]
    pub(super) skew_ms: i64,
    /// How much of the answer is sent, from 0 to 1.
    #[serde(default = "half")]
    pub(super) fraction: f64,
    /// How much of the answer is looked at to find the place where it ends, in bytes.
    #[serde(default = "window_bytes")]
    pub(super) window_bytes: usize,
    /// How likely each record of a request is locked, from 0 to 1; one is for sure.
    #[serde(default = "half")]
    pub(super) share: f64,
    /// How the schema changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) alteration: Option<Alteration>,
}

fn one() -> u64 {
    1
}

fn half() -> f64 {
    0.5
}

fn window_bytes() -> usize {
    64 * 1024
}

/// Why an order is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum OrderError {
    /// The preset is not known.
    #[error("`preset` can be `all`")]
    Preset,
    /// A likelihood or a share is none.
    #[error("`probability`, `fraction` and `share` must lie between 0 and 1")]
    Range,
    /// The kind needs more than it was given.
    #[error("`{missing}` is missing")]
    Missing {
        /// What is missing.
        missing: &'static str,
    },
}

/// What of a request an order looks at.
#[derive(Clone, Debug)]
pub(crate) struct Asked<'a> {
    /// Method.
    pub(crate) method: &'a str,
    /// Path.
    pub(crate) path: &'a str,
    /// Path and query.
    pub(crate) address: &'a str,
    /// Body, where any order looks at it.
    pub(crate) body: &'a [u8],
    /// Whether the caller unpacks answers.
    pub(crate) takes_gzip: bool,
}

impl Order {
    /// Checks that an order says all it must.
    pub(super) fn check(&self) -> Result<(), OrderError> {
        if self.preset.as_deref().is_some_and(|preset| preset != "all") {
            return Err(OrderError::Preset);
        }
        let shares = [self.probability.unwrap_or(0.0), self.fraction, self.share];
        if !shares.iter().all(|share| (0.0..=1.0).contains(share)) {
            return Err(OrderError::Range);
        }
        let missing = match self.kind() {
            FaultKind::Answer if self.status.is_none() => "status",
            FaultKind::SchemaChange if self.alteration.is_none() => "alteration",
            FaultKind::LateCommit if self.late_ms == 0 => "late_ms",
            FaultKind::ClockSkew if self.skew_ms == 0 => "skew_ms",
            _ => return Ok(()),
        };
        Err(OrderError::Missing { missing })
    }

    /// Returns what goes wrong.
    #[must_use]
    pub(super) fn kind(&self) -> FaultKind {
        match (&self.preset, self.kind, self.status) {
            (Some(_), ..) => FaultKind::Any,
            (None, Some(kind), _) => kind,
            (None, None, Some(_)) => FaultKind::Answer,
            (None, None, None) => FaultKind::Latency,
        }
    }

    /// Tells whether it must look at bodies.
    #[must_use]
    pub(super) fn needs_body(&self) -> bool {
        self.record.is_some()
    }

    /// Returns how many times it fires at most.
    fn max(&self) -> u64 {
        let is_drawn = self.probability.is_some() || self.preset.is_some();
        self.n.unwrap_or(if is_drawn { u64::MAX } else { 1 })
    }

    fn fits_request(&self, asked: &Asked<'_>) -> bool {
        let is_named = self.record.as_ref().is_none_or(|record| {
            // Of an id, callers may send 15 or 18 characters.
            let short = record.get(..15).unwrap_or(record);
            let is_in_body =
                asked.body.windows(short.len().max(1)).any(|part| part == short.as_bytes());
            asked.address.contains(short) || is_in_body
        });
        let prefix = match (self.path.as_str(), &self.preset) {
            ("", Some(_)) => "/services/data/",
            ("", None) => "/services/",
            (path, _) => path,
        };
        asked.path.starts_with(prefix)
            && self.method.as_ref().is_none_or(|method| method.eq_ignore_ascii_case(asked.method))
            && is_named
    }
}

/// An order with what became of it.
#[derive(Debug)]
pub(super) struct Standing {
    pub(super) order: Order,
    dice: Dice,
    n_seen: u64,
    pub(super) n_fired: u64,
}

impl Standing {
    pub(super) fn new(order: Order) -> Self {
        let dice = Dice::new(order.seed);
        Self { order, dice, n_seen: 0, n_fired: 0 }
    }

    /// Draws whether a request that fits goes wrong.
    fn draws(&mut self) -> bool {
        self.n_seen += 1;
        let is_due = self.n_seen >= self.order.nth && self.n_fired < self.order.max();
        let fires = is_due && self.dice.chance(self.order.probability.unwrap_or(1.0));
        self.n_fired += u64::from(fires);
        fires
    }

    /// Returns what goes wrong with a request.
    pub(super) fn meet_request(&mut self, asked: &Asked<'_>) -> Option<Hit> {
        if !self.order.kind().is_of_request() || !self.order.fits_request(asked) || !self.draws() {
            return None;
        }
        let mut order = self.order.clone();
        let seed = self.dice.below(u64::MAX);
        let kind = match order.kind() {
            FaultKind::Any => super::book::choose(&mut self.dice, asked, &mut order),
            kind => kind,
        };
        Some(Hit { kind, order, seed })
    }

    /// Tells whether something that happens to `object` goes wrong.
    pub(super) fn meets_object(&mut self, object: &str) -> bool {
        let wanted = self.order.object.as_deref();
        wanted.is_none_or(|wanted| wanted.eq_ignore_ascii_case(object)) && self.draws()
    }
}

/// A request that goes wrong.
#[derive(Clone, Debug)]
pub(crate) struct Hit {
    /// How.
    pub(super) kind: FaultKind,
    /// The details.
    pub(super) order: Order,
    /// What else is drawn for it is drawn from this.
    pub(super) seed: u64,
}
