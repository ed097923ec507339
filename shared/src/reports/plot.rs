//! Where the lines, areas and words of a chart stand, for pages and for print alike.

use super::document::{Chart, ChartKind, shown_number};

/// The width of every plot.
const WIDTH: f32 = 640.0;
/// Its height, without the names of series.
const HEIGHT: f32 = 240.0;
/// What is left free for the scale.
const LEFT: f32 = 56.0;
/// What is left free at the other side.
const RIGHT: f32 = 12.0;
/// What is left free for labels.
const BELOW: f32 = 26.0;
/// What is left free above.
const ABOVE: f32 = 10.0;
/// The height of a line of names.
const NAMES: f32 = 18.0;
/// The size of letters.
const SIZE: f32 = 11.0;
/// About how wide a letter is, as a share of its size.
const LETTER: f32 = 0.62;
/// Lines of the scale, at most.
const N_TICKS: f64 = 5.0;
/// The longest label, in letters.
const MAX_LABEL: usize = 14;
/// The longest name of a series, in letters.
const MAX_NAME: usize = 28;
/// Colours that are told from each other by whoever sees few. Source: Okabe and Ito, "Color Universal
/// Design".
const COLOURS: [(u8, u8, u8); 8] = [
    (0, 114, 178),
    (213, 94, 0),
    (0, 158, 115),
    (204, 121, 167),
    (86, 180, 233),
    (230, 159, 0),
    (94, 60, 153),
    (90, 90, 90),
];

/// What something is drawn with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ink {
    /// Words.
    Words,
    /// The scale.
    Scale,
    /// The series of this place.
    Series(usize),
}

impl Ink {
    /// Returns its colour: red, green, blue.
    pub fn rgb(self) -> (u8, u8, u8) {
        match self {
            Self::Words => (51, 51, 51),
            Self::Scale => (216, 216, 216),
            Self::Series(idx) => COLOURS.get(idx % COLOURS.len()).copied().unwrap_or((0, 0, 0)),
        }
    }
}

/// Where a word stands from its point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Anchor {
    /// It begins there.
    Start,
    /// Its middle is there.
    Middle,
    /// It ends there.
    End,
}

/// One thing that is drawn. Points are counted from the upper left corner.
#[derive(Clone, Debug, PartialEq)]
pub enum Mark {
    /// An area with right angles.
    Area {
        /// Its left side.
        x: f32,
        /// Its upper side.
        y: f32,
        /// Its width.
        width: f32,
        /// Its height.
        height: f32,
        /// Its colour.
        ink: Ink,
    },
    /// A line through two points or more.
    Line {
        /// The points.
        points: Vec<(f32, f32)>,
        /// How thick it is.
        width: f32,
        /// Its colour.
        ink: Ink,
    },
    /// A word.
    Word {
        /// Where it stands.
        x: f32,
        /// The line it stands on.
        y: f32,
        /// What it says.
        text: String,
        /// How large it is.
        size: f32,
        /// How it stands there.
        anchor: Anchor,
    },
}

/// A chart, laid out.
#[derive(Clone, Debug, PartialEq)]
pub struct Plot {
    /// Its width.
    pub width: f32,
    /// Its height.
    pub height: f32,
    /// What is drawn, in order.
    pub marks: Vec<Mark>,
}

/// What stands between the smallest and the largest value.
struct Scale {
    low: f64,
    high: f64,
    step: f64,
    top: f32,
    bottom: f32,
}

impl Scale {
    fn of(chart: &Chart, top: f32, bottom: f32) -> Self {
        let values = chart.series.iter().flat_map(|it| it.values.iter().flatten().copied());
        let values = values.filter(|it| it.is_finite());
        let (low, high) =
            values.fold((0.0_f64, 0.0_f64), |(low, high), it| (low.min(it), high.max(it)));
        let high = if high > low { high } else { low + 1.0 };
        let step = step((high - low) / N_TICKS);
        let (low, high) = ((low / step).floor() * step, (high / step).ceil() * step);
        Self { low, high, step, top, bottom }
    }

