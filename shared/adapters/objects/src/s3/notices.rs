//! What S3 tells a queue: which objects came and went.
//!
//! Source: Amazon S3 user guide, "Event message structure" (versions 2.x), and "Using EventBridge", for
//! the other shape that the same news may come in.

use percent_encoding::percent_decode_str;
use serde::Deserialize;
use shared::ports::{BlobChange, BlobKey, BlobNotice, BlobOrder, BlobVersion};
use shared::time::Timestamp;

use crate::address::S3Address;

/// A message that tells of no object.
#[derive(Debug, thiserror::Error)]
pub enum InvalidNotice {
    /// It is no notice of S3.
    #[error("the message is no notice of S3: {0}")]
    Shape(String),
    /// An object has a key that no blob has.
    #[error("the notice tells of the key `{0}`, which no blob has")]
    Key(String),
    /// An instant that nobody can read.
    #[error("the notice says that something happened at `{0}`: this is no instant")]
    Instant(String),
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Message {
    Records {
        #[serde(rename = "Records")]
        records: Vec<Record>,
    },
    /// What S3 sends when the notification is set up.
    Test {
        #[serde(rename = "Event")]
        event: String,
    },
    Bridge(BridgeEvent),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Record {
    event_name: String,
    event_time: String,
    s3: About,
}

#[derive(Deserialize)]
struct BridgeEvent {
    source: String,
    #[serde(rename = "detail-type")]
    kind: String,
    time: String,
    detail: About,
}

#[derive(Deserialize)]
struct About {
    bucket: Bucket,
    object: Object,
}

#[derive(Deserialize)]
struct Bucket {
    name: String,
}

#[derive(Deserialize)]
struct Object {
    key: String,
    #[serde(default)]
    size: u64,
    #[serde(alias = "eTag")]
    etag: Option<String>,
    sequencer: Option<String>,
}

impl S3Address {
    /// Reads a message that S3 sent about this bucket; what lies elsewhere is left out.
    ///
    /// The message that S3 sends when it is set up tells of nothing.
    ///
    /// # Errors
    ///
    /// [`InvalidNotice`].
    pub fn notices(&self, message: &str) -> Result<Vec<BlobNotice>, InvalidNotice> {
        let read = serde_json::from_str(message);
        let read: Message = read.map_err(|_| {
            InvalidNotice::Shape("it has neither `Records`, nor `Event`, nor `detail`".to_owned())
        })?;
        let told = match read {
            Message::Test { event } if event == "s3:TestEvent" => Vec::new(),
            Message::Test { event } => {
                return Err(InvalidNotice::Shape(format!("the event `{event}` is not known")));
            }
            Message::Records { records } => {
                let of_record =
                    |it: Record| self.notice(&it.event_name, &it.event_time, it.s3, decoded);
                records.into_iter().map(of_record).collect::<Result<_, _>>()?
            }
            Message::Bridge(it) if it.source == "aws.s3" => {
                // EventBridge tells keys as they are.
                vec![self.notice(&it.kind, &it.time, it.detail, str::to_owned)?]
            }
            Message::Bridge(it) => {
                return Err(InvalidNotice::Shape(format!("its source is `{}`", it.source)));
            }
        };
        Ok(told.into_iter().flatten().collect())
    }

    fn notice(
        &self,
        kind: &str,
        at: &str,
        about: About,
        decode: impl Fn(&str) -> String,
    ) -> Result<Option<BlobNotice>, InvalidNotice> {
        if about.bucket.name != self.bucket {
            return Ok(None);
        }
        let object = about.object;
        let change = match kind.strip_prefix("s3:").unwrap_or(kind) {
            it if it.starts_with("ObjectCreated:") || it == "Object Created" => {
                let version = object.etag.map(|it| it.trim_matches('"').to_owned());
                BlobChange::Stored {
                    n_bytes: object.size,
                    version: version.and_then(|it| BlobVersion::parse(it).ok()),
                }
            }
            it if it.starts_with("ObjectRemoved:") || it == "Object Deleted" => BlobChange::Removed,
            it if it.starts_with("LifecycleExpiration:") => BlobChange::Removed,
            // Tags, restores and the like: the bytes are the same.
            _ => return Ok(None),
        };
        let Some(key) = self.own_key(&decode(&object.key))? else { return Ok(None) };
        let at = Timestamp::parse(at).map_err(|_| InvalidNotice::Instant(at.to_owned()))?;
        let order = object.sequencer.as_deref().and_then(BlobOrder::parse);
        Ok(Some(BlobNotice { key, change, at, order }))
    }

    /// Returns the blob's key of an object's; `None` when the object lies elsewhere in the bucket.
    fn own_key(&self, object: &str) -> Result<Option<BlobKey>, InvalidNotice> {
        let own = match &self.prefix {
            None => Some(object),
            Some(prefix) => {
                object.strip_prefix(prefix.as_str()).and_then(|it| it.strip_prefix('/'))
            }
        };
        // A "folder" that the console makes is an empty object whose key ends with `/`.
        let Some(own) = own.filter(|it| !it.ends_with('/')) else { return Ok(None) };
        BlobKey::parse(own).map(Some).map_err(|_| InvalidNotice::Key(object.to_owned()))
    }
}

/// Undoes how S3 writes keys into records: as in a form, where `+` is a space.
fn decoded(key: &str) -> String {
    percent_decode_str(&key.replace('+', " ")).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn bucket(prefix: Option<&str>) -> S3Address {
        let prefix = prefix.map(|it| BlobKey::parse(it).unwrap());
        S3Address { bucket: "firm-documents".to_owned(), prefix, kms_key: None }
    }

    fn record(name: &str, key: &str) -> Value {
        json!({
            "eventVersion": "2.1", "eventSource": "aws:s3", "awsRegion": "eu-west-1",
            "eventTime": "2026-11-01T10:00:00.123Z", "eventName": name,
            "s3": {
                "bucket": {"name": "firm-documents", "arn": "arn:aws:s3:::firm-documents"},
                "object": {
                    "key": key, "size": 1024, "eTag": "d41d8cd98f00b204e9800998ecf8427e",
                    "versionId": "096fKKXTRTtl3on89fVO.nfljtsv6qko", "sequencer": "0055AED6DCD90281E5",
                },
            },
        })
    }

    fn read(address: &S3Address, record: &Value) -> Vec<BlobNotice> {
        address.notices(&json!({ "Records": [record] }).to_string()).unwrap()
    }

    #[test]
    fn message_of_the_set_up_tells_of_nothing() {
        let test = json!({
            "Service": "Amazon S3", "Event": "s3:TestEvent", "Time": "2014-10-13T15:57:02.089Z",
            "Bucket": "firm-documents", "RequestId": "5582815E1AEA5ADF", "HostId": "8cLeGAmw098X5cv4",
        });
        assert_eq!(bucket(None).notices(&test.to_string()).unwrap(), []);
    }

    #[test]
    fn keys_are_read_however_they_were_written() {
        // Each server writes the same key in its own way.
        for key in ["in%2F%C3%A4+b%2Bc.txt", "in/%C3%A4+b%2Bc.txt", "in/%C3%A4%20b%2Bc.txt"] {
            let notices = read(&bucket(None), &record("ObjectCreated:Put", key));
            assert_eq!(notices[0].key.as_str(), "in/ä b+c.txt");
        }
        let below = read(&bucket(Some("in")), &record("ObjectCreated:Put", "in/a.pdf"));
        assert_eq!(below[0].key.as_str(), "a.pdf");
        assert_eq!(read(&bucket(Some("in")), &record("ObjectCreated:Put", "inner/a.pdf")), []);
    }

    #[test]
    fn what_came_and_what_went_is_told_apart() {
        let of = |name: &str| read(&bucket(None), &record(name, "a.pdf"));
        let version = BlobVersion::parse("d41d8cd98f00b204e9800998ecf8427e").ok();
        let stored = BlobChange::Stored { n_bytes: 1024, version };
        for name in
            ["ObjectCreated:Put", "ObjectCreated:CompleteMultipartUpload", "s3:ObjectCreated:Copy"]
        {
            assert_eq!(of(name)[0].change, stored, "{name}");
        }
        for name in ["ObjectRemoved:Delete", "ObjectRemoved:DeleteMarkerCreated"] {
            assert_eq!(of(name)[0].change, BlobChange::Removed, "{name}");
        }
        assert_eq!(of("ObjectTagging:Put"), []);
        assert_eq!(of("ObjectCreated:Put")[0].order, BlobOrder::parse("0055AED6DCD90281E5"));
        assert_eq!(read(&bucket(None), &record("ObjectCreated:Put", "folder/")), []);
        let mut elsewhere = record("ObjectCreated:Put", "a.pdf");
        elsewhere["s3"]["bucket"]["name"] = "another".into();
        assert_eq!(read(&bucket(None), &elsewhere), []);
    }

    #[test]
    fn event_bridge_tells_keys_as_they_are() {
        let event = json!({
            "version": "0", "id": "17793124-05d4-b198-2fde-7ededc63b103", "detail-type": "Object Created",
            "source": "aws.s3", "account": "111122223333", "time": "2021-11-12T00:00:00Z",
            "region": "ca-central-1", "resources": ["arn:aws:s3:::firm-documents"],
            "detail": {
                "version": "0", "bucket": {"name": "firm-documents"},
                "object": {
                    "key": "100%+.pdf", "size": 5, "etag": "b1946ac92492d2347c6235b4d2611184",
                    "version-id": "IYV3p45BT0ac8hjHg1houSdS1a.Mro8e", "sequencer": "617f08299329d189",
                },
                "request-id": "N4N7GDK58NMKJ12R", "requester": "123456789012", "reason": "PutObject",
            },
        });
        let notices = bucket(None).notices(&event.to_string()).unwrap();
        assert_eq!(notices[0].key.as_str(), "100%+.pdf");
    }

    #[test]
    fn what_is_no_notice_says_why() {
        let fault = |text: &str| bucket(None).notices(text).unwrap_err().to_string();
        assert!(fault("{}").contains("neither `Records`"));
        assert!(fault("no JSON").contains("no notice of S3"));
        assert!(fault(r#"{"Event":"s3:Other"}"#).contains("`s3:Other`"));
        let record = record("ObjectCreated:Put", "a//b");
        assert!(fault(&json!({ "Records": [record] }).to_string()).contains("`a//b`"));
    }
}
