"""What the hook sends, what it makes of each answer, and what it never shows."""

from __future__ import annotations

import json
import os
import unittest
from typing import Any
from unittest import mock

from airflow.sdk.exceptions import AirflowException, AirflowFailException
from double import Answer, Double
from moodbridge_airflow.errors import MoodBridgeError, MoodBridgeRefused
from moodbridge_airflow.hook import MoodBridgeHook, wait_s

OK = Answer(200, {"n": 1})


class HookTest(unittest.TestCase):
    def setUp(self) -> None:
        self.waits: list[float] = []

    def hook(self, host: str, **connection: Any) -> MoodBridgeHook:
        fields = {"conn_type": "moodbridge", "host": host, "password": "hunter2"} | connection
        env = {"AIRFLOW_CONN_MOODBRIDGE_DEFAULT": json.dumps(fields), "NO_PROXY": "127.0.0.1"}
        patch = mock.patch.dict(os.environ, env)
        patch.start()
        self.addCleanup(patch.stop)
        return MoodBridgeHook(timeout_s=2, sleep=self.waits.append)

    def serve(self, *answers: Answer) -> Double:
        return self.enterContext(Double(answers))

    def test_call_carries_the_token_and_what_was_given(self) -> None:
        double = self.serve(OK)
        hook = self.hook(double.url + "/")
        self.assertEqual(hook.get("/v1/overview", {"days": 30}), {"n": 1})
        hook.call("patch", "/v1/cases/1", body={"status": "Closed"}, if_match='"7"')
        (method, path, headers, _), (patch, _, patched, body) = double.asked
        self.assertEqual((method, path), ("GET", "/v1/overview?days=30"))
        self.assertEqual(headers["Authorization"], "Bearer hunter2")
        self.assertEqual((patch, patched["If-Match"]), ("PATCH", '"7"'))
        self.assertEqual(patched["Content-Type"], "application/json")
        self.assertEqual(json.loads(body), {"status": "Closed"})

    def test_answer_without_a_body_is_none(self) -> None:
        self.assertIsNone(self.hook(self.serve(Answer(204)).url).call("DELETE", "/v1/cases/1"))

    def test_pages_are_read_until_the_last(self) -> None:
        pages = [Answer(200, {"items": [1, 2], "next_cursor": "a b"}), Answer(200, {"items": [3], "next_cursor": None})]
        double = self.serve(*pages)
        found = list(self.hook(double.url).pages("/v1/cases", {"limit": 2}))
        self.assertEqual(found, [1, 2, 3])
        self.assertEqual(double.asked[1][1], "/v1/cases?limit=2&cursor=a+b")

    def test_reading_rides_out_a_storm(self) -> None:
        double = self.serve(Answer(503, Retry_After="7"), Answer(0), Answer(500), OK)
        self.assertEqual(self.hook(double.url).get("/v1/me"), {"n": 1})
        self.assertEqual(self.waits[0], 7.0)
        self.assertEqual(len(self.waits), 3)

    def test_endless_storm_ends_and_the_task_may_be_tried_again(self) -> None:
        double = self.serve(Answer(503, {"title": "The store does not answer"}))
        with self.assertRaisesRegex(MoodBridgeError, "HTTP 503: The store does not answer") as caught:
            self.hook(double.url).get("/v1/me")
        self.assertNotIsInstance(caught.exception, AirflowFailException)
        self.assertIsInstance(caught.exception, AirflowException)
        self.assertEqual(len(double.asked), 5)

    def test_nobody_holds_a_slot_for_an_hour(self) -> None:
        double = self.serve(Answer(429, Retry_After="3600"))
        with self.assertRaises(MoodBridgeError):
            self.hook(double.url).get("/v1/me")
        self.assertEqual((len(double.asked), self.waits), (1, []))

    def test_write_is_made_again_only_where_that_does_no_harm(self) -> None:
        for answer, key, n_calls in [
            (Answer(0), None, 1),
            (Answer(500), None, 1),
            (Answer(502), None, 1),
            (Answer(429), None, 2),
            (Answer(503), None, 2),
            (Answer(0), "run-1", 2),
            (Answer(500), "run-1", 2),
        ]:
            with self.subTest(status=answer.status, key=key), Double([answer, OK]) as double:
                hook = self.hook(double.url)
                try:
                    hook.call("POST", "/v1/cases", body={}, idempotency_key=key)
                except MoodBridgeError:
                    pass
                self.assertEqual(len(double.asked), n_calls)
                self.assertEqual({asked[2].get("Idempotency-Key") for asked in double.asked}, {key})

    def test_refusal_names_each_fault_and_fails_the_task_at_once(self) -> None:
        problem = {
            "type": "urn:moodbridge:problem:refused-fields",
            "title": "Fields were refused",
            "detail": "1 field",
            "errors": [{"field": "status", "message": "`Gone` is none of: Open, Closed"}],
        }
        double = self.serve(Answer(422, problem))
        with self.assertRaisesRegex(MoodBridgeRefused, "status: `Gone` is none of") as caught:
            self.hook(double.url).call("PATCH", "/v1/cases/1", body={"status": "Gone"})
        self.assertEqual((caught.exception.status, caught.exception.kind), (422, "refused-fields"))
        self.assertIsInstance(caught.exception, AirflowFailException)
        self.assertEqual(len(double.asked), 1)

    def test_pages_of_something_in_between_are_errors(self) -> None:
        for answer, kind in [
            (Answer(200, b"<html>"), MoodBridgeError),
            (Answer(403, b"<html>secret"), MoodBridgeRefused),
            (Answer(400, [1]), MoodBridgeRefused),
            (Answer(404, {"errors": "x", "type": 3}), MoodBridgeRefused),
        ]:
            with self.subTest(status=answer.status), Double([answer]) as double:
                with self.assertRaises(kind) as caught:
                    self.hook(double.url).get("/v1/me")
                self.assertNotIn("secret", str(caught.exception))

    def test_token_is_not_carried_to_where_a_redirect_leads(self) -> None:
        other = self.serve(OK)
        double = self.serve(Answer(307, Location=f"{other.url}/x"))
        with self.assertRaisesRegex(MoodBridgeRefused, "redirects"):
            self.hook(double.url).get("/v1/me")
        self.assertEqual(other.asked, [])

    def test_no_secret_goes_without_tls_or_shows(self) -> None:
        for host, part in [
            ("http://moodbridge.example", "without TLS"),
            ("moodbridge.example", "as an address"),
            ("", "as an address"),
            ("https://u:hunter2@moodbridge.example", "as its password"),
        ]:
            with self.subTest(host), self.assertRaisesRegex(MoodBridgeRefused, part) as caught:
                self.hook(host).get("/v1/me")
            self.assertNotIn("hunter2", str(caught.exception))
        with self.assertRaisesRegex(MoodBridgeRefused, "no password"):
            self.hook("https://moodbridge.example", password="").get("/v1/me")
        with self.assertRaisesRegex(MoodBridgeRefused, "begin it with a slash"):
            self.hook("https://moodbridge.example").get("@elsewhere.example/")

    def test_lost_connection_shows_no_query(self) -> None:
        double = self.serve(Answer(0))
        with self.assertRaisesRegex(MoodBridgeError, "GET /v1/cases: no answer from 127.0.0.1 after 5") as caught:
            self.hook(double.url).get("/v1/cases", {"search": "Ada"})
        self.assertNotIn("Ada", str(caught.exception))
        self.assertIsNone(caught.exception.__cause__)

    def test_client_gets_a_token_of_the_issuer_once_and_anew_when_it_is_refused(self) -> None:
        issuer = self.serve(
            Answer(200, {"access_token": "one", "expires_in": 3600}),
            Answer(200, {"access_token": "two", "expires_in": 3600}),
        )
        double = self.serve(OK, OK, Answer(401), OK)
        hook = self.hook(double.url, login="flow", extra={"token_url": f"{issuer.url}/token", "scope": "a b"})
        for _ in range(3):
            hook.get("/v1/me")
        tokens = [asked[2]["Authorization"] for asked in double.asked]
        self.assertEqual(tokens, ["Bearer one", "Bearer one", "Bearer one", "Bearer two"])
        self.assertEqual(len(issuer.asked), 2)
        self.assertEqual(issuer.asked[0][3], b"grant_type=client_credentials&scope=a+b")
        self.assertEqual(issuer.asked[0][2]["Authorization"], "Basic ZmxvdzpodW50ZXIy")

    def test_token_that_ends_is_replaced_before(self) -> None:
        issuer = self.serve(Answer(200, {"access_token": "one", "expires_in": 30}))
        hook = self.hook(self.serve(OK).url, login="flow", extra={"token_url": issuer.url})
        hook.get("/v1/me")
        hook.get("/v1/me")
        self.assertEqual(len(issuer.asked), 2)

    def test_refused_client_is_told_by_the_issuers_word(self) -> None:
        refusal = {"error": "invalid_client", "error_description": "hunter2 is wrong"}
        for answer, kind, part in [
            (Answer(401, refusal), MoodBridgeRefused, "HTTP 401 invalid_client"),
            (Answer(200, {}), MoodBridgeRefused, "HTTP 200"),
            (Answer(200, b"<html>"), MoodBridgeRefused, "HTTP 200"),
            (Answer(503), MoodBridgeError, "HTTP 503"),
        ]:
            with self.subTest(part), Double([answer]) as issuer:
                hook = self.hook("https://moodbridge.example", login="flow", extra={"token_url": issuer.url})
                with self.assertRaisesRegex(kind, part) as caught:
                    hook.get("/v1/me")
                self.assertNotIn("hunter2", str(caught.exception))
        hook = self.hook("https://moodbridge.example", extra={"token_url": "http://login.example/token"})
        with self.assertRaisesRegex(MoodBridgeRefused, "without TLS"):
            hook.get("/v1/me")

    def test_connection_is_tested_by_asking_who_one_is(self) -> None:
        hook = self.hook(self.serve(Answer(200, {"roles": ["analyst"]})).url)
        self.assertEqual(hook.test_connection(), (True, "signed in, with the roles: analyst"))
        is_good, told = self.hook(self.serve(Answer(401, {"title": "No token"})).url).test_connection()
        self.assertFalse(is_good)
        self.assertIn("No token", told)

    def test_waits_grow_and_end(self) -> None:
        self.assertEqual(wait_s(1, "3"), 3.0)
        self.assertEqual(wait_s(1, "Mon, 01 Jan 2024 00:00:00 GMT"), 0.0)
        for n_sent in range(1, 100):
            for raw in (None, "soon"):
                self.assertTrue(0.4 < wait_s(n_sent, raw) <= 60.0, n_sent)


if __name__ == "__main__":
    unittest.main()
