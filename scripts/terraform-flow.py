"""Sends a case through what scripts/terraform-local made: org, API, function, queue, function, row."""

import base64
import hashlib
import json
import os
import re
import secrets
import subprocess
import sys
import time
import urllib.parse
import zipfile
from pathlib import Path

from terraform_peer import AWS, POSTGRES, call, cases, die, made_of, moodbridge, psql, status_of, tell_logs, token_of, wait_for

FIELDS = ["Id", "SystemModstamp", "LastModifiedDate", "CreatedDate", "CaseNumber", "Subject", "Status", "Priority", "IsClosed"]


def prepare(work: Path, org: str) -> None:
    """Makes a database and a role, its tables, and the variables that Terraform is run with."""
    password, token = secrets.token_hex(16), secrets.token_hex(16)
    forms = "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()
    psql(f"CREATE ROLE moodbridge LOGIN PASSWORD '{password}'", "postgres")
    psql("CREATE DATABASE moodbridge OWNER moodbridge", "postgres")
    port = urllib.parse.urlsplit(POSTGRES).port
    store = f"postgres://moodbridge@localhost:{port}/moodbridge?password="
    target = os.environ["CARGO_TARGET_DIR"]
    subprocess.run(
        [f"{target}/debug/moodbridge", "--data-dir", str(work / "data"), "--log", "warn", "db", "migrate"],
        env={**os.environ, "MOODBRIDGE_STORE__CASES": f"{store}env:CASE_STORE_PASSWORD", "CASE_STORE_PASSWORD": password},
        check=True,
        stdout=subprocess.DEVNULL,
    )
    signed_in = call(f"{org}/services/oauth2/token", {
        "grant_type": "client_credentials", "client_id": "moodbridge-sandbox", "client_secret": "sandbox-secret",
    }, form=True)
    organization = signed_in["id"].split("/")[-2]
    variables = {
        "case_store": f"{store}secretsmanager:moodbridge-local/database",
        "secrets": json.dumps({"database": password, "salesforce": "sandbox-secret", "webhook-token": token, "forms": forms,
                               "lake-mask": secrets.token_hex(16)}),
        "connections": json.dumps([{
            "platform": "salesforce", "connection": "main", "login_url": org,
            "auth": {"flow": "client_credentials", "client_id": "moodbridge-sandbox", "client_secret": "secretsmanager:moodbridge-local/salesforce"},
            "events": {"endpoint": os.environ["MOODBRIDGE_TERRAFORM_EVENTS"]},
        }]),
        "intake": json.dumps({"connections": [{
            "name": "main", "organization_id": organization, "tokens": ["secretsmanager:moodbridge-local/webhook-token"],
        }], "sources": [{"name": "forms", "secrets": ["secretsmanager:moodbridge-local/forms"]}]}),
        "environment_variables": json.dumps({"LOG_LEVEL": "info", "EVENTS_QUIET": "1s"}),
    }
    lines = [f"TF_VAR_{name}='{value}'" for name, value in variables.items()]
    lines += [f"MOODBRIDGE_TERRAFORM_TOKEN={token}", f"MOODBRIDGE_TERRAFORM_FORMS={forms}"]
    (work / "variables").write_text("\n".join(lines) + "\n")


def webhook(work: Path, org: str) -> None:
    """The org sends an outbound message to the API; the case must become a row."""
    made = made_of(work)
    # The peer answers for an API below this path; its own name would need a resolver.
    api = f"{AWS}/_aws/execute-api/{made['api_id']}/$default"
    path = f"/hooks/salesforce/outbound/main/{os.environ['MOODBRIDGE_TERRAFORM_TOKEN']}"
    wrong = status_of(f"{api}/hooks/salesforce/outbound/main/{'0' * 32}", b"<x/>", {"Content-Type": "text/xml"})
    if wrong not in (401, 403, 404):
        tell_logs()
        die(f"a wrong token was answered with {wrong}")
    refused = status_of(f"{api}/v1/overview")
    if refused != 401:
        die(f"the API without a token answered {refused}")

    call(f"{org}/_sandbox/subscriptions", {"kind": "outbound_message", "objects": ["Case"], "fields": FIELDS, "url": api + path})
    token = token_of(org)
    query = urllib.parse.quote("SELECT Id FROM Case ORDER BY Id LIMIT 1")
    case = call(f"{org}/services/data/v66.0/query?q={query}", token=token)["records"][0]["Id"]
    began = time.monotonic()
    call(f"{org}/_sandbox/changes", {"changes": [{"update": {"id": case, "fields": {"Subject": "Through Terraform"}}}]})
    wait_for("the case as a row", 90, lambda: cases(f"record_id = '{case}' AND title = 'Through Terraform'"))
    print(f"case {case}: org, API, webhook-intake, queue, sync-worker, row in {time.monotonic() - began:.1f} s")

    url = made["webhook_url"]
    name = re.sub(r"^https?://([^.]+)\..*", r"\1", url)
    host = f"{name}.lambda-url.{os.environ['AWS_REGION']}.on.aws"
    by_url = status_of(f"{AWS}/hooks/salesforce/outbound/main/{'0' * 32}", b"<x/>", {"Content-Type": "text/xml", "Host": host})
    print(f"function URL: a wrong token is answered with {by_url}")
    if by_url not in (401, 403, 404):
        die(f"the function URL answered {by_url}")


