//! Patterns of LIKE: text that is matched letter by letter, and wildcards of our own.

use super::literal::{push_escaped, unescape};

/// A piece of a pattern.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Piece {
    /// Text that must stand there, whatever its case.
    Text(String),
    /// Any characters, or none: `%`.
    Run,
    /// Exactly one character: `_`.
    One,
}

/// What text must look like. A `%` or `_` inside handed-in text is matched as itself.
///
/// A pattern that begins with a wildcard cannot use an index.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Pattern {
    pieces: Vec<Piece>,
}

impl Pattern {
    /// Matches what begins with `text`.
    pub fn starting_with(text: &str) -> Self {
        Self::default().then(text).then_any_run()
    }

    /// Matches what ends with `text`.
    pub fn ending_with(text: &str) -> Self {
        Self::default().then_any_run().then(text)
    }

    /// Matches what holds `text` anywhere.
    pub fn holding(text: &str) -> Self {
        Self::ending_with(text).then_any_run()
    }

    /// Goes on with `text`, letter by letter.
    #[must_use]
    pub fn then(mut self, text: &str) -> Self {
        for character in text.chars() {
            self.push_character(character);
        }
        self
    }

    /// Goes on with any characters, or none.
    #[must_use]
    pub fn then_any_run(mut self) -> Self {
        self.pieces.push(Piece::Run);
        self
    }

    /// Goes on with exactly one character.
    #[must_use]
    pub fn then_any_one(mut self) -> Self {
        self.pieces.push(Piece::One);
        self
    }

    /// Tells whether the pattern begins with a wildcard, which no index helps to find.
    pub fn has_leading_wildcard(&self) -> bool {
        !matches!(self.pieces.first(), Some(Piece::Text(_)))
    }

    fn push_character(&mut self, character: char) {
        match self.pieces.last_mut() {
            Some(Piece::Text(text)) => text.push(character),
            _ => self.pieces.push(Piece::Text(character.to_string())),
        }
    }

    /// Appends the pattern in its quotes.
    pub(super) fn write(&self, soql: &mut String) {
        soql.push('\'');
        for piece in &self.pieces {
            match piece {
                Piece::Run => soql.push('%'),
                Piece::One => soql.push('_'),
                Piece::Text(text) => {
                    let mut rest = text.as_str();
                    while let Some(at) = rest.find(['%', '_']) {
                        let (before, wildcard) = rest.split_at(at);
                        push_escaped(soql, before);
                        soql.push('\\');
                        soql.extend(wildcard.chars().take(1));
                        rest = wildcard.get(1..).unwrap_or_default();
                    }
                    push_escaped(soql, rest);
                }
            }
        }
        soql.push('\'');
    }

    /// Reads what stands between the quotes; `None` at a bad escape.
    pub(super) fn read(raw: &str) -> Option<Self> {
        let mut pattern = Self::default();
        let mut characters = raw.chars();
        while let Some(character) = characters.next() {
            match character {
                '%' => pattern.pieces.push(Piece::Run),
                '_' => pattern.pieces.push(Piece::One),
                '\\' => {
                    let rest = characters.as_str();
                    if rest.starts_with(['%', '_']) {
                        characters.next().into_iter().for_each(|it| pattern.push_character(it));
                    } else {
                        pattern.push_character(unescape(&mut characters)?);
                    }
                }
                plain => pattern.push_character(plain),
            }
        }
        Some(pattern)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(pattern: &Pattern) -> String {
        let mut soql = String::new();
        pattern.write(&mut soql);
        soql
    }

    #[test]
    fn wildcards_of_the_text_are_matched_as_themselves() {
        assert_eq!(written(&Pattern::starting_with("100%")), r"'100\%%'");
        assert_eq!(written(&Pattern::ending_with(r"a_b\%")), r"'%a\_b\\\%'");
        assert_eq!(written(&Pattern::holding("O'Neil")), r"'%O\'Neil%'");
        assert_eq!(written(&Pattern::default().then("a").then_any_one().then("b")), "'a_b'");
        assert_eq!(written(&Pattern::default()), "''");
    }

    #[test]
    fn pattern_that_no_index_helps_with_says_so() {
        assert!(!Pattern::starting_with("a").has_leading_wildcard());
        assert!(Pattern::holding("a").has_leading_wildcard());
        assert!(Pattern::starting_with("").has_leading_wildcard());
    }

    proptest! {
        #[test]
        fn pattern_is_read_as_it_was_written(
            parts in prop::collection::vec((any::<String>(), 0_u8..3), 0..4)
        ) {
            let mut pattern = Pattern::default();
            for (text, wildcard) in &parts {
                pattern = pattern.then(text);
                pattern = match wildcard {
                    0 => pattern.then_any_run(),
                    1 => pattern.then_any_one(),
                    _ => pattern,
                };
            }
            let soql = written(&pattern);
            let inner = soql.strip_prefix('\'').and_then(|it| it.strip_suffix('\'')).unwrap();
            prop_assert_eq!(Pattern::read(inner), Some(pattern));
        }
    }
}
