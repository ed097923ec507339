//! The clauses of a statement, in their order.

use shared::ids::ObjectName;

use super::super::bounds::MAX_CHARACTERS;
use super::super::condition::{Function, Operand};
use super::super::name::{Alias, FieldPath, may_name_object};
use super::super::query::{
    AccessMode, Direction, FieldSet, Grouping, Nulls, OrderKey, Query, Recency, Scope, SelectItem,
    Source, Tracking, TypeOf,
};
use super::error::ParseError;
use super::lexer::{self, Token};

/// Deepest nesting of parentheses and queries that is read.
const MAX_NESTING: usize = 128;

/// Reads one statement.
///
/// Everything that [`Query::to_soql`] writes is read, and what `infra/sandbox-org` answers. The
/// names and bounds are not checked here.
///
/// # Errors
/// [`ParseError`] with the row and column of the first word that does not fit.
pub fn parse(soql: &str) -> Result<Query, ParseError> {
    if soql.len() > MAX_CHARACTERS && soql.chars().count() > MAX_CHARACTERS {
        let reason = format!("the statement is longer than {MAX_CHARACTERS} characters");
        return Err(ParseError { row: 1, column: 1, reason });
    }
    let mut parser = Parser::new(soql);
    let query = parser.query()?;
    match parser.token {
        Token::End => Ok(query),
        _ => Err(parser.unexpected("the end of the statement")),
    }
}

impl std::str::FromStr for Query {
    type Err = ParseError;

    fn from_str(soql: &str) -> Result<Self, ParseError> {
        parse(soql)
    }
}

/// A place in a statement, one word ahead.
pub(super) struct Parser<'a> {
    text: &'a str,
    pub(super) token: Token<'a>,
    at: usize,
    end: usize,
    depth: usize,
}

impl<'a> Parser<'a> {
    fn new(text: &'a str) -> Self {
        let (token, at, end) = lexer::next(text, 0);
        Self { text, token, at, end, depth: 0 }
    }

    pub(super) fn advance(&mut self) {
        (self.token, self.at, self.end) = lexer::next(self.text, self.end);
    }

    /// Refuses the present word, telling what was wanted in its place.
    pub(super) fn unexpected(&self, wanted: &str) -> ParseError {
        let met = match self.token {
            Token::Word(word) | Token::Number(word) => format!("`{}`", shown(word)),
            Token::Text(_) => "text in quotes".to_owned(),
            Token::Sign(sign) => format!("`{sign}`"),
            Token::Stray('"') => "`\"` (text stands in single quotes)".to_owned(),
            Token::Stray(other) => format!("`{}`", other.escape_debug()),
            Token::OpenText => "a quote that nothing closes".to_owned(),
            Token::End => "the end of the statement".to_owned(),
        };
        self.refused(format!("met {met}, wanted {wanted}"))
    }

    /// Refuses the present word.
    pub(super) fn refused(&self, reason: String) -> ParseError {
        ParseError::at(self.text, self.at, reason)
    }

