//! Who sees which case, as a condition of a read: every read for people has one.

use shared::auth::Sight;
use shared::ids::PersonId;

/// Returns what `case_id` of a case must fulfil to be shown; `person` is the place of the person's
/// id among the arguments, such as `?3`. Without a condition every case is shown.
pub(super) fn shown_cases(sight: &Sight, case_id: &str, person: &str) -> Option<String> {
    match sight {
        Sight::Everything => None,
        Sight::AllBut(_) => Some(format!("{case_id} NOT IN ({})", of_stance("screened", person))),
        Sight::Only(_) => Some(format!("{case_id} IN ({})", of_stance("assigned", person))),
    }
}

/// Returns what a row of `audit` or `changes` must fulfil to be shown, likewise. Rows of accounts
/// and contacts are shown to everybody who sees the firm.
pub(super) fn shown_rows(sight: &Sight, person: &str) -> Option<String> {
    let cases = shown_cases(sight, "entity_id", person)?;
    Some(match sight {
        Sight::Only(_) => format!("(entity = 'case' AND {cases})"),
        Sight::Everything | Sight::AllBut(_) => format!("(entity <> 'case' OR {cases})"),
    })
}

/// Returns what the `case_id` of a row that hangs on a case must fulfil to be shown with it; `case` is
/// the place of the case's id, and `person` always stands in it.
///
/// What hangs on a case that was merged into it comes along where that one is shown too: a wall around
/// either of them is one around what was in it.
pub(super) fn hangs_on(sight: &Sight, case: &str, person: &str) -> String {
    let shown = shown_cases(sight, "alias", person).unwrap_or_else(|| format!("{person} IS NULL"));
    let merged = format!("SELECT alias FROM id_aliases WHERE entity_id = {case} AND {shown}");
    format!("case_id IN (SELECT {case} UNION {merged})")
}

/// Returns the person whose walls decide, and which of them.
pub(super) fn walls_that_count(sight: &Sight) -> Option<(&PersonId, &'static str)> {
    match sight {
        Sight::Everything => None,
        Sight::AllBut(person) => Some((person, "screened")),
        Sight::Only(person) => Some((person, "assigned")),
    }
}

/// Spells the ids of the cases to which a person stands in one way.
pub(super) fn of_stance(stance: &str, person: &str) -> String {
    format!("SELECT case_id FROM walls WHERE person = {person} AND stance = '{stance}'")
}