    #[expect(clippy::cast_possible_truncation, reason = "a share of a few hundred points")]
    fn at(&self, value: f64) -> f32 {
        let share = ((value - self.low) / (self.high - self.low)) as f32;
        self.bottom - share * (self.bottom - self.top)
    }

    fn ticks(&self) -> impl Iterator<Item = f64> {
        let (low, step, high) = (self.low, self.step, self.high);
        (0..=20_u8)
            .map(move |it| low + f64::from(it) * step)
            .take_while(move |it| *it <= high + step / 2.0)
    }
}

/// Returns 1, 2 or 5 times a power of ten, not less than `raw`.
fn step(raw: f64) -> f64 {
    let power = 10.0_f64.powf(raw.log10().floor());
    let found = [1.0, 2.0, 5.0, 10.0].into_iter().find(|it| it * power >= raw * 0.999_999);
    // Cases, rows and days are counted by the whole: half a case is none.
    (found.unwrap_or(10.0) * power).max(if raw < 0.2 { 0.1 } else { 1.0 })
}

/// Lays `chart` out.
pub fn plot(chart: &Chart) -> Plot {
    let mut marks = Vec::new();
    let n_name_lines = if chart.series.len() > 1 { names(chart, &mut marks) } else { 0 };
    let above = ABOVE + small(n_name_lines) * NAMES;
    let height = HEIGHT + small(n_name_lines) * NAMES;
    let scale = Scale::of(chart, above, height - BELOW);
    for tick in scale.ticks() {
        let y = scale.at(tick);
        let points = vec![(LEFT, y), (WIDTH - RIGHT, y)];
        marks.push(Mark::Line { points, width: 1.0, ink: Ink::Scale });
        let (x, text) = (LEFT - 6.0, shown_number(tick));
        marks.push(Mark::Word { x, y: y + SIZE / 3.0, text, size: SIZE, anchor: Anchor::End });
    }
    let n = chart.labels.len().max(1);
    let place = (WIDTH - LEFT - RIGHT) / small(n);
    labels(chart, place, height - BELOW + 16.0, &mut marks);
    match chart.kind {
        ChartKind::Bar => bars(chart, &scale, place, &mut marks),
        ChartKind::Line => lines(chart, &scale, place, &mut marks),
    }
    Plot { width: WIDTH, height, marks }
}

#[expect(clippy::cast_precision_loss, reason = "places of a chart are few")]
fn small(count: usize) -> f32 {
    count as f32
}

fn cut(text: &str, n_most: usize) -> String {
    if text.chars().count() <= n_most {
        return text.to_owned();
    }
    text.chars().take(n_most.saturating_sub(1)).chain(['…']).collect()
}

/// Writes whose colour is which; returns how many lines that took.
fn names(chart: &Chart, marks: &mut Vec<Mark>) -> usize {
    let (mut x, mut n_lines) = (LEFT, 1_usize);
    for (idx, series) in chart.series.iter().enumerate() {
        let text = cut(&series.name, MAX_NAME);
        let width = 14.0 + small(text.chars().count()) * SIZE * LETTER + 14.0;
        if x + width > WIDTH && x > LEFT {
            (x, n_lines) = (LEFT, n_lines + 1);
        }
        let y = small(n_lines) * NAMES - 4.0;
        let ink = Ink::Series(idx);
        marks.push(Mark::Area { x, y: y - 9.0, width: 10.0, height: 10.0, ink });
        marks.push(Mark::Word { x: x + 14.0, y, text, size: SIZE, anchor: Anchor::Start });
        x += width;
    }
    n_lines
}

/// Writes as many labels as have room beside each other.
fn labels(chart: &Chart, place: f32, y: f32, marks: &mut Vec<Mark>) {
    let shown: Vec<_> = chart.labels.iter().map(|it| cut(it, MAX_LABEL)).collect();
    let longest = shown.iter().map(|it| it.chars().count()).max().unwrap_or(1);
    let wanted = small(longest) * SIZE * LETTER + 8.0;
    let mut free_from = 0.0;
    for (idx, text) in shown.into_iter().enumerate() {
        let x = LEFT + place * (small(idx) + 0.5);
        if x - wanted / 2.0 >= free_from {
            free_from = x + wanted / 2.0;
            marks.push(Mark::Word { x, y, text, size: SIZE, anchor: Anchor::Middle });
        }
    }
}

