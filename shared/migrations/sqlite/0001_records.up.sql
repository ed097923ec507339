-- Accounts, contacts and cases, and what hangs on a case.
-- Instants are whole milliseconds since 1970 in UTC. Ids are UUIDs in lower case.
-- A case may arrive before its account: such references carry no foreign key.

CREATE TABLE accounts (
    row_number          INTEGER PRIMARY KEY,
    id                  TEXT NOT NULL UNIQUE CHECK (length(id) = 36),
    name                TEXT,
    kind                TEXT,
    industry            TEXT,
    phone               TEXT,
    website             TEXT,
    billing_street      TEXT,
    billing_city        TEXT,
    billing_state       TEXT,
    billing_postal_code TEXT,
    billing_country     TEXT,
    description         TEXT,
    custom              TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(custom)),
    is_deleted          INTEGER NOT NULL DEFAULT 0 CHECK (is_deleted IN (0, 1)),
    connection          TEXT NOT NULL,
    object              TEXT NOT NULL,
    record_id           TEXT NOT NULL,
    version             INTEGER NOT NULL,
    created_at          INTEGER NOT NULL,
    updated_at          INTEGER NOT NULL
) STRICT;

CREATE TABLE contacts (
    row_number          INTEGER PRIMARY KEY,
    id                  TEXT NOT NULL UNIQUE CHECK (length(id) = 36),
    account_id          TEXT,
    salutation          TEXT,
    first_name          TEXT,
    last_name           TEXT,
    email               TEXT,
    phone               TEXT,
    mobile_phone        TEXT,
    title               TEXT,
    department          TEXT,
    mailing_street      TEXT,
    mailing_city        TEXT,
    mailing_state       TEXT,
    mailing_postal_code TEXT,
    mailing_country     TEXT,
    -- What people call this person.
    full_name           TEXT GENERATED ALWAYS AS (
        nullif(trim(coalesce(first_name, '') || ' ' || coalesce(last_name, '')), '')
    ) VIRTUAL,
    custom              TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(custom)),
    is_deleted          INTEGER NOT NULL DEFAULT 0 CHECK (is_deleted IN (0, 1)),
    connection          TEXT NOT NULL,
    object              TEXT NOT NULL,
    record_id           TEXT NOT NULL,
    version             INTEGER NOT NULL,
    created_at          INTEGER NOT NULL,
    updated_at          INTEGER NOT NULL
) STRICT;

CREATE INDEX contacts_by_account ON contacts (account_id);

CREATE TABLE cases (
    row_number          INTEGER PRIMARY KEY,
    id                  TEXT NOT NULL UNIQUE CHECK (length(id) = 36),
    account_id          TEXT,
    contact_id          TEXT,
    case_number         TEXT,
    docket_number       TEXT,
    title               TEXT,
    court               TEXT,
    status              TEXT,
    priority            TEXT,
    practice_area       TEXT,
    origin              TEXT,
    reason              TEXT,
    description         TEXT,
    is_closed           INTEGER NOT NULL DEFAULT 0 CHECK (is_closed IN (0, 1)),
    opened_at           INTEGER,
    closed_at           INTEGER,
    custom              TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(custom)),
    is_deleted          INTEGER NOT NULL DEFAULT 0 CHECK (is_deleted IN (0, 1)),
    connection          TEXT NOT NULL,
    object              TEXT NOT NULL,
    record_id           TEXT NOT NULL,
    version             INTEGER NOT NULL,
    created_at          INTEGER NOT NULL,
    updated_at          INTEGER NOT NULL,
    -- Sort keys are never null, so that a page can begin behind any of them: a case without a
    -- number or title comes last, one without an opening date is the earliest.
    docket_key          TEXT NOT NULL COLLATE NOCASE
        GENERATED ALWAYS AS (coalesce(docket_number, char(1114111))) VIRTUAL,
    title_key           TEXT NOT NULL COLLATE NOCASE
        GENERATED ALWAYS AS (coalesce(title, char(1114111))) VIRTUAL,
    opened_key          INTEGER NOT NULL
        GENERATED ALWAYS AS (coalesce(opened_at, -9223372036854775808)) VIRTUAL,
    -- Days since 1970 in UTC, rounded down before 1970 too.
    opened_day          INTEGER GENERATED ALWAYS AS (
        (opened_at - ((opened_at % 86400000) + 86400000) % 86400000) / 86400000
    ) VIRTUAL,
    closed_day          INTEGER GENERATED ALWAYS AS (
        (closed_at - ((closed_at % 86400000) + 86400000) % 86400000) / 86400000
    ) VIRTUAL
) STRICT;

