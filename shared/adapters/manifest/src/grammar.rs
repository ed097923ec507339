//! What may stand in a manifest.

use shared::config::parse_duration;

use crate::shape::{Key, Kind, Shape, TextRule, key, required};

const ANY: TextRule =
    TextRule { wanted: "text that is not empty", keeps: |it| !it.trim().is_empty() };
const ID: TextRule = TextRule {
    wanted: "1 to 40 lower-case letters, digits and dashes, starting with a letter",
    keeps: |it| shared::platform::intern(it).is_ok(),
};
const URL: TextRule = TextRule {
    wanted: "an address such as `https://api.example.com/v1`; `{name}` stands for a setting",
    keeps: |it| it.starts_with("https://") || it.starts_with("http://"),
};
const PATH: TextRule = TextRule {
    wanted: "a path below `base_url`, such as `matters.json`, without a `/` in front and without `?`",
    keeps: |it| !it.is_empty() && !it.starts_with('/') && !it.contains(['?', '#', ' ']),
};
const POINTER: TextRule = TextRule {
    wanted: "a JSON pointer such as `/data/0/id`, or `\"\"` for the whole answer",
    keeps: |it| it.is_empty() || it.starts_with('/'),
};
const SPAN: TextRule =
    TextRule { wanted: "a duration such as `60s`", keeps: |it| parse_duration(it).is_ok() };
const OBJECT: TextRule = TextRule {
    wanted: "a name of letters, digits and underscores, starting with a letter",
    keeps: |it| shared::ids::ObjectName::parse(it).is_ok(),
};
const SETTING: TextRule = TextRule {
    wanted: "a name of lower-case letters, digits and underscores, starting with a letter",
    keeps: |it| {
        it.starts_with(|c: char| c.is_ascii_lowercase())
            && it.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
    },
};
const HEADER: TextRule = TextRule {
    wanted: "the name of a header, such as `X-API-VERSION`",
    keeps: |it| it.parse::<http::HeaderName>().is_ok(),
};

const TEXT: Shape = Shape::Text(ANY);
const POINT: Shape = Shape::Text(POINTER);
const WAIT: Shape = Shape::Text(SPAN);
const COUNT: Shape = Shape::Whole { min: 1, max: 1_000_000 };
const PAGE_SIZE: Shape = Shape::Whole { min: 1, max: 10_000 };
const PARAMS: Shape = Shape::Table { name: ANY, value: &Shape::Scalar };

/// The whole file.
pub(crate) const MANIFEST: Shape = Shape::Section(&[
    required("manifest", &Shape::Whole { min: 1, max: 1 }, "The version of this format: `1`."),
    required("id", &Shape::Text(ID), "The name that settings call the platform by."),
    required("title", &TEXT, "The platform's name for people."),
    key("docs", &Shape::Text(URL), "Where the platform's API is described."),
    required(
        "base_url",
        &Shape::Text(URL),
        "The address that every path is below; `{name}` stands for a setting.",
    ),
    key(
        "settings",
        &Shape::Table { name: SETTING, value: &SETTING_RULE },
        "What a connection says about itself besides how it signs in.",
    ),
    required(
        "auth",
        &Shape::List(&AUTH),
        "The ways to sign in; a connection chooses one by its `kind`.",
    ),
    key(
        "headers",
        &Shape::Table { name: HEADER, value: &Shape::Scalar },
        "Headers of every request.",
    ),
    key("rate_limit", &RATE_LIMIT, "How many calls the platform takes."),
    key(
        "errors",
        &Shape::List(&ERROR),
        "What error answers mean, where the status does not say; the first that fits holds.",
    ),
    required("health", &HEALTH, "One cheap call that proves the sign-in."),
    key(
        "max_page_bytes",
        &Shape::Whole { min: 1024, max: 268_435_456 },
        "The longest answer taken, in bytes; 16 MiB by default.",
    ),
    required(
        "streams",
        &Shape::Table { name: OBJECT, value: &STREAM },
        "What can be read, by the name of its object.",
    ),
]);

const SETTING_RULE: Shape = Shape::Section(&[
    required("about", &TEXT, "What it is, for the person who writes the settings."),
    key("default", &Shape::Scalar, "Its value when a connection leaves it out."),
    key("one_of", &Shape::List(&Shape::Scalar), "The values it may have."),
]);

const AUTH: Shape = Shape::Kinds(&[
    Kind { name: "bearer", about: "A token in the header `Authorization`.", keys: &[] },
    Kind { name: "basic", about: "A user's name and password.", keys: &[] },
    Kind {
        name: "api_key",
        about: "A key in a header, or in the query where the platform knows no other way.",
        keys: &[
            key("header", &Shape::Text(HEADER), "The header that carries the key."),
            key("query", &TEXT, "The query parameter that carries the key."),
            key("prefix", &TEXT, "What stands before the key, such as `Token`."),
        ],
    },
    Kind {
        name: "oauth2",
        about: "OAuth 2.0: tokens are asked for and renewed.",
        keys: &[
            required("token_url", &Shape::Text(URL), "Where tokens come from."),
            key(
                "authorize_url",
                &Shape::Text(URL),
                "Where a person agrees, for `authorization_code`.",
            ),
            required("flows", &Shape::List(&FLOW), "The flows that the platform knows."),
            key("scopes", &Shape::List(&TEXT), "What to ask for."),
            key(
                "client_auth",
                &Shape::Choice(&["form", "header"]),
                "Where the app's secret is put; `form` by default.",
            ),
        ],
    },
]);

const FLOW: Shape = Shape::Choice(&["client_credentials", "authorization_code"]);

