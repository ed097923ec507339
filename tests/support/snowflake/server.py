"""A strict peer of Snowflake's SQL API v2 with `fakesnow` behind it, on a free port of this machine.

It refuses what the service refuses: unsigned calls, tokens of unknown keys, missing headers, unknown
members of a body, a second statement in a text. Below `/control` tests register keys, put files in
stages, make statements slow and inject faults. It ends with its standard input.
"""

import base64
import gzip
import hashlib
import json
import os
import re
import socket
import struct
import sys
import tempfile
import threading
import time
import urllib.parse
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import jwt
import pyarrow as pa
import pyarrow.parquet as parquet
from cryptography.hazmat.primitives import serialization

from statements import Engine
from values import Refused

ACCOUNT = "MYORG-FIRM"
BODY = {"statement": str, "timeout": int, "database": str, "schema": str, "warehouse": str,
        "role": str, "bindings": dict, "parameters": dict}
PARAMETERS = {"MULTI_STATEMENT_COUNT", "QUERY_TAG", "STATEMENT_QUEUED_TIMEOUT_IN_SECONDS",
              "TIMEZONE"}
QUERY = {"requestId", "retry", "async", "nullable"}
NAMES = {"database": {"LEGAL"}, "schema": {"PUBLIC"}, "warehouse": {"LOADS"}, "role": {"LOADER"}}


class State:
    def __init__(self, shadow):
        self.engine = Engine(shadow)
        self.keys, self.tokens, self.faults, self.log = {}, {}, [], []
        self.lock = threading.Lock()
        self.max_running, self.wait_seconds, self.clock_ahead = 1000, 45, 0

    def now(self):
        return time.time() + self.clock_ahead


def signed_in(state, headers):
    """Checks the token as the service does."""
    kind, _, token = headers.get("Authorization", "").partition(" ")
    if kind != "Bearer" or not token:
        raise Refused(400, "390146", "No token was sent.")
    said = headers.get("X-Snowflake-Authorization-Token-Type")
    if token in state.tokens:
        if said not in (None, state.tokens[token]):
            raise Refused(401, "390303", "Invalid OAuth access token.")
        return
    if said not in (None, "KEYPAIR_JWT"):
        raise Refused(401, "390303", "Invalid OAuth access token.")
    invalid = Refused(401, "390144", "JWT token is invalid.")
    try:
        claims = jwt.decode(token, options={"verify_signature": False})
        subject, _, fingerprint = claims["iss"].rpartition(".")
        key = state.keys[subject, fingerprint]
        jwt.decode(token, key, algorithms=["RS256"],
                   options={"verify_exp": False, "verify_iat": False,
                            "require": ["iss", "sub", "iat", "exp"]})
    except (jwt.PyJWTError, KeyError) as error:
        raise invalid from error
    now = state.now()
    if claims["sub"] != subject or not claims["iat"] - 60 <= now < claims["exp"]:
        raise invalid
    if claims["exp"] - claims["iat"] > 3600:
        raise invalid


