//! Which service and operation a request calls.

use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use url::Url;

/// Operations that are told apart. Others count as `other`: a metric's labels must not grow.
const OPERATIONS: [(&str, &str); 29] = [
    ("BatchGetItem", "batch_get_item"),
    ("CancelMessageMoveTask", "cancel_message_move_task"),
    ("ChangeMessageVisibility", "change_message_visibility"),
    ("ChangeMessageVisibilityBatch", "change_message_visibility_batch"),
    ("CreateQueue", "create_queue"),
    ("CreateSecret", "create_secret"),
    ("CreateTable", "create_table"),
    ("CreateTopic", "create_topic"),
    ("DeleteItem", "delete_item"),
    ("DeleteMessage", "delete_message"),
    ("DeleteMessageBatch", "delete_message_batch"),
    ("DescribeSecret", "describe_secret"),
    ("DescribeTable", "describe_table"),
    ("GetItem", "get_item"),
    ("GetQueueAttributes", "get_queue_attributes"),
    ("GetSecretValue", "get_secret_value"),
    ("GetTopicAttributes", "get_topic_attributes"),
    ("ListMessageMoveTasks", "list_message_move_tasks"),
    ("Publish", "publish"),
    ("PublishBatch", "publish_batch"),
    ("PutItem", "put_item"),
    ("PutSecretValue", "put_secret_value"),
    ("Query", "query"),
    ("ReceiveMessage", "receive_message"),
    ("Scan", "scan"),
    ("SendMessage", "send_message"),
    ("SendMessageBatch", "send_message_batch"),
    ("StartMessageMoveTask", "start_message_move_task"),
    ("UpdateItem", "update_item"),
];

/// The table of claims and facts: its breaker is never shared, because what is shared lies in it.
pub(super) const DYNAMODB: &str = "dynamodb";
/// One request is billed for each of so many bytes. Source: price pages of SQS and SNS: "every 64 KB
/// chunk of a payload is billed as 1 request".
const BILLED_BYTES: u64 = 65_536;

/// What a request calls.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct CallName {
    /// The service, as the price list names it.
    pub(super) platform: &'static str,
    /// The operation, such as `send_message_batch`.
    pub(super) operation: &'static str,
    /// Host and port.
    pub(super) host: String,
}

impl CallName {
    /// Reads the name of a request; `None` when it is of a service that no adapter here calls.
    ///
    /// Source: Smithy, "AWS JSON 1.0 protocol" (`X-Amz-Target`) and "AWS query protocol" (`Action`).
    pub(super) fn of(request: &HttpRequest) -> Option<Self> {
        let (platform, operation) = match request.headers().get("x-amz-target") {
            Some(target) => {
                let (service, operation) = target.split_once('.')?;
                let platform = match service {
                    "AmazonSQS" => "sqs",
                    "DynamoDB_20120810" => DYNAMODB,
                    "secretsmanager" => "secretsmanager",
                    _ => return None,
                };
                (platform, operation)
            }
            None => ("sns", action(request)?),
        };
        let place = OPERATIONS.binary_search_by_key(&operation, |(name, _)| name);
        let operation = place.ok().and_then(|it| OPERATIONS.get(it)).map_or("other", |it| it.1);
        let url = Url::parse(request.uri()).ok()?;
        let host = url.host_str()?;
        let port = url.port_or_known_default().unwrap_or_default();
        Some(Self { platform, operation, host: format!("{host}:{port}") })
    }

    /// As how many calls it is billed.
    pub(super) fn n_billed(&self, n_bytes_out: u64, n_bytes_in: u64) -> u64 {
        match self.platform {
            "sqs" | "sns" => n_bytes_out.max(n_bytes_in).div_ceil(BILLED_BYTES).max(1),
            _ => 1,
        }
    }
}

/// The action of the query protocol, which only SNS speaks here. The SDK writes it first.
fn action(request: &HttpRequest) -> Option<&str> {
    let body = request.body().bytes()?.strip_prefix(b"Action=")?;
    let end = body.iter().position(|it| *it == b'&').unwrap_or(body.len());
    std::str::from_utf8(body.get(..end)?).ok()
}

#[cfg(test)]
mod tests {
    use aws_smithy_types::body::SdkBody;

    use super::*;

    fn of(target: Option<&'static str>, body: &'static str) -> Option<CallName> {
        let mut request = HttpRequest::new(SdkBody::from(body));
        request.set_uri("https://sqs.eu-west-1.amazonaws.com/").unwrap();
        if let Some(target) = target {
            request.headers_mut().insert("x-amz-target", target);
        }
        CallName::of(&request)
    }

    #[test]
    fn service_and_operation_stand_in_the_target_or_the_action() {
        for (target, body, wanted) in [
            (Some("AmazonSQS.SendMessageBatch"), "{}", Some(("sqs", "send_message_batch"))),
            (Some("DynamoDB_20120810.GetItem"), "{}", Some(("dynamodb", "get_item"))),
            (Some("secretsmanager.Rotate"), "{}", Some(("secretsmanager", "other"))),
            (Some("Logs_20140328.StartQuery"), "{}", None),
            (None, "Action=PublishBatch&Version=2010-03-31", Some(("sns", "publish_batch"))),
            (None, "", None),
        ] {
            let found = of(target, body);
            assert_eq!(found.as_ref().map(|it| (it.platform, it.operation)), wanted);
            assert!(found.is_none_or(|it| it.host == "sqs.eu-west-1.amazonaws.com:443"));
        }
    }

    #[test]
    fn operations_are_in_order_for_the_search() {
        assert!(OPERATIONS.is_sorted());
    }

    #[test]
    fn large_messages_are_billed_by_the_chunk() {
        let sqs = of(Some("AmazonSQS.SendMessage"), "{}").unwrap();
        assert_eq!(sqs.n_billed(10, 10), 1);
        assert_eq!(sqs.n_billed(65_537, 10), 2);
        let ledger = of(Some("DynamoDB_20120810.Query"), "{}").unwrap();
        assert_eq!(ledger.n_billed(10, 1_000_000), 1);
    }
}
