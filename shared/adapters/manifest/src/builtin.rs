//! The manifests of this build.

/// The manifests of this build, as pairs of a file's name and its text.
pub const BUILT_IN: [(&str, &str); 2] = [
    ("platforms/clio.yaml", include_str!("../../../../platforms/clio.yaml")),
    ("platforms/github-issues.yaml", include_str!("../../../../platforms/github-issues.yaml")),
];
