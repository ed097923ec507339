//! Links that somebody without an account may use.

use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use http::{HeaderName, HeaderValue, Method};
use object_store::signer::{SignedUrlOptions, Signer as _};
use shared::error::{PortError, PortErrorKind};
use shared::ports::{BlobLink, LinkPurpose, PutBlob, PutCondition, Sha256Digest};

use super::fault::{PLATFORM, failed};
use super::store::{S3BlobStore, SHA256};
use super::uploads::parts_of;

/// How long a link is valid at most. Source: Amazon S3 API reference, "Authenticating requests: using
/// query parameters". One that a role signs ends with the role's session, if that is sooner.
const LONGEST: Duration = Duration::from_hours(7 * 24);

type Headers = Vec<(String, String)>;

fn checksum(sha256: &Sha256Digest) -> (String, String) {
    ("x-amz-checksum-sha256".to_owned(), BASE64_STANDARD.encode(sha256.as_bytes()))
}

impl S3BlobStore {
    pub(super) async fn sign(
        &self,
        purpose: &LinkPurpose,
        valid_for: Duration,
    ) -> Result<BlobLink, PortError> {
        let (key, method, headers, query) = match purpose {
            LinkPurpose::Read { key } => (key, Method::GET, Headers::new(), Headers::new()),
            LinkPurpose::Put { key, options } => {
                (key, Method::PUT, self.put_headers(options), Headers::new())
            }
            LinkPurpose::PutPart { upload, number, sha256 } => {
                let (_, id) = parts_of("link", upload)?;
                // S3 counts parts from 1.
                let place = self.place("link", upload, *number)? + 1;
                let query = vec![
                    ("partNumber".to_owned(), place.to_string()),
                    ("uploadId".to_owned(), id.to_owned()),
                ];
                (&upload.key, Method::PUT, vec![checksum(sha256)], query)
            }
        };
        let rejected = || PortError::new(PortErrorKind::Rejected, PLATFORM, "link", key.as_str());
        if valid_for > LONGEST || valid_for.as_secs() == 0 {
            return Err(rejected().with_source("a link is valid for 1 second to 7 days"));
        }
        let mut options = SignedUrlOptions::new().with_query(query);
        for (name, value) in &headers {
            let pair = (HeaderName::try_from(name), HeaderValue::try_from(value));
            let (Ok(name), Ok(value)) = pair else {
                return Err(rejected().with_source(format!("`{name}` cannot stand in a head")));
            };
            options = options.with_signed_header(name, value);
        }
        let path = self.path("link", key)?;
        let url = self.client.signed_url_opts(method.clone(), &path, valid_for, &options).await;
        let url = url.map_err(|error| failed("link", key.as_str(), error))?;
        let method = if method == Method::GET { "GET" } else { "PUT" };
        Ok(BlobLink { method, url, headers })
    }

    fn put_headers(&self, options: &PutBlob) -> Headers {
        let mut headers = vec![("content-type".to_owned(), options.media_type.to_string())];
        if let Some(sha256) = &options.sha256 {
            headers.push(checksum(sha256));
            headers.push((format!("x-amz-meta-{SHA256}"), sha256.to_string()));
        }
        match &options.condition {
            PutCondition::Always => {}
            PutCondition::IfAbsent => headers.push(("if-none-match".to_owned(), "*".to_owned())),
            PutCondition::IfVersion(version) => {
                headers.push(("if-match".to_owned(), version.to_string()));
            }
        }
        if let Some(key) = &self.address.kms_key {
            let name = "x-amz-server-side-encryption";
            headers.push((name.to_owned(), "aws:kms".to_owned()));
            headers.push((format!("{name}-aws-kms-key-id"), key.clone()));
        }
        headers
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksum_is_written_as_s3_reads_it() {
        let (name, value) = checksum(&Sha256Digest::of(b"abc"));
        assert_eq!(name, "x-amz-checksum-sha256");
        assert_eq!(value, "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=");
    }
}
