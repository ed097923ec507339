"""What a call to MoodBridge can fail with."""

from __future__ import annotations

from airflow.sdk.exceptions import AirflowException, AirflowFailException


class MoodBridgeError(AirflowException):
    """A call that failed for now: Airflow tries the task again."""


class MoodBridgeRefused(MoodBridgeError, AirflowFailException):
    """A call that fails again however often it is made: Airflow fails the task at once.

    ``kind`` is the end of the problem's type, such as ``refused-fields``; empty where there is none.
    """

    def __init__(self, message: str, status: int = 0, kind: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.kind = kind
