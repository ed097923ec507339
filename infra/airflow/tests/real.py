"""A real Airflow runs pipelines of a running MoodBridge: MOODBRIDGE_URL, the token of an admin in MOODBRIDGE_TOKEN.

usage: real.py SERVER PIPELINES, where SERVER starts an Airflow (tests/support/airflow/server.py) and PIPELINES is the
folder that MoodBridge takes definitions from.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

DAGS = Path(__file__).resolve().parent / "dags"
DEADLINE_S = 150.0
DEFINITION = """
pipeline: {name}
source: {{at: "file:{folder}/in.csv", columns: [{{name: id}}, {{name: fee, type: long}}]}}
rules: [{{not_null: fee}}]
threshold: {threshold}
sink: {{at: "file:{folder}/{name}.parquet"}}
quarantine: {{at: "file:{folder}/{name}-rejects.csv"}}
"""


class Airflow:
    """The API of an Airflow, as somebody who may start runs."""

    def __init__(self, ready: dict[str, Any]) -> None:
        self.origin = ready["origin"]
        sign_in = {"username": "moodbridge", "password": ready["passwords"]["moodbridge"]}
        self.token: str | None = None
        self.token = self.ask("/auth/token", sign_in)["access_token"]

    def ask(self, path: str, body: Any = None) -> Any:
        headers = {"content-type": "application/json"}
        if self.token:
            headers["authorization"] = f"Bearer {self.token}"
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.origin + path, data, headers)
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=30) as answer:
            return json.load(answer)

    def run(self, dag: str) -> tuple[str, dict[str, set[str]]]:
        """Runs a DAG, and returns how it ended and every state that each task was seen in."""
        run = self.ask(f"/api/v2/dags/{dag}/dagRuns", {"logical_date": None})["dag_run_id"]
        seen: dict[str, set[str]] = {}
        ends_at = time.monotonic() + DEADLINE_S
        while time.monotonic() < ends_at:
            state = self.ask(f"/api/v2/dags/{dag}/dagRuns/{run}")["state"]
            for task in self.ask(f"/api/v2/dags/{dag}/dagRuns/{run}/taskInstances")["task_instances"]:
                seen.setdefault(task["task_id"], set()).add(task["state"])
            if state in ("success", "failed"):
                self.last = f"/api/v2/dags/{dag}/dagRuns/{run}/taskInstances"
                return state, seen
            time.sleep(0.1)
        raise AssertionError(f"`{dag}` did not end: {seen}")

    def log(self, task: str) -> str:
        """Returns all that a task of the last run said."""
        return json.dumps(self.ask(f"{self.last}/{task}/logs/1?full_content=true"), ensure_ascii=False)


def check(airflow: Airflow) -> None:
    state, seen = airflow.run("good")
    assert state == "success", (state, seen, airflow.log("clean"))
    said = airflow.log("clean")
    assert "deferred" in seen["clean"] or "DEFERRED" in said, (seen, said)
    assert airflow.ask(f"{airflow.last}/clean/xcomEntries/return_value")["value"], "nothing is handed on"
    print("a pipeline was run, waited for without a worker, and its run handed on")
    state, seen = airflow.run("shut")
    said = airflow.log("clean")
    assert state == "failed", (state, seen)
    assert "must pass" in said and "not_null_fee" in said, said
    print("a closed gate failed the task with what it said")


def main() -> None:
    server, pipelines = sys.argv[1], Path(sys.argv[2])
    folder = pipelines.parent / "airflow-files"
    folder.mkdir(parents=True, exist_ok=True)
    pipelines.mkdir(parents=True, exist_ok=True)
    (folder / "in.csv").write_text("id,fee\na,1\nb,\nc,3\n")
    for name, threshold in (("airflow-good", 50), ("airflow-shut", 99)):
        text = DEFINITION.format(name=name, folder=folder, threshold=threshold)
        (pipelines / f"{name}.yaml").write_text(text)
    connection = {"conn_type": "moodbridge", "host": os.environ["MOODBRIDGE_URL"], "password": os.environ["MOODBRIDGE_TOKEN"]}
    env = os.environ | {"AIRFLOW_CONN_MOODBRIDGE_DEFAULT": json.dumps(connection), "MOODBRIDGE_AIRFLOW_DAGS": str(DAGS)}
    command = [*server.split(), "triggerer"]
    with subprocess.Popen(command, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        first = process.stdout.readline()
        assert first, "Airflow did not start"
        check(Airflow(json.loads(first)))
        process.communicate()


main()
