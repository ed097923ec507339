//! Reads a query.

use super::ast::{Comparison, Condition, Function, Item, Literal, Name, Operand, OrderKey, Query};
use super::error::SoqlError;
use super::lexer::{Spot, Token, cut};

/// Longest statement, in characters. Source: SOQL limits.
const MAX_LENGTH: usize = 100_000;

/// Words that end a list or begin a clause, so they are no alias.
const RESERVED: &[&str] = &[
    "and", "asc", "desc", "excludes", "first", "for", "from", "group", "having", "in", "includes",
    "last", "like", "limit", "not", "null", "nulls", "offset", "or", "order", "select", "update",
    "using", "where", "with",
];

/// Reads `text`.
pub(super) fn parse(text: &str) -> Result<Query, SoqlError> {
    if text.chars().count() > MAX_LENGTH {
        return Err(SoqlError::whole(
            "MALFORMED_QUERY",
            "SOQL statements cannot be longer than 100000 characters.",
        ));
    }
    let mut parser = Parser { text, spots: cut(text)?, idx: 0 };
    let query = parser.query()?;
    match parser.peek() {
        Token::End => Ok(query),
        _ => Err(parser.unexpected()),
    }
}

struct Parser<'a> {
    text: &'a str,
    spots: Vec<Spot>,
    idx: usize,
}

