"""Drives what simple-salesforce reaches of a sandbox org beyond rows: `python org_check.py http://127.0.0.1:8899`.

Composites and graphs, conditional writes, replication, tooling, a deployed package, and SOAP calls as raw messages.
"""

import io
import sys
import time
import zipfile
from datetime import datetime, timedelta, timezone
from xml.etree import ElementTree

from simple_salesforce import Salesforce
from simple_salesforce.exceptions import (
    SalesforceGeneralError,
    SalesforceMalformedRequest,
    SalesforceResourceNotFound,
)
from simple_salesforce_check import PASSWORD, USERNAME, refused, session

VERSION = "66.0"
BASE = f"/services/data/v{VERSION}"


def part(method, path, name, body=None, **headers):
    made = {"method": method, "url": BASE + path, "referenceId": name}
    if body is not None:
        made["body"] = body
    if headers:
        made["httpHeaders"] = {key.replace("_", "-"): value for key, value in headers.items()}
    return made


def check_composites(org):
    before = org.query("SELECT COUNT() FROM Account")["totalSize"]
    parts = [
        part("POST", "/sobjects/Account", "a", {"Name": "Org check"}),
        part("POST", "/sobjects/Contact", "c", {"FirstName": "Ann", "AccountId": "@{a.id}"}),
    ]
    answer = org.restful("composite", method="POST", json={"allOrNone": True, "compositeRequest": parts})
    codes = [entry["body"][0]["errorCode"] for entry in answer["compositeResponse"]]
    assert codes == ["PROCESSING_HALTED", "REQUIRED_FIELD_MISSING"], answer
    assert org.query("SELECT COUNT() FROM Account")["totalSize"] == before
    parts[1]["body"]["LastName"] = "Check"
    graph = {"graphs": [{"graphId": "g", "compositeRequest": parts}]}
    answer = org.restful("composite/graph", method="POST", json=graph)["graphs"][0]
    assert answer["isSuccessful"], answer
    made = [entry["body"]["id"] for entry in answer["graphResponse"]["compositeResponse"]]
    batch = {"batchRequests": [{"method": "GET", "url": f"v{VERSION}/sobjects/Contact/{made[1]}"}]}
    read = org.restful("composite/batch", method="POST", json=batch)["results"][0]["result"]
    assert read["AccountId"] == made[0], read
    return made


def check_conditions(org, account):
    stamp = org.Account.get(account)["LastModifiedDate"]
    at = datetime.strptime(stamp, "%Y-%m-%dT%H:%M:%S.%f%z")
    form = "%a, %d %b %Y %H:%M:%S GMT"
    fresh, stale = at.strftime(form), (at - timedelta(seconds=1)).strftime(form)
    refused(SalesforceGeneralError, "PRECONDITION_FAILED", lambda: org.Account.update(
        account, {"Site": "stale"}, headers={"If-Unmodified-Since": stale}))
    assert org.Account.update(account, {"Site": "fresh"}, headers={"If-Unmodified-Since": fresh}) == 204
    refused(SalesforceMalformedRequest, "INVALID_HEADER", lambda: org.Account.update(
        account, {"Site": "odd"}, headers={"If-Unmodified-Since": stamp}))


def check_replication(org, contact):
    end = datetime.now(timezone.utc) + timedelta(minutes=1)
    updated = org.Contact.updated(end - timedelta(hours=1), end)
    assert updated["latestDateCovered"] and isinstance(updated["ids"], list)
    time.sleep(1.1)
    org.Contact.delete(contact)
    time.sleep(1.1)
    deleted = org.Contact.deleted(end - timedelta(hours=1), end)
    assert contact in [row["id"] for row in deleted["deletedRecords"]], deleted


def check_tooling(org):
    name = f"Check_{int(time.time() * 1000) % 10**9}__c"
    wish = {"FullName": f"Account.{name}", "Metadata": {"type": "Text", "label": "Check", "length": 20}}
    field = org.toolingexecute("sobjects/CustomField", method="POST", data=wish)
    refused(SalesforceMalformedRequest, "DUPLICATE_DEVELOPER_NAME",
            lambda: org.toolingexecute("sobjects/CustomField", method="POST", data=wish))
    account = org.Account.create({"Name": "Tooling check", name: "here"})["id"]
    assert org.Account.get(account)[name] == "here"
    soql = f"SELECT DataType FROM FieldDefinition WHERE EntityDefinition.QualifiedApiName = 'Account' AND QualifiedApiName = '{name}'"
    found = org.toolingexecute("query", params={"q": soql})["records"]
    assert found[0]["DataType"] == "Text(20)", found
    org.toolingexecute(f"sobjects/CustomField/{field['id']}", method="DELETE")
    refused(SalesforceMalformedRequest, "INVALID_FIELD", lambda: org.query(f"SELECT {name} FROM Account"))
    org.Account.delete(account)


