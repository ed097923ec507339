"""What the parts of scripts/terraform-local share: the peer, its org, its database, the command line."""

import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

AWS = os.environ["AWS_ENDPOINT_URL"]
POSTGRES = os.environ["MOODBRIDGE_TEST_POSTGRES"]


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


def answer_of(url: str, body: bytes | None = None, headers=None, method: str | None = None) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(urllib.request.Request(url, body, headers or {}, method=method), timeout=60) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, f"{error.headers.get('WWW-Authenticate') or ''} {error.read().decode()}"


def status_of(url: str, body: bytes | None = None, headers=None) -> int:
    return answer_of(url, body, headers)[0]


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


def token_of(org: str) -> str:
    signed_in = call(f"{org}/services/oauth2/token", {
        "grant_type": "client_credentials", "client_id": "moodbridge-sandbox", "client_secret": "sandbox-secret",
    }, form=True)
    return signed_in["access_token"]


def cases(condition: str = "true") -> int:
    return int(psql(f"SELECT count(*) FROM moodbridge.cases WHERE {condition}", "moodbridge"))


def made_of(work: Path) -> dict:
    """What Terraform says that it made."""
    return json.loads((work / "outputs.json").read_text())["moodbridge"]["value"]


def moodbridge(work: Path, *arguments: str) -> dict:
    """Runs the command as an operator would, on the queue that Terraform made."""
    made = made_of(work)
    queue = made["queue_urls"]["events"].split("://", 1)[1]
    settings = {
        **os.environ,
        "MOODBRIDGE_STORE__EVENTS_QUEUE": f"sqs://{queue}?queue=events",
        "MOODBRIDGE_DATA_DIR": str(work / "operator"),
    }
    command = [f"{os.environ['CARGO_TARGET_DIR']}/debug/moodbridge", "--json", *arguments]
    done = subprocess.run(command, check=False, capture_output=True, text=True, env=settings, cwd=work)
    if done.returncode:
        die(f"`moodbridge {' '.join(arguments)}`: {done.stderr}{done.stdout}")
    return json.loads(done.stdout)