fn bars(chart: &Chart, scale: &Scale, place: f32, marks: &mut Vec<Mark>) {
    let width = place * 0.7 / small(chart.series.len().max(1));
    let zero = scale.at(0.0);
    for (of, series) in chart.series.iter().enumerate() {
        for (idx, value) in series.values.iter().enumerate() {
            let Some(value) = value.filter(|it| it.is_finite()) else { continue };
            let x = LEFT + place * (small(idx) + 0.15) + width * small(of);
            let y = scale.at(value);
            let (y, height) = (y.min(zero), (zero - y).abs());
            let (width, ink) = (width.max(0.5), Ink::Series(of));
            marks.push(Mark::Area { x, y, width, height, ink });
        }
    }
}

fn lines(chart: &Chart, scale: &Scale, place: f32, marks: &mut Vec<Mark>) {
    for (of, series) in chart.series.iter().enumerate() {
        let ink = Ink::Series(of);
        let mut run: Vec<(f32, f32)> = Vec::new();
        let mut end = |run: &mut Vec<(f32, f32)>| match run.as_slice() {
            [] => {}
            // A value that stands alone would have no line.
            [(x, y)] => {
                marks.push(Mark::Area { x: x - 2.0, y: y - 2.0, width: 4.0, height: 4.0, ink });
                run.clear();
            }
            _ => marks.push(Mark::Line { points: std::mem::take(run), width: 2.0, ink }),
        };
        for (idx, value) in series.values.iter().enumerate() {
            match value.filter(|it| it.is_finite()) {
                Some(value) => run.push((LEFT + place * (small(idx) + 0.5), scale.at(value))),
                None => end(&mut run),
            }
        }
        end(&mut run);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::reports::ChartSeries;

    fn chart(kind: ChartKind, values: Vec<Option<f64>>) -> Chart {
        let labels = (0..values.len()).map(|it| format!("2026-{it:02}")).collect();
        let series = vec![ChartSeries { name: "Opened".to_owned(), values }];
        Chart { title: "T".to_owned(), kind, labels, series }
    }

    #[test]
    fn scale_has_round_numbers() {
        for (raw, wanted) in
            [(0.02, 0.1), (0.3, 1.0), (1.0, 1.0), (1.2, 2.0), (30.0, 50.0), (51.0, 100.0)]
        {
            assert!((step(raw) - wanted).abs() < 1e-9, "{raw}: {}", step(raw));
        }
    }

    #[test]
    fn line_is_broken_where_there_is_no_value() {
        let plot = plot(&chart(ChartKind::Line, vec![Some(1.0), Some(2.0), None, Some(3.0)]));
        let of_series = |it: &&Mark| match it {
            Mark::Line { ink, .. } | Mark::Area { ink, .. } => *ink == Ink::Series(0),
            Mark::Word { .. } => false,
        };
        let marks: Vec<_> = plot.marks.iter().filter(of_series).collect();
        assert!(
            matches!(marks[..], [Mark::Line { points, .. }, Mark::Area { .. }] if points.len() == 2)
        );
    }

    proptest! {
        #[test]
        fn nothing_is_drawn_outside(
            values in prop::collection::vec(prop::option::of(-1e6_f64..1e9), 0..40),
            is_bar in any::<bool>(),
        ) {
            let kind = if is_bar { ChartKind::Bar } else { ChartKind::Line };
            let Plot { width, height, marks } = plot(&chart(kind, values));
            let inside = |x: f32, y: f32| {
                (-0.1..=width + 0.1).contains(&x) && (-0.1..=height + 0.1).contains(&y)
            };
            for mark in marks {
                match mark {
                    Mark::Area { x, y, width, height, .. } => {
                        prop_assert!(inside(x, y) && inside(x + width, y + height));
                    }
                    Mark::Line { points, .. } => {
                        prop_assert!(points.len() > 1 && points.iter().all(|(x, y)| inside(*x, *y)));
                    }
                    Mark::Word { x, y, .. } => prop_assert!(inside(x, y)),
                }
            }
        }
    }
}
