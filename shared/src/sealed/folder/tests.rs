//! What a folder of sealed secrets gives, keeps and refuses.

use std::fs;

use super::*;
use crate::ports::SystemRandom;

const VALUE: &str = "hunter2-hunter2-hunter2";

struct Firm {
    root: tempfile::TempDir,
    folder: SealedFolder,
}

impl Firm {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let folder = SealedFolder::new(root.path().join("secrets"), None, Env::default());
        Self { root, folder }
    }

    fn with_secret() -> Self {
        let firm = Self::new();
        firm.write("token", VALUE);
        firm
    }

    fn write(&self, name: &str, value: &str) {
        self.folder.write(name, &Secret::new(value), Timestamp::from_millis(1000)).unwrap();
    }

    fn file(&self, name: &str) -> PathBuf {
        self.root.path().join("secrets").join(name)
    }

    fn text(&self, name: &str) -> String {
        fs::read_to_string(self.file(name)).unwrap()
    }

    fn error(&self, name: &str) -> SealError {
        self.folder.read(name).unwrap_err()
    }

    fn line(&self, name: &str, what: &str) -> String {
        let text = self.text(name);
        text.lines().find(|it| it.starts_with(what)).unwrap().to_owned()
    }
}

#[test]
fn sealed_secret_is_read_again_and_its_file_does_not_hold_it() {
    let firm = Firm::with_secret();
    assert_eq!(firm.folder.read("token").unwrap().expose(), VALUE);
    for entry in fs::read_dir(firm.root.path().join("secrets")).unwrap() {
        let bytes = fs::read(entry.unwrap().path()).unwrap();
        assert!(!bytes.windows(7).any(|it| it == b"hunter2"));
    }
    let listed = firm.folder.list().unwrap();
    assert_eq!((listed[0].name.as_str(), listed[0].sealed_at.as_millis()), ("token", 1000));
}

#[test]
fn one_secret_sealed_twice_looks_different() {
    let firm = Firm::with_secret();
    let before = firm.line("token", "body");
    firm.write("token", VALUE);
    assert_ne!(firm.line("token", "body"), before);
}

#[test]
fn plain_file_is_refused_with_the_way_out() {
    let firm = Firm::with_secret();
    fs::write(firm.file("plain"), VALUE).unwrap();
    let message = firm.error("plain").to_string();
    assert!(message.contains("moodbridge secret set") && message.contains("mounted:"), "{message}");
    assert!(!message.contains("hunter2"), "{message}");
}

#[test]
fn every_altered_byte_is_found() {
    let firm = Firm::with_secret();
    let good = fs::read(firm.file("token")).unwrap();
    for at in 0..good.len() {
        let mut altered = good.clone();
        altered[at] ^= 1;
        fs::write(firm.file("token"), altered).unwrap();
        assert!(firm.folder.read("token").is_err(), "byte {at}");
    }
}

#[test]
fn altered_body_altered_age_and_altered_key_are_called_altered() {
    let firm = Firm::with_secret();
    firm.write("other", "another");
    let good = firm.text("token");
    let body = firm.line("other", "body");
    let data_key = firm.line("other", "data-key");
    for altered in [
        good.replace(&firm.line("token", "body"), &body),
        good.replace("sealed-at 1000", "sealed-at 2000"),
        good.replace(&firm.line("token", "data-key"), &data_key),
    ] {
        fs::write(firm.file("token"), altered).unwrap();
        assert!(matches!(firm.error("token"), SealError::Altered { .. }));
    }
}

#[test]
fn file_cut_short_is_called_so() {
    let firm = Firm::with_secret();
    let good = fs::read(firm.file("token")).unwrap();
    for n_left in [19, 25, 60, good.len() - 1] {
        fs::write(firm.file("token"), &good[..n_left]).unwrap();
        let error = firm.error("token");
        assert!(error.to_string().contains("cut short") || n_left < 20, "{n_left}: {error}");
    }
}

#[test]
fn file_under_another_name_is_refused() {
    let firm = Firm::with_secret();
    firm.write("other", "another");
    fs::rename(firm.file("token"), firm.file("other")).unwrap();
    let message = firm.error("other").to_string();
    assert!(message.contains("was sealed as `token`"), "{message}");

    let renamed = firm.text("other").replace("name token", "name other");
    fs::write(firm.file("other"), renamed).unwrap();
    assert!(matches!(firm.error("other"), SealError::Altered { .. }));
}

#[test]
fn another_key_and_a_lost_key_are_told_apart() {
    let firm = Firm::with_secret();
    let other = Firm::with_secret();
    fs::copy(other.file(".key"), firm.file(".key")).unwrap();
    assert!(matches!(firm.error("token"), SealError::OtherKey { .. }));
    fs::remove_file(firm.file(".key")).unwrap();
    assert!(matches!(firm.error("token"), SealError::NoKey { .. }));
    let secret = Secret::new("x");
    let written = firm.folder.write("new", &secret, Timestamp::from_millis(0));
    assert!(matches!(written, Err(SealError::NoKey { .. })), "no second key is made by itself");
    fs::write(firm.file(".key"), "x").unwrap();
    make_private(&firm.file(".key"), 0o600);
    assert!(matches!(firm.error("token"), SealError::BadKey { .. }));
}

