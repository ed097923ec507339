//! Reads decimal numbers exactly, in plain and in scientific notation.
//!
//! Bulk results write `912260031` as `9.12260031E8`, and numbers have up to 18 digits, more than a
//! float holds: whole ones are read digit by digit.

/// A number as a field can hold it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Number {
    /// Whole, and no digit is lost.
    Whole(i64),
    /// With a fraction, or beyond what `Whole` holds.
    Part(f64),
}

/// Reads `[-]digits[.digits][E[-]digits]`; `None` when it is none.
pub(crate) fn read_number(text: &str) -> Option<Number> {
    let (is_negative, digits) = match text.as_bytes() {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        rest => (false, rest),
    };
    let mut decimal = Decimal::default();
    decimal.take(digits)?;
    let whole = decimal.whole().map(|it| if is_negative { -it } else { it });
    match whole.and_then(|it| i64::try_from(it).ok()) {
        Some(whole) => Some(Number::Whole(whole)),
        None => read_float(text),
    }
}

/// Reads what is not whole, or too long for a whole number.
fn read_float(text: &str) -> Option<Number> {
    // Rust also reads words such as `inf` and `nan`, which no field holds.
    let is_number = text.bytes().all(|b| b.is_ascii_digit() || b"+-.eE".contains(&b));
    let value = text.parse::<f64>().ok().filter(|it| is_number && it.is_finite())?;
    Some(Number::Part(value))
}

/// The most digits that a mantissa holds whatever they are.
const MAX_DIGITS: usize = 38;

/// The digits of a number and where its point stands.
#[derive(Default)]
struct Decimal {
    mantissa: i128,
    n_digits: usize,
    /// Powers of ten that the mantissa is to be multiplied with.
    exponent: i32,
}

impl Decimal {
    /// Takes the whole of a number without its sign.
    fn take(&mut self, bytes: &[u8]) -> Option<()> {
        let mut rest = self.take_run(bytes);
        if let [b'.', fraction @ ..] = rest {
            let n_before = self.n_digits;
            rest = self.take_run(fraction);
            self.exponent = -i32::try_from(self.n_digits - n_before).ok()?;
        }
        if self.n_digits == 0 {
            return None;
        }
        match rest {
            [] => Some(()),
            [b'e' | b'E', power @ ..] => {
                let digits = power.strip_prefix(b"-").or(power.strip_prefix(b"+"));
                let is_plain = digits.unwrap_or(power).iter().all(u8::is_ascii_digit);
                let power: i32 =
                    std::str::from_utf8(power).ok()?.parse().ok().filter(|_| is_plain)?;
                self.exponent = self.exponent.checked_add(power)?;
                Some(())
            }
            _ => None,
        }
    }

    /// Takes digits; beyond what the mantissa holds they only count.
    fn take_run<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let n_run = bytes.iter().take_while(|it| it.is_ascii_digit()).count();
        let (run, rest) = bytes.split_at(n_run);
        self.n_digits += n_run;
        if self.n_digits <= MAX_DIGITS {
            let push = |sum: i128, digit: &u8| sum * 10 + i128::from(digit - b'0');
            self.mantissa = run.iter().fold(self.mantissa, push);
        }
        rest
    }

    /// Returns the whole number this is, when it is one and nothing is lost.
    fn whole(&self) -> Option<i128> {
        if self.n_digits > MAX_DIGITS {
            return None;
        }
        if self.mantissa == 0 {
            return Some(0);
        }
        match self.exponent {
            0 => Some(self.mantissa),
            1.. => self.mantissa.checked_mul(10_i128.checked_pow(self.exponent.unsigned_abs())?),
            _ => {
                let power = 10_i128.checked_pow(self.exponent.unsigned_abs())?;
                (self.mantissa % power == 0).then_some(self.mantissa / power)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn number_in_scientific_notation_equals_the_plain_one() {
        for (text, wanted) in [
            ("9.12260031E8", 912_260_031),
            ("5.0E7", 50_000_000),
            ("50000.00", 50_000),
            ("-0.0", 0),
            ("1.23456789012345678E17", 123_456_789_012_345_678),
            ("999999999999999999", 999_999_999_999_999_999),
            ("-999999999999999999.0", -999_999_999_999_999_999),
            ("1200e-2", 12),
            ("0E400", 0),
        ] {
            assert_eq!(read_number(text), Some(Number::Whole(wanted)), "{text}");
        }
    }

    #[test]
    fn fraction_and_too_large_a_number_are_floats() {
        for (text, wanted) in [
            ("0.1", 0.1),
            ("-12.5E-1", -1.25),
            ("1E30", 1e30),
            ("12345678901234567890", 1.234_567_890_123_456_8e19),
        ] {
            assert_eq!(read_number(text), Some(Number::Part(wanted)), "{text}");
        }
    }

    #[test]
    fn text_is_no_number() {
        for text in
            ["", "-", ".", "1.2.3", "NaN", "inf", "infinity", "1e", "1e+", "0x10", "1 ", "１"]
        {
            assert_eq!(read_number(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn every_whole_number_comes_back(whole: i64) {
            prop_assert_eq!(read_number(&whole.to_string()), Some(Number::Whole(whole)));
            let wanted = Number::Whole(whole / 100);
            let decimal = format!("{}.00", whole / 100);
            prop_assert_eq!(read_number(&decimal), Some(wanted));
        }

        #[test]
        fn float_is_read_as_rust_reads_it(part: f64) {
            prop_assume!(part.is_finite());
            let read = read_number(&format!("{part:E}"));
            let is_equal = match read {
                Some(Number::Whole(whole)) => whole.to_string().parse::<f64>() == Ok(part),
                Some(Number::Part(read)) => read.to_bits() == part.to_bits(),
                None => false,
            };
            prop_assert!(is_equal, "{part:E}: {read:?}");
        }
    }
}
