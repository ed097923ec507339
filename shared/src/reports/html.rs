//! A report as one page: nothing is loaded, nothing runs, and every word of it is escaped.

use std::fmt::Write as _;

use super::document::{Chart, Part, ReportDocument, Table, shown, shown_instant, shown_whole};
use super::plot::{Anchor, Ink, Mark, plot};

/// How the page looks, on a phone and on paper too.
const STYLE: &str = "\
:root{color-scheme:light}\
body{font:16px/1.5 system-ui,sans-serif;color:#222;background:#fff;margin:0 auto;padding:1rem;max-width:60rem}\
h1{font-size:1.6rem;line-height:1.2;margin:.5rem 0}h2{font-size:1.15rem;margin:2rem 0 .5rem}\
.sub,.detail,.note,footer{color:#555}.detail,.note,footer{font-size:.875rem}\
dl{display:grid;grid-template-columns:repeat(auto-fit,minmax(11rem,1fr));gap:.75rem;margin:1.5rem 0}\
dl div{border:1px solid #ddd;border-radius:.5rem;padding:.6rem .8rem;overflow-wrap:anywhere}\
dt{font-size:.875rem;color:#555}dd{margin:0;font-size:1.15rem;font-weight:600}dd .detail{font-weight:400}\
figure{margin:0}svg{width:100%;height:auto;display:block}\
.wide{overflow-x:auto}table{border-collapse:collapse;width:100%;font-size:.9rem}\
th,td{text-align:left;padding:.35rem .6rem;border-bottom:1px solid #ddd;vertical-align:top;overflow-wrap:anywhere}\
th{border-bottom:2px solid #bbb}.n{text-align:right;white-space:nowrap;font-variant-numeric:tabular-nums}\
@media print{body{padding:0;max-width:none;font-size:11pt}h2,figure{break-after:avoid}figure,tr,dl div{break-inside:avoid}\
.wide{overflow:visible}thead{display:table-header-group}}";

/// Writes `document` as HTML.
pub fn html(document: &ReportDocument) -> String {
    let mut page = String::with_capacity(16 * 1024);
    let title = escaped(&document.title);
    // What comes from rows is text here, and stays text even if a reader's tool unescapes it.
    let _ = write!(
        page,
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"robots\" content=\"noindex\">\n<title>{title}</title>\n<style>{STYLE}</style>\n\
         </head>\n<body>\n<main>\n<h1>{title}</h1>\n<p class=\"sub\">{}</p>\n",
        escaped(&document.subtitle)
    );
    facts(&mut page, document);
    for part in &document.parts {
        match part {
            Part::Chart(chart) => write_chart(&mut page, chart),
            Part::Table(table) => write_table(&mut page, table),
        }
    }
    for note in &document.notes {
        let _ = writeln!(page, "<p class=\"note\">{}</p>", escaped(note));
    }
    let _ = write!(
        page,
        "</main>\n<footer>Made at {} UTC by MoodBridge</footer>\n</body>\n</html>\n",
        shown_instant(document.made_at)
    );
    page
}

fn facts(page: &mut String, document: &ReportDocument) {
    if document.facts.is_empty() {
        return;
    }
    page.push_str("<dl>\n");
    for fact in &document.facts {
        let detail = fact.detail.as_ref().map_or_else(String::new, |it| {
            format!("<br><span class=\"detail\">{}</span>", escaped(it))
        });
        let (name, value) = (escaped(&fact.name), escaped(&fact.value));
        let _ = writeln!(page, "<div><dt>{name}</dt><dd>{value}{detail}</dd></div>");
    }
    page.push_str("</dl>\n");
}

fn write_table(page: &mut String, table: &Table) {
    let _ = writeln!(page, "<h2>{}</h2>", escaped(&table.title));
    if table.rows.is_empty() {
        page.push_str("<p class=\"note\">There is nothing to show.</p>\n");
        return;
    }
    page.push_str("<div class=\"wide\">\n<table>\n<thead><tr>");
    for column in &table.columns {
        let class = if column.is_number() { " class=\"n\"" } else { "" };
        let _ = write!(page, "<th scope=\"col\"{class}>{}</th>", escaped(column.title));
    }
    page.push_str("</tr></thead>\n<tbody>\n");
    for row in &table.rows {
        page.push_str("<tr>");
        for (cell, column) in row.iter().zip(&table.columns) {
            let class = if column.is_number() { " class=\"n\"" } else { "" };
            let _ = write!(page, "<td{class}>{}</td>", escaped(&shown(cell)));
        }
        page.push_str("</tr>\n");
    }
    page.push_str("</tbody>\n</table>\n</div>\n");
    if table.n_left_out > 0 {
        let n_more = i64::try_from(table.n_left_out).unwrap_or(i64::MAX);
        let _ = writeln!(page, "<p class=\"note\">And {} more rows.</p>", shown_whole(n_more));
    }
}

