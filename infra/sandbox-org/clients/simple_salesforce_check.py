"""Drives a sandbox org with simple-salesforce: `python simple_salesforce_check.py http://127.0.0.1:8899 [private-key.pem]`.

simple-salesforce only speaks https to `*.salesforce.com`; the adapter below carries its requests to the sandbox
unchanged, so that its own login code is what runs.
"""

import sys
from datetime import datetime, timedelta, timezone
from urllib.parse import urlsplit, urlunsplit

import requests
from simple_salesforce import Salesforce
from simple_salesforce.exceptions import (
    SalesforceAuthenticationFailed,
    SalesforceExpiredSession,
    SalesforceMalformedRequest,
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


def main():
    url, key_file = sys.argv[1].rstrip("/"), sys.argv[2] if len(sys.argv) > 2 else None
    org = check_logins(url, key_file)
    check_describe(org)
    check_records(org)
    print(f"simple-salesforce: ok, {check_paging(org)} cases read by pages")


main()
