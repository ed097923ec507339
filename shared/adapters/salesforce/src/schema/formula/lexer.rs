//! Cuts a formula into words.
//!
//! Source: Salesforce help, "Formula operators and functions".

/// Text that is no formula.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("character {at} of the formula: {reason}")]
pub(super) struct FormulaError {
    /// Where it stops being one, in characters from 1.
    at: usize,
    /// What is wrong.
    reason: &'static str,
}

/// One word of a formula that matters: values and operators are passed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Word<'a> {
    /// A function that is called.
    Function(&'a str),
    /// A field, parts joined by dots: `Account.Owner:User.Name`, `$User.Id`.
    Path(&'a str),
}

/// Lists the functions and paths of `formula`, in their order.
pub(super) fn words(formula: &str) -> Result<Vec<Word<'_>>, FormulaError> {
    let mut words = Vec::new();
    let mut rest = formula;
    while let Some(first) = rest.chars().next() {
        let fault = |reason| {
            let n_read = formula.len() - rest.len();
            let at = formula.get(..n_read).unwrap_or_default().chars().count() + 1;
            FormulaError { at, reason }
        };
        let after = match first {
            '"' | '\'' => behind_text(rest, first).ok_or_else(|| fault("text is not closed"))?,
            '/' if rest.starts_with("/*") => {
                let closed = rest.find("*/").ok_or_else(|| fault("comment is not closed"))?;
                rest.get(closed + 2..).unwrap_or_default()
            }
            _ if first.is_ascii_digit() => rest.trim_start_matches(is_number_part),
            _ if first == '$' || first.is_ascii_alphabetic() => {
                let after = rest.trim_start_matches(is_path_part);
                let text = rest.get(..rest.len() - after.len()).unwrap_or_default();
                // A colon that ends a word is no part of it.
                let text = text.trim_end_matches([':', '.']);
                let is_call = after.trim_start().starts_with('(');
                if is_call {
                    words.push(Word::Function(text));
                } else if !is_constant(text) {
                    words.push(Word::Path(text));
                }
                after
            }
            _ if first.is_whitespace() || "+-*/^()<>=!&|,.:".contains(first) => {
                rest.get(first.len_utf8()..).unwrap_or_default()
            }
            _ => return Err(fault("character that no formula holds")),
        };
        rest = after;
    }
    Ok(words)
}

fn is_number_part(c: char) -> bool {
    c.is_ascii_digit() || c == '.'
}

fn is_path_part(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | ':' | '$')
}

fn is_constant(word: &str) -> bool {
    ["TRUE", "FALSE", "NULL"].iter().any(|it| it.eq_ignore_ascii_case(word))
}

/// Returns what stands behind the text that begins here; a backslash keeps the quote inside.
fn behind_text(rest: &str, quote: char) -> Option<&str> {
    let mut is_escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        match c {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            c if c == quote => return rest.get(at + 1..),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn text_numbers_comments_and_constants_name_no_field() {
        let formula = r#"IF(A__c = "B__c \" C__c", 1.5e, TRUE) /* D__c */ & 'E__c' && ns__F__c"#;
        let wanted =
            [Word::Function("IF"), Word::Path("A__c"), Word::Path("e"), Word::Path("ns__F__c")];
        assert_eq!(words(formula), Ok(wanted.to_vec()));
        let spaced = words("TODAY () - Owner:User.Name").unwrap();
        assert_eq!(spaced, [Word::Function("TODAY"), Word::Path("Owner:User.Name")]);
    }

    #[test]
    fn text_that_is_no_formula_is_refused_at_its_place() {
        for (formula, at, reason) in [
            ("A & \"b", 5, "text is not closed"),
            ("é", 1, "character that no formula holds"),
            ("1 /* x", 3, "comment is not closed"),
            ("A # B", 3, "character that no formula holds"),
        ] {
            assert_eq!(words(formula), Err(FormulaError { at, reason }), "{formula}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_cut_or_refused(formula in any::<String>()) {
            let _ = words(&formula);
        }

        #[test]
        fn formula_like_text_is_cut_or_refused(formula in r#"[A-Za-z_$.:("'\\/*+, 0-9)]{0,40}"#) {
            for word in words(&formula).unwrap_or_default() {
                let (Word::Function(text) | Word::Path(text)) = word;
                prop_assert!(!text.is_empty() && formula.contains(text));
            }
        }
    }
}