#[cfg(unix)]
fn make_private(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[cfg(unix)]
#[test]
fn files_are_for_their_owner_and_an_exposed_key_is_refused() {
    use std::os::unix::fs::PermissionsExt as _;
    let firm = Firm::with_secret();
    for name in ["token", ".key"] {
        assert_eq!(fs::metadata(firm.file(name)).unwrap().permissions().mode() & 0o777, 0o600);
    }
    make_private(&firm.file(".key"), 0o640);
    let message = firm.error("token").to_string();
    assert!(message.contains("mode 640") && message.contains("chmod 600"), "{message}");
}

#[test]
fn rotation_changes_the_key_and_no_body() {
    let firm = Firm::with_secret();
    firm.write("other", "another");
    let (body, key) = (firm.line("token", "body"), firm.line("token", "key"));
    let old_keys = firm.text(".key");

    let rotation = firm.folder.rotate().unwrap();

    assert_eq!((rotation.n_rewrapped, rotation.is_resumed), (2, false));
    assert_eq!(firm.line("token", "body"), body);
    assert_ne!(firm.line("token", "key"), key);
    assert_eq!(firm.folder.read("token").unwrap().expose(), VALUE);
    let old_key = old_keys.lines().nth(1).unwrap();
    assert!(!firm.text(".key").contains(old_key), "the old key is forgotten");
}

#[test]
fn rotation_that_was_interrupted_anywhere_loses_nothing_and_is_ended_by_the_next() {
    for n_done in 0..=3 {
        let firm = Firm::new();
        for name in ["one", "two", "three"] {
            firm.write(name, VALUE);
        }
        // What a crash leaves behind: both keys, and only the first few data keys sealed anew.
        let keys = firm.folder.keys().unwrap().renewed().unwrap();
        firm.folder.key.write(&keys).unwrap();
        for (path, envelope) in firm.folder.envelopes().unwrap().into_iter().take(n_done) {
            let again = envelope.rewrap(&path, &keys, "here").unwrap();
            atomic::write(&path, again.to_text().as_bytes()).unwrap();
        }
        fs::write(firm.file(".one.new"), "half").unwrap();

        for name in ["one", "two", "three"] {
            assert_eq!(firm.folder.read(name).unwrap().expose(), VALUE);
        }
        let rotation = firm.folder.rotate().unwrap();

        assert_eq!((rotation.n_rewrapped, rotation.is_resumed), (3 - n_done, true));
        assert!(!firm.folder.keys().unwrap().has_old());
        for name in ["one", "two", "three"] {
            assert_eq!(firm.folder.read(name).unwrap().expose(), VALUE);
        }
    }
}

#[test]
fn secrets_are_written_and_read_while_the_key_is_rotated() {
    let firm = Firm::with_secret();
    std::thread::scope(|scope| {
        scope.spawn(|| (0..10).for_each(|_| drop(firm.folder.rotate().unwrap())));
        scope.spawn(|| (0..20).for_each(|it| firm.write(&format!("new-{it}"), VALUE)));
        for _ in 0..200 {
            assert_eq!(firm.folder.read("token").unwrap().expose(), VALUE);
        }
    });
    assert_eq!(firm.folder.list().unwrap().len(), 21);
    for secret in firm.folder.list().unwrap() {
        assert_eq!(firm.folder.read(&secret.name).unwrap().expose(), VALUE);
    }
}

#[test]
fn key_from_the_environment_opens_and_is_changed_by_its_keeper() {
    let firm = Firm::with_secret();
    let keys = firm.text(".key");
    let with = |keys: &str| {
        let env = Env::from_pairs([("KEK", keys)]);
        let key = KeyPlace::Environment("KEK".into());
        SealedFolder::new(firm.root.path().join("secrets"), Some(key), env)
    };
    assert_eq!(with(&keys).read("token").unwrap().expose(), VALUE);
    assert!(matches!(with(&keys).rotate(), Err(SealError::FixedKey { .. })));

    let renewed = Keys::parse(&keys).unwrap().renewed().unwrap();
    let rotation = with(&renewed.to_text()).rotate().unwrap();

    assert_eq!(rotation.n_rewrapped, 1);
    let alone = with(&renewed.without_old().to_text());
    assert_eq!(alone.read("token").unwrap().expose(), VALUE);
}

#[test]
fn removed_secret_is_gone_and_a_path_is_no_name() {
    let firm = Firm::with_secret();
    firm.folder.remove("token").unwrap();
    assert!(matches!(firm.error("token"), SealError::Missing { .. }));
    for name in ["../token", "", ".key", "a/b", "-x"] {
        assert!(matches!(firm.error(name), SealError::BadName { .. }), "{name}");
    }
}

#[test]
fn secret_is_made_once_by_many_who_need_it() {
    let firm = Firm::new();
    let made: Vec<String> = std::thread::scope(|scope| {
        let need = || {
            let make = || SystemRandom.secret().map_err(|_| SealError::Unsealable);
            firm.folder.read_or_make("token", Timestamp::from_millis(0), make).unwrap()
        };
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(need)).collect();
        threads.into_iter().map(|it| it.join().unwrap().expose().to_owned()).collect()
    });
    assert!(made.windows(2).all(|it| it[0] == it[1]));
}
