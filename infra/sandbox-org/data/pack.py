"""Packs the rows that Snowfakery made into `seed.jsonl.gz`, and gives every case its course: columns once,
references as row numbers, instants as seconds before the day the org starts."""

import gzip
import json
import math
import random
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
    "Inventory and appraisal filed; creditors' claims due in four months.",
    "Arraignment held; discovery requested from the district attorney.",
]
FAMILY, CONTRACT, WORK, LAND = "Family Law", "Contract", "Employment", "Real Estate"
INJURY, VISA, ESTATE, CRIME, OTHER = "Personal Injury", "Immigration", "Estate Planning", "Criminal Defense", "Other"
# Days half of an area's cases take, and the notes that fit it.
AREAS = {
    FAMILY: (150, [0, 1, 5, 7]), CONTRACT: (180, [0, 1, 2, 3, 6, 7]), WORK: (190, [0, 1, 3, 6, 7]),
    LAND: (95, [0, 1, 2, 8]), INJURY: (230, [0, 1, 3, 4, 7]), VISA: (210, [0, 1, 9]), ESTATE: (200, [0, 1, 10]),
    CRIME: (120, [0, 1, 6, 11]), OTHER: (120, [0, 1, 6]),
}
# Courts that hear everything of a state; `letters` are their words for family, probate, crime and the rest.
STATE = [
    ("Superior Court of California, County of Alameda", "{yy}{letters}{n:06}", ("FL", "PR", "CR", "CV")),
    ("Superior Court of California, County of San Francisco", "{letters}-{yy}-{n:06}", ("FDI", "PES", "CRI", "CGC")),
    ("Supreme Court of the State of New York, Kings County", "{letters}{n:05}/{yyyy}", ("3", "P", "7", "5")),
    ("Supreme Court of the State of New York, New York County", "{letters}{n:05}/{yyyy}", ("3", "P", "7", "6")),
    ("Circuit Court of Cook County", "{yyyy} {letters} {n:06}", ("D", "P", "CR", "L")),
    ("Harris County District Court", "{yyyy}-{n:05}{letters}", ("-F", "-P", "-C", "")),
    ("King County Superior Court", "{yy}-{letters}-{n:05}-{check} SEA", ("3", "4", "1", "2")),
    ("Maricopa County Superior Court", "{letters}{yyyy}-{n:06}", ("FC", "PB", "CR", "CV")),
]
FEDERAL = [
    ("U.S. District Court, Northern District of California", "3:{yy}-{letters}-{n:05}", ("cv", "cv", "cr", "cv")),
    ("U.S. District Court, Southern District of New York", "1:{yy}-{letters}-{n:05}", ("cv", "cv", "cr", "cv")),
    ("U.S. District Court, Northern District of Illinois", "1:{yy}-{letters}-{n:05}", ("cv", "cv", "cr", "cv")),
]
IMMIGRATION = [(f"Immigration Court, {city}", "A{a:03}-{b:03}-{c:03}", ("", "", "", ""))
               for city in ("San Francisco", "New York", "Chicago", "Houston")]
DAY = 86_400
MONTHS_24 = 730 * DAY
ACCOUNT = ["Name", "Type", "Industry", "BillingStreet", "BillingCity", "BillingState", "BillingPostalCode",
           "BillingCountry", "Phone", "CreatedDate"]
CONTACT = ["AccountId", "Salutation", "FirstName", "LastName", "Email", "Phone", "Title", "MailingStreet",
           "MailingCity", "MailingState", "MailingPostalCode", "MailingCountry", "CreatedDate"]
CASE = ["Subject", "AccountId", "ContactId", "Practice_Area__c", "Court__c", "Docket_Number__c", "Status", "Priority",
        "Origin", "Reason", "Description", "OwnerId", "CreatedDate", "ClosedDate", "LastModifiedDate"]


