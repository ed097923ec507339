//! Webhook intake from request to queue.

#[cfg(test)]
mod bad_input;
mod changes;
#[cfg(test)]
mod documentation;
mod duplicates;
#[cfg(test)]
mod fixture;
mod outbound;
mod proof;
mod signed;
