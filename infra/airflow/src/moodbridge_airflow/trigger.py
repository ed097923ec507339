"""The trigger that waits for a run of a pipeline while no worker is held."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

from airflow.triggers.base import BaseTrigger, TriggerEvent

from moodbridge_airflow.errors import MoodBridgeError, MoodBridgeRefused
from moodbridge_airflow.hook import MoodBridgeHook
from moodbridge_airflow.runs import is_over, newest, run_path

# So often MoodBridge may be out of reach, one look after the other, until the task is told.
N_SETBACKS = 20


class PipelineRunTrigger(BaseTrigger):
    """Fires when a run has ended: the run with the id ``run``, or the newest of ``pipeline`` since ``since``.

    It holds the name of a connection, never what is in it.

    :param moodbridge_conn_id: the connection.
    :param poll_s: how long to wait between two looks, in seconds.
    """

    def __init__(
        self,
        *,
        moodbridge_conn_id: str,
        run: str | None = None,
        pipeline: str | None = None,
        since: str | None = None,
        poll_s: float = 10.0,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.moodbridge_conn_id = moodbridge_conn_id
        self.run_id = run
        self.pipeline = pipeline
        self.since = since
        self.poll_s = poll_s

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Tells Airflow how to make this trigger again."""
        kwargs = {
            "moodbridge_conn_id": self.moodbridge_conn_id,
            "run": self.run_id,
            "pipeline": self.pipeline,
            "since": self.since,
            "poll_s": self.poll_s,
        }
        return f"{type(self).__module__}.{type(self).__qualname__}", kwargs

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Looks until the run has ended; what cannot be mended by waiting is handed to the task."""
        hook = MoodBridgeHook(self.moodbridge_conn_id)
        n_setbacks = 0
        while True:
            try:
                # The hook waits for the network: not in the loop that all triggers share.
                found = await asyncio.to_thread(self._look, hook)
                n_setbacks = 0
                if found is not None and is_over(found):
                    yield TriggerEvent({"run": found["id"]})
                    return
            except MoodBridgeRefused as error:
                yield TriggerEvent({"refused": str(error)})
                return
            except MoodBridgeError as error:
                n_setbacks += 1
                self.log.warning("look %s of %s failed: %s", n_setbacks, N_SETBACKS, error)
                if n_setbacks >= N_SETBACKS:
                    yield TriggerEvent({"failed": str(error)})
                    return
            await asyncio.sleep(self.poll_s)

    def _look(self, hook: MoodBridgeHook) -> dict[str, Any] | None:
        if self.run_id is not None:
            found: dict[str, Any] = hook.get(run_path(self.run_id))
            return found
        return newest(hook, str(self.pipeline), datetime.fromisoformat(str(self.since)))


def run_of(event: dict[str, Any]) -> str:
    """Returns the id of the run that a trigger told of.

    :raises MoodBridgeRefused: when MoodBridge refused to tell of it.
    :raises MoodBridgeError: when MoodBridge was out of reach for too long.
    """
    if "refused" in event:
        raise MoodBridgeRefused(event["refused"])
    if "failed" in event:
        raise MoodBridgeError(event["failed"])
    return str(event["run"])
