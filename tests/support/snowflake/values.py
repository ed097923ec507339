"""Values on the wire of the SQL API: bindings that come in, cells that go out."""

import datetime
import json
import re

import pyarrow as pa

EPOCH = datetime.datetime(1970, 1, 1)
NANOS = 1_000_000_000
# Type codes of the connector's result metadata.
TYPES = {0: "fixed", 1: "real", 2: "text", 3: "date", 5: "variant", 6: "timestamp_ltz",
         7: "timestamp_tz", 8: "timestamp_ntz", 9: "object", 10: "array", 11: "binary",
         12: "time", 13: "boolean"}


class Refused(Exception):
    """An answer that is no success."""

    def __init__(self, status, code, message, sql_state=None):
        super().__init__(message)
        self.status, self.code, self.message, self.sql_state = status, code, message, sql_state


def quoted(text):
    return "'" + text.replace("\\", "\\\\").replace("'", "''") + "'"


def at(nanos):
    """Writes nanoseconds since 1970 with all nine digits."""
    seconds, behind = divmod(nanos, NANOS)
    return (EPOCH + datetime.timedelta(seconds=seconds)).isoformat(" ") + f".{behind:09d}"


def literal(place, binding):
    """Writes a binding as SQL; refuses what the API refuses."""
    if not isinstance(binding, dict) or set(binding) != {"type", "value"}:
        raise Refused(400, "390142", f"binding {place} needs `type` and `value` alone")
    kind, value = binding["type"], binding["value"]
    if value is None:
        return "NULL"
    if not isinstance(value, str):
        raise Refused(400, "390142", f"the value of binding {place} is not text")
    try:
        return _literal(kind, value)
    except (ValueError, OverflowError) as error:
        raise Refused(422, "100037", f"binding {place} is no {kind}: {error}", "22000") from error


def _literal(kind, value):
    whole = r"-?\d{1,38}"
    if kind == "FIXED" and re.fullmatch(r"-?(\d+(\.\d*)?|\.\d+)", value):
        return value
    if kind == "REAL":
        float(value)
        return f"{quoted(value)}::float"
    if kind == "TEXT":
        return quoted(value)
    if kind == "BOOLEAN" and value.lower() in ("true", "false", "0", "1"):
        return "true" if value.lower() in ("true", "1") else "false"
    if kind == "BINARY":
        bytes.fromhex(value)
        return f"to_binary({quoted(value)}, 'HEX')"
    if kind == "DATE" and re.fullmatch(whole, value):
        days, rest = divmod(int(value), 86_400_000)
        if rest:
            raise ValueError("a date is whole days, in milliseconds")
        return f"'{(EPOCH + datetime.timedelta(days=days)).date()}'::date"
    if kind == "TIME" and re.fullmatch(r"\d+", value):
        if int(value) >= 86_400 * NANOS:
            raise ValueError("a time is below 24 hours, in nanoseconds")
        return f"'{at(int(value))[11:]}'::time"
    if kind == "TIMESTAMP_NTZ" and re.fullmatch(whole, value):
        return f"'{at(int(value))}'::timestamp_ntz"
    if kind == "TIMESTAMP_LTZ" and re.fullmatch(whole, value):
        return f"'{at(int(value))}+00:00'::timestamp_tz"
    if kind == "TIMESTAMP_TZ" and re.fullmatch(rf"{whole} \d{{1,4}}", value):
        nanos, offset = value.split()
        ahead = int(offset) - 1440
        local = at(int(nanos) + ahead * 60 * NANOS)
        sign = "-" if ahead < 0 else "+"
        return f"'{local}{sign}{abs(ahead) // 60:02d}:{abs(ahead) % 60:02d}'::timestamp_tz"
    raise ValueError(f"`{value}` cannot be bound as {kind}")


def row_type(description):
    """Describes the columns of an answer."""
    return [{"name": it.name, "database": "", "schema": "", "table": "", "nullable": True,
             "type": TYPES[it.type_code], "precision": it.precision, "scale": it.scale,
             "byteLength": it.internal_size, "length": it.internal_size, "collation": None}
            for it in description]


def seconds(nanos):
    sign = "-" if nanos < 0 else ""
    return f"{sign}{abs(nanos) // NANOS}.{abs(nanos) % NANOS:09d}"


def cells(column, kind, scale):
    """Writes a column of an Arrow table as the API does."""
    if kind.startswith("timestamp") and pa.types.is_timestamp(column.type):
        zone = " 1440" if kind == "timestamp_tz" else ""
        nanos = column.cast(pa.timestamp("ns", column.type.tz)).cast(pa.int64())
        return [None if it is None else seconds(it) + zone for it in nanos.to_pylist()]
    if kind == "time" and pa.types.is_time(column.type):
        nanos = column.cast(pa.time64("ns")).cast(pa.int64())
        return [None if it is None else seconds(it) for it in nanos.to_pylist()]
    return [None if it is None else cell(it, kind, scale) for it in column.to_pylist()]


def cell(value, kind, scale):
    if kind == "fixed":
        return f"{value:.{scale or 0}f}" if not isinstance(value, (int, str)) else str(value)
    if kind == "real":
        return {"nan": "NaN", "inf": "inf", "-inf": "-inf"}.get(str(value), repr(value))
    if kind == "boolean":
        return "true" if value else "false"
    if kind == "date":
        return str((value - EPOCH.date()).days)
    if kind == "binary":
        return bytes(value).hex().upper()
    if kind in ("variant", "object", "array"):
        return value if isinstance(value, str) else json.dumps(value, indent=2)
    return str(value)
