//! What a deployment writes beside a route.

use std::fmt;

use crate::ports::{Random, Route, VersionNumber};
use crate::time::Timestamp;

/// What the note beside a route says: which deployment moved it, and from where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// The deployment: its first instant and some random digits, so that later ones sort later.
    pub deployment: String,
    /// What it did.
    pub kind: NoteKind,
}

/// What a deployment did to a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoteKind {
    /// It moved the route, or moves it.
    Moved {
        /// The version that was called before.
        before: VersionNumber,
    },
    /// It was taken back.
    TakenBack {
        /// The version that is not called any more.
        from: VersionNumber,
    },
}

const BEGIN: &str = "Deployment ";
const MOVED: &str = ", before it version ";
const TAKEN_BACK: &str = ", taken back from version ";

impl Note {
    /// Makes a name for a deployment that begins `now`.
    pub fn new_deployment(now: Timestamp, random: &dyn Random) -> String {
        let instant = now.to_second().to_string().replace(".000", "");
        format!("{instant}-{:06x}", random.bits() & 0xff_ffff)
    }

    /// Reads the note of `route`; none when somebody else wrote it.
    pub fn of(route: &Route) -> Option<Self> {
        Self::parse(&route.note)
    }

    fn parse(text: &str) -> Option<Self> {
        let text = text.strip_prefix(BEGIN)?.strip_suffix('.')?;
        let number = |text: &str| text.parse::<VersionNumber>().ok();
        let (deployment, kind) = if let Some((deployment, before)) = text.split_once(MOVED) {
            (deployment, NoteKind::Moved { before: number(before)? })
        } else {
            let (deployment, from) = text.split_once(TAKEN_BACK)?;
            (deployment, NoteKind::TakenBack { from: number(from)? })
        };
        Some(Self { deployment: deployment.to_owned(), kind })
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (words, version) = match self.kind {
            NoteKind::Moved { before } => (MOVED, before),
            NoteKind::TakenBack { from } => (TAKEN_BACK, from),
        };
        write!(f, "{BEGIN}{}{words}{version}.", self.deployment)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::{MAX_NOTE_CHARS, SystemRandom};

    #[test]
    fn note_is_read_as_it_was_written_and_fits() {
        let now = Timestamp::parse("2026-11-30T17:05:22.123Z").unwrap();
        let deployment = Note::new_deployment(now, &SystemRandom);
        assert!(deployment.starts_with("2026-11-30T17:05:22Z-"), "{deployment}");
        for kind in [NoteKind::Moved { before: u64::MAX }, NoteKind::TakenBack { from: 8 }] {
            let note = Note { deployment: deployment.clone(), kind };
            let text = note.to_string();
            assert!(text.len() <= MAX_NOTE_CHARS, "{text}");
            assert_eq!(Note::parse(&text), Some(note));
        }
    }

    #[test]
    fn what_terraform_or_a_person_wrote_is_no_note() {
        for text in ["", "What is called.", "Deployment x, before it version y.", "Deployment x."] {
            assert_eq!(Note::parse(text), None, "{text}");
        }
    }
}
