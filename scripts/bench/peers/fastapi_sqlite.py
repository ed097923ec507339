"""The intake endpoint as one writes it with FastAPI: verify, dedupe and store in SQLite, durably."""

import base64
import hashlib
import hmac
import json
import os
import sqlite3
import threading
import time

from fastapi import FastAPI, Request, Response
from fastapi.concurrency import run_in_threadpool

SECRET = base64.b64decode(os.environ["SECRET"])
DATABASE = os.environ["DATABASE"]
local = threading.local()


def connection():
    if not hasattr(local, "connection"):
        it = sqlite3.connect(DATABASE, timeout=30, isolation_level=None)
        it.execute("PRAGMA journal_mode = WAL")
        it.execute("PRAGMA synchronous = FULL")
        it.execute("CREATE TABLE IF NOT EXISTS events (id TEXT PRIMARY KEY, body TEXT NOT NULL)")
        local.connection = it
    return local.connection


def store(event_id, body):
    connection().execute("INSERT OR IGNORE INTO events VALUES (?, ?)", (event_id, body))


app = FastAPI()


@app.post("/hooks/{source}")
async def hook(source: str, request: Request):
    body = await request.body()
    event_id = request.headers.get("webhook-id", "")
    timestamp = request.headers.get("webhook-timestamp", "0")
    if abs(time.time() - int(timestamp)) > 300:
        return Response(status_code=401)
    signed = f"{event_id}.{timestamp}.".encode() + body
    wanted = "v1," + base64.b64encode(hmac.new(SECRET, signed, hashlib.sha256).digest()).decode()
    if not hmac.compare_digest(wanted, request.headers.get("webhook-signature", "")):
        return Response(status_code=401)
    json.loads(body)
    await run_in_threadpool(store, event_id, body.decode())
    return Response(status_code=202)
