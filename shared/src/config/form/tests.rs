//! What a form reports, and what it lets pass.

use serde::Deserialize;
use serde_json::{Value, json};

use super::*;

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Firm {
    poll: Poll,
    connections: Vec<Connection>,
    hosts: Vec<String>,
    contact: Option<Contact>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Poll {
    every: Span,
    #[schemars(range(min = 200, max = 2000))]
    page_size: u16,
    quiet: bool,
}

impl Default for Poll {
    fn default() -> Self {
        Self { every: Span(std::time::Duration::from_secs(60)), page_size: 2000, quiet: false }
    }
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "only its form is looked at")]
struct Connection {
    name: ConnectionId,
    auth: Auth,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(tag = "flow", rename_all = "snake_case", deny_unknown_fields)]
#[expect(dead_code, reason = "only its form is looked at")]
enum Auth {
    ClientCredentials { client_id: String, client_secret: SecretAddress },
    JwtBearer { client_id: String, private_key: SecretAddress },
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Contact {
    kind: ContactKind,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum ContactKind {
    /// By letter.
    Letter,
    Telephone,
}

fn faults(document: &Value) -> Vec<String> {
    let reading: Reading<Firm> = Form::of::<Firm>().read(document);
    reading.faults.iter().map(ToString::to_string).collect()
}

#[test]
fn good_document_is_read_with_its_defaults() {
    let document = json!({
        "poll": {"every": "30s"},
        "connections": [{"name": "main", "auth": {
            "flow": "client_credentials", "client_id": "x", "client_secret": "env:SECRET"}}],
        "contact": {"kind": "letter"},
    });

    let firm: Firm = Form::of::<Firm>().read(&document).finish().unwrap();

    assert_eq!(firm.poll.every.0.as_secs(), 30);
    assert_eq!(firm.poll.page_size, 2000);
    assert!(matches!(firm.connections[0].auth, Auth::ClientCredentials { .. }));
    assert!(matches!(firm.contact.unwrap().kind, ContactKind::Letter));
}

#[test]
fn every_fault_is_reported_with_its_path_and_what_to_write() {
    let found = faults(&json!({
        "pol": {},
        "poll": {"every": "soon", "page_size": 50_000, "quiet": "yes", "evry": "1s"},
        "connections": [
            {"name": "Main Org", "auth": {"flow": "jwt_bearer", "private_key": "hunter2"}},
            {"auth": {"flow": "password"}},
            {"name": "third", "auth": {"client_id": "x"}},
            "fourth",
        ],
        "hosts": "one",
        "contact": {"kind": "leter"},
    }));
    assert_eq!(
        found,
        [
            "connections[0].auth.private_key: not the address of a secret: write `env:NAME`, `file:PATH`, `mounted:PATH` or `secretsmanager:NAME`, never the secret itself",
            "connections[0].auth.client_id: is missing: write text",
            "connections[0].name: `Main Org` is not a connection name: 1 to 64 lower-case letters, digits and dashes, starting with a letter: write such as `example-org`",
            "connections[1].auth.flow: `password` is not known; write `client_credentials` or `jwt_bearer`",
            "connections[1].name: is missing: write text such as `example-org`",
            "connections[2].auth.flow: is missing: write `client_credentials` or `jwt_bearer`",
            "connections[3]: is text: write a table",
            "contact.kind: `leter` is not known; did you mean `letter`?",
            "hosts: is text: write a list",
            "pol: is not a setting; did you mean `poll`?",
            "poll.every: `soon` is not a duration such as `250ms`, `30s`, `5m`, `12h` or `7d`",
            "poll.evry: is not a setting; did you mean `every`?",
            "poll.page_size: is 50000: write a whole number from 200 to 2000 such as `2000`",
            "poll.quiet: is text: write `true` or `false`",
        ]
    );
}

#[test]
fn rule_about_the_whole_is_checked_although_a_part_is_malformed() {
    let document = json!({"poll": {"every": "soon"}, "hosts": ["a"]});
    let mut reading: Reading<Firm> = Form::of::<Firm>().read(&document);
    assert_eq!(reading.settings.as_ref().unwrap().poll.every.0.as_secs(), 60);

    reading.further([Fault::new("poll.every", "is too long"), Fault::new("hosts[0]", "is odd")]);

    let error = reading.finish().unwrap_err();
    assert_eq!(error.faults().len(), 2, "{error}");
    assert_eq!(error.faults()[1], "hosts[0]: is odd");
}

#[test]
fn every_text_format_has_a_check() {
    assert_eq!(Form::of::<Firm>().unchecked_formats(), Vec::<String>::new());
}

#[test]
fn settings_are_visited_with_their_defaults() {
    let document = json!({"poll": {"every": "30s"}, "connections": [{"name": "main", "auth": {
        "flow": "jwt_bearer", "client_id": "x", "private_key": "env:KEY"}}]});
    let mut seen = Vec::new();
    Form::of::<Firm>().visit(&document, &mut |path, _, value| seen.push(format!("{path}={value}")));
    assert_eq!(
        seen,
        [
            "connections[0].auth.client_id=\"x\"",
            "connections[0].auth.flow=\"jwt_bearer\"",
            "connections[0].auth.private_key=\"env:KEY\"",
            "connections[0].name=\"main\"",
            "hosts=[]",
            "poll.every=\"30s\"",
            "poll.page_size=2000",
            "poll.quiet=false",
        ]
    );
}

#[test]
fn part_of_a_form_is_found_by_its_path() {
    let form = Form::of::<Firm>();
    assert_eq!(form.part("poll.page_size").unwrap()["maximum"], 2000);
    assert_eq!(form.part("connections[3].auth.private_key").unwrap()["format"], "secret-address");
    assert!(form.part("poll.colour").is_none());
}
