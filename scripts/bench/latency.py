"""Starts `moodbridge dev` with 10,000 cases and measures from a change on one side until the other shows it.

The clock starts when the answer to the change has come, and stops at the first read that shows it;
reads follow each other without a pause. Changes come one at a time, while the firm works on.
"""

import argparse
import http.client
import json
import os
import random
import re
import shutil
import signal
import subprocess
import tempfile
import threading
import time
import urllib.parse

N_CASES = 10_000
CHANNELS = {
    "webhook": ["--events", "webhooks", "--poll-every", "1h"],
    "event stream": ["--events", "pubsub", "--poll-every", "1h"],
    "poll every second": ["--events", "none", "--poll-every", "1s"],
}


class Client:
    """One kept-alive connection that asks for JSON."""

    def __init__(self, url, headers):
        self.http = http.client.HTTPConnection(urllib.parse.urlsplit(url).netloc, timeout=30)
        self.headers = headers

    def ask(self, method, path, body=None):
        text = None if body is None else json.dumps(body)
        self.http.request(method, path, text, {"content-type": "application/json", **self.headers})
        answer = self.http.getresponse()
        data = answer.read()
        if answer.status >= 400:
            raise SystemExit(f"{method} {path}: {answer.status} {data[:300]}")
        return json.loads(data) if data else None


class Firm:
    """A running `moodbridge dev`."""

    def __init__(self, args, channel):
        self.folder = tempfile.mkdtemp(prefix="moodbridge-latency-")
        self.command = [args.moodbridge, "--data-dir", f"{self.folder}/data"]
        command = [*self.command, "--log", "error", "dev", "--port", "0", "--sandbox-port", "0",
                   "--activity", str(args.activity), *CHANNELS[channel]]
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
        found = {}
        for line in self.process.stderr:
            if match := re.search(r"(MoodBridge|Salesforce)\s+(http://\S+)", line):
                found[match[1]] = match[2]
            if len(found) == 2:
                break
        threading.Thread(target=self.process.stderr.read, daemon=True).start()
        if len(found) < 2:
            raise SystemExit("`moodbridge dev` ended before it served")
        token = subprocess.run([*self.command, "token"], stdout=subprocess.PIPE, text=True, check=True).stdout.strip()
        self.here = Client(found["MoodBridge"], {"authorization": f"Bearer {token}"})
        login = "grant_type=client_credentials&client_id=moodbridge-sandbox&client_secret=sandbox-secret"
        org = http.client.HTTPConnection(urllib.parse.urlsplit(found["Salesforce"]).netloc, timeout=30)
        org.request("POST", "/services/oauth2/token", login, {"content-type": "application/x-www-form-urlencoded"})
        session = json.loads(org.getresponse().read())["access_token"]
        self.there = Client(found["Salesforce"], {"authorization": f"Bearer {session}"})

    def wait_until_loaded(self):
        deadline = time.monotonic() + 300
        while self.here.ask("GET", "/v1/overview?days=30")["n_cases"] < N_CASES:
            if time.monotonic() > deadline:
                raise SystemExit("the cases were not loaded within five minutes")
            time.sleep(0.2)

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout=60)
        shutil.rmtree(self.folder, ignore_errors=True)


def until(read, limit=60):
    begun = time.monotonic()
    while not read():
        if time.monotonic() - begun > limit:
            raise SystemExit("a change did not arrive within a minute")
    return (time.monotonic() - begun) * 1000


def measure(firm, ids, n_changes, direction):
    record = "/services/data/v66.0/sobjects/Case/"
    took = []
    for n in range(n_changes):
        case_id, court = random.choice(ids), f"Court {direction} {n}"
        if direction == "in":
            firm.there.ask("PATCH", record + case_id, {"Court__c": court})
            took.append(until(lambda: firm.here.ask("GET", f"/v1/cases/{case_id}")["court"] == court))
        else:
            firm.here.ask("PATCH", f"/v1/cases/{case_id}", {"court": court})
            took.append(until(lambda: firm.there.ask("GET", record + case_id)["Court__c"] == court))
    took.sort()
    return took


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--moodbridge", required=True)
    parser.add_argument("--changes", type=int, default=200)
    parser.add_argument("--activity", type=float, default=5)
    args = parser.parse_args()
    random.seed(1)
    print(f"{args.changes} changes each, load average {os.getloadavg()[0]:.1f}\n")
    print("| from | by | p50 ms | p99 ms | max ms |")
    print("|---|---|---|---|---|")
    for channel in CHANNELS:
        firm = Firm(args, channel)
        try:
            firm.wait_until_loaded()
            query = "/services/data/v66.0/query?q=SELECT+Id+FROM+Case+LIMIT+500"
            ids = [it["Id"] for it in firm.there.ask("GET", query)["records"]]
            ways = [("in", "Salesforce", channel)]
            if channel == "webhook":
                ways.append(("out", "MoodBridge", "outbox-relay"))
            for direction, side, name in ways:
                took = measure(firm, ids, args.changes, direction)
                p99 = took[min(len(took) - 1, int(len(took) * 0.99))]
                print(f"| {side} | {name} | {took[len(took) // 2]:.0f} | {p99:.0f} | {took[-1]:.0f} |", flush=True)
        finally:
            firm.stop()


if __name__ == "__main__":
    main()
