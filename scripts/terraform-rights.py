"""Proves that each function may do what it does and nothing else, at what scripts/terraform-local made.

`simulated`: what IAM says of rights that matter most. `exercise`: each function does what it is for.
`called`: every call that was written down is in its function's policy, and every right of the policy was
called or is used by AWS in the function's name. `refused`: under each function's own role what is
forbidden is refused, and what is allowed is not.
"""

import base64
import fnmatch
import hashlib
import hmac
import io
import json
import os
import sys
import time
import urllib.request
import zipfile
from pathlib import Path

import boto3
from botocore.exceptions import ClientError

from terraform_peer import AWS, answer_of, call, die, made_of, moodbridge, psql, tell_logs, token_of, wait_for

RECORD = Path(os.environ.get("MOODBRIDGE_AWS_RECORD", ""))
FUNCTIONS = json.loads((Path(__file__).parents[1] / "terraform/functions.json").read_text())["functions"]
SERVICES = {"sqs": "QueueUrl", "dynamodb": "TableName", "secretsmanager": "SecretId"}
# Used by AWS in the function's name: logs, keys behind services, network interfaces.
BY_AWS = ("logs:", "kms:", "ec2:")
# What the mapping from a queue to its function does with the function's role.
# Source: AWS Lambda developer guide, "Using Lambda with Amazon SQS", execution role permissions.
# Tried first, and done without where it is refused: docs/aws.md names the rights, which the module does not give.
TRIED = {"StartMessageMoveTask", "ListMessageMoveTasks", "CancelMessageMoveTask"}
# Only a record longer than any of the sandbox's makes these two put a body into S3; intake shows that it works.
BY_LENGTH = {("delta-poller", "s3:PutObject"), ("change-subscriber", "s3:PutObject")}
# Only with a warehouse the loader keeps how far it is, and only a file that fails half way is abandoned.
BY_WAREHOUSE = {("warehouse-loader", it) for it in (
    "dynamodb:GetItem", "dynamodb:Query", "dynamodb:PutItem", "s3:AbortMultipartUpload")}
# Messages of pipelines are short, and only a partition that fails hides its message or abandons its file.
BY_FAULT = {("pipeline-runner", it) for it in (
    "s3:GetObject", "s3:PutObject", "s3:ListBucket", "s3:AbortMultipartUpload", "sqs:ChangeMessageVisibility")}
# Likewise of reports; their files are read by whoever is told a link, with the rights of the one who signed it.
BY_FAULT |= {("report-builder", it) for it in (
    "s3:GetObject", "s3:PutObject", "s3:ListBucket", "s3:AbortMultipartUpload", "sqs:ChangeMessageVisibility")}
# Only a budget that is reached is written down by them: what they order and do is in the case store.
BY_BUDGET = {(it, "dynamodb:PutItem") for it in ("pipeline-runner", "report-builder")}
BY_EVENT_SOURCE = {"sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"}


def queue_arn(url: str) -> str:
    return boto3.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]


