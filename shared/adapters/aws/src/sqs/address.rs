//! Where a queue is.

use url::Url;

/// The address of a queue, as AWS names it: `https://sqs.REGION.amazonaws.com/ACCOUNT/NAME`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueAddress {
    url: String,
    name: String,
}

impl QueueAddress {
    /// Reads `sqs://HOST/ACCOUNT/NAME`; `None` when a part is missing.
    pub fn of(address: &Url) -> Option<Self> {
        let host = address.host_str().filter(|it| !it.is_empty())?;
        let port = address.port().map(|it| format!(":{it}")).unwrap_or_default();
        let mut parts = address.path_segments()?;
        let (account, name) = (parts.next()?, parts.next()?);
        if account.is_empty() || name.is_empty() || parts.next().is_some() {
            return None;
        }
        let url = format!("https://{host}{port}/{account}/{name}");
        Some(Self { url, name: name.to_owned() })
    }

    /// Returns the address of the queue that `arn` names, of the same account and region.
    pub(crate) fn beside(&self, arn: &str) -> Option<Self> {
        let name = arn.rsplit(':').next().filter(|it| !it.is_empty())?;
        let (place, _) = self.url.rsplit_once('/')?;
        Some(Self { url: format!("{place}/{name}"), name: name.to_owned() })
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Whether it hands messages of one group out in order, to one receiver at a time.
    pub(crate) fn is_fifo(&self) -> bool {
        self.name.ends_with(".fifo")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(address: &str) -> Option<QueueAddress> {
        QueueAddress::of(&Url::parse(address).unwrap())
    }

    #[test]
    fn queue_is_named_by_host_account_and_name() {
        let queue = of("sqs://sqs.eu-west-1.amazonaws.com/123456789012/dev-events?queue=events");
        let queue = queue.unwrap();
        assert_eq!(queue.url(), "https://sqs.eu-west-1.amazonaws.com/123456789012/dev-events");
        assert!(!queue.is_fifo());
        let dead = queue.beside("arn:aws:sqs:eu-west-1:123456789012:dev-events-dead.fifo").unwrap();
        assert_eq!(
            dead.url(),
            "https://sqs.eu-west-1.amazonaws.com/123456789012/dev-events-dead.fifo"
        );
        assert!(dead.is_fifo());
    }

    #[test]
    fn address_without_a_part_is_none() {
        for address in ["sqs:events", "sqs://host/events", "sqs://host/1/", "sqs://host/1/a/b"] {
            assert_eq!(of(address), None, "{address}");
        }
    }
}
