//! Which package may use which: arrows point one way.

use crate::workspace::{self, ChoreError, Package};

/// Lists every arrow that points the wrong way.
pub(crate) fn faults() -> Result<Vec<String>, ChoreError> {
    let workspace = workspace::read()?;
    Ok(workspace.packages.iter().flat_map(faults_of).collect())
}

/// Where a package stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Layer {
    Shared,
    Http,
    Adapter,
    Host,
    Wiring,
    Function,
    Sandbox,
    TestPeer,
    Root,
    Chores,
}

fn layer(name: &str) -> Layer {
    match name {
        "shared" => Layer::Shared,
        "adapter-http" => Layer::Http,
        "host" => Layer::Host,
        "wiring" => Layer::Wiring,
        "sandbox-org" => Layer::Sandbox,
        "fault-server" => Layer::TestPeer,
        "moodbridge" => Layer::Root,
        "xtask" => Layer::Chores,
        name if name.starts_with("adapter-") => Layer::Adapter,
        _ => Layer::Function,
    }
}

fn may_use(user: Layer, used: Layer) -> bool {
    match user {
        // The sandbox and the peers of tests stand for foreign systems: they know nothing of ours.
        Layer::Shared | Layer::Chores | Layer::Sandbox | Layer::TestPeer => false,
        Layer::Http | Layer::Host => used == Layer::Shared,
        Layer::Adapter => matches!(used, Layer::Shared | Layer::Http),
        Layer::Wiring => matches!(used, Layer::Shared | Layer::Adapter | Layer::Http),
        Layer::Function => matches!(used, Layer::Shared | Layer::Host | Layer::Wiring),
        Layer::Root => matches!(
            used,
            Layer::Shared | Layer::Host | Layer::Wiring | Layer::Function | Layer::Sandbox
        ),
    }
}

fn faults_of(package: &Package) -> Vec<String> {
    let user = layer(&package.name);
    package
        .dependencies
        .iter()
        .filter(|it| it.path.is_some() && it.kind.as_deref() != Some("dev"))
        .filter_map(|it| {
            if !may_use(user, layer(&it.name)) {
                Some(format!("`{}` must not use `{}`", package.name, it.name))
            } else if it.features.iter().any(|feature| feature == "testkit") {
                Some(format!("`{}` must not enable `testkit` of `{}`", package.name, it.name))
            } else {
                None
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrows_point_one_way() {
        let faults = faults().unwrap();
        assert!(faults.is_empty(), "{}", faults.join("\n"));
    }

    #[test]
    fn function_that_names_an_adapter_is_a_fault() {
        assert!(!may_use(layer("sync-worker"), layer("adapter-sql")));
        assert!(!may_use(layer("adapter-sql"), layer("adapter-salesforce")));
        assert!(!may_use(layer("shared"), layer("host")));
        assert!(!may_use(layer("adapter-http"), layer("fault-server")));
        assert!(may_use(layer("wiring"), layer("adapter-salesforce")));
    }
}
