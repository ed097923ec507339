"""The operator that runs a pipeline."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from airflow.sdk import BaseOperator

from moodbridge_airflow.errors import MoodBridgeError
from moodbridge_airflow.hook import MoodBridgeHook
from moodbridge_airflow.runs import SUCCEEDED, is_over, run_path, runs_path, settle
from moodbridge_airflow.trigger import PipelineRunTrigger, run_of


class RunPipelineOperator(BaseOperator):
    """Runs a pipeline of MoodBridge and waits for its end, without holding a worker.

    The same task instance starts one run however often it is tried: a run that is under way is waited for, and
    when the task is tried again, or cleared, the partitions that did not succeed are done again.
    When the quality gate stops a run, the task fails at once with what the gate said. The task returns
    the id of the run, its counts, and the files that it wrote.

    :param pipeline: the name of the pipeline.
    :param partitions: the partitions to run; all when it is left out.
    :param idempotency_key: names the order, when that of the task instance is not wanted.
    :param moodbridge_conn_id: the connection.
    :param deferrable: whether a trigger waits; else the worker does.
    :param poll_s: how long to wait between two looks, in seconds.
    :param timeout: how long to wait for the end in all.
    :param is_cancelled_on_kill: whether a task that is stopped while its worker waits ends the run.
    """

    template_fields: Sequence[str] = ("pipeline", "partitions", "idempotency_key", "moodbridge_conn_id")

    def __init__(
        self,
        *,
        pipeline: str,
        partitions: Sequence[str] | str | None = None,
        idempotency_key: str | None = None,
        moodbridge_conn_id: str = MoodBridgeHook.default_conn_name,
        deferrable: bool = True,
        poll_s: float = 10.0,
        timeout: timedelta = timedelta(hours=24),
        is_cancelled_on_kill: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.pipeline = pipeline
        self.partitions = partitions
        self.idempotency_key = idempotency_key
        self.moodbridge_conn_id = moodbridge_conn_id
        self.deferrable = deferrable
        self.poll_s = poll_s
        self.timeout = timeout
        self.is_cancelled_on_kill = is_cancelled_on_kill
        self._run: str | None = None

    def execute(self, context: Any) -> dict[str, Any]:
        """Starts the run and waits for its end."""
        hook = MoodBridgeHook(self.moodbridge_conn_id)
        run = self._started(hook, context)
        self._run = run["id"]
        self.log.info("run %s of `%s` is %s", run["id"], self.pipeline, run["state"])
        if not is_over(run) and self.deferrable:
            trigger = PipelineRunTrigger(
                moodbridge_conn_id=self.moodbridge_conn_id, run=run["id"], poll_s=self.poll_s
            )
            self.defer(trigger=trigger, method_name="resume", timeout=self.timeout)
        ends_at = time.monotonic() + self.timeout.total_seconds()
        while not is_over(run):
            if time.monotonic() > ends_at:
                raise MoodBridgeError(f"run {run['id']} of `{self.pipeline}` has not ended after {self.timeout}")
            time.sleep(self.poll_s)
            run = hook.get(run_path(run["id"]))
        return settle(hook, run["id"])

    def resume(self, context: Any, event: dict[str, Any]) -> dict[str, Any]:
        """Goes on when the trigger has fired."""
        return settle(MoodBridgeHook(self.moodbridge_conn_id), run_of(event))

    def on_kill(self) -> None:
        """Ends the run of a task that somebody stops."""
        if self._run is None or not self.is_cancelled_on_kill:
            return
        try:
            MoodBridgeHook(self.moodbridge_conn_id).call("POST", f"{run_path(self._run)}/cancel", idempotency_key=self._run)
        except MoodBridgeError as error:
            self.log.warning("run %s was not cancelled: %s", self._run, error)

    def _started(self, hook: MoodBridgeHook, context: Any) -> dict[str, Any]:
        key = self.idempotency_key or _key_of(context["ti"])
        body: dict[str, Any] = {}
        if self.partitions is not None:
            named = [self.partitions] if isinstance(self.partitions, str) else list(self.partitions)
            body["partitions"] = named
        run: dict[str, Any] = hook.call("POST", runs_path(self.pipeline), body=body, idempotency_key=key)
        is_tried_again = context["ti"].try_number > 1
        if is_tried_again and is_over(run) and run["state"] != SUCCEEDED:
            self.log.info("run %s is %s: what did not succeed is done again", run["id"], run["state"])
            path = f"{run_path(run['id'])}/retry"
            run = hook.call("POST", path, idempotency_key=f"{key}:{context['ti'].try_number}")
        return run


def _key_of(instance: Any) -> str:
    """Names what a task instance orders: visible ASCII, at most 255 characters."""
    named = f"airflow:{instance.dag_id}:{instance.run_id}:{instance.task_id}:{instance.map_index}"
    if len(named) <= 255 and named.isascii() and named.isprintable() and " " not in named:
        return named
    from hashlib import sha256

    return f"airflow:{sha256(named.encode()).hexdigest()}"