def simulated(work: Path, _org: str) -> None:
    """What each role may and may not do, as IAM evaluates it."""
    made = made_of(work)
    queues = {name: queue_arn(url) for name, url in made["queue_urls"].items()}
    queues |= {f"{name}-dead": queue_arn(url) for name, url in made["dead_letter_queues"].items()}
    secret = {name: boto3.client("secretsmanager").describe_secret(SecretId=f"moodbridge-local/{name}")["ARN"]
              for name in ("webhook-token", "salesforce", "database")}
    table = boto3.client("dynamodb").describe_table(TableName="moodbridge-local-ledger")["Table"]["TableArn"]
    wanted = [
        ("webhook-intake", "sqs:SendMessage", queues["events"], True),
        ("webhook-intake", "sqs:ReceiveMessage", queues["events"], False),
        ("webhook-intake", "secretsmanager:GetSecretValue", secret["webhook-token"], True),
        ("webhook-intake", "secretsmanager:GetSecretValue", secret["salesforce"], False),
        ("webhook-intake", "secretsmanager:GetSecretValue", secret["database"], False),
        ("sync-worker", "sqs:ReceiveMessage", queues["events"], True),
        ("sync-worker", "sqs:SendMessage", queues["events"], False),
        ("sync-worker", "sqs:SendMessage", queues["events-dead"], True),
        ("sync-worker", "secretsmanager:GetSecretValue", secret["webhook-token"], False),
        ("analytics-api", "sqs:ReceiveMessage", queues["events-dead"], True),
        ("analytics-api", "sqs:ReceiveMessage", queues["events"], False),
        ("analytics-api", "secretsmanager:GetSecretValue", secret["salesforce"], False),
        ("reconciler", "sqs:SendMessage", queues["events"], False),
        ("warehouse-loader", "sqs:SendMessage", queues["events"], False),
        ("pipeline-runner", "sqs:ReceiveMessage", queues["pipelines"], True),
        ("pipeline-runner", "sqs:SendMessage", queues["pipelines"], True),
        ("pipeline-runner", "sqs:SendMessage", queues["events"], False),
        ("analytics-api", "sqs:SendMessage", queues["pipelines"], True),
        ("analytics-api", "sqs:SendMessage", queues["reports"], True),
        ("report-builder", "sqs:ReceiveMessage", queues["reports"], True),
        ("report-builder", "sqs:SendMessage", queues["reports"], True),
        ("report-builder", "sqs:SendMessage", queues["pipelines"], False),
        ("warehouse-loader", "dynamodb:PutItem", table, True),
        ("delta-poller", "dynamodb:PutItem", table, True),
        ("webhook-intake", "dynamodb:PutItem", table, False),
    ]
    iam = boto3.client("iam")

    def may(function: str, action: str, resource: str) -> bool:
        role = made["functions"][function]["role"]
        answer = iam.simulate_principal_policy(PolicySourceArn=role, ActionNames=[action], ResourceArns=[resource])
        return answer["EvaluationResults"][0]["EvalDecision"] == "allowed"

    wrong = [f"{f} {a} {r}: {'denied' if w else 'allowed'}" for f, a, r, w in wanted if may(f, a, r) != w]
    print(f"{len(wanted) - len(wrong)} of {len(wanted)} rights are as they should be", *wrong, sep="\n")
    if wrong:
        die("a role may do what it should not, or may not do what it should")


def invoke(made: dict, name: str, may_fail: bool = False) -> None:
    """Starts a function as its schedule does."""
    event = {"version": "0", "id": "00000000-0000-4000-8000-000000000000", "detail-type": "Scheduled Event", "source": "aws.events", "detail": {}}
    function = made["functions"][name]["name"]
    answer = boto3.client("lambda").invoke(FunctionName=function, Qualifier="live", Payload=json.dumps(event))
    if "FunctionError" in answer and not may_fail:
        tell_logs()
        die(f"{name}: {answer['Payload'].read().decode()}")


def fail_next(made: dict, name: str, action: str) -> None:
    with open(f"{RECORD}.faults", "a") as file:
        file.write(f"{made['functions'][name]['name']}/{action}\n")


def exercise(work: Path, org: str) -> None:
    """Each function does what its rights are for; the webhook and the poison came before."""
    made = made_of(work)
    api = f"{AWS}/_aws/execute-api/{made['api_id']}/$default"
    hook = f"{api}/hooks/salesforce/outbound/main/{os.environ['MOODBRIDGE_TERRAFORM_TOKEN']}"

    # A batch that is not sent gives its claims up.
    fail_next(made, "webhook-intake", "sqs:SendMessageBatch")
    query = "SELECT+Id+FROM+Case+ORDER+BY+Id+DESC+LIMIT+1"
    case = call(f"{org}/services/data/v66.0/query?q={query}", token=token_of(org))["records"][0]["Id"]
    call(f"{org}/_sandbox/changes", {"changes": [{"update": {"id": case, "fields": {"Subject": "After a fault"}}}]})
    wait_for("the case whose first message was refused", 120, lambda: psql(
        f"SELECT 1 FROM moodbridge.cases WHERE record_id = '{case}' AND title = 'After a fault'", "moodbridge"))
    print("a message that the queue refused once came by the second delivery")

    # A worker that cannot reach the database hides its message longer.
    psql("ALTER DATABASE moodbridge ALLOW_CONNECTIONS false", "postgres")
    psql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'moodbridge'", "postgres")
    call(f"{org}/_sandbox/changes", {"changes": [{"update": {"id": case, "fields": {"Subject": "After an outage"}}}]})
    wait_for("a message that waits longer", 120, lambda: [
        it for it in recorded() if it["who"].endswith("sync-worker") and it["action"] == "ChangeMessageVisibility"])
    psql("ALTER DATABASE moodbridge ALLOW_CONNECTIONS true", "postgres")
    wait_for("the case after the outage", 180, lambda: psql(
        f"SELECT 1 FROM moodbridge.cases WHERE record_id = '{case}' AND title = 'After an outage'", "moodbridge"))
    print("a change that met an outage of the database was applied afterwards")

    for name in ("delta-poller", "change-subscriber"):
        invoke(made, name)
        call(f"{org}/_sandbox/changes", {"changes": [{"update": {"id": case, "fields": {"Subject": f"For {name}"}}}]})
        fail_next(made, name, "sqs:SendMessageBatch")
        invoke(made, name, may_fail=True)
        invoke(made, name)
    wait_for("what both found", 120, lambda: psql(
        f"SELECT 1 FROM moodbridge.cases WHERE record_id = '{case}' AND title = 'For change-subscriber'", "moodbridge"))
    invoke(made, "reconciler")
    invoke(made, "warehouse-loader")
    large(made, api)
    print("functions ran as their schedules start them, and took what a refused message left")
    by_api(work, made, org, api, case)


