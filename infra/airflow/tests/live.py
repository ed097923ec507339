"""The hook against a running MoodBridge: MOODBRIDGE_URL, and the token of an admin in MOODBRIDGE_TOKEN."""

from __future__ import annotations

import json
import os
import secrets
import unittest

from moodbridge_airflow.errors import MoodBridgeRefused
from moodbridge_airflow.hook import MoodBridgeHook


def hook(name: str, password: str) -> MoodBridgeHook:
    connection = {"conn_type": "moodbridge", "host": os.environ["MOODBRIDGE_URL"], "password": password}
    os.environ[f"AIRFLOW_CONN_{name.upper()}"] = json.dumps(connection)
    return MoodBridgeHook(name)


class LiveTest(unittest.TestCase):
    def setUp(self) -> None:
        self.hook = hook("live", os.environ["MOODBRIDGE_TOKEN"])

    def test_who_asks_is_known(self) -> None:
        is_good, told = self.hook.test_connection()
        self.assertTrue(is_good, told)
        self.assertIn("admin", told)

    def test_pages_hold_each_case_once(self) -> None:
        found = []
        for case in self.hook.pages("/v1/cases", {"limit": 40}):
            found.append(case["id"])
            if len(found) == 100:
                break
        self.assertEqual(len(set(found)), 100)

    def test_fault_is_named_with_its_fix(self) -> None:
        with self.assertRaisesRegex(MoodBridgeRefused, "limit: `900` is not a whole number from 1 to") as caught:
            self.hook.get("/v1/cases", {"limit": 900})
        self.assertEqual((caught.exception.status, caught.exception.kind), (400, "invalid-request"))
        with self.assertRaises(MoodBridgeRefused) as caught:
            self.hook.get("/v1/cases/00000000-0000-8000-8000-000000000000")
        self.assertEqual(caught.exception.kind, "not-found")

    def test_stranger_is_refused(self) -> None:
        with self.assertRaises(MoodBridgeRefused) as caught:
            hook("stranger", "x.y.z").get("/v1/me")
        self.assertEqual((caught.exception.status, caught.exception.kind), (401, "unauthorized"))

    def test_row_is_made_once_under_one_key(self) -> None:
        key = f"airflow-{secrets.token_hex(8)}"
        rows = [
            self.hook.call(
                "POST", "/v1/cases", params={"connection": "sandbox"}, body={"title": "Doe v. Roe"}, idempotency_key=key
            )
            for _ in range(2)
        ]
        self.assertEqual(rows[0]["row"]["id"], rows[1]["row"]["id"])
        self.assertEqual([it["is_changed"] for it in rows], [True, False])


if __name__ == "__main__":
    unittest.main()
