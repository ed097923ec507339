//! What a person typed, as a full-text query.

/// Words beyond these do not narrow further.
const N_WORDS: usize = 16;

/// Turns `typed` into a query that each word must match by its beginning; `None` without words.
///
/// A word with a dash or dot in it, such as `24-cv-01`, must occur as those parts in a row.
pub(super) fn match_query(typed: &str) -> Option<String> {
    let words: Vec<String> = typed
        .split(|c: char| c.is_whitespace() || c.is_control())
        .filter(|word| word.chars().any(char::is_alphanumeric))
        .take(N_WORDS)
        .map(|word| format!("\"{}\"*", word.replace('"', " ")))
        .collect();
    (!words.is_empty()).then(|| words.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_word_becomes_a_quoted_beginning() {
        assert_eq!(match_query(" Doe  24-CV \t").as_deref(), Some("\"Doe\"* \"24-CV\"*"));
    }

    #[test]
    fn query_syntax_and_signs_alone_have_no_power() {
        assert_eq!(match_query("a\" OR NEAR(").as_deref(), Some("\"a \"* \"OR\"* \"NEAR(\"*"));
        assert_eq!(match_query(" & - \u{0} "), None);
    }
}
