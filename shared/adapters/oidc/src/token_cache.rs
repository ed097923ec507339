//! Remembers proved tokens, so that the second request with one costs a hash.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use sha2::{Digest, Sha256};
use shared::auth::Principal;
use shared::time::Timestamp;

/// What a token is remembered by: the token itself is kept nowhere.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct TokenDigest([u8; 32]);

impl TokenDigest {
    pub(crate) fn of(token: &str) -> Self {
        Self(Sha256::digest(token).into())
    }
}

struct Remembered {
    principal: Principal,
    until: Timestamp,
}

/// A bounded memory of two generations: when the young one is full it becomes the old one, and
/// what nobody asked for in the meantime is forgotten.
pub(crate) struct TokenCache {
    n_per_generation: usize,
    generations: Mutex<Generations>,
}

#[derive(Default)]
struct Generations {
    young: HashMap<TokenDigest, Remembered>,
    old: HashMap<TokenDigest, Remembered>,
}

impl TokenCache {
    /// Remembers at most `n_tokens`.
    pub(crate) fn new(n_tokens: usize) -> Self {
        Self { n_per_generation: n_tokens / 2, generations: Mutex::default() }
    }

    /// Returns who `token` stands for, when that was proved and still holds at `now`.
    pub(crate) fn get(&self, token: TokenDigest, now: Timestamp) -> Option<Principal> {
        let mut generations = self.generations.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = generations.young.get(&token) {
            return (found.until > now).then(|| found.principal.clone());
        }
        let found = generations.old.remove(&token).filter(|it| it.until > now)?;
        let principal = found.principal.clone();
        generations.put(token, found, self.n_per_generation);
        Some(principal)
    }

    /// Remembers that `token` stands for `principal` until `until`.
    pub(crate) fn put(&self, token: TokenDigest, principal: Principal, until: Timestamp) {
        let mut generations = self.generations.lock().unwrap_or_else(PoisonError::into_inner);
        generations.put(token, Remembered { principal, until }, self.n_per_generation);
    }
}

impl Generations {
    fn put(&mut self, token: TokenDigest, remembered: Remembered, n_per_generation: usize) {
        if n_per_generation == 0 {
            return;
        }
        if self.young.len() >= n_per_generation {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(token, remembered);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use shared::ids::PersonId;

    use super::*;

    fn principal() -> Principal {
        let person = PersonId::parse("anna").unwrap();
        Principal { person, name: None, roles: BTreeSet::new(), expires_at: None }
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(seconds * 1000)
    }

    #[test]
    fn a_token_is_remembered_until_its_time() {
        let cache = TokenCache::new(10);
        let token = TokenDigest::of("a");
        cache.put(token, principal(), at(100));
        assert_eq!(cache.get(token, at(99)), Some(principal()));
        assert_eq!(cache.get(token, at(100)), None);
        assert_eq!(cache.get(TokenDigest::of("b"), at(0)), None);
    }

    #[test]
    fn memory_is_bounded_and_what_is_used_stays() {
        let cache = TokenCache::new(10);
        let used = TokenDigest::of("used");
        cache.put(used, principal(), at(100));
        for n in 0..1000 {
            cache.put(TokenDigest::of(&n.to_string()), principal(), at(100));
            assert!(cache.get(used, at(0)).is_some(), "{n}");
        }
        let generations = cache.generations.lock().unwrap();
        assert!(generations.young.len() + generations.old.len() <= 10);
    }
}
