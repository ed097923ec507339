"""The hook that calls the API of MoodBridge."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Mapping
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

import requests
from airflow.sdk import BaseHook

from moodbridge_airflow.errors import MoodBridgeError, MoodBridgeRefused

# What says that the same call may succeed a moment later.
PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})
# Of these, the ones that say that nothing was done: any call may be made again.
NOT_DONE = frozenset({425, 429, 503})
REPEATABLE = frozenset({"GET", "HEAD", "PUT", "DELETE"})
FIRST_WAIT_S = 0.5
# A longer wait is handed on: the task's own retries know better than to hold a slot.
LONGEST_WAIT_S = 60.0
# A token is replaced this long before its end.
TOKEN_MARGIN_S = 60.0
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class MoodBridgeHook(BaseHook):
    """Calls the API of one MoodBridge.

    The connection holds the address as its host, such as ``https://moodbridge.firm.example``, and signs in
    with a bearer token as its password. With ``{"token_url": ..., "scope": ..., "audience": ...}`` as its
    extra, login and password are the id and the secret of a client instead, for which the firm's issuer
    gives tokens (OAuth 2.0, client credentials); scope and audience may be left out.

    :param moodbridge_conn_id: the connection.
    :param timeout_s: how long one attempt may take, in seconds.
    :param n_attempts: how often a call is made that fails for a passing reason.
    """

    conn_name_attr = "moodbridge_conn_id"
    default_conn_name = "moodbridge_default"
    conn_type = "moodbridge"
    hook_name = "MoodBridge"

    def __init__(
        self,
        moodbridge_conn_id: str = default_conn_name,
        *,
        timeout_s: float = 30.0,
        n_attempts: int = 5,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        super().__init__()
        self.moodbridge_conn_id = moodbridge_conn_id
        self.timeout_s = timeout_s
        self.n_attempts = max(1, n_attempts)
        self._sleep = sleep
        self._session: requests.Session | None = None
        self._token: str | None = None
        self._token_ends_at = 0.0

    def get_conn(self) -> requests.Session:
        """Returns the session that calls go through."""
        if self._session is None:
            self._session = requests.Session()
            # A proxy may be named in the environment; passwords out of .netrc must not be sent along.
            self._session.auth = _no_auth
        return self._session

    def test_connection(self) -> tuple[bool, str]:
        """Tells whether MoodBridge knows who asks."""
        try:
            me = self.get("/v1/me")
        except Exception as error:
            return False, str(error)
        return True, f"signed in, with the roles: {', '.join(me.get('roles', [])) or 'none'}"

    def get(self, path: str, params: Mapping[str, Any] | None = None) -> Any:
        """Reads ``path``, such as ``/v1/overview``."""
        return self.call("GET", path, params=params)

    def pages(self, path: str, params: Mapping[str, Any] | None = None) -> Iterator[dict[str, Any]]:
        """Yields the items of a list, page after page: memory stays flat however many there are."""
        asked = dict(params or {})
        while True:
            page = self.get(path, asked)
            yield from page["items"]
            if page.get("next_cursor") is None:
                return
            asked["cursor"] = page["next_cursor"]

    def call(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        body: Any = None,
        idempotency_key: str | None = None,
        if_match: str | None = None,
    ) -> Any:
        """Makes a call and returns what was answered, read from JSON; ``None`` when that is empty.

        A call that writes is made again after a lost answer only with an ``idempotency_key``, such as the
        run id of the DAG run.

        :raises MoodBridgeRefused: when the same call fails again, however often it is made.
        :raises MoodBridgeError: when a later one may succeed.
        """
        headers = {"Accept": "application/json"}
        if idempotency_key is not None:
            headers["Idempotency-Key"] = idempotency_key
        if if_match is not None:
            headers["If-Match"] = if_match
        request = requests.Request(method.upper(), self._url(path), params=params, json=body, headers=headers)
        response = self._send(request, is_repeatable=method.upper() in REPEATABLE or idempotency_key is not None)
        if not response.ok or response.is_redirect:
            raise refusal(response)
        if not response.content:
            return None
        try:
            return response.json()
        except requests.JSONDecodeError as error:
            raise MoodBridgeError(f"{method.upper()} {path}: the answer is not JSON") from error

    def _url(self, path: str) -> str:
        connection = self.get_connection(self.moodbridge_conn_id)
        host = (connection.host or "").rstrip("/")
        address = urlsplit(host)
        if address.scheme not in ("https", "http") or not address.hostname:
            raise MoodBridgeRefused(
                f"connection `{self.moodbridge_conn_id}`: write its host as an address, such as https://moodbridge.firm.example"
            )
        if address.username is not None or address.password is not None:
            raise MoodBridgeRefused(
                f"connection `{self.moodbridge_conn_id}`: write the token as its password, not into its host"
            )
        must_be_encrypted(host, f"connection `{self.moodbridge_conn_id}`")
        if not path.startswith("/"):
            raise MoodBridgeRefused(f"`{path}` is no path: begin it with a slash, such as /v1/overview")
        return host + path

    def _send(self, request: requests.Request, *, is_repeatable: bool) -> requests.Response:
        """Sends ``request`` until it is answered for good, and once more with a fresh token."""
        n_sent, is_token_fresh = 0, False
        while True:
            n_sent += 1
            request.headers["Authorization"] = f"Bearer {self._bearer(anew=is_token_fresh)}"
            try:
                response = self._attempt(request)
            except requests.RequestException as error:
                is_unsent = isinstance(error, requests.ConnectTimeout)
                if n_sent >= self.n_attempts or not (is_repeatable or is_unsent):
                    # Of the request, only what names nobody: its query may.
                    place = urlsplit(request.url or "")
                    raise MoodBridgeError(
                        f"{request.method} {place.path}: no answer from {place.hostname} after {n_sent} attempts: {type(error).__name__}"
                    ) from None
                self._sleep(wait_s(n_sent, None))
                continue
            if response.status_code == 401 and not is_token_fresh and self._is_client():
                is_token_fresh = True
                continue
            is_passing = response.status_code in PASSING and (is_repeatable or response.status_code in NOT_DONE)
            if not is_passing or n_sent >= self.n_attempts:
                return response
            pause = wait_s(n_sent, response.headers.get("Retry-After"))
            if pause > LONGEST_WAIT_S:
                return response
            self.log.info("MoodBridge answered %s; trying again in %.1f s", response.status_code, pause)
            self._sleep(pause)

    def _attempt(self, request: requests.Request) -> requests.Response:
        session = self.get_conn()
        prepared = session.prepare_request(request)
        settings = session.merge_environment_settings(prepared.url or "", {}, None, None, None)
        # A redirect is an answer too: the token goes nowhere else.
        return session.send(prepared, timeout=self.timeout_s, allow_redirects=False, **settings)

    def _is_client(self) -> bool:
        return bool(self.get_connection(self.moodbridge_conn_id).extra_dejson.get("token_url"))

    def _bearer(self, *, anew: bool) -> str:
        connection = self.get_connection(self.moodbridge_conn_id)
        if not connection.password:
            raise MoodBridgeRefused(f"connection `{self.moodbridge_conn_id}` has no password: write the token there")
        if not self._is_client():
            return str(connection.password)
        if self._token is None or anew or time.monotonic() >= self._token_ends_at:
            self._token, lifetime_s = self._grant(connection)
            self._token_ends_at = time.monotonic() + max(0.0, lifetime_s - TOKEN_MARGIN_S)
        return self._token

    def _grant(self, connection: Any) -> tuple[str, float]:
        """Asks the issuer for a token of the client's own. Source: RFC 6749, section 4.4."""
        extra = connection.extra_dejson
        url = str(extra["token_url"])
        must_be_encrypted(url, f"`token_url` of connection `{self.moodbridge_conn_id}`")
        form = {"grant_type": "client_credentials"}
        form |= {name: str(extra[name]) for name in ("scope", "audience") if extra.get(name)}
        client = requests.auth.HTTPBasicAuth(connection.login or "", connection.password or "")
        try:
            answer = requests.post(url, data=form, auth=client, timeout=self.timeout_s, allow_redirects=False)
        except requests.RequestException as error:
            raise MoodBridgeError(f"the issuer at {urlsplit(url).hostname} gave no answer: {type(error).__name__}") from None
        if answer.status_code in PASSING:
            raise MoodBridgeError(f"the issuer answered HTTP {answer.status_code}")
        try:
            grant = answer.json()
        except requests.JSONDecodeError:
            grant = {}
        if answer.status_code != 200 or not isinstance(grant, dict) or not isinstance(grant.get("access_token"), str):
            # Source: RFC 6749, section 5.2. The description may repeat what was sent.
            reason = grant.get("error") if isinstance(grant, dict) else None
            raise MoodBridgeRefused(
                f"the issuer refused the client of connection `{self.moodbridge_conn_id}`: HTTP {answer.status_code} {reason or ''}".rstrip(),
                answer.status_code,
            )
        lifetime = grant.get("expires_in")
        return grant["access_token"], float(lifetime) if isinstance(lifetime, (int, float)) else 300.0


