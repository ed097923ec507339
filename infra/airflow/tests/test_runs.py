"""The operator, the sensor and their trigger: what they send, when they wait, and what they say."""

from __future__ import annotations

import asyncio
import json
import os
import unittest
from datetime import datetime, timezone
from types import SimpleNamespace
from typing import Any
from unittest import mock

from airflow.sdk.exceptions import AirflowFailException, TaskDeferred
from double import Answer, Double
from moodbridge_airflow.errors import MoodBridgeError, MoodBridgeRefused
from moodbridge_airflow.operator import RunPipelineOperator
from moodbridge_airflow.sensor import PipelineRunSensor
from moodbridge_airflow.trigger import PipelineRunTrigger, run_of

ID = "0af7651916cd43dd8448eb211c80319c"
AT = "2026-12-01T06:00:00.000Z"
COUNTS = {"n_read": 1000, "n_filtered": 4, "n_rejected": 6, "n_out": 990}


def run(state: str, **more: Any) -> Answer:
    return Answer(200, {"id": ID, "pipeline": "clean-cases", "state": state, "message": None, "requested_at": AT} | more)


def refused(state: str = "refused") -> Answer:
    rules = [
        {"rule": "not_null_opened", "action": "quarantine", "n_checked": 996, "n_failed": 6},
        {"rule": "unique_id", "action": "drop", "n_checked": 990, "n_failed": 0},
    ]
    return run(state, message="6 of 1000 rows were rejected, and 99.5 % must pass", counts=COUNTS, rules=rules)


def context(try_number: int = 1, run_id: str = "manual__1") -> dict[str, Any]:
    instance = SimpleNamespace(dag_id="nightly", run_id=run_id, task_id="clean", map_index=-1, try_number=try_number)
    begun = datetime(2026, 12, 1, 5, tzinfo=timezone.utc)
    return {"ti": instance, "dag_run": SimpleNamespace(run_after=begun)}


