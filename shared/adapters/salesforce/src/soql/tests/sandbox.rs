//! The builder against the sandbox org, over real HTTP.

use std::collections::BTreeSet;
use std::sync::Arc;

use adapter_http::{HttpClient, HttpSettings, Request};
use http::Method;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use sandbox_org::{RunningSandbox, Sandbox, Seed, Settings};
use serde_json::{Value, json};
use shared::ids::ObjectName;
use shared::ports::{SystemClock, SystemRandom};
use shared::secret::Secret;
use shared::sync::{MappedFields, RemoteKind, drift};
use shared::time::Timestamp;
use tokio::net::TcpListener;
use url::Url;

use super::arbitrary;
use crate::schema::{DescribeSet, GlobalDescribe, ObjectDescribe};
use crate::soql::{
    Alias, Comparison, Condition, Date, FieldPath, FieldSet, Function, Grouping, Inclusion,
    Literal, Membership, Nulls, Number, Operand, OrderKey, Pattern, PicklistSet, Query,
    RelativeDate, Scope, SelectItem, Transport, Unit, check, parse,
};

struct Org {
    sandbox: RunningSandbox,
    http: HttpClient,
    token: Secret,
}

/// What the org answered: its status and body.
struct Answer(u16, Value);

impl Org {
    async fn start(seed: Seed) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let sandbox = Sandbox::start(Settings { seed, ..Settings::default() }, listener).unwrap();
        let (clock, random) = (Arc::new(SystemClock), Arc::new(SystemRandom));
        let http = HttpClient::new(HttpSettings::default(), clock, random).unwrap();
        let url = Url::parse(&sandbox.url()).unwrap().join("/services/oauth2/token").unwrap();
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", "moodbridge-sandbox"),
            ("client_secret", "sandbox-secret"),
        ];
        let login = Request::post("org", "token", url).with_form(&form);
        let answer: Value = http.send(login).await.unwrap().json().unwrap();
        let token = Secret::new(answer["access_token"].as_str().unwrap());
        Self { sandbox, http, token }
    }

    async fn send(&self, method: Method, path: &str, soql: Option<&str>, body: &Value) -> Answer {
        let base = Url::parse(&self.sandbox.url()).unwrap();
        let mut url = base.join(&format!("/services/data/v66.0/{path}")).unwrap();
        if let Some(soql) = soql {
            url.query_pairs_mut().append_pair("q", soql);
        }
        let mut request = Request::new("org", "test", method.clone(), url);
        request = request.with_bearer(&self.token).unwrap();
        if method != Method::GET {
            request = request.with_json(body).unwrap();
        }
        let response = self.http.send(request).await.unwrap();
        let body = serde_json::from_slice(response.body()).unwrap_or_default();
        Answer(response.status().as_u16(), body)
    }

    async fn ask(&self, soql: &str) -> Answer {
        self.send(Method::GET, "query", Some(soql), &Value::Null).await
    }

    /// Asks a query that must be taken and returns the ids it finds.
    async fn ids(&self, soql: &str) -> Vec<String> {
        let Answer(status, body) = self.ask(soql).await;
        assert_eq!(status, 200, "{soql}: {body}");
        let records = body["records"].as_array().unwrap();
        records.iter().map(|it| it["Id"].as_str().unwrap().to_owned()).collect()
    }

    async fn create(&self, object: &str, fields: &Value) -> String {
        let path = format!("sobjects/{object}");
        let Answer(status, body) = self.send(Method::POST, &path, None, fields).await;
        assert_eq!(status, 201, "{fields}: {body}");
        body["id"].as_str().unwrap().to_owned()
    }

    async fn describes(&self) -> DescribeSet {
        let mut set = DescribeSet::default();
        for object in ["Account", "Contact", "Case", "User"] {
            let path = format!("sobjects/{object}/describe");
            let Answer(_, body) = self.send(Method::GET, &path, None, &Value::Null).await;
            set.insert(serde_json::from_value::<ObjectDescribe>(body).unwrap());
        }
        set
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Text,
    Picklist,
    Bool,
    Number,
    Day,
    Instant,
    Id,
}

