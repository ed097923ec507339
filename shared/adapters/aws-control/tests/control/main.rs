//! What people ask of AWS, against a real peer that stands for it: `scripts/with-aws cargo nextest run
//! -p adapter-aws-control`.

#[cfg(test)]
mod account;
#[cfg(test)]
mod buckets;
#[cfg(test)]
mod logs;
#[cfg(test)]
mod peer;
#[cfg(test)]
mod target;
#[cfg(test)]
mod usage;
