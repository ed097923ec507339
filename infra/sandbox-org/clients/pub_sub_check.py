"""Follows a sandbox org over the Pub/Sub API with grpcio and fastavro: `python pub_sub_check.py http://127.0.0.1:8899`.

Stubs are made by Google's own compiler from `proto/eventbus.proto`, events are decoded by fastavro: nothing of the sandbox
or of MoodBridge is used. The address of the service is asked of the sandbox.
"""

import importlib
import io
import json
import queue
import sys
import tempfile
from pathlib import Path

import fastavro
import grpc
import requests
from grpc_tools import protoc

PROTO = Path(__file__).resolve().parent.parent / "proto" / "eventbus.proto"
FORM = {
    "grant_type": "client_credentials",
    "client_id": "moodbridge-sandbox",
    "client_secret": "sandbox-secret",
}
PREFIX = "sfdc.platform.eventbus.grpc."
SOON = 10


def stubs():
    folder = tempfile.mkdtemp()
    arguments = ["protoc", f"-I{PROTO.parent}", f"--python_out={folder}", f"--grpc_python_out={folder}", str(PROTO)]
    assert protoc.main(arguments) == 0
    sys.path.insert(0, folder)
    return importlib.import_module("eventbus_pb2"), importlib.import_module("eventbus_pb2_grpc")


pb, rpc = stubs()


class Org:
    """An org: its REST API, and its Pub/Sub service."""

    def __init__(self, url):
        self.url = url
        self.http = requests.Session()
        self.http.trust_env = False
        answer = self.http.post(f"{url}/services/oauth2/token", data=FORM, timeout=SOON).json()
        self.token = answer["access_token"]
        self.http.headers["Authorization"] = f"Bearer {self.token}"
        self.signature = [
            ("accesstoken", self.token),
            ("instanceurl", answer["instance_url"]),
            ("tenantid", answer["id"].split("/")[-2]),
        ]
        service = self.http.get(f"{url}/_sandbox/stats", timeout=SOON).json()["pub_sub_url"]
        assert service, "the Pub/Sub service of this sandbox is off"
        self.channel = grpc.insecure_channel(service.replace("http://", ""))
        self.stub = rpc.PubSubStub(self.channel)
        self.schemas = {}

    def rest(self, method, path, body=None):
        answer = self.http.request(method, f"{self.url}/services/data/v66.0/sobjects/{path}", json=body, timeout=SOON)
        assert answer.ok, answer.text
        return answer.json() if answer.content else None

    def schema(self, schema_id):
        if schema_id not in self.schemas:
            found = self.stub.GetSchema(pb.SchemaRequest(schema_id=schema_id), metadata=self.signature, timeout=SOON)
            self.schemas[schema_id] = json.loads(found.schema_json)
        return self.schemas[schema_id]

    def decoded(self, event):
        schema = self.schema(event.event.schema_id)
        body = io.BytesIO(event.event.payload)
        value = fastavro.schemaless_reader(body, schema)
        assert not body.read(), "bytes are left"
        header = value["ChangeEventHeader"]
        for name in ("changedFields", "nulledFields", "diffFields"):
            header[name] = names(schema, header[name])
        return value


def records(schema):
    """The records that a schema declares, by name: a second address names the record of the first."""
    kinds = [kind for field in schema["fields"] for kind in as_list(field["type"])]
    return {kind["name"]: kind for kind in kinds if isinstance(kind, dict)}


def as_list(kind):
    return kind if isinstance(kind, list) else [kind]


def names(schema, elements):
    """The names in a set of fields that is written as bits over the schema."""
    declared, found = records(schema), []
    for element in elements:
        outer, _, digits = element.rpartition("-")
        prefix, fields = "", schema["fields"]
        if outer:
            field = fields[int(outer)]
            named = [kind if isinstance(kind, str) else kind["name"] for kind in as_list(field["type"])]
            prefix = field["name"] + "."
            fields = next(declared[name]["fields"] for name in named if name in declared)
        bits = int(digits, 16)
        found += [prefix + fields[bit]["name"] for bit in range(bits.bit_length()) if bits >> bit & 1]
    return found