def by_api(work: Path, made: dict, org: str, api: str, case: str) -> None:
    """What a signed-in person asks for, through the API's own check of tokens and the function's."""
    issuer = os.environ["MOODBRIDGE_TERRAFORM_ISSUER"]
    token = call(f"{issuer}/token", {
        "grant_type": "client_credentials", "client_id": "moodbridge-service", "client_secret": "only-for-tests",
    }, form=True)["access_token"]

    def ask(method: str, path: str, body: bytes | None = None) -> str:
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        status, told = answer_of(f"{api}{path}", body, headers, method)
        print(f"{method} {path}: {status}")
        if status not in (200, 201, 202, 204):
            tell_logs()
            die(f"{method} {path} answered {status}: {told[:1000]}")
        return told

    for path in ("/v1/overview", "/v1/queues", "/v1/queues/events/dead-letters", "/v1/integrations", "/v1/resilience"):
        ask("GET", path)
    if not moodbridge(work, "queue", "dead")["items"]:
        die("there is no dead letter to send again")
    ask("POST", "/v1/queues/events/dead-letters/replay", b'{"all": true}')

    document(ask, case)
    pipeline(made, ask)
    report(made, ask)
    ask("PATCH", f"/v1/cases/{case}", b'{"title": "From here"}')
    ask("POST", "/v1/outbox/allow-deletes", b'{"connection": "main", "object": "Case"}')
    ask("GET", "/v1/outbox")
    invoke(made, "outbox-relay")
    there = call(f"{org}/services/data/v66.0/sobjects/Case/{case}?fields=Subject", token=token_of(org))
    if there["Subject"] != "From here":
        die(f"the case that was changed here is `{there['Subject']}` in the org")
    print(f"case {case}, changed over the API, is in the org")


def pipeline(made: dict, ask) -> None:
    """A pipeline goes from the API and from the clock over its queue to its file; what is no order is set aside and shown."""
    s3, bucket = boto3.client("s3"), made["buckets"]["pipelines"]
    at = f"s3://{bucket}/pipelines"
    definition = {"pipeline": "cases", "source": {"at": f"{at}/in/*.csv", "columns": [{"name": "id"}]},
                  "sink": {"at": f"{at}/out/{{partition}}.csv"}, "schedule": {"every": "15m"}}
    s3.put_object(Bucket=bucket, Key="pipelines/cases.yaml", Body=json.dumps(definition).encode())
    for name in ("a", "b"):
        s3.put_object(Bucket=bucket, Key=f"pipelines/in/{name}.csv", Body=f"id\n{name}\n".encode())
    run = json.loads(ask("POST", "/v1/pipelines/cases/runs", b"{}"))["id"]
    wait_for("the run of a pipeline", 180, lambda: json.loads(ask("GET", f"/v1/pipelines/runs/{run}"))["state"] == "succeeded")
    if s3.get_object(Bucket=bucket, Key="pipelines/out/b.csv")["Body"].read() != b"id\nb\n":
        die("the file of a pipeline is another one")
    invoke(made, "pipeline-runner")

    def by_clock() -> bool:
        found = json.loads(ask("GET", "/v1/pipelines/runs?pipeline=cases&limit=9"))["items"]
        return any(it["started_by"] == "schedule" and it["state"] == "succeeded" for it in found)
    wait_for("the run of a pipeline by the clock", 180, by_clock)
    boto3.client("sqs").send_message(QueueUrl=made["queue_urls"]["pipelines"], MessageBody="no order")
    dead = "/v1/queues/pipelines/dead-letters"
    wait_for("an order that was set aside", 120, lambda: json.loads(ask("GET", dead))["items"])
    ask("POST", f"{dead}/replay", b'{"all": true}')
    print(f"run {run} of a pipeline wrote a file for each of its own")


