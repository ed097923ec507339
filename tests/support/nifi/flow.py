"""The flow that the peer runs: parts with revisions, queues, bulletins, searches."""

import json
import threading
import time
import uuid
from datetime import datetime, timezone

from transfer import Refused

ROOT = "01900000-0000-1000-0000-00000000beef"
TERMS = {"EventType", "FlowFileUUID", "Filename", "ProcessorID", "Relationship"}
STATES = {"processors": {"RUNNING", "STOPPED", "DISABLED", "RUN_ONCE"},
          "input-ports": {"RUNNING", "STOPPED", "DISABLED"},
          "output-ports": {"RUNNING", "STOPPED", "DISABLED"},
          "controller-services": {"ENABLED", "DISABLED"}}


def now():
    return datetime.now(timezone.utc).strftime("%m/%d/%Y %H:%M:%S UTC")


class Flow:
    def __init__(self, path):
        with open(path, encoding="utf-8") as file:
            self.contents = json.load(file)["flowContents"]
        self.lock = threading.RLock()
        self.group, self.parts = self.contents["instanceIdentifier"], {}
        for kind, state, entries in (("processors", "STOPPED", self.contents["processors"]),
                                     ("input-ports", "STOPPED", self.contents["inputPorts"]),
                                     ("output-ports", "STOPPED", self.contents["outputPorts"])):
            for it in entries:
                self.add(kind, it["instanceIdentifier"], it["name"], state,
                         it.get("allowRemoteAccess", False), it["type"])
        self.add("controller-services", str(uuid.uuid5(uuid.NAMESPACE_URL, "service")),
                 "Certificates", "DISABLED", False, "org.apache.nifi.ssl.StandardSSLContextService")
        self.taken, self.bulletins, self.searches, self.n_searches = [], [], {}, 0
        self.max_queued, self.n_meddling, self.n_looks_for_search = 10000, 0, 2
        self.search_errors, self.peers, self.n_changes = [], [], 0

    def add(self, kind, id_, name, state, remote, type_):
        self.parts[id_] = {"kind": kind, "id": id_, "name": name, "state": state, "remote": remote,
                           "type": type_, "version": 0, "faults": []}

    # What was taken, and what waits.

    def take(self, files):
        with self.lock:
            self.taken += files

    def waits(self):
        """Flow files wait while what is behind them does not run."""
        works = any(it["kind"] == "processors" and it["name"].startswith("Route")
                    and it["state"] == "RUNNING" for it in self.parts.values())
        with self.lock:
            return [] if works else self.taken

    def is_full(self):
        return len(self.waits()) >= self.max_queued

    # Parts.

    def part(self, kind, id_):
        part = self.parts.get(id_)
        if part is None or part["kind"] != kind:
            raise Refused(404, f"Unable to find component with id '{id_}'.")
        return part

    def entity(self, part):
        component = {"id": part["id"], "name": part["name"], "parentGroupId": self.group,
                     "state": part["state"], "validationErrors": part["faults"],
                     "type": part["type"]}
        if part["kind"].endswith("ports"):
            component["allowRemoteAccess"] = part["remote"]
        shown = {"revision": {"clientId": "peer", "version": part["version"],
                              "lastModifier": "somebody"},
                 "id": part["id"], "component": component, "bulletins": [],
                 "permissions": {"canRead": True, "canWrite": True},
                 "operatePermissions": {"canRead": True, "canWrite": True}}
        with self.lock:
            if self.n_meddling:
                # Somebody else is faster than whoever reads this.
                self.n_meddling -= 1
                part["version"] += 1
        return shown

    def run_status(self, kind, id_, body):
        part = self.part(kind, id_)
        unknown = set(body) - {"revision", "state", "disconnectedNodeAcknowledged", "uiOnly"}
        if unknown:
            raise Refused(400, f"Unrecognized field {sorted(unknown)[0]!r}.")
        revision = body.get("revision")
        if not isinstance(revision, dict) or not isinstance(revision.get("version"), int):
            raise Refused(400, "Revision must be specified.")
        if body.get("state") not in STATES[kind]:
            raise Refused(400, "The state is not valid.")
        with self.lock:
            if revision["version"] != part["version"]:
                raise Refused(400, f"[{revision['version']}, {revision.get('clientId')}, {id_}] is"
                              " not the most up-to-date revision. This component appears to have"
                              " been modified")
            self.set_state(part, body["state"])
            part["version"] += 1
        return self.entity(part)

    def set_state(self, part, state):
        if state in ("RUNNING", "ENABLED") and part["faults"]:
            raise Refused(409, f"{part['name']} cannot be started because it is not valid")
        if state == "RUNNING" and part["state"] == "RUNNING":
            raise Refused(409, f"{part['name']} cannot be started because it is already running")
        part["state"] = state
        self.n_changes += 1

    def schedule(self, body, states, kinds):
        if body.get("state") not in states:
            raise Refused(400, "The state is not valid.")
        with self.lock:
            for part in self.parts.values():
                # Like NiFi, it starts what can be started.
                if part["kind"] in kinds and part["state"] != body["state"] and not part["faults"]:
                    part["state"] = body["state"]
                    part["version"] += 1
                    self.n_changes += 1
        return {"id": self.group, "state": body["state"]}

    def status(self):
        waits = self.waits()
        n_bytes = sum(it.n_bytes for it in waits)
        word = lambda it: "Invalid" if it["faults"] else it["state"].capitalize()
        connections = []
        for idx, it in enumerate(self.contents["connections"]):
            n = len(waits) if idx == 0 else 0
            size = n_bytes if idx == 0 else 0
            connections.append({"id": it["instanceIdentifier"], "canRead": True,
                                "connectionStatusSnapshot": {
                                    "id": it["instanceIdentifier"], "groupId": self.group,
                                    "name": it["name"], "sourceName": it["source"]["name"],
                                    "destinationName": it["destination"]["name"],
                                    "flowFilesQueued": n, "bytesQueued": size,
                                    "queuedCount": f"{n:,}",
                                    "percentUseCount": min(100, n * 100 // self.max_queued),
                                    "percentUseBytes": 0}})
        of = lambda kind: [it for it in self.parts.values() if it["kind"] == kind]
        run = lambda it: {"id": it["id"], "groupId": self.group, "name": it["name"],
                          "runStatus": word(it)}
        inner = {"id": self.group, "name": self.contents["name"], "flowFilesQueued": len(waits),
                 "bytesQueued": n_bytes, "queuedCount": f"{len(waits):,}", "activeThreadCount": 0,
                 "terminatedThreadCount": 0, "connectionStatusSnapshots": connections,
                 "processorStatusSnapshots": [
                     {"id": it["id"], "canRead": True, "processorStatusSnapshot": run(it)}
                     for it in of("processors")]}
        for field, kind in (("inputPortStatusSnapshots", "input-ports"),
                            ("outputPortStatusSnapshots", "output-ports")):
            inner[field] = [{"id": it["id"], "canRead": True, "portStatusSnapshot": run(it)}
                            for it in of(kind)]
        return inner

    def group_status(self, id_, is_recursive):
        inner = self.status()
        if id_ in ("root", ROOT):
            outer = {**inner, "id": ROOT, "name": "NiFi Flow", "connectionStatusSnapshots": [],
                     "processorStatusSnapshots": [], "inputPortStatusSnapshots": [],
                     "outputPortStatusSnapshots": [], "processGroupStatusSnapshots": []}
            if is_recursive:
                outer["processGroupStatusSnapshots"] = [
                    {"id": self.group, "canRead": True, "processGroupStatusSnapshot": inner}]
            inner = outer
        elif id_ != self.group:
            raise Refused(404, f"Unable to find process group with id '{id_}'.")
        return {"canRead": True, "processGroupStatus": {
            "id": inner["id"], "name": inner["name"], "statsLastRefreshed": now(),
            "aggregateSnapshot": inner}}

    # What it says, and what it remembers.

    def say(self, level, message):
        with self.lock:
            id_ = len(self.bulletins)
            self.bulletins.append({"id": id_, "groupId": self.group, "canRead": True,
                                   "timestamp": now(), "bulletin": {
                                       "id": id_, "groupId": self.group, "level": level,
                                       "sourceName": "Take by HTTP", "message": message,
                                       "timestampIso": "2026-12-01T00:00:00.000Z"}})

    def board(self, query):
        found = self.bulletins
        if "after" in query:
            found = [it for it in found if it["id"] > int(query["after"])]
        if "groupId" in query:
            found = [it for it in found if it["groupId"] == query["groupId"]]
        if "limit" in query:
            # NiFi leaves out the oldest.
            found = found[-int(query["limit"]):]
        return {"bulletinBoard": {"bulletins": found, "generated": now()}}

    def search(self, body):
        request = (body.get("provenance") or {}).get("request")
        if not isinstance(request, dict) or not isinstance(request.get("maxResults"), int):
            raise Refused(400, "Request must be specified.")
        terms = request.get("searchTerms") or {}
        for name, term in terms.items():
            if name not in TERMS or set(term) - {"value", "inverse"} or "value" not in term:
                raise Refused(400, f"Unknown search term {name}.")
        id_ = str(uuid.uuid4())
        self.n_searches += 1
        self.searches[id_] = {"request": request, "n_looks": 0, "begun": time.monotonic()}
        return self.found(id_)

    def found(self, id_):
        search = self.searches.get(id_)
        if search is None:
            raise Refused(404, "Unable to find provenance query.")
        is_done = search["n_looks"] >= self.n_looks_for_search
        search["n_looks"] += 1
        shown = {"id": id_, "uri": f"/provenance/{id_}", "submissionTime": now(),
                 "percentCompleted": 100 if is_done else 50, "finished": is_done,
                 "request": search["request"]}
        if is_done:
            events = self.events(search["request"])
            shown["results"] = {"provenanceEvents": events, "totalCount": len(events),
                                "total": f"{len(events):,}", "generated": now(),
                                "errors": self.search_errors}
        return {"provenance": shown}

    def events(self, request):
        terms = {name: it["value"] for name, it in (request.get("searchTerms") or {}).items()}
        entry = self.contents["inputPorts"][0]
        events = [{"id": str(number), "eventId": number, "eventType": "RECEIVE",
                   "eventTimestamp": now(), "eventTime": now(), "groupId": self.group,
                   "flowFileUuid": str(uuid.uuid5(uuid.NAMESPACE_URL, str(number))),
                   "componentId": entry["instanceIdentifier"], "componentName": entry["name"],
                   "componentType": "Input Port", "details": "Received"}
                  for number in range(len(self.taken))]
        keep = lambda it: (terms.get("ProcessorID", it["componentId"]) == it["componentId"]
                           and terms.get("FlowFileUUID", it["flowFileUuid"]) == it["flowFileUuid"])
        return [it for it in reversed(events) if keep(it)][:request["maxResults"]]