/// Fields of the org and what they hold.
const CASE: &[(&str, Kind)] = &[
    ("Id", Kind::Id),
    ("Subject", Kind::Text),
    ("CaseNumber", Kind::Text),
    ("Court__c", Kind::Text),
    ("Status", Kind::Picklist),
    ("Priority", Kind::Picklist),
    ("IsClosed", Kind::Bool),
    ("IsDeleted", Kind::Bool),
    ("CreatedDate", Kind::Instant),
    ("SystemModstamp", Kind::Instant),
    ("ClosedDate", Kind::Instant),
    ("AccountId", Kind::Id),
    ("OwnerId", Kind::Id),
    ("Account.Name", Kind::Text),
    ("Account.NumberOfEmployees", Kind::Number),
    ("Account.Parent.Owner.Email", Kind::Text),
    ("Contact.Birthdate", Kind::Day),
    ("Contact.Account.Industry", Kind::Picklist),
    ("Parent.Parent.Subject", Kind::Text),
    ("Owner.Name", Kind::Text),
];

const ACCOUNT: &[(&str, Kind)] = &[
    ("Id", Kind::Id),
    ("Name", Kind::Text),
    ("BillingCity", Kind::Text),
    ("NumberOfEmployees", Kind::Number),
    ("AnnualRevenue", Kind::Number),
    ("Industry", Kind::Picklist),
    ("CreatedDate", Kind::Instant),
    ("ParentId", Kind::Id),
    ("Parent.Parent.Parent.Parent.Parent.Name", Kind::Text),
    ("Owner.IsActive", Kind::Bool),
];

const CONTACT: &[(&str, Kind)] = &[
    ("Id", Kind::Id),
    ("LastName", Kind::Text),
    ("Email", Kind::Text),
    ("Birthdate", Kind::Day),
    ("AccountId", Kind::Id),
    ("Account.AnnualRevenue", Kind::Number),
    ("CreatedDate", Kind::Instant),
];

fn path(raw: &str) -> FieldPath {
    FieldPath::parse(raw).unwrap()
}

fn object(raw: &str) -> ObjectName {
    ObjectName::parse(raw).unwrap()
}

fn value(kind: Kind) -> BoxedStrategy<Literal> {
    let relative = select(vec![
        RelativeDate::Today,
        RelativeDate::Last90Days,
        RelativeDate::This(crate::soql::Period::FiscalQuarter),
        RelativeDate::NAgo(Unit::Day, 3),
        RelativeDate::LastN(Unit::Period(crate::soql::Period::Month), 7),
    ]);
    let known = match kind {
        Kind::Text => {
            prop_oneof![any::<String>(), "[A-Za-z' %_]{0,9}"].prop_map(Literal::Text).boxed()
        }
        Kind::Picklist => {
            select(vec!["New", "Closed", "High", "no such value"]).prop_map(Literal::text).boxed()
        }
        Kind::Bool => return any::<bool>().prop_map(Literal::Bool).boxed(),
        Kind::Number => "-?[0-9]{1,9}(\\.[0-9]{1,4})?"
            .prop_map(|raw| Literal::Number(Number::parse(&raw).unwrap()))
            .boxed(),
        Kind::Day => prop_oneof![
            (1900..2100_u16, 1..=12_u8, 1..=28_u8)
                .prop_map(|(y, m, d)| Literal::Date(Date::new(y, m, d).unwrap())),
            relative.prop_map(Literal::Relative),
        ]
        .boxed(),
        Kind::Instant => prop_oneof![
            (0..4_000_000_000_000_i64).prop_map(|at| Literal::Instant(Timestamp::from_millis(at))),
            relative.prop_map(Literal::Relative),
        ]
        .boxed(),
        Kind::Id => select(vec!["500Mb0000000001AAE", "001Mb0000000007", "000000000000000"])
            .prop_map(|raw| {
                Literal::text(shared::ids::SalesforceId::parse(&raw[..15]).unwrap().as_str())
            })
            .boxed(),
    };
    prop_oneof![9 => known, 1 => Just(Literal::Null)].boxed()
}

/// A comparison that fits its field.
fn leaf(fields: &'static [(&'static str, Kind)]) -> impl Strategy<Value = Condition> {
    select(fields).prop_flat_map(|(name, kind)| {
        let signs = match kind {
            Kind::Bool => vec![Comparison::Equal, Comparison::NotEqual],
            _ => vec![
                Comparison::Equal,
                Comparison::NotEqual,
                Comparison::Less,
                Comparison::GreaterOrEqual,
            ],
        };
        let compared = (select(signs), value(kind))
            .prop_map(move |(sign, value)| Condition::compare(path(name), sign, value));
        let is_span = |it: &Literal| !matches!(it, Literal::Relative(_));
        let listed = (
            select(vec![Membership::In, Membership::NotIn]),
            vec(value(kind).prop_filter("no span", is_span), 1..5),
        )
            .prop_map(move |(membership, values)| {
                Condition::Member(path(name), membership, values)
            });
        let like = arbitrary::pattern().prop_map(move |it| Condition::like(path(name), it));
        match kind {
            Kind::Text | Kind::Picklist => prop_oneof![compared, listed, like].boxed(),
            _ => prop_oneof![2 => compared, 1 => listed].boxed(),
        }
    })
}

