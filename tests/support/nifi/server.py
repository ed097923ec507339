"""A strict peer of NiFi 2: REST API, site-to-site over HTTP and `ListenHTTP`, over TLS on a free port.

It refuses what NiFi refuses: calls without a good token, stale revisions, states that forbid a change,
packets and FlowFiles that are not to the byte. Its flow is that of `infra/nifi`. Below `/control` tests
change the flow, revoke tokens, see what was taken and inject faults. `judge.py` has NiFi's own generated
client drive it. It ends with its standard input.

    server.py CERTIFICATE KEY FLOW
"""

import base64
import json
import os
import re
import socket
import ssl
import struct
import sys
import threading
import time
import urllib.parse
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from flow import ROOT, Flow
from transfer import Body, Reader, Refused, Transactions, flow_files_v3

USER, PASSWORD = "moodbridge", "correct horse"
VERSION = "2.12.0"
GROUP = re.compile(r"/flow/process-groups/([^/]+)(/status|/controller-services)?")
PART = re.compile(r"/(processors|input-ports|output-ports|controller-services)/([^/]+)(/run-status)?")
PROVENANCE = re.compile(r"/provenance(?:/([^/]+))?")
TRANSFER = re.compile(r"/data-transfer/input-ports/([^/]+)/transactions(?:/([^/]+)(/flow-files)?)?")