    /// Goes one level deeper for `read`.
    pub(super) fn nested<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<T, ParseError>,
    ) -> Result<T, ParseError> {
        if self.depth >= MAX_NESTING {
            return Err(self.refused(format!("nested deeper than {MAX_NESTING} levels")));
        }
        self.depth += 1;
        let result = read(self);
        self.depth -= 1;
        result
    }

    pub(super) fn is_keyword(&self, keyword: &str) -> bool {
        matches!(self.token, Token::Word(word) if word.eq_ignore_ascii_case(keyword))
    }

    /// Passes over `keyword` when it comes next.
    pub(super) fn keyword(&mut self, keyword: &str) -> bool {
        let is_next = self.is_keyword(keyword);
        if is_next {
            self.advance();
        }
        is_next
    }

    /// Passes over `sign` when it comes next.
    pub(super) fn sign(&mut self, sign: &str) -> bool {
        let is_next = matches!(self.token, Token::Sign(it) if it == sign);
        if is_next {
            self.advance();
        }
        is_next
    }

    fn need_keyword(&mut self, keyword: &str) -> Result<(), ParseError> {
        if self.keyword(keyword) { Ok(()) } else { Err(self.unexpected(&format!("`{keyword}`"))) }
    }

    pub(super) fn need_sign(&mut self, sign: &str) -> Result<(), ParseError> {
        if self.sign(sign) { Ok(()) } else { Err(self.unexpected(&format!("`{sign}`"))) }
    }

    pub(super) fn list<T>(
        &mut self,
        mut read: impl FnMut(&mut Self) -> Result<T, ParseError>,
    ) -> Result<Vec<T>, ParseError> {
        let mut list = vec![read(self)?];
        while self.sign(",") {
            list.push(read(self)?);
        }
        Ok(list)
    }

    pub(super) fn field(&mut self) -> Result<FieldPath, ParseError> {
        let Token::Word(word) = self.token else { return Err(self.unexpected("a field")) };
        let field = FieldPath::parse(word).map_err(|_| self.unexpected("a field"))?;
        self.advance();
        Ok(field)
    }

    fn object(&mut self) -> Result<ObjectName, ParseError> {
        let Token::Word(word) = self.token else { return Err(self.unexpected("an object")) };
        let object = ObjectName::parse(word)
            .ok()
            .filter(|_| may_name_object(word))
            .ok_or_else(|| self.unexpected("an object"))?;
        self.advance();
        Ok(object)
    }

    fn alias(&mut self) -> Option<Alias> {
        let Token::Word(word) = self.token else { return None };
        let alias = Alias::parse(word).ok()?;
        self.advance();
        Some(alias)
    }

    /// Reads one of the words that `find` knows.
    fn one_of<T>(
        &mut self,
        wanted: &str,
        find: impl Fn(&str) -> Option<T>,
    ) -> Result<T, ParseError> {
        let found = match self.token {
            Token::Word(word) => find(word),
            _ => None,
        };
        let found = found.ok_or_else(|| self.unexpected(wanted))?;
        self.advance();
        Ok(found)
    }

    pub(super) fn count(&mut self) -> Result<u32, ParseError> {
        let wanted = "a whole number below 4,294,967,296";
        let Token::Number(digits) = self.token else { return Err(self.unexpected(wanted)) };
        if !digits.bytes().all(|b| b.is_ascii_digit()) {
            return Err(self.unexpected(wanted));
        }
        let count = digits.parse().map_err(|_| self.unexpected(wanted))?;
        self.advance();
        Ok(count)
    }

    pub(super) fn query(&mut self) -> Result<Query, ParseError> {
        self.nested(|parser| {
            parser.need_keyword("SELECT")?;
            let items = parser.list(Self::item)?;
            parser.need_keyword("FROM")?;
            let mut query = Query::new(parser.object()?, items);
            parser.aliases(&mut query.source)?;
            parser.filters(&mut query)?;
            parser.tail(&mut query)?;
            Ok(query)
        })
    }

    fn aliases(&mut self, source: &mut Source) -> Result<(), ParseError> {
        source.alias = self.alias();
        while self.sign(",") {
            let path = self.field()?;
            let alias = self.alias().ok_or_else(|| self.unexpected("an alias"))?;
            source.joined.push((path, alias));
        }
        Ok(())
    }

    fn filters(&mut self, query: &mut Query) -> Result<(), ParseError> {
        if self.keyword("USING") {
            self.need_keyword("SCOPE")?;
            query.scope = Some(self.one_of("a scope, such as `mine`", Scope::named)?);
        }
        if self.keyword("WHERE") {
            query.condition = Some(self.condition()?);
        }
        if self.keyword("WITH") {
            let wanted = "an access mode, such as `USER_MODE`";
            query.access = Some(self.one_of(wanted, AccessMode::named)?);
        }
        if self.keyword("GROUP") {
            self.need_keyword("BY")?;
            query.grouping = Some(self.grouping()?);
        }
        if self.keyword("HAVING") {
            query.having = Some(self.condition()?);
        }
        Ok(())
    }

    fn grouping(&mut self) -> Result<Grouping, ParseError> {
        let first = self.field()?;
        let subtotals: fn(Vec<FieldPath>) -> Grouping = match first.as_str() {
            word if word.eq_ignore_ascii_case("ROLLUP") => Grouping::Rollup,
            word if word.eq_ignore_ascii_case("CUBE") => Grouping::Cube,
            _ => Grouping::Fields,
        };
        let is_subtotal = !matches!(subtotals(Vec::new()), Grouping::Fields(_));
        if is_subtotal && self.sign("(") {
            let fields = self.list(Self::field)?;
            self.need_sign(")")?;
            return Ok(subtotals(fields));
        }
        let mut fields = vec![first];
        while self.sign(",") {
            fields.push(self.field()?);
        }
        Ok(Grouping::Fields(fields))
    }

    fn tail(&mut self, query: &mut Query) -> Result<(), ParseError> {
        if self.keyword("ORDER") {
            self.need_keyword("BY")?;
            query.order = self.list(Self::order_key)?;
        }
        if self.keyword("LIMIT") {
            query.limit = Some(self.count()?);
        }
        if self.keyword("OFFSET") {
            query.offset = Some(self.count()?);
        }
        loop {
            if self.keyword("FOR") {
                self.reading_for(query)?;
            } else if query.tracking.is_none() && self.keyword("UPDATE") {
                query.tracking = Some(self.one_of("`TRACKING` or `VIEWSTAT`", |word| {
                    match word.to_ascii_uppercase().as_str() {
                        "TRACKING" => Some(Tracking::Tracking),
                        "VIEWSTAT" => Some(Tracking::ViewStat),
                        _ => None,
                    }
                })?);
            } else {
                return Ok(());
            }
        }
    }

    fn reading_for(&mut self, query: &mut Query) -> Result<(), ParseError> {
        if !query.is_locking && self.keyword("UPDATE") {
            query.is_locking = true;
        } else if query.recency.is_none() && self.keyword("VIEW") {
            query.recency = Some(Recency::View);
        } else if query.recency.is_none() && self.keyword("REFERENCE") {
            query.recency = Some(Recency::Reference);
        } else {
            return Err(self.unexpected("`VIEW`, `REFERENCE` or `UPDATE`, each once"));
        }
        Ok(())
    }

    fn item(&mut self) -> Result<SelectItem, ParseError> {
        if self.sign("(") {
            let children = self.query()?;
            self.need_sign(")")?;
            return Ok(SelectItem::Children(Box::new(children)));
        }
        if self.keyword("TYPEOF") {
            return self.type_of();
        }
        let field = self.field()?;
        if !self.sign("(") {
            return Ok(SelectItem::Field(field));
        }
        let name = field.as_str();
        let item = if name.eq_ignore_ascii_case("FIELDS") {
            SelectItem::Fields(self.one_of("`ALL`, `STANDARD` or `CUSTOM`", FieldSet::named)?)
        } else if name.eq_ignore_ascii_case("toLabel") {
            SelectItem::Label(self.field()?)
        } else if name.eq_ignore_ascii_case("FORMAT") {
            SelectItem::Formatted(self.field()?)
        } else {
            let function = self.function(name)?;
            if function == Function::Count && self.sign(")") {
                return Ok(SelectItem::CountRecords);
            }
            let argument = self.field()?;
            self.need_sign(")")?;
            return Ok(SelectItem::Aggregate(function, argument, self.alias()));
        };
        self.need_sign(")")?;
        Ok(item)
    }

    fn function(&self, name: &str) -> Result<Function, ParseError> {
        Function::named(name)
            .ok_or_else(|| self.refused(format!("`{}` is no function of SOQL", shown(name))))
    }

    fn type_of(&mut self) -> Result<SelectItem, ParseError> {
        let relationship = self.field()?;
        let mut type_of = TypeOf { relationship, cases: Vec::new(), otherwise: Vec::new() };
        while self.keyword("WHEN") {
            let object = self.object()?;
            self.need_keyword("THEN")?;
            type_of.cases.push((object, self.list(Self::field)?));
        }
        if type_of.cases.is_empty() {
            return Err(self.unexpected("`WHEN`"));
        }
        if self.keyword("ELSE") {
            type_of.otherwise = self.list(Self::field)?;
        }
        self.need_keyword("END")?;
        Ok(SelectItem::TypeOf(type_of))
    }

    pub(super) fn operand(&mut self) -> Result<Operand, ParseError> {
        let field = self.field()?;
        if !self.sign("(") {
            return Ok(Operand::Field(field));
        }
        let function = self.function(field.as_str())?;
        let argument = self.field()?;
        self.need_sign(")")?;
        Ok(Operand::Aggregate(function, argument))
    }

    fn order_key(&mut self) -> Result<OrderKey, ParseError> {
        let mut key = OrderKey::ascending(self.operand()?);
        if !self.keyword("ASC") && self.keyword("DESC") {
            key.direction = Direction::Descending;
        }
        if self.keyword("NULLS") {
            key.nulls = Some(self.one_of("`FIRST` or `LAST`", |word| {
                match word.to_ascii_uppercase().as_str() {
                    "FIRST" => Some(Nulls::First),
                    "LAST" => Some(Nulls::Last),
                    _ => None,
                }
            })?);
        }
        Ok(key)
    }
}

/// Cuts a word that a message repeats.
fn shown(word: &str) -> String {
    word.chars().take(60).collect()
}
