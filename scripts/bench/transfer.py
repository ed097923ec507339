#!/usr/bin/env python3
"""Sends a large file to S3 and fetches it back through `moodbridge docs`, killed at random moments on the way.

The digest must be the same, what was moved before a kill is not moved again, and memory must stay flat.
The S3 is the one that AWS_ENDPOINT_URL names.
"""

import argparse
import hashlib
import json
import os
import pathlib
import random
import shutil
import signal
import subprocess
import tempfile
import time
import uuid

import boto3


# A case needs a connection that takes it; nobody calls this one.
SETTINGS = """
[[connections]]
platform = "salesforce"
connection = "main"
login_url = "http://127.0.0.1:9"
auth = { flow = "client_credentials", client_id = "none", client_secret = "env:NONE" }
"""


def make(path, n_bytes):
    """Writes bytes that do not repeat, and returns their digest."""
    digest = hashlib.sha256()
    block = bytearray(os.urandom(4 * 1024 * 1024))
    with path.open("wb") as file:
        left, number = n_bytes, 0
        while left:
            block[:8] = number.to_bytes(8, "little")
            piece = memoryview(block)[: min(left, len(block))]
            file.write(piece)
            digest.update(piece)
            left, number = left - len(piece), number + 1
    return digest.hexdigest()


def sha256(path):
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(4 * 1024 * 1024):
            digest.update(piece)
    return digest.hexdigest()


def high_water_mb(pid):
    try:
        lines = pathlib.Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0.0
    return next((int(it.split()[1]) / 1024 for it in lines if it.startswith("VmHWM")), 0.0)


def n_lines(path):
    return path.read_bytes().count(b"\n")


def run(command, env, kill_after=None):
    """Runs to its end, or to a kill somewhere behind so many tenths; returns the answer if it ended, the time and the
    peak of memory."""
    began = time.monotonic()
    with tempfile.TemporaryFile("w+") as out, tempfile.NamedTemporaryFile("w+") as err:
        process = subprocess.Popen(command, env=env, stdout=out, stderr=err)
        peak = 0.0
        while process.poll() is None:
            peak = max(peak, high_water_mb(process.pid))
            if kill_after and n_lines(pathlib.Path(err.name)) >= kill_after:
                time.sleep(random.uniform(0, 0.3))
                process.send_signal(signal.SIGKILL)
                process.wait()
                return None, time.monotonic() - began, peak
            time.sleep(0.02)
        out.seek(0)
        err.seek(0)
        if process.returncode:
            raise SystemExit(f"{' '.join(command)} ended with {process.returncode}: {err.read()[-2000:]}")
        return json.loads(out.read()), time.monotonic() - began, peak


def main():
    parse = argparse.ArgumentParser(description=__doc__)
    parse.add_argument("--moodbridge", required=True)
    parse.add_argument("--megabytes", type=int, default=5_000)
    parse.add_argument("--kills", type=int, default=2, help="kills on each way")
    parse.add_argument("--limit-mb", type=float, default=64)
    args = parse.parse_args()
    bucket = f"bench-{uuid.uuid4().hex[:12]}"
    boto3.client("s3").create_bucket(Bucket=bucket)
    folder = pathlib.Path(tempfile.mkdtemp(prefix="moodbridge-transfer."))
    try:
        (folder / "moodbridge.toml").write_text(SETTINGS)
        env = {**os.environ, "MOODBRIDGE_STORE__DOCUMENTS": f"s3://{bucket}/firm", "LOG_LEVEL": "warn", "NONE": "none"}
        base = [args.moodbridge, "--json", "--config", str(folder / "moodbridge.toml")]
        subprocess.run([*base, "db", "migrate"], env=env, check=True, stdout=subprocess.DEVNULL)
        made = [*base, "cases", "create", "title=Large v. File"]
        case = json.loads(subprocess.run(made, env=env, check=True, capture_output=True, text=True).stdout)["id"]
        source, target = folder / "exhibit.bin", folder / "back.bin"
        digest = make(source, args.megabytes * 1_000_000)
        put = [*base, "docs", "put", str(source), "--case", case]
        report("up", put, env, args, lambda answer: answer["n_sent"])
        answer, _, _ = run(put, env)
        if answer["n_sent"]:
            raise SystemExit("a file that is there was sent once more")
        source.unlink()
        get = [*base, "docs", "get", answer["id"], "--to", str(target)]
        report("down", get, env, args, lambda answer: answer["n_fetched"])
        if sha256(target) != digest:
            raise SystemExit("what came back is not what was sent")
        print(f"the digest of {args.megabytes} MB is the same")
    finally:
        shutil.rmtree(folder)


def report(way, command, env, args, moved):
    """Kills the command at random moments, lets it end, and prints what it took."""
    n_bytes, peak, spent = args.megabytes * 1_000_000, 0.0, 0.0
    for _ in range(args.kills):
        answer, took, mb = run(command, env, kill_after=random.randint(1, 8))
        peak, spent = max(peak, mb), spent + took
        print(f"{way}: {'killed after' if answer is None else 'done within'} {took:.1f} s, peak {mb:.1f} MB")
        if answer is not None:
            return
    answer, took, mb = run(command, env)
    peak, spent = max(peak, mb), spent + took
    n_moved = moved(answer)
    print(f"{way}: the last run moved {n_moved / 1e6:.0f} of {n_bytes / 1e6:.0f} MB in {took:.1f} s; all runs {spent:.1f} s, peak {peak:.1f} MB")
    if args.kills and n_moved >= n_bytes:
        raise SystemExit(f"{way}: nothing of the killed runs was kept")
    if peak > args.limit_mb:
        raise SystemExit(f"{way}: {peak:.1f} MB of memory, where {args.limit_mb} are allowed")


main()
