"""Statements of the API: begun, run one at a time beside the calls, kept by handle and by request."""

import re
import threading
import time
import traceback
import uuid

import snowflake.connector.errors as errors
from fakesnow.instance import FakeSnow

from loads import Loader
from values import Refused, cells, literal, row_type

# Refused because a request is a session of its own. Source: recorded answers of an account.
NOT_SUPPORTED = {"PUT", "GET", "USE", "BEGIN", "COMMIT", "ROLLBACK", "ALTER SESSION"}


def split(sql):
    """Parts the text at each `;` and `?` outside of quotes: statements, each a list of pieces."""
    statements, pieces, text, idx = [], [], "", 0
    while idx < len(sql):
        rest = sql[idx:]
        match = re.match(r"'(?:[^'\\]|''|\\.)*'|\"(?:[^\"]|\"\")*\"|--[^\n]*|/\*.*?\*/", rest, re.S)
        if match:
            text += match.group()
            idx += match.end()
            continue
        if rest[0] in "'\"":
            raise Refused(422, "001003", "SQL compilation error:\nsyntax error: unclosed quotes",
                          "42000")
        if rest[0] in ";?":
            pieces.append(text)
            text = ""
            if rest[0] == ";":
                statements.append(pieces)
                pieces = []
        else:
            text += rest[0]
        idx += 1
    pieces.append(text)
    if "".join(pieces).strip() or len(pieces) > 1:
        statements.append(pieces)
    return statements


class Statement:
    def __init__(self, request_id, body):
        self.handle, self.request_id, self.body = str(uuid.uuid4()), request_id, body
        self.ended, self.cancelled = threading.Event(), threading.Event()
        self.refusal = self.columns = self.rows = self.stats = None
        self.created = int(time.time() * 1000)

    def parts(self, size):
        return [self.rows[it:it + size] for it in range(0, len(self.rows), size)] or [[]]


class Engine:
    """The SQL engine, and every statement that it was given."""

    def __init__(self, shadow):
        self.fake = FakeSnow()
        self.lock, self.lock_of_runs = threading.Lock(), threading.Lock()
        self.by_handle, self.by_request, self.runs = {}, {}, []
        self.loader = Loader(self, shadow)
        self.slow, self.canned, self.part_rows = {}, {}, 1000
        self.connect("LEGAL", "PUBLIC")

    def connect(self, database, schema):
        return self.fake.connect(database=database, schema=schema)

    def cursor(self):
        return self.connect("LEGAL", "PUBLIC").cursor()

    def begin(self, request_id, is_retry, body):
        """Takes a statement; one that is repeated is not run again."""
        with self.lock:
            known = self.by_request.get(request_id)
            if known and is_retry:
                return known
            statement = Statement(request_id, body)
            self.by_request[request_id] = self.by_handle[statement.handle] = statement
        threading.Thread(target=self.run, args=(statement,), daemon=True).start()
        return statement

    def n_running(self):
        return sum(not it.ended.is_set() for it in list(self.by_handle.values()))

    def run(self, statement):
        deadline = time.monotonic() + statement.body["timeout"]
        try:
            self.wait(statement, deadline)
            self.execute(statement)
        except Refused as refusal:
            statement.refusal = refusal
        except Exception as error:
            traceback.print_exc()
            statement.refusal = Refused(500, "300002", f"internal error: {error!r}")
        statement.ended.set()

    def wait(self, statement, deadline):
        """Takes as long as a slow statement is told to."""
        text = statement.body["statement"]
        until = time.monotonic() + max([0, *(it for part, it in self.slow.items() if part in text)])
        while time.monotonic() < until:
            if statement.cancelled.wait(0.01):
                raise Refused(422, "000604", "SQL execution canceled", "57014")
            if time.monotonic() > deadline:
                raise Refused(408, "000630", "Statement reached its statement or warehouse timeout "
                              f"of {statement.body['timeout']} second(s) and was canceled.", "57014")

    def execute(self, statement):
        body = statement.body
        statements = split(body["statement"])
        wanted = int(body.get("parameters", {}).get("MULTI_STATEMENT_COUNT", "1"))
        if len(statements) != wanted:
            raise Refused(422, "000008", f"Actual statement count {len(statements)} did not match "
                          f"the desired statement count {wanted}.", "0A000")
        (pieces,) = statements
        first = pieces[0].strip().upper()
        for command in NOT_SUPPORTED:
            if re.match(rf"{command}\b", first):
                raise Refused(422, "391911", f"Command not supported by SQL API: {command}")
        bindings = body.get("bindings") or {}
        if sorted(bindings, key=int) != [str(it) for it in range(1, len(pieces))]:
            raise Refused(422, "002049", "SQL compilation error:\nBind variable not set", "42601")
        values = [literal(it, bindings[str(it)]) for it in range(1, len(pieces))]
        sql = pieces[0] + "".join(value + piece for value, piece in zip(values, pieces[1:]))
        with self.lock_of_runs:
            self.runs.append({"request": statement.request_id, "statement": body["statement"],
                              "tag": body.get("parameters", {}).get("QUERY_TAG")})
            self.execute_one(statement, sql)

    def execute_one(self, statement, sql):
        body = statement.body
        if body["statement"] in self.canned:
            canned = self.canned[body["statement"]]
            statement.columns, statement.rows = canned["rowType"], canned["data"]
            return
        cursor = self.connect(body["database"], body["schema"]).cursor()
        try:
            if sql.lstrip().upper().startswith("COPY INTO"):
                names, statement.rows = self.loader.load(cursor, sql, statement.handle)
                statement.columns = [{"name": it, "type": "text", "nullable": True} for it in names]
                return
            validated = self.loader.validate(sql)
            if validated:
                statement.columns, statement.rows = validated
                return
            cursor.execute(sql)
            statement.columns = row_type(cursor.description)
            # Rows as Python values would lose nanoseconds.
            table = cursor._arrow_table
        except errors.ProgrammingError as error:
            raise refused(error) from error
        kinds = [(it["type"], it["scale"]) for it in statement.columns]
        columns = [cells(column, *kind) for column, kind in zip(table.columns, kinds)]
        statement.rows = [list(it) for it in zip(*columns)]
        statement.stats = stats(statement.columns, statement.rows)


def refused(error):
    """Makes the refusal of an engine's error, in the service's words where they differ."""
    message = str(error.raw_msg or error)
    lost = re.search(r"(Table|View|Schema) with name (\S+) does not exist", message)
    if lost:
        message = f"SQL compilation error:\nObject '{lost[2]}' does not exist or not authorized."
    return Refused(422, f"{error.errno:06d}", message, error.sqlstate)


def stats(columns, rows):
    """Counts what changed; nothing when nothing did."""
    names = {"number of rows inserted": "numRowsInserted", "number of rows updated":
             "numRowsUpdated", "number of rows deleted": "numRowsDeleted"}
    found = {names[it["name"]]: int(rows[0][idx]) for idx, it in enumerate(columns)
             if it["name"] in names and rows}
    if not any(found.values()):
        return None
    return {"numRowsInserted": 0, "numRowsUpdated": 0, "numRowsDeleted": 0,
            "numDmlDuplicates": 0, **found}
