"""Takes a change by webhook the way AWS Lambda Powertools for Python does it: the peer of webhook-intake."""

import hmac
import json
import os

import boto3
from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.event_handler import LambdaFunctionUrlResolver, Response
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities import parameters
from aws_lambda_powertools.utilities.idempotency import DynamoDBPersistenceLayer, IdempotencyConfig, idempotent_function

logger = Logger(service="webhook-intake")
metrics = Metrics(namespace="Bench", service="webhook-intake")
app = LambdaFunctionUrlResolver()
sqs = boto3.client("sqs")
store = DynamoDBPersistenceLayer(table_name=os.environ["TABLE"])


@idempotent_function(data_keyword_argument="change", persistence_store=store, config=IdempotencyConfig(event_key_jmespath="key"))
def queue(change: dict) -> str:
    return sqs.send_message(QueueUrl=os.environ["QUEUE_URL"], MessageBody=json.dumps(change["body"]))["MessageId"]


@app.post("/hooks/salesforce/changes/<connection>/<token>")
def take(connection: str, token: str) -> Response:
    if not hmac.compare_digest(token, parameters.get_secret(os.environ["TOKEN_SECRET"])):
        return Response(404, "text/plain", "")
    body = app.current_event.json_body
    record = body["detail"]["payload"]["ChangeEventHeader"]
    queue(change={"key": f"{connection}:{record['transactionKey']}:{record['sequenceNumber']}", "body": body})
    metrics.add_metric(name="events", unit=MetricUnit.Count, value=1)
    logger.info("queued", connection=connection)
    return Response(202, "application/json", "{}")


@logger.inject_lambda_context
@metrics.log_metrics
def handler(event: dict, context) -> dict:
    return app.resolve(event, context)
