//! The messages of the Pub/Sub API, written by machine from their description, are current.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::path::{Path, PathBuf};

const DESCRIPTION: &str = "eventbus.proto";

/// Both ends have their own copy: the sandbox stands for a foreign system and shares no code.
const SERVICE: &str = "infra/sandbox-org/src/pubsub/messages.rs";
const SUBSCRIBER: &str = "shared/adapters/pubsub/src/messages.rs";

/// What a subscriber sends and gets; the rest would be dead code there.
const OF_A_SUBSCRIBER: [&str; 8] = [
    "ConsumerEvent",
    "EventHeader",
    "FetchRequest",
    "FetchResponse",
    "ProducerEvent",
    "ReplayPreset",
    "SchemaInfo",
    "SchemaRequest",
];

const HEAD: &str =
    "//! The messages of the Pub/Sub API, written by machine from `eventbus.proto`.\n\n";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().to_path_buf()
}

/// Writes the messages that are wanted, by way of `folder`.
fn written(folder: &Path, is_wanted: impl Fn(&str) -> bool) -> String {
    let described = root().join("infra/sandbox-org/proto");
    let files = protox::compile([DESCRIPTION], [described]).unwrap();
    let mut writer = prost_build::Config::new();
    writer.out_dir(folder).compile_fds(files).unwrap();
    let text = std::fs::read_to_string(folder.join("eventbus.v1.rs")).unwrap();
    // The first line is the tool's own.
    let items = text.split_once('\n').unwrap().1.split_inclusive("\n}\n");
    HEAD.to_owned() + &items.filter(|item| is_wanted(name_of(item))).collect::<String>()
}

/// Returns the name of the type that an item declares, or implements something for.
fn name_of(item: &str) -> &str {
    let heads = ["pub struct ", "pub enum ", "impl "];
    let rest = heads.iter().find_map(|head| item.lines().find_map(|line| line.strip_prefix(head)));
    rest.unwrap().split([' ', '{']).next().unwrap()
}

fn check(copy: &str, name: &str, is_wanted: impl Fn(&str) -> bool) {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::create_dir_all(&folder).unwrap();
    let wanted = written(&folder, is_wanted);
    let fresh = folder.join("messages.rs");
    std::fs::write(&fresh, &wanted).unwrap();
    let found = std::fs::read_to_string(root().join(copy)).unwrap_or_default();
    assert!(found == wanted, "`{copy}` is stale: copy `{}` over it", fresh.display());
}

#[test]
fn messages_of_the_service_are_those_of_the_description() {
    check(SERVICE, "service", |_| true);
}

#[test]
fn messages_of_the_subscriber_are_those_of_the_description() {
    check(SUBSCRIBER, "subscriber", |name| OF_A_SUBSCRIBER.contains(&name));
}
