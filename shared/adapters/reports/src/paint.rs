//! Pages as PDF.

use bytes::Bytes;
use krilla::Document;
use krilla::color::rgb;
use krilla::error::KrillaError;
use krilla::geom::{Path, PathBuilder, Point, Rect};
use krilla::metadata::Metadata;
use krilla::num::NormalizedF32;
use krilla::page::PageSettings;
use krilla::paint::{Fill, FillRule, Stroke};
use krilla::surface::Surface;

use crate::fonts::Fonts;
use crate::layout::{Colour, Item, PAGE};

/// Why pages cannot be painted.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotPainted {
    /// The size of the page is none.
    #[error("the page has no size")]
    NoPage,
    /// The pages are no PDF.
    #[error("the pages cannot be written: {0:?}")]
    Unwritten(KrillaError),
}

/// Paints `pages`.
pub(crate) fn paint(
    title: &str,
    fonts: &Fonts,
    pages: Vec<Vec<Item>>,
) -> Result<Bytes, NotPainted> {
    let mut document = Document::new();
    let metadata = Metadata::new().title(title.to_owned()).language("en".to_owned());
    document.set_metadata(metadata.creator("MoodBridge".to_owned()));
    for items in pages {
        let settings = PageSettings::from_wh(PAGE.0, PAGE.1).ok_or(NotPainted::NoPage)?;
        let mut page = document.start_page_with(settings);
        let mut surface = page.surface();
        for item in items {
            put(&mut surface, fonts, item);
        }
        surface.finish();
        page.finish();
    }
    document.finish().map(Bytes::from).map_err(NotPainted::Unwritten)
}

fn put(surface: &mut Surface<'_>, fonts: &Fonts, item: Item) {
    match item {
        Item::Word { x, y, text, hand } => {
            let face = fonts.face(hand.weight);
            surface.set_fill(Some(fill(hand.colour)));
            surface.set_stroke(None);
            let glyphs = face.glyphs(&text);
            let at = Point::from_xy(x, y);
            surface.draw_glyphs(at, &glyphs, face.font.clone(), &text, hand.size, false);
        }
        Item::Area { x, y, width, height, colour } => {
            let Some(path) = area(x, y, width, height) else { return };
            surface.set_fill(Some(fill(colour)));
            surface.set_stroke(None);
            surface.draw_path(&path);
        }
        Item::Line { points, width, colour } => {
            let Some(path) = line(&points) else { return };
            surface.set_fill(None);
            let paint = rgb::Color::new(colour.0, colour.1, colour.2).into();
            surface.set_stroke(Some(Stroke { paint, width, ..Stroke::default() }));
            surface.draw_path(&path);
        }
    }
}

fn fill(colour: Colour) -> Fill {
    let paint = rgb::Color::new(colour.0, colour.1, colour.2).into();
    Fill { paint, opacity: NormalizedF32::ONE, rule: FillRule::default() }
}

/// A value of nothing has no area.
fn area(x: f32, y: f32, width: f32, height: f32) -> Option<Path> {
    let mut path = PathBuilder::new();
    path.push_rect(Rect::from_xywh(x, y, width, height.max(0.3))?);
    path.finish()
}

fn line(points: &[(f32, f32)]) -> Option<Path> {
    let mut path = PathBuilder::new();
    let (first, rest) = points.split_first()?;
    path.move_to(first.0, first.1);
    for (x, y) in rest {
        path.line_to(*x, *y);
    }
    path.finish()
}
