"""Reads all objects of a sandbox org with airbyte-source-salesforce: `python airbyte_check.py http://127.0.0.1:8899`.

The connector logs in at a host that is fixed, so it goes through connect_proxy.py. Run with the interpreter of an
environment that has airbyte-requirements.txt.
"""

import base64
import hashlib
import json
import os
import secrets
import subprocess
import sys
import tempfile
from collections import Counter, defaultdict
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import requests

import connect_proxy

KEY, SECRET, CALLBACK = "moodbridge-sandbox", "sandbox-secret", "http://localhost:1717/OauthRedirect"
OBJECTS = ["Account", "Case", "Contact", "Organization", "User"]


def refresh_token(url):
    """Logs in as a person does in a browser."""
    verifier = secrets.token_urlsafe(64)
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
    consent = {"response_type": "code", "client_id": KEY, "redirect_uri": CALLBACK, "scope": "api refresh_token",
               "code_challenge": challenge, "code_challenge_method": "S256", "decision": "allow"}
    back = requests.post(f"{url}/services/oauth2/authorize", data=consent, allow_redirects=False, timeout=30)
    [code] = parse_qs(urlsplit(back.headers["location"]).query)["code"]
    grant = {"grant_type": "authorization_code", "code": code, "client_id": KEY, "client_secret": SECRET,
             "redirect_uri": CALLBACK, "code_verifier": verifier}
    answer = requests.post(f"{url}/services/oauth2/token", data=grant, timeout=30)
    return answer.json()["refresh_token"]


def source(environment, folder, *arguments):
    """Runs the connector; yields its messages."""
    command = [str(Path(sys.executable).with_name("source-salesforce")), *arguments]
    with open(folder / "stderr", "w", encoding="utf-8") as errors, subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, stderr=errors, text=True, encoding="utf-8") as running:
        for line in running.stdout:
            message = json.loads(line)
            if message["type"] == "TRACE" and message["trace"]["type"] == "ERROR":
                raise AssertionError(json.dumps(message["trace"]["error"], indent=1).replace("\\n", "\n"))
            yield message
    assert running.returncode == 0, (folder / "stderr").read_text(encoding="utf-8")


def counts(url):
    told = requests.get(f"{url}/_sandbox/counts", timeout=30).json()
    return {name: told[name]["live"] + told[name]["deleted"] for name in OBJECTS}


def check(url, folder):
    proxy, bundle = connect_proxy.start(url, folder)
    environment = {**os.environ, "HTTPS_PROXY": proxy, "REQUESTS_CA_BUNDLE": str(bundle), "NO_PROXY": "127.0.0.1"}
    config = {"client_id": KEY, "client_secret": SECRET, "refresh_token": refresh_token(url), "auth_type": "Client",
              "start_date": "2020-01-01T00:00:00Z", "stream_slice_step": "P2Y", "force_use_bulk_api": True,
              "preserve_na_values": True}
    (folder / "config.json").write_text(json.dumps(config))
    found = source(environment, folder, "discover", "--config", str(folder / "config.json"))
    [streams] = [message["catalog"]["streams"] for message in found if message["type"] == "CATALOG"]
    assert sorted(stream["name"] for stream in streams if stream["name"] != "Describe") == OBJECTS
    catalog = {"streams": [{"stream": stream, "sync_mode": "full_refresh", "destination_sync_mode": "overwrite"}
                           for stream in streams]}
    (folder / "catalog.json").write_text(json.dumps(catalog))
    before, ids, fields = counts(url), defaultdict(Counter), defaultdict(set)
    for message in source(environment, folder, "read", "--config", str(folder / "config.json"),
                          "--catalog", str(folder / "catalog.json")):
        if message["type"] == "RECORD" and message["record"]["stream"] in OBJECTS:
            record = message["record"]["data"]
            ids[message["record"]["stream"]][record["Id"]] += 1
            fields[message["record"]["stream"]].update(name for name, value in record.items() if value is not None)
    after = counts(url)
    for name in OBJECTS:
        assert before[name] <= len(ids[name]) <= after[name], (name, before, len(ids[name]), after)
        assert max(ids[name].values()) == 1, f"rows of {name} came twice"
        assert {"Id", "SystemModstamp", "IsDeleted"} <= fields[name], fields[name]
    assert {"Subject", "Docket_Number__c", "AccountId"} <= fields["Case"]
    return sum(len(rows) for rows in ids.values())


def main():
    url = sys.argv[1].rstrip("/")
    with tempfile.TemporaryDirectory() as folder:
        print(f"airbyte-source-salesforce: ok, {check(url, Path(folder))} rows of {len(OBJECTS)} objects read")


main()
