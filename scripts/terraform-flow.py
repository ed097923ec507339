"""Sends a case through what scripts/terraform-local made: org, API, function, queue, function, row."""

import hashlib
import json
import os
import re
import secrets
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
import zipfile
from pathlib import Path

AWS = os.environ["AWS_ENDPOINT_URL"]
POSTGRES = os.environ["MOODBRIDGE_TEST_POSTGRES"]
FIELDS = ["Id", "SystemModstamp", "LastModifiedDate", "CreatedDate", "CaseNumber", "Subject", "Status", "Priority", "IsClosed"]


def die(what: str) -> None:
    sys.exit(f"error: {what}")


def call(url: str, body=None, token: str | None = None, form: bool = False):
    """Asks for JSON, with a body as JSON or as a form."""
    headers = {"Accept": "application/json"}
    data = None
    if body is not None:
        data = urllib.parse.urlencode(body).encode() if form else json.dumps(body).encode()
        headers["Content-Type"] = "application/x-www-form-urlencoded" if form else "application/json"
    if token:
        headers["Authorization"] = f"Bearer {token}"
    with urllib.request.urlopen(urllib.request.Request(url, data, headers), timeout=60) as answer:
        text = answer.read()
    return json.loads(text) if text.strip() else None


def status_of(url: str, body: bytes | None = None, headers=None) -> int:
    try:
        with urllib.request.urlopen(urllib.request.Request(url, body, headers or {}), timeout=60) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code


def psql(sql: str, database: str) -> str:
    address = urllib.parse.urlsplit(POSTGRES)
    host = urllib.parse.parse_qs(address.query)["host"][0]
    command = ["psql", "-qAtX", "-v", "ON_ERROR_STOP=1", "-h", host, "-p", str(address.port), "-U", "postgres", "-d", database, "-c", sql]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def wait_for(what: str, seconds: int, ask):
    """Asks until there is an answer."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        found = ask()
        if found:
            return found
        time.sleep(1)
    tell_logs()
    die(f"{what}: not within {seconds} s")


def tell_logs() -> None:
    """Prints the last lines of each function's log."""
    listing = os.environ.get("MOODBRIDGE_TERRAFORM_PYTHON")
    if not listing:
        return
    script = """
import boto3
logs = boto3.client("logs")
for group in logs.describe_log_groups(logGroupNamePrefix="/aws/lambda/")["logGroups"]:
    name = group["logGroupName"]
    events = logs.filter_log_events(logGroupName=name)["events"][-12:]
    for event in events:
        print(name, event["message"].strip()[:600])
"""
    subprocess.run([listing, "-c", script], check=False)


def prepare(work: Path, org: str) -> None:
    """Makes a database and a role, its tables, and the variables that Terraform is run with."""
    password, token = secrets.token_hex(16), secrets.token_hex(16)
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
        "secrets": json.dumps({"database": password, "salesforce": "sandbox-secret", "webhook-token": token}),
        "connections": json.dumps([{
            "platform": "salesforce", "connection": "main", "login_url": org,
            "auth": {"flow": "client_credentials", "client_id": "moodbridge-sandbox", "client_secret": "secretsmanager:moodbridge-local/salesforce"},
        }]),
        "intake": json.dumps({"connections": [{
            "name": "main", "organization_id": organization, "tokens": ["secretsmanager:moodbridge-local/webhook-token"],
        }]}),
        "environment_variables": json.dumps({"LOG_LEVEL": "info"}),
    }
    lines = [f"TF_VAR_{name}='{value}'" for name, value in variables.items()]
    lines += [f"MOODBRIDGE_TERRAFORM_TOKEN={token}"]
    (work / "variables").write_text("\n".join(lines) + "\n")


def token_of(org: str) -> str:
    signed_in = call(f"{org}/services/oauth2/token", {
        "grant_type": "client_credentials", "client_id": "moodbridge-sandbox", "client_secret": "sandbox-secret",
    }, form=True)
    return signed_in["access_token"]


def cases(condition: str = "true") -> int:
    return int(psql(f"SELECT count(*) FROM moodbridge.cases WHERE {condition}", "moodbridge"))


def webhook(work: Path, org: str) -> None:
    """The org sends an outbound message to the API; the case must become a row."""
    made = json.loads((work / "outputs.json").read_text())["moodbridge"]["value"]
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


