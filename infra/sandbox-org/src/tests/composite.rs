//! Several requests in one: what fails together, what refers to what, and how much is too much.

use serde_json::{Value as Json, json};

use super::{Answer, Desk, external_id};
use crate::Seed;

fn part(method: &str, path: &str, name: &str, body: impl Into<Json>) -> Json {
    let url = format!("/services/data/v66.0{path}");
    json!({"method": method, "url": url, "referenceId": name, "body": body.into()})
}

async fn composite(desk: &Desk, all_or_none: bool, parts: Vec<Json>) -> Vec<Json> {
    let body =
        json!({"allOrNone": all_or_none, "collateSubrequests": true, "compositeRequest": parts});
    let answer = desk.post("/composite", body).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.body["compositeResponse"].as_array().unwrap().clone()
}

async fn count(desk: &Desk, object: &str) -> Json {
    desk.query(&format!("SELECT COUNT() FROM {object}")).await.body["totalSize"].clone()
}

fn codes(parts: &[Json]) -> Vec<(u64, Json)> {
    parts
        .iter()
        .map(|part| {
            (part["httpStatusCode"].as_u64().unwrap(), part["body"][0]["errorCode"].clone())
        })
        .collect()
}

#[tokio::test]
async fn failed_part_takes_back_all_others() {
    let desk = Desk::open(Seed::Empty).await;
    let kept = desk.create("Account", json!({"Name": "Roe LLC", "Site": "old"})).await;
    let parts = || {
        vec![
            part("PATCH", &format!("/sobjects/Account/{kept}"), "site", json!({"Site": "new"})),
            part("POST", "/sobjects/Account", "made", json!({"Name": "Doe LLC"})),
            part("POST", "/sobjects/Contact", "bad", json!({"FirstName": "Ann"})),
            part("POST", "/sobjects/Contact", "late", json!({"LastName": "Doe"})),
        ]
    };
    let newest = |events: &Answer| events.body["newest"].clone();
    let before = desk.send("GET", "/_sandbox/events", String::new(), &[]).await;

    let answers = composite(&desk, true, parts()).await;

    let halted = (400, json!("PROCESSING_HALTED"));
    let at_fault = (400, json!("REQUIRED_FIELD_MISSING"));
    assert_eq!(codes(&answers), [halted.clone(), halted.clone(), at_fault, halted]);
    assert_eq!(count(&desk, "Account").await, 1);
    let row = desk.get(&format!("/sobjects/Account/{kept}")).await.body;
    assert_eq!(row["Site"], "old");
    let after = desk.send("GET", "/_sandbox/events", String::new(), &[]).await;
    assert_eq!(newest(&before), newest(&after), "nobody is told of what never was");

    let answers = composite(&desk, false, parts()).await;
    let statuses: Vec<u64> = codes(&answers).into_iter().map(|(status, _)| status).collect();
    assert_eq!(statuses, [204, 201, 400, 201]);
    assert_eq!(
        (count(&desk, "Account").await, count(&desk, "Contact").await),
        (json!(2), json!(1))
    );
}

#[tokio::test]
async fn parts_see_what_earlier_parts_wrote() {
    let desk = Desk::open(Seed::Empty).await;

    let answers = composite(
        &desk,
        true,
        vec![
            part("POST", "/sobjects/Account", "acc", json!({"Name": "Roe LLC"})),
            part("GET", "/query?q=SELECT+Id+FROM+Account+WHERE+Name='Roe+LLC'", "q", Json::Null),
            part(
                "POST",
                "/composite/sobjects",
                "all",
                json!({"records": [
                    {"attributes": {"type": "Contact"}, "LastName": "Doe", "AccountId": "@{q.records[0].Id}"},
                    {"attributes": {"type": "Contact"}, "FirstName": "Ann"},
                ]}),
            ),
        ],
    )
    .await;

    assert_eq!(
        answers[0]["httpHeaders"]["Location"],
        json!(format!(
            "/services/data/v66.0/sobjects/Account/{}",
            answers[0]["body"]["id"].as_str().unwrap()
        ))
    );
    assert_eq!(answers[1]["body"]["totalSize"], 1);
    assert_eq!(answers[2]["body"][0]["success"], true);
    assert_eq!(answers[2]["body"][1]["errors"][0]["statusCode"], "REQUIRED_FIELD_MISSING");
    assert_eq!(count(&desk, "Contact").await, 1);
}

