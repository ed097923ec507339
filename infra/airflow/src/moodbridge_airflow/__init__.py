"""Airflow calls MoodBridge."""

from __future__ import annotations

from typing import Any

__version__ = "0.1.0"


def get_provider_info() -> dict[str, Any]:
    """Tells Airflow what this package brings."""
    return {
        "package-name": "airflow-provider-moodbridge",
        "name": "MoodBridge",
        "description": "Runs pipelines of MoodBridge and calls its API.",
        "versions": [__version__],
        "integrations": [{"integration-name": "MoodBridge", "external-doc-url": "", "tags": ["service"]}],
        "hooks": [{"integration-name": "MoodBridge", "python-modules": ["moodbridge_airflow.hook"]}],
        "operators": [{"integration-name": "MoodBridge", "python-modules": ["moodbridge_airflow.operator"]}],
        "sensors": [{"integration-name": "MoodBridge", "python-modules": ["moodbridge_airflow.sensor"]}],
        "triggers": [{"integration-name": "MoodBridge", "python-modules": ["moodbridge_airflow.trigger"]}],
        "connection-types": [
            {
                "connection-type": "moodbridge",
                "hook-class-name": "moodbridge_airflow.hook.MoodBridgeHook",
                "hook-name": "MoodBridge",
                "ui-field-behaviour": {
                    "hidden-fields": ["port", "schema"],
                    "relabeling": {
                        "host": "Address",
                        "login": "Client id",
                        "password": "Token, or secret of the client",
                    },
                    "placeholders": {"host": "https://moodbridge.firm.example"},
                },
                "conn-fields": {
                    "token_url": {
                        "label": "Token endpoint of the issuer",
                        "description": "Where the client gets its tokens; empty where the password is a token",
                        "schema": {"type": ["string", "null"], "format": "url"},
                    },
                    "scope": {"label": "Scope", "schema": {"type": ["string", "null"]}},
                    "audience": {"label": "Audience", "schema": {"type": ["string", "null"]}},
                },
            }
        ],
    }
