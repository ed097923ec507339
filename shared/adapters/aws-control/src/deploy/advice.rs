//! What to do about errors of a deployment.

use shared::error::PortErrorKind;

use crate::fault::Call;

/// A call on behalf of a deployment.
pub(super) fn call<'a>(operation: &'static str, subject: &'a str) -> Call<'a> {
    Call::new(operation, subject, advice)
}

/// What a person can do about it.
fn advice(code: Option<&str>, kind: PortErrorKind) -> Option<&'static str> {
    Some(match (code, kind) {
        (Some("CodeStorageExceededException"), _) => {
            "delete versions that nobody calls, or ask AWS for more code storage"
        }
        (Some("InvalidCodeSignatureException" | "CodeVerificationFailedException"), _) => {
            "sign the package with the profile of the function's signing configuration"
        }
        (Some("NoSuchBucket"), _) => {
            "name the artefacts bucket of `terraform output` by `--bucket`"
        }
        (Some("ExpiredToken" | "ExpiredTokenException"), _) => "sign in to AWS again",
        (_, PortErrorKind::Denied) => {
            "sign in to the right account, with the rights that docs/aws.md lists for deployments"
        }
        (_, PortErrorKind::NotFound) => {
            "look at region and environment, and make what is missing by `terraform apply`"
        }
        (_, PortErrorKind::Conflict) => {
            "somebody else works on it: look at `moodbridge deploy status`, then try again"
        }
        (_, PortErrorKind::RateLimited | PortErrorKind::Unavailable) => {
            "try again in some minutes; `moodbridge deploy status` tells what has been done"
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_but_a_plain_refusal_has_its_advice() {
        use PortErrorKind::{Conflict, Denied, NotFound, RateLimited, Rejected, Unavailable};
        for kind in [Conflict, Denied, NotFound, RateLimited, Unavailable] {
            assert!(advice(None, kind).is_some(), "{kind:?}");
        }
        assert!(advice(Some("InvalidParameterValueException"), Rejected).is_none());
        assert!(advice(Some("CodeStorageExceededException"), Rejected).is_some());
    }
}