fn tree(fields: &'static [(&'static str, Kind)]) -> impl Strategy<Value = Condition> {
    leaf(fields).prop_recursive(4, 12, 3, |inner| {
        prop_oneof![
            vec(inner.clone(), 2..4).prop_map(|all| Condition::all(all).unwrap()),
            vec(inner.clone(), 2..4).prop_map(|any| Condition::any(any).unwrap()),
            inner.prop_map(|it| !it),
        ]
    })
}

fn of_records(
    name: &'static str,
    fields: &'static [(&'static str, Kind)],
) -> impl Strategy<Value = Query> {
    let names: Vec<&str> = fields.iter().map(|it| it.0).collect();
    let items = proptest::sample::subsequence(names.clone(), 1..6);
    let nulls = option::of(select(vec![Nulls::First, Nulls::Last]));
    let keys = vec((select(names), any::<bool>(), nulls), 0..3);
    let bounds = (option::of(1..50_u32), option::of(0..=2_000_u32));
    let shape = (any::<bool>(), option::of(select(vec![Scope::Everything, Scope::Mine])));
    (items, option::of(tree(fields)), keys, bounds, shape).prop_map(
        move |(items, condition, keys, (limit, offset), (has_alias, scope))| {
            let prefix = if has_alias { "x." } else { "" };
            let items =
                items.into_iter().filter_map(|it| FieldPath::parse(format!("{prefix}{it}")).ok());
            let query = Query::new(object(name), items);
            let mut query = Query { condition, limit, offset, scope, ..query };
            query.source.alias = has_alias.then(|| Alias::parse("x").unwrap());
            for (field, is_descending, nulls) in keys {
                let field = path(field);
                let key = if is_descending {
                    OrderKey::descending(field)
                } else {
                    OrderKey::ascending(field)
                };
                query = query.with_order(OrderKey { nulls, ..key });
            }
            query
        },
    )
}

fn of_groups() -> impl Strategy<Value = Query> {
    let by = proptest::sample::subsequence(
        vec!["Status", "Priority", "AccountId", "Account.Name"],
        1..3,
    );
    let function =
        select(vec![Function::Count, Function::CountDistinct, Function::Min, Function::Max]);
    (by, function, option::of(tree(CASE)), option::of(0..9_i64), option::of(1..9_u32)).prop_map(
        |(by, function, condition, having, limit)| {
            let by: Vec<FieldPath> = by.into_iter().map(path).collect();
            let operand = Operand::Aggregate(Function::Count, path("Id"));
            let alias = Alias::parse("n").unwrap();
            let mut query = Query::new(object("Case"), by.clone())
                .with_item(SelectItem::Aggregate(function, path("Subject"), Some(alias)))
                .with_item(SelectItem::Aggregate(Function::Max, path("CreatedDate"), None))
                .with_order(OrderKey::descending(operand.clone()))
                .with_grouping(Grouping::Fields(by));
            if let Some(n) = having {
                query = query.with_having(Condition::compare(operand, Comparison::Greater, n));
            }
            Query { condition, limit, ..query }
        },
    )
}

fn with_children() -> impl Strategy<Value = Query> {
    let contacts = of_records("Contacts", CONTACT).prop_map(|it| Query { scope: None, ..it });
    let cases = of_records("Cases", CASE).prop_map(|it| Query { scope: None, ..it });
    (of_records("Account", ACCOUNT), contacts, cases).prop_map(|(query, contacts, cases)| {
        query
            .with_item(SelectItem::Children(Box::new(contacts)))
            .with_item(SelectItem::Children(Box::new(cases)))
    })
}

