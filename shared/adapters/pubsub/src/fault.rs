//! What the Pub/Sub API refuses, and what to do about each refusal.

use shared::{PortError, PortErrorKind};
use tonic::{Code, Status};

/// The platform, as metrics and errors name it.
pub(crate) const PLATFORM: &str = "salesforce";

/// What to do about a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Remedy {
    /// Open the stream again after a wait.
    Reopen,
    /// Log in anew, then open the stream again.
    LogIn,
    /// The place is not known any more: read the records from their source, and the topic from its
    /// oldest event.
    StartOver,
    /// Another process follows the topic: see now and then whether it still does.
    StandBy,
    /// The day's events are used up: stay away for long.
    StayAway,
    /// Somebody must change something over there or in the settings.
    Tell,
}

/// A fault of the stream or of a call.
#[derive(Debug, thiserror::Error)]
#[error("{what}")]
pub(crate) struct Fault {
    pub(crate) remedy: Remedy,
    /// Names the fault in metrics.
    pub(crate) label: &'static str,
    what: String,
    #[source]
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// What every error code begins with. Source: Pub/Sub API guide, "Handling Errors".
const PREFIX: &str = "sfdc.platform.eventbus.grpc.";

/// Error codes without [`PREFIX`], each with its remedy. What is not listed is judged by its gRPC
/// code. Source: Pub/Sub API guide, "Handling Errors" and "Retrying RPC Calls".
const CODES: &[(&str, Remedy)] = &[
    ("concurrent.client.limit.exceeded", Remedy::Reopen),
    ("service.auth.error", Remedy::LogIn),
    ("service.auth.headers.invalid", Remedy::LogIn),
    ("service.auth.refresh.invalid", Remedy::LogIn),
    ("service.protection.stream.limit.triggered", Remedy::Reopen),
    ("service.protection.triggered", Remedy::Reopen),
    ("service.tenant.license", Remedy::Tell),
    ("service.unavailable", Remedy::Reopen),
    ("subscription.fetch.overflow", Remedy::Reopen),
    ("subscription.fetch.replayid.corrupted", Remedy::StartOver),
    ("subscription.fetch.replayid.validation.failed", Remedy::StartOver),
    ("subscription.fetch.requested.events.invalid", Remedy::Tell),
    ("subscription.fetch.topic.mismatch", Remedy::Tell),
    ("subscription.internal.error", Remedy::Reopen),
    ("subscription.limit.exceeded", Remedy::StayAway),
    ("subscription.topic.cannot.subscribe", Remedy::Tell),
    ("topic.api.unavailable", Remedy::Reopen),
    ("topic.meta.permission", Remedy::Tell),
    ("topic.not.found", Remedy::Tell),
];

impl Fault {
    /// The connection, or what goes over it, is broken.
    pub(crate) fn broken(
        label: &'static str,
        what: impl Into<String>,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        let source = Some(source.into());
        Self { remedy: Remedy::Reopen, label, what: what.into(), source }
    }

    /// Something did not happen that should have.
    pub(crate) fn silent(label: &'static str, what: impl Into<String>) -> Self {
        Self { remedy: Remedy::Reopen, label, what: what.into(), source: None }
    }

    /// Reads what the service answered. Its words are left out: nobody vouches for them.
    pub(crate) fn of(status: &Status) -> Self {
        let code = status.metadata().get("error-code").and_then(|it| it.to_str().ok());
        let code = code.map(|it| it.strip_prefix(PREFIX).unwrap_or(it).to_owned());
        let known = code.as_deref().and_then(|code| CODES.iter().find(|it| it.0 == code));
        let remedy = known.map_or_else(|| by_grpc_code(status.code()), |it| it.1);
        let label = match remedy {
            // What was decoded here, by a limit of ours: the service sets no such code.
            Remedy::Reopen if code.is_none() && status.code() == Code::OutOfRange => "too_large",
            Remedy::Reopen => "unavailable",
            Remedy::LogIn => "token_refused",
            Remedy::StartOver => "place_lost",
            Remedy::StayAway | Remedy::StandBy => "allocation_spent",
            Remedy::Tell => "refused",
        };
        let what = match &code {
            Some(code) => format!("the Pub/Sub API answered `{}`", shown(code)),
            None => format!("the Pub/Sub API answered {:?}", status.code()),
        };
        let source = std::error::Error::source(status).map(ToString::to_string).map(Into::into);
        Self { remedy, label, what, source }
    }

