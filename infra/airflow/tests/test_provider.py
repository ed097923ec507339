"""Airflow finds the package as it is installed."""

from __future__ import annotations

import importlib.metadata
import unittest

from airflow.providers_manager import ProvidersManager
from moodbridge_airflow import __version__, get_provider_info
from moodbridge_airflow.hook import MoodBridgeHook


class ProviderTest(unittest.TestCase):
    def test_airflow_knows_provider_and_connection_type(self) -> None:
        manager = ProvidersManager()
        self.assertEqual(manager.providers["airflow-provider-moodbridge"].version, __version__)
        hook = manager.hooks["moodbridge"]
        assert hook is not None
        self.assertEqual(hook.hook_class_name, "moodbridge_airflow.hook.MoodBridgeHook")
        self.assertEqual(hook.hook_name, "MoodBridge")
        self.assertTrue(hook.connection_testable)
        behaviour = manager.field_behaviours["moodbridge"]
        self.assertEqual(behaviour["hidden_fields"], ["port", "schema"])
        fields = {name for name in manager.connection_form_widgets if name.startswith("extra__moodbridge__")}
        self.assertEqual(fields, {f"extra__moodbridge__{it}" for it in ("token_url", "scope", "audience")})

    def test_package_tells_one_version(self) -> None:
        self.assertEqual(importlib.metadata.version("airflow-provider-moodbridge"), __version__)
        self.assertEqual(get_provider_info()["versions"], [__version__])

    def test_package_is_typed(self) -> None:
        files = importlib.metadata.files("airflow-provider-moodbridge") or []
        self.assertIn("moodbridge_airflow/py.typed", [str(it) for it in files])
        self.assertEqual(MoodBridgeHook.conn_type, "moodbridge")


if __name__ == "__main__":
    unittest.main()
