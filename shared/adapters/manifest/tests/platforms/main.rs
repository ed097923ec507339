//! The manifests of this build against servers that answer in the platforms' documented shapes.

mod clio;
mod faults;
mod github;
mod manifests;
mod support;
