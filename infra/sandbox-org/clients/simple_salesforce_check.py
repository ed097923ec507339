"""Drives a sandbox org with simple-salesforce: `python simple_salesforce_check.py http://127.0.0.1:8899 [private-key.pem]`.

simple-salesforce only speaks https to `*.salesforce.com`; the adapter below carries its requests to the sandbox
unchanged, so that its own login code is what runs.
"""

import csv
import io
import sys
import tempfile
from datetime import datetime, timedelta, timezone
from urllib.parse import urlsplit, urlunsplit

import requests
from simple_salesforce import Salesforce
from simple_salesforce.exceptions import (
    SalesforceAuthenticationFailed,
    SalesforceExpiredSession,
    SalesforceMalformedRequest,
    SalesforceOperationError,
    SalesforceResourceNotFound,
)

USERNAME, PASSWORD = "admin@sandbox.example", "sandbox-password"
KEY, SECRET = "moodbridge-sandbox", "sandbox-secret"


class ToSandbox(requests.adapters.HTTPAdapter):
    """Sends https requests to the sandbox by plain http."""

    def __init__(self, url):
        super().__init__()
        self.netloc = urlsplit(url).netloc

    def send(self, request, **kwargs):
        parts = urlsplit(request.url)
        request.url = urlunsplit(("http", self.netloc, parts.path, parts.query, ""))
        return super().send(request, **kwargs)


def session(url):
    made = requests.Session()
    made.trust_env = False
    made.mount("https://", ToSandbox(url))
    return made


def refused(kind, code, call):
    try:
        call()
    except kind as error:
        assert code in f"{error} {getattr(error, 'content', '')}", error
        return
    raise AssertionError(f"{code} was expected")


def check_logins(url, key_file):
    token = ""
    logins = {
        "soap": {"username": USERNAME, "password": PASSWORD, "security_token": "token"},
        "password": {"username": USERNAME, "password": PASSWORD, "consumer_key": KEY, "consumer_secret": SECRET},
        "client credentials": {"consumer_key": KEY, "consumer_secret": SECRET, "domain": "firm.my"},
    }
    if key_file:
        logins["jwt bearer"] = {"username": USERNAME, "consumer_key": KEY, "privatekey_file": key_file}
    for name, arguments in logins.items():
        org = Salesforce(session=session(url), version="66.0", **arguments)
        assert org.query("SELECT Id FROM Organization")["totalSize"] == 1, name
        token = org.session_id
        print(f"login by {name}: ok")
    direct = Salesforce(session=session(url), instance_url=url, session_id=token, version="66.0")
    assert direct.limits()["DailyApiRequests"]["Remaining"] > 0
    refused(SalesforceAuthenticationFailed, "INVALID_LOGIN", lambda: Salesforce(
        session=session(url), username=USERNAME, password="wrong", security_token=""))
    refused(SalesforceExpiredSession, "INVALID_SESSION_ID", lambda: Salesforce(
        session=session(url), instance_url=url, session_id="no").query("SELECT Id FROM Case"))
    return direct


def check_describe(org):
    names = [entry["name"] for entry in org.describe()["sobjects"]]
    assert {"Account", "Contact", "Case"} <= set(names), names
    fields = {field["name"]: field for field in org.Case.describe()["fields"]}
    assert fields["Docket_Number__c"]["length"] == 40
    assert all(len(field) == 57 for field in fields.values())


