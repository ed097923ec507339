#!/usr/bin/env python3
"""A Terraform provider that knows only a schema, so that `terraform validate` and `terraform test` with
`mock_provider` run without the real one, without a network and without an account.

usage: provider.py SCHEMA.json (what `terraform providers schema -json` shows, or `schema.py` writes)
Terraform's core checks names, types, what is required and how many blocks there are against that schema.
The real provider's own checks of values are not there, and nothing can be planned or applied with it.
Source: Terraform plugin protocol 5 (tfplugin5.proto), go-plugin's handshake. Needs grpcio and openssl.
"""

import base64
import concurrent.futures
import json
import os
import subprocess
import sys
import tempfile
import threading

import grpc

NESTING = {"single": 1, "list": 2, "set": 3, "map": 4, "group": 5}

# The few messages are written by hand: of each, only what core reads here.


def varint(number: int) -> bytes:
    out = bytearray()
    while True:
        out.append(number & 127 | (128 if number > 127 else 0))
        number >>= 7
        if not number:
            return bytes(out)


def field(tag: int, data: bytes) -> bytes:
    return varint(tag << 3 | 2) + varint(len(data)) + data


def flag(tag: int, value: int) -> bytes:
    return varint(tag << 3) + varint(value) if value else b""


def read_varint(message: bytes, at: int) -> tuple[int, int]:
    shift = value = 0
    while True:
        byte = message[at]
        at += 1
        value |= (byte & 127) << shift
        shift += 7
        if not byte & 128:
            return value, at


def first_field(message: bytes, tag: int) -> bytes:
    """Returns the bytes of the first field of that tag; none of the messages asked holds other kinds before it."""
    at = 0
    while at < len(message):
        key, at = read_varint(message, at)
        value, at = read_varint(message, at)
        if key & 7 == 2:
            if key >> 3 == tag:
                return message[at : at + value]
            at += value
        elif key & 7 != 0:
            raise ValueError(f"a field of wire type {key & 7} is not expected")
    return b""


def encoded_block(block: dict) -> bytes:
    out = b""
    for name, it in sorted(block.get("attributes", {}).items()):
        flags = flag(4, bool(it.get("required"))) + flag(5, bool(it.get("optional"))) + flag(6, bool(it.get("computed")))
        out += field(2, field(1, name.encode()) + field(2, json.dumps(it["type"]).encode()) + flags)
    for name, it in sorted(block.get("block_types", {}).items()):
        counts = flag(4, it.get("min_items", 0)) + flag(5, it.get("max_items", 0))
        nested = field(1, name.encode()) + field(2, encoded_block(it["block"])) + flag(3, NESTING[it["nesting_mode"]])
        out += field(3, nested + counts)
    return out


def encoded_schema(schema: dict) -> bytes:
    return flag(1, schema.get("version", 0)) + field(2, encoded_block(schema["block"]))


def encoded_provider(path: str) -> bytes:
    with open(path, encoding="utf8") as file:
        (schemas,) = json.load(file)["provider_schemas"].values()
    out = field(1, encoded_schema(schemas["provider"]))
    for tag, kind in ((2, "resource_schemas"), (3, "data_source_schemas")):
        for name, schema in schemas[kind].items():
            out += field(tag, field(1, name.encode()) + field(2, encoded_schema(schema)))
    return out


class Provider(grpc.GenericRpcHandler):
    """Answers what core asks."""

    def __init__(self, schema: bytes, done: threading.Event):
        self.schema, self.done = schema, done

    def service(self, details):
        service, method = details.method.strip("/").split("/")
        if service == "tfplugin5.Provider":
            return grpc.unary_unary_rpc_method_handler(lambda request, context: self.answer(method, request, context))
        if service == "grpc.health.v1.Health":
            return grpc.unary_unary_rpc_method_handler(lambda request, context: flag(1, 1))
        if method == "Shutdown":
            return grpc.unary_unary_rpc_method_handler(self.shut_down)
        if method == "StartStream":
            return grpc.stream_stream_rpc_method_handler(self.silence)
        if method == "StreamStdio":
            return grpc.unary_stream_rpc_method_handler(self.silence)
        return None

    def answer(self, method: str, request: bytes, context) -> bytes:
        if method == "GetSchema":
            return self.schema
        if method == "PrepareProviderConfig":
            return field(1, first_field(request, 1))
        if method.startswith("Validate") or method in ("Configure", "Stop", "GetFunctions"):
            return b""
        # No check may take what a stub makes up for what the provider would do.
        context.abort(grpc.StatusCode.UNIMPLEMENTED, f"this stub knows a schema alone, `{method}` needs the real provider")

    def shut_down(self, request, context) -> bytes:
        self.done.set()
        return b""

    def silence(self, request, context):
        self.done.wait()
        return iter(())


def certificate() -> tuple[bytes, bytes]:
    """Makes the key and the certificate that core pins."""
    with tempfile.TemporaryDirectory() as folder:
        key, crt = f"{folder}/key", f"{folder}/crt"
        curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
        name = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
        subprocess.run(["openssl", "req", "-x509", *curve, *name, "-keyout", key, "-out", crt], check=True, capture_output=True)
        with open(key, "rb") as key_file, open(crt, "rb") as crt_file:
            return key_file.read(), crt_file.read()


def main() -> None:
    done = threading.Event()
    options = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
    server = grpc.server(concurrent.futures.ThreadPoolExecutor(8), options=options)
    server.add_generic_rpc_handlers((Provider(encoded_provider(sys.argv[1]), done),))
    shown = ""
    if os.environ.get("PLUGIN_CLIENT_CERT"):
        key, crt = certificate()
        port = server.add_secure_port("127.0.0.1:0", grpc.ssl_server_credentials([(key, crt)]))
        der = b"".join(line for line in crt.splitlines() if not line.startswith(b"-----"))
        shown = base64.b64encode(base64.b64decode(der)).decode().rstrip("=")
    else:
        port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(f"1|5|tcp|127.0.0.1:{port}|grpc|{shown}", flush=True)
    done.wait()
    server.stop(0.2)


main()