fn with_semi_joins() -> impl Strategy<Value = Query> {
    let membership = || select(vec![Membership::In, Membership::NotIn]);
    let inner = (option::of(tree(ACCOUNT)), option::of(tree(CONTACT)));
    (of_records("Case", CASE), membership(), membership(), inner).prop_map(
        |(query, first, second, (accounts, contacts))| {
            let accounts =
                Query { condition: accounts, ..Query::new(object("Account"), [path("Id")]) };
            let contacts =
                Query { condition: contacts, ..Query::new(object("Contact"), [path("AccountId")]) };
            query
                .with_condition(Condition::MemberOf(path("AccountId"), first, Box::new(accounts)))
                .with_condition(Condition::MemberOf(path("AccountId"), second, Box::new(contacts)))
        },
    )
}

fn simple() -> impl Strategy<Value = Query> {
    let item = prop_oneof![
        Just(SelectItem::CountRecords),
        Just(SelectItem::Fields(FieldSet::Standard)),
        Just(SelectItem::Label(path("Status"))),
        Just(SelectItem::Formatted(path("CreatedDate"))),
        Just(SelectItem::Aggregate(Function::Count, path("Id"), None)),
    ];
    (item, option::of(tree(CASE)))
        .prop_map(|(item, condition)| Query { condition, ..Query::new(object("Case"), [item]) })
}

fn family() -> impl Strategy<Value = Query> {
    prop_oneof![
        4 => of_records("Case", CASE),
        1 => of_records("Account", ACCOUNT),
        1 => of_records("Contact", CONTACT),
        2 => of_groups(),
        2 => with_children(),
        2 => with_semi_joins(),
        1 => simple(),
    ]
    .prop_filter("within the bounds", |query| query.to_soql().is_ok())
}

#[tokio::test]
async fn every_query_of_the_family_is_taken_by_the_org_and_by_our_parser_alike() {
    let org = Org::start(Seed::Empty).await;
    let describes = org.describes().await;
    let account = org.create("Account", &json!({"Name": "Roe LLC"})).await;
    org.create("Contact", &json!({"LastName": "Roe", "AccountId": account})).await;
    org.create("Case", &json!({"Subject": "Doe v. Roe", "AccountId": account})).await;
    let mut runner = TestRunner::deterministic();
    let family = family();
    for _ in 0..1_000 {
        let query = family.new_tree(&mut runner).unwrap().current();
        let soql = query.to_soql().unwrap();

        let Answer(status, body) = org.ask(&soql).await;
        assert_eq!(status, 200, "{soql}: {body}");
        assert_eq!(parse(&soql).as_ref(), Ok(&query), "{soql}");
        if let Err(faults) = check(&query, &describes) {
            panic!("{soql}: {faults}");
        }
    }
}

#[tokio::test]
async fn describes_of_the_org_become_neutral_descriptions() {
    let org = Org::start(Seed::Empty).await;
    let Answer(_, body) = org.send(Method::GET, "sobjects", None, &Value::Null).await;
    let global: GlobalDescribe = serde_json::from_value(body).unwrap();
    let (first, second) = (org.describes().await, org.describes().await);
    let remote = |set: &DescribeSet, name: &str| set.get(name).unwrap().to_remote();

    for name in ["Account", "Contact", "Case", "User"] {
        assert!(global.sobjects.iter().any(|it| it.name.as_str() == name));
        let (before, after) = (remote(&first, name), remote(&second, name));
        assert_eq!(before.fingerprint(), after.fingerprint());
        assert_eq!(drift(&before, &after, &MappedFields::default()), []);
    }
    let case = remote(&first, "Case");
    let kind = |name: &str| &case.field(name).unwrap().kind;
    assert_eq!(*kind("Docket_Number__c"), RemoteKind::Text { length: 40 });
    assert_eq!(*kind("Description"), RemoteKind::LongText { length: 32_000 });
    assert!(matches!(kind("OwnerId"), RemoteKind::Reference { is_polymorphic: true, .. }));
    assert!(case.field("MoodBridge_Id__c").unwrap().is_external_id);
    assert!(!case.field("CaseNumber").unwrap().is_writable());
    let contact = remote(&first, "Contact");
    assert!(contact.field("LastName").unwrap().is_required_on_create);
}

