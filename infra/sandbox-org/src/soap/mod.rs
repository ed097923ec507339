//! The partner SOAP API, as far as REST has no such call: merges, undeletes, the recycle bin.

mod answer;
mod calls;
mod element;
mod envelope;
mod login;
mod records;

pub(crate) use answer::answer;
pub(crate) use element::Element;

#[cfg(test)]
mod tests;
