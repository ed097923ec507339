//! Bulk API 2.0: jobs that take rows.

use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use serde_json::{Value as Json, json};
use tower::ServiceExt;

use super::{Answer, Desk};
use crate::{BulkPace, BulkSettings, Seed, Settings};

/// An org whose jobs move by a step each time they are asked for.
async fn desk(change: impl FnOnce(&mut BulkSettings)) -> Desk {
    let mut bulk = BulkSettings { pace: BulkPace::Polls, ..BulkSettings::default() };
    change(&mut bulk);
    let seed = Seed::Empty;
    Desk::with(Settings { seed, bulk, keeps_history: true, ..Settings::default() }).await
}

fn wish(object: &str, operation: &str) -> Json {
    json!({"object": object, "operation": operation, "contentType": "CSV", "lineEnding": "LF"})
}

fn upsert(object: &str) -> Json {
    let mut wish = wish(object, "upsert");
    wish["externalIdFieldName"] = json!("MoodBridge_Id__c");
    wish
}

/// A job that was sent its rows and closed.
async fn sent(desk: &Desk, wish: Json, csv: &str) -> String {
    let made = desk.post("/jobs/ingest", wish).await;
    assert_eq!(made.status, 200, "{}", made.text);
    let id = made.body["id"].as_str().unwrap().to_owned();
    let put = desk.put(&format!("/jobs/ingest/{id}/batches"), csv).await;
    assert_eq!((put.status, put.text.as_str()), (201, ""));
    let closed =
        desk.patch(&format!("/jobs/ingest/{id}"), json!({"state": "UploadComplete"})).await;
    assert_eq!(closed.body["state"], "UploadComplete");
    id
}

/// Asks for the state until the job is done.
async fn done(desk: &Desk, id: &str) -> Json {
    for _ in 0..50 {
        let status = desk.get(&format!("/jobs/ingest/{id}")).await.body;
        if !matches!(status["state"].as_str(), Some("UploadComplete" | "InProgress")) {
            return status;
        }
    }
    panic!("job {id} is not done after 50 polls");
}

async fn run(desk: &Desk, wish: Json, csv: &str) -> (String, Json) {
    let id = sent(desk, wish, csv).await;
    let status = done(desk, &id).await;
    (id, status)
}

/// Lines of a result file: the heading, then the rows in the order of the alphabet.
async fn lines(desk: &Desk, id: &str, which: &str) -> Vec<String> {
    let answer = desk.get(&format!("/jobs/ingest/{id}/{which}/")).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert!(answer.headers["content-type"].to_str().unwrap().starts_with("text/csv"));
    let mut lines: Vec<String> = answer.text.lines().map(str::to_owned).collect();
    lines[1..].sort();
    lines
}

#[tokio::test]
async fn job_tells_about_itself_from_beginning_to_end() {
    let desk = desk(|_| {}).await;

    let made = desk.post("/jobs/ingest", upsert("Contact")).await.body;
    let id = made["id"].as_str().unwrap();
    assert!(id.starts_with("750") && id.len() == 18);
    assert_eq!(
        made,
        json!({
            "id": id, "operation": "upsert", "object": "Contact", "createdById": made["createdById"],
            "createdDate": "2026-06-20T12:00:00.000+0000", "systemModstamp": "2026-06-20T12:00:00.000+0000",
            "state": "Open", "externalIdFieldName": "MoodBridge_Id__c", "concurrencyMode": "Parallel",
            "contentType": "CSV", "apiVersion": 66.0, "lineEnding": "LF", "columnDelimiter": "COMMA",
            "contentUrl": format!("services/data/v66.0/jobs/ingest/{id}/batches"),
        })
    );

    let csv = "MoodBridge_Id__c,LastName\na,Doe\nb,\n";
    desk.put(&format!("/jobs/ingest/{id}/batches"), csv).await;
    let closed =
        desk.patch(&format!("/jobs/ingest/{id}"), json!({"state": "UploadComplete"})).await;
    assert_eq!(closed.body.get("contentUrl"), None);
    let first = desk.get(&format!("/jobs/ingest/{id}")).await.body;
    let second = desk.get(&format!("/jobs/ingest/{id}")).await.body;

    assert_eq!(
        (&first["state"], &first["numberRecordsProcessed"]),
        (&json!("InProgress"), &json!(0))
    );
    assert_eq!(second["state"], "JobComplete");
    assert_eq!(second["jobType"], "V2Ingest");
    assert_eq!(second["numberRecordsProcessed"], 2);
    assert_eq!(second["numberRecordsFailed"], 1);
    for counter in
        ["retries", "totalProcessingTime", "apiActiveProcessingTime", "apexProcessingTime"]
    {
        assert!(second[counter].is_u64(), "{counter}");
    }
}

