//! A sandbox org in this process, and settings that connect to it.

use sandbox_org::{RunningSandbox, Sandbox, Seed};
use tempfile::TempDir;
use tokio::net::TcpListener;

use crate::settings::Settings;

/// The org, and the folder with its settings.
pub(crate) struct Org {
    _sandbox: RunningSandbox,
    pub(crate) folder: TempDir,
    url: String,
}

impl Org {
    /// Starts an empty org, set up for MoodBridge or not.
    pub(crate) async fn start(is_set_up: bool) -> Self {
        let settings = sandbox_org::Settings {
            seed: Seed::Empty,
            has_external_id_field: is_set_up,
            ..sandbox_org::Settings::default()
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let sandbox = Sandbox::start(settings, listener).unwrap();
        let url = sandbox.url();
        Self { _sandbox: sandbox, folder: TempDir::new().unwrap(), url }
    }

    /// Returns settings with the connection `main`; `extra` are further lines of it.
    pub(crate) async fn settings(&self, extra: &str) -> Settings {
        let folder = self.folder.path();
        let secret = folder.join("secret");
        std::fs::write(&secret, "sandbox-secret").unwrap();
        let text = format!(
            "[[connections]]\nplatform = \"salesforce\"\nconnection = \"main\"\n\
             login_url = \"{}\"\n{extra}\n[connections.auth]\nflow = \"client_credentials\"\n\
             client_id = \"moodbridge-sandbox\"\nclient_secret = \"mounted:{}\"\n",
            self.url,
            secret.display()
        );
        let file = folder.join("moodbridge.toml");
        std::fs::write(&file, text).unwrap();
        let settings = Settings::load(Some(&file), folder).unwrap();
        wiring::migrate(&settings.case_store().unwrap()).await.unwrap();
        settings
    }
}