def check_records(org):
    account = org.Account.create({"Name": "Client check"})["id"]
    case = org.Case.create({"Subject": "Check v. Sandbox", "AccountId": account})["id"]
    assert org.Case.get(case)["Status"] == "New"
    assert org.Case.update(case, {"Status": "Closed"}) == 204
    assert org.Case.get(case)["IsClosed"] is True
    assert org.Case.upsert("MoodBridge_Id__c/check-1", {"Subject": "Upserted"}) in (200, 201)
    upserted = org.Case.get_by_custom_id("MoodBridge_Id__c", "check-1")
    assert upserted["Subject"] == "Upserted"
    row = org.query(f"SELECT Subject, Account.Name FROM Case WHERE Id = '{case}'")["records"][0]
    assert row["Account"]["Name"] == "Client check"
    assert org.Case.delete(case) == 204
    refused(SalesforceResourceNotFound, "ENTITY_IS_DELETED", lambda: org.Case.get(case))
    refused(SalesforceMalformedRequest, "INVALID_FIELD", lambda: org.Case.create({"Subjekt": "x"}))
    refused(SalesforceMalformedRequest, "No such column 'Subjekt' on entity 'Case'",
            lambda: org.query("SELECT Subjekt FROM Case"))
    refused(SalesforceMalformedRequest, "MALFORMED_QUERY", lambda: org.query("SELECT FROM Case"))
    org.Case.delete(upserted["Id"])
    now = datetime.now(timezone.utc) + timedelta(seconds=5)
    deleted = org.Case.deleted(now - timedelta(hours=1), now)
    assert isinstance(deleted["deletedRecords"], list)
    org.Account.delete(account)


def check_paging(org):
    count = org.query("SELECT COUNT() FROM Case")["totalSize"]
    first = org.query("SELECT Id, CaseNumber FROM Case ORDER BY SystemModstamp, Id")
    assert first["done"] is (count <= 2000)
    ids = [row["Id"] for row in org.query_all_iter("SELECT Id FROM Case")]
    assert len(ids) == len(set(ids)) == count, (len(ids), count)
    groups = org.query("SELECT Status, COUNT(Id) n FROM Case GROUP BY Status ORDER BY COUNT(Id) DESC")["records"]
    assert sum(row["n"] for row in groups) == count
    return count


ODD = ["NA", "null", "None", "say \"yes\"", "a,b", "first\r\nsecond", "⚖️ 案件", "it's"]


def read_csv(text):
    # Ends of lines inside values must arrive as they are.
    return list(csv.DictReader(io.StringIO(text, newline="")))


def load(job, operation, rows, **more):
    """Runs one upload and returns its good and its bad rows."""
    [done] = getattr(job, operation)(records=rows, wait=0.1, **more)
    good = read_csv(job.get_successful_records(done["job_id"]))
    bad = read_csv(job.get_failed_records(done["job_id"]))
    assert done["numberRecordsTotal"] == len(rows) == len(good) + len(bad), done
    assert done["numberRecordsFailed"] == len(bad), done
    assert read_csv(job.get_unprocessed_records(done["job_id"])) == []
    return good, bad


def check_bulk_uploads(org):
    accounts, cases = org.bulk2.Account, org.bulk2.Case
    good, bad = load(accounts, "insert", [{"Name": f"Bulk {n}", "MoodBridge_Id__c": f"bulk-{n}"} for n in range(3)])
    assert len(good) == 3 and all(row["sf__Created"] == "true" for row in good), bad
    rows = [{"MoodBridge_Id__c": f"bulk-{n}", "Subject": text, "Client_Reference__c": text,
             "Account.MoodBridge_Id__c": f"bulk-{n % 3}", "Claim_Amount__c": "912260031"}
            for n, text in enumerate(ODD)]
    good, bad = load(cases, "upsert", rows, external_id_field="MoodBridge_Id__c")
    assert len(good) == len(ODD) and {row["Claim_Amount__c"] for row in good} == {"9.12260031E8"}, bad
    assert {row["Subject"] for row in good} == set(ODD)
    rows[0]["Subject"], rows[1]["Account.MoodBridge_Id__c"] = "#N/A", "nobody"
    good, bad = load(cases, "upsert", rows, external_id_field="MoodBridge_Id__c")
    assert all(row["sf__Created"] == "false" for row in good) and len(good) == len(ODD) - 1
    assert bad[0]["sf__Error"] == ("INVALID_FIELD:Foreign key external ID: nobody not found for field "
                                   "MoodBridge_Id__c in entity Account:--"), bad
    stored = {row["MoodBridge_Id__c"]: row for row in org.query(
        "SELECT Id, MoodBridge_Id__c, Subject, Account.Name FROM Case WHERE MoodBridge_Id__c LIKE 'bulk-%'")["records"]}
    assert stored["bulk-0"]["Subject"] is None and stored["bulk-5"]["Subject"] == ODD[5]
    good, bad = load(cases, "update", [{"Id": row["Id"], "Priority": "High"} for row in stored.values()])
    assert len(good) == len(ODD), bad
    return [row["Id"] for row in stored.values()]


