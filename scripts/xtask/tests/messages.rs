//! The messages of the Pub/Sub API, written by machine from their description, are current.

use std::path::{Path, PathBuf};

const DESCRIPTION: &str = "eventbus.proto";

/// Both ends have their own copy: the sandbox stands for a foreign system and shares no code.
const COPIES: [&str; 2] =
    ["infra/sandbox-org/src/pubsub/messages.rs", "shared/adapters/pubsub/src/messages.rs"];

const HEAD: &str = "//! The messages of the Pub/Sub API, written by machine from `eventbus.proto`.\n\n";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().to_path_buf()
}

fn written(folder: &Path) -> String {
    let described = root().join("infra/sandbox-org/proto");
    let files = protox::compile([DESCRIPTION], [described]).unwrap();
    let mut writer = prost_build::Config::new();
    writer.out_dir(folder).compile_fds(files).unwrap();
    let text = std::fs::read_to_string(folder.join("eventbus.v1.rs")).unwrap();
    // The first line is the tool's own.
    HEAD.to_owned() + text.split_once('\n').unwrap().1
}

#[test]
fn messages_are_those_of_the_description() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let wanted = written(folder);
    let fresh = folder.join("messages.rs");
    std::fs::write(&fresh, &wanted).unwrap();
    for copy in COPIES {
        let found = std::fs::read_to_string(root().join(copy)).unwrap_or_default();
        assert!(found == wanted, "`{copy}` is stale: copy `{}` over it", fresh.display());
    }
}