def report(made: dict, ask) -> None:
    """A report goes from the API and from the clock over its queue into its files, and its topic hears of it."""
    definition = {"report": "told", "title": "Told", "about": "What is told.", "kind": "firm", "period": "day",
                  "formats": ["html", "pdf", "csv", "parquet"], "schedule": "00:00", "deliver": ["topic"]}
    boto3.client("s3").put_object(
        Bucket=made["buckets"]["pipelines"], Key="pipelines/reports/told.yaml", Body=json.dumps(definition).encode())
    ordered = json.loads(ask("POST", "/v1/reports", b'{"report": "told"}'))["id"]
    invoke(made, "report-builder")
    for which in (f"/v1/reports/{ordered}", "/v1/reports?report=told&limit=1"):
        def ready() -> bool:
            found = json.loads(ask("GET", which))
            found = found.get("items", [found])[0]
            return found["state"] == "ready" and found["deliveries"][0]["state"] == "sent"
        wait_for("a report, and that its topic was told", 180, ready)
    link = json.loads(ask("GET", f"/v1/reports/{ordered}/link?format=pdf"))["link"]
    with urllib.request.urlopen(link["url"], timeout=60) as answer:
        if not answer.read().startswith(b"%PDF"):
            die("the link of a report leads to something else")
    boto3.client("sqs").send_message(QueueUrl=made["queue_urls"]["reports"], MessageBody="no order")
    dead = "/v1/queues/reports/dead-letters"
    wait_for("an order of a report that was set aside", 120, lambda: json.loads(ask("GET", dead))["items"])
    ask("POST", f"{dead}/replay", b'{"all": true}')
    print(f"report {ordered} was built, linked and told of")


def document(ask, case: str) -> None:
    """A document goes to S3 and back by signed links; another upload is given up."""
    content = os.urandom(300_000)
    digest = hashlib.sha256(content).hexdigest()
    named = {"name": "Petition.pdf", "media_type": "application/pdf", "size_bytes": len(content), "sha256": digest}
    of_case = json.loads(ask("GET", f"/v1/cases/{case}"))["id"]
    uploads = f"/v1/cases/{of_case}/documents/uploads"
    begun = json.loads(ask("POST", uploads, json.dumps(named).encode()))
    links = json.loads(ask("POST", f"{uploads}/{begun['upload']}/links", json.dumps({"parts": [{"number": 0, "sha256": digest}]}).encode()))
    link = links["items"][0]["link"]
    # Without a type urllib calls it a form, which the peer would read as one.
    headers = {"Content-Type": "application/octet-stream", **link["headers"]}
    sent = urllib.request.Request(link["url"], content, headers, method=link["method"])
    with urllib.request.urlopen(sent, timeout=60) as answer:
        etag = answer.headers["ETag"]
    parts = {"parts": [{"etag": etag, "sha256": digest}]}
    filed = json.loads(ask("POST", f"{uploads}/{begun['upload']}/complete", json.dumps(parts).encode()))
    link = json.loads(ask("GET", f"/v1/documents/{filed['id']}/link"))
    with urllib.request.urlopen(link["link"]["url"], timeout=60) as answer:
        if answer.read() != content:
            die("the document came back as something else")
    named["sha256"] = hashlib.sha256(b"another").hexdigest()
    begun = json.loads(ask("POST", uploads, json.dumps(named).encode()))
    ask("DELETE", f"{uploads}/{begun['upload']}")
    print(f"document {filed['id']} of case {of_case} went to S3 and back by links")


