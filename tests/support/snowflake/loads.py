"""`COPY INTO` from an external stage: what is read is checked cell by cell, as the service does.

What passes is written as Parquet into a shadow folder, from which the SQL engine loads it and keeps
the history by which a file is loaded once.
"""

import csv
import datetime
import decimal
import gzip
import hashlib
import io
import pathlib
import re

import pyarrow as pa
import pyarrow.parquet as parquet

from values import Refused, quoted

NAME = r'(?:"(?:[^"]|"")+")'
COPY = re.compile(
    rf"COPY INTO (?P<table>{NAME}(?:\.{NAME})*) FROM @(?P<stage>{NAME}\.{NAME}\.{NAME}) "
    r"FILES = \((?P<files>.*?)\) FILE_FORMAT = \((?P<format>TYPE = \w+.*?)\) "
    r"MATCH_BY_COLUMN_NAME = CASE_INSENSITIVE ON_ERROR = (?P<on_error>ABORT_STATEMENT|CONTINUE)")
VALIDATE = re.compile(
    rf"SELECT FILE, LINE, ROW_NUMBER, COLUMN_NAME, ERROR FROM TABLE\(VALIDATE\((?P<table>{NAME}), "
    r"JOB_ID => '(?P<handle>[^']+)'\)\) ORDER BY FILE, ROW_NUMBER LIMIT (?P<limit>\d+)")
PARQUET_FORMAT = "TYPE = PARQUET USE_LOGICAL_TYPE = TRUE"
CSV_FORMAT = ("TYPE = CSV PARSE_HEADER = TRUE FIELD_OPTIONALLY_ENCLOSED_BY = '\"' "
              "ERROR_ON_COLUMN_COUNT_MISMATCH = FALSE")
COLUMNS = ["file", "status", "rows_parsed", "rows_loaded", "error_limit", "errors_seen",
           "first_error", "first_error_line", "first_error_character", "first_error_column_name"]


class Fault:
    def __init__(self, line, row, column, place, message):
        self.line, self.row, self.column, self.place, self.message = \
            line, row, column, place, message


def read_file(path, kind):
    """Returns the names of the columns, and each row with the line it begins at."""
    if kind == "PARQUET":
        table = parquet.read_table(path)
        names = table.column_names
        rows = [(0, [it[name] for name in names]) for it in table.to_pylist()]
        return names, rows
    raw = path.read_bytes()
    if path.suffix == ".gz":
        raw = gzip.decompress(raw)
    reader = csv.reader(io.StringIO(raw.decode()))
    names = next(reader)
    rows, line = [], reader.line_num + 1
    for row in reader:
        rows.append((line, [it if it != "" else None for it in row]))
        line = reader.line_num + 1
    return names, rows


def converted(value, kind):
    """Makes a value of the column's type; `ValueError` with the service's words when it is none."""
    if value is None:
        return None
    family = kind.split("(")[0]
    try:
        if family == "NUMBER":
            scale = int(kind.rstrip(")").split(",")[1])
            number = decimal.Decimal(str(value))
            if not number.is_finite():
                raise decimal.InvalidOperation
            return str(round(number, scale))
        if family == "FLOAT":
            return str(float(value))
        if family == "DATE":
            return str(value if isinstance(value, datetime.date) else
                       datetime.date.fromisoformat(value))
        if family.startswith("TIMESTAMP"):
            return str(value if isinstance(value, datetime.datetime) else
                       datetime.datetime.fromisoformat(value))
        if family == "BOOLEAN":
            return {"true": "true", "false": "false"}[str(value).lower()]
    except (decimal.InvalidOperation, ValueError, KeyError):
        words = {"NUMBER": "Numeric value", "FLOAT": "Numeric value", "DATE": "Date",
                 "BOOLEAN": "Boolean value"}.get(family, "Timestamp")
        raise ValueError(f"{words} '{value}' is not recognized") from None
    return str(value)


def check(rows, names, columns, table):
    """Returns the rows that fit the table, and a fault for each that does not."""
    places = {name.upper(): idx for idx, name in enumerate(names)}
    good, faults = [], []
    for number, (line, row) in enumerate(rows, 1):
        fitting = []
        for idx, (name, kind, is_nullable) in enumerate(columns, 1):
            place = places.get(name.upper())
            raw = row[place] if place is not None and place < len(row) else None
            try:
                if raw is None and not is_nullable:
                    raise ValueError("NULL result in a non-nullable column")
                fitting.append(converted(raw, kind))
            except ValueError as error:
                full = f'"{table}"["{name}":{idx}]'
                faults.append(Fault(line, number, full, (place or 0) + 1, str(error)))
                break
        else:
            good.append(fitting)
    return good, faults


def unquoted(name):
    return name[1:-1].replace('""', '"')


