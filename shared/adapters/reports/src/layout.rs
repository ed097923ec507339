//! What stands where on which page. Points are counted from the upper left corner.

use shared::reports::{Anchor, Chart, Fact, Mark, Plot, plot};

use crate::fonts::{Fonts, Weight};

/// A4, in points. Source: ISO 216.
pub(crate) const PAGE: (f32, f32) = (595.28, 841.89);
/// What is left free at each side.
pub(crate) const MARGIN: f32 = 48.0;
/// How wide the text is.
pub(crate) const WIDTH: f32 = PAGE.0 - 2.0 * MARGIN;
/// Where the text ends.
pub(crate) const BOTTOM: f32 = PAGE.1 - MARGIN - 14.0;

/// Red, green, blue.
pub(crate) type Colour = (u8, u8, u8);

pub(crate) const BLACK: Colour = (34, 34, 34);
pub(crate) const GREY: Colour = (85, 85, 85);
pub(crate) const RULE: Colour = (205, 205, 205);

/// How a word is written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Hand {
    pub(crate) size: f32,
    pub(crate) weight: Weight,
    pub(crate) colour: Colour,
}

impl Hand {
    pub(crate) const TITLE: Self = Self { size: 20.0, weight: Weight::Bold, colour: BLACK };
    pub(crate) const HEAD: Self = Self { size: 12.0, weight: Weight::Bold, colour: BLACK };
    pub(crate) const TEXT: Self = Self { size: 9.0, weight: Weight::Regular, colour: BLACK };
    pub(crate) const STRONG: Self = Self { size: 9.0, weight: Weight::Bold, colour: BLACK };
    pub(crate) const VALUE: Self = Self { size: 11.0, weight: Weight::Bold, colour: BLACK };
    pub(crate) const QUIET: Self = Self { size: 8.0, weight: Weight::Regular, colour: GREY };

    /// Returns the height of a line.
    pub(crate) fn line(self) -> f32 {
        self.size * 1.35
    }
}

/// One thing on a page.
pub(crate) enum Item {
    Word { x: f32, y: f32, text: String, hand: Hand },
    Area { x: f32, y: f32, width: f32, height: f32, colour: Colour },
    Line { points: Vec<(f32, f32)>, width: f32, colour: Colour },
}

/// Pages that are being filled, from above.
pub(crate) struct Pages<'a> {
    pub(crate) fonts: &'a Fonts,
    pub(crate) pages: Vec<Vec<Item>>,
    pub(crate) y: f32,
}

impl<'a> Pages<'a> {
    /// Begins with an empty page.
    pub(crate) fn new(fonts: &'a Fonts) -> Self {
        Self { fonts, pages: vec![Vec::new()], y: MARGIN }
    }

    pub(crate) fn put(&mut self, item: Item) {
        if let Some(page) = self.pages.last_mut() {
            page.push(item);
        }
    }

    /// Begins another page unless `height` has room on this one; says whether it did.
    pub(crate) fn make_room(&mut self, height: f32) -> bool {
        let is_full = self.y + height > BOTTOM && self.y > MARGIN;
        if is_full {
            self.pages.push(Vec::new());
            self.y = MARGIN;
        }
        is_full
    }

    /// Writes `text` over the whole width.
    pub(crate) fn paragraph(&mut self, text: &str, hand: Hand) {
        for line in self.fonts.face(hand.weight).lines(text, hand.size, WIDTH) {
            self.make_room(hand.line());
            self.y += hand.line();
            self.put(Item::Word { x: MARGIN, y: self.y - hand.size * 0.3, text: line, hand });
        }
    }

    /// Writes what the next part is called, with room for `height` of it below.
    pub(crate) fn heading(&mut self, text: &str, height: f32) {
        let lines = self.fonts.face(Hand::HEAD.weight).lines(text, Hand::HEAD.size, WIDTH);
        let above = if self.y > MARGIN { 16.0 } else { 0.0 };
        let n_lines = u16::try_from(lines.len()).unwrap_or(u16::MAX);
        self.make_room(above + f32::from(n_lines) * Hand::HEAD.line() + height);
        if self.y > MARGIN {
            self.y += above;
        }
        self.paragraph(text, Hand::HEAD);
        self.y += 4.0;
    }

