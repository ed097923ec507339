//! The binary encoding of Avro, as far as events need it.
//!
//! Source: Apache Avro specification, "Binary encoding".

/// Writes values one after another.
#[derive(Debug, Default)]
pub(super) struct Writer(Vec<u8>);

impl Writer {
    /// Returns what was written.
    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    /// Writes an `int` or a `long`: folded so that small ones are short, seven bits a byte.
    pub(super) fn long(&mut self, value: i64) {
        let mut rest = ((value << 1) ^ (value >> 63)).cast_unsigned();
        while rest > 0x7f {
            self.0.push((rest & 0x7f) as u8 | 0x80);
            rest >>= 7;
        }
        self.0.push((rest & 0x7f) as u8);
    }

    /// Writes a length, a place in a union or a symbol of an enum.
    pub(super) fn count(&mut self, n: usize) {
        self.long(i64::try_from(n).unwrap_or(i64::MAX));
    }

    pub(super) fn boolean(&mut self, value: bool) {
        self.0.push(u8::from(value));
    }

    pub(super) fn double(&mut self, value: f64) {
        self.0.extend(value.to_le_bytes());
    }

    pub(super) fn text(&mut self, text: &str) {
        self.count(text.len());
        self.0.extend(text.as_bytes());
    }

    /// Writes a list of texts, in one block.
    pub(super) fn texts(&mut self, texts: &[String]) {
        if !texts.is_empty() {
            self.count(texts.len());
            for text in texts {
                self.text(text);
            }
        }
        self.count(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn examples_of_the_specification_are_written() {
        for (number, bytes) in [
            (0, &[0x00][..]),
            (-1, &[0x01]),
            (1, &[0x02]),
            (-2, &[0x03]),
            (-64, &[0x7f]),
            (64, &[0x80, 0x01]),
            (i64::MIN, &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01]),
        ] {
            let mut writer = Writer::default();
            writer.long(number);
            assert_eq!(writer.into_bytes(), bytes, "{number}");
        }
        let mut writer = Writer::default();
        writer.text("foo");
        writer.texts(&["a".into()]);
        assert_eq!(writer.into_bytes(), b"\x06foo\x02\x02a\x00");
    }
}
