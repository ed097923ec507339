//! Names and texts inside a statement, so that none of them can end it.

use shared::ports::warehouse::{Identifier, TableName};

/// Writes a name as a quoted identifier. Source: Snowflake, "Identifier requirements".
pub(crate) fn quoted(name: &Identifier) -> String {
    format!("\"{}\"", name.as_str().replace('"', "\"\""))
}

/// Writes the name of a table.
pub(crate) fn table(name: &TableName) -> String {
    match &name.schema {
        Some(schema) => format!("{}.{}", quoted(schema), quoted(&name.table)),
        None => quoted(&name.table),
    }
}

/// Writes a text between single quotes, where a backslash escapes too.
/// Source: Snowflake, "String and binary data types", escape sequences.
pub(crate) fn text(raw: &str) -> String {
    format!("'{}'", raw.replace('\\', "\\\\").replace('\'', "''"))
}

/// Writes `names` with `each`, parted by `between`.
pub(crate) fn list(names: &[Identifier], between: &str, each: impl Fn(&str) -> String) -> String {
    names.iter().map(|it| each(&quoted(it))).collect::<Vec<_>>().join(between)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Reads a quoted text as Snowflake does; `None` when it ends before its end.
    fn read(quoted: &str, quote: char, escapes: bool) -> Option<String> {
        let mut inside = quoted.strip_prefix(quote)?.chars().peekable();
        let mut read = String::new();
        while let Some(next) = inside.next() {
            match next {
                '\\' if escapes => read.push(inside.next()?),
                it if it == quote && inside.peek() == Some(&quote) => {
                    inside.next();
                    read.push(quote);
                }
                it if it == quote => return inside.next().is_none().then_some(read),
                it => read.push(it),
            }
        }
        None
    }

    proptest! {
        #[test]
        fn no_name_ends_its_quotes(raw in "[^\\p{Cc}]{1,60}") {
            let name = Identifier::parse(raw.as_str()).unwrap();
            prop_assert_eq!(read(&quoted(&name), '"', false), Some(raw));
        }

        #[test]
        fn no_text_ends_its_quotes(raw in "[^\\p{Cc}]{0,60}|[\\\\'\";-]{0,20}") {
            prop_assert_eq!(read(&text(&raw), '\'', true), Some(raw));
        }
    }

    #[test]
    fn table_is_quoted_part_by_part() {
        let name = |raw: &str| Identifier::parse(raw).unwrap();
        let plain = TableName::new(name("CASES"));
        assert_eq!(table(&plain), "\"CASES\"");
        let odd = TableName { schema: Some(name("a.b")), table: name("x\"; drop table y; --") };
        assert_eq!(table(&odd), "\"a.b\".\"x\"\"; drop table y; --\"");
    }
}
