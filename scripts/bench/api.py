"""Starts `moodbridge dev` on a folder of its own and measures every GET of /v1 while it syncs.

`wrk` keeps each connection busy: the next request follows the answer before, so eight clients are
eight requests at every moment.
"""

import argparse
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import threading
import time
import urllib.parse
import urllib.request

N_CASES = 10_000
TARGET_MS = 5.0


class Token:
    """A token of an admin, renewed before its quarter of an hour is over."""

    def __init__(self, args, folder):
        self.command = [args.moodbridge, "--data-dir", f"{folder}/data", "token"]
        self.text, self.until = "", 0.0

    def __str__(self):
        if time.monotonic() > self.until:
            self.text = subprocess.run(self.command, stdout=subprocess.PIPE, text=True, check=True).stdout.strip()
            self.until = time.monotonic() + 600
        return self.text


def get(url, token):
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {token}"})
    with urllib.request.urlopen(request, timeout=30) as it:
        return json.load(it)


def start(args, folder):
    command = [args.moodbridge, "--data-dir", f"{folder}/data", "--log", "error", "dev", "--port", "0",
               "--sandbox-port", "0", "--activity", str(args.activity)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    for line in process.stderr:
        if found := re.search(r"MoodBridge\s+(http://\S+)", line):
            threading.Thread(target=process.stderr.read, daemon=True).start()
            return process, found[1]
    raise SystemExit("`moodbridge dev` ended before it served")


def wait_for_cases(url, token, deadline_s=300):
    begun = time.monotonic()
    while time.monotonic() < begun + deadline_s:
        overview = get(f"{url}/v1/overview?days=30", token)
        if overview["n_cases"] >= N_CASES:
            return time.monotonic() - begun
        time.sleep(0.2)
    raise SystemExit(f"fewer than {N_CASES} cases after {deadline_s} s")


def requests(url, token):
    """Returns the paths of each route, in a mix that no cache of one answer can serve."""
    cases, cursor = [], ""
    for _ in range(10):
        page = get(f"{url}/v1/cases?limit=50&sort=opened_asc{cursor}", token)
        cases += page["items"]
        cursor = f"&cursor={urllib.parse.quote(page['next_cursor'])}"
    ids = [it["id"] for it in cases]
    courts = sorted({it["court"] for it in cases if it["court"]})[:8]
    words = sorted({word for it in cases for word in re.findall(r"[A-Z][a-z]{3,}", it["title"])})[:40]
    dockets = [it["docket_number"] for it in cases[::10] if it["docket_number"]]
    q = urllib.parse.quote
    return {
        "/overview": [f"/v1/overview?days={days}" for days in (7, 30, 90)],
        "/cases": ["/v1/cases?limit=50"],
        "/cases, each sort": [f"/v1/cases?limit=50&sort={it}" for it in
                              ("updated_desc", "opened_desc", "opened_asc", "docket_asc", "title_asc")],
        "/cases, deep page": [f"/v1/cases?limit=50&sort=opened_asc{cursor}"],
        "/cases, filters": [f"/v1/cases?limit=50&court={q(it)}&state={state}&status={status}"
                            for it in courts for state, status in (("open", "Active"), ("closed", "Settled"))],
        "/cases, search": [f"/v1/cases?limit=50&search={q(it)}" for it in words + dockets],
        "/cases/{id}": [f"/v1/cases/{it}" for it in ids],
        "/cases/{id}/audit": [f"/v1/cases/{it}/audit?limit=50" for it in ids],
        "/audit": ["/v1/audit?limit=50", "/v1/audit?limit=50&before=5000"],
        "/integrations": ["/v1/integrations"],
        "/sync-runs": ["/v1/sync-runs?limit=50"],
        "/queues": ["/v1/queues"],
        "/queues/{queue}/dead-letters": ["/v1/queues/events/dead-letters?limit=50"],
        "/openapi.json": ["/v1/openapi.json"],
    }


def drive(args, url, token, paths, n_clients, folder):
    path = pathlib.Path(folder, "paths")
    path.write_text("\n".join(paths) + "\n")
    script = pathlib.Path(__file__).with_name("latency.lua")
    wrk = subprocess.run(["wrk", "-t1", f"-c{n_clients}", f"-d{args.seconds}s", "-s", str(script),
                          "-H", f"Authorization: Bearer {token}", url,
                          "--", str(path)], stdout=subprocess.PIPE, text=True, check=True)
    line = next(it for it in wrk.stdout.splitlines() if it.startswith("RESULT"))
    n, micros, p50, p99, worst, bad, broken = (int(it) for it in line.split()[1:])
    if bad or broken:
        raise SystemExit(f"{paths[0]}: {bad} refused, {broken} broken of {n}\n{wrk.stdout}")
    return {"rps": n / micros * 1e6, "p50": p50 / 1000, "p99": p99 / 1000, "max": worst / 1000}


def rss_mb(pid):
    text = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+)", text)[1]) / 1000


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--moodbridge", required=True)
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--clients", default="1,8")
    parser.add_argument("--activity", type=float, default=20)
    args = parser.parse_args()
    counts = [int(it) for it in args.clients.split(",")]
    folder = tempfile.mkdtemp(prefix="api-")
    process = None
    try:
        process, url = start(args, folder)
        token = Token(args, folder)
        print(f"{os.cpu_count()} processors; {N_CASES} cases synced in {wait_for_cases(url, token):.1f} s; "
              f"{args.activity:g} changes a second; {args.seconds} s a figure")
        columns = "".join(f" {n} clients: requests/s | p50 ms | p99 ms | max ms |" for n in counts)
        print(f"| GET /v1… |{columns}\n|---|{'---|' * 4 * len(counts)}")
        n_missed = 0
        for route, paths in requests(url, token).items():
            row = f"| {route} |"
            for n_clients in counts:
                it = drive(args, url, token, paths, n_clients, folder)
                n_missed += it["p99"] >= TARGET_MS
                mark = " (missed)" if it["p99"] >= TARGET_MS else ""
                row += f" {it['rps']:.0f} | {it['p50']:.2f} | {it['p99']:.2f}{mark} | {it['max']:.1f} |"
            print(row, flush=True)
        print(f"{n_missed} figures miss p99 < {TARGET_MS:g} ms; the process has {rss_mb(process.pid):.0f} MB")
    finally:
        if process:
            process.send_signal(signal.SIGTERM)
            process.wait(30)
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
