#!/usr/bin/env python3
"""Times the start of functions as Lambda times it: from exec to the first question for work, and to the first answer.

Stands for the runtime interface of Lambda (AWS Lambda developer guide, "Using the Lambda runtime API")
in front of each function, one process a run, in turns. Queue, table and secret are real ones of the AWS
that AWS_ENDPOINT_URL names.
"""

import argparse
import http.server
import json
import os
import pathlib
import signal
import statistics
import subprocess
import tempfile
import threading
import time
import uuid

import boto3

TOKEN = "sample-path-token-0123456789abcdef"
ROOT = pathlib.Path(__file__).resolve().parents[2]


class Runtime(http.server.ThreadingHTTPServer):
    """One runtime interface: hands out one event at a time, and keeps when what was asked."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked = threading.Event()
        self.answered = threading.Event()
        self.event = None
        self.has_event = threading.Event()
        self.asked_at = self.answered_at = None
        self.answer = None
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def address(self):
        return f"127.0.0.1:{self.server_address[1]}"


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def reply(self, status, body=b"", headers=()):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        now = time.perf_counter()
        runtime = self.server
        if runtime.asked_at is None:
            runtime.asked_at = now
        runtime.asked.set()
        if not runtime.has_event.wait(60):
            return
        runtime.has_event.clear()
        headers = [
            ("Lambda-Runtime-Aws-Request-Id", str(uuid.uuid4())),
            ("Lambda-Runtime-Deadline-Ms", str(int(time.time() * 1000) + 10_000)),
            ("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:us-east-1:000000000000:function:bench"),
            ("Lambda-Runtime-Trace-Id", "Root=1-69059f60-1de4d666d4dd26aced652b6c"),
            ("Content-Type", "application/json"),
        ]
        self.reply(200, runtime.event, headers)

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.headers.get("Transfer-Encoding") == "chunked":
            body = self.chunks()
        runtime = self.server
        runtime.answered_at = time.perf_counter()
        runtime.answer = (self.path, body)
        runtime.answered.set()
        self.reply(202)

    def chunks(self):
        body = b""
        while size := int(self.rfile.readline().split(b";")[0], 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body


def rss_mb(pid):
    lines = pathlib.Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(it.split()[1]) for it in lines if it.startswith("VmRSS")) / 1024


def cpu_ms(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) * 1000 / os.sysconf("SC_CLK_TCK")


def once(command, env, event):
    """Starts one process, and returns what it took in ms and MB."""
    runtime = Runtime()
    with tempfile.TemporaryFile() as log:
        began = time.perf_counter()
        process = subprocess.Popen(
            command, env={**env, "AWS_LAMBDA_RUNTIME_API": runtime.address}, stdout=log, stderr=log, start_new_session=True
        )
        try:
            if not runtime.asked.wait(30):
                log.seek(0)
                raise SystemExit(f"{command[0]} asks for no work: {log.read().decode()[-2000:]}")
            init = (runtime.asked_at - began) * 1000
            # What goes on behind the first question is part of what an idle function holds.
            time.sleep(0.3)
            idle = rss_mb(process.pid)
            if event is None:
                return {"init": init, "idle": idle}
            runtime.event = event
            handed = time.perf_counter()
            runtime.has_event.set()
            if not runtime.answered.wait(30):
                raise SystemExit(f"{command[0]} does not answer")
            path, body = runtime.answer
            status = json.loads(body).get("statusCode") if path.endswith("/response") else None
            if status != 202:
                log.seek(0)
                raise SystemExit(f"{command[0]} answered {path} {body.decode()[:500]}\n{log.read().decode()[-2000:]}")
            return {
                "init": init, "idle": idle, "first": (runtime.answered_at - handed) * 1000,
                "after": rss_mb(process.pid), "cpu": cpu_ms(process.pid),
            }
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            runtime.shutdown()
            runtime.server_close()


def change(idx):
    """The sample change, as a transaction of its own."""
    event = json.loads((ROOT / "events/aws/function-url-change-event.json").read_text())
    body = json.loads(event["body"])
    header = body["detail"]["payload"]["ChangeEventHeader"]
    header["transactionKey"] = str(uuid.uuid4())
    event["body"] = json.dumps(body)
    return json.dumps(event).encode()


def peer():
    """Makes queue, table and secret, and returns how each function is told of them."""
    name = f"bench-{uuid.uuid4().hex[:8]}"
    url = boto3.client("sqs").create_queue(QueueName=name)["QueueUrl"]
    boto3.client("dynamodb").create_table(
        TableName=name, BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
    )
    boto3.client("secretsmanager").create_secret(Name=name, SecretString=TOKEN)
    usual = {
        "PATH": os.environ["PATH"], "AWS_LAMBDA_FUNCTION_NAME": "bench", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "128",
        "AWS_LAMBDA_FUNCTION_VERSION": "1", "AWS_LAMBDA_LOG_GROUP_NAME": "bench", "AWS_LAMBDA_LOG_STREAM_NAME": "bench",
        "POWERTOOLS_TRACE_DISABLED": "1", "AWS_EXECUTION_ENV": "AWS_Lambda",
    }
    usual |= {key: value for key, value in os.environ.items() if key.startswith("AWS_")}
    theirs = usual | {"QUEUE_URL": url, "TABLE": name, "TOKEN_SECRET": name}
    intake = {"connections": [{"name": "main", "organization_id": "00D5f000000ABCD", "tokens": [f"secretsmanager:{name}"]}]}
    ours = usual | {
        "EVENTS_QUEUE": f"sqs://{url.split('://', 1)[1]}?queue=events&dedupe={name}", "INTAKE_SETTINGS": json.dumps(intake),
        "LOG_FORMAT": "json", "CASE_STORE": "postgres://nobody@127.0.0.1:9/none?password=env:NONE", "NONE": "none",
        "LEDGER": f"dynamodb:{name}", "IDENTITY_ISSUER": "http://127.0.0.1:9", "IDENTITY_AUDIENCE": "moodbridge",
        "CONNECTIONS": json.dumps([{
            "platform": "salesforce", "connection": "main", "login_url": "http://127.0.0.1:9",
            "auth": {"flow": "client_credentials", "client_id": "none", "client_secret": f"secretsmanager:{name}"},
        }]),
    }
    return ours, theirs


def main():
    parse = argparse.ArgumentParser(description=__doc__)
    parse.add_argument("--runs", type=int, default=20)
    parse.add_argument("--ours", type=pathlib.Path, required=True, help="folder with our binaries")
    parse.add_argument("--python", required=True, help="python that has the peer's packages")
    parse.add_argument("--node", type=pathlib.Path, required=True, help="folder with the peer in JavaScript")
    parse.add_argument("--functions", nargs="*", default=[], help="others of ours, whose start alone is timed")
    args = parse.parse_args()
    ours, theirs = peer()
    peers = ROOT / "scripts/bench/coldstart"
    node = ["node", str(args.node / "node_modules/aws-lambda-ric/bin/index.mjs"), "bundle.handler"]
    contestants = {
        "webhook-intake": ([str(args.ours / "webhook-intake")], ours, True),
        "Python, Powertools": ([args.python, "-m", "awslambdaric", "handler.handler"], theirs | {"LAMBDA_TASK_ROOT": str(peers), "PYTHONPATH": str(peers)}, True),
        "Node, Powertools": (node, theirs | {"LAMBDA_TASK_ROOT": str(args.node), "NODE_OPTIONS": "--enable-source-maps=false"}, True),
    }
    contestants |= {name: ([str(args.ours / name)], ours, False) for name in args.functions}
    seen = {name: [] for name in contestants}
    for run in range(args.runs + 1):
        for name, (command, env, is_asked) in contestants.items():
            cwd = args.node if command[0] == "node" else peers
            os.chdir(cwd)
            it = once(command, env, change(run) if is_asked else None)
            # The first start fills the file cache, for all alike.
            if run:
                seen[name].append(it)
        print(f"run {run} of {args.runs}", end="\r", flush=True)
    print(f"\n{args.runs} starts each, in turns; median (worst)\n")
    print("| function | exec to first question, ms | first answer, ms | CPU to there, ms | idle MB | MB after it |")
    print("|---|---|---|---|---|---|")
    for name, runs in seen.items():
        def cell(key, form):
            values = [it[key] for it in runs if key in it]
            return f"{statistics.median(values):{form}} ({max(values):{form}})" if values else ""
        print(f"| {name} | {cell('init', '.1f')} | {cell('first', '.1f')} | {cell('cpu', '.0f')} | {cell('idle', '.1f')} | {cell('after', '.1f')} |")


main()