impl Parser<'_> {
    fn peek(&self) -> &Token {
        self.spots.get(self.idx).map_or(&Token::End, |spot| &spot.token)
    }

    fn at(&self) -> usize {
        self.spots.get(self.idx).map_or(self.text.len(), |spot| spot.at)
    }

    fn next_is_symbol(&self, symbol: &str) -> bool {
        self.spots
            .get(self.idx + 1)
            .is_some_and(|spot| matches!(spot.token, Token::Symbol(s) if s == symbol))
    }

    fn unexpected(&self) -> SoqlError {
        let shown = match self.peek() {
            Token::End => "<EOF>".to_owned(),
            Token::Word(word) => word.clone(),
            Token::Symbol(symbol) => (*symbol).to_owned(),
            Token::Literal(Literal::Text(text)) => format!("'{text}'"),
            Token::Literal(_) => {
                let rest = self.text.get(self.at()..).unwrap_or_default();
                rest.split([' ', ',', ')']).next().unwrap_or_default().to_owned()
            }
        };
        let reason = format!("unexpected token: '{shown}'");
        SoqlError::at("MALFORMED_QUERY", self.text, self.at(), &reason)
    }

    fn keyword(&mut self, keyword: &str) -> bool {
        let found = matches!(self.peek(), Token::Word(word) if word.eq_ignore_ascii_case(keyword));
        self.idx += usize::from(found);
        found
    }

    fn symbol(&mut self, symbol: &str) -> bool {
        let found = matches!(self.peek(), Token::Symbol(known) if *known == symbol);
        self.idx += usize::from(found);
        found
    }

    fn need(&mut self, found: bool) -> Result<(), SoqlError> {
        if found { Ok(()) } else { Err(self.unexpected()) }
    }

    fn need_keyword(&mut self, keyword: &str) -> Result<(), SoqlError> {
        let found = self.keyword(keyword);
        self.need(found)
    }

    fn need_symbol(&mut self, symbol: &str) -> Result<(), SoqlError> {
        let found = self.symbol(symbol);
        self.need(found)
    }

    fn name(&mut self) -> Result<Name, SoqlError> {
        let at = self.at();
        match self.peek() {
            Token::Word(word) if !is_reserved(word) => {
                let text = word.clone();
                self.idx += 1;
                Ok(Name { text, at })
            }
            _ => Err(self.unexpected()),
        }
    }

    fn alias(&mut self) -> Option<String> {
        match self.peek() {
            Token::Word(word) if !is_reserved(word) => {
                let alias = word.clone();
                self.idx += 1;
                Some(alias)
            }
            _ => None,
        }
    }

    fn query(&mut self) -> Result<Query, SoqlError> {
        self.need_keyword("SELECT")?;
        let mut items = vec![self.item()?];
        while self.symbol(",") {
            items.push(self.item()?);
        }
        self.need_keyword("FROM")?;
        let object = self.name()?;
        let alias = self.alias();
        let mut query = Query {
            items,
            object,
            alias,
            condition: None,
            group_by: Vec::new(),
            having: None,
            order_by: Vec::new(),
            limit: None,
            offset: 0,
        };
        self.clauses(&mut query)?;
        Ok(query)
    }

    fn clauses(&mut self, query: &mut Query) -> Result<(), SoqlError> {
        if self.keyword("USING") {
            self.need_keyword("SCOPE")?;
            self.name()?;
        }
        if self.keyword("WHERE") {
            query.condition = Some(self.condition()?);
        }
        if self.keyword("WITH") {
            self.name()?;
        }
        if self.keyword("GROUP") {
            self.need_keyword("BY")?;
            query.group_by.push(self.name()?);
            while self.symbol(",") {
                query.group_by.push(self.name()?);
            }
        }
        if self.keyword("HAVING") {
            query.having = Some(self.condition()?);
        }
        if self.keyword("ORDER") {
            self.need_keyword("BY")?;
            query.order_by.push(self.order_key()?);
            while self.symbol(",") {
                query.order_by.push(self.order_key()?);
            }
        }
        if self.keyword("LIMIT") {
            query.limit = Some(self.count()?);
        }
        if self.keyword("OFFSET") {
            query.offset = self.count()?;
        }
        while self.keyword("FOR") || self.keyword("UPDATE") {
            let found = ["VIEW", "REFERENCE", "UPDATE", "TRACKING", "VIEWSTAT"]
                .iter()
                .any(|word| self.keyword(word));
            self.need(found)?;
        }
        Ok(())
    }

    fn count(&mut self) -> Result<usize, SoqlError> {
        match self.peek() {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "checked whole and positive"
            )]
            Token::Literal(Literal::Number(number)) if *number >= 0.0 && number.fract() == 0.0 => {
                let count = *number as usize;
                self.idx += 1;
                Ok(count)
            }
            _ => Err(self.unexpected()),
        }
    }

    fn item(&mut self) -> Result<Item, SoqlError> {
        if self.symbol("(") {
            let query = self.query()?;
            self.need_symbol(")")?;
            return Ok(Item::Children(Box::new(query)));
        }
        if !self.next_is_symbol("(") {
            return Ok(Item::Field(self.name()?));
        }
        let function = self.name()?;
        self.need_symbol("(")?;
        let item = match function.text.to_ascii_uppercase().as_str() {
            "COUNT" if self.symbol(")") => return Ok(Item::CountRows),
            "FIELDS" => {
                Item::AllFields { which: self.name()?.text.to_ascii_uppercase(), at: function.at }
            }
            "TOLABEL" | "FORMAT" => Item::Field(self.name()?),
            _ => match Function::named(&function.text) {
                Some(kind) => Item::Aggregate { function: kind, field: self.name()?, alias: None },
                None => return Err(self.unexpected()),
            },
        };
        self.need_symbol(")")?;
        Ok(match item {
            Item::Aggregate { function, field, .. } => {
                Item::Aggregate { function, field, alias: self.alias() }
            }
            other => other,
        })
    }

    fn operand(&mut self) -> Result<Operand, SoqlError> {
        let name = self.name()?;
        if !self.symbol("(") {
            return Ok(Operand::Field(name));
        }
        let Some(function) = Function::named(&name.text) else { return Err(self.unexpected()) };
        let field = if matches!(self.peek(), Token::Symbol(")")) {
            Name { text: "Id".to_owned(), at: name.at }
        } else {
            self.name()?
        };
        self.need_symbol(")")?;
        Ok(Operand::Aggregate(function, field))
    }

    fn order_key(&mut self) -> Result<OrderKey, SoqlError> {
        let operand = self.operand()?;
        let descending = if self.keyword("ASC") { false } else { self.keyword("DESC") };
        let mut nulls_last = false;
        if self.keyword("NULLS") {
            nulls_last = self.keyword("LAST");
            if !nulls_last {
                self.need_keyword("FIRST")?;
            }
        }
        Ok(OrderKey { operand, descending, nulls_last })
    }

    fn condition(&mut self) -> Result<Condition, SoqlError> {
        let first = self.single()?;
        for (word, other) in [("AND", "OR"), ("OR", "AND")] {
            if !self.keyword(word) {
                continue;
            }
            let mut all = vec![first, self.single()?];
            while self.keyword(word) {
                all.push(self.single()?);
            }
            // Mixing the two without parentheses is an error on the platform.
            if matches!(self.peek(), Token::Word(next) if next.eq_ignore_ascii_case(other)) {
                return Err(self.unexpected());
            }
            return Ok(if word == "AND" { Condition::And(all) } else { Condition::Or(all) });
        }
        Ok(first)
    }

    fn single(&mut self) -> Result<Condition, SoqlError> {
        if self.keyword("NOT") {
            return Ok(Condition::Not(Box::new(self.single()?)));
        }
        if self.symbol("(") {
            let inner = self.condition()?;
            self.need_symbol(")")?;
            return Ok(inner);
        }
        let operand = self.operand()?;
        let negated = matches!(self.peek(), Token::Word(word) if word.eq_ignore_ascii_case("NOT"));
        self.idx += usize::from(negated);
        if self.keyword("IN") {
            return self.list(operand, negated);
        }
        if negated {
            return Err(self.unexpected());
        }
        if let Operand::Field(field) = &operand {
            let includes = self.keyword("INCLUDES");
            if includes || self.keyword("EXCLUDES") {
                return self.sets(field.clone(), !includes);
            }
        }
        let comparison = self.comparison()?;
        Ok(Condition::Compare { operand, comparison, literal: self.literal()? })
    }

    fn comparison(&mut self) -> Result<Comparison, SoqlError> {
        if self.keyword("LIKE") {
            return Ok(Comparison::Like);
        }
        let comparison = match self.peek() {
            Token::Symbol("=") => Comparison::Equal,
            Token::Symbol("!=" | "<>") => Comparison::NotEqual,
            Token::Symbol("<") => Comparison::Less,
            Token::Symbol("<=") => Comparison::LessOrEqual,
            Token::Symbol(">") => Comparison::Greater,
            Token::Symbol(">=") => Comparison::GreaterOrEqual,
            _ => return Err(self.unexpected()),
        };
        self.idx += 1;
        Ok(comparison)
    }

    fn list(&mut self, operand: Operand, negated: bool) -> Result<Condition, SoqlError> {
        let Operand::Field(field) = operand else { return Err(self.unexpected()) };
        self.need_symbol("(")?;
        if matches!(self.peek(), Token::Word(word) if word.eq_ignore_ascii_case("SELECT")) {
            let query = Box::new(self.query()?);
            self.need_symbol(")")?;
            return Ok(Condition::InQuery { field, query, negated });
        }
        let mut literals = vec![self.literal()?];
        while self.symbol(",") {
            literals.push(self.literal()?);
        }
        self.need_symbol(")")?;
        Ok(Condition::In { field, literals, negated })
    }

    fn sets(&mut self, field: Name, negated: bool) -> Result<Condition, SoqlError> {
        self.need_symbol("(")?;
        let mut sets = Vec::new();
        loop {
            match self.literal()? {
                Literal::Text(text) => sets.push(text),
                _ => return Err(self.unexpected()),
            }
            if !self.symbol(",") {
                break;
            }
        }
        self.need_symbol(")")?;
        Ok(Condition::Includes { field, sets, negated })
    }

    fn literal(&mut self) -> Result<Literal, SoqlError> {
        let literal = match self.peek() {
            Token::Literal(literal) => literal.clone(),
            Token::Word(word) if super::literal::is_relative(word) => {
                Literal::Relative { word: word.to_ascii_uppercase(), count: None }
            }
            _ => return Err(self.unexpected()),
        };
        self.idx += 1;
        match literal {
            Literal::Relative { word, .. } if super::literal::takes_count(&word) => {
                self.need_symbol(":")?;
                let count = i64::try_from(self.count()?).unwrap_or(i64::MAX);
                Ok(Literal::Relative { word, count: Some(count) })
            }
            other => Ok(other),
        }
    }
}

fn is_reserved(word: &str) -> bool {
    RESERVED.iter().any(|reserved| reserved.eq_ignore_ascii_case(word))
}