def _no_auth(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request


def must_be_encrypted(address: str, what: str) -> None:
    """Refuses an address without TLS, unless it is of this machine."""
    parts = urlsplit(address)
    if parts.scheme != "https" and parts.hostname not in LOOPBACK:
        raise MoodBridgeRefused(f"{what}: `{parts.hostname}` would be sent a secret without TLS: write https")


def wait_s(n_sent: int, retry_after: str | None) -> float:
    """Returns how long to wait after ``n_sent`` attempts: as was asked for, or a growing time with jitter."""
    if retry_after is not None:
        try:
            return max(0.0, float(int(retry_after)))
        except ValueError:
            pass
        try:
            return max(0.0, parsedate_to_datetime(retry_after).timestamp() - time.time())
        except ValueError:
            pass
    cap = min(LONGEST_WAIT_S, FIRST_WAIT_S * 2**n_sent)
    return random.uniform(cap / 2, cap)


def refusal(response: requests.Response) -> MoodBridgeError:
    """Makes the error of an answer that is no success. Source: docs/api.md, RFC 9457."""
    place = urlsplit(response.request.url or "").path
    told = f"{response.request.method} {place}: HTTP {response.status_code}"
    try:
        problem = response.json()
    except requests.JSONDecodeError:
        problem = {}
    if not isinstance(problem, dict):
        problem = {}
    parts = [str(problem[name]) for name in ("title", "detail") if problem.get(name)]
    faults = problem.get("errors")
    if isinstance(faults, list):
        parts += [f"{it.get('field')}: {it.get('message')}" for it in faults if isinstance(it, dict)]
    message = ": ".join([told, "; ".join(parts)]) if parts else told
    if response.status_code in PASSING:
        return MoodBridgeError(message)
    if response.is_redirect:
        message = f"{told}: it redirects to another address: write that one as the connection's host"
    return MoodBridgeRefused(message, response.status_code, str(problem.get("type", "")).rsplit(":", 1)[-1])