fn write_chart(page: &mut String, chart: &Chart) {
    let (plot, title) = (plot(chart), escaped(&chart.title));
    let _ = writeln!(
        page,
        "<h2>{title}</h2>\n<figure>\n<svg viewBox=\"0 0 {} {}\" role=\"img\" aria-label=\"{title}\" \
         font-family=\"system-ui,sans-serif\">",
        plot.width, plot.height
    );
    for mark in &plot.marks {
        match mark {
            Mark::Area { x, y, width, height, ink } => {
                let fill = colour(*ink);
                let _ = writeln!(
                    page,
                    "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" \
                     fill=\"{fill}\"/>"
                );
            }
            Mark::Line { points, width, ink } => {
                let _ = write!(page, "<polyline points=\"");
                for (x, y) in points {
                    let _ = write!(page, "{x:.1},{y:.1} ");
                }
                let stroke = colour(*ink);
                let _ = writeln!(
                    page,
                    "\" fill=\"none\" stroke=\"{stroke}\" stroke-width=\"{width}\" \
                     stroke-linejoin=\"round\"/>"
                );
            }
            Mark::Word { x, y, text, size, anchor } => {
                let anchor = match anchor {
                    Anchor::Start => "start",
                    Anchor::Middle => "middle",
                    Anchor::End => "end",
                };
                let (fill, text) = (colour(Ink::Words), escaped(text));
                let _ = writeln!(
                    page,
                    "<text x=\"{x:.1}\" y=\"{y:.1}\" font-size=\"{size}\" \
                     text-anchor=\"{anchor}\" fill=\"{fill}\">{text}</text>"
                );
            }
        }
    }
    page.push_str("</svg>\n</figure>\n");
}

fn colour(ink: Ink) -> String {
    let (red, green, blue) = ink.rgb();
    format!("#{red:02x}{green:02x}{blue:02x}")
}

/// Writes text so that no letter of it is markup; what cannot be shown is left out.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            '\n' | '\t' => escaped.push(' '),
            it if it.is_control() => {}
            it => escaped.push(it),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lake::{Cell, ColumnType};
    use crate::reports::{ChartKind, ChartSeries, Fact};
    use crate::time::Timestamp;

    const WORST: &str = "\"><script>alert('x')</script>&\u{0}";

    fn document() -> ReportDocument {
        let mut table = Table::new(
            "rows",
            WORST,
            &[("name", "Name", ColumnType::Text), ("n", "Number", ColumnType::Long)],
        );
        table.add(vec![Cell::Text(WORST.to_owned()), Cell::Int(12_000)]);
        table.n_left_out = 3;
        let series = vec![ChartSeries { name: WORST.to_owned(), values: vec![Some(1.0)] }; 2];
        let labels = vec![WORST.to_owned()];
        let chart = Chart { title: WORST.to_owned(), kind: ChartKind::Bar, labels, series };
        ReportDocument {
            title: WORST.to_owned(),
            subtitle: WORST.to_owned(),
            facts: vec![Fact { detail: Some(WORST.to_owned()), ..Fact::new(WORST, WORST) }],
            parts: vec![Part::Chart(chart), Part::Table(table)],
            notes: vec![WORST.to_owned()],
            made_at: Timestamp::EPOCH,
        }
    }

    #[test]
    fn nothing_of_a_row_is_markup() {
        let page = html(&document());
        assert!(!page.contains("<script"), "{page}");
        assert!(!page.contains("alert('x')") && !page.contains('\u{0}'));
        assert!(page.contains("&quot;&gt;&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;&amp;"));
        let labels = page.matches("aria-label=\"&quot;&gt;&lt;script&gt;").count();
        assert_eq!(labels, 1);
    }

    #[test]
    fn page_needs_nothing_else_and_tells_what_is_left_out() {
        let page = html(&document());
        for outside in ["src=", "href=", "url(", "@import", "<link"] {
            assert!(!page.contains(outside), "{outside}");
        }
        assert!(page.contains("default-src 'none'") && page.contains("width=device-width"));
        assert!(page.contains("12,000") && page.contains("And 3 more rows."));
        assert!(page.contains("<rect ") && page.contains("</svg>"));
        // Every element that is opened is closed.
        for name in
            ["div", "dl", "table", "thead", "tbody", "tr", "td", "th", "svg", "figure", "main"]
        {
            let opened = page.matches(&format!("<{name}>")).count()
                + page.matches(&format!("<{name} ")).count();
            assert_eq!(opened, page.matches(&format!("</{name}>")).count(), "{name}");
        }
    }
}
