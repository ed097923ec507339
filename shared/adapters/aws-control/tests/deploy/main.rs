//! Deployments against a real peer that stands for AWS: `scripts/with-aws cargo nextest run -p
//! adapter-aws-control`.

#[cfg(test)]
mod peer;
#[cfg(test)]
mod target;
#[cfg(test)]
mod usage;
