//! How a sender signs its webhooks, as data: a new sender is a new value, not new code.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// How the bytes of a signature are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SignatureEncoding {
    /// Base64 with the standard alphabet and padding.
    Base64,
    /// Hexadecimal in either case.
    Hex,
}

/// How a time stamp is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TimestampUnit {
    /// Whole seconds since 1970.
    Seconds,
    /// Whole milliseconds since 1970.
    Millis,
}

/// How the text of a secret becomes the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SecretForm {
    /// The text itself, in UTF-8.
    Text,
    /// Base64, after `whsec_` when that is there.
    Base64,
}

/// How a sender signs: HMAC-SHA256 over a template, written into a header.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignatureScheme {
    /// The header with the signatures, in lower case.
    pub signature_header: String,
    /// The header with the message's id, in lower case, when the scheme has one.
    pub id_header: Option<String>,
    /// The header with the time stamp, in lower case, when the scheme has one.
    pub timestamp_header: Option<String>,
    /// How the time stamp is written.
    pub timestamp_unit: TimestampUnit,
    /// What is signed: text in which `{id}`, `{timestamp}` and `{body}` are filled in.
    pub signed_content: String,
    /// What stands between two signatures of one header, when there may be several.
    pub separator: Option<char>,
    /// What stands before each signature; one that begins otherwise is passed over.
    pub prefix: String,
    /// How the bytes of a signature are written.
    pub encoding: SignatureEncoding,
    /// How the text of a secret becomes the key.
    pub secret_form: SecretForm,
    /// How far the time stamp may be from now, in either direction.
    #[serde(with = "duration_seconds")]
    pub tolerance: Duration,
}

impl SignatureScheme {
    /// The time stamps taken by default are at most this far from now, in either direction.
    /// Source: the reference libraries of Standard Webhooks.
    pub const DEFAULT_TOLERANCE: Duration = Duration::from_secs(300);

    /// Returns the scheme of Standard Webhooks 1.0.0, symmetric signatures.
    ///
    /// Source: `spec/standard-webhooks.md` of standard-webhooks, "Signature scheme".
    pub fn standard_webhooks() -> Self {
        Self {
            signature_header: "webhook-signature".to_owned(),
            id_header: Some("webhook-id".to_owned()),
            timestamp_header: Some("webhook-timestamp".to_owned()),
            timestamp_unit: TimestampUnit::Seconds,
            signed_content: "{id}.{timestamp}.{body}".to_owned(),
            separator: Some(' '),
            prefix: "v1,".to_owned(),
            encoding: SignatureEncoding::Base64,
            secret_form: SecretForm::Base64,
            tolerance: Self::DEFAULT_TOLERANCE,
        }
    }

    /// Takes time stamps up to `tolerance` from now, in either direction.
    #[must_use]
    pub fn with_tolerance(mut self, tolerance: Duration) -> Self {
        self.tolerance = tolerance;
        self
    }
}

/// Writes a duration as whole seconds.
mod duration_seconds {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(
        duration: &Duration,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(duration.as_secs())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Duration, D::Error> {
        u64::deserialize(deserializer).map(Duration::from_secs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scheme_is_data_that_survives_a_round_trip() {
        let scheme = SignatureScheme::standard_webhooks();
        let json = serde_json::to_string(&scheme).unwrap();
        assert_eq!(serde_json::from_str::<SignatureScheme>(&json).unwrap(), scheme);
    }
}
