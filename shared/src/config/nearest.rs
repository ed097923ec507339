//! Finds the name that was probably meant.

/// Returns the name of `known` that differs least from `given`, when it differs little.
pub fn nearest<'a>(given: &str, known: &[&'a str]) -> Option<&'a str> {
    if given.len() > 64 {
        return None;
    }
    let given = given.to_lowercase().replace('-', "_");
    known
        .iter()
        .map(|name| (distance(&given, name), *name))
        .filter(|(n_edits, name)| *n_edits <= name.len().div_ceil(3).min(3))
        .min_by_key(|(n_edits, _)| *n_edits)
        .map(|(_, name)| name)
}

/// Returns the same for names whose case does not count, as it is written in `known`.
pub fn nearest_in_any_case<'a>(given: &str, known: &[&'a str]) -> Option<&'a str> {
    let small: Vec<String> = known.iter().map(|it| it.to_lowercase()).collect();
    let small: Vec<&str> = small.iter().map(String::as_str).collect();
    let found = nearest(given, &small)?;
    let at = small.iter().position(|it| *it == found)?;
    known.get(at).copied()
}

/// Counts the insertions, deletions and replacements between two texts (Levenshtein).
fn distance(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (at, left) in from.chars().enumerate() {
        let mut diagonal = at;
        let mut before = at + 1;
        let mut next = vec![before];
        for (right, above) in to.iter().zip(row.iter().skip(1)) {
            let replaced = diagonal + usize::from(left != *right);
            before = replaced.min(above + 1).min(before + 1);
            diagonal = *above;
            next.push(before);
        }
        row = next;
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_pen_finds_the_name_that_was_meant() {
        let known = ["search", "status", "court", "opened_from", "limit"];
        for (given, meant) in [
            ("serach", Some("search")),
            ("limits", Some("limit")),
            ("opened-from", Some("opened_from")),
            ("Status", Some("status")),
            ("colour", None),
            ("", None),
        ] {
            assert_eq!(nearest(given, &known), meant, "{given}");
        }
    }

    #[test]
    fn name_in_another_case_is_no_slip_of_the_pen() {
        let known = ["Status", "AccountId"];
        assert_eq!(nearest_in_any_case("STAUTS", &known), Some("Status"));
        assert_eq!(nearest_in_any_case("accountid", &known), Some("AccountId"));
        assert_eq!(nearest_in_any_case("colour", &known), None);
    }

    #[test]
    fn distance_counts_single_edits() {
        for (from, to, n_edits) in [("", "abc", 3), ("kitten", "sitting", 3), ("same", "same", 0)] {
            assert_eq!(distance(from, to), n_edits, "{from} {to}");
        }
    }
}
