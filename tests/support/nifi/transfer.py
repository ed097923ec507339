"""What goes in: bodies read as they come, flow files parsed to the byte, site-to-site transactions."""

import base64
import hashlib
import struct
import threading
import time
import uuid
import zlib

MAX_ATTRIBUTES = 25000
KEPT_BYTES = 256 * 1024


class Refused(Exception):
    """An answer that is no success: plain text, or the code of a site-to-site call."""

    def __init__(self, status, text="", code=None, headers=None):
        super().__init__(text)
        self.status, self.text, self.code, self.headers = status, text, code, headers or {}


class Body:
    """Reads a body of either framing, and unpacks it where it is packed."""

    def __init__(self, rfile, headers):
        self.rfile = rfile
        self.is_chunked = "chunked" in headers.get("Transfer-Encoding", "").lower()
        self.left = 0 if self.is_chunked else int(headers.get("Content-Length") or 0)
        self.is_over = not self.is_chunked and not self.left
        is_packed = (headers.get("Content-Encoding", "").lower() == "gzip"
                     or headers.get("flowfile-gzipped") == "true")
        self.unpacker = zlib.decompressobj(31) if is_packed else None
        self.ready = b""

    def piece(self):
        if self.is_over:
            return b""
        if self.is_chunked and not self.left:
            line = self.rfile.readline().split(b";")[0].strip()
            self.left = int(line, 16)
            if not self.left:
                self.rfile.readline()
                self.is_over = True
                return b""
        data = self.rfile.read(min(self.left, 65536))
        if not data:
            raise ConnectionError("the body was cut off")
        self.left -= len(data)
        if not self.left:
            if self.is_chunked:
                self.rfile.readline()
            else:
                self.is_over = True
        return data

    def read(self, n_bytes):
        """Returns `n_bytes`, or fewer at the end."""
        while len(self.ready) < n_bytes:
            data = self.piece()
            if not data:
                break
            self.ready += self.unpacker.decompress(data) if self.unpacker else data
        out, self.ready = self.ready[:n_bytes], self.ready[n_bytes:]
        return out

    def drain(self):
        while self.piece():
            pass

    def whole(self):
        out = b""
        while data := self.read(65536):
            out += data
        return out


class Taken:
    """One flow file: what is kept of it."""

    def __init__(self, attributes):
        self.attributes, self.n_bytes, self.content = attributes, 0, b""
        self.digest = hashlib.sha256()

    def add(self, data):
        self.n_bytes += len(data)
        self.digest.update(data)
        if self.n_bytes <= KEPT_BYTES:
            self.content += data

    def shown(self):
        content = base64.b64encode(self.content).decode() if self.n_bytes <= KEPT_BYTES else None
        return {"attributes": self.attributes, "n_bytes": self.n_bytes, "content": content,
                "sha256": self.digest.hexdigest()}


class Reader:
    """Reads exactly, and sums up what it read."""

    def __init__(self, body):
        self.body, self.crc = body, 0

    def exactly(self, n_bytes, may_end=False):
        data = self.body.read(n_bytes)
        if may_end and not data:
            return None
        if len(data) != n_bytes:
            raise Refused(400, "The flow files end in the middle.")
        self.crc = zlib.crc32(data, self.crc)
        return data

    def content(self, taken, n_bytes):
        while n_bytes:
            data = self.exactly(min(n_bytes, 65536))
            taken.add(data)
            n_bytes -= len(data)
        return taken


def packets(reader):
    """Packets of site-to-site."""
    while (head := reader.exactly(4, may_end=True)) is not None:
        count = struct.unpack(">I", head)[0]
        if count > MAX_ATTRIBUTES:
            raise Refused(400, "A flow file has too many attributes.")
        text = lambda: reader.exactly(struct.unpack(">I", reader.exactly(4))[0]).decode()
        attributes = {}
        for _ in range(count):
            name = text()
            attributes[name] = text()
        yield reader.content(Taken(attributes), struct.unpack(">Q", reader.exactly(8))[0])


