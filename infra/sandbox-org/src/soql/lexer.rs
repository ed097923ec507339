//! Cuts a query into words.

use super::ast::Literal;
use super::error::SoqlError;
use crate::org::parse_instant;

/// Stands for an escaped `%` inside a string until LIKE reads it.
pub(super) const ESCAPED_PERCENT: char = '\u{E000}';
/// Stands for an escaped `_`.
pub(super) const ESCAPED_UNDERSCORE: char = '\u{E001}';

/// One word.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token {
    Word(String),
    Literal(Literal),
    Symbol(&'static str),
    End,
}

/// A word and where it begins.
#[derive(Clone, Debug)]
pub(super) struct Spot {
    pub(super) token: Token,
    pub(super) at: usize,
}

const SYMBOLS: &[&str] = &["!=", "<>", "<=", ">=", "=", "<", ">", "(", ")", ",", ":"];

/// Cuts `query` into words; the last one is `End`.
pub(super) fn cut(query: &str) -> Result<Vec<Spot>, SoqlError> {
    let mut spots = Vec::new();
    let mut at = 0;
    while let Some(rest) = query.get(at..) {
        let Some(first) = rest.chars().next() else { break };
        if first.is_whitespace() {
            at += first.len_utf8();
            continue;
        }
        let (token, length) = if first == '\'' {
            string(query, at)?
        } else if first.is_ascii_digit() || first == '-' {
            number(query, at)?
        } else if first.is_ascii_alphabetic() {
            word(rest)
        } else if let Some(symbol) = SYMBOLS.iter().find(|symbol| rest.starts_with(**symbol)) {
            (Token::Symbol(symbol), symbol.len())
        } else {
            let reason = format!("line 1:{at} no viable alternative at character '{first}'");
            return Err(SoqlError::at("MALFORMED_QUERY", query, at, &reason));
        };
        spots.push(Spot { token, at });
        at += length;
    }
    spots.push(Spot { token: Token::End, at: query.len() });
    Ok(spots)
}

fn word(rest: &str) -> (Token, usize) {
    let length = rest
        .find(|ch: char| !(ch.is_ascii_alphanumeric() || ch == '_' || ch == '.'))
        .unwrap_or(rest.len());
    let text = rest.get(..length).unwrap_or_default();
    let token = match text.to_ascii_lowercase().as_str() {
        "null" => Token::Literal(Literal::Null),
        "true" => Token::Literal(Literal::Bool(true)),
        "false" => Token::Literal(Literal::Bool(false)),
        _ => Token::Word(text.to_owned()),
    };
    (token, length)
}

fn number(query: &str, at: usize) -> Result<(Token, usize), SoqlError> {
    let rest = query.get(at..).unwrap_or_default();
    let length = rest
        .find(|ch: char| !(ch.is_ascii_alphanumeric() || "+-.:".contains(ch)))
        .unwrap_or(rest.len());
    let text = rest.get(..length).unwrap_or_default();
    let is_date = text.get(4..5) == Some("-");
    let literal = if is_date && text.contains('T') {
        parse_instant(text).map(Literal::Instant)
    } else if is_date {
        text.parse::<chrono::NaiveDate>().ok().and_then(|date| {
            let days = date.signed_duration_since(chrono::NaiveDate::default()).num_days();
            i32::try_from(days).ok().map(Literal::Date)
        })
    } else {
        text.parse().ok().map(Literal::Number)
    };
    literal.map(|literal| (Token::Literal(literal), length)).ok_or_else(|| {
        SoqlError::at("MALFORMED_QUERY", query, at, &format!("unexpected token: '{text}'"))
    })
}

fn string(query: &str, at: usize) -> Result<(Token, usize), SoqlError> {
    let body = query.get(at + 1..).unwrap_or_default();
    let mut text = String::new();
    let mut chars = body.char_indices();
    while let Some((offset, ch)) = chars.next() {
        match ch {
            '\'' => return Ok((Token::Literal(Literal::Text(text)), offset + 2)),
            '\\' => {
                let escaped = chars.next().map(|(_, ch)| ch);
                let plain = match escaped {
                    Some('n' | 'N') => '\n',
                    Some('r' | 'R') => '\r',
                    Some('t' | 'T') => '\t',
                    Some('b' | 'B') => '\u{7}',
                    Some('f' | 'F') => '\u{c}',
                    Some('"') => '"',
                    Some('\'') => '\'',
                    Some('\\') => '\\',
                    Some('%') => ESCAPED_PERCENT,
                    Some('_') => ESCAPED_UNDERSCORE,
                    Some('u' | 'U') => {
                        unicode(&mut chars).ok_or_else(|| bad(query, at + 1 + offset))?
                    }
                    _ => return Err(bad(query, at + 1 + offset)),
                };
                text.push(plain);
            }
            other => text.push(other),
        }
    }
    Err(SoqlError::at("MALFORMED_QUERY", query, at, "unexpected token: '<EOF>'"))
}

fn unicode(chars: &mut std::str::CharIndices<'_>) -> Option<char> {
    let digits: String = chars.by_ref().take(4).map(|(_, ch)| ch).collect();
    char::from_u32(u32::from_str_radix(&digits, 16).ok()?)
}

fn bad(query: &str, at: usize) -> SoqlError {
    SoqlError::at(
        "MALFORMED_QUERY",
        query,
        at,
        "Invalid string literal. Illegal character sequence",
    )
}
