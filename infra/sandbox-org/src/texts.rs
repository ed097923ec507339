//! What the firm writes into its cases.

use crate::random::Dice;

/// What a new case is about.
pub(crate) struct Matter {
    pub(crate) title: String,
    pub(crate) practice_area: &'static str,
}

const AREAS: &[&str] = &[
    "Family Law",
    "Contract",
    "Employment",
    "Real Estate",
    "Personal Injury",
    "Immigration",
    "Estate Planning",
    "Criminal Defense",
];

const OPPONENTS: &[&str] = &[
    "Roe",
    "Hartwell",
    "Delgado",
    "Brandt",
    "Oyelaran",
    "Castellano",
    "Novak",
    "Pemberton",
    "Meridian Logistics LLC",
    "Harbor Point Holdings",
    "Northfield Insurance Co.",
    "Cedar Grove Apartments",
    "Atlas Freight Inc.",
    "Bluewater Construction",
];

const OTHER_HALVES: &[&str] =
    &["Roe", "Hartwell", "Delgado", "Brandt", "Oyelaran", "Castellano", "Novak", "Pemberton"];

const NOTES: &[&str] = &[
    "Client called to confirm the hearing date; calendar updated.",
    "Received opposing counsel's responses to the first set of interrogatories.",
    "Drafted motion to compel; to be filed after partner review.",
    "Deposition of the plaintiff scheduled; court reporter booked.",
    "Settlement conference held; parties remain apart on damages.",
    "Client signed the engagement letter and paid the retainer.",
    "Filed amended complaint adding a claim for breach of fiduciary duty.",
    "Medical records requested from the treating physician.",
    "Court granted a continuance of thirty days.",
    "Mediator proposed terms; client to answer by Friday.",
];

/// Makes up a case for a client.
pub(crate) fn matter(client: &str, dice: &mut Dice) -> Matter {
    let practice_area = dice.pick(AREAS);
    let title = match practice_area {
        "Estate Planning" => format!("Estate of {client}"),
        "Immigration" => {
            format!(
                "In re {client} ({})",
                dice.pick(&["asylum", "naturalization", "H-1B petition"])
            )
        }
        "Criminal Defense" => format!("People v. {client}"),
        "Family Law" => format!("Marriage of {client} and {}", dice.pick(OTHER_HALVES)),
        _ => format!("{client} v. {}", dice.pick(OPPONENTS)),
    };
    Matter { title, practice_area }
}

/// Picks a court that hears such cases.
pub(crate) fn court(practice_area: &str, dice: &mut Dice) -> &'static str {
    if practice_area == "Immigration" {
        return dice.pick(&["Immigration Court, San Francisco", "Immigration Court, New York"]);
    }
    dice.pick(&[
        "Superior Court of California, County of Alameda",
        "Circuit Court of Cook County",
        "Maricopa County Superior Court",
        "King County Superior Court",
    ])
}

/// Makes up the number of a case as its court writes it.
pub(crate) fn docket_number(court: &str, practice_area: &str, dice: &mut Dice) -> String {
    let n = 100 + dice.below(31_900);
    let [letters, cook, maricopa, king] = match practice_area {
        "Family Law" => ["FL", "D", "FC", "3"],
        "Criminal Defense" => ["CR", "CR", "CR", "1"],
        "Estate Planning" => ["PR", "P", "PB", "4"],
        _ => ["CV", "L", "CV", "2"],
    };
    match court {
        it if it.starts_with("Immigration") => {
            format!("A{}-{:03}-{:03}", 200 + n % 40, n % 997, n % 991)
        }
        it if it.starts_with("U.S.") && letters == "CR" => format!("1:26-cr-{n:05}"),
        it if it.starts_with("U.S.") => format!("1:26-cv-{n:05}"),
        it if it.starts_with("Supreme") => format!("5{n:05}/2026"),
        "Circuit Court of Cook County" => format!("2026 {cook} {n:06}"),
        "Harris County District Court" => format!("2026-{n:05}"),
        "Maricopa County Superior Court" => format!("{maricopa}2026-{n:06}"),
        "King County Superior Court" => format!("26-{king}-{n:05}-1 SEA"),
        _ => format!("26{letters}{n:06}"),
    }
}

/// Makes up a line of a case's description.
pub(crate) fn note(dice: &mut Dice) -> &'static str {
    dice.pick(NOTES)
}

/// Changes a title the way clerks do; a second change takes the first one back.
pub(crate) fn amended(title: &str, dice: &mut Dice) -> String {
    const ENDINGS: &[&str] = &[" (consolidated)", " (on remand)", ", et al."];
    for ending in ENDINGS {
        if let Some(plain) = title.strip_suffix(ending) {
            return plain.to_owned();
        }
    }
    let kept: String = title.chars().take(230).collect();
    format!("{kept}{}", dice.pick(ENDINGS))
}
