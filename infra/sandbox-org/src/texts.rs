//! What the firm writes into its cases.

use crate::random::Dice;

/// What a new case is about.
pub(crate) struct Matter {
    pub(crate) title: String,
    pub(crate) practice_area: &'static str,
}

/// Where a case is heard.
pub(crate) struct Venue {
    pub(crate) court: &'static str,
    pub(crate) docket_number: String,
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

/// Makes up a court that hears such cases, with a number as it writes them.
pub(crate) fn venue(practice_area: &str, dice: &mut Dice) -> Venue {
    let number = 100 + dice.below(31_900);
    if practice_area == "Immigration" {
        let court = dice.pick(&["Immigration Court, San Francisco", "Immigration Court, New York"]);
        let docket_number =
            format!("A{}-{:03}-{:03}", 200 + number % 40, number % 997, number % 991);
        return Venue { court, docket_number };
    }
    let kind = match practice_area {
        "Family Law" => ["FL", "D", "FC"],
        "Criminal Defense" => ["CR", "CR", "CR"],
        "Estate Planning" => ["PR", "P", "PB"],
        _ => ["CV", "L", "CV"],
    };
    let [alameda, cook, maricopa] = kind;
    let (court, docket_number) = match dice.below(3) {
        0 => ("Superior Court of California, County of Alameda", format!("26{alameda}{number:06}")),
        1 => ("Circuit Court of Cook County", format!("2026 {cook} {number:06}")),
        _ => ("Maricopa County Superior Court", format!("{maricopa}2026-{number:06}")),
    };
    Venue { court, docket_number }
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