#[tokio::test]
async fn reference_without_value_halts_the_part() {
    let desk = Desk::open(Seed::Empty).await;
    let empty = part("GET", "/query?q=SELECT+Id+FROM+Account", "x", Json::Null);
    let fields = json!({"LastName": "Doe", "AccountId": "@{x.records[0].Id}"});

    let answers =
        composite(&desk, false, vec![empty, part("POST", "/sobjects/Contact", "c", fields)]).await;

    assert_eq!(answers[1]["httpStatusCode"], 400);
    let expected = json!([{"errorCode": "PROCESSING_HALTED",
        "message": "Invalid reference specified. No value for x.records[0].Id found in x"}]);
    assert_eq!(answers[1]["body"], expected);
}

#[tokio::test]
async fn conditions_of_a_part_hold_for_it_alone() {
    let desk = Desk::open(Seed::Empty).await;
    let id = desk.create("Account", json!({"Name": "Roe LLC"})).await;
    desk.pass(60);
    let path = format!("/sobjects/Account/{id}");
    let with = |name: &str, method: &str, headers: Json| {
        let mut part = part(method, &path, name, json!({"Site": name}));
        part["httpHeaders"] = headers;
        part
    };
    let noon = "Sat, 20 Jun 2026 12:00:00 GMT";
    let morning = "Sat, 20 Jun 2026 11:00:00 GMT";

    let answers = composite(
        &desk,
        false,
        vec![
            with("known", "GET", json!({"If-Modified-Since": noon})),
            with("stale", "PATCH", json!({"If-Unmodified-Since": morning})),
            with("fresh", "PATCH", json!({"If-Unmodified-Since": noon})),
            with("odd", "PATCH", json!({"if-unmodified-since": "2026-06-20T12:00:00Z"})),
        ],
    )
    .await;

    let statuses: Vec<u64> = codes(&answers).into_iter().map(|(status, _)| status).collect();
    assert_eq!(statuses, [304, 412, 204, 400]);
    assert_eq!(answers[0]["body"], Json::Null);
    assert_eq!(answers[0]["httpHeaders"]["Last-Modified"], noon);
    assert!(answers[0]["httpHeaders"]["ETag"].as_str().unwrap().starts_with('"'));
    assert_eq!(desk.get(&path).await.body["Site"], "fresh");
}

#[tokio::test]
async fn requests_that_are_too_large_are_refused() {
    let desk = Desk::open(Seed::Empty).await;
    let query = "/query?q=SELECT+Id+FROM+Account";
    let queries = |n: usize| -> Vec<Json> {
        (0..n).map(|idx| part("GET", query, &format!("q{idx}"), Json::Null)).collect()
    };
    let send = async |parts: Vec<Json>| {
        let answer = desk.post("/composite", json!({"compositeRequest": parts})).await;
        (answer.status, answer.body[0]["errorCode"].clone())
    };

    assert_eq!(send(queries(5)).await.0, 200);
    assert_eq!(send(queries(6)).await, (400, json!("LIMIT_EXCEEDED")));
    let many = (0..26).map(|n| part("GET", "/sobjects", &format!("s{n}"), Json::Null)).collect();
    assert_eq!(send(many).await, (400, json!("LIMIT_EXCEEDED")));
    let twice =
        vec![part("GET", query, "same", Json::Null), part("GET", query, "same", Json::Null)];
    assert_eq!(send(twice).await, (400, json!("JSON_PARSER_ERROR")));
    let odd = vec![part("GET", query, "no-dash", Json::Null)];
    assert_eq!(send(odd).await, (400, json!("JSON_PARSER_ERROR")));
}

