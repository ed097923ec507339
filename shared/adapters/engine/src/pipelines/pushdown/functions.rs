//! The functions that give in Snowflake what they give here, and how they are called there.

use datafusion_common::ScalarValue;
use datafusion_expr::Expr;
use shared::etl::ColumnKind;

use super::expression::{Translator, behind};
use super::sql::{Sql, text, type_name};

/// Functions of one text that have the same name and meaning but for the name.
const OF_TEXT: &[(&str, &str)] =
    &[("btrim", "TRIM"), ("character_length", "LENGTH"), ("lower", "LOWER"), ("upper", "UPPER")];
/// Functions of two texts.
const OF_TEXTS: &[(&str, &str)] =
    &[("contains", "CONTAINS"), ("ends_with", "ENDSWITH"), ("starts_with", "STARTSWITH")];
/// Parts of a date or an instant that are the same whatever a session is set to.
const PARTS: &[&str] = &["year", "quarter", "month", "day", "hour", "minute"];

/// The names that are known, for messages.
const KNOWN: &str = "`abs`, `btrim`, `character_length`, `coalesce`, `contains`, `date_part`, \
                     `date_trunc`, `ends_with`, `left`, `lower`, `nullif`, `regexp_like`, \
                     `replace`, `right`, `starts_with`, `substr`, `trim`, `upper`";