def openings(n_cases, dice):
    """How many seconds ago each case was opened, oldest first: busy days and quiet ones, the last minutes ago."""
    weights = [dice.uniform(0.5, 1.5) for _ in range(MONTHS_24 // DAY)]
    days = dice.choices(range(len(weights)), weights, k=n_cases - 1)
    return sorted((day * DAY + dice.randrange(DAY) + 600 for day in days), reverse=True) + [240]


def course(area, age, dice):
    """The status, the closing and the last touch of a case: it takes 20 to 400 days, and a few stay open."""
    median, _ = AREAS[area]
    life = min(400, max(20, dice.lognormvariate(math.log(median), 0.55))) * DAY
    if age > life and dice.random() > 0.03:
        closed = int(age - life)
        litigated = area in (FAMILY, CONTRACT, WORK, INJURY)
        share = (0.5 if closed < 30 * DAY else 0.3) if litigated else 0.0
        return "Settled" if dice.random() < share else "Closed", closed, closed
    touched = min(age, int(dice.expovariate(1 / (12 * DAY))))
    part, roll = age / life, dice.random()
    if age < 6 * DAY and roll < 0.8:
        return "New", None, touched
    if part < 0.12:
        return "Intake", None, touched
    if roll < 0.06 or part > 1 and roll < 0.5:
        return "On Hold", None, touched
    if area in (VISA, ESTATE, LAND, OTHER) and roll < 0.8 or part < 0.35:
        return "Active", None, touched
    if part < 0.65:
        return "Discovery", None, touched
    return "Mediation" if part < 0.85 and area != CRIME else "Trial", None, touched


def venue(area, age, dice):
    """A court that hears such cases, and a number as it writes them."""
    if area == VISA:
        courts = IMMIGRATION
    elif area in (CONTRACT, WORK, CRIME, OTHER) and dice.random() < 0.3:
        courts = FEDERAL
    else:
        courts = STATE
    court, form, letters = dice.choice(courts)
    year = 2026 - (age + 40 * DAY) // (365 * DAY)
    place = {FAMILY: 0, ESTATE: 1, CRIME: 2}.get(area, 3)
    number = form.format(yyyy=year, yy=year % 100, letters=letters[place], n=dice.randrange(100, 32_000),
                         check=dice.randrange(1, 10), a=dice.randrange(200, 240), b=dice.randrange(1000),
                         c=dice.randrange(1000))
    return court, number


def title(area, court, client, account, opponent, dice):
    family = opponent if " " not in opponent and "-" not in opponent and "," not in opponent else "Roe"
    if area == FAMILY:
        return dice.choice([f"Marriage of {client} and {family}", f"Marriage of {client} and {family}",
                            f"{client} v. {family} (custody)", f"Parentage of {client}", f"Adoption of {client}"])
    if area == ESTATE:
        return dice.choice([f"Estate of {client}", f"{client} Living Trust", f"Conservatorship of {client}"])
    if area == VISA:
        aim = dice.choice(["asylum", "adjustment of status", "naturalization", "H-1B petition", "removal"])
        return f"In re {client} ({aim})"
    if area == CRIME:
        side = "United States" if court.startswith("U.S.") else "State" if "Harris" in court else "People"
        return f"{side} v. {client}"
    if area == LAND:
        return dice.choice([f"{account['Name']} v. {opponent} (quiet title)", f"{account['Name']} v. {opponent}",
                            f"Sale of {account['BillingStreet']}", f"Lease of {account['BillingStreet']}"])
    return f"{account['Name']} v. {opponent}" if area == CONTRACT else f"{client} v. {opponent}"


def case(row, age, accounts, contacts, dice):
    area = row["Practice_Area__c"]
    client = contacts[int(row["ContactId"]) - 1]["LastName"]
    account = accounts[int(row["AccountId"]) - 1]
    status, closed, touched = course(area, age, dice)
    court, docket = venue(area, age, dice)
    subject = title(area, court, client, account, row["opponent"], dice)
    if subject.startswith(("Sale of", "Lease of")):
        court, docket = None, None
    elif status == "New" or status == "Intake" and dice.random() < 0.5:
        docket = None
    notes = dice.sample(AREAS[area][1], dice.choice([1, 2]))
    return [subject[:255], int(row["AccountId"]), int(row["ContactId"]), area, court, docket, status, row["Priority"],
            row["Origin"], row["Reason"], " ".join(NOTES[note] for note in sorted(notes)), int(row["OwnerId"]),
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
    dice = random.Random(1)
    rows = {"Account": [], "Contact": [], "Case": []}
    for row in json.loads(source.read_text()):
        rows[row["_table"]].append(row)
    ages = openings(len(rows["Case"]), dice)
    lines = [{"object": "Account", "columns": ACCOUNT}]
    lines += [plain(row, ACCOUNT) for row in rows["Account"]]
    lines += [{"object": "Contact", "columns": CONTACT}]
    lines += [plain(row, CONTACT) for row in rows["Contact"]]
    lines += [{"object": "Case", "columns": CASE}]
    lines += [case(row, age, rows["Account"], rows["Contact"], dice) for row, age in zip(rows["Case"], ages)]
    text = "".join(json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n" for line in lines)
    # No time stamp inside, so that the same rows give the same file.
    with gzip.GzipFile(filename="", fileobj=target.open("wb"), mode="wb", mtime=0) as packed:
        packed.write(text.encode())


main()