const RATE_LIMIT: Shape = Shape::Section(&[
    key("calls", &COUNT, "How many calls are taken `per` span."),
    key("per", &WAIT, "The span, such as `60s`."),
    key("burst", &COUNT, "How many calls may go at once after a quiet time; 1 by default."),
    key("remaining_header", &Shape::Text(HEADER), "The header with the calls left."),
    key("reset_header", &Shape::Text(HEADER), "The header that says when calls are left again."),
    key(
        "reset_format",
        &Shape::Choice(&["unix_seconds", "seconds"]),
        "What that header holds: an instant, which is the default, or a wait.",
    ),
]);

const ERROR: Shape = Shape::Section(&[
    key("status", &Shape::Whole { min: 300, max: 599 }, "The status."),
    key("header", &Shape::Text(HEADER), "A header, which must be `equals`."),
    key("equals", &Shape::Scalar, "The value of that header."),
    key("at", &POINT, "A text in the body, which must hold `contains`."),
    key("contains", &TEXT, "A part of that text, in any case."),
    required(
        "kind",
        &Shape::Choice(&[
            "not_found",
            "denied",
            "rejected",
            "conflict",
            "rate_limited",
            "unavailable",
        ]),
        "What it means.",
    ),
]);

const HEALTH: Shape = Shape::Section(&[
    required("path", &Shape::Text(PATH), "The path."),
    key("params", &PARAMS, "Its query."),
]);

const STREAM: Shape = Shape::Section(STREAM_KEYS);

const STREAM_KEYS: &[Key] = &[
    required("path", &Shape::Text(PATH), "Where the list is."),
    required("read_path", &Shape::Text(PATH), "Where one record is; `{id}` stands for its id."),
    key("params", &PARAMS, "The query of the list, besides what `paging` and `incremental` write."),
    key("read_params", &PARAMS, "The query of one record; none by default."),
    key("records", &POINT, "Where the list stands in the answer; by default it is the answer."),
    key("record", &POINT, "Where one record stands in the answer; by default it is the answer."),
    required("paging", &PAGING, "How one page leads to the next."),
    key(
        "incremental",
        &INCREMENTAL,
        "How to ask for changes only; without it all is read each time.",
    ),
    key("id", &POINT, "Where a record's id stands; `/id` by default."),
    required("version", &POINT, "Where the instant of a record's last change stands."),
    key("version_format", &INSTANT, "How that instant is written; `rfc3339` by default."),
    key("deleted", &CONDITION, "Which records are deleted."),
    key("skip", &Shape::List(&CONDITION), "Which records are none of ours."),
    required("entity", &Shape::Choice(&["account", "contact", "case"]), "Our table."),
    required("fields", &Shape::Table { name: ANY, value: &FIELD }, "The fields to read."),
];

const INSTANT: Shape = Shape::Choice(&["rfc3339", "unix_seconds", "unix_millis"]);

const PAGING: Shape = Shape::Kinds(&[
    Kind { name: "none", about: "Everything comes in one answer.", keys: &[] },
    Kind { name: "link_header", about: "The header `Link` names the next page.", keys: &[] },
    Kind {
        name: "next_url",
        about: "The body holds the address of the next page.",
        keys: &[required("at", &POINT, "Where that address stands.")],
    },
    Kind {
        name: "cursor",
        about: "The body holds a mark to ask for the next page with.",
        keys: &[
            required("at", &POINT, "Where the mark stands."),
            required("param", &TEXT, "The query parameter that takes it."),
        ],
    },
    Kind {
        name: "offset",
        about: "The query says how many records to leave out; a short page is the last.",
        keys: &[
            required("param", &TEXT, "The query parameter that says how many."),
            required("size_param", &TEXT, "The query parameter that says how many to answer."),
            required("size", &PAGE_SIZE, "How many to ask for."),
        ],
    },
    Kind {
        name: "page",
        about: "The query counts the pages; a short page is the last.",
        keys: &[
            required("param", &TEXT, "The query parameter that counts."),
            required("size_param", &TEXT, "The query parameter that says how many to answer."),
            required("size", &PAGE_SIZE, "How many to ask for."),
            key(
                "first",
                &Shape::Whole { min: 0, max: 1 },
                "The first page's number; 1 by default.",
            ),
        ],
    },
]);

const INCREMENTAL: Shape = Shape::Section(&[
    required("param", &TEXT, "The query parameter that takes the first instant."),
    key("until_param", &TEXT, "The query parameter that takes the end, where there is one."),
    key(
        "format",
        &Shape::Choice(&["rfc3339", "rfc3339_millis", "unix_seconds", "unix_millis"]),
        "How instants are written; `rfc3339`, to the second, by default.",
    ),
    key(
        "bound",
        &Shape::Choice(&["inclusive", "exclusive"]),
        "Whether a record of exactly the first instant comes too; `inclusive` by default.",
    ),
    required(
        "order",
        &Shape::Choice(&["version", "other"]),
        "`version` when `params` make the oldest change come first; `other` when pages come in any \
         other order, such as by id.",
    ),
]);

const CONDITION: Shape = Shape::Section(&[
    required("at", &POINT, "Where to look."),
    key("equals", &Shape::Literal, "The value that must stand there."),
    key("present", &Shape::Flag, "Whether any value must stand there, or none."),
]);

const FIELD: Shape = Shape::Section(&[
    required("to", &TEXT, "Our column."),
    key("at", &POINT, "Where it stands; by default under its own name."),
    key(
        "type",
        &Shape::Choice(&["text", "bool", "date", "datetime", "reference"]),
        "What it holds; text by default.",
    ),
    key("object", &Shape::Text(OBJECT), "The stream that a reference points into."),
    key("values", &Shape::Table { name: ANY, value: &Shape::Literal }, "What its values become."),
    key("otherwise", &Shape::Literal, "What a value becomes that `values` does not list."),
    key("when", &CONDITION, "When it holds; else it has no value."),
]);