#[tokio::test]
async fn results_are_shuffled_and_echo_what_was_recognised() {
    let desk = desk(|_| {}).await;
    let mut csv = "Subject,sf__Id,Claim_Amount__c,Matter_Code__c,\n".to_owned();
    for n in 0..60 {
        csv.push_str(&format!("\"Case \"\"{n}\"\"\",x,9122600{n:02},\"a,b\",\n"));
    }

    let (id, status) = run(&desk, wish("Case", "insert"), &csv).await;

    assert_eq!(
        (&status["numberRecordsProcessed"], &status["numberRecordsFailed"]),
        (&json!(60), &json!(0))
    );
    let file = desk.get(&format!("/jobs/ingest/{id}/successfulResults")).await.text;
    let rows: Vec<&str> = file.lines().collect();
    assert_eq!(rows[0], "\"sf__Id\",\"sf__Created\",Subject,Claim_Amount__c,Matter_Code__c");
    assert_eq!(rows.len(), 61);
    let numbers: Vec<u32> =
        rows[1..].iter().map(|row| row.split("\"\"").nth(1).unwrap().parse().unwrap()).collect();
    assert!(!numbers.is_sorted(), "rows come as they were sent");
    let of_31 = rows.iter().find(|row| row.contains("\"\"31\"\"")).unwrap();
    assert!(
        of_31.starts_with("\"500Mb")
            && of_31.ends_with("\"true\",\"Case \"\"31\"\"\",\"9.12260031E8\",\"a,b\""),
        "{of_31}"
    );
    assert_eq!(desk.get(&format!("/jobs/ingest/{id}/successfulResults")).await.text, file);
    assert_eq!(lines(&desk, &id, "failedResults").await.len(), 1);
    assert_eq!(
        lines(&desk, &id, "unprocessedrecords").await,
        ["Subject,sf__Id,Claim_Amount__c,Matter_Code__c,"]
    );
}

#[tokio::test]
async fn refused_rows_say_why_and_leave_the_others_alone() {
    let desk = desk(|_| {}).await;
    for email in ["one@example.com", "two@example.com", "two@example.com"] {
        desk.create("Contact", json!({"LastName": "Doe", "Email": email})).await;
    }
    let csv = "LastName,Birthdate,AssistantName,Account.MoodBridge_Id__c,ReportsTo.Email,Email\n\
        Good,1980-02-29,,,ONE@example.com,\n\
        BadDate,2003-04-987654321987654321,,,,\n\
        NoAccount,,,nobody,,\n\
        TwoBosses,,,,two@example.com,\n\
        BadEmail,,,,,nobody\n\
        ,,Nameless,,,\n\
        Stray, \"1980-02-29\",,,,\n\
        Short,1980-02-29\n";

    let (id, status) = run(&desk, wish("Contact", "insert"), csv).await;

    assert_eq!(
        (&status["numberRecordsProcessed"], &status["numberRecordsFailed"]),
        (&json!(8), &json!(7))
    );
    let failed = lines(&desk, &id, "failedResults").await;
    assert_eq!(
        failed[0],
        "\"sf__Id\",\"sf__Error\",LastName,Birthdate,AssistantName,Account.MoodBridge_Id__c,ReportsTo.Email,Email"
    );
    let two = desk.query("SELECT Id FROM Contact WHERE Email = 'two@example.com'").await.body;
    let two: Vec<&str> = (0..2).map(|n| two["records"][n]["Id"].as_str().unwrap()).collect();
    for error in [
        "INVALID_FIELD:Failed to deserialize field at col 1. Due to, '2003-04-987654321987654321' is not a valid value for the type xsd:date:Birthdate --",
        "INVALID_FIELD:Foreign key external ID: nobody not found for field MoodBridge_Id__c in entity Account:--",
        &format!(
            "DUPLICATE_EXTERNAL_ID:ReportsTo.Email: more than one record found for external id field: [{}, {}]:--",
            two[0], two[1]
        ),
        "INVALID_EMAIL_ADDRESS:Email: invalid email address: nobody:Email --",
        "REQUIRED_FIELD_MISSING:Required fields are missing: [LastName]:LastName --",
        "INVALID_FIELD:Failed to deserialize field at col 1. Due to, a character beside the quotes of its value:Birthdate --",
        "INVALID_FIELD:The row has 2 cells, the heading 6:--",
    ] {
        let n = failed.iter().filter(|line| line.contains(&format!("\"\",\"{error}\","))).count();
        assert_eq!(n, 1, "{error}\n{failed:#?}");
    }
    let good =
        desk.query("SELECT ReportsTo.Email, Birthdate FROM Contact WHERE LastName = 'Good'").await;
    assert_eq!(good.body["records"][0]["ReportsTo"]["Email"], "one@example.com");
    assert_eq!(good.body["records"][0]["Birthdate"], "1980-02-29");
}

