//! Tables over pages: columns as wide as they need, and the names again on each page.

use shared::reports::{Table, shown};

use crate::fonts::Fonts;
use crate::layout::{Hand, Item, MARGIN, Pages, RULE, WIDTH, cut};

/// What is left free beside a value.
const PAD: f32 = 4.0;
/// No column is narrower.
const NARROWEST: f32 = 34.0;
/// Rows that are measured to find how wide columns are.
const N_MEASURED: usize = 200;

/// A row as it stands on a page.
struct Row {
    cells: Vec<Vec<String>>,
    hand: Hand,
}

impl Row {
    fn height(&self) -> f32 {
        let n_lines = self.cells.iter().map(Vec::len).max().unwrap_or(1);
        f32::from(u16::try_from(n_lines).unwrap_or(u16::MAX)) * self.hand.line() + 2.0 * PAD
    }
}

impl Pages<'_> {
    /// Writes a table.
    pub(crate) fn table(&mut self, table: &Table) {
        self.heading(&table.title, 3.0 * Hand::TEXT.line());
        if table.rows.is_empty() {
            self.paragraph("There is nothing to show.", Hand::QUIET);
            return;
        }
        let widths = widths(self.fonts, table);
        let titles = table.columns.iter().map(|it| it.title.to_owned());
        let head = self.broken(titles, &widths, Hand::STRONG);
        self.row(table, &head, &widths);
        for row in &table.rows {
            let row = self.broken(row.iter().map(shown), &widths, Hand::TEXT);
            if self.make_room(row.height()) {
                self.row(table, &head, &widths);
            }
            self.row(table, &row, &widths);
        }
        if table.n_left_out > 0 {
            self.paragraph(&format!("And {} more rows.", table.n_left_out), Hand::QUIET);
        }
    }

    fn broken(&self, values: impl Iterator<Item = String>, widths: &[f32], hand: Hand) -> Row {
        let face = self.fonts.face(hand.weight);
        let lines =
            |(value, width): (String, &f32)| cut(face.lines(&value, hand.size, width - 2.0 * PAD));
        Row { cells: values.zip(widths).map(lines).collect(), hand }
    }

    fn row(&mut self, table: &Table, row: &Row, widths: &[f32]) {
        let (top, hand) = (self.y + PAD, row.hand);
        let mut left = MARGIN;
        for ((lines, width), column) in row.cells.iter().zip(widths).zip(&table.columns) {
            let mut y = top;
            for text in lines {
                y += hand.line();
                let wide = self.fonts.face(hand.weight).width(text, hand.size);
                let x = if column.is_number() { left + width - PAD - wide } else { left + PAD };
                self.put(Item::Word { x, y: y - hand.size * 0.3, text: text.clone(), hand });
            }
            left += width;
        }
        self.y += row.height();
        let points = vec![(MARGIN, self.y), (MARGIN + WIDTH, self.y)];
        self.put(Item::Line { points, width: 0.5, colour: RULE });
    }
}

/// Gives each column what its values need; where that is too much, the wide ones give way.
fn widths(fonts: &Fonts, table: &Table) -> Vec<f32> {
    let wide =
        |text: &str, hand: Hand| fonts.face(hand.weight).width(text, hand.size) + 2.0 * PAD + 1.0;
    let mut wanted: Vec<f32> =
        table.columns.iter().map(|it| wide(it.title, Hand::STRONG).max(NARROWEST)).collect();
    for row in table.rows.iter().take(N_MEASURED) {
        for (cell, width) in row.iter().zip(&mut wanted) {
            *width = width.max(wide(&shown(cell), Hand::TEXT));
        }
    }
    let total: f32 = wanted.iter().sum();
    if total <= WIDTH {
        // What is left over goes to the columns by what they need.
        return wanted.into_iter().map(|it| it * WIDTH / total).collect();
    }
    let n_columns = f32::from(u16::try_from(wanted.len()).unwrap_or(u16::MAX));
    let fair = (WIDTH / n_columns).min(WIDTH);
    let narrow: f32 = wanted.iter().filter(|it| **it <= fair).sum();
    let wide: f32 = wanted.iter().filter(|it| **it > fair).sum();
    let room = WIDTH - narrow;
    wanted.into_iter().map(|it| if it <= fair { it } else { it * room / wide }).collect()
}

#[cfg(test)]
mod tests {
    use shared::lake::{Cell, ColumnType};

    use super::*;

    #[test]
    fn columns_fill_the_page_and_none_is_lost() {
        let fonts = Fonts::read().unwrap();
        for long in [1, 40, 400] {
            let mut table = Table::new(
                "t",
                "T",
                &[
                    ("a", "A", ColumnType::Long),
                    ("b", "B", ColumnType::Text),
                    ("c", "C", ColumnType::Text),
                ],
            );
            table.add(vec![
                Cell::Int(5),
                Cell::Text("x".repeat(long)),
                Cell::Text("y y".repeat(long)),
            ]);
            let widths = widths(&fonts, &table);
            assert!((widths.iter().sum::<f32>() - WIDTH).abs() < 0.1, "{widths:?}");
            assert!(widths.iter().all(|it| *it >= NARROWEST), "{widths:?}");
        }
    }
}