class Stream:
    """An open subscription that asks for as much as it is told to."""

    def __init__(self, org, topic, n, preset="EARLIEST", replay_id=b""):
        self.wishes = queue.SimpleQueue()
        self.wishes.put(pb.FetchRequest(topic_name=topic, replay_preset=preset, replay_id=replay_id, num_requested=n))
        self.answers = org.stub.Subscribe(iter(self.wishes.get, None), metadata=org.signature, timeout=SOON)

    def take(self, n):
        events = []
        while len(events) < n:
            events += next(self.answers).events
        return events

    def ask(self, n):
        self.wishes.put(pb.FetchRequest(num_requested=n))

    def close(self):
        self.wishes.put(None)
        self.answers.cancel()


def refused(code, call):
    try:
        call()
    except grpc.RpcError as error:
        found = dict(error.trailing_metadata()).get("error-code", "")
        assert found == PREFIX + code, found
        return
    raise AssertionError(f"{code} was expected")


def check_events(org):
    newest = org.http.get(f"{org.url}/_sandbox/events?after=latest", timeout=SOON).json()["newest"]
    stream = Stream(org, "/data/ContactChangeEvent", 100, "CUSTOM", newest.to_bytes(8, "big"))
    seen = []
    contact = org.rest("POST", "Contact", {"LastName": "Doe", "MailingCity": "Reno", "Birthdate": "1990-05-01"})["id"]
    org.rest("PATCH", f"Contact/{contact}", {"FirstName": "Ann", "MailingCity": None, "MailingStreet": "1 Main St"})
    org.rest("DELETE", f"Contact/{contact}")
    while not seen or seen[-1]["ChangeEventHeader"]["changeType"] != "DELETE":
        seen += [org.decoded(it) for it in stream.take(1)]
    stream.close()
    ours = [it for it in seen if contact in it["ChangeEventHeader"]["recordIds"]]
    created, updated, deleted = ours
    assert created["Name"]["LastName"] == "Doe" and created["MailingAddress"]["City"] == "Reno", created
    assert created["Birthdate"] == 641_520_000_000, created["Birthdate"]
    header = updated["ChangeEventHeader"]
    assert sorted(header["changedFields"]) == [
        "LastModifiedDate", "MailingAddress.City", "MailingAddress.Street", "Name.FirstName",
    ], header
    assert header["nulledFields"] == ["MailingAddress.City"], header
    assert updated["MailingAddress"]["Street"] == "1 Main St" and updated["Phone"] is None, updated
    assert deleted["Name"] is None and deleted["ChangeEventHeader"]["changedFields"] == [], deleted
    assert {it["ChangeEventHeader"]["commitNumber"] > 2**53 for it in ours} == {True}


def check_flow_control(org):
    stream = Stream(org, "/data/ChangeEvents", 2)
    first = stream.take(2)
    assert len(first) == 2
    stream.ask(1)
    last = stream.take(1)[0]
    stream.close()
    behind = Stream(org, "/data/ChangeEvents", 1, "CUSTOM", first[1].replay_id)
    assert behind.take(1)[0].replay_id == last.replay_id
    behind.close()


def check_refusals(org):
    topic = pb.TopicRequest(topic_name="/data/ChangeEvents")
    info = org.stub.GetTopic(topic, metadata=org.signature, timeout=SOON)
    assert info.can_subscribe and not info.can_publish, info
    spoilt = [(name, "00D!none" if name == "accesstoken" else value) for name, value in org.signature]
    refused("service.auth.error", lambda: org.stub.GetTopic(topic, metadata=spoilt, timeout=SOON))
    refused("service.auth.headers.invalid", lambda: org.stub.GetTopic(topic, timeout=SOON))
    refused("topic.not.found", lambda: Stream(org, "/data/NoSuchChangeEvent", 1).take(1))
    corrupted = "subscription.fetch.replayid.corrupted"
    refused(corrupted, lambda: Stream(org, "/data/ChangeEvents", 1, "CUSTOM", b"x").take(1))
    old = "subscription.fetch.replayid.validation.failed"
    refused(old, lambda: Stream(org, "/data/ChangeEvents", 1, "CUSTOM", bytes(8)).take(1))


def main():
    org = Org(sys.argv[1].rstrip("/"))
    check_events(org)
    check_flow_control(org)
    check_refusals(org)
    print("grpcio and fastavro: ok")


if __name__ == "__main__":
    main()