#[tokio::test]
async fn empty_cell_leaves_alone_and_na_sets_null() {
    let desk = desk(|_| {}).await;
    let account = desk.create("Account", json!({"Name": "Roe", "MoodBridge_Id__c": "acc-1"})).await;
    let first = "MoodBridge_Id__c,Subject,Priority,Account.MoodBridge_Id__c,User:Owner.Username,Is_Sealed__c\n\
        k1,\"Doe\r\nv. Roe\",High,ACC-1,admin@sandbox.example,1\nk2,Other,Low,,,false\nk1,Twice,,,,\n";
    let (id, status) = run(&desk, upsert("Case"), first).await;
    assert_eq!(status["numberRecordsFailed"], 1);
    let failed = lines(&desk, &id, "failedResults").await;
    assert!(
        failed[1].contains(
            "\"DUPLICATE_VALUE:Duplicate external id specified: k1:MoodBridge_Id__c --\""
        ),
        "{failed:?}"
    );

    let second = "MoodBridge_Id__c,Subject,Priority,Account.MoodBridge_Id__c\nK1,#N/A,,#N/A\nk3,New,,\n,Keyless,,\n";
    let (id, _) = run(&desk, upsert("Case"), second).await;

    let case = desk.get("/sobjects/Case/MoodBridge_Id__c/k1").await.body;
    assert_eq!(
        (&case["Subject"], &case["Priority"], &case["AccountId"]),
        (&Json::Null, &json!("High"), &Json::Null)
    );
    assert_eq!(case["Is_Sealed__c"], true);
    assert!(!account.is_empty() && case["OwnerId"].is_string());
    let done = lines(&desk, &id, "successfulResults").await;
    assert!(done[1].contains("\"false\",\"K1\",\"#N/A\",\"\",\"#N/A\""), "{done:?}");
    assert!(done[2].contains("\"true\",\"k3\""), "{done:?}");
    let failed = lines(&desk, &id, "failedResults").await;
    assert!(
        failed[1].contains("\"MISSING_ARGUMENT:MoodBridge_Id__c not specified:--\""),
        "{failed:?}"
    );
}

#[tokio::test]
async fn every_delimiter_and_line_ending_is_read() {
    let desk = desk(|_| {}).await;
    for (name, sign) in [
        ("BACKQUOTE", "`"),
        ("CARET", "^"),
        ("COMMA", ","),
        ("PIPE", "|"),
        ("SEMICOLON", ";"),
        ("TAB", "\t"),
    ] {
        for (ending, end) in [("LF", "\n"), ("CRLF", "\r\n")] {
            let mut wish = wish("Contact", "insert");
            (wish["columnDelimiter"], wish["lineEnding"]) = (json!(name), json!(ending));
            let csv =
                format!("LastName{sign}Description{end}{name}{ending}{sign}\"a{sign}b\r\nc\"{end}");

            let (id, status) = run(&desk, wish, &csv).await;

            assert_eq!(
                (&status["state"], &status["numberRecordsFailed"]),
                (&json!("JobComplete"), &json!(0))
            );
            let stored = desk
                .query(&format!(
                    "SELECT Description FROM Contact WHERE LastName = '{name}{ending}'"
                ))
                .await;
            assert_eq!(stored.body["records"][0]["Description"], format!("a{sign}b\r\nc"));
            let file = desk.get(&format!("/jobs/ingest/{id}/successfulResults")).await.text;
            assert!(
                file.starts_with(&format!(
                    "\"sf__Id\"{sign}\"sf__Created\"{sign}LastName{sign}Description{end}\"003"
                )),
                "{file}"
            );
        }
    }
}

