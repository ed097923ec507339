"""Moves the same records between one sandbox org and each client in turn, and prints what it cost.

Time and memory are those of the client's process alone, from its start to its end: the org runs beside it.
"""

import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import threading
import time

CLIENTS = pathlib.Path(__file__).parents[2] / "infra/sandbox-org/clients"
# With Id, SystemModstamp and IsDeleted, which our client asks for by itself, they are 32.
FIELDS = ("AccountId,ContactId,CaseNumber,Docket_Number__c,Subject,Court__c,Status,Priority,Practice_Area__c,Origin,"
          "Reason,Description,IsClosed,CreatedDate,ClosedDate,MoodBridge_Id__c,MasterRecordId,OwnerId,Jurisdiction__c,"
          "Matter_Code__c,Client_Reference__c,Presiding_Judge__c,Opposing_Party__c,Filed_On__c,Next_Hearing__c,"
          "Claim_Amount__c,Hours_Billed__c,Is_Sealed__c,Summary__c")
SOQL = f"SELECT Id,SystemModstamp,IsDeleted,{FIELDS} FROM Case"
N_SMALL = 10_000


def peak_bytes(pid):
    """Returns the most memory that the process ever had, 0 when it has ended."""
    try:
        lines = pathlib.Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:")), 0)


def cpu_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def count_airbyte_records(output):
    return sum(line.startswith(b'{"type":"RECORD"') for line in output)


def count_reported(output):
    said = output.read().decode()
    return int(said.split(" records")[0].split()[-1]) if " records" in said else 0


