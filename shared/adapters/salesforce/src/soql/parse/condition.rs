//! Conditions and the values in them.

use shared::time::Timestamp;

use super::super::condition::{
    Comparison, Condition, Group, Inclusion, Membership, Operand, PicklistSet,
};
use super::super::date::{Date, RelativeWord};
use super::super::literal::{Literal, unescape};
use super::super::name::FieldPath;
use super::super::number::{Money, Number};
use super::super::pattern::Pattern;
use super::error::ParseError;
use super::lexer::Token;
use super::parser::Parser;

const BAD_ESCAPE: &str = "text in quotes whose backslashes begin an escape that SOQL knows";

impl Parser<'_> {
    /// Reads conditions that are joined by one word.
    pub(super) fn condition(&mut self) -> Result<Condition, ParseError> {
        let first = self.single()?;
        for (word, other) in [("AND", "OR"), ("OR", "AND")] {
            if !self.keyword(word) {
                continue;
            }
            let mut group = Group::new(first, self.single()?);
            while self.keyword(word) {
                group.push(self.single()?);
            }
            if self.is_keyword(other) {
                return Err(self.unexpected("parentheses where AND and OR meet"));
            }
            return Ok(if word == "AND" { Condition::All(group) } else { Condition::Any(group) });
        }
        Ok(first)
    }

    fn single(&mut self) -> Result<Condition, ParseError> {
        if self.keyword("NOT") {
            return self.nested(|parser| Ok(!parser.single()?));
        }
        if self.sign("(") {
            return self.nested(|parser| {
                let inner = parser.condition()?;
                parser.need_sign(")")?;
                Ok(inner)
            });
        }
        match self.operand()? {
            Operand::Field(field) => self.behind_field(field),
            operand => self.compared(operand),
        }
    }

    fn behind_field(&mut self, field: FieldPath) -> Result<Condition, ParseError> {
        if self.keyword("NOT") {
            if !self.keyword("IN") {
                return Err(self.unexpected("`IN` (write `(NOT … LIKE …)` for other operators)"));
            }
            self.listed(field, Membership::NotIn)
        } else if self.keyword("IN") {
            self.listed(field, Membership::In)
        } else if self.keyword("INCLUDES") {
            self.sets(field, Inclusion::Includes)
        } else if self.keyword("EXCLUDES") {
            self.sets(field, Inclusion::Excludes)
        } else {
            self.compared(Operand::Field(field))
        }
    }

    fn compared(&mut self, operand: Operand) -> Result<Condition, ParseError> {
        if self.keyword("LIKE") {
            let Token::Text(raw) = self.token else {
                return Err(self.unexpected("a pattern in quotes"));
            };
            let pattern = Pattern::read(raw).ok_or_else(|| self.unexpected(BAD_ESCAPE))?;
            self.advance();
            return Ok(Condition::Like(operand, pattern));
        }
        let comparison = match self.token {
            Token::Sign("=") => Comparison::Equal,
            Token::Sign("!=" | "<>") => Comparison::NotEqual,
            Token::Sign("<") => Comparison::Less,
            Token::Sign("<=") => Comparison::LessOrEqual,
            Token::Sign(">") => Comparison::Greater,
            Token::Sign(">=") => Comparison::GreaterOrEqual,
            _ => return Err(self.unexpected("an operator")),
        };
        self.advance();
        Ok(Condition::Compare(operand, comparison, self.literal()?))
    }

    fn listed(
        &mut self,
        field: FieldPath,
        membership: Membership,
    ) -> Result<Condition, ParseError> {
        self.need_sign("(")?;
        let condition = if self.is_keyword("SELECT") {
            Condition::MemberOf(field, membership, Box::new(self.query()?))
        } else {
            Condition::Member(field, membership, self.list(Self::literal)?)
        };
        self.need_sign(")")?;
        Ok(condition)
    }

    fn sets(&mut self, field: FieldPath, inclusion: Inclusion) -> Result<Condition, ParseError> {
        self.need_sign("(")?;
        let sets = self.list(|parser| {
            let Token::Text(raw) = parser.token else {
                return Err(parser.unexpected("picklist values in quotes"));
            };
            let text = unescaped(raw).ok_or_else(|| parser.unexpected(BAD_ESCAPE))?;
            let set = PicklistSet::new(text.split(';'))
                .map_err(|_| parser.unexpected("picklist values in quotes, parted by `;`"))?;
            parser.advance();
            Ok(set)
        })?;
        self.need_sign(")")?;
        Ok(Condition::Picklist(field, inclusion, sets))
    }

    fn literal(&mut self) -> Result<Literal, ParseError> {
        let literal = match self.token {
            Token::Text(raw) => {
                Literal::Text(unescaped(raw).ok_or_else(|| self.unexpected(BAD_ESCAPE))?)
            }
            Token::Number(raw) => number(raw).ok_or_else(|| {
                self.unexpected("a number, a day or an instant, such as `2026-01-31T10:00:00Z`")
            })?,
            Token::Word(word) => match RelativeWord::find(word) {
                Some(RelativeWord::Counting(unit, complete)) => {
                    self.advance();
                    self.need_sign(":")?;
                    return Ok(Literal::Relative(complete(unit, self.count()?)));
                }
                Some(RelativeWord::Whole(date)) => Literal::Relative(date),
                None => named(word).ok_or_else(|| self.unexpected("a value"))?,
            },
            _ => return Err(self.unexpected("a value")),
        };
        self.advance();
        Ok(literal)
    }
}

fn named(word: &str) -> Option<Literal> {
    if word.eq_ignore_ascii_case("null") {
        Some(Literal::Null)
    } else if word.eq_ignore_ascii_case("true") {
        Some(Literal::Bool(true))
    } else if word.eq_ignore_ascii_case("false") {
        Some(Literal::Bool(false))
    } else {
        Money::parse(word).map(Literal::Money)
    }
}

fn number(raw: &str) -> Option<Literal> {
    if raw.as_bytes().get(4) != Some(&b'-') {
        return Number::parse(raw).ok().map(Literal::Number);
    }
    if raw.contains('T') {
        return Timestamp::parse(raw).ok().map(Literal::Instant);
    }
    Date::parse(raw).ok().map(Literal::Date)
}

fn unescaped(raw: &str) -> Option<String> {
    let mut text = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(at) = rest.find('\\') {
        let (plain, escape) = rest.split_at(at);
        text.push_str(plain);
        let mut characters = escape.get(1..)?.chars();
        text.push(unescape(&mut characters)?);
        rest = characters.as_str();
    }
    text.push_str(rest);
    Some(text)
}
