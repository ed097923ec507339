//! Connecting and disconnecting, against the sandbox org.

use std::sync::Mutex;

use sandbox_org::{LoginRefusal, LoginSettings, RunningSandbox, Sandbox, Seed};
use shared::chain;
use tempfile::TempDir;
use tokio::net::TcpListener;
use wiring::connecting::Request;

use super::*;

/// A person whose browser follows the pages at once.
#[derive(Default)]
struct Person {
    told: Mutex<Vec<String>>,
    types_code_at: Mutex<Option<Url>>,
}

impl Browser for Person {
    fn open(&self, url: &Url) -> bool {
        tokio::spawn(allow(url.clone()));
        true
    }

    fn tell(&self, text: &str) {
        self.told.lock().unwrap().push(text.to_owned());
        if let Some(page) = self.types_code_at.lock().unwrap().clone() {
            let code = text.rsplit(' ').next().unwrap().to_owned();
            tokio::spawn(async move { post(page, &[("user_code", &code)]).await });
        }
    }
}

/// Sends the consent page's form on and follows it back.
async fn allow(url: Url) {
    let action = url.join("/services/oauth2/authorize").unwrap();
    let asked: Vec<(String, String)> = url.query_pairs().into_owned().collect();
    let mut fields: Vec<_> = asked.iter().map(|(name, it)| (name.as_str(), it.as_str())).collect();
    fields.push(("decision", "allow"));
    if let Some(back) = post(action, &fields).await {
        let http = Means::of_this_machine().unwrap().http;
        http.send(Request::get("browser", "open", back)).await.unwrap();
    }
}

/// Sends a form and returns where it leads.
async fn post(url: Url, fields: &[(&str, &str)]) -> Option<Url> {
    let http = Means::of_this_machine().unwrap().http;
    let answer = http.send(Request::post("browser", "post", url).with_form(fields)).await.unwrap();
    answer.header(&http::header::LOCATION).map(|it| Url::parse(it).unwrap())
}

struct Fixture {
    sandbox: RunningSandbox,
    folder: TempDir,
    means: Means,
    person: Arc<Person>,
    port: u16,
}

const BEFORE: &str = "# Our firm.\n[server]\naddress = \"127.0.0.1:8080\" # the proxy knows\n";

impl Fixture {
    async fn start(refuses: Option<LoginRefusal>) -> Self {
        // Free a moment ago; salesforce compares callback URLs letter by letter.
        let port = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
        let login = LoginSettings {
            callback_urls: vec![format!("http://localhost:{port}/OauthRedirect")],
            refuses,
            device_interval: std::time::Duration::from_secs(1),
            ..LoginSettings::default()
        };
        let settings =
            sandbox_org::Settings { seed: Seed::Empty, login, ..sandbox_org::Settings::default() };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let sandbox = Sandbox::start(settings, listener).unwrap();
        let folder = TempDir::new().unwrap();
        std::fs::write(folder.path().join("moodbridge.toml"), BEFORE).unwrap();
        let person = Arc::new(Person::default());
        let means = Means { browser: person.clone(), ..Means::of_this_machine().unwrap() };
        Self { sandbox, folder, means, person, port }
    }

    fn args(&self) -> SalesforceArgs {
        SalesforceArgs {
            name: "main".into(),
            login_url: Url::parse(&self.sandbox.url()).unwrap(),
            client_id: "moodbridge-sandbox".into(),
            client_secret: None,
            refresh_token: None,
            device: false,
            no_browser: false,
            port: self.port,
            print: false,
        }
    }

    async fn connect(&self, args: &SalesforceArgs) -> Result<Connected, CommandError> {
        let config = self.folder.path().join("moodbridge.toml");
        let place = Place { config: Some(&config), data_dir: self.folder.path() };
        connect(args, &place, &self.means).await
    }

    async fn disconnect(&self, name: &str) -> Result<Disconnected, CommandError> {
        let config = self.folder.path().join("moodbridge.toml");
        let place = Place { config: Some(&config), data_dir: self.folder.path() };
        disconnect(name, &place, &self.means).await
    }

    fn settings(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("moodbridge.toml")).unwrap()
    }

    fn token_file(&self) -> PathBuf {
        self.folder.path().join("secrets/main-refresh-token")
    }
}

