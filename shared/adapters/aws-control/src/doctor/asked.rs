//! What a bucket says of one of its settings.

use std::error::Error;

use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use shared::chain;

/// An answer about one setting.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Asked<T> {
    /// It is set.
    Set(T),
    /// It was never set.
    Unset,
    /// There is no such bucket.
    NoBucket,
    /// It could not be asked.
    Failed {
        /// Whether this person may not ask.
        is_denied: bool,
        /// Why not.
        why: String,
    },
}

impl<T> Asked<T> {
    /// Reads an answer, where `unset` is the code that says that nothing is set.
    pub(super) fn of<E>(answer: Result<T, SdkError<E, HttpResponse>>, unset: &str) -> Self
    where
        E: Error + ProvideErrorMetadata + 'static,
    {
        let error = match answer {
            Ok(found) => return Self::Set(found),
            Err(error) => error,
        };
        match error.code() {
            Some("NoSuchBucket") => Self::NoBucket,
            Some(code) if code == unset => Self::Unset,
            code => {
                let is_denied = matches!(code, Some("AccessDenied" | "AllAccessDisabled"));
                Self::Failed { is_denied, why: chain(&error).to_string() }
            }
        }
    }

    /// Returns what `take` finds in what is set.
    pub(super) fn map<U>(self, take: impl FnOnce(T) -> U) -> Asked<U> {
        match self {
            Self::Set(found) => Asked::Set(take(found)),
            Self::Unset => Asked::Unset,
            Self::NoBucket => Asked::NoBucket,
            Self::Failed { is_denied, why } => Asked::Failed { is_denied, why },
        }
    }
}
