"""Moves many records with simple-salesforce: `read URL SOQL` or `upsert URL N_ROWS RUN`.

simple-salesforce only speaks https to `*.salesforce.com`; the adapter carries its requests to the sandbox unchanged.
"""

import csv
import io
import sys
from urllib.parse import urlsplit, urlunsplit

import requests
from simple_salesforce import Salesforce

# Some descriptions are longer than what the reader takes by itself.
csv.field_size_limit(10_000_000)


class ToSandbox(requests.adapters.HTTPAdapter):
    def __init__(self, url):
        super().__init__()
        self.netloc = urlsplit(url).netloc

    def send(self, request, **kwargs):
        parts = urlsplit(request.url)
        request.url = urlunsplit(("http", self.netloc, parts.path, parts.query, ""))
        return super().send(request, **kwargs)


def connect(url):
    session = requests.Session()
    session.trust_env = False
    session.mount("https://", ToSandbox(url))
    return Salesforce(username="admin@sandbox.example", password="sandbox-password", consumer_key="moodbridge-sandbox",
                      consumer_secret="sandbox-secret", version="66.0", session=session)


def read(org, soql):
    n_records = n_values = 0
    for page in org.bulk2.Case.query(soql, max_records=50_000, wait=0.5):
        for record in csv.DictReader(io.StringIO(page, newline="")):
            n_records += 1
            n_values += sum(1 for value in record.values() if value)
    return n_records, n_values


def contact(idx, run):
    return {"MoodBridge_Id__c": f"simple-{run}-{idx}", "LastName": f"Sørensen {idx}", "FirstName": "Anna",
            "Email": f"anna.{idx}@firm.example", "Phone": f"+45 33 {idx:06}",
            "MailingStreet": f"{idx % 200} Some Street", "MailingCity": "København",
            "MailingPostalCode": f"{idx % 9999:04}", "MailingCountry": "Denmark", "Title": 'Partner, "Litigation"'}


def upsert(org, n_rows, run):
    contacts = [contact(idx, run) for idx in range(n_rows)]
    jobs = org.bulk2.Contact.upsert(records=contacts, external_id_field="MoodBridge_Id__c", wait=0.5)
    n_done = 0
    for job in jobs:
        results = org.bulk2.Contact.get_all_ingest_records(job["job_id"])
        assert not results["failedRecords"] and not results["unprocessedRecords"]
        n_done += sum(1 for row in results["successfulRecords"] if row["sf__Id"])
    assert n_done == n_rows, (n_done, n_rows)
    return n_done, n_done * 10


def main():
    what, url, *rest = sys.argv[1:]
    org = connect(url)
    n_records, n_values = read(org, rest[0]) if what == "read" else upsert(org, int(rest[0]), rest[1])
    print(f"{n_records} records, {n_values} values")


main()