#[tokio::test]
async fn file_that_cannot_be_read_fails_its_job_and_changes_nothing() {
    let desk = desk(|_| {}).await;
    let cases = [
        (
            "LastName\r\nDoe\r\n",
            "ClientInputError : LineEnding is invalid on user data. Current LineEnding setting is LF",
        ),
        (
            "LastName,StageName_invalid\nDoe,x\n",
            "InvalidBatch : Field name not found : StageName_invalid",
        ),
        ("", "InvalidBatch : Failed to parse CSV header. The file is empty."),
    ];
    for (csv, error) in cases {
        let (id, status) = run(&desk, wish("Contact", "insert"), csv).await;

        assert_eq!((&status["state"], &status["errorMessage"]), (&json!("Failed"), &json!(error)));
        assert_eq!(
            (&status["numberRecordsProcessed"], &status["numberRecordsFailed"]),
            (&json!(0), &json!(0))
        );
        let unprocessed = lines(&desk, &id, "unprocessedrecords").await;
        assert_eq!(unprocessed.len(), if csv.is_empty() { 1 } else { 2 });
    }
    assert_eq!(desk.query("SELECT COUNT() FROM Contact").await.body["totalSize"], 0);
}

/// Rows for three batches of ten.
fn thirty() -> String {
    let rows: String = (0..30).map(|n| format!("Doe {n:02}\n")).collect();
    format!("LastName\n{rows}")
}

async fn n_contacts(desk: &Desk) -> Json {
    desk.query("SELECT COUNT() FROM Contact").await.body["totalSize"].clone()
}

#[tokio::test]
async fn batches_are_committed_one_by_one_and_an_abort_leaves_the_rest() {
    let desk = desk(|bulk| bulk.batch_records = 10).await;
    let id = sent(&desk, wish("Contact", "insert"), &thirty()).await;
    desk.get(&format!("/jobs/ingest/{id}")).await;
    desk.get(&format!("/jobs/ingest/{id}")).await;
    assert_eq!(n_contacts(&desk).await, 10);

    let aborted = desk.patch(&format!("/jobs/ingest/{id}"), json!({"state": "Aborted"})).await;

    assert_eq!(aborted.body["state"], "Aborted");
    let status = desk.get(&format!("/jobs/ingest/{id}")).await.body;
    assert_eq!(
        (&status["state"], &status["numberRecordsProcessed"]),
        (&json!("Aborted"), &json!(10))
    );
    assert_eq!(lines(&desk, &id, "successfulResults").await.len(), 11);
    let rest = lines(&desk, &id, "unprocessedRecords").await;
    assert_eq!((rest.len(), rest[1].as_str(), rest[20].as_str()), (21, "\"Doe 10\"", "\"Doe 29\""));
    let again = desk.patch(&format!("/jobs/ingest/{id}"), json!({"state": "Aborted"})).await;
    assert_eq!((again.status, &again.body[0]["errorCode"]), (400, &json!("INVALIDJOBSTATE")));
    let told = desk.send("GET", "/_sandbox/history", String::new(), &[]).await.text;
    assert!(
        told.lines().count() == 1
            && told.contains("\"origin\":\"com/salesforce/api/bulkapi/66.0\"")
    );
}