def large(made: dict, api: str) -> None:
    """A webhook that is too long for a message, and a poisonous message whose long body lies in S3."""
    key = base64.b64decode(os.environ["MOODBRIDGE_TERRAFORM_FORMS"].removeprefix("whsec_"))
    now = int(time.time())
    at = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(now))
    body = json.dumps({"type": "record.changed", "timestamp": at, "data": {
        "object": "Case", "record_id": "form-1", "change": "upsert", "version": at, "scope": "full",
        "fields": {"Subject": "A long story", "Description": "x" * 300_000},
    }})
    signature = base64.b64encode(hmac.new(key, f"msg_1.{now}.{body}".encode(), hashlib.sha256).digest()).decode()
    status, told = answer_of(f"{api}/hooks/forms", body.encode(), {
        "Content-Type": "application/json", "webhook-id": "msg_1", "webhook-timestamp": str(now), "webhook-signature": f"v1,{signature}",
    })
    if status not in (200, 202):
        tell_logs()
        die(f"a long webhook was answered with {status}: {told[:500]}")
    poison = b"no change event " * 20_000
    digest = hashlib.sha256(poison).hexdigest()
    boto3.client("s3").put_object(Bucket=made["buckets"]["messages"], Key=f"messages/{digest}", Body=poison, Metadata={"sha256": digest})
    pointer = {"moodbridge.large_body": {"key": f"messages/{digest}", "n_bytes": len(poison), "sha256": digest}}
    boto3.client("sqs").send_message(QueueUrl=made["queue_urls"]["events"], MessageBody=json.dumps(pointer, separators=(",", ":")))
    # Its body is set aside anew, and so is that of a message whose body nobody finds.
    wait_for("the worker that fetched long bodies", 60, lambda: {
        it["action"] for it in recorded() if it["who"].endswith("sync-worker") and it["service"] == "s3"} >= {"GetObject", "PutObject"})
    print("long bodies went through S3")


def recorded() -> list[dict]:
    return [json.loads(line) for line in RECORD.read_text().splitlines()] if RECORD.exists() else []


def base(action: str) -> str:
    """AWS asks for the right to the single call when a batch is sent."""
    return action.removesuffix("Batch")


def subject_of(service: str, call_: dict) -> str:
    match service:
        case "sqs":
            return "arn:aws:sqs:*:" + call_["subject"].rsplit("/", 1)[-1]
        case "dynamodb":
            return "arn:aws:dynamodb:*:table/" + call_["subject"]
        case "secretsmanager":
            return "arn:aws:secretsmanager:*:secret:" + call_["subject"] + "-XXXXXX"
        case "sns":
            return "arn:aws:sns:*:" + call_["subject"].rsplit(":", 1)[-1]
        case _:
            return "arn:aws:s3:::" + call_["subject"]


def is_of(right: str, subject: str) -> bool:
    """Whether a right's resource is what a call was about; accounts and regions are all the same here."""
    if right.startswith("arn:aws:s3:::"):
        return subject == right.split("/")[0]
    tail = ":".join(right.split(":")[5:]) if right.startswith("arn:aws:s") or right.startswith("arn:aws:d") else right
    return fnmatch.fnmatchcase(subject.split(":*:", 1)[-1], tail)


def called(work: Path, _org: str) -> None:
    made, iam = made_of(work), boto3.client("iam")
    faults = []
    n_rights = n_calls = 0
    for function in FUNCTIONS:
        name = function["name"]
        role = made["functions"][name]["role"].rsplit("/", 1)[1]
        rights = set()
        for policy in iam.list_role_policies(RoleName=role)["PolicyNames"]:
            for statement in iam.get_role_policy(RoleName=role, PolicyName=policy)["PolicyDocument"]["Statement"]:
                if statement["Effect"] == "Allow":
                    rights |= {(base(a), r) for a in statement["Action"] for r in statement["Resource"]}
        calls = {
            (f"{it['service']}:{base(it['action'])}", subject_of(it["service"], it))
            for it in recorded() if it["who"] == made["functions"][name]["name"] and it["action"] not in TRIED
        }
        n_calls += len(calls)
        for action, subject in sorted(calls):
            if not any(action == a and is_of(r, subject) for a, r in rights):
                faults.append(f"{name} called {action} on {subject}, which its policy does not name")
        trigger = function["trigger"].removeprefix("queue:") if function["trigger"].startswith("queue:") else None
        for action, resource in sorted(rights):
            if action.startswith(BY_AWS):
                continue
            if trigger and action in BY_EVENT_SOURCE and resource == queue_arn(made["queue_urls"][trigger]):
                continue
            if (name, action) in BY_LENGTH | BY_WAREHOUSE | BY_FAULT | BY_BUDGET:
                continue
            n_rights += 1
            # S3 asks for it when an object that is not there is looked for: else it says that it is forbidden.
            seen = "s3:GetObject" if action == "s3:ListBucket" else action
            if not any(seen == a and is_of(resource, s) for a, s in calls):
                faults.append(f"{name} may {action} on {resource}, and never did")
    others = {it["who"] for it in recorded()} - {it["name"] for it in made["functions"].values()} - {""}
    if others:
        faults.append(f"somebody called who is no function: {others}")
    print(f"{n_calls} kinds of calls, {n_rights} rights", *faults, sep="\n")
    if not n_calls or faults:
        die("what the functions called and what they may call is not the same")


