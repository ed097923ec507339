//! The texts that rows are drawn from, made once and shared by all rows.

use std::collections::HashMap;

use crate::org::{Text, Value};
use crate::random::Dice;

const FIRST_NAMES: &[&str] = &[
    "Ana", "Benjamin", "Chidi", "Dolores", "Emeka", "Fatima", "Grace", "Hiro", "Ingrid", "José",
    "Kwame", "Lucía", "Mei", "Nadia", "Omar", "Priya", "Quinn", "Rosa", "Søren", "Tomás", "Uma",
    "Viktor", "Wanda", "Ximena", "Yusuf", "Zoë",
];

const LAST_NAMES: &[&str] = &[
    "Abbott",
    "Brandt",
    "Castellano",
    "Delgado",
    "Ekström",
    "Fitzgerald",
    "García",
    "Hartwell",
    "Ito",
    "Jankowski",
    "Kaplan",
    "Lefèvre",
    "McCarthy",
    "Novak",
    "O'Brien",
    "Pemberton",
    "Quiroga",
    "Roe",
    "Schröder",
    "Thompson",
    "Underwood",
    "Vasquez-Lopez",
    "Whitfield",
    "Xu",
    "Yamamoto",
    "Zielinski",
];

const COMPANIES: &[&str] = &[
    "Harbor Point Holdings",
    "Meridian Logistics LLC",
    "Northfield Insurance Co.",
    "Cedar Grove Apartments, L.P.",
    "Atlas Freight, Inc.",
    "Bluewater Construction",
    "Smith, Jones & Daughters",
    "\"Lucky\" Import-Export",
    "Société Générale du Bois",
    "Golden Gate Clinic",
    "Crescent Moon Bakery",
    "Pacific Rim Farms",
    "Union Station Hotel",
    "Riverside School District",
    "Old Mill Brewing",
    "Three Rivers Trust",
];

const STREETS: &[&str] =
    &["Market St", "Broadway", "Elm Ave", "Court Sq", "Mission St", "Pine Rd", "Lake Shore Dr"];

const CITIES: &[(&str, &str)] = &[
    ("Oakland", "CA"),
    ("Chicago", "IL"),
    ("Brooklyn", "NY"),
    ("Phoenix", "AZ"),
    ("Houston", "TX"),
    ("Seattle", "WA"),
    ("San Francisco", "CA"),
];

const COURTS: &[&str] = &[
    "Superior Court of California, County of Alameda",
    "Circuit Court of Cook County",
    "Supreme Court of the State of New York, Kings County",
    "Maricopa County Superior Court",
    "Harris County District Court",
    "King County Superior Court",
    "U.S. District Court, Northern District of California",
];

const SENTENCES: &[&str] = &[
    "Client seeks damages for breach of a written agreement.",
    "Opposing counsel served with the first set of interrogatories; answers are due in thirty days.",
    "The custody evaluation was ordered, and the report is due in sixty days.",
    "Motion to dismiss is pending; hearing date to be set by the clerk.",
    "Settlement demand sent: $45,000, \"without prejudice\".",
    "Title report shows an unreleased lien on the property.",
    "Medical records were requested from the treating physician.",
    "Arraignment held; discovery requested from the district attorney.",
    "Parties remain apart on damages, but agree on liability.",
    "Court granted a continuance; see the minute order of that day.",
];

/// Texts that have hurt clients before: words that mean nothing to some reader, quotes, ends of lines,
/// scripts.
const ODD: &[&str] = &[
    "#N/A",
    "NA",
    "N/A",
    "null",
    "None",
    "NULL",
    "NaN",
    "nil",
    "true",
    "0",
    "-1",
    "1e5",
    "=1+1",
    "\"quoted\"",
    "\"\"",
    "'",
    "a,b",
    ",",
    ";",
    "first line\r\nsecond line",
    "one\n\nthree",
    "tab\there",
    "back\\slash",
    "<b>&amp;</b>",
    "⚖️ filed 🎉",
    "案件番号",
    "дело № 7",
    "قضية",
    "e\u{301}",
    "Ünïcödé",
    "%_",
    "||",
    "^caret`",
    "2026-01-01",
    "1,234.50",
];

/// The texts that rows are drawn from.
pub(super) struct Pools {
    pub(super) first_names: Vec<Text>,
    pub(super) last_names: Vec<Text>,
    pub(super) names: Vec<Text>,
    pub(super) companies: Vec<Text>,
    pub(super) streets: Vec<Text>,
    pub(super) cities: Vec<(Text, Text)>,
    pub(super) courts: Vec<Text>,
    pub(super) counsels: Vec<Text>,
    pub(super) judges: Vec<Text>,
    pub(super) subjects: Vec<Text>,
    pub(super) descriptions: Vec<Text>,
    pub(super) summaries: Vec<Text>,
    pub(super) steps: Vec<Text>,
    pub(super) references: Vec<Text>,
    pub(super) phones: Vec<Text>,
    pub(super) emails: Vec<Text>,
    pub(super) sites: Vec<Text>,
    pub(super) tags: Vec<Text>,
}

