//! Reads decimal numbers without losing a digit.

use super::FieldValue;

/// Digits that a number may have, and places that its point may be moved by.
const MAX_DIGITS: usize = 400;

/// Reads `raw`; see [`FieldValue::decimal`].
pub(super) fn read(raw: &str) -> Option<FieldValue> {
    let raw = raw.trim();
    let number: f64 = raw.parse().ok().filter(|it: &f64| it.is_finite())?;
    let plain = plain(raw)?;
    if let Ok(whole) = plain.parse() {
        return Some(FieldValue::Int(whole));
    }
    // The shortest text that reads as the same `f64`: with other digits, some were lost.
    let is_exact = self::plain(&format!("{number:e}")).is_some_and(|it| it == plain);
    Some(if is_exact { FieldValue::number(number) } else { FieldValue::Text(plain) })
}

/// Writes a number without exponent, leading or trailing zeros; `None` when it is none.
fn plain(raw: &str) -> Option<String> {
    let (mantissa, exponent) = match raw.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
        None => (raw, 0),
    };
    let (sign, digits) = match mantissa.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", mantissa.strip_prefix('+').unwrap_or(mantissa)),
    };
    let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
    let is_number = !(whole.is_empty() && part.is_empty())
        && whole.bytes().chain(part.bytes()).all(|b| b.is_ascii_digit());
    let point = i64::try_from(whole.len()).ok()? + i64::from(exponent);
    let places = usize::try_from(point.unsigned_abs()).ok()?;
    if !is_number || whole.len() + part.len() > MAX_DIGITS || places > MAX_DIGITS {
        return None;
    }
    let mut all = format!("{whole}{part}");
    let (before, behind) = if point <= 0 {
        (String::new(), format!("{}{all}", "0".repeat(places)))
    } else {
        let missing = places.saturating_sub(all.len());
        all.push_str(&"0".repeat(missing));
        let behind = all.split_off(places);
        (all, behind)
    };
    let (before, behind) = (before.trim_start_matches('0'), behind.trim_end_matches('0'));
    let before = if before.is_empty() { "0" } else { before };
    Some(match behind {
        "" if before == "0" => "0".to_owned(),
        "" => format!("{sign}{before}"),
        behind => format!("{sign}{before}.{behind}"),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_spelling_of_a_number_is_one_value() {
        for raw in ["912260031", "9.12260031E8", "+912260031.00", "0912260031", "91226003.1e1"] {
            assert_eq!(read(raw), Some(FieldValue::Int(912_260_031)), "{raw}");
        }
        assert_eq!(read("1250.50"), Some(FieldValue::Float(1250.5)));
        assert_eq!(read("-0.0"), Some(FieldValue::Int(0)));
        assert_eq!(read("5e-3"), Some(FieldValue::Float(0.005)));
    }

    #[test]
    fn eighteen_digits_are_kept() {
        assert_eq!(read("123456789012345678"), Some(FieldValue::Int(123_456_789_012_345_678)));
        let amount = "1234567890123456.78";
        assert_eq!(read(amount), Some(FieldValue::Text(amount.to_owned())));
        assert_eq!(read("1.23456789012345678E15"), Some(FieldValue::text("1234567890123456.78")));
    }

    #[test]
    fn what_is_no_number_is_refused() {
        for raw in ["", ".", "1.2.3", "1e", "NaN", "inf", "0x10", "1 000", "1e999999999", "--1"] {
            assert_eq!(read(raw), None, "{raw}");
        }
    }

    proptest! {
        #[test]
        fn whole_and_fractional_numbers_come_back(whole: i64, part in -1e12_f64..1e12) {
            prop_assert_eq!(read(&whole.to_string()), Some(FieldValue::Int(whole)));
            prop_assert_eq!(read(&part.to_string()), Some(FieldValue::number(part)));
        }

        #[test]
        fn no_text_panics(raw in ".*") {
            let _ = read(&raw);
        }
    }
}
