//! What a person typed, as a full-text query.

use crate::store::search::words;

/// Turns `typed` into a query that each word must match by its beginning; `None` without words.
pub(super) fn match_query(typed: &str) -> Option<String> {
    let words: Vec<String> =
        words(typed).map(|word| format!("\"{}\"*", word.replace('"', " "))).collect();
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