def checked_body(raw):
    try:
        body = json.loads(raw)
    except ValueError as error:
        raise Refused(400, "391902", "Unable to parse the request payload.") from error
    for name, value in body.items():
        if name not in BODY or not isinstance(value, BODY[name]):
            raise Refused(400, "391902", f"Unable to parse the request payload: `{name}`.")
    if not body.get("statement", "").strip():
        raise Refused(400, "000900", "SQL compilation error:\nEmpty SQL statement.")
    if "database" not in body or body["database"] not in NAMES["database"]:
        raise Refused(400, "391918", "The database was not found.")
    if body.get("role", "LOADER") not in NAMES["role"]:
        raise Refused(400, "390186", "Role is not granted to this user.")
    for name in ("schema", "warehouse"):
        if body.get(name, next(iter(NAMES[name]))) not in NAMES[name]:
            raise Refused(400, "391918", f"The {name} was not found.")
    for name, value in body.get("parameters", {}).items():
        if name not in PARAMETERS or not isinstance(value, str):
            raise Refused(400, "391902", f"Unable to parse the request payload: `{name}`.")
    body.setdefault("timeout", 172800)
    if not 0 <= body["timeout"] <= 604800:
        raise Refused(400, "391902", "The timeout is not between 0 and 604800.")
    return body


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    state = None

    def log_message(self, *_):
        pass

    def do_GET(self):
        self.handle_call()

    def do_POST(self):
        self.handle_call()

    def handle_call(self):
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        url = urllib.parse.urlsplit(self.path)
        query = dict(urllib.parse.parse_qsl(url.query, keep_blank_values=True))
        try:
            if url.path.startswith("/control/"):
                body = json.loads(raw or b"null")
                return self.answer(200, self.control(url.path.removeprefix("/control/"), body))
            with self.state.lock:
                self.state.log.append({"method": self.command, "path": url.path, "query": query})
            fault = self.fault()
            if fault and fault.get("drop") != "after":
                return self.meet(fault)
            status, body, headers, is_packed = self.call(url.path, query, raw)
            if fault:
                return self.cut()
            return self.answer(status, body, headers, is_packed)
        except Refused as refusal:
            body = {"code": refusal.code, "message": refusal.message}
            if refusal.sql_state:
                body["sqlState"] = refusal.sql_state
            return self.answer(refusal.status, body)

    def call(self, path, query, raw):
        for name in ("User-Agent", "Accept"):
            if not self.headers.get(name):
                raise Refused(400, "391903", f"The header {name} is missing.")
        if self.headers.get("Content-Type", "").split(";")[0] != "application/json":
            raise Refused(400, "391903", "The content type is not application/json.")
        signed_in(self.state, self.headers)
        parts = path.strip("/").split("/")
        if parts[:3] != ["api", "v2", "statements"]:
            raise Refused(404, "391900", "There is no such endpoint.")
        if self.command == "POST" and len(parts) == 3:
            return self.begin(query, raw)
        statement = self.state.engine.by_handle.get(parts[3]) if len(parts) > 3 else None
        if statement is None:
            raise Refused(400, "000709", "Statement not found.", "02000")
        if self.command == "POST" and parts[4:] == ["cancel"]:
            statement.cancelled.set()
            statement.ended.wait(5)
            return 200, {"code": "000000", "message": "successfully canceled",
                         "statementHandle": statement.handle}, {}, False
        if self.command == "GET" and len(parts) == 4:
            return self.look(statement, query)
        raise Refused(405, "391904", "The method is not allowed.")

    def begin(self, query, raw):
        if set(query) - QUERY or query.get("nullable", "true") != "true":
            raise Refused(400, "391902", "There is an unknown parameter.")
        try:
            request_id = str(uuid.UUID(query["requestId"]))
        except (KeyError, ValueError) as error:
            raise Refused(400, "391902", "The requestId is no UUID.") from error
        body = checked_body(raw)
        engine = self.state.engine
        if engine.n_running() >= self.state.max_running:
            raise Refused(429, "391908", "Too many requests.")
        statement = engine.begin(request_id, query.get("retry") == "true", body)
        if query.get("async") == "true":
            return self.running(statement, "333334", "Asynchronous execution in progress.")
        if not statement.ended.wait(self.state.wait_seconds):
            return self.running(statement, "333333", "Statement execution in progress.")
        return self.look(statement, {})

    def running(self, statement, code, message):
        return 202, {"code": code, "message": message + " Use the provided query id.",
                     "statementHandle": statement.handle,
                     "statementStatusUrl": f"/api/v2/statements/{statement.handle}"}, {}, False

    def look(self, statement, query):
        if not statement.ended.is_set():
            return self.running(statement, "333334", "Asynchronous execution in progress.")
        if statement.refusal:
            refusal = statement.refusal
            # What failed while it ran has no state here; what was compiled has.
            is_early = refusal.code in ("001003", "002003", "000008", "000604", "000630")
            raise Refused(refusal.status, refusal.code, refusal.message,
                          refusal.sql_state if is_early else None)
        parts = statement.parts(self.state.engine.part_rows)
        if "partition" in query:
            number = int(query["partition"]) if query["partition"].isdigit() else -1
            if not 0 <= number < len(parts):
                raise Refused(400, "391922", "The partition was not found.")
            if number:
                return 200, {"data": parts[number]}, {}, True
        url = f"/api/v2/statements/{statement.handle}"
        info = [{"rowCount": len(it), "uncompressedSize": len(json.dumps(it))} for it in parts]
        body = {"resultSetMetaData": {"numRows": len(statement.rows), "format": "jsonv2",
                                      "partitionInfo": info, "rowType": statement.columns},
                "data": parts[0], "code": "090001", "sqlState": "00000",
                "message": "Statement executed successfully.", "statementStatusUrl": url,
                "statementHandle": statement.handle, "requestId": statement.request_id,
                "createdOn": statement.created}
        if statement.stats:
            body["stats"] = statement.stats
        link = f'<{url}?partition=0>; rel="first",<{url}?partition={len(parts) - 1}>; rel="last"'
        return 200, body, {"Link": link}, False

    def fault(self):
        """Takes the first fault that waits for this call."""
        called = f"{self.command} {self.path}"
        with self.state.lock:
            for fault in self.state.faults:
                if fault["count"] > 0 and re.search(fault["match"], called):
                    fault["count"] -= 1
                    return fault
        return None

    def meet(self, fault):
        if fault.get("drop"):
            return self.cut()
        headers = {"Retry-After": str(fault["retry_after"])} if "retry_after" in fault else {}
        return self.answer(fault["status"], fault.get("body", {}), headers)

    def cut(self):
        """Breaks the connection without an answer."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()
        self.close_connection = True

    def answer(self, status, body, headers=None, is_packed=False):
        raw = json.dumps(body).encode()
        if is_packed:
            raw = gzip.compress(raw)
        self.send_response_only(status)
        date = self.date_time_string(int(self.state.now()))
        packing = {"Content-Encoding": "gzip"} if is_packed else {}
        all_headers = {"Date": date, "Content-Type": "application/json",
                       "Content-Length": str(len(raw)), **packing, **(headers or {})}
        for name, value in all_headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(raw)

    def control(self, action, body):
        state, engine = self.state, self.state.engine
        if action == "sql":
            with engine.lock_of_runs:
                cursor = engine.cursor()
                rows = [cursor.execute(it).fetchall() for it in body]
            return [[str(cell) if cell is not None else None for cell in row] for row in rows[-1]]
        if action == "keys":
            # `{"user": "LOADER", "keys": [PEM, …]}`: those of RSA_PUBLIC_KEY and RSA_PUBLIC_KEY_2.
            subject = f"{ACCOUNT}.{body['user']}"
            state.keys = {it: key for it, key in state.keys.items() if it[0] != subject}
            for der in body["keys"]:
                der = base64.b64decode(der)
                digest = base64.b64encode(hashlib.sha256(der).digest()).decode()
                key = serialization.load_der_public_key(der)
                state.keys[subject, f"SHA256:{digest}"] = key
        elif action == "tokens":
            state.tokens = body
        elif action == "faults":
            state.faults = body
        elif action == "stage":
            with engine.lock_of_runs:
                engine.loader.add_stage(body["name"], body["folder"], engine.cursor())
        elif action == "parquet":
            parquet.write_table(pa.table(body["columns"]), body["path"])
        elif action == "settings":
            engine.slow = body.get("slow", engine.slow)
            engine.canned = body.get("canned", engine.canned)
            engine.part_rows = body.get("part_rows", engine.part_rows)
            engine.loader.is_terse = body.get("terse", engine.loader.is_terse)
            state.max_running = body.get("max_running", state.max_running)
            state.clock_ahead = body.get("clock_ahead", state.clock_ahead)
        elif action == "seen":
            return {"calls": state.log, "runs": engine.runs}
        else:
            raise Refused(404, "control", f"there is no control `{action}`")
        return {}


def main():
    with tempfile.TemporaryDirectory() as shadow:
        Handler.state = State(shadow)
        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        print(json.dumps({"origin": f"http://127.0.0.1:{server.server_port}"}), flush=True)
        sys.stdin.read()
    os._exit(0)


if __name__ == "__main__":
    main()