class Org:
    """The sandbox, as a process of its own."""

    def __init__(self, serve, n_cases):
        # jsforce cannot read a second page: all records are on the first unless a client asks for less.
        self.process = subprocess.Popen(
            [serve, "127.0.0.1:0", "--accounts", str(max(n_cases // 100, 1)), "--contacts", str(max(n_cases // 20, 1)),
             "--cases", str(n_cases), "--page-records", str(n_cases)], stdout=subprocess.PIPE, text=True)
        said = self.process.stdout.readline()
        if not said:
            raise SystemExit("the org did not start")
        self.url = said.split()[0]

    def stop(self):
        self.process.terminate()
        self.process.wait()


def measure(org, command, n_wanted, count=count_reported, env=None, cwd=None):
    """Runs a client to its end; one that fails does not keep the others from being measured."""
    load, org_cpu, begun = os.getloadavg()[0], cpu_seconds(org.process.pid), time.perf_counter()
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, env=env, cwd=cwd)
        peak, ended = [0], threading.Event()

        def watch():
            while not ended.wait(0.02):
                peak[0] = max(peak[0], peak_bytes(process.pid))

        watching = threading.Thread(target=watch)
        watching.start()
        n_records = count(process.stdout)
        _, status, used = os.wait4(process.pid, 0)
        wall = time.perf_counter() - begun
        process.returncode = os.waitstatus_to_exitcode(status)
        ended.set()
        watching.join()
        if process.returncode or n_records != n_wanted:
            errors.seek(0)
            sys.stderr.write(errors.read().decode(errors="replace")[-2000:])
            return {"failed": f"moved {n_records} of {n_wanted} records"}
    return {"wall": wall, "cpu_us": (used.ru_utime + used.ru_stime) * 1e6 / n_records, "peak_mb": peak[0] / 1e6,
            "org_us": (cpu_seconds(org.process.pid) - org_cpu) * 1e6 / n_records, "load": load}


class Airbyte:
    """The connector, told to read nothing but cases. It cannot be told which fields."""

    def __init__(self, args, org, folder):
        self.folder = pathlib.Path(folder)
        # Its helpers come with its environment: the proxy stands before its fixed login host.
        self.proxy = subprocess.Popen([args.airbyte_python, __file__, "--proxy", org.url, folder],
                                      stdout=subprocess.PIPE, text=True)
        told = json.loads(self.proxy.stdout.readline())
        self.env = {**os.environ, "HTTPS_PROXY": told["proxy"], "REQUESTS_CA_BUNDLE": told["bundle"],
                    "NO_PROXY": "127.0.0.1"}
        self.source = str(pathlib.Path(args.airbyte_python).with_name("source-salesforce"))
        config = {"client_id": "moodbridge-sandbox", "client_secret": "sandbox-secret",
                  "refresh_token": told["refresh_token"], "auth_type": "Client", "start_date": "2020-01-01T00:00:00Z",
                  "stream_slice_step": "P10Y", "force_use_bulk_api": True}
        (self.folder / "config.json").write_text(json.dumps(config))
        found = subprocess.run([self.source, "discover", "--config", "config.json"], env=self.env, cwd=folder,
                               check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout
        catalogs = [it["catalog"]["streams"] for it in map(json.loads, found.splitlines()) if it["type"] == "CATALOG"]
        streams = [it for it in catalogs[0] if it["name"] == "Case"]
        self.fields = list(streams[0]["json_schema"]["properties"])
        catalog = {"streams": [{"stream": it, "sync_mode": "full_refresh", "destination_sync_mode": "overwrite"}
                               for it in streams]}
        (self.folder / "catalog.json").write_text(json.dumps(catalog))

    def command(self):
        return [self.source, "read", "--config", "config.json", "--catalog", "catalog.json"]

    def stop(self):
        self.proxy.terminate()
        self.proxy.wait()


def serve_proxy(url, folder):
    """Runs in the connector's environment: logs a person in, then carries its logins to the sandbox."""
    import base64
    import hashlib
    import secrets
    from urllib.parse import parse_qs, urlsplit

    import requests

    sys.path.insert(0, str(CLIENTS))
    import connect_proxy

    callback, verifier = "http://localhost:1717/OauthRedirect", secrets.token_urlsafe(64)
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
    app = {"client_id": "moodbridge-sandbox", "redirect_uri": callback}
    back = requests.post(f"{url}/services/oauth2/authorize", allow_redirects=False, timeout=30, data={
        **app, "response_type": "code", "scope": "api refresh_token", "code_challenge": challenge,
        "code_challenge_method": "S256", "decision": "allow"})
    [code] = parse_qs(urlsplit(back.headers["location"]).query)["code"]
    answer = requests.post(f"{url}/services/oauth2/token", timeout=30, data={
        **app, "grant_type": "authorization_code", "code": code, "client_secret": "sandbox-secret",
        "code_verifier": verifier})
    proxy, bundle = connect_proxy.start(url, folder)
    print(json.dumps({"proxy": proxy, "bundle": str(bundle), "refresh_token": answer.json()["refresh_token"]}),
          flush=True)
    threading.Event().wait()


def heading(title):
    print(f"\n{title}\n\n| client | wall s | CPU µs a record | peak RSS MB | the org's CPU µs a record | load before |\n"
          "|---|---|---|---|---|---|", flush=True)


def row(name, told):
    if "failed" in told:
        print(f"| {name} | **failed**: {told['failed']} | | | | |", flush=True)
        return
    print(f"| {name} | {told['wall']:.1f} | {told['cpu_us']:.1f} | {told['peak_mb']:.1f} | {told['org_us']:.1f} "
          f"| {told['load']:.1f} |", flush=True)


def read(args, org, n_cases, folder):
    """Reads every case with each client."""
    file = f"{folder}/cases-{n_cases}.db"
    runs = [("moodbridge, read and parsed", [args.ours, "read", org.url, FIELDS], {}),
            ("moodbridge, into the case store", [args.ours, "load", org.url, FIELDS, file], {}),
            ("simple-salesforce, rows as dicts", [args.python, "simple_salesforce_bulk.py", "read", org.url, SOQL], {}),
            ("jsforce, rows as objects", [args.node, "jsforce_bulk.mjs", "read", org.url, SOQL], {})]
    heading(f"{n_cases:,} cases of 32 fields read")
    for name, command, more in runs:
        if not args.only or name.startswith(args.only):
            row(name, measure(org, command, n_cases, cwd=args.peers, **more))
    if args.only and args.only != "airbyte":
        return
    airbyte = Airbyte(args, org, folder)
    try:
        # It reads every field there is, so ours does too, beside it.
        ours = [args.ours, "read", org.url, ",".join(airbyte.fields)]
        name = f"all {len(airbyte.fields)} fields"
        row(f"moodbridge, read and parsed, {name}", measure(org, ours, n_cases))
        row(f"airbyte-source-salesforce, {name}, as JSON lines", measure(
            org, airbyte.command(), n_cases, count=count_airbyte_records, env=airbyte.env, cwd=folder))
    finally:
        airbyte.stop()


def upsert(args, org, n_contacts, run):
    """Upserts new contacts with each client."""
    size = [str(n_contacts), str(run)]
    runs = [("moodbridge, results joined by key", [args.ours, "upsert", org.url, *size]),
            ("simple-salesforce, results as dicts", [args.python, "simple_salesforce_bulk.py", "upsert", org.url, *size]),
            ("jsforce, results as objects", [args.node, "jsforce_bulk.mjs", "upsert", org.url, *size])]
    heading(f"{n_contacts:,} contacts of 10 fields upserted by MoodBridge_Id__c")
    for name, command in runs:
        if not args.only or name.startswith(args.only):
            row(name, measure(org, command, n_contacts, cwd=args.peers))


def main():
    if sys.argv[1:2] == ["--proxy"]:
        serve_proxy(*sys.argv[2:])
        return
    parser = argparse.ArgumentParser()
    parser.add_argument("--ours", required=True)
    parser.add_argument("--serve", required=True)
    parser.add_argument("--peers", required=True)
    parser.add_argument("--python", required=True)
    parser.add_argument("--airbyte-python", required=True)
    parser.add_argument("--node", required=True)
    parser.add_argument("--cases", type=int, default=1_000_000)
    parser.add_argument("--contacts", type=int, default=100_000)
    parser.add_argument("--only", help="one client: moodbridge, simple-salesforce, jsforce or airbyte")
    args = parser.parse_args()
    print(f"{time.strftime('%Y-%m-%d %H:%M')}, {os.cpu_count()} processors")
    # The small run tells what a process costs before its first record, and whether memory grows.
    for n_cases in sorted({min(N_SMALL, args.cases), args.cases} - {0}):
        org = Org(args.serve, n_cases)
        try:
            with tempfile.TemporaryDirectory(prefix="salesforce-") as folder:
                read(args, org, n_cases, folder)
            if n_cases == args.cases:
                for n_contacts in sorted({min(N_SMALL, args.contacts), args.contacts} - {0}):
                    upsert(args, org, n_contacts, n_contacts)
        finally:
            org.stop()


if __name__ == "__main__":
    main()