def flow_files_v3(reader):
    """FlowFiles v3, as `application/flowfile-v3` is."""
    while (magic := reader.exactly(7, may_end=True)) is not None:
        if magic != b"NiFiFF3":
            raise Refused(400, "The body is no FlowFile v3.")

        def length():
            short = struct.unpack(">H", reader.exactly(2))[0]
            if short != 0xFFFF:
                return short
            long = struct.unpack(">I", reader.exactly(4))[0]
            if long < 0xFFFF:
                raise Refused(400, "A length is longer than it must be.")
            return long

        text = lambda: reader.exactly(length()).decode()
        attributes = {}
        for _ in range(length()):
            name = text()
            attributes[name] = text()
        yield reader.content(Taken(attributes), struct.unpack(">Q", reader.exactly(8))[0])


class Transaction:
    def __init__(self, port):
        self.id, self.port = str(uuid.uuid4()), port
        self.touched, self.files, self.is_sent = time.monotonic(), [], False


class Transactions:
    """Site-to-site by HTTP, as `DataTransferResource` has it."""

    def __init__(self, flow):
        self.flow, self.open, self.lock = flow, {}, threading.Lock()
        # What clients are told, and what is kept to: a test need not be as fast as it says.
        self.told_ttl, self.ttl, self.is_allowed = 30, 30, True
        self.n_extended = self.n_cancelled = self.n_bad_checksums = 0

    def admit(self, port_id, headers):
        if headers.get("x-nifi-site-to-site-protocol-version") != "1":
            raise Refused(400, "The protocol version is missing.", code=230)
        for name, good in (("use-compression", ("true", "false")), ("request-expiration", None)):
            value = headers.get(f"x-nifi-site-to-site-{name}")
            if value is not None and (value not in good if good else not value.isdigit()):
                raise Refused(400, f"Invalid value for {name}.", code=231)
        port = self.flow.parts.get(port_id)
        if port is None or port["kind"] != "input-ports" or not port["remote"]:
            raise Refused(404, "Unknown port.", code=200)
        if not self.is_allowed:
            raise Refused(401, "The user is not authorized.", code=240)
        if port["state"] != "RUNNING":
            raise Refused(503, "The port is not in a valid state.", code=201)

    def begin(self, port_id, headers):
        self.admit(port_id, headers)
        if self.flow.is_full():
            raise Refused(503, "The destinations are full.", code=202)
        transaction = Transaction(port_id)
        with self.lock:
            self.open[transaction.id] = transaction
        return transaction

    def find(self, port_id, transaction_id):
        with self.lock:
            now = time.monotonic()
            self.open = {key: it for key, it in self.open.items() if now - it.touched < self.ttl}
            transaction = self.open.get(transaction_id)
            if transaction is None or transaction.port != port_id:
                raise Refused(404, "The transaction is unknown or has expired.", code=250)
            transaction.touched = now
            return transaction

    def extend(self, port_id, transaction_id):
        self.find(port_id, transaction_id)
        self.n_extended += 1

    def fill(self, port_id, transaction_id, headers, body):
        transaction = self.find(port_id, transaction_id)
        if headers.get("Content-Type") != "application/octet-stream":
            raise Refused(415, "The content type is not application/octet-stream.")
        if headers.get("x-nifi-site-to-site-use-compression") == "true":
            raise Refused(400, "This peer takes no compressed packets.")
        reader = Reader(body)
        files = list(packets(reader))
        if not files:
            raise Refused(400, "No data packet was sent.", code=254)
        transaction.touched = time.monotonic()
        transaction.files, transaction.is_sent = files, True
        return reader.crc

    def end(self, port_id, transaction_id, code):
        transaction = self.find(port_id, transaction_id)
        with self.lock:
            del self.open[transaction_id]
        if code in (15, 19):
            self.n_cancelled += code == 15
            self.n_bad_checksums += code == 19
            return 15, 0
        if code != 12 or not transaction.is_sent:
            raise Refused(400, "That cannot be said now.", code=254)
        self.flow.take(transaction.files)
        return 14 if self.flow.is_full() else 13, len(transaction.files)
