"""What a stranger and a client must not be answered, and two touches to what is sent."""

import os

import schemathesis

# Who asks: `nobody`, `client` or `admin`.
WHO = os.environ["MOODBRIDGE_WHO"]
# The id of a case that exists, so that the routes of one case are asked for more than a 404.
CASE_ID = os.environ["MOODBRIDGE_CASE"]
# The longest cursor that the document allows.
MAX_CURSOR = 4000
CLIENT_MAY = {"cases:read"}


def asks_for_nothing(case):
    return case.operation.definition.raw.get("security") == []


@schemathesis.check
def nobody_passes_without_a_token(ctx, response, case):
    """Every route but the open ones answers 401, whatever is sent."""
    if WHO != "nobody" or asks_for_nothing(case) or is_of_another_method(case):
        return
    assert response.status_code == 401, f"answered {response.status_code} without a token"
    assert response.headers["www-authenticate"], "no challenge came with 401"


@schemathesis.check
def client_sees_nothing_of_the_firm(ctx, response, case):
    """A client without cases reads empty lists and 404, and is refused everything else."""
    if WHO != "client" or is_of_another_method(case) or response.status_code == 401:
        return
    permission = case.operation.definition.raw.get("x-permission")
    if permission is not None and permission not in CLIENT_MAY:
        assert response.status_code == 403, f"answered {response.status_code} without {permission}"
    elif response.status_code == 200 and permission is not None:
        body = response.json()
        n_seen = len(body["items"]) if "items" in body else body["stats"]["total_incidents"]
        assert n_seen == 0, "showed cases that are assigned to nobody"


def is_of_another_method(case):
    """Some requests try methods that the path does not answer."""
    return case.method.upper() != case.operation.method.upper()


# A field of each kind of row that may hold any text.
FIELDS = {"cases": "court", "contacts": "department", "accounts": "description"}


def touch_documents(case):
    """JSON Schema takes 3.0 for a whole number, here too; and which parts an upload has, no schema says."""
    body, path = case.body, case.path_parameters or {}
    if "upload" in path and len(str(path["upload"])) > 1:
        path["upload"] = "no-upload"
    if "/documents/uploads" not in case.operation.path or not isinstance(body, dict):
        return
    parts = body.get("parts") if isinstance(body.get("parts"), list) else []
    for it in [body, *(part for part in parts if isinstance(part, dict))]:
        for name in ("size_bytes", "number"):
            if isinstance(it.get(name), float) and it[name].is_integer():
                it[name] = int(it[name])


def touch_two_way(case, query):
    """A row has fields of its own, and a place in a list is one that an answer gave."""
    kind = case.operation.path.split("/")[2]
    body, headers = case.body, case.headers or {}
    if case.operation.path == "/v1/outbox" and isinstance(query.get("after"), str):
        del query["after"]
    if kind in FIELDS and "If-Match" in headers:
        del headers["If-Match"]
    is_row = kind in FIELDS and case.operation.path.count("/") <= 3 and isinstance(body, dict) and body
    if is_row and all(not isinstance(it, (dict, list)) for it in body.values()):
        case.body = {FIELDS[kind]: "Held to the document"}
    # JSON Schema takes 3.0 for a whole number.
    if case.operation.path == "/v1/conflicts/resolve" and isinstance(body, dict):
        before = body.get("before")
        if isinstance(before, float) and before.is_integer():
            del body["before"]


@schemathesis.hook
def map_case(context, case):
    path = case.path_parameters or {}
    if len(str(path.get("id", ""))) == len(CASE_ID):
        path["id"] = CASE_ID
    # What a schema cannot say is refused with 400: a cursor that no answer gave, and a range that
    # ends before it begins.
    query = case.query or {}
    cursor = query.get("cursor")
    if case.operation.path == "/v1/cases" and isinstance(cursor, str) and len(cursor) <= MAX_CURSOR:
        del query["cursor"]
    ends = [query.get("opened_from"), query.get("opened_until")]
    if case.operation.path == "/v1/cases" and all(isinstance(it, str) for it in ends):
        query["opened_from"], query["opened_until"] = (f"{year}-01-01" for year in (1999, 2031))
    touch_two_way(case, query)
    touch_documents(case)
    # An object of settings has one at least, of names that are not in the document.
    body = case.body
    if case.operation.path == "/v1/settings/changes" and isinstance(body, dict):
        if isinstance(body.get("set"), dict):
            body["set"] = {"poll.every": "2m"}
    return case
