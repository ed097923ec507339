//! Cuts a statement into words, one at a time.

/// One word of a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Token<'a> {
    /// A name, a keyword, or names joined by dots.
    Word(&'a str),
    /// What stands between two quotes, not yet unescaped.
    Text(&'a str),
    /// A number, a day or an instant.
    Number(&'a str),
    /// A sign.
    Sign(&'static str),
    /// A character that begins no word of SOQL.
    Stray(char),
    /// A quote that nothing closes.
    OpenText,
    /// The end of the statement.
    End,
}

const SIGNS: &[&str] = &["!=", "<>", "<=", ">=", "=", "<", ">", "(", ")", ",", ":"];

/// Reads the word at or behind the byte `from`; returns it with its beginning and its end.
pub(super) fn next(text: &str, from: usize) -> (Token<'_>, usize, usize) {
    let rest = text.get(from..).unwrap_or_default();
    let trimmed = rest.trim_start();
    let at = from + (rest.len() - trimmed.len());
    let Some(first) = trimmed.chars().next() else { return (Token::End, at, at) };
    let (token, length) = match first {
        '\'' => quoted(trimmed),
        '0'..='9' | '-' | '+' => {
            let word = taken(trimmed, |c| c.is_ascii_alphanumeric() || "+-.:".contains(c));
            (Token::Number(word), word.len())
        }
        'a'..='z' | 'A'..='Z' => {
            let word = taken(trimmed, |c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.'));
            (Token::Word(word), word.len())
        }
        _ => match SIGNS.iter().find(|sign| trimmed.starts_with(**sign)) {
            Some(sign) => (Token::Sign(sign), sign.len()),
            None => (Token::Stray(first), first.len_utf8()),
        },
    };
    (token, at, at + length)
}

fn taken(text: &str, belongs: impl Fn(char) -> bool) -> &str {
    let end = text.find(|c| !belongs(c)).unwrap_or(text.len());
    text.get(..end).unwrap_or_default()
}

fn quoted(text: &str) -> (Token<'_>, usize) {
    let mut is_escaped = false;
    for (at, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = true,
            b'\'' => return (Token::Text(text.get(1..at).unwrap_or_default()), at + 1),
            _ => {}
        }
    }
    (Token::OpenText, text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(text: &str) -> Vec<Token<'_>> {
        let mut tokens = Vec::new();
        let mut from = 0;
        loop {
            let (token, _, end) = next(text, from);
            tokens.push(token);
            if token == Token::End {
                return tokens;
            }
            from = end;
        }
    }

    #[test]
    fn statement_is_cut_where_its_words_end() {
        assert_eq!(
            cut(" a.B__c>=-1.5\n!='x\\'y' , é ;"),
            [
                Token::Word("a.B__c"),
                Token::Sign(">="),
                Token::Number("-1.5"),
                Token::Sign("!="),
                Token::Text("x\\'y"),
                Token::Sign(","),
                Token::Stray('é'),
                Token::Stray(';'),
                Token::End,
            ]
        );
        assert_eq!(cut("'a\\'"), [Token::OpenText, Token::End]);
    }
}