impl Pools {
    pub(super) fn new() -> Self {
        let last = |n: u64| pick(LAST_NAMES, n);
        let company = |n: u64| pick(COMPANIES, n);
        Self {
            first_names: texts(FIRST_NAMES),
            last_names: texts(LAST_NAMES),
            names: made(650, |n| format!("{} {}", pick(FIRST_NAMES, n), last(n / 26))),
            companies: made(320, |n| format!("{} {}", company(n), last(n / 16))),
            streets: made(900, |n| format!("{} {}", 100 + n * 7, pick(STREETS, n))),
            cities: CITIES.iter().map(|(city, state)| ((*city).into(), (*state).into())).collect(),
            courts: texts(COURTS),
            counsels: made(120, |n| format!("{} & {} LLP", last(n), last(n * 7 + 3))),
            judges: made(80, |n| format!("Hon. {} {}", pick(FIRST_NAMES, n * 5), last(n))),
            subjects: made(4_000, subject),
            descriptions: made(2_000, |n| paragraph(n, 3 + n % 4)),
            summaries: made(1_000, |n| paragraph(n * 3 + 1, 2)),
            steps: made(300, |n| with_odd(n, 9, || pick(SENTENCES, n).to_owned())),
            references: made(800, |n| with_odd(n, 2, || format!("REF-{:05}", n * 37))),
            phones: made(900, |n| format!("({}) 555-{:04}", 201 + n % 780, 1_000 + n * 9)),
            emails: made(700, |n| format!("billing{n}@client{}.example.com", n % 40)),
            sites: made(40, |n| format!("https://court{n}.example.gov/cases?lang=en&view=all")),
            tags: made(64, tags),
        }
    }
}

/// The words of picklists, each kept once.
#[derive(Default)]
pub(super) struct Words(HashMap<&'static str, Text>);

impl Words {
    /// Draws one of `words`.
    pub(super) fn draw(&mut self, words: &[&'static str], dice: &mut Dice) -> Value {
        let word = dice.pick(words);
        Value::Text(self.0.entry(word).or_insert_with(|| word.into()).clone())
    }
}

/// Draws one of `pool`.
pub(super) fn draw(pool: &[Text], dice: &mut Dice) -> Value {
    let idx = usize::try_from(dice.below(u64::try_from(pool.len()).unwrap_or(0))).unwrap_or(0);
    pool.get(idx).map_or(Value::Null, |text| Value::Text(text.clone()))
}

fn texts(list: &[&str]) -> Vec<Text> {
    list.iter().map(|text| Text::from(*text)).collect()
}

fn made(count: u64, make: impl Fn(u64) -> String) -> Vec<Text> {
    (0..count).map(|n| make(n).trim().into()).collect()
}

/// Returns the `n`-th of a list that begins anew when it ends.
fn pick(list: &[&'static str], n: u64) -> &'static str {
    let len = u64::try_from(list.len()).unwrap_or(1).max(1);
    usize::try_from(n % len).ok().and_then(|idx| list.get(idx)).copied().unwrap_or_default()
}

/// Gives an odd text to one of `every`, else what `usual` makes.
fn with_odd(n: u64, every: u64, usual: impl Fn() -> String) -> String {
    if n.is_multiple_of(every) { pick(ODD, n / every).to_owned() } else { usual() }
}

fn subject(n: u64) -> String {
    let client = pick(LAST_NAMES, n);
    let is_company = n.is_multiple_of(3);
    let other = if is_company { pick(COMPANIES, n / 3) } else { pick(LAST_NAMES, n / 26 + 5) };
    match n % 40 {
        0 => format!("{client} v. {other}: \"urgent\", see e-mail"),
        1 => format!("Estate of {client}\r\n(second estate)"),
        2 => format!("⚖️ {client} v. {other}"),
        3..=9 => format!("Marriage of {client} and {other}"),
        _ => format!("{client} v. {other} (No. {})", n / 40 + 1),
    }
}

fn paragraph(n: u64, n_sentences: u64) -> String {
    let between = if n.is_multiple_of(4) { "\r\n" } else { " " };
    let mut text: Vec<&str> = (0..n_sentences).map(|k| pick(SENTENCES, n + k * 3)).collect();
    if n.is_multiple_of(11) {
        text.push(pick(ODD, n / 11));
    }
    text.join(between)
}

fn tags(n: u64) -> String {
    const WORDS: &[&str] =
        &["Appeal", "Class Action", "Confidential", "Emergency", "Insurance", "Sealed"];
    let picked: Vec<&str> = WORDS
        .iter()
        .enumerate()
        .filter(|(bit, _)| (n >> bit) & 1 == 1)
        .map(|(_, word)| *word)
        .collect();
    if picked.is_empty() { "Mediation".to_owned() } else { picked.join(";") }
}
