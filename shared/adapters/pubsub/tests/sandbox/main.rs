//! The subscriber against the sandbox org's Pub/Sub service, over real connections.

#[cfg(test)]
mod changes;
#[cfg(test)]
mod encrypted;
#[cfg(test)]
mod ends;
#[cfg(test)]
mod support;