RIGHTS = """
import boto3, json, sys
made = json.load(open(sys.argv[1]))["moodbridge"]["value"]
arn = {}
for name, url in {**made["queue_urls"], **{f"{k}-dead": v for k, v in made["dead_letter_queues"].items()}}.items():
    arn[name] = boto3.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
iam = boto3.client("iam")
def may(function, action, resource):
    answer = iam.simulate_principal_policy(PolicySourceArn=made["functions"][function]["role"], ActionNames=[action], ResourceArns=[resource])
    return answer["EvaluationResults"][0]["EvalDecision"] == "allowed"
secret = lambda name: boto3.client("secretsmanager").describe_secret(SecretId=f"moodbridge-local/{name}")["ARN"]
WANTED = [
    ("webhook-intake", "sqs:SendMessage", arn["events"], True),
    ("webhook-intake", "sqs:ReceiveMessage", arn["events"], False),
    ("webhook-intake", "secretsmanager:GetSecretValue", secret("webhook-token"), True),
    ("webhook-intake", "secretsmanager:GetSecretValue", secret("salesforce"), False),
    ("webhook-intake", "secretsmanager:GetSecretValue", secret("database"), False),
    ("sync-worker", "sqs:ReceiveMessage", arn["events"], True),
    ("sync-worker", "sqs:SendMessage", arn["events"], False),
    ("sync-worker", "sqs:SendMessage", arn["events-dead"], True),
    ("sync-worker", "secretsmanager:GetSecretValue", secret("webhook-token"), False),
    ("analytics-api", "sqs:ReceiveMessage", arn["events-dead"], True),
    ("analytics-api", "sqs:ReceiveMessage", arn["events"], False),
    ("analytics-api", "secretsmanager:GetSecretValue", secret("salesforce"), False),
    ("reconciler", "sqs:SendMessage", arn["events"], False),
    ("delta-poller", "dynamodb:PutItem", "arn:aws:dynamodb:us-east-1:000000000000:table/moodbridge-local-ledger", True),
    ("webhook-intake", "dynamodb:PutItem", "arn:aws:dynamodb:us-east-1:000000000000:table/moodbridge-local-ledger", False),
]
wrong = [f"{f} {a} {r}: {'allowed' if not w else 'denied'}" for f, a, r, w in WANTED if may(f, a, r) != w]
print(f"{len(WANTED) - len(wrong)} of {len(WANTED)} rights are as they should be", *wrong, sep=chr(10))
sys.exit(1 if wrong else 0)
"""


def rights(work: Path, _org: str) -> None:
    """What each role may and may not do, as IAM evaluates it."""
    python = os.environ["MOODBRIDGE_TERRAFORM_PYTHON"]
    if subprocess.run([python, "-c", RIGHTS, str(work / "outputs.json")], check=False).returncode:
        die("a role may do what it should not, or may not do what it should")


def moodbridge(work: Path, *arguments: str) -> dict:
    """Runs the command as an operator would, on the queue that Terraform made."""
    made = json.loads((work / "outputs.json").read_text())["moodbridge"]["value"]
    queue = made["queue_urls"]["events"].split("://", 1)[1]
    settings = {
        **os.environ,
        "MOODBRIDGE_STORE__EVENTS_QUEUE": f"sqs://{queue}?queue=events",
        "MOODBRIDGE_DATA_DIR": str(work / "operator"),
    }
    command = [f"{os.environ['CARGO_TARGET_DIR']}/debug/moodbridge", "--json", *arguments]
    done = subprocess.run(command, check=False, capture_output=True, text=True, env=settings, cwd=work)
    if done.returncode:
        die(f"`moodbridge {' '.join(arguments)}`: {done.stderr}")
    return json.loads(done.stdout)


def poison(work: Path, _org: str) -> None:
    """A message that can never succeed is dead at once, with its reason, and again when it is sent again."""
    made = json.loads((work / "outputs.json").read_text())["moodbridge"]["value"]
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
    {"prepare": prepare, "rights": rights, "webhook": webhook, "poison": poison, "schedule": schedule, "deploy": deploy, "gone": gone}[sys.argv[1]](Path(sys.argv[2]), sys.argv[3])