#[tokio::test]
async fn failure_may_come_after_some_batches() {
    let desk = desk(|bulk| bulk.batch_records = 10).await;
    let message = "TooManyLockFailure : Too many lock failures";
    let order = json!({"after_batches": 2, "message": message}).to_string();
    desk.send("POST", "/_sandbox/bulk/failure", order, &[]).await;

    let (id, status) = run(&desk, wish("Contact", "insert"), &thirty()).await;

    assert_eq!((&status["state"], &status["errorMessage"]), (&json!("Failed"), &json!(message)));
    assert_eq!(
        (&status["numberRecordsProcessed"], n_contacts(&desk).await),
        (&json!(20), json!(20))
    );
    assert_eq!(lines(&desk, &id, "unprocessedrecords").await.len(), 11);
    let unclosed = format!("{}\"Doe", thirty());
    let (id, status) = run(&desk, wish("Contact", "insert"), &unclosed).await;
    assert!(
        status["errorMessage"].as_str().unwrap().starts_with("InvalidBatch : Failed to parse CSV")
    );
    assert_eq!(
        (&status["numberRecordsProcessed"], n_contacts(&desk).await),
        (&json!(30), json!(50))
    );
    assert_eq!(lines(&desk, &id, "unprocessedrecords").await.len(), 2);
}

#[tokio::test]
async fn rows_above_the_allocation_of_the_day_are_in_no_file() {
    let desk = desk(|bulk| (bulk.batch_records, bulk.daily_batches) = (10, 2)).await;

    let (id, status) = run(&desk, wish("Contact", "insert"), &thirty()).await;

    assert_eq!(
        (&status["state"], &status["numberRecordsProcessed"]),
        (&json!("JobComplete"), &json!(20))
    );
    for which in ["failedResults", "unprocessedrecords"] {
        assert_eq!(lines(&desk, &id, which).await.len(), 1);
    }
    assert_eq!(
        desk.get("/limits").await.body["DailyBulkApiBatches"],
        json!({"Max": 2, "Remaining": 0})
    );
}

#[tokio::test]
async fn rows_are_updated_and_deleted_by_id() {
    let desk = desk(|bulk| bulk.allows_hard_delete = true).await;
    let mut ids = Vec::new();
    for n in 0..3 {
        ids.push(desk.create("Contact", json!({"LastName": format!("Doe {n}")})).await);
    }
    let account = desk.create("Account", json!({"Name": "Roe"})).await;

    let csv = format!("Id,LastName\n{},Roe\n{account},x\n500,y\n", ids[0]);
    let (id, status) = run(&desk, wish("Contact", "update"), &csv).await;
    assert_eq!(status["numberRecordsFailed"], 2);
    assert!(
        lines(&desk, &id, "successfulResults").await[1]
            .contains(&format!("\"{}\",\"false\"", ids[0]))
    );
    let failed = lines(&desk, &id, "failedResults").await;
    assert!(failed[1].starts_with("\"\",\"MALFORMED_ID:malformed id 500:Id --\""), "{failed:?}");
    assert!(
        failed[2].starts_with(&format!(
            "\"{account}\",\"INVALID_CROSS_REFERENCE_KEY:invalid cross reference id:--\""
        )),
        "{failed:?}"
    );

    desk.pass(60);
    let (_, status) = run(&desk, wish("Contact", "delete"), &format!("Id\n{}\n", ids[1])).await;
    assert_eq!(status["numberRecordsFailed"], 0);
    let (_, status) =
        run(&desk, wish("Contact", "hardDelete"), &format!("Id\n{}\n{}\n", ids[2], ids[1])).await;
    assert_eq!(status["numberRecordsFailed"], 1);

    let all = desk.get("/queryAll?q=SELECT+Id,IsDeleted,LastName+FROM+Contact").await.body;
    let all: Vec<(&str, bool)> = all["records"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| (row["LastName"].as_str().unwrap(), row["IsDeleted"].as_bool().unwrap()))
        .collect();
    assert_eq!(all, [("Roe", false), ("Doe 1", true)]);
}

