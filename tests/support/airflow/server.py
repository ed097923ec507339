"""A real Airflow on a free port, for tests: API server, scheduler and DAG processor.

usage: scripts/with-postgres PYTHON server.py [COMPONENT...], with the Python of `scripts/airflow-requirements.txt`
and further components, such as `triggerer`. Prints one line of JSON when the DAGs beside this file, or in
MOODBRIDGE_AIRFLOW_DAGS, can be started, and ends everything when its standard input ends. It has a database of its own: over SQLite, Airflow 3.3 waits for its own locks as soon as two runs
are started at once.
"""

import contextlib
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import parse_qs, quote, urlsplit

import psycopg2

DAGS = Path(os.environ.get("MOODBRIDGE_AIRFLOW_DAGS") or Path(__file__).resolve().parent / "dags")
COMPONENTS = ("api-server", "scheduler", "dag-processor", *sys.argv[1:])
USERS = {"moodbridge": "op", "reader": "viewer"}
DEADLINE_S = 200


def free_ports(n_ports: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(n_ports)]
        for it in sockets:
            it.bind(("127.0.0.1", 0))
        return [it.getsockname()[1] for it in sockets]


@contextlib.contextmanager
def database():
    """Makes a database, and yields its address for one driver or another."""
    server = os.environ.get("MOODBRIDGE_TEST_POSTGRES") or sys.exit("start it by `scripts/with-postgres`")
    name = f"airflow_{secrets.token_hex(8)}"

    def execute(statement: str) -> None:
        connection = psycopg2.connect(server)
        connection.autocommit = True
        with contextlib.closing(connection), connection.cursor() as cursor:
            cursor.execute(statement)

    parts = urlsplit(server)
    host = parse_qs(parts.query).get("host", [parts.hostname])[0]
    user = parts.netloc.rpartition("@")[0]
    execute(f"CREATE DATABASE {name}")
    try:
        yield lambda driver: f"postgresql+{driver}://{user}@/{name}?host={quote(host, safe='')}&port={parts.port or 5432}"
    finally:
        execute(f"DROP DATABASE {name} WITH (FORCE)")


def environment(home: Path, jwt_secret: str, passwords: dict, address) -> tuple[str, dict]:
    api, worker_logs, trigger_logs = free_ports(3)
    origin = f"http://127.0.0.1:{api}"
    (home / "passwords.json").write_text(json.dumps(passwords))
    settings = {
        "API__BASE_URL": origin,
        "API__HOST": "127.0.0.1",
        "API__PORT": api,
        "API__WORKERS": 1,
        "API_AUTH__JWT_SECRET": jwt_secret,
        "CORE__DAGS_ARE_PAUSED_AT_CREATION": False,
        "CORE__DAGS_FOLDER": DAGS,
        "CORE__EXECUTION_API_SERVER_URL": f"{origin}/execution/",
        "CORE__LOAD_EXAMPLES": False,
        # Each worker holds 130 MB.
        "CORE__PARALLELISM": 4,
        "CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": home / "passwords.json",
        "CORE__SIMPLE_AUTH_MANAGER_USERS": ",".join(f"{name}:{role}" for name, role in USERS.items()),
        "DATABASE__SQL_ALCHEMY_CONN": address("psycopg2"),
        "DATABASE__SQL_ALCHEMY_CONN_ASYNC": address("asyncpg"),
        "DAG_PROCESSOR__REFRESH_INTERVAL": 5,
        "LOGGING__TRIGGER_LOG_SERVER_PORT": trigger_logs,
        "LOGGING__WORKER_LOG_SERVER_PORT": worker_logs,
        "SCHEDULER__ENABLE_HEALTH_CHECK": False,
    }
    is_ours = lambda name: name.startswith("AIRFLOW") and not name.startswith("AIRFLOW_CONN_")
    env = {name: value for name, value in os.environ.items() if not is_ours(name)}
    env |= {f"AIRFLOW__{name}": str(value) for name, value in settings.items()}
    return origin, env | {"AIRFLOW_HOME": str(home), "PYTHONDONTWRITEBYTECODE": "1", "NO_PROXY": "127.0.0.1"}


def ask(url: str, body=None, token: str | None = None):
    headers = {"content-type": "application/json"}
    if token:
        headers["authorization"] = f"Bearer {token}"
    data = None if body is None else json.dumps(body).encode()
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(urllib.request.Request(url, data, headers), timeout=10) as answer:
        return json.load(answer)


def is_ready(origin: str, passwords: dict) -> bool:
    try:
        sign_in = {"username": "moodbridge", "password": passwords["moodbridge"]}
        token = ask(f"{origin}/auth/token", sign_in)["access_token"]
        health = ask(f"{origin}/api/v2/monitor/health")
        n_dags = ask(f"{origin}/api/v2/dags", token=token)["total_entries"]
        broken = ask(f"{origin}/api/v2/importErrors", token=token)["import_errors"]
    except (OSError, urllib.error.URLError, ValueError):
        return False
    if broken:
        sys.exit(f"DAGs cannot be read: {broken}")
    return health["scheduler"]["status"] == "healthy" and n_dags >= len(list(DAGS.glob("*.py")))


class Stopped(Exception):
    """Somebody ends this process."""


def stop(signal_number, frame):
    raise Stopped


def run(home: Path, address) -> None:
    airflow = shutil.which("airflow", path=str(Path(sys.executable).parent))
    jwt_secret = secrets.token_hex(32)
    passwords = {name: secrets.token_hex(16) for name in USERS}
    origin, env = environment(home, jwt_secret, passwords, address)
    logs = {name: home / f"{name}.txt" for name in ("migrate", *COMPONENTS)}
    with logs["migrate"].open("wb") as log:
        if subprocess.run([airflow, "db", "migrate"], env=env, stdout=log, stderr=log).returncode:
            sys.exit(f"the database cannot be made:\n{logs['migrate'].read_text()[-4000:]}")
    children = {}
    try:
        for name in COMPONENTS:
            with logs[name].open("wb") as log:
                # Each leads a group of its own: its workers end with it.
                children[name] = subprocess.Popen(
                    [airflow, name], env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
                )
        ends_at = time.monotonic() + DEADLINE_S
        while not is_ready(origin, passwords):
            for name, child in children.items():
                if child.poll() is not None or time.monotonic() > ends_at:
                    sys.exit(f"`airflow {name}` does not run:\n{logs[name].read_text()[-4000:]}")
            time.sleep(0.2)
        print(json.dumps({"origin": origin, "jwt_secret": jwt_secret, "passwords": passwords}), flush=True)
        sys.stdin.read()
    finally:
        for child in children.values():
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
            child.wait()


def main() -> None:
    signal.signal(signal.SIGTERM, stop)
    with tempfile.TemporaryDirectory(prefix="moodbridge-airflow.", ignore_cleanup_errors=True) as home:
        with contextlib.suppress(Stopped, KeyboardInterrupt), database() as address:
            run(Path(home), address)


main()