#[tokio::test]
async fn batch_halts_after_a_failure_when_asked_to() {
    let desk = Desk::open(Seed::Empty).await;
    let requests = json!([
        {"method": "POST", "url": "v66.0/sobjects/Account", "richInput": {"Name": "Roe LLC"}},
        {"method": "POST", "url": "v66.0/sobjects/Account", "richInput": {}},
        {"method": "GET", "url": "v66.0/query?q=SELECT+COUNT()+FROM+Account"},
    ]);
    let send = async |halts: bool| {
        let body = json!({"haltOnError": halts, "batchRequests": requests});
        let answer = desk.post("/composite/batch", body).await.body;
        assert_eq!(answer["hasErrors"], true);
        answer["results"].as_array().unwrap().clone()
    };

    let halted = send(true).await;
    let whole = send(false).await;

    assert_eq!(halted[2]["statusCode"], 412);
    assert_eq!(halted[2]["result"][0]["errorCode"], "BATCH_PROCESSING_HALTED");
    assert_eq!(
        (&whole[2]["statusCode"], &whole[2]["result"]["totalSize"]),
        (&json!(200), &json!(2))
    );
}

async fn graphs(desk: &Desk, graphs: Vec<Json>) -> Vec<Json> {
    let answer = desk.post("/composite/graph", json!({"graphs": graphs})).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.body["graphs"].as_array().unwrap().clone()
}

#[tokio::test]
async fn each_graph_is_written_as_a_whole_or_not_at_all() {
    let desk = Desk::open(Seed::Empty).await;
    let key = external_id();
    let good = json!({"graphId": "good", "compositeRequest": [
        part("POST", "/sobjects/Contact", "c", json!({"LastName": "Doe", "AccountId": "@{a.id}"})),
        part("PATCH", &format!("/sobjects/Account/{key}/a-1"), "a", json!({"Name": "Roe LLC"})),
    ]});
    let bad = json!({"graphId": "bad", "compositeRequest": [
        part("POST", "/sobjects/Account", "a", json!({"Name": "Poe LLC"})),
        part("POST", "/sobjects/Contact", "c", json!({"AccountId": "@{a.id}"})),
    ]});
    let query = json!({"graphId": "query", "compositeRequest": [
        part("GET", "/query?q=SELECT+Id+FROM+Account", "q", Json::Null),
    ]});

    let answers = graphs(&desk, vec![good, bad, query]).await;

    let well: Vec<&Json> = answers.iter().map(|answer| &answer["isSuccessful"]).collect();
    assert_eq!(well, [true, false, false]);
    let parts =
        |idx: usize| codes(answers[idx]["graphResponse"]["compositeResponse"].as_array().unwrap());
    assert_eq!(parts(0), [(201, Json::Null), (201, Json::Null)]);
    assert_eq!(
        parts(1),
        [(400, json!("PROCESSING_HALTED")), (400, json!("REQUIRED_FIELD_MISSING"))]
    );
    assert_eq!(parts(2), [(404, json!("OPERATION_NOT_ALLOWED"))]);
    let rows = desk.query("SELECT Account.Name FROM Contact").await.body["records"].clone();
    assert_eq!(rows[0]["Account"]["Name"], "Roe LLC");
    assert_eq!(count(&desk, "Account").await, 1);
}

#[tokio::test]
async fn graphs_after_fourteen_failures_are_not_tried() {
    let desk = Desk::open(Seed::Empty).await;
    let bad = |n: usize| json!({"graphId": format!("g{n}"), "compositeRequest": [part("POST", "/sobjects/Account", "a", json!({}))]});
    let mut wanted: Vec<Json> = (0..14).map(bad).collect();
    wanted.push(json!({"graphId": "last", "compositeRequest": [
        part("POST", "/sobjects/Account", "a", json!({"Name": "Roe LLC"}))]}));

    let answers = graphs(&desk, wanted.clone()).await;

    let last = &answers[14]["graphResponse"]["compositeResponse"][0];
    assert_eq!(last["body"][0]["errorCode"], "PROCESSING_HALTED");
    wanted.remove(0);
    let answers = graphs(&desk, wanted).await;
    assert_eq!(answers[13]["isSuccessful"], true);
}