def check_deploy(org):
    channel = f"Check{int(time.time() * 1000) % 10**9}__chn"
    named = f"<types><members>{channel}</members><name>PlatformEventChannel</name></types><version>{VERSION}</version>"
    files = {
        "package.xml": f'<Package xmlns="http://soap.sforce.com/2006/04/metadata">{named}</Package>',
        f"platformEventChannels/{channel}.platformEventChannel":
            '<PlatformEventChannel xmlns="http://soap.sforce.com/2006/04/metadata">'
            "<channelType>data</channelType><label>Check</label></PlatformEventChannel>",
    }
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, text in files.items():
            archive.writestr(path, text)
    parts = {
        "json": (None, '{"deployOptions":{"rollbackOnError":true,"singlePackage":true}}', "application/json"),
        "file": ("package.zip", packed.getvalue(), "application/zip"),
    }
    headers = {"Authorization": f"Bearer {org.session_id}"}
    url = f"{org.base_url}metadata/deployRequest"
    begun = org.session.post(url, files=parts, headers=headers)
    assert begun.status_code == 201, begun.text
    for _ in range(100):
        told = org.restful(f"metadata/deployRequest/{begun.json()['id']}", params={"includeDetails": "true"})
        if told["deployResult"]["done"]:
            break
        time.sleep(0.05)
    assert told["deployResult"]["success"], told
    soql = f"SELECT Id FROM PlatformEventChannel WHERE DeveloperName = '{channel[:-5]}'"
    made = org.toolingexecute("query", params={"q": soql})["records"][0]["Id"]
    org.toolingexecute(f"sobjects/PlatformEventChannel/{made}", method="DELETE")


def soap(org, call, token=None):
    """Sends a message and reads the answer by the rules of XML, not of this org."""
    body = f"""<?xml version="1.0" encoding="UTF-8"?>
<env:Envelope xmlns:env="http://schemas.xmlsoap.org/soap/envelope/" xmlns:u="urn:partner.soap.sforce.com">
<env:Header><u:SessionHeader><u:sessionId>{token or org.session_id}</u:sessionId></u:SessionHeader></env:Header>
<env:Body>{call}</env:Body></env:Envelope>"""
    url = f"https://{org.sf_instance}/services/Soap/u/{VERSION}"
    headers = {"Content-Type": "text/xml", "SOAPAction": '""'}
    answer = org.session.post(url, data=body.encode(), headers=headers)
    root = ElementTree.fromstring(answer.content)
    found = {}
    for element in root.iter():
        found.setdefault(element.tag.rsplit("}", 1)[-1], element.text)
    return answer.status_code, found


def check_soap(org, winner):
    loser = org.Account.create({"Name": "Org check (twice)"})["id"]
    contact = org.Contact.create({"LastName": "Moved", "AccountId": loser})["id"]
    merge = f"<u:merge><u:request><u:masterRecord><u:type>Account</u:type><u:Id>{winner}</u:Id></u:masterRecord><u:recordToMergeIds>{loser}</u:recordToMergeIds></u:request></u:merge>"
    status, told = soap(org, merge)
    assert (status, told["success"], told["updatedRelatedIds"]) == (200, "true", contact), told
    assert org.Contact.get(contact)["AccountId"] == winner
    gone = org.query(f"SELECT MasterRecordId FROM Account WHERE Id = '{loser}'", include_deleted=True)
    assert gone["records"][0]["MasterRecordId"] == winner, gone
    for call, wanted in [("delete", "true"), ("undelete", "true"), ("delete", "true"), ("emptyRecycleBin", "true"), ("undelete", "false")]:
        status, told = soap(org, f"<u:{call}><u:ids>{contact}</u:ids></u:{call}>")
        assert (status, told["success"]) == (200, wanted), (call, told)
    refused(SalesforceResourceNotFound, "NOT_FOUND", lambda: org.Contact.get(contact))
    status, told = soap(org, "<u:getServerTimestamp/>")
    assert told["timestamp"].endswith("Z"), told
    status, told = soap(org, "<u:getServerTimestamp/>", token="no")
    assert (status, told["faultcode"]) == (500, "sf:INVALID_SESSION_ID"), told


def main():
    url = sys.argv[1].rstrip("/")
    org = Salesforce(session=session(url), version=VERSION, username=USERNAME, password=PASSWORD, security_token="")
    account, contact = check_composites(org)
    check_conditions(org, account)
    check_replication(org, contact)
    check_tooling(org)
    check_deploy(org)
    check_soap(org, account)
    org.Account.delete(account)
    assert {"DailyApiRequests", "DailyBulkV2QueryJobs", "HourlyPublishedPlatformEvents"} <= set(org.limits())
    print("simple-salesforce: ok, composites, conditions, replication, tooling, a deployment and SOAP")


if __name__ == "__main__":
    main()
