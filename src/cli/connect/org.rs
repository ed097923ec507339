//! Looks whether a new connection can do its work.

use std::fmt;

use serde::{Deserialize, Serialize};
use shared::{PortError, PortErrorKind};
use url::Url;
use wiring::connecting::{Grant, HttpClient, Request};

use crate::exit::CommandError;

const PLATFORM: &str = "salesforce";

/// The org behind a connection.
#[derive(Debug, Serialize)]
pub(super) struct Org {
    organization_id: String,
    username: String,
    instance_url: String,
    calls_left: Option<i64>,
    objects: Vec<String>,
}

impl fmt::Display for Org {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { organization_id, username, instance_url, calls_left, objects } = self;
        write!(f, "org {organization_id} as `{username}` at {instance_url}")?;
        if let Some(n) = calls_left {
            write!(f, ", {n} calls left today")?;
        }
        write!(f, ", may read {}", objects.join(", "))
    }
}

/// The user may not read what MoodBridge reads.
#[derive(Debug, thiserror::Error)]
#[error(
    "user `{username}` may not read {}: give it a permission set with `Read` and `View All` on \
     them, and `API Enabled`",
    missing.join(", ")
)]
struct NotPermitted {
    username: String,
    missing: Vec<String>,
}

#[derive(Deserialize)]
struct UserInfo {
    organization_id: String,
    preferred_username: String,
}

#[derive(Deserialize)]
struct Limits {
    #[serde(rename = "DailyApiRequests")]
    daily: Option<Limit>,
}

#[derive(Deserialize)]
struct Limit {
    #[serde(rename = "Remaining")]
    remaining: i64,
}

#[derive(Deserialize)]
struct Objects {
    sobjects: Vec<Object>,
}

#[derive(Deserialize)]
struct Object {
    name: String,
    #[serde(default)]
    queryable: bool,
}

impl Org {
    /// Asks who we are, what is left of today's calls, and what we may read.
    ///
    /// # Errors
    ///
    /// When something is missing, with the fix.
    pub(super) async fn examine(http: &HttpClient, grant: &Grant) -> Result<Self, CommandError> {
        let failed = |tried: &'static str| move |error| CommandError::failed(tried, error);
        let instance =
            grant.text("instance_url").and_then(|it| Url::parse(it).ok()).ok_or_else(|| {
                let error = PortError::new(PortErrorKind::Rejected, PLATFORM, "connect", "org");
                CommandError::failed("find the org's address in the answer", error)
            })?;
        let asker = Asker { http, grant, instance: &instance };
        let user: UserInfo =
            asker.get("/services/oauth2/userinfo").await.map_err(failed("ask who we are"))?;
        let limits: Limits = asker
            .get("/services/data/v66.0/limits")
            .await
            .map_err(failed("ask for the limits (is `API Enabled` on for the user?)"))?;
        let objects: Objects = asker
            .get("/services/data/v66.0/sobjects")
            .await
            .map_err(failed("ask which objects may be read"))?;
        let mappings = wiring::connecting::standard_mappings()
            .map_err(|error| CommandError::failed("read the mapping of Salesforce", error))?;
        let wanted: Vec<String> =
            mappings.objects().iter().map(|it| it.object.to_string()).collect();
        let may_read =
            |name: &String| objects.sobjects.iter().any(|it| it.name == *name && it.queryable);
        let missing: Vec<String> = wanted.iter().filter(|it| !may_read(it)).cloned().collect();
        if !missing.is_empty() {
            let error = NotPermitted { username: user.preferred_username, missing };
            return Err(CommandError::failed("check what may be read", error));
        }
        Ok(Self {
            organization_id: user.organization_id,
            username: user.preferred_username,
            instance_url: instance.origin().ascii_serialization(),
            calls_left: limits.daily.map(|it| it.remaining),
            objects: wanted,
        })
    }
}

struct Asker<'a> {
    http: &'a HttpClient,
    grant: &'a Grant,
    instance: &'a Url,
}

impl Asker<'_> {
    async fn get<T: serde::de::DeserializeOwned>(&self, path: &str) -> Result<T, PortError> {
        let mut url = self.instance.clone();
        url.set_path(path);
        let request =
            Request::get(PLATFORM, "connect", url).with_bearer(&self.grant.access_token)?;
        self.http.send(request).await?.checked()?.json()
    }
}
