//! A platform that is declared and not compiled: Clio Manage, from its lists to the API.

use std::collections::VecDeque;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

use fault_server::{Answer, FaultServer, Received, Script};
use serde_json::{Value, json};
use shared::ports::{Clock, SystemClock};
use shared::time::Timestamp;
use url::form_urlencoded;

use crate::firm::command_json;
use crate::moodbridge::{BINARY, Moodbridge, command, free_port};
use crate::place::Place;

/// Clio lets 50 calls a minute through, so a few polls take their time; a breaker is open for 10 s.
const PATIENCE: Duration = Duration::from_secs(120);
pub(crate) const TOKEN: &str = "cl10-t0ken";

/// A Clio account: its lists answer in the documented shapes, page by page, by id.
#[derive(Default)]
pub(crate) struct Account {
    pub(crate) matters: Vec<Value>,
    pub(crate) contacts: Vec<Value>,
    /// What the next calls get in place of an answer.
    pub(crate) trouble: VecDeque<Answer>,
    pub(crate) calls: Vec<Call>,
    /// How much its clock is behind.
    pub(crate) clock_behind: Duration,
}

pub(crate) struct Call {
    at: Instant,
    was_refused: bool,
    path: String,
    since: Option<String>,
}

/// Records on one page of a list.
const PAGE: usize = 2;

impl Account {
    pub(crate) fn answer(&mut self, request: &Received) -> Answer {
        let asked = |name: &str| {
            form_urlencoded::parse(request.query.as_bytes())
                .find(|(known, _)| known == name)
                .map(|(_, value)| value.into_owned())
        };
        let (was_refused, answer) = match self.trouble.pop_front() {
            Some(trouble) => (true, trouble),
            None if request.header("authorization") != Some(&format!("Bearer {TOKEN}")) => {
                (true, Answer::status(401))
            }
            None if request.header("x-api-version") != Some("4.0.13") => {
                (true, Answer::status(410))
            }
            None => (false, Answer::json(self.page(request, &asked).to_string())),
        };
        let since = asked("updated_since");
        self.calls.push(Call {
            at: Instant::now(),
            was_refused,
            path: request.path.clone(),
            since,
        });
        answer
            .with_header("Date", &httpdate::fmt_http_date(now() - self.clock_behind))
            .with_header("X-API-VERSION", "4.0.13")
            .with_header("X-RateLimit-Limit", "50")
            .with_header("X-RateLimit-Remaining", "49")
    }

    fn page(&self, request: &Received, asked: &dyn Fn(&str) -> Option<String>) -> Value {
        let list = match request.path.as_str() {
            "/api/v4/matters.json" => &self.matters,
            "/api/v4/contacts.json" => &self.contacts,
            _ => return json!({"data": {"id": 9, "name": "Ada"}}),
        };
        let since = asked("updated_since").map(|it| Timestamp::parse(&it).unwrap());
        let kind = asked("type");
        let fits = |it: &&Value| {
            let changed_at = Timestamp::parse(it["updated_at"].as_str().unwrap()).unwrap();
            since.is_none_or(|since| changed_at > since)
                && kind.as_ref().is_none_or(|kind| it["type"] == kind.as_str())
        };
        let found: Vec<_> = list.iter().filter(fits).collect();
        let first = asked("page_token").map_or(0, |it| it.parse().unwrap());
        let mut paging = json!({});
        if found.len() > first + PAGE {
            let host = request.header("host").unwrap();
            let (path, query) = (&request.path, &request.query);
            let query = query.split("&page_token").next().unwrap();
            let token = first + PAGE;
            paging["next"] = json!(format!("http://{host}{path}?{query}&page_token={token}"));
        }
        let data: Vec<_> = found.iter().skip(first).take(PAGE).collect();
        json!({"data": data, "meta": {"paging": paging, "records": found.len()}})
    }
}

fn now() -> SystemTime {
    let now = SystemClock.now().as_millis().unsigned_abs();
    SystemTime::UNIX_EPOCH + Duration::from_millis(now)
}

pub(crate) fn matter(id: u32, title: &str) -> Value {
    json!({
        "id": id, "etag": format!("\"{id}\""), "updated_at": SystemClock.now().to_string(),
        "display_number": format!("{id:05}-Keller"), "description": title, "status": "Open",
        "location": "Superior Court", "client_reference": format!("D-{id}"),
        "open_date": "2026-01-05", "close_date": null, "client": {"id": 501, "type": "Company"},
        "practice_area": {"name": "Civil Litigation"},
    })
}

fn contact(id: u32, kind: &str, name: &str) -> Value {
    json!({
        "id": id, "etag": format!("\"{id}\""), "updated_at": SystemClock.now().to_string(),
        "type": kind, "name": name, "last_name": name, "company": null,
    })
}

/// A firm whose only platform is Clio, and `moodbridge serve` on it.
struct ClioFirm {
    account: Arc<Mutex<Account>>,
    moodbridge: Moodbridge,
    token: String,
    folder: Place,
    _server: FaultServer,
}

