"""Stands between functions and an AWS on this machine, and writes down each call: who, what, on what.

`scripts/aws-recorder.py PORT UPSTREAM FILE`. One JSON line a call. Who calls is the application's name
in the user agent (`app/NAME`, from AWS_SDK_UA_APP_ID), the service is the one that the request is signed
for (AWS Signature Version 4). A line in FILE.faults, such as `moodbridge-local-webhook-intake/sqs:SendMessageBatch`,
makes the next such call fail without being handed on; the line is taken out.
"""

import http.client
import http.server
import json
import pathlib
import re
import sys
import threading
import urllib.parse

UPSTREAM = urllib.parse.urlsplit(sys.argv[2])
FILE = pathlib.Path(sys.argv[3])
FAULTS = pathlib.Path(sys.argv[3] + ".faults")
LOCK = threading.Lock()
HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length"}
# Where each service names what a call is about.
SUBJECTS = {"sqs": "QueueUrl", "dynamodb": "TableName", "secretsmanager": "SecretId", "sns": "TopicArn"}
S3_ACTIONS = {"GET": "GetObject", "HEAD": "GetObject", "PUT": "PutObject", "POST": "PutObject", "DELETE": "DeleteObject"}


def described(method: str, path: str, headers, body: bytes) -> dict:
    signed = re.search(r"Credential=[^/]+/\d+/[^/]+/([^/]+)/aws4_request", headers.get("Authorization", ""))
    service = signed[1] if signed else ""
    who = re.search(r"\bapp/(\S+)", headers.get("User-Agent", "") + " " + headers.get("x-amz-user-agent", ""))
    target = headers.get("X-Amz-Target", "")
    if not service:
        # A signed link, which its holder follows.
        return {"who": "", "service": "", "action": method, "subject": ""}
    if service == "s3":
        bucket, _, key = urllib.parse.unquote(path.split("?")[0]).lstrip("/").partition("/")
        is_given_up = method == "DELETE" and "uploadId=" in path
        action = "AbortMultipartUpload" if is_given_up else S3_ACTIONS[method] if key else "ListBucket"
        subject = bucket
    else:
        asked = {}
        if target:
            asked = json.loads(body or b"{}")
            action = target.rsplit(".", 1)[1]
        else:
            asked = dict(urllib.parse.parse_qsl(body.decode()))
            action = asked.get("Action", f"{method} {path}")
        subject = asked.get(SUBJECTS.get(service, ""), "")
    return {"who": who[1] if who else "", "service": service, "action": action, "subject": subject}


def is_to_fail(call: dict) -> bool:
    with LOCK:
        if not FAULTS.exists():
            return False
        lines = FAULTS.read_text().split()
        name = f"{call['who']}/{call['service']}:{call['action']}"
        if name not in lines:
            return False
        lines.remove(name)
        FAULTS.write_text("\n".join(lines))
        return True


class Recorder(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def pass_on(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        call = described(self.command, self.path, self.headers, body)
        if is_to_fail(call):
            status, headers, answer = 400, [("Content-Type", "application/x-amz-json-1.0")], json.dumps({
                "__type": "AccessDeniedException", "message": "made to fail"}).encode()
        else:
            upstream = http.client.HTTPConnection(UPSTREAM.hostname, UPSTREAM.port, timeout=60)
            # Host and signature belong together: both are handed on as they came.
            upstream.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers.items():
                if name.lower() not in HOP_BY_HOP:
                    upstream.putheader(name, value)
            upstream.putheader("Content-Length", str(len(body)))
            upstream.endheaders(body)
            response = upstream.getresponse()
            status, headers, answer = response.status, response.getheaders(), response.read()
            upstream.close()
        with LOCK, FILE.open("a") as file:
            file.write(json.dumps({**call, "status": status}) + "\n")
        self.send_response(status)
        for name, value in headers:
            if name.lower() not in HOP_BY_HOP:
                self.send_header(name, value)
        # Of a HEAD it is the length of what a GET would bring.
        length = dict((name.lower(), value) for name, value in headers).get("content-length", "0")
        self.send_header("Content-Length", length if self.command == "HEAD" else str(len(answer)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer)

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = pass_on


http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Recorder).serve_forever()