#[tokio::test]
async fn picklists_of_several_values_are_asked_as_the_org_reads_them() {
    let org = Org::start(Seed::Empty).await;
    let both = org.create("Case", &json!({"Subject": "a", "Type": "Mechanical;Other"})).await;
    let one = org.create("Case", &json!({"Subject": "b", "Type": "Other"})).await;
    let ask = |inclusion, sets: Vec<PicklistSet>| {
        Query::new(object("Case"), [path("Id")])
            .with_condition(Condition::Picklist(path("Type"), inclusion, sets))
            .to_soql()
            .unwrap()
    };
    let set = |values: &[&str]| PicklistSet::new(values.iter().copied()).unwrap();

    let all = ask(Inclusion::Includes, vec![set(&["Other", "Mechanical"]), set(&["x"])]);
    assert_eq!(org.ids(&all).await, [both.as_str()]);
    let none = ask(Inclusion::Excludes, vec![set(&["Mechanical"])]);
    assert_eq!(org.ids(&none).await, [one.as_str()]);
}

#[tokio::test]
async fn what_our_parser_refuses_the_org_refuses_too() {
    let org = Org::start(Seed::Empty).await;
    for soql in [
        "SELECT FROM Case",
        "SELECT Id FROM Case WHERE",
        "SELECT Id FROM Case WHERE Status = \"New\"",
        "SELECT Id FROM Case WHERE Status = 'x\\q'",
        "SELECT Id FROM Case WHERE Status = 'x",
        "SELECT Id FROM Case WHERE Status = 'x' AND Priority = 'y' OR Origin = 'z'",
        "SELECT Id FROM Case WHERE Status NOT LIKE 'a'",
        "SELECT Id FROM Case LIMIT many",
        "SELECT Id FROM Case LIMIT -1",
        "SELECT Id FROM Case WHERE CreatedDate > 2026-02-30",
        "SELECT Id FROM Case WHERE Status = Priority",
        "SELECT Id FROM Case WHERE Status IN ()",
        "SELECT Id FROM Case WHERE Type INCLUDES (1)",
        "SELECT Id FROM Case; DELETE",
        "SELECT NOPE(Id) FROM Case",
        "SELECT Id FROM Case WHERE CreatedDate = LAST_N_DAYS",
        "SELECT Id FROM Case GROUP BY",
        "SELECT Id,, Subject FROM Case",
    ] {
        assert!(parse(soql).is_err(), "{soql}");
        let Answer(status, body) = org.ask(soql).await;
        assert_eq!(status, 400, "{soql}: {body}");
        assert_eq!(body[0]["errorCode"], "MALFORMED_QUERY", "{soql}");
    }
}

#[tokio::test]
async fn text_that_tries_to_break_out_finds_only_its_own_record() {
    let org = Org::start(Seed::Empty).await;
    let attacks = [
        "x' OR Subject != '",
        "x\\' OR Subject != \\'",
        "\\",
        "\\\\'",
        "'",
        "\"",
        "100%_\\%",
        "%",
        "_",
        "a\u{7}b\u{8}c\u{1f}d\u{7f}e\u{85}f",
        "line\nfeed\tand\rreturn\u{c}page",
        "é ü ß 漢字 🦀 \u{202e}",
        "LIKE '%",
        "\\u0027 OR Id != null",
        "') OR (Subject != '",
        "null",
        "TODAY",
    ];
    org.create("Case", &json!({"Subject": "another"})).await;
    for attack in attacks {
        let id = org.create("Case", &json!({"Subject": attack})).await;
        let wanted = [id.as_str()];
        for condition in [
            path("Subject").equals(attack),
            Condition::is_in(path("Subject"), [attack, "no such subject"]),
            Condition::like(path("Subject"), Pattern::default().then(attack)),
        ] {
            let query = Query::new(object("Case"), [path("Id")]).with_condition(condition);
            let soql = query.to_soql().unwrap();
            assert_eq!(org.ids(&soql).await, wanted, "{soql}");
        }
    }
}

#[tokio::test]
async fn list_cut_into_several_queries_finds_every_record_once() {
    let org = Org::start(Seed::Firm).await;
    let all = org.ids("SELECT Id FROM Case ORDER BY Id LIMIT 2000").await;
    let values = all.iter().map(Literal::text);
    let base = Query::new(object("Case"), [path("Id")]);
    let transport = Transport::Address { n_other_bytes: 1_384 };
    let mut found = Vec::new();
    let mut n_queries = 0;
    for part in base.split_by_values(path("Id"), values, transport).unwrap() {
        found.extend(org.ids(&part.to_soql_for(transport).unwrap()).await);
        n_queries += 1;
    }

    assert_eq!((n_queries, found.len()), (4, 2_000));
    assert_eq!(found.iter().collect::<BTreeSet<_>>(), all.iter().collect());
}
