//! What a column of a pipeline holds.

use std::fmt;

use serde::{Serialize, Serializer};

/// The most digits of a [`ColumnKind::Decimal`]. Source: Apache Arrow columnar format, `Decimal128`.
const MAX_PRECISION: u8 = 38;

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnKind {
    /// Text.
    Text,
    /// True or false.
    Bool,
    /// A whole number of 64 bits.
    Long,
    /// A number of 64 bits with a fraction.
    Float,
    /// A number with an exact fraction, such as money.
    Decimal {
        /// Digits in all, 1 to 38.
        precision: u8,
        /// Digits behind the point, at most `precision`.
        scale: u8,
    },
    /// A day.
    Date,
    /// An instant in UTC, in milliseconds.
    Instant,
}

impl ColumnKind {
    /// What may be written for a kind.
    pub const FORMS: &str = "`text`, `bool`, `long`, `float`, `decimal(18,2)`, `date` or `instant`";

    /// Reads a kind; `None` when it is none of [`FORMS`](Self::FORMS).
    pub fn parse(raw: &str) -> Option<Self> {
        Some(match raw.trim() {
            "text" => Self::Text,
            "bool" => Self::Bool,
            "long" => Self::Long,
            "float" => Self::Float,
            "date" => Self::Date,
            "instant" => Self::Instant,
            other => {
                let digits = other.strip_prefix("decimal(")?.strip_suffix(')')?;
                let (precision, scale) = digits.split_once(',')?;
                let precision = precision.trim().parse().ok()?;
                let scale = scale.trim().parse().ok()?;
                let is_possible = (1..=MAX_PRECISION).contains(&precision) && scale <= precision;
                return is_possible.then_some(Self::Decimal { precision, scale });
            }
        })
    }

    /// Tells whether values of this kind are numbers.
    pub const fn is_number(self) -> bool {
        matches!(self, Self::Long | Self::Float | Self::Decimal { .. })
    }
}

impl fmt::Display for ColumnKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Text => "text",
            Self::Bool => "bool",
            Self::Long => "long",
            Self::Float => "float",
            Self::Date => "date",
            Self::Instant => "instant",
            Self::Decimal { precision, scale } => return write!(f, "decimal({precision},{scale})"),
        })
    }
}

impl Serialize for ColumnKind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// How values of a column are written as text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ValueFormat {
    /// As the kind is usually written: `true`, `1234.5`, `2026-01-31`, RFC 3339.
    #[default]
    Usual,
    /// A date or an instant in the signs of `strftime`, such as `%d.%m.%Y`; without an offset it is in
    /// UTC.
    Pattern(String),
    /// A number such as `1,234.50`.
    CommaGroups,
    /// A number such as `1.234,50`.
    CommaPoint,
    /// The word for true and the word for false, in any case.
    Words(String, String),
}

impl ValueFormat {
    /// Reads the format of values of `kind`.
    ///
    /// # Errors
    ///
    /// What to write instead.
    pub fn parse(kind: ColumnKind, raw: &str) -> Result<Self, String> {
        match kind {
            ColumnKind::Date | ColumnKind::Instant if is_pattern(raw) => {
                Ok(Self::Pattern(raw.to_owned()))
            }
            ColumnKind::Date | ColumnKind::Instant => {
                Err(format!("`{raw}` is no pattern of dates: write such as `%d.%m.%Y`"))
            }
            ColumnKind::Float | ColumnKind::Long | ColumnKind::Decimal { .. } => match raw {
                "1,234.50" => Ok(Self::CommaGroups),
                "1.234,50" => Ok(Self::CommaPoint),
                _ => Err(format!("`{raw}` is no form of numbers: write `1,234.50` or `1.234,50`")),
            },
            ColumnKind::Bool => match raw.split_once('/') {
                Some((yes, no)) if !yes.is_empty() && !no.is_empty() && yes != no => {
                    Ok(Self::Words(yes.to_lowercase(), no.to_lowercase()))
                }
                _ => Err(format!("`{raw}` is no pair of words: write such as `yes/no`")),
            },
            ColumnKind::Text => Err("text has no format: leave it out".to_owned()),
        }
    }
}

/// Tells whether `raw` is understood, and names a day.
fn is_pattern(raw: &str) -> bool {
    use chrono::format::{Item, StrftimeItems};
    raw.contains('%') && !StrftimeItems::new(raw).any(|it| matches!(it, Item::Error))
}

/// A column of a source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceColumn {
    /// What the steps call it.
    pub name: String,
    /// What the file calls it.
    pub from: String,
    /// What it holds.
    pub kind: ColumnKind,
    /// How its values are written in a text file.
    pub format: ValueFormat,
    /// Whether a row without a value is rejected.
    pub is_required: bool,
}

impl SourceColumn {
    /// A column of the same name in the file, whose values may be missing.
    pub fn new(name: impl Into<String>, kind: ColumnKind) -> Self {
        let name = name.into();
        let (from, format) = (name.clone(), ValueFormat::Usual);
        Self { name, from, kind, format, is_required: false }
    }

    /// Is called `from` in the file.
    #[must_use]
    pub fn with_header(self, from: impl Into<String>) -> Self {
        Self { from: from.into(), ..self }
    }

    /// Is written as `format` says.
    #[must_use]
    pub fn with_format(self, format: ValueFormat) -> Self {
        Self { format, ..self }
    }

    /// Rejects rows without a value.
    #[must_use]
    pub fn required(self) -> Self {
        Self { is_required: true, ..self }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn kind_is_read_as_it_is_shown() {
        for raw in ["text", "bool", "long", "float", "date", "instant", "decimal(18,2)"] {
            assert_eq!(ColumnKind::parse(raw).unwrap().to_string(), raw);
        }
        for raw in ["", "string", "decimal", "decimal(39,2)", "decimal(2,3)", "decimal(0,0)"] {
            assert_eq!(ColumnKind::parse(raw), None, "{raw}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_reading_a_kind_or_a_format_fail_hard(raw in ".{0,24}") {
            if let Some(kind) = ColumnKind::parse(&raw) {
                prop_assert_eq!(ColumnKind::parse(&kind.to_string()), Some(kind));
            }
            for kind in [ColumnKind::Date, ColumnKind::Float, ColumnKind::Bool, ColumnKind::Text] {
                let _ = ValueFormat::parse(kind, &raw);
            }
        }
    }

    #[test]
    fn format_fits_its_kind() {
        let parse = ValueFormat::parse;
        assert!(parse(ColumnKind::Date, "%d.%m.%Y").is_ok());
        assert!(parse(ColumnKind::Date, "dd.mm.yyyy").unwrap_err().contains("`%d.%m.%Y`"));
        assert!(parse(ColumnKind::Instant, "%Q").is_err());
        assert_eq!(parse(ColumnKind::Float, "1.234,50"), Ok(ValueFormat::CommaPoint));
        assert!(parse(ColumnKind::Long, "comma").is_err());
        assert!(
            parse(ColumnKind::Bool, "Ja/Nein").is_ok() && parse(ColumnKind::Bool, "x").is_err()
        );
    }
}