impl ClioFirm {
    async fn start(account: Account) -> Self {
        let account = Arc::new(Mutex::new(account));
        let answering = account.clone();
        let answer = move |request: &Received| answering.lock().unwrap().answer(request).into();
        let server = FaultServer::start(Script::by(answer)).await.unwrap();
        let folder = Place::new().await;
        let port = free_port();
        let settings = settings(port, &server.url("/api/v4"), &folder);
        std::fs::write(folder.path().join("moodbridge.toml"), settings).unwrap();
        seal(folder.path(), "clio", TOKEN);
        let migrated = command(folder.path(), &["db", "migrate"]);
        assert!(migrated.status.success(), "{}", String::from_utf8_lossy(&migrated.stderr));
        let moodbridge = Moodbridge::start(folder.path(), port, &["serve"]).await;
        let printed = command_json(folder.path(), &["--json", "token"]);
        let token = printed["token"].as_str().unwrap().to_owned();
        Self { account, moodbridge, token, folder, _server: server }
    }

    fn account(&self) -> std::sync::MutexGuard<'_, Account> {
        self.account.lock().unwrap()
    }

    /// Returns the titles that `/v1/cases` lists, sorted.
    async fn titles(&self) -> Vec<String> {
        let url = format!("{}/v1/cases", self.moodbridge.url);
        let answer = self.moodbridge.client.get(url).bearer_auth(&self.token).send().await.unwrap();
        assert_eq!(answer.status(), 200);
        let list: Value = answer.json().await.unwrap();
        let items = list["items"].as_array().unwrap_or_else(|| panic!("{list}"));
        let mut titles: Vec<_> =
            items.iter().map(|it| it["title"].as_str().unwrap().to_owned()).collect();
        titles.sort();
        titles
    }

    async fn wait_for_titles(&self, wanted: &[&str]) {
        let begun = Instant::now();
        loop {
            let titles = self.titles().await;
            if titles == wanted {
                return;
            }
            let log = self.moodbridge.log();
            assert!(begun.elapsed() < PATIENCE, "cases are still {titles:?}\n{log}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Waits until so many calls came.
    async fn wait_for_calls(&self, n_calls: usize) {
        let begun = Instant::now();
        while self.account().calls.len() < n_calls {
            assert!(begun.elapsed() < PATIENCE, "no further call\n{}", self.moodbridge.log());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

fn settings(port: u16, clio: &str, folder: &Place) -> String {
    let stores = folder.addresses().map(|(cases, queue)| {
        format!("[store]\ncases = \"{cases}\"\nevents_queue = \"{queue}\"\n")
    });
    format!(
        "[server]\naddress = \"127.0.0.1:{port}\"\n{}[poll]\nevery = \"300ms\"\nlag = \"0s\"\n\
         [[connections]]\nplatform = \"clio\"\nconnection = \"firm-clio\"\nbase_url = \"{clio}\"\n\
         auth = {{ kind = \"bearer\", token = \"file:.moodbridge/secrets/clio\" }}\n",
        stores.unwrap_or_default()
    )
}

pub(crate) fn seal(folder: &Path, name: &str, secret: &str) {
    let mut child = Command::new(BINARY)
        .args(["secret", "set", name])
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(secret.as_bytes()).unwrap();
    assert!(child.wait().unwrap().success());
}

#[tokio::test]
async fn declared_platform_runs_whole_through_limits_and_storms() {
    let firm = ClioFirm::start(Account {
        matters: vec![matter(1711, "Keller v. Roe"), matter(1712, "Doe"), matter(1713, "Estate")],
        contacts: vec![contact(501, "Company", "Northwind"), contact(601, "Person", "Keller")],
        ..Account::default()
    })
    .await;
    firm.wait_for_titles(&["Doe", "Estate", "Keller v. Roe"]).await;
    assert!(firm.account().calls.iter().take(3).all(|it| it.since.is_none()), "all is read once");

    // It asks for patience: the next call waits as long as it was told.
    let n_before = {
        let mut account = firm.account();
        account.trouble.push_back(Answer::slow_down(3));
        account.calls.len()
    };
    firm.wait_for_calls(n_before + 2).await;
    let (asked, next) = {
        let account = firm.account();
        let idx = account.calls.iter().position(|it| it.was_refused).unwrap();
        (account.calls[idx].at, account.calls[idx + 1].at)
    };
    assert!(next.duration_since(asked) >= Duration::from_secs(3), "{:?}", next - asked);

    // A storm in which a matter changes and another comes: both are here when it is over.
    {
        let mut account = firm.account();
        account.trouble.extend(std::iter::repeat_n(Answer::status(503), 8));
        account.matters[1] = matter(1712, "Doe v. Roe");
        account.matters.push(matter(1714, "Will"));
    }
    firm.wait_for_titles(&["Doe v. Roe", "Estate", "Keller v. Roe", "Will"]).await;
    let account = firm.account();
    assert!(account.trouble.is_empty());
    let later: Vec<_> =
        account.calls.iter().filter(|it| it.path.ends_with("matters.json")).skip(2).collect();
    assert!(later.iter().all(|it| it.since.is_some()), "only changes are asked for");
    drop(account);
    nothing_was_lost(firm.folder.path());
}

fn nothing_was_lost(folder: &Path) {
    let dead = command_json(folder, &["--json", "queue", "list"]);
    assert_eq!(dead["n_dead"].as_u64().unwrap_or_default(), 0, "{dead}");
    let status = command_json(folder, &["--json", "sync", "status"]);
    let read = status["cursors"].as_array().unwrap();
    assert_eq!(read.len(), 3, "{status}");
    let audit = command_json(folder, &["--json", "audit", "verify"]);
    assert!(audit["fault"].is_null(), "{audit}");
}
