//! Filter expressions of channel members. Source: Change Data Capture guide, "Filter your stream".

use serde_json::Value as Json;

/// Most fields of an expression.
const MAX_FIELDS: usize = 10;
/// Fields of the header that are lists, which an expression cannot name.
const LISTS: [&str; 4] = ["recordIds", "changedFields", "nulledFields", "diffFields"];
/// Largest whole number that needs no fraction written.
const MAX_INT: i64 = 2_147_483_647;

/// Why an expression is not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum FilterError {
    /// It does not read.
    #[error("The filter expression is not valid near: {near}")]
    Syntax {
        /// What could not be read.
        near: String,
    },
    /// It names a list.
    #[error("The filter expression cannot contain the field: {field}")]
    List {
        /// The field.
        field: String,
    },
    /// It names too many fields.
    #[error("The filter expression can contain {MAX_FIELDS} fields at most")]
    TooMany,
    /// A number is too large to be written without a fraction.
    #[error("The filter expression contains a number that is too large: {number}")]
    TooLarge {
        /// The number.
        number: String,
    },
}

/// What an event must fulfil.
#[derive(Clone, Debug, PartialEq)]
enum Test {
    All(Vec<Test>),
    Any(Vec<Test>),
    Not(Box<Test>),
    Compare { path: String, sign: String, value: Json },
}

/// An expression that was understood.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Filter {
    text: String,
    test: Test,
}

impl Filter {
    /// Reads an expression such as `ChangeEventHeader.commitUser != '005…' AND Status = 'New'`.
    ///
    /// # Errors
    /// It does not read, or names what it cannot.
    pub(super) fn parse(text: &str) -> Result<Self, FilterError> {
        let mut reader = Reader { words: split(text)?, at: 0 };
        let test = reader.any()?;
        if let Some(word) = reader.peek() {
            return Err(FilterError::Syntax { near: word.to_owned() });
        }
        let filter = Self { text: text.to_owned(), test };
        let fields = filter.fields();
        if let Some(field) = fields.iter().find(|field| LISTS.iter().any(|it| field.ends_with(it)))
        {
            return Err(FilterError::List { field: (*field).to_owned() });
        }
        if fields.len() > MAX_FIELDS {
            return Err(FilterError::TooMany);
        }
        Ok(filter)
    }

    /// Returns the expression as it was written.
    #[must_use]
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Returns the fields that the expression names.
    #[must_use]
    pub(super) fn fields(&self) -> Vec<&str> {
        let mut fields = Vec::new();
        collect(&self.test, &mut fields);
        fields.sort_unstable();
        fields.dedup();
        fields
    }

    /// Tells whether an event, as JSON, is delivered.
    #[must_use]
    pub(crate) fn passes(&self, event: &Json) -> bool {
        holds(&self.test, event)
    }
}

fn collect<'a>(test: &'a Test, into: &mut Vec<&'a str>) {
    match test {
        Test::All(all) | Test::Any(all) => all.iter().for_each(|one| collect(one, into)),
        Test::Not(inner) => collect(inner, into),
        Test::Compare { path, .. } => into.push(path),
    }
}

fn holds(test: &Test, event: &Json) -> bool {
    match test {
        Test::All(all) => all.iter().all(|one| holds(one, event)),
        Test::Any(any) => any.iter().any(|one| holds(one, event)),
        Test::Not(inner) => !holds(inner, event),
        Test::Compare { path, sign, value } => {
            let found = path.split('.').try_fold(event, |here, name| here.get(name));
            compare(found.unwrap_or(&Json::Null), sign, value)
        }
    }
}

fn compare(found: &Json, sign: &str, value: &Json) -> bool {
    let ordering = match (found, value) {
        (Json::Number(found), Json::Number(value)) => found.as_f64().partial_cmp(&value.as_f64()),
        (Json::String(found), Json::String(value)) => {
            // Ids are the same in their short and long form.
            let is_id = found.len() == 18 && value.len() == 15 && found.starts_with(value);
            if is_id { Some(std::cmp::Ordering::Equal) } else { Some(found.cmp(value)) }
        }
        _ => (found == value).then_some(std::cmp::Ordering::Equal),
    };
    match sign {
        "=" => ordering.is_some_and(std::cmp::Ordering::is_eq),
        "!=" => !ordering.is_some_and(std::cmp::Ordering::is_eq),
        "<" => ordering.is_some_and(std::cmp::Ordering::is_lt),
        "<=" => ordering.is_some_and(std::cmp::Ordering::is_le),
        ">" => ordering.is_some_and(std::cmp::Ordering::is_gt),
        _ => ordering.is_some_and(std::cmp::Ordering::is_ge),
    }
}