/// Translates a call.
///
/// # Errors
///
/// That it is not among the functions that are the same there.
pub(super) fn call(to: &mut Translator<'_>, name: &str, args: &[Expr]) -> Result<Sql, String> {
    let of = |table: &[(&str, &'static str)]| table.iter().find(|it| it.0 == name).map(|it| it.1);
    match (name, args) {
        ("coalesce", args) => coalesce(to, args),
        ("regexp_like", [value, pattern]) => matched(to, value, pattern),
        (_, [one]) if of(OF_TEXT).is_some() => {
            if matches!(name, "lower" | "upper") {
                to.notes.insert(format!(
                    "`{name}` is that of Snowflake, which may leave letters as they are that become \
                     several here, such as `ß`"
                ));
            }
            simple(to, of(OF_TEXT).unwrap_or_default(), [one])
        }
        (_, [one, two]) if of(OF_TEXTS).is_some() => {
            simple(to, of(OF_TEXTS).unwrap_or_default(), [one, two])
        }
        ("nullif", [one, two]) => simple(to, "NULLIF", [one, two]),
        ("abs", [one])
            if matches!(to.kind(one)?, ColumnKind::Decimal { .. } | ColumnKind::Float) =>
        {
            simple(to, "ABS", [one])
        }
        ("left" | "right", [value, n]) if whole(n).is_some_and(|it| it >= 0) => {
            simple(to, if name == "left" { "LEFT" } else { "RIGHT" }, [value, n])
        }
        ("substr" | "substring", [value, from]) if whole(from).is_some_and(|it| it >= 1) => {
            simple(to, "SUBSTR", [value, from])
        }
        ("substr" | "substring", [value, from, n])
            if whole(from).is_some_and(|it| it >= 1) && whole(n).is_some_and(|it| it >= 0) =>
        {
            simple(to, "SUBSTR", [value, from, n])
        }
        ("replace", [value, from, with]) if words(from).is_some_and(|it| !it.is_empty()) => {
            simple(to, "REPLACE", [value, from, with])
        }
        ("date_trunc", [part, value]) => {
            let part = part_of(part)?;
            let Sql { text: value, faults } = to.expression(value)?;
            let text = format!(
                "DATE_TRUNC('{part}', CAST({value} AS {}))",
                type_name(ColumnKind::Instant)
            );
            Ok(Sql { text, faults })
        }
        ("date_part", [part, value]) => {
            let (part, kind) = (part_of(part)?, to.kind(value)?);
            if kind == ColumnKind::Date && matches!(part, "hour" | "minute") {
                return Err("a date has no time of day".to_owned());
            }
            let Sql { text: value, faults } = to.expression(value)?;
            Ok(Sql { text: format!("DATE_PART('{part}', {value})"), faults })
        }
        (name, _) => Err(format!(
            "`{name}` with these arguments is not among the functions that give the same there: {KNOWN}"
        )),
    }
}

fn simple<'e>(
    to: &mut Translator<'_>,
    name: &str,
    args: impl IntoIterator<Item = &'e Expr>,
) -> Result<Sql, String> {
    let (texts, faults) = to.all(args)?;
    Ok(Sql { text: format!("{name}({})", texts.join(", ")), faults })
}

/// The first value that there is; those behind it are not worked out.
fn coalesce(to: &mut Translator<'_>, args: &[Expr]) -> Result<Sql, String> {
    let (mut texts, mut faults, mut before) = (Vec::new(), Vec::new(), Vec::new());
    for arg in args {
        let sql = to.expression(arg)?;
        faults.extend(sql.faults.iter().map(|it| behind(&before, it)));
        before.push(format!("{} IS NULL", sql.text));
        texts.push(sql.text);
    }
    Ok(Sql { text: format!("COALESCE({})", texts.join(", ")), faults })
}

/// Translates a match. That of Snowflake is of the whole text, and its patterns are others: those are
/// taken that begin and end with the text and have only what both know.
pub(super) fn matched(
    to: &mut Translator<'_>,
    value: &Expr,
    pattern: &Expr,
) -> Result<Sql, String> {
    let fault = || {
        "only patterns that begin with `^`, end with `$` and have classes, groups and numbers of times \
         are matched alike there: no `.`, no `\\`, no `|` outside of a group"
            .to_owned()
    };
    let pattern = words(pattern).ok_or_else(fault)?;
    let inner = pattern.strip_prefix('^').and_then(|it| it.strip_suffix('$')).ok_or_else(fault)?;
    if !is_plain(inner) {
        return Err(fault());
    }
    let Sql { text: value, faults } = to.expression(value)?;
    Ok(Sql { text: format!("REGEXP_LIKE({value}, {})", text(pattern)), faults })
}

/// Tells whether a pattern means the same to every engine.
fn is_plain(pattern: &str) -> bool {
    let (mut depth, mut in_class, mut last) = (0_i32, false, ' ');
    for it in pattern.chars() {
        let is_good = match it {
            '\\' => false,
            '[' if in_class => true,
            '[' => {
                in_class = true;
                true
            }
            // `[:space:]` ends with a bracket that does not end the class.
            ']' if in_class => {
                in_class = last == ':';
                true
            }
            '.' | '^' | '$' => in_class,
            '|' => in_class || depth > 0,
            '(' if !in_class => {
                depth += 1;
                true
            }
            ')' if !in_class => {
                depth -= 1;
                depth >= 0
            }
            // Neither lazy nor possessive, and no group of a kind of its own.
            '?' | '+' => in_class || !matches!(last, '+' | '*' | '?' | '(' | '}'),
            _ => it.is_ascii() && !it.is_ascii_control(),
        };
        if !is_good {
            return false;
        }
        // What ends `[:space:]` is looked at once.
        last = if it == ']' { ' ' } else { it };
    }
    depth == 0 && !in_class
}

/// Returns a whole number that stands there.
fn whole(it: &Expr) -> Option<i64> {
    match it {
        Expr::Literal(ScalarValue::Int64(value), _) => *value,
        _ => None,
    }
}

/// Returns a text that stands there.
fn words(it: &Expr) -> Option<&str> {
    match it {
        Expr::Literal(value, _) => value.try_as_str().flatten(),
        _ => None,
    }
}

fn part_of(it: &Expr) -> Result<&'static str, String> {
    let given = words(it).map(str::to_lowercase).unwrap_or_default();
    PARTS.iter().find(|it| **it == given).copied().ok_or_else(|| {
        format!(
            "the part `{given}` hangs on settings of a session: write one of `{}`",
            PARTS.join("`, `")
        )
    })
}

#[cfg(test)]
mod tests {
    use super::is_plain;

    #[test]
    fn pattern_is_plain_when_every_engine_reads_it_alike() {
        for pattern in [
            "[0-9A-Za-z]{15}([0-9A-Z]{3})?",
            "[^@[:space:]]+@[^@[:space:].]+([.][^@[:space:].]+)+",
            "https?://[^[:space:]/]+(/[^[:space:]]*)?",
            "(open|closed)",
        ] {
            assert!(is_plain(pattern), "{pattern}");
        }
        for pattern in ["a.b", "a|b", "a\\d", "a+?", "(?i)a", "a)b(", "[a", "é", "a*+", "^a"] {
            assert!(!is_plain(pattern), "{pattern}");
        }
    }
}
