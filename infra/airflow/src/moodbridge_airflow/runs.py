"""Runs of pipelines, as the API tells of them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote

from moodbridge_airflow.errors import MoodBridgeError, MoodBridgeRefused
from moodbridge_airflow.hook import MoodBridgeHook

UNDER_WAY = frozenset({"queued", "running"})
SUCCEEDED = "succeeded"
# The rows were not good enough: the same rows are not better the next time.
REFUSED = "refused"
# How many rules a message names.
N_NAMED = 5


def runs_path(pipeline: str) -> str:
    """Returns where runs of ``pipeline`` are started."""
    return f"/v1/pipelines/{quote(pipeline, safe='')}/runs"


def run_path(run: str) -> str:
    """Returns where the run with the id ``run`` is read."""
    return f"/v1/pipelines/runs/{quote(run, safe='')}"


def is_over(run: Mapping[str, Any]) -> bool:
    """Tells whether ``run`` has ended, well or not."""
    return run["state"] not in UNDER_WAY


def newest(hook: MoodBridgeHook, pipeline: str, since: datetime) -> dict[str, Any] | None:
    """Returns the newest run of ``pipeline`` that was asked for at ``since`` or later."""
    found = hook.get("/v1/pipelines/runs", {"pipeline": pipeline, "limit": 1})["items"]
    if not found or datetime.fromisoformat(found[0]["requested_at"]) < since:
        return None
    run: dict[str, Any] = found[0]
    return run


def settle(hook: MoodBridgeHook, run: str) -> dict[str, Any]:
    """Reads a run that has ended, and returns what later tasks may want to know of it.

    :raises MoodBridgeRefused: when the quality gate stopped it, or somebody cancelled it.
    :raises MoodBridgeError: when it failed.
    """
    detail = hook.get(run_path(run))
    state = detail["state"]
    if state == SUCCEEDED:
        counts = detail.get("counts") or {}
        outputs = [it["output"] for it in detail.get("partitions", []) if it.get("output")]
        return {"run": run, "pipeline": detail["pipeline"], "counts": counts, "outputs": outputs}
    told = f"pipeline `{detail['pipeline']}`, run {run}: {state}"
    if detail.get("message"):
        told = f"{told}: {detail['message']}"
    broken = sorted((it for it in detail.get("rules", []) if it["n_failed"]), key=lambda it: -it["n_failed"])
    if broken:
        named = [f"{it['rule']} ({it['n_failed']} of {it['n_checked']}, {it['action']})" for it in broken[:N_NAMED]]
        told = f"{told}; rules that rows broke: {', '.join(named)}"
        if len(broken) > N_NAMED:
            told = f"{told} and {len(broken) - N_NAMED} more"
    raise (MoodBridgeError if state == "failed" else MoodBridgeRefused)(told)