#[tokio::test]
async fn job_is_refused_for_what_it_names() {
    let desk = desk(|bulk| bulk.allows_hard_delete = false).await;
    let mut unknown_key = upsert("Contact");
    unknown_key["externalIdFieldName"] = json!("LastName");
    let mut odd = wish("Contact", "insert");
    odd["colour"] = json!("red");

    for (wish, status, code, said) in [
        (
            wish("Kontakt", "insert"),
            400,
            "INVALIDENTITY",
            "Entity 'Kontakt' is not supported by the Bulk API.",
        ),
        (
            wish("User", "insert"),
            400,
            "INVALIDENTITY",
            "Entity 'User' is not supported by the Bulk API.",
        ),
        (
            wish("Contact", "upsert"),
            400,
            "INVALIDJOB",
            "InvalidJob : External ID was blank for Contact.",
        ),
        (
            unknown_key,
            400,
            "INVALIDJOB",
            "InvalidJob : Field name provided, LastName does not match an External ID",
        ),
        (
            wish("Contact", "hardDelete"),
            400,
            "FEATURENOTENABLED",
            "hardDelete operation requires special user profile permission",
        ),
        (wish("Contact", "merge"), 400, "JSON_PARSER_ERROR", "unknown variant `merge`"),
        (odd, 400, "JSON_PARSER_ERROR", "unknown field `colour`"),
    ] {
        let answer = desk.post("/jobs/ingest", wish).await;
        assert_eq!((answer.status, &answer.body[0]["errorCode"]), (status, &json!(code)), "{said}");
        assert!(answer.body[0]["message"].as_str().unwrap().starts_with(said), "{}", answer.text);
    }
    let absent = desk.get("/jobs/ingest/750Mb0000000099").await;
    assert_eq!(
        (absent.status, &absent.body),
        (
            404,
            &json!([{"errorCode": "NOT_FOUND", "message": "The requested resource does not exist"}])
        )
    );
    assert_eq!(
        desk.send("GET", "/services/data/v40.0/jobs/ingest", String::new(), &[]).await.status,
        404
    );
    assert_eq!(
        desk.send("GET", "/services/data/v30.0/jobs/ingest", String::new(), &[]).await.status,
        410
    );
}

#[tokio::test]
async fn job_takes_one_upload_and_only_while_it_is_open() {
    let desk = desk(|_| {}).await;
    let made = desk.post("/jobs/ingest", wish("Contact", "insert")).await.body;
    let path = format!("/jobs/ingest/{}", made["id"].as_str().unwrap());
    let batches = format!("{path}/batches");
    let expect = |answer: Answer, status: u16, said: &str| {
        assert_eq!(answer.status, status, "{}", answer.text);
        assert!(answer.text.contains(said), "{}", answer.text);
    };

    expect(desk.delete(&path).await, 400, "because the job is not terminated");
    let json = [("content-type", "application/json")];
    let url = format!("/services/data/v66.0{batches}");
    expect(desk.send("PUT", &url, "{}".into(), &json).await, 415, "is not text/csv");
    expect(desk.put(&batches, "LastName\nDoe\n").await, 201, "");
    expect(
        desk.put(&batches, "LastName\nRoe\n").await,
        400,
        "Found multiple contents for job: <750",
    );
    desk.patch(&path, json!({"state": "UploadComplete"})).await;
    expect(desk.put(&batches, "LastName\nRoe\n").await, 400, "INVALIDJOBSTATE");
    expect(desk.patch(&path, json!({"state": "UploadComplete"})).await, 400, "INVALIDJOBSTATE");
    expect(desk.patch(&path, json!({"state": "JobComplete"})).await, 400, "INVALIDJOBSTATE");
    done(&desk, made["id"].as_str().unwrap()).await;
    expect(
        desk.patch(&path, json!({"state": "Aborted"})).await,
        400,
        "Aborting already Completed Job not allowed",
    );
    expect(desk.delete(&path).await, 204, "");
    expect(desk.get(&path).await, 404, "NOT_FOUND");
}

#[tokio::test]
async fn upload_above_150_megabytes_is_refused_and_counts_as_none() {
    let desk = desk(|_| {}).await;
    let made = desk.post("/jobs/ingest", wish("Contact", "insert")).await.body;
    let path = format!("/jobs/ingest/{}/batches", made["id"].as_str().unwrap());

    let large = desk.put(&path, &"x".repeat(150_000_001)).await;

    assert_eq!(
        (large.status, &large.body[0]["errorCode"]),
        (413, &json!("EXCEEDED_MAX_SIZE_REQUEST"))
    );
    assert_eq!(desk.put(&path, "LastName\nDoe\n").await.status, 201);
}