class State:
    def __init__(self, flow):
        self.flow, self.transactions = flow, Transactions(flow)
        self.tokens, self.faults, self.log, self.lock = set(), [], [], threading.Lock()
        self.lifetime, self.n_tokens, self.base_path = 43200, 0, "/contentListener"

    def new_token(self):
        """Makes a token in the form of NiFi's: nobody but the peer itself looks at its signature."""
        part = lambda it: base64.urlsafe_b64encode(json.dumps(it).encode()).decode().rstrip("=")
        at = int(time.time())
        claims = {"sub": USER, "iat": at, "exp": at + self.lifetime, "jti": str(uuid.uuid4())}
        token = f"{part({'alg': 'EdDSA'})}.{part(claims)}.{part(self.n_tokens)}"
        self.n_tokens += 1
        self.tokens.add(token)
        return token


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    state = None

    def setup(self):
        # Here and not where connections are accepted: a slow client holds up nobody else.
        self.request.do_handshake()
        super().setup()

    def log_message(self, *_):
        pass

    def handle_call(self):
        url = urllib.parse.urlsplit(self.path)
        query = dict(urllib.parse.parse_qsl(url.query, keep_blank_values=True))
        body = Body(self.rfile, self.headers)
        try:
            if url.path.startswith("/control/"):
                wish = json.loads(body.whole() or b"null")
                return self.answer(200, self.control(url.path.removeprefix("/control/"), wish))
            with self.state.lock:
                self.state.log.append({"method": self.command, "path": url.path, "query": query,
                                       "correlation": self.headers.get("x-correlation-id")})
            fault = self.fault()
            if fault and fault.get("drop") == "before":
                return self.cut()
            if fault and "status" in fault:
                body.drain()
                return self.meet(fault)
            status, out, headers = self.call(url.path, query, body)
            body.drain()
            if fault and fault.get("drop") == "after":
                return self.cut()
            if fault and "instead" in fault:
                out = fault["instead"]
            return self.answer(status, out, headers)
        except Refused as refusal:
            body.drain()
            if refusal.code is not None:
                out = {"responseCode": refusal.code, "message": refusal.text}
                return self.answer(refusal.status, out, refusal.headers)
            return self.answer(refusal.status, refusal.text, refusal.headers)
        except ConnectionError:
            self.close_connection = True

    do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = handle_call

    def call(self, path, query, body):
        if path == self.state.base_path:
            return self.listen(body)
        if not path.startswith("/nifi-api/"):
            raise Refused(404, "Not Found")
        path = path.removeprefix("/nifi-api")
        if path == "/access/token" and self.command == "POST":
            return self.sign_in(body)
        self.check_token()
        if path == "/access/logout" and self.command == "DELETE":
            self.state.tokens.discard(self.token())
            return 200, "", {}
        if found := TRANSFER.fullmatch(path):
            return self.transfer(*found.groups(), query, body)
        return 200 if self.command != "POST" else 201, self.rest(path, query, body), {}

    def rest(self, path, query, body):
        flow, method = self.state.flow, self.command
        wish = self.wish(body) if method in ("PUT", "POST") else None
        if path == "/flow/about":
            return {"about": {"title": "NiFi", "version": VERSION, "timezone": "UTC"}}
        if path == "/flow/bulletin-board":
            return flow.board(query)
        if path == "/flow/client-id":
            return str(uuid.uuid4())
        if path == "/site-to-site":
            return self.site()
        if path == "/site-to-site/peers":
            own = {"hostname": "localhost", "port": self.server.server_port, "secure": True,
                   "flowFileCount": len(flow.waits())}
            return {"peers": [own, *flow.peers]}
        if found := GROUP.fullmatch(path):
            return self.group(*found.groups(), query, wish)
        if found := PART.fullmatch(path):
            kind, id_, is_change = found.groups()
            if (method == "PUT") != bool(is_change):
                raise Refused(405, "Method Not Allowed")
            return flow.run_status(kind, id_, wish) if is_change else flow.entity(flow.part(kind, id_))
        if found := PROVENANCE.fullmatch(path):
            if method == "POST":
                return flow.search(wish)
            if method == "GET":
                return flow.found(found[1])
            if flow.searches.pop(found[1], None) is None:
                raise Refused(404, "Unable to find provenance query.")
            return {}
        raise Refused(404, "The specified resource could not be found.")

    def group(self, id_, what, query, wish):
        flow = self.state.flow
        if self.command == "GET" and what == "/status":
            return flow.group_status(id_, query.get("recursive", "").lower() == "true")
        if id_ == "root":
            id_ = ROOT
        if id_ not in (ROOT, flow.group):
            raise Refused(404, f"Unable to find process group with id '{id_}'.")
        if self.command == "GET":
            return {"permissions": {"canRead": True, "canWrite": True},
                    "processGroupFlow": {"id": id_, "uri": f"/flow/process-groups/{id_}"}}
        if wish.get("id") != id_:
            raise Refused(400, "The process group id in the request body does not equal the"
                          " process group id of the requested resource.")
        if set(wish) - {"id", "state", "components", "disconnectedNodeAcknowledged"}:
            raise Refused(400, "Unrecognized field.")
        if what == "/controller-services":
            return flow.schedule(wish, {"ENABLED", "DISABLED"}, {"controller-services"})
        kinds = {"processors", "input-ports", "output-ports"}
        return flow.schedule(wish, {"RUNNING", "STOPPED", "ENABLED", "DISABLED"}, kinds)

    def wish(self, body):
        if self.headers.get("Content-Type", "").split(";")[0] != "application/json":
            raise Refused(415, "Unsupported Media Type")
        try:
            wish = json.loads(body.whole())
        except ValueError as error:
            raise Refused(400, "The request body is not valid JSON.") from error
        if not isinstance(wish, dict):
            raise Refused(400, "The request body is no object.")
        return wish

    def site(self):
        ports = [{"id": it["id"], "name": it["name"], "state": it["state"]}
                 for it in self.state.flow.parts.values()
                 if it["kind"] == "input-ports" and it["remote"]]
        if not self.state.transactions.is_allowed:
            ports = []
        return {"controller": {"id": ROOT, "name": "NiFi Flow", "siteToSiteSecure": True,
                               "remoteSiteHttpListeningPort": self.server.server_port,
                               "inputPorts": ports, "outputPorts": []}}

    # Signing in.

    def sign_in(self, body):
        kind = self.headers.get("Content-Type", "").split(";")[0]
        if kind != "application/x-www-form-urlencoded":
            raise Refused(415, "Unsupported Media Type")
        form = dict(urllib.parse.parse_qsl(body.whole().decode()))
        if (form.get("username"), form.get("password")) != (USER, PASSWORD):
            raise Refused(400, "The supplied username and password are not valid.")
        return 201, self.state.new_token(), {}

    def token(self):
        kind, _, token = self.headers.get("Authorization", "").partition(" ")
        return token if kind == "Bearer" else None

    def check_token(self):
        if self.token() not in self.state.tokens:
            raise Refused(401, "Unauthorized")

    # Flow files.

    def transfer(self, port, transaction, files, query, body):
        transactions, accept = self.state.transactions, self.headers.get("Accept", "")
        tell = lambda code, message, **more: {"responseCode": code, "message": message, **more}
        if self.command == "POST" and not transaction:
            if "application/json" not in accept and "*/*" not in accept:
                raise Refused(406, "Not Acceptable")
            if body.whole():
                raise Refused(400, "The body must be empty.")
            begun = transactions.begin(port, self.headers)
            place = f"https://{self.headers['Host']}{urllib.parse.urlsplit(self.path).path}/{begun.id}"
            return 201, tell(1, "Handshake properties are valid"), {
                "Location": place, "x-location-uri-intent": "transaction-url",
                "x-nifi-site-to-site-protocol-version": "1",
                "x-nifi-site-to-site-server-transaction-ttl": str(transactions.told_ttl)}
        if self.command == "POST" and files:
            if "text/plain" not in accept:
                raise Refused(406, "Not Acceptable")
            return 202, str(transactions.fill(port, transaction, self.headers, body)), {}
        if self.command == "PUT" and transaction and not files:
            transactions.extend(port, transaction)
            return 200, tell(10, "Continue"), {}
        if self.command == "DELETE" and transaction and not files:
            code, n_files = transactions.end(port, transaction, int(query.get("responseCode", 0)))
            return 200, tell(code, "", flowFileSent=n_files), {}
        raise Refused(405, "Method Not Allowed")

    def listen(self, body):
        flow = self.state.flow
        listener = next(it for it in flow.parts.values() if it["type"].endswith("ListenHTTP"))
        if listener["state"] != "RUNNING":
            # Nothing listens on the port of a processor that is stopped; this is as near as one comes.
            raise Refused(502, "nothing listens")
        if self.command == "HEAD":
            return 200, "", {"Accept": "application/flowfile-v3,*/*;q=0.8",
                             "Accept-Encoding": "gzip", "x-nifi-transfer-protocol-version": "3"}
        if self.command != "POST":
            raise Refused(405, "Method Not Allowed")
        if flow.is_full():
            raise Refused(503, "Service Unavailable: the queue is full")
        if self.headers.get("Content-Type") != "application/flowfile-v3":
            raise Refused(415, "This peer takes FlowFile v3 alone.")
        flow.take(list(flow_files_v3(Reader(body))))
        return 200, "", {}

    # What tests do behind the back of the API.

    def fault(self):
        called = f"{self.command} {self.path}"
        with self.state.lock:
            for fault in self.state.faults:
                if fault["count"] > 0 and re.search(fault["match"], called):
                    fault["count"] -= 1
                    return fault
        return None

    def meet(self, fault):
        headers = {"Retry-After": str(fault["retry_after"])} if "retry_after" in fault else {}
        return self.answer(fault["status"], fault.get("body", ""), headers)

    def cut(self):
        """Breaks the connection without an answer."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()
        self.close_connection = True

    def answer(self, status, body, headers=None):
        kind = "text/plain" if isinstance(body, str) else "application/json"
        raw = body.encode() if isinstance(body, str) else json.dumps(body).encode()
        self.send_response_only(status)
        all_headers = {"Date": self.date_time_string(), "Content-Type": kind,
                       "Content-Length": str(len(raw)), **(headers or {})}
        for name, value in all_headers.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(raw)

    def control(self, action, wish):
        state, flow = self.state, self.state.flow
        if action == "faults":
            state.faults = wish
        elif action == "revoke":
            state.tokens.clear()
        elif action == "expire":
            state.transactions.open.clear()
        elif action == "say":
            flow.say(*wish)
        elif action == "peers":
            flow.peers = wish
        elif action == "part":
            part = next(it for it in flow.parts.values() if it["name"] == wish["name"])
            part.update(wish)
            part["version"] += 1
            return {key: value for key, value in part.items()}
        elif action == "settings":
            for name, value in wish.items():
                owner = next(it for it in (state, flow, state.transactions) if hasattr(it, name))
                setattr(owner, name, value)
        elif action == "taken":
            return [it.shown() for it in flow.taken]
        elif action == "seen":
            transactions = state.transactions
            return {"calls": state.log, "n_tokens": state.n_tokens, "n_searches": flow.n_searches,
                    "n_searches_open": len(flow.searches), "n_changes": flow.n_changes,
                    "n_extended": transactions.n_extended, "n_open": len(transactions.open),
                    "n_cancelled": transactions.n_cancelled, "group": flow.group,
                    "n_bad_checksums": transactions.n_bad_checksums,
                    "parts": {it["name"]: it for it in flow.parts.values()}}
        else:
            raise Refused(404, f"there is no control `{action}`")
        return {}


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        # A client that does not trust the certificate, or goes away, is no news.
        pass


def main():
    certificate, key, flow = sys.argv[1:]
    Handler.state = State(Flow(flow))
    server = Server(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.load_cert_chain(certificate, key)
    server.socket = context.wrap_socket(server.socket, server_side=True,
                                        do_handshake_on_connect=False)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(json.dumps({"origin": f"https://localhost:{server.server_port}"}), flush=True)
    sys.stdin.read()
    os._exit(0)


if __name__ == "__main__":
    main()
