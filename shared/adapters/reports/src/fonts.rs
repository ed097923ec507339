//! The letters of printed reports, and how wide they are. See `fonts/README.md`.

use krilla::text::{Font, GlyphId, KrillaGlyph};
use skrifa::instance::{LocationRef, Size};
use skrifa::{FontRef, MetadataProvider as _};

const REGULAR: &[u8] = include_bytes!("../fonts/DejaVuSans.ttf");
const BOLD: &[u8] = include_bytes!("../fonts/DejaVuSans-Bold.ttf");

/// Stands for a letter that the font does not have.
const UNKNOWN: char = '\u{FFFD}';

/// A font that cannot be read: a fault of this build, which a test keeps out.
#[derive(Debug, thiserror::Error)]
#[error("the font of reports cannot be read")]
pub(crate) struct BadFont;

/// Which of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Weight {
    /// For text.
    Regular,
    /// For what stands out.
    Bold,
}

/// Both weights.
pub(crate) struct Fonts {
    regular: Face,
    bold: Face,
}

impl Fonts {
    /// Reads them.
    pub(crate) fn read() -> Result<Self, BadFont> {
        Ok(Self { regular: Face::read(REGULAR)?, bold: Face::read(BOLD)? })
    }

    /// Returns the one of this weight.
    pub(crate) fn face(&self, weight: Weight) -> &Face {
        match weight {
            Weight::Regular => &self.regular,
            Weight::Bold => &self.bold,
        }
    }
}

/// One font.
pub(crate) struct Face {
    pub(crate) font: Font,
    letters: FontRef<'static>,
    units_per_em: f32,
}

impl Face {
    fn read(bytes: &'static [u8]) -> Result<Self, BadFont> {
        let font = Font::new(bytes.into(), 0).ok_or(BadFont)?;
        let letters = FontRef::new(bytes).map_err(|_| BadFont)?;
        let units_per_em = font.units_per_em();
        Ok(Self { font, letters, units_per_em })
    }

    /// Returns each letter of `text` with its place and its width, as a share of the size.
    pub(crate) fn glyphs(&self, text: &str) -> Vec<KrillaGlyph> {
        let (charmap, metrics) = (
            self.letters.charmap(),
            self.letters.glyph_metrics(Size::unscaled(), LocationRef::default()),
        );
        let glyph = |(from, letter): (usize, char)| {
            let found = charmap.map(letter).or_else(|| charmap.map(UNKNOWN)).unwrap_or_default();
            let width = metrics.advance_width(found).unwrap_or_default() / self.units_per_em;
            let range = from..from + letter.len_utf8();
            KrillaGlyph {
                glyph_id: GlyphId::new(found.to_u32()),
                text_range: range,
                x_advance: width,
                x_offset: 0.0,
                y_offset: 0.0,
                y_advance: 0.0,
                location: None,
            }
        };
        text.char_indices().map(glyph).collect()
    }

    /// Returns how wide `text` is in letters of `size`.
    pub(crate) fn width(&self, text: &str, size: f32) -> f32 {
        self.glyphs(text).iter().map(|it| it.x_advance * size).sum()
    }

    /// Breaks `text` into lines that are at most `width` wide: between words, or within one that is
    /// wider.
    pub(crate) fn lines(&self, text: &str, size: f32, width: f32) -> Vec<String> {
        let mut lines = vec![String::new()];
        let mut used = 0.0;
        let space = self.width(" ", size);
        for word in text.split(|c: char| c.is_whitespace() || c.is_control()) {
            let wide = self.width(word, size);
            let gap = if used > 0.0 { space } else { 0.0 };
            if word.is_empty() {
                continue;
            }
            if used + gap + wide <= width {
                if let Some(line) = lines.last_mut() {
                    if gap > 0.0 {
                        line.push(' ');
                    }
                    line.push_str(word);
                }
                used += gap + wide;
                continue;
            }
            if used > 0.0 {
                lines.push(String::new());
                used = 0.0;
            }
            for letter in word.chars() {
                let wide = self.width(letter.encode_utf8(&mut [0; 4]), size);
                if used > 0.0 && used + wide > width {
                    lines.push(String::new());
                    used = 0.0;
                }
                if let Some(line) = lines.last_mut() {
                    line.push(letter);
                }
                used += wide;
            }
        }
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_of_latin_greek_and_cyrillic_are_there() {
        let fonts = Fonts::read().unwrap();
        for weight in [Weight::Regular, Weight::Bold] {
            let face = fonts.face(weight);
            let unknown = face.glyphs("\u{FFFD}")[0].glyph_id.to_u32();
            assert_ne!(unknown, 0);
            for letter in "AzÄéłřşŐñßΩάЖїҐ€–…„“’№".chars() {
                let text = letter.to_string();
                let glyph = &face.glyphs(&text)[0];
                assert_ne!(glyph.glyph_id.to_u32(), unknown, "{letter}");
                assert!(glyph.x_advance > 0.1, "{letter}");
            }
            assert_eq!(face.glyphs("字")[0].glyph_id.to_u32(), unknown);
        }
    }

    #[test]
    fn text_is_broken_between_words_and_loses_none() {
        let fonts = Fonts::read().unwrap();
        let face = fonts.face(Weight::Regular);
        let text = "Doe v. Roe, an appeal against Donaudampfschifffahrtsgesellschaftskapitän";
        let lines = face.lines(text, 10.0, 90.0);
        assert!(
            lines.len() > 2 && lines.iter().all(|it| face.width(it, 10.0) <= 90.0),
            "{lines:?}"
        );
        let squeezed = |it: &str| it.replace(' ', "");
        assert_eq!(squeezed(&lines.concat()), squeezed(text));
        assert_eq!(face.lines("", 10.0, 90.0), [""]);
    }
}