PROBE = """
import os
def handler(event, context):
    return {key: os.environ.get(key) for key in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")}
"""


def credentials_of(name: str, role: str) -> dict:
    """The credentials that the peer hands to a function with `role`."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("probe.py", PROBE)
    functions = boto3.client("lambda")
    functions.create_function(FunctionName=name, Role=role, Runtime="python3.12", Handler="probe.handler", Code={"ZipFile": packed.getvalue()})
    try:
        for _ in range(20):
            answer = functions.invoke(FunctionName=name)
            told = json.loads(answer["Payload"].read())
            if "AWS_ACCESS_KEY_ID" in told:
                return dict(zip(("aws_access_key_id", "aws_secret_access_key", "aws_session_token"), told.values()))
            time.sleep(0.5)
        die(f"the peer did not run a probe under {role}: {told}")
    finally:
        functions.delete_function(FunctionName=name)
        logs = boto3.client("logs")
        for group in logs.describe_log_groups(logGroupNamePrefix=f"/aws/lambda/{name}")["logGroups"]:
            logs.delete_log_group(logGroupName=group["logGroupName"])


def refused(work: Path, _org: str) -> None:
    made = made_of(work)
    secrets = {"database", "forms", "salesforce", "webhook-token"}
    faults, n = [], 0
    for function in FUNCTIONS:
        name = function["name"]
        session = boto3.Session(**credentials_of(f"probe-{name}", made["functions"][name]["role"]))
        mine = {it["subject"].rsplit("/", 1)[1] for it in recorded() if it["service"] == "secretsmanager" and it["who"] == made["functions"][name]["name"]}
        secret = lambda it: session.client("secretsmanager").get_secret_value(SecretId=f"moodbridge-local/{it}")
        forbidden = {
            "sqs:PurgeQueue": lambda: session.client("sqs").purge_queue(QueueUrl=made["queue_urls"]["events"]),
            "dynamodb:Scan": lambda: session.client("dynamodb").scan(TableName="moodbridge-local-ledger"),
            "s3:ListBucket": lambda: session.client("s3").list_objects_v2(Bucket=made["buckets"]["artefacts"]),
            "s3:DeleteObject": lambda: session.client("s3").delete_object(Bucket=made["buckets"]["documents"], Key="documents/a"),
            "iam:ListRoles": lambda: session.client("iam").list_roles(),
            **{f"secretsmanager:GetSecretValue {it}": (lambda it=it: secret(it)) for it in sorted(secrets - mine)},
        }
        for what, attempt in forbidden.items():
            n += 1
            try:
                attempt()
                faults.append(f"{name} was not refused {what}")
            except ClientError as error:
                if not error.response["Error"]["Code"].startswith("AccessDenied"):
                    faults.append(f"{name}, {what}: {error}")
        for it in sorted(mine):
            try:
                secret(it)
            except ClientError as error:
                faults.append(f"{name} was refused its own secret {it}: {error}")
        if not mine:
            faults.append(f"{name} read no secret, so nothing shows that its role works")
    print(f"{n} forbidden calls were made under {len(FUNCTIONS)} roles", *faults, sep="\n")
    if faults:
        die("a role is not what it should be")


if __name__ == "__main__":
    {"simulated": simulated, "exercise": exercise, "called": called, "refused": refused}[sys.argv[1]](Path(sys.argv[2]), sys.argv[3])