class RunsTest(unittest.TestCase):
    def serve(self, *answers: Answer) -> Double:
        double = self.enterContext(Double(answers))
        fields = {"conn_type": "moodbridge", "host": double.url, "password": "hunter2"}
        env = {"AIRFLOW_CONN_MOODBRIDGE_DEFAULT": json.dumps(fields), "NO_PROXY": "127.0.0.1"}
        patch = mock.patch.dict(os.environ, env)
        patch.start()
        self.addCleanup(patch.stop)
        return double

    def operator(self, **more: Any) -> RunPipelineOperator:
        return RunPipelineOperator(task_id="clean", pipeline="clean cases/ü", poll_s=0.01, **more)

    def test_run_is_started_once_and_waited_for_by_a_trigger(self) -> None:
        double = self.serve(run("queued"))
        with self.assertRaises(TaskDeferred) as caught:
            self.operator(partitions=["2026-01"]).execute(context())
        method, path, headers, body = double.asked[0]
        self.assertEqual((method, path), ("POST", "/v1/pipelines/clean%20cases%2F%C3%BC/runs"))
        self.assertEqual(headers["Idempotency-Key"], "airflow:nightly:manual__1:clean:-1")
        self.assertEqual(json.loads(body), {"partitions": ["2026-01"]})
        where, kwargs = caught.exception.trigger.serialize()
        self.assertEqual(where, "moodbridge_airflow.trigger.PipelineRunTrigger")
        self.assertEqual(kwargs["run"], ID)
        self.assertNotIn("hunter2", str(kwargs))
        self.assertEqual(caught.exception.method_name, "resume")

    def test_key_that_no_header_takes_is_hashed(self) -> None:
        double = self.serve(run("queued"))
        for run_id in ("täglich", "a b", "x" * 300):
            with self.assertRaises(TaskDeferred):
                self.operator().execute(context(run_id=run_id))
        keys = [asked[2]["Idempotency-Key"] for asked in double.asked]
        self.assertEqual(len(set(keys)), 3)
        for key in keys:
            self.assertRegex(key, "^airflow:[0-9a-f]{64}$")

    def test_worker_waits_where_no_trigger_does(self) -> None:
        done = run("succeeded", counts=COUNTS, partitions=[{"output": "file:out/a.parquet"}, {"output": None}])
        double = self.serve(run("queued"), run("running"), done)
        told = self.operator(deferrable=False).execute(context())
        self.assertEqual(told["counts"]["n_out"], 990)
        self.assertEqual((told["run"], told["outputs"]), (ID, ["file:out/a.parquet"]))
        self.assertEqual(double.asked[1][1], f"/v1/pipelines/runs/{ID}")

    def test_closed_gate_fails_the_task_for_good_with_what_it_said(self) -> None:
        self.serve(refused())
        with self.assertRaises(AirflowFailException) as caught:
            self.operator().resume(context(), {"run": ID})
        told = str(caught.exception)
        self.assertIn("6 of 1000 rows were rejected, and 99.5 % must pass", told)
        self.assertIn("not_null_opened (6 of 996, quarantine)", told)
        self.assertNotIn("unique_id", told)

    def test_failed_run_may_be_tried_again(self) -> None:
        self.serve(refused("failed"))
        with self.assertRaises(MoodBridgeError) as caught:
            self.operator().resume(context(), {"run": ID})
        self.assertNotIsInstance(caught.exception, AirflowFailException)

    def test_second_try_does_what_did_not_succeed_again(self) -> None:
        double = self.serve(run("failed"), run("queued"))
        with self.assertRaises(TaskDeferred):
            self.operator().execute(context(try_number=2))
        self.assertEqual(double.asked[1][:2], ("POST", f"/v1/pipelines/runs/{ID}/retry"))
        for state in ("running", "succeeded"):
            double = self.serve(run(state, counts=COUNTS))
            try:
                self.operator().execute(context(try_number=2))
            except TaskDeferred:
                pass
            self.assertFalse([it for it in double.asked if it[1].endswith("/retry")], state)

    def test_stopped_task_ends_its_run(self) -> None:
        double = self.serve(run("running"))
        operator = self.operator()
        operator.on_kill()
        self.assertEqual(double.asked, [])
        with self.assertRaises(TaskDeferred):
            operator.execute(context())
        operator.on_kill()
        self.assertEqual(double.asked[-1][:2], ("POST", f"/v1/pipelines/runs/{ID}/cancel"))

    def fired(self, **kwargs: Any) -> dict[str, Any]:
        trigger = PipelineRunTrigger(moodbridge_conn_id="moodbridge_default", poll_s=0.01, **kwargs)

        async def first() -> dict[str, Any]:
            async for event in trigger.run():
                return dict(event.payload)
            raise AssertionError("the trigger ended without an event")

        return asyncio.run(first())

    def test_trigger_fires_at_the_end(self) -> None:
        double = self.serve(run("queued"), run("running"), Answer(503, Retry_After="0"), run("refused"))
        self.assertEqual(self.fired(run=ID), {"run": ID})
        self.assertEqual(len(double.asked), 4)

    def test_trigger_hands_on_what_waiting_does_not_mend(self) -> None:
        self.serve(Answer(404, {"title": "Not found", "detail": "there is no such run"}))
        event = self.fired(run=ID)
        with self.assertRaisesRegex(MoodBridgeRefused, "there is no such run"):
            run_of(event)
        with self.assertRaises(MoodBridgeError) as caught:
            run_of({"failed": "no answer"})
        self.assertNotIsInstance(caught.exception, MoodBridgeRefused)

    def test_trigger_waits_for_a_run_that_is_young_enough(self) -> None:
        def page(*items: Answer) -> Answer:
            return Answer(200, {"items": [json.loads(it.body) for it in items]})

        old = run("succeeded", requested_at="2026-11-30T06:00:00.000Z")
        double = self.serve(page(), page(old), page(run("running")), page(run("succeeded")))
        fired = self.fired(pipeline="clean-cases", since="2026-12-01T05:00:00+00:00")
        self.assertEqual(fired, {"run": ID})
        self.assertEqual(double.asked[0][1], "/v1/pipelines/runs?pipeline=clean-cases&limit=1")
        self.assertEqual(len(double.asked), 4)

    def test_sensor_waits_for_one_or_the_other(self) -> None:
        for named in ({}, {"run": ID, "pipeline": "clean-cases"}):
            with self.assertRaisesRegex(ValueError, "name `run` or `pipeline`"):
                PipelineRunSensor(task_id="wait", **named)
        with self.assertRaises(TaskDeferred) as caught:
            PipelineRunSensor(task_id="wait", pipeline="clean-cases").execute(context())
        self.assertEqual(caught.exception.trigger.serialize()[1]["since"], "2026-12-01T05:00:00+00:00")
        for since in ("soon", "2026-12-01T06:00:00"):
            with self.assertRaisesRegex(MoodBridgeRefused, "write such as"):
                PipelineRunSensor(task_id="wait", pipeline="a", since=since).execute(context())

    def test_sensor_without_a_trigger_looks(self) -> None:
        self.serve(run("running"), run("succeeded"), run("succeeded"), refused())
        sensor = PipelineRunSensor(task_id="wait", run=ID, deferrable=False)
        self.assertEqual([sensor.poke(context()), sensor.poke(context())], [False, True])
        with self.assertRaisesRegex(AirflowFailException, "must pass"):
            sensor.poke(context())


if __name__ == "__main__":
    unittest.main()