    /// Tells facts, two beside each other.
    pub(crate) fn facts(&mut self, facts: &[Fact]) {
        let width = WIDTH / 2.0 - 8.0;
        for pair in facts.chunks(2) {
            let blocks: Vec<_> = pair.iter().map(|it| self.fact(it, width)).collect();
            let height =
                blocks.iter().map(|it| it.iter().map(|(_, hand)| hand.line()).sum::<f32>());
            let height = height.fold(0.0, f32::max);
            self.make_room(height + 6.0);
            let top = self.y;
            for (block, x) in blocks.into_iter().zip([MARGIN, MARGIN + WIDTH / 2.0 + 8.0]) {
                let mut y = top;
                for (text, hand) in block {
                    y += hand.line();
                    self.put(Item::Word { x, y: y - hand.size * 0.3, text, hand });
                }
            }
            self.y = top + height + 6.0;
        }
    }

    /// Breaks a fact into lines; one that would fill a page is cut.
    fn fact(&self, fact: &Fact, width: f32) -> Vec<(String, Hand)> {
        let mut lines = Vec::new();
        let parts = [
            (Some(&fact.name), Hand::QUIET),
            (Some(&fact.value), Hand::VALUE),
            (fact.detail.as_ref(), Hand::QUIET),
        ];
        for (text, hand) in parts {
            let Some(text) = text else { continue };
            let face = self.fonts.face(hand.weight);
            lines.extend(cut(face.lines(text, hand.size, width)).into_iter().map(|it| (it, hand)));
        }
        lines
    }

    /// Draws a chart.
    pub(crate) fn chart(&mut self, chart: &Chart) {
        let Plot { width, height, marks } = plot(chart);
        let scale = WIDTH / width;
        self.heading(&chart.title, height * scale);
        let top = self.y;
        let at = |x: f32, y: f32| (MARGIN + x * scale, top + y * scale);
        for mark in marks {
            match mark {
                Mark::Area { x, y, width, height, ink } => {
                    let ((x, y), colour) = (at(x, y), ink.rgb());
                    let (width, height) = (width * scale, height * scale);
                    self.put(Item::Area { x, y, width, height, colour });
                }
                Mark::Line { points, width, ink } => {
                    let points = points.into_iter().map(|(x, y)| at(x, y)).collect();
                    let (width, colour) = (width * scale, ink.rgb());
                    self.put(Item::Line { points, width, colour });
                }
                Mark::Word { x, y, text, size, anchor } => {
                    let (hand, (x, y)) = (Hand { size: size * scale, ..Hand::QUIET }, at(x, y));
                    let wide = self.fonts.face(hand.weight).width(&text, hand.size);
                    let x = match anchor {
                        Anchor::Start => x,
                        Anchor::Middle => x - wide / 2.0,
                        Anchor::End => x - wide,
                    };
                    self.put(Item::Word { x, y, text, hand });
                }
            }
        }
        self.y = top + height * scale;
    }

    /// Writes under each page when it was made, and which it is.
    pub(crate) fn number(&mut self, made_at: &str) {
        let (n_pages, y) = (self.pages.len(), PAGE.1 - MARGIN);
        let hand = Hand::QUIET;
        for (idx, page) in self.pages.iter_mut().enumerate() {
            let text = format!("{} / {n_pages}", idx + 1);
            let wide = self.fonts.face(hand.weight).width(&text, hand.size);
            page.push(Item::Word { x: MARGIN, y, text: made_at.to_owned(), hand });
            page.push(Item::Word { x: MARGIN + WIDTH - wide, y, text, hand });
        }
    }
}

/// The most lines of one value: what is longer would fill a page.
const MAX_LINES: usize = 40;

/// Cuts a value that has too many lines.
pub(crate) fn cut(mut lines: Vec<String>) -> Vec<String> {
    if lines.len() > MAX_LINES {
        lines.truncate(MAX_LINES);
        lines.push("…".to_owned());
    }
    lines
}