#[tokio::test]
async fn graphs_that_are_too_large_or_circular_are_refused() {
    let desk = Desk::open(Seed::Empty).await;
    let node = |name: &str, parent: &str| {
        let fields = json!({"Name": "Roe LLC", "ParentId": format!("@{{{parent}.id}}")});
        part("POST", "/sobjects/Account", name, fields)
    };
    let send = async |graphs: Vec<Vec<Json>>| {
        let graphs: Vec<Json> = graphs
            .into_iter()
            .enumerate()
            .map(|(n, nodes)| json!({"graphId": format!("g{n}"), "compositeRequest": nodes}))
            .collect();
        let answer = desk.post("/composite/graph", json!({"graphs": graphs})).await;
        (answer.status, answer.body[0]["errorCode"].clone())
    };
    let chain = |n: usize| -> Vec<Json> {
        let root = part("POST", "/sobjects/Account", "n0", json!({"Name": "Roe LLC"}));
        let rest = (1..n).map(|idx| node(&format!("n{idx}"), &format!("n{}", idx - 1)));
        std::iter::once(root).chain(rest).collect()
    };
    let flat = |n: usize| -> Vec<Json> {
        (0..n)
            .map(|idx| part("GET", "/sobjects/Account/x", &format!("n{idx}"), Json::Null))
            .collect()
    };

    assert_eq!(send(vec![chain(15)]).await.0, 200);
    assert_eq!(send(vec![chain(16)]).await, (400, json!("LIMIT_EXCEEDED")));
    assert_eq!(send(vec![flat(500)]).await.0, 200);
    assert_eq!(send(vec![flat(400), flat(101)]).await, (400, json!("LIMIT_EXCEEDED")));
    assert_eq!(send((0..76).map(|_| flat(1)).collect()).await, (400, json!("LIMIT_EXCEEDED")));
    let circle = vec![node("a", "b"), node("b", "a")];
    assert_eq!(send(vec![circle]).await, (400, json!("CIRCULAR_DEPENDENCY")));
}

#[tokio::test]
async fn collections_tell_created_from_updated_and_refuse_disorder() {
    let desk = Desk::open(Seed::Empty).await;
    let key = external_id();
    let record = |value: &str, name: &str| json!({"attributes": {"type": "Contact"}, &key: value, "LastName": name});
    let path = format!("/composite/sobjects/Contact/{key}");

    let first = desk.patch(&path, json!({"records": [record("1", "Doe")]})).await.body;
    let second = desk
        .patch(
            &path,
            json!({"records": [record("1", "Roe"), record("2", "Poe"), record("", "No")]}),
        )
        .await
        .body;

    let told: Vec<&Json> = [&first[0], &second[0], &second[1]].map(|it| &it["created"]).to_vec();
    assert_eq!(told, [true, false, true]);
    assert_eq!(second[2]["success"], false);
    assert_eq!(second[0]["id"], first[0]["id"]);
    let types = ["Account", "Contact"];
    let mixed = |n: usize| -> Vec<Json> {
        (0..n)
            .map(
                |idx| json!({"attributes": {"type": types[idx % 2]}, "Name": "x", "LastName": "x"}),
            )
            .collect()
    };
    assert_eq!(desk.post("/composite/sobjects", json!({"records": mixed(10)})).await.status, 200);
    let refused = desk.post("/composite/sobjects", json!({"records": mixed(11)})).await;
    assert_eq!((refused.status, &refused.body[0]["errorCode"]), (400, &json!("LIMIT_EXCEEDED")));
    let unknown =
        json!({"attributes": {"type": "Contact"}, "id": "003Mb00000000ZZ", "LastName": "x"});
    let update = desk.patch("/composite/sobjects", json!({"records": [unknown]})).await.body;
    assert_eq!(update[0]["errors"][0]["statusCode"], "INVALID_CROSS_REFERENCE_KEY");
    assert!(update[0]["id"].as_str().unwrap().starts_with("003Mb00000000ZZ"));
}