class Loader:
    """Loads from the folders that stages point to."""

    def __init__(self, engine, shadow):
        self.engine, self.shadow, self.stages = engine, pathlib.Path(shadow), {}
        # Of each load that went on past bad rows: its table, and those of them that counted.
        self.left_out = {}
        # Without it "nothing new" is told file by file.
        self.is_terse = False

    def add_stage(self, name, folder, cursor):
        self.stages[name] = pathlib.Path(folder)
        shadow = self.shadow / name
        shadow.mkdir(parents=True, exist_ok=True)
        cursor.execute(f'create stage "{name}" url={quoted(f"file://{shadow}/")}')

    def load(self, cursor, sql, handle):
        """Runs a `COPY INTO`; returns the columns and rows of its answer."""
        found = COPY.fullmatch(sql)
        if not found:
            raise Refused(422, "001003", "SQL compilation error:\nthis COPY is not understood",
                          "42000")
        stage = unquoted(found["stage"].split(".")[-1])
        if stage not in self.stages:
            raise Refused(422, "002003", f"SQL compilation error:\nStage '{stage}' does not exist "
                          "or not authorized.", "02000")
        if found["format"] not in (PARQUET_FORMAT, CSV_FORMAT):
            raise Refused(422, "001003", f"unknown file format: {found['format']}", "42000")
        files = [it.replace("''", "'").replace("\\\\", "\\")
                 for it in re.findall(r"'((?:[^'\\]|''|\\\\)*)'", found["files"])]
        if not 1 <= len(files) <= 1000:
            raise Refused(422, "001104", f"FILES holds {len(files)} names: 1 to 1000", "42601")
        cursor.execute(f"describe table {found['table']}")
        columns = [(it[0], it[1], it[3] == "Y") for it in cursor.fetchall()]
        table = unquoted(found["table"].split(".")[-1])
        kind = "PARQUET" if found["format"] == PARQUET_FORMAT else "CSV"
        shadows, faults_of, parsed = {}, {}, {}
        for file in files:
            path = self.stages[stage] / file
            if not path.is_file():
                raise Refused(422, "091016", f"Remote file '{file}' was not found.", "22000")
            digest = hashlib.sha256(path.read_bytes()).hexdigest()[:16]
            shadow = f"{digest}/{file}.parquet"
            shadows[shadow] = file
            target = self.shadow / stage / shadow
            names, rows = read_file(path, kind)
            good, faults_of[file] = check(rows, names, columns, table)
            parsed[file] = len(rows)
            if faults_of[file] and found["on_error"] == "ABORT_STATEMENT":
                raise aborted(file, faults_of[file][0], kind)
            target.parent.mkdir(parents=True, exist_ok=True)
            schema = pa.schema([(name, pa.string()) for name, _, _ in columns])
            parquet.write_table(pa.table(list(map(list, zip(*good))) or
                                         [[] for _ in columns], schema=schema), target)
        names = ", ".join(quoted(it) for it in shadows)
        cursor.execute(f"COPY INTO {found['table']} FROM @{found['stage']} FILES = ({names}) "
                       "FILE_FORMAT = (TYPE = PARQUET) MATCH_BY_COLUMN_NAME = CASE_INSENSITIVE "
                       "ON_ERROR = ABORT_STATEMENT")
        answers = cursor.fetchall()
        if found["on_error"] == "CONTINUE":
            root = f"file://{self.shadow}/{stage}/"
            loaded = [shadows[it[0].removeprefix(root)] for it in answers if it[1] == "LOADED"]
            self.left_out[handle] = table, [(it, fault) for it in loaded for fault in faults_of[it]]
        if self.is_terse:
            answers = [it for it in answers if it[1] != "LOAD_SKIPPED"]
            if not answers:
                return ["status"], [["Copy executed with 0 files processed."]]
        return COLUMNS, [self.told(it, shadows, faults_of, parsed, stage) for it in answers]

    def validate(self, sql):
        """Lists the bad rows of an earlier load; `None` when the statement is another one."""
        found = VALIDATE.fullmatch(sql)
        if not found:
            return None
        table, faults = self.left_out.get(found["handle"], (None, []))
        if table != unquoted(found["table"]):
            raise Refused(422, "002018", "SQL compilation error:\nInvalid argument for table "
                          "function. The job ID is not one of a load into this table.", "22023")
        rows = [[file, str(it.line), str(it.row), it.column, it.message] for file, it in faults]
        rows.sort(key=lambda it: (it[0], int(it[2])))
        kinds = [("FILE", "text"), ("LINE", "fixed"), ("ROW_NUMBER", "fixed"),
                 ("COLUMN_NAME", "text"), ("ERROR", "text")]
        columns = [{"name": name, "type": kind, "nullable": True,
                    **({"precision": 38, "scale": 0} if kind == "fixed" else {})}
                   for name, kind in kinds]
        return columns, rows[:int(found["limit"])]

    def told(self, answer, shadows, faults_of, parsed, stage):
        """Tells of a file by its own name, as an external stage does, and of its bad rows."""
        root = f"file://{self.shadow}/{stage}/"
        file = shadows[answer[0].removeprefix(root)]
        named = f"s3://bucket/{stage.lower()}/{file}"
        row = [named, answer[1], *(None if it is None else str(it) for it in answer[2:])]
        faults = faults_of[file]
        if answer[1] == "LOADED" and faults:
            first, n_good = faults[0], int(answer[3])
            row[1] = "PARTIALLY_LOADED" if n_good else "LOAD_FAILED"
            row[2:] = [str(parsed[file]), str(n_good), str(parsed[file]), str(len(faults)),
                       first.message, str(first.line), str(first.place), first.column]
        return row


def aborted(file, fault, kind):
    """The error of a load that stops at its first bad row, in the service's words."""
    line = f", line {fault.line}, character {fault.place}" if kind == "CSV" else ""
    return Refused(422, "100038", f"{fault.message}\n  File '{file}'{line}\n  Row {fault.row}, "
                   f"column {fault.column}\n  If you would like to continue loading when an error "
                   "is encountered, use other values such as 'SKIP_FILE' or 'CONTINUE' for the "
                   "ON_ERROR option. For more information on loading options, please run 'info "
                   "loading_data' in a SQL client.", "22018")