#[tokio::test]
async fn small_job_comes_in_one_request() {
    let desk = desk(|_| {}).await;
    let body = format!(
        "--B\r\nContent-Type: application/json\r\nContent-Disposition: form-data; name=\"job\"\r\n\r\n{}\r\n\
         --B\r\nContent-Type: text/csv\r\nContent-Disposition: form-data; name=\"content\"; filename=\"content\"\r\n\r\n\
         LastName\nDoe\n\r\n--B--\r\n",
        wish("Contact", "insert")
    );
    let kind = [("content-type", "multipart/form-data; boundary=B")];

    let made = desk.send("POST", "/services/data/v66.0/jobs/ingest", body, &kind).await;

    assert_eq!(
        (made.status, &made.body["state"]),
        (200, &json!("UploadComplete")),
        "{}",
        made.text
    );
    let status = done(&desk, made.body["id"].as_str().unwrap()).await;
    assert_eq!(status["numberRecordsProcessed"], 1);
}

#[tokio::test]
async fn packed_upload_is_unpacked() {
    let desk = desk(|_| {}).await;
    let made = desk.post("/jobs/ingest", wish("Contact", "insert")).await.body;
    let id = made["id"].as_str().unwrap();
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut packer, thirty().as_bytes()).unwrap();
    let request = Request::put(format!("/services/data/v66.0/jobs/ingest/{id}/batches"))
        .header("host", "org.test")
        .header("authorization", format!("Bearer {}", desk.token))
        .header("content-type", "text/csv; charset=UTF-8")
        .header("content-encoding", "gzip")
        .body(Body::from(packer.finish().unwrap()))
        .unwrap();

    let put = desk.router.clone().oneshot(request).await.unwrap();

    assert_eq!(put.status(), 201);
    desk.patch(&format!("/jobs/ingest/{id}"), json!({"state": "UploadComplete"})).await;
    assert_eq!(done(&desk, id).await["numberRecordsProcessed"], 30);
}

#[tokio::test]
async fn jobs_are_listed_a_thousand_at_a_time_and_vanish_after_seven_days() {
    let mut desk = desk(|_| {}).await;
    for _ in 0..1_003 {
        desk.post("/jobs/ingest", wish("Contact", "insert")).await;
    }

    let first = desk.get("/jobs/ingest").await.body;
    let next = first["nextRecordsUrl"].as_str().unwrap();
    let second = desk.send("GET", next, String::new(), &[]).await.body;

    assert_eq!(
        (&first["done"], first["records"].as_array().unwrap().len()),
        (&json!(false), 1_000)
    );
    assert_eq!((&second["done"], &second["nextRecordsUrl"]), (&json!(true), &Json::Null));
    assert_eq!(second["records"].as_array().unwrap().len(), 3);
    let other = desk.get("/jobs/ingest?jobType=Classic").await.body;
    assert_eq!(other["records"], json!([]));
    desk.pass(7 * 86_400 - 60 * 60);
    desk.log_in().await;
    let path = format!("/jobs/ingest/{}", first["records"][0]["id"].as_str().unwrap());
    let late = desk.get(&path).await;
    desk.pass(60 * 60);
    let too_late = desk.get(&path).await;
    assert_eq!((late.status, too_late.status), (200, 404));
}

#[tokio::test]
async fn clock_moves_jobs_by_ticks() {
    let desk = desk(|bulk| {
        (bulk.batch_records, bulk.pace) = (10, BulkPace::Ticks(Duration::from_secs(2)));
    })
    .await;
    let id = sent(&desk, wish("Contact", "insert"), &thirty()).await;
    let mut seen = Vec::new();
    for _ in 0..5 {
        let status = desk.get(&format!("/jobs/ingest/{id}")).await.body;
        seen.push((
            status["state"].as_str().unwrap().to_owned(),
            status["numberRecordsProcessed"].as_u64().unwrap(),
        ));
        desk.pass(2);
    }

    let expected = [
        ("UploadComplete", 0),
        ("InProgress", 0),
        ("InProgress", 10),
        ("InProgress", 20),
        ("JobComplete", 30),
    ];
    assert_eq!(seen, expected.map(|(state, n)| (state.to_owned(), n)));
    let late = sent(&desk, wish("Contact", "insert"), &thirty()).await;
    desk.pass(3_600);
    assert_eq!(desk.get(&format!("/jobs/ingest/{late}")).await.body["state"], "JobComplete");
}
