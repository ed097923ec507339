"""The sensor that waits for a run which something else started."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from airflow.sdk import BaseSensorOperator

from moodbridge_airflow.errors import MoodBridgeRefused
from moodbridge_airflow.hook import MoodBridgeHook
from moodbridge_airflow.runs import is_over, newest, run_path, settle
from moodbridge_airflow.trigger import PipelineRunTrigger, run_of


class PipelineRunSensor(BaseSensorOperator):
    """Waits until a run has succeeded; fails as soon as it has ended otherwise.

    :param run: the id of the run.
    :param pipeline: instead of ``run``, a pipeline whose newest run is waited for.
    :param since: of a pipeline, when that run was asked for at the earliest, as ISO 8601 with an offset; the
        begin of this DAG run when it is left out.
    :param moodbridge_conn_id: the connection.
    :param deferrable: whether a trigger waits; else this is a sensor with a ``mode`` like others.
    """

    template_fields: Sequence[str] = ("run_id", "pipeline", "since", "moodbridge_conn_id")

    def __init__(
        self,
        *,
        run: str | None = None,
        pipeline: str | None = None,
        since: str | None = None,
        moodbridge_conn_id: str = MoodBridgeHook.default_conn_name,
        deferrable: bool = True,
        poke_interval: float = 10.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(poke_interval=poke_interval, **kwargs)
        if (run is None) == (pipeline is None):
            raise ValueError("name `run` or `pipeline`, and not both")
        self.run_id = run
        self.pipeline = pipeline
        self.since = since
        self.moodbridge_conn_id = moodbridge_conn_id
        self.deferrable = deferrable

    def execute(self, context: Any) -> Any:
        """Waits by a trigger, or as every sensor does."""
        if not self.deferrable:
            return super().execute(context)
        trigger = PipelineRunTrigger(
            moodbridge_conn_id=self.moodbridge_conn_id,
            run=self.run_id,
            pipeline=self.pipeline,
            since=self._since(context).isoformat(),
            poll_s=self.poke_interval,
        )
        self.defer(trigger=trigger, method_name="resume", timeout=timedelta(seconds=self.timeout))

    def resume(self, context: Any, event: dict[str, Any]) -> dict[str, Any]:
        """Goes on when the trigger has fired."""
        return settle(MoodBridgeHook(self.moodbridge_conn_id), run_of(event))

    def poke(self, context: Any) -> bool:
        """Looks once."""
        hook = MoodBridgeHook(self.moodbridge_conn_id)
        if self.run_id is not None:
            run = hook.get(run_path(self.run_id))
        else:
            run = newest(hook, str(self.pipeline), self._since(context))
        if run is None or not is_over(run):
            return False
        settle(hook, run["id"])
        return True

    def _since(self, context: Any) -> datetime:
        begun = context["dag_run"].run_after
        if self.since is None:
            since: datetime = begun
        else:
            try:
                since = datetime.fromisoformat(self.since)
            except ValueError as error:
                raise MoodBridgeRefused(f"`since`: `{self.since}` is no time: write such as 2026-12-01T06:00:00Z") from error
        if since.tzinfo is None:
            raise MoodBridgeRefused(f"`since`: `{self.since}` has no offset: write such as 2026-12-01T06:00:00Z")
        return since