    /// Says what somebody must change, for a fault that nothing else mends.
    pub(crate) fn fix(&self) -> &'static str {
        match self.remedy {
            Remedy::Tell => {
                "correct `events.topics`, and let the integration's user read the objects with \
                 `View All`"
            }
            Remedy::StayAway => {
                "fewer events, a filter on the channel, or a larger allowance help; it goes on when \
                 the day's allowance comes back"
            }
            Remedy::LogIn => "check the secrets of the connection",
            Remedy::Reopen | Remedy::StartOver | Remedy::StandBy => {
                "nothing has to be done: it is tried again"
            }
        }
    }

    /// Turns it into the error that ports return.
    pub(crate) fn into_port(self, operation: &'static str, subject: &str) -> PortError {
        let kind = match self.remedy {
            Remedy::Reopen | Remedy::StartOver | Remedy::StandBy => PortErrorKind::Unavailable,
            Remedy::StayAway => PortErrorKind::RateLimited,
            Remedy::LogIn | Remedy::Tell => PortErrorKind::Denied,
        };
        PortError::new(kind, PLATFORM, operation, subject).with_source(self)
    }
}

fn by_grpc_code(code: Code) -> Remedy {
    match code {
        Code::Unauthenticated => Remedy::LogIn,
        Code::InvalidArgument
        | Code::NotFound
        | Code::PermissionDenied
        | Code::FailedPrecondition
        | Code::Unimplemented => Remedy::Tell,
        _ => Remedy::Reopen,
    }
}

/// A code that is shown to people is a word of letters, digits and dots.
fn shown(code: &str) -> String {
    code.chars().filter(|it| it.is_ascii_alphanumeric() || *it == '.').take(100).collect()
}

#[cfg(test)]
mod tests {
    use tonic::metadata::MetadataMap;

    use super::*;

    fn status(code: Code, error_code: Option<&str>) -> Status {
        let mut trailers = MetadataMap::new();
        if let Some(error_code) = error_code {
            trailers.insert("error-code", error_code.parse().unwrap());
        }
        Status::with_metadata(code, "hunter2", trailers)
    }

    #[test]
    fn each_error_code_has_its_remedy() {
        for (code, remedy) in [
            ("service.unavailable", Remedy::Reopen),
            ("service.auth.error", Remedy::LogIn),
            ("subscription.fetch.replayid.validation.failed", Remedy::StartOver),
            ("subscription.fetch.replayid.corrupted", Remedy::StartOver),
            ("subscription.limit.exceeded", Remedy::StayAway),
            ("topic.not.found", Remedy::Tell),
        ] {
            let fault = Fault::of(&status(Code::InvalidArgument, Some(&format!("{PREFIX}{code}"))));
            assert_eq!(fault.remedy, remedy, "{code}");
            assert_eq!(fault.to_string(), format!("the Pub/Sub API answered `{code}`"));
        }
    }

    #[test]
    fn answer_without_a_code_is_judged_by_its_status_and_its_words_are_not_repeated() {
        for (code, remedy) in [
            (Code::Unavailable, Remedy::Reopen),
            (Code::Internal, Remedy::Reopen),
            (Code::Unauthenticated, Remedy::LogIn),
            (Code::PermissionDenied, Remedy::Tell),
        ] {
            let fault = Fault::of(&status(code, None));
            assert_eq!(fault.remedy, remedy, "{code:?}");
            let error = fault.into_port("subscribe", "/data/ChangeEvents");
            assert!(!shared::chain(&error).to_string().contains("hunter2"));
        }
        let odd = Fault::of(&status(Code::Unavailable, Some("x[2J`; drop")));
        assert_eq!(odd.to_string(), "the Pub/Sub API answered `x2Jdrop`");
    }
}
