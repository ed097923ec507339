//! The one error every port returns, and the one question every worker asks of it: try again?

use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

/// What went wrong, in words that hold for every platform.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PortErrorKind {
    /// Nothing is stored under that name.
    NotFound,
    /// The stored version is not the one the caller expected.
    Conflict,
    /// The credentials are missing, expired, or not allowed to do this.
    Denied,
    /// The platform asked for fewer requests.
    RateLimited,
    /// The platform cannot be reached, or answered with a fault of its own.
    Unavailable,
    /// The request can never succeed as it stands.
    Rejected,
}

/// Whether a second attempt can help.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// The same request will fail again: set the message aside.
    Never,
    /// Try again, not before the delay the platform asked for.
    After(Option<Duration>),
}

/// A failed call to a platform.
///
/// `Display` says what was tried and on what; the cause is behind [`source`](StdError::source), so
/// print the whole chain with [`chain`].
#[derive(Debug)]
pub struct PortError {
    kind: PortErrorKind,
    platform: &'static str,
    operation: &'static str,
    subject: String,
    retry_after: Option<Duration>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

impl PortError {
    /// Records that `operation` on `subject` failed at `platform`.
    pub fn new(
        kind: PortErrorKind,
        platform: &'static str,
        operation: &'static str,
        subject: impl Into<String>,
    ) -> Self {
        Self { kind, platform, operation, subject: subject.into(), retry_after: None, source: None }
    }

    /// Keeps the error underneath.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// Keeps the delay the platform asked for, such as an HTTP `Retry-After`.
    #[must_use]
    pub fn with_retry_after(mut self, delay: Duration) -> Self {
        self.retry_after = Some(delay);
        self
    }

    /// Returns the platform that failed, such as `salesforce` or `sqlite`.
    pub fn platform(&self) -> &'static str {
        self.platform
    }

    /// Returns the operation that was tried.
    pub fn operation(&self) -> &'static str {
        self.operation
    }

    /// Returns the delay the platform asked for.
    pub fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }

    /// Returns what went wrong.
    pub fn kind(&self) -> PortErrorKind {
        self.kind
    }

    /// Says whether a second attempt can help.
    pub fn retry(&self) -> Retry {
        match self.kind {
            PortErrorKind::RateLimited | PortErrorKind::Unavailable | PortErrorKind::Conflict => {
                Retry::After(self.retry_after)
            }
            PortErrorKind::NotFound | PortErrorKind::Denied | PortErrorKind::Rejected => {
                Retry::Never
            }
        }
    }
}

impl fmt::Display for PortError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { platform, operation, subject, .. } = self;
        write!(f, "{platform}: {operation} `{subject}` failed ({:?})", self.kind)
    }
}

impl StdError for PortError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_deref().map(|it| it as &(dyn StdError + 'static))
    }
}

/// Shows an error and every cause beneath it on one line.
pub fn chain(error: &dyn StdError) -> impl fmt::Display + '_ {
    fmt::from_fn(move |f| {
        write!(f, "{error}")?;
        let mut next = error.source();
        while let Some(cause) = next {
            write!(f, ": {cause}")?;
            next = cause.source();
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chain_names_each_cause_once() {
        let cause = std::io::Error::other("connection reset");
        let error = PortError::new(PortErrorKind::Unavailable, "s3", "put", "cases/1.json")
            .with_source(cause);
        assert_eq!(
            chain(&error).to_string(),
            "s3: put `cases/1.json` failed (Unavailable): connection reset"
        );
    }

    #[test]
    fn denied_is_never_retried() {
        assert_eq!(PortError::new(PortErrorKind::Denied, "s3", "get", "x").retry(), Retry::Never);
    }
}