#[tokio::test]
async fn connection_is_written_beside_what_was_there_and_can_be_used() {
    let fixture = Fixture::start(None).await;

    let connected = fixture.connect(&fixture.args()).await.unwrap();

    let org = connected.org.to_string();
    assert!(org.contains("may read") && org.contains("Case"), "{org}");
    let settings = fixture.settings();
    assert!(settings.starts_with(BEFORE), "{settings}");
    assert!(settings.contains("flow = \"authorization_code\""), "{settings}");
    let address = SecretAddress::parse(format!("file:{}", fixture.token_file().display())).unwrap();
    let token = fixture.means.secrets.read(&address).await.unwrap();
    let token = token.expose();
    assert!(!settings.contains(token) && !connected.to_string().contains(token));
    let sealed = std::fs::read_to_string(fixture.token_file()).unwrap();
    assert!(sealed.starts_with("moodbridge-sealed 1") && !sealed.contains(token));
    let config = fixture.folder.path().join("moodbridge.toml");
    let loaded = Settings::load(Some(&config), fixture.folder.path()).unwrap();
    assert_eq!(loaded.connections.len(), 1);
}

#[cfg(unix)]
#[tokio::test]
async fn refresh_token_is_readable_by_its_owner_only() {
    use std::os::unix::fs::PermissionsExt as _;
    let fixture = Fixture::start(None).await;
    fixture.connect(&fixture.args()).await.unwrap();
    let mode = std::fs::metadata(fixture.token_file()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[tokio::test]
async fn connecting_again_changes_the_section_instead_of_adding_one() {
    let fixture = Fixture::start(None).await;
    fixture.connect(&fixture.args()).await.unwrap();
    let first = fixture.settings();
    fixture.connect(&fixture.args()).await.unwrap();
    assert_eq!(fixture.settings(), first);
}

#[tokio::test]
async fn printed_settings_are_not_written() {
    let fixture = Fixture::start(None).await;
    let args = SalesforceArgs { print: true, ..fixture.args() };
    let connected = fixture.connect(&args).await.unwrap();
    assert!(connected.diff.contains("+ [[connections]]"), "{}", connected.diff);
    assert_eq!(fixture.settings(), BEFORE);
}

#[tokio::test]
async fn device_is_connected_with_a_code() {
    let fixture = Fixture::start(None).await;
    let page = Url::parse(&format!("{}/setup/connect", fixture.sandbox.url())).unwrap();
    *fixture.person.types_code_at.lock().unwrap() = Some(page);
    let args = SalesforceArgs { device: true, ..fixture.args() };
    fixture.connect(&args).await.unwrap();
    assert!(fixture.token_file().exists());
}

#[tokio::test]
async fn every_refusal_names_its_fix_and_leaves_nothing_behind() {
    for (refusal, fix) in [
        (LoginRefusal::PersonRefuses, "choose `Allow`"),
        (LoginRefusal::AppBlocked, "Connected Apps OAuth Usage"),
        (LoginRefusal::NotApproved, "Permitted Users"),
        (LoginRefusal::IpRestricted, "Relax IP restrictions"),
    ] {
        let fixture = Fixture::start(Some(refusal)).await;
        let error = fixture.connect(&fixture.args()).await.unwrap_err();
        let text = chain(&error).to_string();
        assert!(text.contains(fix), "{text}");
        assert_eq!(fixture.settings(), BEFORE);
        assert!(!fixture.token_file().exists());
    }
}

#[tokio::test]
async fn unknown_app_names_the_flag_to_check() {
    let fixture = Fixture::start(None).await;
    let args = SalesforceArgs { client_id: "nobody".into(), device: true, ..fixture.args() };
    let error = fixture.connect(&args).await.unwrap_err();
    assert!(chain(&error).to_string().contains("check `--client-id`"), "{}", chain(&error));
}

#[tokio::test]
async fn disconnecting_revokes_and_leaves_the_file_as_it_was() {
    let fixture = Fixture::start(None).await;
    fixture.connect(&fixture.args()).await.unwrap();

    let ended = fixture.disconnect("main").await.unwrap();

    assert!(ended.revoked);
    assert_eq!(fixture.settings().trim_end(), BEFORE.trim_end());
    assert!(!fixture.token_file().exists());
    let error = fixture.disconnect("main").await.unwrap_err();
    assert!(chain(&error).to_string().contains("there are: none"), "{}", chain(&error));
}