/// Splits an expression into words, signs and quoted texts, which keep their first quote.
fn split(text: &str) -> Result<Vec<String>, FilterError> {
    let mut words = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let near = || FilterError::Syntax { near: rest.chars().take(20).collect() };
        let length = match first {
            '(' | ')' => 1,
            '\'' => rest.get(1..).and_then(|rest| rest.find('\'')).ok_or_else(near)? + 2,
            '=' | '!' | '<' | '>' => rest.find(|ch| !"=!<>".contains(ch)).ok_or_else(near)?,
            _ => rest
                .find(|ch: char| ch.is_whitespace() || "=!<>()'".contains(ch))
                .unwrap_or(rest.len()),
        };
        let word = rest.get(..length).filter(|word| !word.is_empty()).ok_or_else(near)?;
        words.push(word.to_owned());
        rest = rest.get(length..).unwrap_or_default().trim_start();
    }
    Ok(words)
}

struct Reader {
    words: Vec<String>,
    at: usize,
}

impl Reader {
    fn peek(&self) -> Option<&str> {
        self.words.get(self.at).map(String::as_str)
    }

    fn take(&mut self) -> Result<String, FilterError> {
        let word = self.words.get(self.at).cloned();
        self.at += 1;
        word.ok_or_else(|| FilterError::Syntax { near: "the end".to_owned() })
    }

    fn keyword(&mut self, word: &str) -> bool {
        let found = self.peek().is_some_and(|it| it.eq_ignore_ascii_case(word));
        self.at += usize::from(found);
        found
    }

    fn any(&mut self) -> Result<Test, FilterError> {
        let mut any = vec![self.all()?];
        while self.keyword("OR") {
            any.push(self.all()?);
        }
        Ok(if any.len() == 1 { any.swap_remove(0) } else { Test::Any(any) })
    }

    fn all(&mut self) -> Result<Test, FilterError> {
        let mut all = vec![self.single()?];
        while self.keyword("AND") {
            all.push(self.single()?);
        }
        Ok(if all.len() == 1 { all.swap_remove(0) } else { Test::All(all) })
    }

    fn single(&mut self) -> Result<Test, FilterError> {
        if self.keyword("NOT") {
            return Ok(Test::Not(Box::new(self.single()?)));
        }
        if self.keyword("(") {
            let inner = self.any()?;
            return if self.keyword(")") {
                Ok(inner)
            } else {
                Err(FilterError::Syntax { near: self.take()? })
            };
        }
        let path = self.take()?;
        let is_plain = |ch: char| ch.is_ascii_alphanumeric() || ch == '_' || ch == '.';
        if !path.starts_with(|ch: char| ch.is_ascii_alphabetic()) || !path.chars().all(is_plain) {
            return Err(FilterError::Syntax { near: path });
        }
        let sign = self.take()?;
        if !["=", "!=", "<", "<=", ">", ">="].contains(&sign.as_str()) {
            return Err(FilterError::Syntax { near: sign });
        }
        Ok(Test::Compare { path, sign, value: literal(&self.take()?)? })
    }
}

/// Reads a literal; dates are none.
fn literal(word: &str) -> Result<Json, FilterError> {
    if let Some(text) = word.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\'')) {
        return Ok(Json::from(text));
    }
    match word.to_ascii_lowercase().as_str() {
        "true" => return Ok(Json::Bool(true)),
        "false" => return Ok(Json::Bool(false)),
        "null" => return Ok(Json::Null),
        _ => {}
    }
    if let Ok(number) = word.parse::<i64>() {
        if number.abs() > MAX_INT {
            return Err(FilterError::TooLarge { number: word.to_owned() });
        }
        return Ok(Json::from(number));
    }
    word.parse::<f64>().map(Json::from).map_err(|_| FilterError::Syntax { near: word.to_owned() })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn events_pass_that_fulfil_the_expression() {
        let event = json!({"ChangeEventHeader": {"commitUser": "005Mb0000000001IAA", "changeType": "UPDATE"},
                           "Status": "New", "Amount__c": 7.5});
        for (text, wanted) in [
            ("ChangeEventHeader.commitUser != '005Mb0000000001IAA'", false),
            ("ChangeEventHeader.commitUser != '005Mb0000000001'", false),
            ("ChangeEventHeader.commitUser != '005Mb0000000002AAA'", true),
            ("Status = 'New' AND Amount__c >= 7", true),
            ("Status='Old' OR (Status = 'New' AND NOT Amount__c > 8)", true),
            ("Priority = null", true),
            ("Priority != 'High'", true),
            ("Priority > 'High'", false),
        ] {
            assert_eq!(Filter::parse(text).unwrap().passes(&event), wanted, "{text}");
        }
    }

    #[test]
    fn expressions_the_platform_refuses_are_refused() {
        let many: Vec<String> = (0..11).map(|n| format!("F{n} = 1")).collect();
        for text in [
            "",
            "Status",
            "Status = ",
            "Status == 'New'",
            "Status = 'New",
            "(Status = 'New'",
            "Status = 'New' AND",
            "CreatedDate > 2026-01-01T00:00:00Z",
            "ChangeEventHeader.recordIds = '500'",
            "Amount__c = 2147483648",
            &many.join(" AND "),
        ] {
            assert!(Filter::parse(text).is_err(), "{text}");
        }
        assert!(Filter::parse("Amount__c = 2147483648.0").is_ok());
    }
}
