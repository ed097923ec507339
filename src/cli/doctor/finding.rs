//! What the doctor found.

use std::fmt;

use serde::Serialize;
use shared::platform::Verdict;

/// Where something was looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Area {
    Settings,
    Platforms,
    DataFolder,
    CaseStore,
    Audit,
    Queue,
    Secret,
    Connection,
    Nifi,
    Identity,
    Telemetry,
    Server,
    Bucket,
}

impl fmt::Display for Area {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Settings => "settings",
            Self::Platforms => "platforms",
            Self::DataFolder => "data folder",
            Self::CaseStore => "case store",
            Self::Audit => "audit log",
            Self::Queue => "queue",
            Self::Secret => "secret",
            Self::Connection => "connection",
            Self::Nifi => "NiFi",
            Self::Identity => "identity",
            Self::Telemetry => "telemetry",
            Self::Server => "server",
            Self::Bucket => "bucket",
        })
    }
}

/// One thing that was looked at.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Checked {
    pub(crate) area: Area,
    /// Which of them, such as a connection's name.
    pub(crate) subject: String,
    pub(crate) verdict: Verdict,
    pub(crate) what: String,
    pub(crate) fix: Option<String>,
}

/// Everything that was looked at.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Report {
    pub(crate) findings: Vec<Checked>,
}

impl Report {
    pub(crate) fn add(
        &mut self,
        area: Area,
        subject: impl Into<String>,
        verdict: Verdict,
        what: impl Into<String>,
        fix: Option<String>,
    ) {
        let (subject, what) = (subject.into(), what.into());
        self.findings.push(Checked { area, subject, verdict, what, fix });
    }

    pub(crate) fn good(&mut self, area: Area, subject: &str, what: impl Into<String>) {
        self.add(area, subject, Verdict::Good, what, None);
    }

    pub(crate) fn unknown(&mut self, area: Area, subject: &str, what: impl Into<String>) {
        self.add(area, subject, Verdict::Unknown, what, None);
    }

    pub(crate) fn warning(
        &mut self,
        area: Area,
        subject: &str,
        what: impl Into<String>,
        fix: impl Into<String>,
    ) {
        self.add(area, subject, Verdict::Warning, what, Some(fix.into()));
    }

    pub(crate) fn bad(
        &mut self,
        area: Area,
        subject: &str,
        what: impl Into<String>,
        fix: impl Into<String>,
    ) {
        self.add(area, subject, Verdict::Bad, what, Some(fix.into()));
    }

    /// Tells whether nothing is bad.
    pub(crate) fn is_sound(&self) -> bool {
        self.findings.iter().all(|it| it.verdict != Verdict::Bad)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Checked { area, subject, verdict, what, fix } in &self.findings {
            let mark = match verdict {
                Verdict::Good => "ok     ",
                Verdict::Unknown => "?      ",
                Verdict::Warning => "warning",
                Verdict::Bad => "WRONG  ",
            };
            writeln!(f, "{mark}  {area} `{subject}`: {what}")?;
            if let Some(fix) = fix {
                writeln!(f, "         fix: {fix}")?;
            }
        }
        let n = |wanted| self.findings.iter().filter(|it| it.verdict == wanted).count();
        write!(f, "{} wrong, {} to look at", n(Verdict::Bad), n(Verdict::Warning))
    }
}
