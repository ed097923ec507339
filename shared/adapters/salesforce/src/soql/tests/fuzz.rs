//! The parser under text that nobody meant to write.

use proptest::prelude::*;

use crate::soql::parse;

/// Statements that use every word of the language, to be spoilt.
const SEEDS: &[&str] = &[
    "SELECT Id, Account.Owner.Name, toLabel(Status) s FROM Case c WHERE (a = 'x\\'y' OR b != null) AND c IN ('a', \"b\") LIMIT 5 OFFSET 2",
    "SELECT Status, COUNT(Id) n FROM Case GROUP BY ROLLUP(Status, Type) HAVING COUNT(Id) > 1 ORDER BY COUNT(Id) DESC NULLS LAST",
    "SELECT TYPEOF What WHEN Account THEN Phone ELSE Name END FROM Event USING SCOPE mine FOR VIEW UPDATE TRACKING FOR UPDATE",
    "SELECT (SELECT Id FROM Cases WHERE d = LAST_N_DAYS:30), FIELDS(ALL) FROM Account WHERE Id NOT IN (SELECT AccountId FROM Contact)",
    "SELECT Id FROM A WHERE p INCLUDES ('a;b', 'c') AND (NOT n LIKE '%\\_\\u00e9_') AND d > 2026-01-01T00:00:00.000+02:00 AND m = USD12.5",
];

const WORDS: &[&str] = &[
    "SELECT",
    "FROM",
    "WHERE",
    "AND",
    "OR",
    "NOT",
    "IN",
    "LIKE",
    "GROUP BY",
    "HAVING",
    "ORDER BY",
    "LIMIT",
    "OFFSET",
    "FOR",
    "UPDATE",
    "COUNT",
    "FIELDS",
    "TYPEOF",
    "WHEN",
    "THEN",
    "END",
    "Id",
    "Case",
    "'x'",
    "'\\",
    "1",
    "null",
    "(",
    ")",
    ",",
    "=",
    "<",
    ":",
    "TODAY",
    "LAST_N_DAYS",
];

/// A small generator of numbers, so that every run spoils the same texts.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        usize::try_from(self.0 >> 33).unwrap() % n.max(1)
    }
}

/// Spoils a text: takes out, doubles, or puts in what is likely to be misread.
fn spoil(text: &str, dice: &mut Dice) -> String {
    const PIECES: &[&str] = &[
        "'",
        "\\",
        "\\u",
        "(",
        ")",
        ",",
        ".",
        ":",
        "\"",
        "NOT ",
        " IN ",
        "SELECT ",
        "é",
        "\u{0}",
        "9999999999999999999",
        "-",
        "2026-13-99",
        "T",
        " AND ",
        " OR ",
        "''",
        "LIKE",
        "\u{202e}",
    ];
    let mut characters: Vec<char> = text.chars().collect();
    for _ in 0..=dice.below(6) {
        let at = dice.below(characters.len());
        match dice.below(4) {
            0 if !characters.is_empty() => {
                characters.remove(at);
            }
            1 => {
                let end = (at + dice.below(20)).min(characters.len());
                let copied: Vec<char> = characters[at.min(end)..end].to_vec();
                characters.splice(at..at, copied);
            }
            2 => characters.truncate(at.max(1)),
            _ => {
                let piece = PIECES[dice.below(PIECES.len())];
                characters.splice(at..at, piece.chars());
            }
        }
    }
    characters.into_iter().collect()
}

/// Reads a text; what is understood must be understood the same when it is written again.
fn feed(text: &str) -> bool {
    let Ok(query) = parse(text) else { return false };
    if let Ok(soql) = query.to_soql() {
        assert_eq!(parse(&soql).as_ref(), Ok(&query), "{text:?} was written as {soql:?}");
    }
    true
}

#[test]
fn spoilt_statements_never_panic_and_read_the_same_twice() {
    let mut dice = Dice(42);
    let mut n_read = 0;
    for round in 0..30_000 {
        let spoilt = spoil(SEEDS[round % SEEDS.len()], &mut dice);
        n_read += usize::from(feed(&spoilt));
    }
    // The spoiling must leave something to read, or it proves nothing of the second reading.
    assert!(n_read > 500, "{n_read} spoilt statements were read");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn any_text_is_read_or_refused(text in any::<String>()) {
        feed(&text);
    }

    #[test]
    fn any_words_of_the_language_are_read_or_refused(
        words in prop::collection::vec(prop::sample::select(WORDS), 1..40)
    ) {
        let text = words.join(" ");
        feed(&text);
        feed(&format!("SELECT Id FROM Case WHERE {text}"));
    }
}
