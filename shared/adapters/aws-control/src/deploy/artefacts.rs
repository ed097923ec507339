//! Packages in the bucket of artefacts, each under its digest.

use aws_sdk_s3::Client;
use aws_sdk_s3::primitives::ByteStream;
use shared::error::{PortError, PortErrorKind};
use shared::ports::Digest;

use super::advice::call;
use super::functions::in_base64;

/// Puts `archive` into `bucket`, unless it lies there already, and returns its key.
///
/// What lies under a digest has that digest: S3 compares while it takes it.
pub(super) async fn keep(
    client: &Client,
    bucket: &str,
    function: &str,
    digest: &Digest,
    archive: Vec<u8>,
) -> Result<String, PortError> {
    let key = format!("packages/{function}/{digest}.zip");
    let looking = call("look for package", &key);
    let found = client.head_object().bucket(bucket).key(&key).send().await;
    match found.map_err(|error| looking.failed(error)) {
        Ok(_) => return Ok(key),
        Err(error) if error.kind() == PortErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let put = client.put_object().bucket(bucket).key(&key).content_type("application/zip");
    let put = put.checksum_sha256(in_base64(digest)).body(ByteStream::from(archive));
    put.send().await.map_err(|error| call("keep package", &key).failed(error))?;
    Ok(key)
}
