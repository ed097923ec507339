//! How each request is met.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::answer::Answer;
use crate::received::Received;

/// How one request is met.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// A whole answer; the connection stays open for the next request.
    Answer(Answer),
    /// Nothing, for as long as the server lives.
    Hang,
    /// The connection is reset before a byte of an answer.
    Reset,
    /// The head and half the body, then a reset.
    ResetMidBody(Answer),
    /// The head and half the body, then an orderly end: shorter than its own length says.
    CutMidBody(Answer),
    /// The head, then the body one byte at a time with this long between them.
    Drip {
        /// What is dripped.
        answer: Answer,
        /// The time between two bytes.
        every: Duration,
    },
    /// Bytes that are not HTTP.
    Garbage,
    /// Another step, this much later.
    Late {
        /// How much later.
        by: Duration,
        /// What then happens.
        step: Box<Step>,
    },
}

impl Step {
    /// Answers `status` with no body.
    pub fn status(status: u16) -> Self {
        Answer::status(status).into()
    }

    /// Answers 200 with `json`.
    pub fn json(json: impl Into<String>) -> Self {
        Answer::json(json).into()
    }

    /// Does the same so much later.
    #[must_use]
    pub fn late(self, by: Duration) -> Self {
        Self::Late { by, step: Box::new(self) }
    }
}

impl From<Answer> for Step {
    fn from(answer: Answer) -> Self {
        Self::Answer(answer)
    }
}

type Chooser = dyn Fn(&Received) -> Step + Send + Sync;

/// The steps of a server, one a request in the order in which requests arrive.
pub struct Script {
    first: Mutex<VecDeque<Step>>,
    then: Box<Chooser>,
}

impl Script {
    /// Meets the first requests with `steps` and every later one with an empty 200.
    pub fn of(steps: impl IntoIterator<Item = impl Into<Step>>) -> Self {
        let first = steps.into_iter().map(Into::into).collect();
        Self { first: Mutex::new(first), then: Box::new(|_| Step::status(200)) }
    }

    /// Meets every request with `step`.
    pub fn always(step: impl Into<Step>) -> Self {
        Self::of(std::iter::empty::<Step>()).then(step)
    }

    /// Meets each request as `choose` says, by its path, its number or what it holds.
    pub fn by(choose: impl Fn(&Received) -> Step + Send + Sync + 'static) -> Self {
        Self { first: Mutex::default(), then: Box::new(choose) }
    }

    /// Meets every request after the first ones with `step`.
    #[must_use]
    pub fn then(mut self, step: impl Into<Step>) -> Self {
        let step = step.into();
        self.then = Box::new(move |_| step.clone());
        self
    }

    /// Meets every request after the first ones as `choose` says.
    #[must_use]
    pub fn then_by(mut self, choose: impl Fn(&Received) -> Step + Send + Sync + 'static) -> Self {
        self.then = Box::new(choose);
        self
    }

    pub(crate) fn next(&self, received: &Received) -> Step {
        let step = self.first.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
        step.unwrap_or_else(|| (self.then)(received))
    }
}

impl fmt::Debug for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Script").field("first", &self.first).finish_non_exhaustive()
    }
}
