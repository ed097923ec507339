//! Conditional requests on single rows and describes.

use serde_json::json;

use super::Desk;
use crate::Seed;

const MORNING: &str = "Sat, 20 Jun 2026 11:59:59 GMT";
const NOON: &str = "Sat, 20 Jun 2026 12:00:00 GMT";
const LATER: &str = "Sat, 20 Jun 2026 12:00:01 GMT";

async fn status(desk: &Desk, method: &str, path: &str, header: (&str, &str)) -> u16 {
    let path = format!("/services/data/v66.0{path}");
    let body = if method == "PATCH" { json!({"Site": "x"}).to_string() } else { String::new() };
    desk.send(method, &path, body, &[header]).await.status
}

#[tokio::test]
async fn dates_are_compared_to_the_second() {
    let desk = Desk::open(Seed::Empty).await;
    desk.pass_ms(900);
    let id = desk.create("Account", json!({"Name": "Roe LLC"})).await;
    let path = format!("/sobjects/Account/{id}");

    for (header, wanted) in [
        (("if-modified-since", MORNING), 200),
        (("if-modified-since", NOON), 304),
        (("if-modified-since", LATER), 304),
        (("if-unmodified-since", MORNING), 412),
        (("if-unmodified-since", NOON), 200),
        (("if-modified-since", "2026-06-20T12:00:00Z"), 200),
    ] {
        assert_eq!(status(&desk, "GET", &path, header).await, wanted, "{header:?}");
    }
    for (header, wanted) in [
        (("if-unmodified-since", MORNING), 412),
        (("if-unmodified-since", "Sat, 20 Jun 2026 12:00:00 +00:00"), 400),
        (("if-modified-since", "noon"), 400),
        (("if-unmodified-since", NOON), 204),
    ] {
        assert_eq!(status(&desk, "PATCH", &path, header).await, wanted, "{header:?}");
    }
    assert_eq!(status(&desk, "DELETE", &path, ("if-unmodified-since", MORNING)).await, 204);
}

#[tokio::test]
async fn what_the_platform_changes_by_itself_is_no_modification() {
    let desk = Desk::open(Seed::Empty).await;
    let winner = desk.create("Account", json!({"Name": "Roe LLC"})).await;
    let loser = desk.create("Account", json!({"Name": "Roe Ltd."})).await;
    let contact = desk.create("Contact", json!({"LastName": "Roe", "AccountId": loser})).await;
    desk.pass(60);
    let merge = json!({"merge": {"object": "Account", "master": winner, "losers": [loser]}});
    desk.inside(vec![merge]).await;

    let path = format!("/sobjects/Contact/{contact}");
    let row = desk.get(&path).await.body;

    assert_eq!(row["AccountId"], json!(winner));
    assert_eq!(row["SystemModstamp"], "2026-06-20T12:01:00.000+0000");
    assert_eq!(row["LastModifiedDate"], "2026-06-20T12:00:00.000+0000");
    assert_eq!(status(&desk, "GET", &path, ("if-modified-since", NOON)).await, 304);
}

#[tokio::test]
async fn accounts_alone_have_entity_tags() {
    let desk = Desk::open(Seed::Empty).await;
    let account = desk.create("Account", json!({"Name": "Roe LLC"})).await;
    let case = desk.create("Case", json!({"Subject": "Roe v. Doe"})).await;
    let path = format!("/sobjects/Account/{account}");
    let tag = desk.get(&path).await.headers["etag"].to_str().unwrap().to_owned();

    assert_eq!(status(&desk, "GET", &path, ("if-none-match", &tag)).await, 304);
    assert_eq!(status(&desk, "PATCH", &path, ("if-match", &tag)).await, 204);
    assert_eq!(status(&desk, "PATCH", &path, ("if-match", &tag)).await, 412);
    assert_eq!(status(&desk, "GET", &path, ("if-none-match", &tag)).await, 200);
    let case = format!("/sobjects/Case/{case}");
    assert!(!desk.get(&case).await.headers.contains_key("etag"));
    assert_eq!(status(&desk, "GET", &case, ("if-none-match", "*")).await, 200);
}

#[tokio::test]
async fn describe_is_sent_again_when_the_schema_has_changed() {
    let desk = Desk::open(Seed::Empty).await;
    desk.pass(60);
    let path = "/sobjects/Case/describe";
    let at = "Sat, 20 Jun 2026 12:01:00 GMT";
    assert_eq!(status(&desk, "GET", path, ("if-modified-since", at)).await, 304);

    desk.pass(60);
    let field =
        json!({"add": {"object": "Case", "name": "Judge__c", "type": "string", "length": 80}});
    desk.send("POST", "/_sandbox/schema", field.to_string(), &[]).await;

    assert_eq!(status(&desk, "GET", path, ("if-modified-since", at)).await, 200);
}
