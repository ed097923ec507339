"""Packs the rows that Snowfakery made into `seed.jsonl.gz`: columns once, references as row numbers."""

import gzip
import json
import sys
from pathlib import Path

NOTES = [
    "Initial consultation held; conflict check cleared.",
    "Engagement letter signed; retainer received.",
    "Client seeks damages for breach of a written agreement.",
    "Opposing counsel served with the first set of interrogatories.",
    "Awaiting medical records from the treating physician.",
    "Custody evaluation ordered; report due in sixty days.",
    "Motion to dismiss pending; hearing date to be set.",
    "Settlement demand sent; reply expected within thirty days.",
    "Title report shows an unreleased lien on the property.",
    "Petition filed; biometrics appointment scheduled.",
]
# Statuses a case of this age, in days, is likely to have.
PATHS = [
    (14, ["New", "New", "Intake", "Intake", "Active"]),
    (60, ["Intake", "Active", "Active", "Discovery", "On Hold", "Closed"]),
    (240, ["Active", "Discovery", "Discovery", "Mediation", "On Hold", "Settled", "Closed", "Trial"]),
    (480, ["Discovery", "Mediation", "Trial", "Settled", "Settled", "Closed", "Closed"]),
    (9999, ["Trial", "Settled", "Settled", "Closed", "Closed", "Closed", "Closed", "Closed"]),
]
DAY = 86_400
ACCOUNT = ["Name", "Type", "Industry", "BillingStreet", "BillingCity", "BillingState", "BillingPostalCode",
           "BillingCountry", "Phone", "CreatedDate"]
CONTACT = ["AccountId", "Salutation", "FirstName", "LastName", "Email", "Phone", "Title", "MailingStreet",
           "MailingCity", "MailingState", "MailingPostalCode", "MailingCountry", "CreatedDate"]
CASE = ["Subject", "AccountId", "ContactId", "Practice_Area__c", "Court__c", "Docket_Number__c", "Status", "Priority",
        "Origin", "Reason", "Description", "OwnerId", "CreatedDate", "ClosedDate", "LastModifiedDate"]


def title(area, client, account, opponent):
    if area == "Estate Planning":
        return f"In re Estate of {client}"
    if area == "Immigration":
        return f"In re {client}"
    if area == "Criminal Defense":
        return f"People v. {client}"
    if area == "Family Law":
        return f"Marriage of {client} and {opponent}" if " " not in opponent else f"{client} v. {opponent}"
    return f"{account} v. {opponent}" if area in ("Contract", "Real Estate") else f"{client} v. {opponent}"


def case(row, accounts, contacts):
    age, area = int(row["age"]), row["Practice_Area__c"]
    roll, note = int(row["roll"]), int(row["note"])
    client = contacts[int(row["ContactId"]) - 1]["LastName"]
    account = accounts[int(row["AccountId"]) - 1]["Name"]
    statuses = next(words for days, words in PATHS if age < days * DAY)
    status = statuses[roll % len(statuses)]
    # The last touch lies between the opening and now; most cases were touched long ago.
    touched = int(age * (note / 1000) ** 2)
    closed = touched if status in ("Settled", "Closed") else None
    kind = {"Family Law": "FL", "Criminal Defense": "CR", "Estate Planning": "PR"}.get(area, "CV")
    year = 26 - (age + 180 * DAY) // (365 * DAY)
    docket = None if status in ("New", "Intake") and roll % 2 else f"{year}-{kind}-{int(row['docket']):05}"
    text = " ".join(NOTES[(note + k) % len(NOTES)] for k in range(1 + note % 2))
    return [title(area, client, account, row["opponent"])[:255], int(row["AccountId"]), int(row["ContactId"]), area,
            row["Court__c"], docket, status, row["Priority"], row["Origin"], row["Reason"], text, int(row["OwnerId"]),
            age, closed, touched]


def plain(row, columns):
    row["CreatedDate"] = int(row["age"])
    if "Email" in row:
        row["Email"] = row["Email"].lower().replace(" ", "").replace("'", "")
    if "MailingPostalCode" in row:
        # Snowfakery turns digits into a number on the way from the account.
        row["MailingPostalCode"] = f"{int(row['MailingPostalCode']):05}"
    return [row[name] for name in columns]


def main():
    source, target = Path(sys.argv[1]), Path(sys.argv[2])
    rows = {"Account": [], "Contact": [], "Case": []}
    for row in json.loads(source.read_text()):
        rows[row["_table"]].append(row)
    lines = [{"object": "Account", "columns": ACCOUNT}]
    lines += [plain(row, ACCOUNT) for row in rows["Account"]]
    lines += [{"object": "Contact", "columns": CONTACT}]
    lines += [plain(row, CONTACT) for row in rows["Contact"]]
    lines += [{"object": "Case", "columns": CASE}]
    lines += [case(row, rows["Account"], rows["Contact"]) for row in rows["Case"]]
    text = "".join(json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n" for line in lines)
    # No time stamp inside, so that the same rows give the same file.
    with gzip.GzipFile(filename="", fileobj=target.open("wb"), mode="wb", mtime=0) as packed:
        packed.write(text.encode())


main()