def poison(work: Path, _org: str) -> None:
    """A message that can never succeed is dead at once, with its reason, and again when it is sent again."""
    made = made_of(work)
    python = os.environ["MOODBRIDGE_TERRAFORM_PYTHON"]
    script = f"import boto3; boto3.client('sqs').send_message(QueueUrl='{made['queue_urls']['events']}', MessageBody='no change event')"
    subprocess.run([python, "-c", script], check=True)

    def dead() -> list:
        return moodbridge(work, "queue", "dead")["items"]

    began = time.monotonic()
    first = wait_for("the dead letter", 60, dead)
    if len(first) != 1 or first[0]["body"] != "no change event" or first[0]["n_attempts"] != 1:
        die(f"dead letters: {first}")
    print(f"poison is dead after {time.monotonic() - began:.1f} s and one attempt: {first[0]['reason']}")
    replayed = moodbridge(work, "queue", "replay", "--all")
    print(f"sent again: {replayed}")
    again = wait_for("the dead letter once more", 60, lambda: [it for it in dead() if it["id"] != first[0]["id"]])
    print(f"dead again: {again[0]['reason']}")


def schedule(_work: Path, org: str) -> None:
    """The rule starts the poller, which finds all cases of the org."""
    wanted = call(f"{org}/_sandbox/counts")
    n_wanted = next((it for it in (wanted.get("Case"), wanted.get("cases")) if it), None)
    if isinstance(n_wanted, dict):
        n_wanted = n_wanted.get("live") or next(iter(n_wanted.values()))
    if isinstance(n_wanted, list):
        n_wanted = n_wanted[0]
    n_wanted = n_wanted or 200
    began = time.monotonic()
    wait_for(f"{n_wanted} cases by the schedule", 300, lambda: cases("NOT is_deleted") >= n_wanted)
    print(f"{cases('NOT is_deleted')} cases by the schedule of delta-poller in {time.monotonic() - began:.1f} s")


def news(work: Path, _org: str) -> None:
    """S3 tells a queue that it took an object, under the key as the sender wrote it."""
    made = made_of(work)
    script = f"""
import boto3, json, time, urllib.parse
s3, sqs, queue = boto3.client("s3"), boto3.client("sqs"), {made["news_queue_urls"]["documents"]!r}
# The peer lists keys as they are where the provider asks for them encoded: no `%` and no `+`.
key = "documents/told/deed of gift (ü, ä).txt"
sent = s3.put_object(Bucket={made["buckets"]["documents"]!r}, Key=key, Body=b"a deed")
s3.put_object(Bucket={made["buckets"]["documents"]!r}, Key="elsewhere/a", Body=b"not told")
told, until = [], time.monotonic() + 30
while time.monotonic() < until and not told:
    for message in sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=2, MaxNumberOfMessages=10).get("Messages", []):
        told += [it["s3"]["object"] for it in json.loads(message["Body"]).get("Records", [])]
        sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
keys = [urllib.parse.unquote_plus(it["key"]) for it in told]
assert keys == [key], told
assert told[0]["size"] == 6, told
cors = s3.get_bucket_cors(Bucket={made["buckets"]["documents"]!r})["CORSRules"][0]
assert cors["AllowedOrigins"] == ["https://cases.firm.example"], cors
print("S3 told the queue of", keys[0])
"""
    done = subprocess.run([os.environ["MOODBRIDGE_TERRAFORM_PYTHON"], "-c", script], check=False, capture_output=True, text=True)
    if done.returncode:
        die(f"news of a document: {done.stderr}")
    print(done.stdout.strip())


def deploy(work: Path, _org: str) -> None:
    """New packages go live by the command; each function must say that it is sound, by its own rights."""
    packages = []
    for path in sorted((work / "zips").glob("*.zip")):
        with zipfile.ZipFile(path, "a") as archive:
            archive.comment = b"another build"
        packages.append({"function": path.stem, "archive": path.name, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()})
    (work / "zips" / "packages.json").write_text(json.dumps(packages))
    place = ["deploy", "--cloud", "aws", "--environment", "local", "--packages", str(work / "zips")]
    done = moodbridge(work, *place, "--steps", "50,100", "--watch", "1s")
    if done["outcome"] != "deployed" or len(done["functions"]) != len(packages):
        die(f"the deployment: {done}")
    print(f"{len(packages)} functions are deployed by the command")


def gone(_work: Path, _org: str) -> None:
    """Nothing of the deployment may be left at the peer."""
    python = os.environ["MOODBRIDGE_TERRAFORM_PYTHON"]
    script = """
import boto3
left = []
left += [it["FunctionName"] for it in boto3.client("lambda").list_functions()["Functions"]]
left += boto3.client("sqs").list_queues().get("QueueUrls", [])
left += boto3.client("dynamodb").list_tables()["TableNames"]
left += [it["Name"] for it in boto3.client("s3").list_buckets()["Buckets"]]
left += [it["RoleName"] for it in boto3.client("iam").list_roles()["Roles"] if it["RoleName"].startswith("moodbridge-")]
left += [it["Name"] for it in boto3.client("secretsmanager").list_secrets()["SecretList"]]
left += [it["Name"] for it in boto3.client("events").list_rules()["Rules"]]
left += [it["logGroupName"] for it in boto3.client("logs").describe_log_groups()["logGroups"]]
left += [it["Name"] for it in boto3.client("apigatewayv2").get_apis()["Items"]]
left += [it["AlarmName"] for it in boto3.client("cloudwatch").describe_alarms()["MetricAlarms"]]
print(chr(10).join(left))
"""
    left = subprocess.run([python, "-c", script], check=True, capture_output=True, text=True).stdout.split()
    if left:
        die(f"left at the peer: {', '.join(left)}")
    print("nothing is left")


if __name__ == "__main__":
    {"prepare": prepare, "webhook": webhook, "poison": poison, "schedule": schedule, "news": news, "deploy": deploy, "gone": gone}[sys.argv[1]](Path(sys.argv[2]), sys.argv[3])
