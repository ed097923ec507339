//! What a person typed, word by word.

/// Words beyond these do not narrow further.
const N_WORDS: usize = 16;

/// Returns the words of `typed` that hold a letter or digit.
///
/// A word with a dash or dot in it, such as `24-cv-01`, must occur as those parts in a row.
pub(super) fn words(typed: &str) -> impl Iterator<Item = &str> {
    typed
        .split(|c: char| c.is_whitespace() || c.is_control())
        .filter(|word| word.chars().any(char::is_alphanumeric))
        .take(N_WORDS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_alone_are_no_words() {
        assert_eq!(words(" Doe  24-CV \t & - \u{0} ").collect::<Vec<_>>(), ["Doe", "24-CV"]);
    }
}