def check_bulk_queries(org, ids):
    cases = org.bulk2.Case
    soql = "SELECT Id, Subject, Account.Name, Claim_Amount__c FROM Case WHERE MoodBridge_Id__c LIKE 'bulk-%'"
    pages = list(cases.query(soql, max_records=3, wait=0.1))
    rows = [row for page in pages for row in read_csv(page)]
    assert len(pages) == 3 and sorted(row["Id"] for row in rows) == sorted(ids)
    assert {row["Subject"] for row in rows} == set(ODD[1:]) | {""}
    count = org.query("SELECT COUNT() FROM Case")["totalSize"]
    with tempfile.TemporaryDirectory() as folder:
        parts = cases.download("SELECT Id, Description FROM Case", folder, max_records=4000, wait=0.1)
        rows = []
        for part in parts:
            with open(part["file"], newline="", encoding="utf-8") as file:
                found = list(csv.DictReader(file))
            assert len(found) == part["number_of_records"]
            rows += found
    # The firm may open or close a case meanwhile.
    assert abs(len(rows) - count) <= 20 and len({row["Id"] for row in rows}) == len(rows), (len(rows), count)
    refused(SalesforceMalformedRequest, "Aggregate functions and GROUP BY not supported in Bulk Query",
            lambda: list(cases.query("SELECT COUNT(Id) FROM Case", wait=0.1)))
    return len(rows)


def check_bulk_deletes(org, ids):
    cases = org.bulk2.Case
    good, bad = load(cases, "delete", [{"Id": one} for one in ids])
    assert len(good) == len(ids), bad
    gone = [row for page in cases.query_all(
        "SELECT Id, IsDeleted FROM Case WHERE MoodBridge_Id__c LIKE 'bulk-%'", wait=0.1) for row in read_csv(page)
        if row["Id"] in ids]
    assert [row["IsDeleted"] for row in gone] == ["true"] * len(ids)
    contacts = org.bulk2.Contact
    good, bad = load(contacts, "insert", [{"LastName": "Bulk"}])
    good, bad = load(contacts, "hard_delete", [{"Id": good[0]["sf__Id"]}])
    assert len(good) == 1, bad
    accounts = [row["Id"] for row in org.query(
        "SELECT Id FROM Account WHERE MoodBridge_Id__c LIKE 'bulk-%'")["records"]]
    good, bad = load(org.bulk2.Account, "delete", [{"Id": one} for one in accounts])
    assert len(good) == 3, bad
    refused(SalesforceOperationError, "InvalidBatch : Field name not found : Subjekt",
            lambda: cases.insert(records=[{"Subjekt": "x"}], wait=0.1))


def main():
    url, key_file = sys.argv[1].rstrip("/"), sys.argv[2] if len(sys.argv) > 2 else None
    org = check_logins(url, key_file)
    check_describe(org)
    check_records(org)
    ids = check_bulk_uploads(org)
    print(f"simple-salesforce: bulk2 ok, {check_bulk_queries(org, ids)} cases exported")
    check_bulk_deletes(org, ids)
    print(f"simple-salesforce: ok, {check_paging(org)} cases read by pages")


main()