CREATE INDEX cases_by_record ON cases (record_id);
CREATE INDEX cases_by_contact ON cases (contact_id);

-- One for each list order. The usual one also holds what is mostly filtered by, so that a walk along
-- it reads no rows.
CREATE INDEX cases_by_update ON cases (updated_at, id, is_closed, status, priority, court)
    WHERE is_deleted = 0;
CREATE INDEX cases_by_opening ON cases (opened_key, id) WHERE is_deleted = 0;
CREATE INDEX cases_by_docket ON cases (docket_key, id) WHERE is_deleted = 0;
CREATE INDEX cases_by_title ON cases (title_key, id) WHERE is_deleted = 0;
-- One for each filter that may leave so few cases that they are sorted instead. None of them holds
-- what every change touches.
CREATE INDEX cases_by_account ON cases (account_id);
CREATE INDEX cases_by_status ON cases (status) WHERE is_deleted = 0;
CREATE INDEX cases_by_court ON cases (court) WHERE is_deleted = 0;
CREATE INDEX cases_by_priority ON cases (priority) WHERE is_deleted = 0;

-- Exhibits and other documents. A document may arrive before its case.
CREATE TABLE documents (
    row_number    INTEGER PRIMARY KEY,
    id            TEXT NOT NULL UNIQUE CHECK (length(id) = 36),
    case_id       TEXT NOT NULL,
    exhibit_label TEXT,
    name          TEXT NOT NULL,
    media_type    TEXT,
    size_bytes    INTEGER CHECK (size_bytes >= 0),
    sha256        TEXT CHECK (length(sha256) = 64 AND sha256 NOT GLOB '*[^0-9a-f]*'),
    category      TEXT,
    description   TEXT,
    is_deleted    INTEGER NOT NULL DEFAULT 0 CHECK (is_deleted IN (0, 1)),
    created_at    INTEGER NOT NULL,
    updated_at    INTEGER NOT NULL
) STRICT;

CREATE INDEX documents_by_case ON documents (case_id, exhibit_label, created_at);
CREATE INDEX documents_by_sha256 ON documents (sha256) WHERE sha256 IS NOT NULL;

CREATE TABLE timeline_events (
    row_number  INTEGER PRIMARY KEY,
    id          TEXT NOT NULL CHECK (length(id) = 36),
    case_id     TEXT NOT NULL REFERENCES cases (id),
    occurred_at INTEGER NOT NULL,
    event_type  TEXT NOT NULL,
    title       TEXT NOT NULL,
    description TEXT,
    importance  INTEGER NOT NULL CHECK (importance BETWEEN 1 AND 5),
    created_at  INTEGER NOT NULL
) STRICT;

CREATE INDEX timeline_events_by_case ON timeline_events (case_id, occurred_at, row_number);

-- Letters, mails and calls. They too may arrive before their case.
CREATE TABLE communications (
    row_number           INTEGER PRIMARY KEY,
    id                   TEXT NOT NULL UNIQUE CHECK (length(id) = 36),
    case_id              TEXT NOT NULL,
    occurred_at          INTEGER NOT NULL,
    sender               TEXT,
    recipient            TEXT,
    medium               TEXT,
    subject              TEXT,
    content              TEXT,
    related_to_placement INTEGER NOT NULL DEFAULT 0 CHECK (related_to_placement IN (0, 1)),
    created_at           INTEGER NOT NULL
) STRICT;

CREATE INDEX communications_by_case ON communications (case_id, occurred_at, row_number);
